"""Does a better classifier point better, and does resolution decide? A page of tables from results: markdown.

    python Testing/experiments/pointing_better.py MAPS.npz BUSBRA --assume-width 40 --out docs/explanations-trusted.md \
        --sanity sanity/sanity.json=busbra --sanity other/sanity.json=busbra-paper --planted planted/planted.json

MAPS.npz holds the out-of-fold maps of a cross-validation (`identifiers`, `logits`, `maps`, `fields`, `folds`).
Sanity results are those of `breast-mass-xai sanity`, each with the model whose card has the AUC; planted ones those of
`breast-mass-xai planted`. No network runs here. Bootstraps are seeded and draw patients.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from BreastMassXAILib.cohorts.cases import read_case
from BreastMassXAILib.cohorts.datasets import read_dataset
from BreastMassXAILib.core.field import Field, cell_weights
from BreastMassXAILib.core.planted import IN_WORDS
from BreastMassXAILib.core.pointing import pointed_region
from BreastMassXAILib.core.regions import MASS, region_labels
from BreastMassXAILib.core.resampling import bootstrap_means
from BreastMassXAILib.core.saliency import extreme_points, to_frame_grid
from BreastMassXAILib.core.settling import SpacingAssumption
from BreastMassXAILib.core.statistics import auc_estimate
from BreastMassXAILib.resources import resource

COARSER = (14, 10, 7, 5, 4)
"""Cells along a side that the maps are averaged to."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("maps", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--assume-width", type=float, required=True, metavar="MM")
    parser.add_argument("--threshold-logit", type=float, default=0.0, help="above it a decision is malignant")
    parser.add_argument("--sanity", action="append", default=[], metavar="FILE=MODEL")
    parser.add_argument("--planted", action="append", default=[], type=Path, metavar="FILE")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()

    rows = list(of_frames(options.maps, options.data, options.assume_width, options.threshold_logit))
    text = [HEAD]
    text += folds(rows)
    text += right_and_wrong(rows)
    text += models([pair.rpartition("=")[::2] for pair in options.sanity])
    text += resolution(rows)
    text += planted(options.planted)
    text += missing(options)
    options.out.write_text("\n".join([*text, ""]), encoding="utf-8")


HEAD = """# Can the explanations be trusted?

Written by `Testing/experiments/pointing_better.py` from results; figures are means with 95 % intervals over bootstraps
of the patients. *Points at the mass*: the map's strongest point towards the decision lies in the mass. *Above chance*:
less the mass's share of the field, case by case.
"""


def of_frames(maps: Path, data: Path, width_mm: float, threshold: float):
    with np.load(maps) as kept:
        rows = zip(*(kept[name] for name in ("identifiers", "logits", "maps", "fields", "folds")), strict=True)
        answers = {str(name): rest for name, *rest in rows}
    for record in read_dataset(data).records:
        if record.identifier not in answers:
            continue
        logit, cells, box, fold = answers[record.identifier]
        case = read_case(record, SpacingAssumption(width_mm=width_mm))
        labels = region_labels(case.mass, case.frame.spacing, 5.0, case.frame.beams, case.frame.scan_area)
        field = Field(*map(float, box))
        sign = 1.0 if logit > threshold else -1.0
        hits = {}
        for side in COARSER:
            shares = cell_weights(np.linspace(0, len(cells), side + 1), len(cells))
            coarse = shares @ cells.astype(float) @ shares.T
            saliency = to_frame_grid(sign * coarse, field, labels.shape)
            point = extreme_points(saliency, field, case.frame.scan_area)[0]
            hits[side] = float(pointed_region(point, labels) == "mass")
        seen = labels[field.pixels(labels.shape)]
        yield {
            "patient": record.patient,
            "malignant": record.label == "malignant",
            "fold": int(fold),
            "logit": float(logit),
            "right": (logit > threshold) == (record.label == "malignant"),
            "hits": hits,
            "chance": float((seen == MASS).mean()),
        }


