"""The paper's Tables 1 and 2 over many cases, with intervals, chance levels and what suspension is worth."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit

from .explain import Explanation
from .field import Field
from .frame import Case
from .regions import REGIONS, RELEVANT, labels_by_ring
from .result import Extreme
from .statistics import (
    Estimate,
    auc_estimate,
    bootstrap_interval,
    brier_score,
    calibration_curve,
    calibration_error,
    operating_point,
    risk_coverage,
    roc_curve,
    share,
)

RING_SWEEP_MM = tuple(range(2, 11))
TOLERANCE_SWEEP_MM = tuple(0.5 * k for k in range(11))
EXTREMES = ("max", "min")
SUBSETS = ("correct", "all", "correct malignant", "correct benign", "malignant", "benign")
RESAMPLES = 1000
_GRID = 96
"""Rows and columns on which the share of the field near a region is counted; exact enough for a chance level."""


def measures(case: Case, explanation: Explanation, sweep: bool = True) -> dict[str, float | str]:
    """What a cohort's tables need of a case beyond its result.

    Returns
    -------
    dict
        ``field_share_<region>``: the region's share of what the network sees of the scan area, where the extreme points
        can lie. With `sweep` also, as numbers where the spacing is known, ``<max|min>_to_<region>_mm``: distance of the
        extreme point to the region, 0 inside, infinite where the region is empty; ``<max|min>_region_ring_<w>mm`` and
        ``field_share_any_ring_<w>mm`` for rings of other widths; ``field_share_within_<t>mm``: share of the field that
        is in or near one of the regions.
    """
    result, labels, frame = explanation.result, explanation.labels, case.frame
    window = Field(**result.field).pixels(frame.shape)
    seen = None if frame.scan_area is None else frame.scan_area[window]
    if seen is not None and not seen.any():
        seen = None
    found: dict[str, float | str] = {}
    # The very pixels of the result's own chance.
    for name, value in result.chance.items():
        found[f"field_share_{name}"] = value
    if not sweep:
        return found
    if not frame.spacing.known:  # the same columns for every case
        return found | dict.fromkeys(_sweep_columns(), math.nan)
    row_mm, column_mm = frame.spacing.mm()
    # The extreme points of a flat map mean nothing: the result says elsewhere, whatever lies there.
    flat = any(point.region != REGIONS[labels[point.row, point.column]] for point in result.extremes.values())
    for label, region in enumerate(RELEVANT, start=1):
        marked = labels == label
        for which, point in result.extremes.items():
            found[f"{which}_to_{region}_mm"] = math.inf if flat else _nearest_mm(marked, point, (row_mm, column_mm))
    # Extreme points and shares are all in the window. Beams of a linear probe are columns, so that whatever lies beyond
    # the window of a mass that is inside it does not matter there.
    whole = frame.beams.apex is not None or np.count_nonzero(case.mass[window]) < np.count_nonzero(case.mass)
    part = (slice(0, frame.shape[0]), slice(0, frame.shape[1])) if whole else window
    area = None if frame.scan_area is None else frame.scan_area[part]
    inside = tuple(slice(w.start - p.start, w.stop - p.start) for w, p in zip(window, part, strict=True))
    rings = labels_by_ring(case.mass[part], frame.spacing, RING_SWEEP_MM, frame.beams, area)
    for width, ring in zip(RING_SWEEP_MM, rings, strict=True):
        for which, point in result.extremes.items():
            pointed = ring[point.row - part[0].start, point.column - part[1].start]
            found[f"{which}_region_ring_{width}mm"] = REGIONS[0 if flat else pointed]
        there = ring[inside] if seen is None else ring[inside][seen]
        found[f"field_share_any_ring_{width}mm"] = 1 - (there.size - np.count_nonzero(there)) / there.size
    for tolerance, value in _shares_within(labels[window] > 0, seen, (row_mm, column_mm)).items():
        found[f"field_share_within_{tolerance:g}mm"] = value
    return found


def _sweep_columns() -> Iterator[str]:
    for region in RELEVANT:
        yield from (f"{which}_to_{region}_mm" for which in EXTREMES)
    for width in RING_SWEEP_MM:
        yield from (f"{which}_region_ring_{width}mm" for which in EXTREMES)
        yield f"field_share_any_ring_{width}mm"
    yield from (f"field_share_within_{tolerance:g}mm" for tolerance in TOLERANCE_SWEEP_MM)


def _nearest_mm(marked: np.ndarray, point: Extreme, sizes: tuple[float, float]) -> float:
    """Distance of a point to the nearest marked pixel; infinite where there is none."""
    if marked[point.row, point.column]:
        return 0.0
    rows = np.flatnonzero(marked.any(axis=1))
    if not len(rows):
        return math.inf
    aside = np.abs(np.arange(marked.shape[1]) - point.column).astype(np.int32)
    nearest = np.where(marked[rows], aside, np.int32(marked.shape[1])).min(axis=1)
    squared = ((rows - point.row) * sizes[0]) ** 2 + (nearest * sizes[1]) ** 2
    return float(np.sqrt(squared.min()))


def _shares_within(regions: np.ndarray, seen: np.ndarray | None, sizes: tuple[float, float]) -> dict[float, float]:
    from scipy.ndimage import distance_transform_edt

    steps = [max(1, size // _GRID) for size in regions.shape]
    coarse = (slice(None, None, steps[0]), slice(None, None, steps[1]))
    if not regions[coarse].any():
        return dict.fromkeys(TOLERANCE_SWEEP_MM, 0.0)
    sampling = [size * step for size, step in zip(sizes, steps, strict=True)]
    distance = distance_transform_edt(~regions[coarse], sampling)
    distance = distance.ravel() if seen is None else distance[seen[coarse]]
    return {tolerance: float((distance <= tolerance).mean()) for tolerance in TOLERANCE_SWEEP_MM}


def flat_row(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result's dictionary as one row: nested names joined by ``_``, lists as text."""
    row: dict[str, Any] = {}
    for name, value in result.items():
        if isinstance(value, Mapping):
            row.update({f"{name}_{inner}": entry for inner, entry in flat_row(value).items()})
        elif name == "spacing_mm":
            row["spacing_row_mm"], row["spacing_column_mm"] = value or (None, None)
        elif isinstance(value, (list, tuple)):
            row[name] = " | ".join(map(str, value))
        else:
            row[name] = value
    return row


