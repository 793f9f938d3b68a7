"""What single descriptors separate on a labelled data set, with the outlines that came with it.

    python Testing/experiments/descriptors.py BUSBRA --assume-width 40 --out descriptors.json

For each descriptor: the AUC per image with a 95 % interval over patients (bootstrap of whole patients, 1,000 draws), as
it is and turned so that it is at least 0.5; the medians of both classes; how many images have it. For BUS-BRA, also how
the proposed orientation agrees with the boxes that its authors drew around the masses (``BBOX`` of ``bus_data.csv``).
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from BreastMassXAILib.cohorts.cases import read_case
from BreastMassXAILib.cohorts.datasets import read_dataset
from BreastMassXAILib.core.descriptors import BY_NAME, describe
from BreastMassXAILib.core.lexicon import ROUND, WORDS, lexicon
from BreastMassXAILib.core.settling import SpacingAssumption
from BreastMassXAILib.core.statistics import auc_estimate, bootstrap_interval, roc_auc


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--assume-width", type=float, required=True, metavar="MM")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    records = read_dataset(options.data).records
    rows, said = [], []
    for record in records:
        case = read_case(record, SpacingAssumption(width_mm=options.assume_width))
        values = describe(case).values
        rows.append([np.nan if value is None else value for value in values.values()])
        words = lexicon(values, float(case.frame.pixels[case.mass].mean()))
        said.append({feature: word.proposed or "not told" for feature, word in words.items()})
    values = np.array(rows)
    malignant = np.array([record.label == "malignant" for record in records])
    patients = np.array([record.patient for record in records])
    report: dict[str, Any] = {
        "data": {"images": len(records), "malignant": int(malignant.sum()), "patients": len(set(patients))},
        "descriptors": [
            separation(name, column, malignant, patients) for name, column in zip(BY_NAME, values.T, strict=True)
        ],
        "words": [
            {
                "feature": feature,
                "word": word,
                "images": (count := Counter(entry[feature] for entry in said))[word],
                "malignant": float(np.mean(malignant[[entry[feature] == word for entry in said]]))
                if count[word]
                else None,
            }
            for feature, known in WORDS.items()
            for word in (*known, "not told")
        ],
    }
    if (options.data / "bus_data.csv").is_file():
        report["orientation"] = orientation(options.data / "bus_data.csv", records, said, values)
    print(table(report))
    if options.out:
        options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def separation(name: str, column: np.ndarray, malignant: np.ndarray, patients: np.ndarray) -> dict[str, Any]:
    """AUC of one descriptor; above 0.5 when malignant masses have the larger values."""
    known = ~np.isnan(column)
    y, x, group = malignant[known], column[known], patients[known]
    low, high = bootstrap_interval(lambda drawn: roc_auc(y[drawn], x[drawn]), group, 1000)
    return {
        "name": name,
        "images": int(known.sum()),
        "benign": float(np.median(x[~y])),
        "malignant": float(np.median(x[y])),
        "auc": float(roc_auc(y, x)),
        "auc_95": [low, high],
        "auc_95_delong": list(auc_estimate(y, x, group)[1:3]),
    }


def orientation(path: Path, records: Any, said: list[dict[str, str]], values: np.ndarray) -> dict[str, Any]:
    """The proposed orientation beside the authors' boxes: wider than tall is parallel."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        boxes = {row["ID"]: json.loads(row["BBOX"]) for row in csv.DictReader(file)}
    names = list(BY_NAME)
    ratio, axes = values[:, names.index("width_to_height")], values[:, names.index("elongation")]
    box = np.array([boxes[record.identifier][2] / boxes[record.identifier][3] for record in records])
    word = np.array([entry["orientation"] == "parallel" for entry in said])
    clear = np.abs(np.log(box)) > np.log(1.05)
    return {
        "images": len(box),
        "ratio_on_the_boxes_side": float(np.mean((ratio > 1) == (box > 1))),
        "where_the_box_is_5_percent_off_a_square": float(np.mean(((ratio > 1) == (box > 1))[clear])),
        "word_on_the_boxes_side": float(np.mean(word == (box > 1))),
        "word_without_round_masses": float(np.mean((word == (box > 1))[axes >= ROUND])),
        "median_relative_difference_of_the_ratio": float(np.median(np.abs(ratio / box - 1))),
    }


def table(report: dict[str, Any]) -> str:
    lines = ["| descriptor | benign | malignant | AUC (95 %, patients) | images |", "| --- | --- | --- | --- | --- |"]
    for entry in sorted(report["descriptors"], key=lambda e: -abs(e["auc"] - 0.5)):
        auc, (low, high) = entry["auc"], entry["auc_95"]
        turned = "" if auc >= 0.5 else " (small values are malignant)"
        auc, low, high = (auc, low, high) if auc >= 0.5 else (1 - auc, 1 - high, 1 - low)
        digits = BY_NAME[entry["name"]].digits
        lines.append(
            f"| {entry['name']} | {entry['benign']:.{digits}f} | {entry['malignant']:.{digits}f} | "
            f"{auc:.3f} ({low:.3f} to {high:.3f}){turned} | {entry['images']} |"
        )
    lines += ["", "| feature | proposed word | images | malignant |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {entry['feature']} | {entry['word']} | {entry['images']} | {entry['malignant']:.0%} |"
        for entry in report["words"]
        if entry["images"]
    ]
    if "orientation" in report:
        lines += ["", *(f"{name}: {value:.4g}" for name, value in report["orientation"].items())]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