def column(rows: Sequence[dict[str, Any]], name: str) -> np.ndarray:
    return np.array([row[name] for row in rows])


def above(rows: Sequence[dict[str, Any]], side: int = COARSER[0]) -> np.ndarray:
    return np.array([row["hits"][side] - row["chance"] for row in rows], float)


def estimate(values: np.ndarray, rows: Sequence[dict[str, Any]]) -> Any:
    return bootstrap_means(values[:, None], column(rows, "patient"))[0]


def words(found: Any, digits: int = 3) -> str:
    return f"{found.value:.{digits}f} ({found.low:.{digits}f} to {found.high:.{digits}f})"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(heads)} |", "|" + " --- |" * len(heads), *(f"| {' | '.join(row)} |" for row in rows), ""]


def folds(rows: list[dict[str, Any]]) -> list[str]:
    found, aucs, hits = [], [], []
    for fold in sorted({row["fold"] for row in rows}):
        part = [row for row in rows if row["fold"] == fold]
        auc = auc_estimate(column(part, "malignant"), column(part, "logit"), column(part, "patient"))
        point = estimate(above(part), part)
        aucs.append(auc.value)
        hits.append(point.value)
        found.append([str(fold), str(len(part)), words(auc), words(point)])
    slope = float(np.corrcoef(aucs, hits)[0, 1])
    return [
        "## Does a better classifier point better?",
        "",
        f"Five networks of one making (`busbra`), each on its own partition, {len(rows)} frames. Correlation of AUC "
        f"and pointing over the {len(aucs)} networks: {slope:+.2f}; with so few it says little.",
        "",
        *table(["partition", "frames", "AUC", "points at the mass, above chance"], found),
    ]


def right_and_wrong(rows: list[dict[str, Any]]) -> list[str]:
    values, right = above(rows), column(rows, "right")
    patients = column(rows, "patient")
    columns = np.stack([np.where(right, values, np.nan), np.where(~right, values, np.nan)], axis=1)
    good, bad = bootstrap_means(columns, patients)
    generator = np.random.default_rng(0)
    names, member = np.unique(patients, return_inverse=True)
    sums = [np.bincount(member, np.where(kind, values, 0), len(names)) for kind in (right, ~right)]
    counts = [np.bincount(member, kind.astype(float), len(names)) for kind in (right, ~right)]
    draws = []
    for _ in range(1000):
        drawn = generator.integers(len(names), size=len(names))
        draws.append(sums[0][drawn].sum() / counts[0][drawn].sum() - sums[1][drawn].sum() / counts[1][drawn].sum())
    low, high = np.quantile(draws, [0.025, 0.975])
    clear = low > 0 or high < 0
    better = "point better than" if good.value > bad.value else "point worse than"
    answer = f"Right decisions {better} wrong ones" if clear else "Right and wrong decisions do not differ clearly"
    return [
        f"Within them, case by case. **{answer}**, and wrong ones point at the mass, too "
        f"({bad.value:+.2f} above chance): pointing well is no proof of being right.",
        "",
        *table(
            ["decision", "frames", "points at the mass, above chance"],
            [
                ["right", str(int(right.sum())), words(good)],
                ["wrong", str(int((~right).sum())), words(bad)],
                ["difference", "", f"{good.value - bad.value:+.3f} ({low:+.3f} to {high:+.3f})"],
            ],
        ),
    ]