@dataclass(frozen=True)
class Skipped:
    """A case that is listed in a data set and cannot be used, with the reason in a sentence."""

    identifier: str
    reason: str


class Cohort:
    """The numbers of many cases, kept column by column: some hundred bytes a case, whatever the size of its image.

    Filled from rows as ``cases.csv`` has them: label, patient and a result's :func:`flat_row` with :func:`measures`.
    """

    def __init__(self) -> None:
        self.identifiers: list[str] = []
        self.patients: list[str] = []
        self._columns: dict[str, array] = {}

    def __len__(self) -> int:
        return len(self.identifiers)

    def append(self, row: Mapping[str, Any]) -> None:
        """Take a case's numbers; regions become their labels, text is dropped."""
        numbers = {"malignant": float(row["label"] == "malignant")}
        for name, value in row.items():
            if value in REGIONS:
                numbers[name] = float(REGIONS.index(value))
            elif isinstance(value, (bool, int, float)):
                numbers[name] = float(value)
        for name in self._columns.keys() | numbers.keys():
            if name not in self._columns:
                self._columns[name] = array("d", [math.nan] * len(self))
            self._columns[name].append(numbers.get(name, math.nan))
        self.identifiers.append(row["identifier"])
        self.patients.append(row["patient"])

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    def __getitem__(self, name: str) -> np.ndarray:
        return np.array(self._columns[name])

    @property
    def malignant(self) -> np.ndarray:
        return self["malignant"] > 0

    @property
    def groups(self) -> np.ndarray:
        """Number of each case's patient."""
        return np.unique(np.array(self.patients, dtype=object).astype(str), return_inverse=True)[1]

    @property
    def called(self) -> np.ndarray:
        """Whether the classifier, unsuspended, calls a case malignant."""
        return self["probability"] >= self["threshold"]

    @property
    def correct(self) -> np.ndarray:
        return self.called == self.malignant


