"""A loop: masks of two frames, the others in between; the decision of the whole."""

import sys
from pathlib import Path

import numpy as np
import SimpleITK

import BreastMassXAILib as bmx
from BreastMassXAILib.resources import resource

out = Path(sys.argv[1] if len(sys.argv) > 1 else "results")
out.mkdir(parents=True, exist_ok=True)
samples = resource("SampleData")

# A loop is simulated: the probe slides to the side, 4 pixels a frame.
frame = bmx.read_frame(samples / "malignant.dcm")
mass = bmx.read_mask(samples / "malignant_mask.png", frame)
loop = SimpleITK.GetImageFromArray(np.stack([np.roll(frame.pixels, 4 * k, axis=1) for k in range(6)]))
loop.SetSpacing((frame.spacing.column_mm, frame.spacing.row_mm, 1.0))
SimpleITK.WriteImage(loop, str(out / "loop.nrrd"))
for index in (0, 5):
    mask = np.roll(mass, 4 * index, axis=1).astype(np.uint8) * 255
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(mask), str(out / f"mask-{index}.png"))

found = bmx.explain_cine(
    out / "loop.nrrd", {0: out / "mask-0.png", 5: out / "mask-5.png"}, "busbra-frame", propagate=True
)
print(found)
for row in found.rows():
    print(row["frame"], row["mask_origin"], f"{row['probability']:.3f}")
print("Written:", bmx.save(found.strongest, out / "strongest", force=True))