def models(results: Sequence[tuple[str, str]]) -> list[str]:
    if not results:
        return ["Other models: no sanity results were given.", ""]
    found = []
    for path, name in results:
        report = json.loads(Path(path).read_text(encoding="utf-8"))
        image = json.loads((resource("Models", name) / "model.json").read_text(encoding="utf-8"))["metrics"][
            "per_image"
        ]
        where = "out of fold" if report["out_of_fold"] else "on frames that it was trained on"
        for method, entry in report["methods"].items():
            hit = entry["localisation"]["hit, mass"]
            mask = entry["localisation"]["overlap"]["map - average mask"]
            kept = entry["exposed"]["kept"]
            outline = entry["tests"]["outline"]["outline 2 mm out"]["rank"]
            found.append(
                [
                    f"{name}, {method}",
                    f"{report['data']['used']}, {where}",
                    f"{image['auc']:.3f} ({image['auc_95'][0]:.3f} to {image['auc_95'][1]:.3f})",
                    plain(hit["map - chance"]),
                    plain(mask),
                    plain(kept),
                    plain(outline),
                ]
            )
    heads = ["model, method", "frames", "AUC out of fold (its card)", "points at the mass, above chance"]
    heads += ["overlap, above the average mask's", "kept with all weights shuffled", "kept with the outline 2 mm out"]
    return ["Over models, from `breast-mass-xai sanity`:", "", *table(heads, found)]


def plain(found: dict[str, Any]) -> str:
    return "-" if found["value"] is None else f"{found['value']:.2f} ({found['low']:.2f} to {found['high']:.2f})"


def resolution(rows: list[dict[str, Any]]) -> list[str]:
    found = []
    for side in COARSER:
        cells = f"{side} x {side}"
        own = estimate(above(rows, side), rows)
        loss = estimate(above(rows, side) - above(rows), rows)
        found.append([cells, words(own), "" if side == COARSER[0] else words(loss)])
    return [
        "## Does resolution decide?",
        "",
        "The same out-of-fold maps, averaged to fewer cells before they are brought to the frame's grid. The field is "
        "laid around the mass: an odd number of cells has one in its middle, an even number has none. What a network "
        "trained at another resolution would do is not in these figures.",
        "",
        *table(["cells", "points at the mass, above chance", "difference to the map as it is"], found),
    ]


def planted(results: Sequence[Path]) -> list[str]:
    found = []
    for path in results:
        report = json.loads(path.read_text(encoding="utf-8"))
        for plant in report["plants"]:
            for method, row in plant["methods"].items():
                unseen = plant["unseen"]
                cells = [
                    plain(row["ways"][way]) if way in row["ways"] else "-" for way in ("point", "contribution", "check")
                ]
                found.append(
                    [
                        report["model"]["name"],
                        plant["training"]["how"],
                        plant["name"],
                        plain(unseen),
                        method,
                        str(row["n"]),
                        *cells,
                    ]
                )
    heads = ["trunk", "learned", "planted", "unseen right", "method", "cases"]
    heads += [IN_WORDS[way] for way in ("point", "contribution", "check")]
    return [
        "## Where the truth is known",
        "",
        "Networks that can only have learned what was planted in one region (`breast-mass-xai planted`); shares of the "
        "correctly classified unseen phantoms whose explanation names that region, with Wilson's intervals.",
        "",
        *table(heads, found),
    ]


def missing(options: argparse.Namespace) -> list[str]:
    """What the page cannot answer from the results that it was given."""
    said = []
    known = {name for _, name in (pair.rpartition("=")[::2] for pair in options.sanity)}
    if len(known) < 3:
        said.append(
            f"Sanity results of {len(known)} model(s) only: nothing is said on whether better models point better."
        )
    trunks, learned, checked = set(), set(), False
    for path in options.planted:
        report = json.loads(path.read_text(encoding="utf-8"))
        trunks.add(report["model"]["name"])
        learned |= {plant["training"]["how"] for plant in report["plants"]}
        checked |= any("check" in row["ways"] for p in report["plants"] for row in p["methods"].values())
    if len(trunks) < 2:
        said.append("Planted evidence on one trunk or none: nothing is said on whether trunks differ in it.")
    if options.planted and not checked:
        said.append("The planted results were made without the counter-check.")
    return ["## What is missing", "", *(f"- {sentence}" for sentence in said or ["Nothing that it knows of."]), ""]


if __name__ == "__main__":
    main()