def report_tables(cohort: Cohort) -> dict[str, Any]:
    """Everything that a report says of a cohort under one model, as plain data.

    Raises
    ------
    ValueError
        When the cohort is empty.
    """
    if not len(cohort):
        raise ValueError("An empty cohort has no tables.")
    tables: dict[str, Any] = {"table_1": classification(cohort)}
    tables["calibration"] = {
        "ece": calibration_error(cohort.malignant, cohort["probability"]),
        "brier": brier_score(cohort.malignant, cohort["probability"]),
        "brier_of_the_base_rate": float(cohort.malignant.mean() * (1 - cohort.malignant.mean())),
        "bins": [{"probability": b.probability, **estimate(b.observed)} for b in _curve(cohort)],
    }
    if "hits_any" in cohort:
        tables["table_2"] = {name: pointing(cohort, subset(cohort, name)) for name in SUBSETS}
        tables["suspension"] = suspension(cohort)
        if "max_to_mass_mm" in cohort and not np.isnan(cohort["max_to_mass_mm"]).all():
            tables["ring_sweep"] = ring_sweep(cohort)
            tables["tolerance_sweep"] = tolerance_sweep(cohort)
    return tables


def _curve(cohort: Cohort) -> list[Any]:
    return calibration_curve(cohort.malignant, cohort["probability"])


def estimate(found: Estimate) -> dict[str, float | int | None]:
    """An estimate as plain data; what is not a number becomes None, which JSON knows."""
    return {
        "value": finite(found.value),
        "low": finite(found.low),
        "high": finite(found.high),
        "n": found.n,
    }


def finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def classification(cohort: Cohort) -> dict[str, Any]:
    """Table 1 of the paper: per image, and per case (a patient's views of the same label averaged in logits).

    Sensitivity, specificity and accuracy twice: at the model's own threshold, which was chosen on other data, and at
    the point of these very data's ROC curve closest to the upper left corner (the paper's way, which flatters).
    """
    malignant, groups = cohort.malignant, cohort.groups
    z = logit(np.clip(cohort["probability"], 1e-12, 1 - 1e-12))
    lesion = np.unique(2 * groups + malignant, return_inverse=True)[1]
    views = np.bincount(lesion)
    first = np.unique(lesion, return_index=True)[1]
    threshold = float(np.median(cohort["threshold"]))
    levels = {
        "image": (malignant, expit(z), groups, cohort["threshold"]),
        "case": (
            malignant[first],
            expit(np.bincount(lesion, z) / views),
            groups[first],
            np.bincount(lesion, cohort["threshold"]) / views,
        ),
    }
    table: dict[str, Any] = {}
    for level, (y, p, patient, own) in levels.items():
        entry: dict[str, Any] = {"n": len(y), "malignant": int(y.sum()), "patients": len(np.unique(patient))}
        entry["auc"] = estimate(auc_estimate(y, p, patient))
        choices = {"model": (threshold, p >= own)}
        if y.any() and not y.all():
            best = operating_point(y, p).threshold
            choices["corner"] = (best, p >= best)
            false, true = roc_curve(y, p)
            entry["roc"] = {"false_positive_rate": false.tolist(), "true_positive_rate": true.tolist()}
        for name, (at, positive) in choices.items():
            entry[name] = {
                "threshold": at,
                "accuracy": estimate(share(positive == y, patient)),
                "sensitivity": estimate(share(positive[y], patient[y])),
                "specificity": estimate(share(~positive[~y], patient[~y])),
            }
        table[level] = entry
    return table


