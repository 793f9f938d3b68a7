"""Table 2 as critics of saliency maps ask for it: beside chance, and beside maps that know nothing of the image.

After Saporta et al., Benchmarking saliency methods for chest X-ray interpretation, Nature Machine Intelligence
4:867-878, 2022: hit rates with bootstrapped intervals, dependence on the finding's size and the model's confidence;
Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018: a network with random weights; and a centre and an
average mask, which score high wherever findings lie in the middle of what is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.special import logit

from .cohort import Cohort
from .cohort_tables import estimate, finite
from .energy import GRID, KINDS, UNSEARCHED, unpacked
from .regions import MASS, REGIONS, RELEVANT
from .resampling import bootstrap_means
from .saliency import peak

RESAMPLES = 1000
PARTS = 3
"""Equally large parts that cases are cut into by the size of the mass, and by confidence."""
_OF_A_PART = ("hits", "chance", "hits_minus_chance", "energy", "field_share", "energy_minus_share")
"""What is told of a part."""
_Columns = dict[tuple[str, ...], np.ndarray]
"""Per case, shape (n,), by the place that its mean has in a table."""


def evidence_tables(cohort: Cohort, random: Cohort | None = None) -> dict[str, Any]:
    """Hits and energy of each region beside what knows nothing of the image, as plain data.

    Parameters
    ----------
    cohort : Cohort
        With the columns of :func:`~.measures.measures`.
    random : Cohort, optional
        The same cases, in the same order, under the same network with random weights.

    Returns
    -------
    dict
        ``correct`` and ``all`` (correctly classified cases, all cases): `n`, `patients`, and in ``regions`` for each of
        the three and for ``any`` of them:

        ``hits``
            share of cases whose ``max``, ``min`` or ``either`` lies in it; ``chance`` the same of one and of two points
            thrown at random into the searched part of the field, exactly; ``centre`` and ``average_mask`` of one point,
            the field's centre and the maximum of the mean of all other patients' masses; ``random_hits`` of the network
            with random weights; ``hits_minus_chance`` and ``hits_minus_average_mask`` case by case.
        ``energy``
            its mean share of the map's ``positive``, ``negative`` and ``either`` evidence; ``field_share`` the same of
            an even map, ``average_mask_energy`` of the mean mask, ``random_energy`` of the network with random
            weights; ``energy_minus_share`` and ``energy_minus_average_mask`` case by case.

        ``by_size`` (mm2 of the mass) and ``by_confidence`` (distance of probability and threshold in logits) hold such
        tables, without the masks and random weights, for thirds of the cohort from ``low`` to ``high``. Every estimate
        is a mean over cases with its 95 % percentile interval over 1,000 bootstraps of the patients; None where there
        is nothing to tell.
    """
    columns = _columns(cohort, random)
    of_parts = {place: column for place, column in columns.items() if place[1] in _OF_A_PART}
    chosen = {"correct": cohort.correct, "all": np.ones(len(cohort), bool)}
    found: dict[str, Any] = {"resamples": RESAMPLES, "random": random is not None}
    for which, cases in chosen.items():
        found[which] = _table(cohort, columns, cases)
    orders = {"by_confidence": np.abs(_logit(cohort["probability"]) - _logit(cohort["threshold"]))}
    if "mass_area_mm2" in cohort:
        orders["by_size"] = cohort["mass_area_mm2"]
    for name, order in orders.items():
        third = _thirds(order)
        found[name] = {
            which: [
                {
                    "low": float(order[third == k].min()),
                    "high": float(order[third == k].max()),
                    **_table(cohort, of_parts, cases & (third == k)),
                }
                for k in range(PARTS)
                if (third == k).any()
            ]
            for which, cases in chosen.items()
        }
    return found


def has_evidence(cohort: Cohort) -> bool:
    """Whether the cases are explained, so that there is something to tell."""
    return "energy_either_mass" in cohort


def _columns(cohort: Cohort, random: Cohort | None) -> _Columns:
    found: _Columns = {}
    centre = cohort["centre_region"]
    average, average_energy = average_mask(cohort)
    for region in (*RELEVANT, "any"):
        share, shares = _of(cohort, "field_share", region), _of(average_energy, "", region)
        found[region, "chance", "one"] = share
        found[region, "chance", "either"] = 1 - (1 - share) ** 2
        found[region, "centre"] = _in(centre, region)
        found[region, "average_mask"] = _in(average, region)
        found[region, "field_share"], found[region, "average_mask_energy"] = share, shares
        for kind, which in KINDS.items():
            hit, energy = _hits(cohort, which, region), _of(cohort, f"energy_{kind}", region)
            chance = found[region, "chance", "either" if which == "either" else "one"]
            found[region, "hits", which] = hit
            found[region, "hits_minus_chance", which] = hit - chance
            found[region, "hits_minus_average_mask", which] = hit - found[region, "average_mask"]
            found[region, "energy", kind] = energy
            found[region, "energy_minus_share", kind] = energy - share
            found[region, "energy_minus_average_mask", kind] = energy - shares
            if random is not None:
                found[region, "random_hits", which] = _hits(random, which, region)
                found[region, "random_energy", kind] = _of(random, f"energy_{kind}", region)
    return found


def _in(number: np.ndarray, region: str) -> np.ndarray:
    """1 where a region's number is that of `region`, else 0; NaN stays."""
    hit = number > 0 if region == "any" else number == REGIONS.index(region)
    return np.where(np.isnan(number), np.nan, hit)


