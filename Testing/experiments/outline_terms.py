"""What an outline adds to the network, by who drew it: descriptor terms stacked on out-of-fold logits.

    python Testing/experiments/outline_terms.py BUSBRA --folds CV --assume-width 40 --keep terms.npz --out terms.json \
        [--automatic outlines_oof.npz] [--bundle busbra --write FOLDER]

For every frame and every kind of outline (``outline_kinds.py``, and automatic ones where given) the fold's own network
looks at the frame with that outline, and the outline is described. For each partition the terms are fitted on the other
four: logistic regression with a ridge on (the network's out-of-fold logit, standardised and clipped descriptors), all
kinds of outlines mixed with equal weight. So every figure is out of fold.

What that shares: the networks whose out-of-fold logits the terms of partition k are fitted on were trained on partition
k. Only the weights of a handful of terms pass through this, but they pass. And the recipe of the networks was chosen on
partitions 1 to 4.

``--automatic``: npz with ``identifiers`` and for each ``<identifier>/none``, the packed bits (numpy.packbits) of the
mask that was suggested without a click, and ``<identifier>/shape``; each by an outline network that had not seen the
patient. Where one is empty, no network speaks and no term: the sum is its bias. How many these are is reported
(``no_outline``).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from outline_kinds import KINDS, outline_of
from scipy.special import expit

from BreastMassXAILib.cohorts.cases import read_case
from BreastMassXAILib.cohorts.datasets import read_dataset
from BreastMassXAILib.core.descriptors import outline_values
from BreastMassXAILib.core.settling import SpacingAssumption
from BreastMassXAILib.core.statistics import auc_estimate, brier_score, calibration_error, operating_point, rates_at

NAMES = (
    "width_to_height",
    "elongation",
    "solidity",
    "extent",
    "radial_spread",
    "circularity",
    "perimeter_to_ellipse",
    "deepest_depression",
)
"""Descriptors that became terms, chosen beforehand: all that change gradually while one draws. Counts are left out."""
LIMIT = 3.0
RIDGE = 3.0
"""Of the standardised terms' weights; set beforehand."""
COLUMNS = ("expert", "automatic", "jittered", "dilated", "ellipse")


@dataclass(frozen=True)
class Data:
    """Of n images and k kinds of outlines.

    Parameters
    ----------
    kinds : tuple of str
    identifiers, patients : ndarray, shape (n,)
    malignant : ndarray of bool, shape (n,)
    folds : ndarray of int, shape (n,)
    logits : ndarray, shape (k, n)
        Of the network that had not seen the patient; NaN where there is no outline.
    values : ndarray, shape (k, n, len(NAMES))
    """

    kinds: tuple[str, ...]
    identifiers: np.ndarray
    patients: np.ndarray
    malignant: np.ndarray
    folds: np.ndarray
    logits: np.ndarray
    values: np.ndarray


def gathered(folder: Path, folds: Path, width_mm: float, keep: Path, automatic: Path | None) -> Data:
    """Everything that is to be computed once; kept in a file, to which new kinds are added."""
    records = read_dataset(folder).records
    kept = dict(np.load(keep)) if keep.is_file() else {}
    outlines = None if automatic is None else _packed(automatic)
    kinds = (*KINDS, *(("automatic",) if automatic is not None else ()))
    wanted = [kind for kind in kinds if f"logits {kind}" not in kept or f"values {kind}" not in kept]
    found = {
        name: np.full((len(records), *shape), np.nan)
        for kind in wanted
        for name, shape in ((f"logits {kind}", ()), (f"values {kind}", (len(NAMES),)))
        if name not in kept
    }
    bundle, loaded = None, None
    for place in sorted(range(len(records)), key=lambda k: records[k].partition or 0) if wanted else ():
        record = records[place]
        case = read_case(record, SpacingAssumption(width_mm=width_mm))
        sizes = case.frame.spacing.mm()
        cases = []
        for kind in wanted:
            if kind == "automatic":
                mass = outlines.get(record.identifier)  # type: ignore[union-attr]
                if mass is None or not mass.any() or mass.all():
                    continue
            else:
                mass = outline_of(kind, case.mass, sizes, record.identifier)
            described = outline_values(mass, case.frame)
            if f"values {kind}" in found:
                found[f"values {kind}"][place] = [described.get(name, np.nan) for name in NAMES]
            if f"logits {kind}" in found:
                cases.append((kind, replace(case, mass=mass)))
        if cases:
            from BreastMassXAILib.network.bundle import load_bundle
            from BreastMassXAILib.network.cam import class_activation_maps

            if record.partition != loaded:
                loaded, bundle = record.partition, load_bundle(folds / f"fold-{record.partition}")
            answers = class_activation_maps(bundle, [each for _, each in cases])  # type: ignore[arg-type]
            for (kind, _), answer in zip(cases, answers, strict=True):
                found[f"logits {kind}"][place] = answer.logit
    if found:
        kept |= found
        np.savez_compressed(keep, **kept)
    return Data(
        kinds,
        np.array([record.identifier for record in records]),
        np.array([record.patient for record in records]),
        np.array([record.label == "malignant" for record in records]),
        np.array([record.partition for record in records]),
        np.stack([kept[f"logits {kind}"] for kind in kinds]),
        np.stack([kept[f"values {kind}"] for kind in kinds]),
    )


