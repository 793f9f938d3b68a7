"""Explain one frame, look at the numbers, save the folder of results."""

import sys
from pathlib import Path

import BreastMassXAILib as bmx
from BreastMassXAILib.resources import resource

out = Path(sys.argv[1] if len(sys.argv) > 1 else "results")
samples = resource("SampleData")

found = bmx.explain(samples / "malignant.dcm", samples / "malignant_mask.png")
print(found)

parts = found.result.contributions
print(f"\n{sum(parts.values()):+.3f} from the regions {found.result.bias:+.3f} bias = {found.result.logit:+.3f} logit")
print("Written:", bmx.save(found, out / "malignant", force=True))
