"""Train a small model on simulated masses and look at a case with it."""

import csv
import sys
from dataclasses import replace
from pathlib import Path

import BreastMassXAILib as bmx
from BreastMassXAILib.phantom.simulation import benign_phantom, malignant_phantom, simulate
from BreastMassXAILib.readers.nrrd import write_nrrd

out = Path(sys.argv[1] if len(sys.argv) > 1 else "results")
(out / "data").mkdir(parents=True, exist_ok=True)

with (out / "data" / "cohort.csv").open("w", newline="") as file:
    table = csv.writer(file)
    table.writerow(("image", "mask", "label", "patient"))
    for patient in range(12):
        label, phantom = (("benign", benign_phantom), ("malignant", malignant_phantom))[patient % 2]
        case = simulate(replace(phantom(), seed=patient))
        write_nrrd(out / "data" / f"{patient}.nrrd", case.frame.pixels.astype("uint8"), case.frame.spacing)
        write_nrrd(out / "data" / f"{patient}-mask.nrrd", case.mass.astype("uint8"), case.frame.spacing, {1: "mass"})
        table.writerow((f"{patient}.nrrd", f"{patient}-mask.nrrd", label, patient))

# Real data need a real training: see docs/how-to/train.md. Here only the linear layer learns.
done = bmx.train(out / "data" / "cohort.csv", out / "model", method="linear-probe", epochs=1, repeats=1, force=True)
print(f"{done.name}: trained on {done.frames} frames")

print(bmx.explain(out / "data" / "11.nrrd", out / "data" / "11-mask.nrrd", done.folder))
print("Written:", done.folder / "model.json")
