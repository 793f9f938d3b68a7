"""What another outline of the mass does to the explanation."""

from scipy.ndimage import binary_dilation

import BreastMassXAILib as bmx
from BreastMassXAILib.resources import resource

samples = resource("SampleData")
model = bmx.load_model("busbra-frame")  # it sees the whole frame, so its answer does not depend on the outline

frame = bmx.read_frame(samples / "malignant.dcm")
mass = bmx.read_mask(samples / "malignant_mask.png", frame)

for name, outline in (("as drawn", mass), ("10 pixels wider", binary_dilation(mass, iterations=10))):
    result = bmx.explain(frame, outline, model).result
    shares = ", ".join(f"{region} {value:+.2f}" for region, value in result.contributions.items())
    print(f"{name}: logit {result.logit:+.2f} = bias {result.bias:+.2f}, {shares}")