def subset(cohort: Cohort, name: str) -> np.ndarray:
    """Which cases belong to one of ``SUBSETS``."""
    chosen = np.ones(len(cohort), bool)
    for word in name.split():
        chosen &= {
            "all": np.ones(len(cohort), bool),
            "correct": cohort.correct,
            "malignant": cohort.malignant,
            "benign": ~cohort.malignant,
        }[word]
    return chosen


def pointing(cohort: Cohort, chosen: np.ndarray) -> dict[str, Any]:
    """Table 2 of the paper for some cases: hits in each region, in at least one, and what chance would hit.

    Chance is one point (maximum or minimum alone) or two points (either) thrown at random: into the part of the scan
    area that the network sees, where extreme points can lie, and into the whole scan area.
    """
    groups = cohort.groups[chosen]
    table: dict[str, Any] = {"n": int(chosen.sum()), "regions": {}}
    pointed = {which: cohort[f"extremes_{which}_region"][chosen] for which in EXTREMES}
    # A flat map points nowhere, whatever lies under its nominal extremes: the result's own regions know that.
    for region in (*RELEVANT, "any"):
        hit = {w: (p > 0) if region == "any" else p == REGIONS.index(region) for w, p in pointed.items()}
        entry: dict[str, Any] = {
            "either": estimate(share(hit["max"] | hit["min"], groups)),
            "max": estimate(share(hit["max"], groups)),
            "min": estimate(share(hit["min"], groups)),
        }
        for name, prefix in (("field", "field_share"), ("scan_area", "area_fraction")):
            column = cohort[f"{prefix}_elsewhere"] if region == "any" else cohort[f"{prefix}_{region}"]
            area = (1 - column if region == "any" else column)[chosen]
            entry[f"chance_in_{name}"] = {"one": _mean(area), "either": _mean(1 - (1 - area) ** 2)}
        table["regions"][region] = entry
    return table


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def suspension(cohort: Cohort) -> dict[str, Any]:
    """What suspending decisions is worth: by the explanation (the paper's proposal), by confidence, at random.

    Risk is the share of wrong decisions among those that are kept. The graded rule trusts a decision by how many of its
    two extreme points lie in a region. All rules are compared at the same coverage, the explanation rule's own.
    """
    wrong, groups = ~cohort.correct, cohort.groups
    points = np.stack([cohort[f"extremes_{which}_region"] > 0 for which in EXTREMES]).sum(axis=0).astype(float)
    confidence = np.abs(_logit(cohort["probability"]) - _logit(cohort["threshold"]))
    kept = points > 0
    trusts = {"explanation": points, "confidence": confidence, "both": points + expit(confidence), "random": 0 * points}
    curves, areas = {}, {}
    for name, trust in trusts.items():
        coverage, risk = risk_coverage(wrong, trust)
        areas[name] = float(risk.mean())
        thin = np.unique(np.linspace(0, len(risk) - 1, 200).astype(int))
        curves[name] = {"coverage": coverage[thin].tolist(), "risk": risk[thin].tolist()}

    def gain(k: np.ndarray) -> np.ndarray:
        """Risk by confidence and at random, each less the risk by explanation, at the explanation's coverage."""
        wrong_k, kept_k = wrong[k], kept[k]
        count = int(kept_k.sum())
        if not count:
            return np.full(2, np.nan)
        surest = np.argpartition(-confidence[k], count - 1)[:count]
        return np.array([wrong_k[surest].mean(), wrong_k.mean()]) - wrong_k[kept_k].mean()

    found: dict[str, Any] = {
        "n": len(cohort),
        "suspended": int((~kept).sum()),
        "coverage": float(kept.mean()),
        "risk_of_all": estimate(share(wrong, groups)),
        "risk_of_kept": estimate(share(wrong[kept], groups[kept])),
        "risk_of_suspended": estimate(share(wrong[~kept], groups[~kept])),
        "risk_by_confidence_at_same_coverage": None,
        "area_under_risk_coverage": areas,
        "curves": curves,
    }
    if kept.any():
        # Ties of confidence aside this is the curve's point at that coverage.
        whole = gain(np.arange(len(cohort)))
        found["risk_by_confidence_at_same_coverage"] = float(whole[0] + wrong[kept].mean())
        for index, name in enumerate(("confidence", "random")):

            def one(k: np.ndarray, index: int = index) -> float:
                return float(gain(k)[index])

            low, high = bootstrap_interval(one, groups, RESAMPLES)
            difference = {"value": float(whole[index]), "low": finite(low), "high": finite(high)}
            found[f"risk_by_{name}_minus_by_explanation"] = difference
    return found


