"""Does a network bring what lies outside the three regions into their cells? The logit's change when it becomes noise.

    python Testing/experiments/smuggling.py BUSBRA --model FOLDER --out-of-fold --assume-width 40 --frames 120

A cell of the map sees more of the frame than it covers. So a map whose evidence lies in the regions may still tell of
the rest. Here the pixels outside the regions are replaced by noise of their own grey values and of the frame's texture
(random phases, its own spectrum; then the very values of those pixels, by rank), and for comparison those inside are.
Frames are one for each of randomly drawn patients; draws are seeded.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from BreastMassXAILib.cohorts.cases import read_case
from BreastMassXAILib.cohorts.datasets import read_dataset
from BreastMassXAILib.cohorts.records import CaseRecord
from BreastMassXAILib.commands import values
from BreastMassXAILib.core.field import Field
from BreastMassXAILib.core.frame import Case
from BreastMassXAILib.core.regions import region_labels
from BreastMassXAILib.core.resampling import bootstrap_means
from BreastMassXAILib.core.settling import SpacingAssumption
from BreastMassXAILib.core.statistics import auc_estimate
from BreastMassXAILib.network.bundle import Bundle, load_bundle
from BreastMassXAILib.network.cam import class_activation_maps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", type=values.model, required=True)
    parser.add_argument("--out-of-fold", action="store_true", help="the model is a folder with fold-1, fold-2 ...")
    parser.add_argument("--assume-width", type=float, required=True, metavar="MM")
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    generator = np.random.default_rng(options.seed)
    bundles: dict[int | None, Bundle] = {}
    rows, labels = [], []
    for record in drawn(list(read_dataset(options.data).records), options.frames, generator):
        fold = record.partition if options.out_of_fold else None
        if fold not in bundles:
            bundles[fold] = load_bundle(options.model if fold is None else options.model / f"fold-{fold}")
        case = read_case(record, SpacingAssumption(width_mm=options.assume_width))
        rows.append(logits(case, bundles[fold], generator))
        labels.append(record.label == "malignant")
    print(summary(np.array(rows), np.array(labels)))


def drawn(records: list[CaseRecord], count: int, generator: np.random.Generator) -> list[CaseRecord]:
    """One frame of each of some patients, in the data set's order, so that folds need not be loaded twice."""
    order = generator.permutation(len(records))
    one = {records[k].patient: k for k in order}
    return [records[k] for k in sorted(generator.permutation(list(one.values()))[:count].tolist())]


def logits(case: Case, bundle: Bundle, generator: np.random.Generator) -> tuple[float, float, float]:
    """Distance of the logit from the threshold as it is, with noise outside the regions, with noise inside."""
    frame = case.frame
    regions = region_labels(case.mass, frame.spacing, 5.0, frame.beams, frame.scan_area) > 0
    field = bundle.rule.field(case.mass, frame.scan_area, frame.spacing)
    outside, inside = (
        replace(case, frame=replace(frame, pixels=with_noise(frame.pixels, where, field, generator)))
        for where in (~regions, regions)
    )
    at = bundle.classifier.threshold_logit
    plain, *noisy = (answer.logit - at for answer in class_activation_maps(bundle, [case, outside, inside]))
    return plain, *noisy


def with_noise(pixels: np.ndarray, where: np.ndarray, field: Field, generator: np.random.Generator) -> np.ndarray:
    """The frame with the field's pixels `where` replaced by noise of their grey values and of the field's texture."""
    window = field.pixels(pixels.shape)
    crop, chosen = pixels[window], where[window]
    found = pixels.copy()
    if chosen.any():
        spectrum = np.abs(np.fft.rfft2(crop - crop.mean()))
        noise = np.fft.irfft2(spectrum * np.exp(2j * np.pi * generator.random(spectrum.shape)), crop.shape)
        place = np.argsort(np.argsort(noise[chosen], kind="stable"), kind="stable")
        found[window][chosen] = np.sort(crop[chosen])[place]
    return found


def summary(z: np.ndarray, labels: np.ndarray) -> str:
    """The logit's mean change, decisions that turn round, and the AUC, with intervals over patients."""
    changes = np.abs(z[:, 1:] - z[:, :1])
    turned = (z[:, 1:] >= 0) != (z[:, :1] >= 0)
    found = bootstrap_means(np.hstack([changes, turned]), np.arange(len(z)))
    lines = [
        f"{len(z)} frames; the logits' standard deviation is {z[:, 0].std(ddof=1):.2f}",
        "",
        "| | as it is | noise outside the regions | noise inside them |",
        "| --- | --- | --- | --- |",
    ]
    form = "{0.value:.2f} ({0.low:.2f} to {0.high:.2f})".format
    lines.append(f"| mean change of the logit | 0 | {form(found[0])} | {form(found[1])} |")
    lines.append(f"| decisions that turn round | 0 | {form(found[2])} | {form(found[3])} |")
    aucs = (auc_estimate(labels, column) for column in z.T)
    lines.append("| AUC | " + " | ".join(form(auc) for auc in aucs) + " |")
    kept = [np.corrcoef(z[:, 0], z[:, k])[0, 1] for k in (1, 2)]
    lines.append(f"| correlation with the logit as it is | 1 | {kept[0]:.2f} | {kept[1]:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