def _hits(cohort: Cohort, which: str, region: str) -> np.ndarray:
    if which == "either":
        return np.maximum(_hits(cohort, "max", region), _hits(cohort, "min", region))
    return _in(cohort[f"extremes_{which}_region"], region)


def _of(columns: Cohort | dict[str, np.ndarray], prefix: str, region: str) -> np.ndarray:
    """A share of a region; of the three together it is what `elsewhere` leaves."""
    prefix = prefix and f"{prefix}_"
    return 1 - columns[f"{prefix}elsewhere"] if region == "any" else columns[f"{prefix}{region}"]


def average_mask(cohort: Cohort) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The mean of all other patients' masses, laid over a case's field, as if it were the case's saliency map.

    Computed on the cases' small pictures (see :func:`~.energy.field_picture`).

    Returns
    -------
    ndarray, shape (n,)
        Number of the region in which its maximum lies, among the pixels where the case's extreme points are searched;
        NaN where there is no other patient.
    dict
        For each region (and `elsewhere`) its share of the mean mask's energy among these pixels, shape (n,).
    """
    pointed = np.full(len(cohort), np.nan)
    shares = np.full((len(REGIONS), len(cohort)), np.nan)
    for case, picture, mean in mean_masks(cohort) if all(cohort.pictures) else ():
        energy = np.where(picture == UNSEARCHED, 0, mean)
        if energy.any():
            point = peak(energy, float(energy.max()))
            pointed[case] = picture[point.row, point.column]
            sums = np.bincount(picture.ravel(), energy.ravel(), UNSEARCHED + 1)[:UNSEARCHED]
            shares[:, case] = sums / sums.sum()
    return pointed, dict(zip(REGIONS, shares, strict=True))


def mean_masks(cohort: Cohort) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """For each case its place, its small picture, and the mean of all other patients' masses on such a picture.

    Cases come patient by patient; those without another patient are left out.
    """
    total = np.zeros((GRID, GRID))
    for _, pictures in _by_patient(cohort):
        total += (pictures == MASS).sum(axis=0)
    for cases, pictures in _by_patient(cohort):
        others = len(cohort) - len(cases)
        if others:
            mean = (total - (pictures == MASS).sum(axis=0)) / others
            yield from ((int(case), picture, mean) for case, picture in zip(cases, pictures, strict=True))


def _by_patient(cohort: Cohort) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Places of each patient's cases, and their pictures, one patient in memory at a time."""
    groups = cohort.groups
    order = np.argsort(groups, kind="stable")
    for cases in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        yield cases, np.stack([unpacked(cohort.pictures[case]) for case in cases])


def _thirds(order: np.ndarray) -> np.ndarray:
    """Number of each case's third, -1 where its value is not known; equal values are in one third."""
    known = np.isfinite(order)
    if not known.any():
        return np.full(len(order), -1)
    limits = np.quantile(order[known], np.arange(1, PARTS) / PARTS)
    return np.where(known, np.searchsorted(limits, order), -1)


def _logit(probability: np.ndarray) -> np.ndarray:
    return logit(np.clip(probability, 1e-12, 1 - 1e-12))


def _table(cohort: Cohort, columns: _Columns, cases: np.ndarray) -> dict[str, Any]:
    groups = cohort.groups[cases]
    values = np.stack([column[cases] for column in columns.values()], axis=1)
    regions: dict[str, Any] = {}
    for place, found in zip(columns, bootstrap_means(values, groups, RESAMPLES), strict=True):
        table = regions
        for name in place[:-1]:
            table = table.setdefault(name, {})
        # The field is the same whatever the map says of it: a level to compare with, not an estimate.
        level = "chance" in place or "field_share" in place
        table[place[-1]] = finite(found.value) if level else estimate(found)
    return {"n": int(cases.sum()), "patients": len(np.unique(groups)), "regions": regions}