def _packed(path: Path) -> dict[str, np.ndarray]:
    masks = {}
    with np.load(path) as found:
        for identifier in found["identifiers"]:
            rows, columns = (int(n) for n in found[f"{identifier}/shape"])
            bits = found[f"{identifier}/none"]
            masks[str(identifier)] = np.unpackbits(bits, count=rows * columns).reshape(rows, columns).astype(bool)
    return masks


@dataclass(frozen=True)
class Fit:
    """``scale * z + weights @ clip((d - mean) / sd) + bias``."""

    mean: np.ndarray
    sd: np.ndarray
    scale: float
    weights: np.ndarray
    bias: float

    def logit(self, z: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Missing descriptors count as the mean; a missing logit as 0: no network spoke."""
        return self.scale * np.nan_to_num(z) + self.standard(values) @ self.weights + self.bias

    def standard(self, values: np.ndarray) -> np.ndarray:
        return np.nan_to_num(np.clip((values - self.mean) / self.sd, -LIMIT, LIMIT))


def fit(data: Data, images: np.ndarray, network: bool, terms: bool) -> Fit:
    """On the images chosen, all kinds of outlines mixed; what is not to be used has weight 0."""
    z = data.logits[:, images].ravel()
    values = data.values[:, images].reshape(-1, len(NAMES))
    y = np.tile(data.malignant[images], len(data.kinds)).astype(float)
    known = ~np.isnan(z) & ~np.isnan(values).any(axis=1)
    z, values, y = z[known], values[known], y[known]
    mean, sd = values.mean(axis=0), values.std(axis=0)
    plain = Fit(mean, sd, 0.0, np.zeros(len(NAMES)), 0.0)
    columns = [*([z[:, None]] if network else []), *([plain.standard(values)] if terms else []), np.ones((len(y), 1))]
    x = np.hstack(columns)
    ridge = np.zeros(x.shape[1])
    if terms:
        ridge[int(network) : int(network) + len(NAMES)] = RIDGE * len(data.kinds)
    w = logistic(x, y, ridge)
    return Fit(
        mean,
        sd,
        float(w[0]) if network else 0.0,
        w[int(network) : int(network) + len(NAMES)] if terms else np.zeros(len(NAMES)),
        float(w[-1]),
    )


def logistic(x: np.ndarray, y: np.ndarray, ridge: np.ndarray, steps: int = 30) -> np.ndarray:
    """Weights of a logistic regression by Newton's method."""
    w = np.zeros(x.shape[1])
    for _ in range(steps):
        p = expit(x @ w)
        gradient = x.T @ (p - y) + ridge * w
        curvature = (x * (p * (1 - p))[:, None]).T @ x + np.diag(ridge + 1e-9)
        step = np.linalg.solve(curvature, gradient)
        w -= step
        if np.abs(step).max() < 1e-9:
            break
    return w


MODELS = {"network alone": (True, False), "terms alone": (False, True), "both": (True, True)}


def answers(data: Data) -> dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Out-of-fold logits and thresholds (as logits) of each model in each column."""
    found: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {}
    for name, (network, terms) in MODELS.items():
        logits = np.full(data.logits.shape, np.nan)
        at = np.full(len(data.folds), np.nan)
        for number in np.unique(data.folds):
            others, inside = data.folds != number, data.folds == number
            fitted = fit(data, others, network, terms)
            known = fitted.logit(data.logits[:, others], data.values[:, others])
            expert = known[data.kinds.index("expert")]
            at[inside] = operating_point(data.malignant[others], expert).threshold
            logits[:, inside] = fitted.logit(data.logits[:, inside], data.values[:, inside])
        found[name] = {kind: (logits[place], at) for place, kind in enumerate(data.kinds)}
    return found


def figures(data: Data, z: np.ndarray, at: np.ndarray) -> dict[str, Any]:
    """AUC per image and case, rates at the threshold from the other folds on experts' outlines, and calibration."""
    y, p = data.malignant, expit(z)
    image = auc_estimate(y, z, data.patients)
    keys = np.unique(np.char.add(data.patients.astype(str), np.where(y, " m", " b")), return_inverse=True)[1]
    case_z = np.bincount(keys, z) / np.bincount(keys)
    case_y = np.bincount(keys, y) / np.bincount(keys) > 0.5
    owner = np.empty(len(case_z), data.patients.dtype)
    owner[keys] = data.patients
    case = auc_estimate(case_y, case_z, owner)
    rates = rates_at(y, z - at, 0.0)
    return {
        "auc_image": [image.value, image.low, image.high],
        "auc_case": [case.value, case.low, case.high],
        "sensitivity": rates.sensitivity,
        "specificity": rates.specificity,
        "ece": calibration_error(y, p),
        "brier": brier_score(y, p),
    }


def report(data: Data) -> dict[str, Any]:
    found = answers(data)
    columns = [kind for kind in (*COLUMNS, "smoothed") if kind in data.kinds]
    table = {name: {kind: figures(data, *by_kind[kind]) for kind in columns} for name, by_kind in found.items()}
    turned = {
        kind: float(
            np.mean(
                (found["both"][kind][0] >= found["both"][kind][1])
                != (found["network alone"][kind][0] >= found["network alone"][kind][1])
            )
        )
        for kind in columns
    }
    final = fit(data, np.ones(len(data.folds), bool), True, True)
    return {
        "images": len(data.folds),
        "kinds_mixed": list(data.kinds),
        "table": table,
        "decisions_turned_by_terms": turned,
        "raw_network_auc": {
            k: auc_estimate(data.malignant, np.nan_to_num(z), data.patients).value
            for k, z in zip(data.kinds, data.logits, strict=True)
        },
        "no_outline": {k: int(np.isnan(z).sum()) for k, z in zip(data.kinds, data.logits, strict=True)},
        "final": {
            "scale": final.scale,
            "bias": final.bias,
            "terms": [
                {"name": name, "mean": float(m), "sd": float(s), "weight": float(w), "limit": LIMIT}
                for name, m, s, w in zip(NAMES, final.mean, final.sd, final.weights, strict=True)
            ],
        },
    }


def shown(found: dict[str, Any]) -> str:
    columns = list(next(iter(found["table"].values())))
    lines = ["| | " + " | ".join(columns) + " |", "| --- |" + " --- |" * len(columns)]
    for name, by_kind in found["table"].items():
        for key, words in (("auc_image", "AUC per image"), ("auc_case", "AUC per case")):
            cells = ("{:.3f} ({:.3f} to {:.3f})".format(*by_kind[kind][key]) for kind in columns)
            lines.append(f"| {name}: {words} | " + " | ".join(cells) + " |")
        for key in ("sensitivity", "specificity", "ece", "brier"):
            lines.append(f"| {name}: {key} | " + " | ".join(f"{by_kind[kind][key]:.3f}" for kind in columns) + " |")
    lines.append(
        "| decisions that the terms turn | "
        + " | ".join(f"{found['decisions_turned_by_terms'][kind]:.1%}" for kind in columns)
        + " |"
    )
    final = found["final"]
    lines += ["", f"final: {final['scale']:.3f} z {final['bias']:+.3f}"]
    lines += [
        f"  {t['weight']:+.3f} ({t['name']} - {t['mean']:.3f}) / {t['sd']:.3f}, within {t['limit']:g}"
        for t in final["terms"]
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--folds", type=Path, required=True, help="folder with fold-1, fold-2 ...")
    parser.add_argument("--assume-width", type=float, required=True, metavar="MM")
    parser.add_argument("--keep", type=Path, required=True, metavar="NPZ")
    parser.add_argument("--automatic", type=Path, metavar="NPZ")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    data = gathered(options.data, options.folds, options.assume_width, options.keep, options.automatic)
    found = report(data)
    print(shown(found))
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
