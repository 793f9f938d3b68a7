"""Where the millimetres come from: what a file tells, an assumption, a line of known length."""

import BreastMassXAILib as bmx
from BreastMassXAILib.resources import resource

samples = resource("SampleData")

for frame in (
    bmx.read_frame(samples / "malignant.dcm"),  # a calibrated region of the DICOM file
    bmx.read_frame(samples / "malignant.png"),  # a picture knows nothing
    bmx.read_frame(samples / "malignant.png", width_mm=40),  # "the frame shows 40 mm"
    bmx.read_frame(samples / "malignant.png", lines=[(0, 300, 500, 300, 32.5)]),  # row 0 to row 500 is 32.5 mm
):
    print(f"{frame.source.file_name}: {frame.spacing.row_mm} mm a pixel, {frame.spacing.provenance.value}")

# Without millimetres there is no ring; it is refused, or left out on purpose.
frame = bmx.read_frame(samples / "malignant.png")
try:
    bmx.explain(frame, samples / "malignant_mask.png")
except bmx.BreastMassXAIError as error:
    print("Refused:", error)
print(bmx.explain(frame, samples / "malignant_mask.png", settings=bmx.Settings(ring_mm=0)).result.hits)