def _logit(probability: np.ndarray) -> np.ndarray:
    return logit(np.clip(probability, 1e-12, 1 - 1e-12))


def ring_sweep(cohort: Cohort) -> list[dict[str, Any]]:
    """Hits in at least one region, and in the ring, for rings of other widths; by chance: two points in the field."""
    rows = []
    for width in RING_SWEEP_MM:
        pointed = np.stack([cohort[f"{which}_region_ring_{width}mm"] for which in EXTREMES])
        known = ~np.isnan(pointed[0])
        area = cohort[f"field_share_any_ring_{width}mm"][known]
        groups = cohort.groups[known]
        ring = np.equal(pointed, REGIONS.index("peritumoral")).any(axis=0)[known]
        rows.append(
            {
                "ring_mm": width,
                "any": estimate(share(np.greater(pointed, 0).any(axis=0)[known], groups)),
                "peritumoral": estimate(share(ring, groups)),
                "chance_any": _mean(1 - (1 - area) ** 2),
            }
        )
    return rows


def tolerance_sweep(cohort: Cohort) -> list[dict[str, Any]]:
    """Hits when an extreme point may miss a region by some millimetres; by chance: two points in the field."""
    nearest = np.stack(
        [np.minimum.reduce([cohort[f"{which}_to_{region}_mm"] for region in RELEVANT]) for which in EXTREMES]
    ).min(axis=0)
    known = ~np.isnan(nearest)
    rows = []
    for tolerance in TOLERANCE_SWEEP_MM:
        area = cohort[f"field_share_within_{tolerance:g}mm"][known]
        rows.append(
            {
                "tolerance_mm": tolerance,
                "any": estimate(share(nearest[known] <= tolerance, cohort.groups[known])),
                "chance_any": _mean(1 - (1 - area) ** 2),
            }
        )
    return rows


def examples(cohort: Cohort, each: int = 2) -> dict[str, list[str]]:
    """Identifiers of telling cases: the surest right ones, the surest wrong ones, and suspended ones."""
    p, malignant, correct = cohort["probability"], cohort.malignant, cohort.correct
    chosen: dict[str, tuple[np.ndarray, np.ndarray]] = {
        "Malignant, called so most surely": (correct & malignant, -p),
        "Benign, called so most surely": (correct & ~malignant, p),
        "Malignant, missed most surely": (~correct & malignant, p),
        "Benign, called malignant most surely": (~correct & ~malignant, -p),
    }
    if "hits_any" in cohort:
        hit = cohort["hits_any"] > 0
        chosen = {title: (among & hit, order) for title, (among, order) in chosen.items()}
        chosen["Suspended: the explanation points at none of the regions"] = (~hit, -np.abs(p - 0.5))
    return {
        title: [cohort.identifiers[k] for k in _first(among, order, each)] for title, (among, order) in chosen.items()
    }


def _first(among: np.ndarray, order: np.ndarray, count: int) -> Sequence[int]:
    places = np.flatnonzero(among)
    return places[np.argsort(order[places], kind="stable")][:count].tolist()
