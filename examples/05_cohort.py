"""A cohort: a manifest, the report, and the cases as rows."""

import csv
import sys
from pathlib import Path

import BreastMassXAILib as bmx
from BreastMassXAILib.resources import resource

out = Path(sys.argv[1] if len(sys.argv) > 1 else "results")
out.mkdir(parents=True, exist_ok=True)
samples = resource("SampleData")

with (out / "cohort.csv").open("w", newline="") as file:
    table = csv.writer(file)
    table.writerow(("image", "mask", "label", "patient"))
    for patient, label in enumerate(("benign", "malignant"), start=1):
        table.writerow((samples / f"{label}.dcm", samples / f"{label}_mask.png", label, patient))

found = bmx.evaluate(out / "cohort.csv", out=out / "report", force=True, progress=lambda *step: print(*step))
print(found)
for row in found.rows():
    print(row["label"], row["probability"], "points at", row["extremes_max_region"])
print("Written:", found.folder / "report.html")
