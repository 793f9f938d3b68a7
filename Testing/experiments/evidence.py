"""Table 2 as critics ask for it, from a cross-validation's maps and its table of predictions: markdown, and plain data.

    python Testing/experiments/evidence.py MAPS.npz BUSBRA --predictions predictions.csv --assume-width 40 \
        --random random.npz --json evidence.json

MAPS.npz holds for every case its identifier (`identifiers`), logit (`logits`), map (`maps`) and field (`fields`: row,
column, height, width), as maps.py writes them; regions, extreme points and energies are those of the library. No
network runs. Bootstraps are seeded.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from BreastMassXAILib.cohorts.cases import read_case
from BreastMassXAILib.cohorts.datasets import read_dataset
from BreastMassXAILib.cohorts.predictions import read_predictions
from BreastMassXAILib.cohorts.records import CaseRecord, identity
from BreastMassXAILib.core.classifier import Classifier, NetworkOutput
from BreastMassXAILib.core.cohort import Cohort
from BreastMassXAILib.core.energy import GRID, KINDS, UNSEARCHED, field_picture
from BreastMassXAILib.core.evidence import evidence_tables, mean_masks
from BreastMassXAILib.core.explain import explain
from BreastMassXAILib.core.field import Field
from BreastMassXAILib.core.frame import Case
from BreastMassXAILib.core.measures import flat_row, measures
from BreastMassXAILib.core.regions import MASS
from BreastMassXAILib.core.resampling import bootstrap_means
from BreastMassXAILib.core.result import Settings
from BreastMassXAILib.core.saliency import to_frame_grid
from BreastMassXAILib.core.settling import SpacingAssumption
from BreastMassXAILib.writers.report_page import REGION_NAMES

POINTS = {"max": "maximum", "min": "minimum", "either": "either"}
KIND_NAMES = {"positive": "for malignant", "negative": "for benign", "either": "either sign"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("maps", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--predictions", type=Path, required=True, help="identifier, probability, threshold")
    parser.add_argument("--random", type=Path, help="maps of the same network with random weights")
    parser.add_argument("--assume-width", type=float, required=True, metavar="MM")
    parser.add_argument("--json", type=Path, help="all figures")
    options = parser.parse_args()

    probabilities, thresholds = read_predictions(options.predictions)
    sources = [answers(path) for path in (options.maps, options.random) if path is not None]
    cohorts = [Cohort() for _ in sources]
    for record in read_dataset(options.data).records:
        if not all(record.identifier in source for source in sources):
            continue
        case = read_case(record, SpacingAssumption(width_mm=options.assume_width))
        for cohort, source in zip(cohorts, sources, strict=True):
            output = source[record.identifier]
            probability, threshold = probabilities[record.identifier], thresholds[record.identifier]
            append(cohort, record, case, output, {"probability": probability, "threshold": threshold})
    found = evidence_tables(cohorts[0], cohorts[1] if len(cohorts) > 1 else None)
    found["own_mass"] = [own_mass(cohort, source) for cohort, source in zip(cohorts, sources, strict=True)]
    if options.json:
        options.json.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    print("\n\n".join(markdown(found)))


def answers(path: Path) -> dict[str, NetworkOutput]:
    with np.load(path) as kept:
        rows = zip(kept["identifiers"], kept["logits"], kept["maps"], kept["fields"], strict=True)
        return {
            str(name): NetworkOutput(float(z), float(z) - float(cells.mean()), cells, Field(*map(float, field)))
            for name, z, cells, field in rows
        }


def append(cohort: Cohort, record: CaseRecord, case: Case, output: NetworkOutput, own: dict[str, float]) -> None:
    explanation = explain(case, output, Classifier("maps", "0" * 64), Settings(), {})
    row = {**identity(record), **flat_row(explanation.result.to_dict()), **own}
    picture = field_picture(explanation.labels, output.field, case.frame.scan_area)
    cohort.append(row | measures(case, explanation, sweep=False), picture)


def own_mass(cohort: Cohort, source: dict[str, NetworkOutput]) -> dict[str, Any]:
    """Energy in the case's own mass, in another patient's laid over the same field (mean over all), and the difference.

    Both lie in the middle of a field that was laid around the mass: only the difference comes from the image.
    """
    rows = np.full((len(cohort), 3 * len(KINDS)), np.nan)
    grid = Field(0, 0, GRID, GRID)
    for case, picture, mean in mean_masks(cohort):
        saliency = to_frame_grid(source[cohort.identifiers[case]].cells, grid, (GRID, GRID))
        saliency[picture == UNSEARCHED] = 0
        for number, part in enumerate((saliency.clip(min=0), (-saliency).clip(min=0), np.abs(saliency))):
            if total := part.sum():
                own, other = part[picture == MASS].sum() / total, (part * mean).sum() / total
                rows[case, 3 * number : 3 * number + 3] = own, other, own - other
    estimates = iter(bootstrap_means(rows, cohort.groups))
    return {kind: {name: next(estimates)._asdict() for name in ("own", "other", "difference")} for kind in KINDS}


def markdown(found: dict[str, Any]) -> list[str]:
    heads = ["evidence", "in the own mass", "in another patient's mass", "difference"]
    parts = []
    for entry, words in zip(found["own_mass"], ("the model", "random weights"), strict=False):
        rows = [
            [KIND_NAMES[kind], share(row["own"]), share(row["other"]), difference(row["difference"])]
            for kind, row in entry.items()
        ]
        parts.append(f"Energy in the own mass and in others, all frames, {words}\n\n" + grid(heads, rows))
    for which, words in (("correct", "correctly classified"), ("all", "all")):
        table = found[which]
        title = f"{words}: {table['n']} frames of {table['patients']} patients"
        parts.append(f"Hits, {title}\n\n" + hits(table["regions"], found["random"]))
        parts.append(f"Energy, {title}\n\n" + energy(table["regions"], found["random"]))
    for name, words in (("by_size", "mass, mm2"), ("by_confidence", "distance from the threshold, logits")):
        for which in ("correct", "all"):
            parts.append(f"Thirds of the frames by {words} ({which})\n\n" + thirds(found[name][which]))
    return parts


def hits(regions: dict[str, Any], random: bool) -> str:
    heads = ["point", "region", "hit", "chance", "above chance", "centre of the field", "average mask", "above that"]
    rows = []
    for point, words in POINTS.items():
        for region, entry in regions.items():
            chance = entry["chance"]["either" if point == "either" else "one"]
            row = [words, REGION_NAMES[region], share(entry["hits"][point]), f"{100 * chance:.0f} %"]
            row += [difference(entry["hits_minus_chance"][point]), f"{100 * entry['centre']['value']:.0f} %"]
            row += [share(entry["average_mask"]), difference(entry["hits_minus_average_mask"][point])]
            rows.append([*row, share(entry["random_hits"][point])] if random else row)
    return grid(heads + ["random weights"] * random, rows)


def energy(regions: dict[str, Any], random: bool) -> str:
    heads = ["evidence", "region", "energy", "share of the field", "above the share", "average mask", "above that"]
    rows = []
    for kind in KINDS:
        for region, entry in regions.items():
            row = [
                KIND_NAMES[kind],
                REGION_NAMES[region],
                share(entry["energy"][kind]),
                f"{100 * entry['field_share']:.0f} %",
            ]
            row += [difference(entry["energy_minus_share"][kind]), share(entry["average_mask_energy"])]
            row += [difference(entry["energy_minus_average_mask"][kind])]
            rows.append([*row, share(entry["random_energy"][kind])] if random else row)
    return grid(heads + ["random weights"] * random, rows)


def thirds(parts: list[dict[str, Any]]) -> str:
    heads = ["from, to", "frames", "mass hit", "chance", "above chance", "any region hit", "chance", "above chance"]
    heads += ["energy in the three", "their share of the field", "above it"]
    rows = []
    for part in parts:
        row = [f"{part['low']:.3g} to {part['high']:.3g}", str(part["n"])]
        for region in ("mass", "any"):
            entry = part["regions"][region]
            row += [share(entry["hits"]["either"]), f"{100 * entry['chance']['either']:.0f} %"]
            row += [difference(entry["hits_minus_chance"]["either"])]
        row += [share(entry["energy"]["either"]), f"{100 * entry['field_share']:.0f} %"]
        rows.append([*row, difference(entry["energy_minus_share"]["either"])])
    return grid(heads, rows)


def grid(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def share(found: dict[str, Any]) -> str:
    value, low, high = (round(100 * found[key]) for key in ("value", "low", "high"))
    return f"{value} % ({low} to {high})"


def difference(found: dict[str, Any]) -> str:
    value, low, high = (round(100 * found[key]) for key in ("value", "low", "high"))
    return f"{value:+d} ({low:+d} to {high:+d})"


if __name__ == "__main__":
    main()
