"""Which region an explanation names, and how often that is the one in which the evidence was planted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .classifier import NetworkOutput
from .contributions import cell_coverage, contributions
from .energy import energies
from .pointing import pointed_region
from .regions import REGIONS
from .saliency import extreme_points, to_frame_grid
from .statistics import Estimate, share

WAYS = ("point", "energy", "contribution", "check")
"""How an explanation names a region: see :func:`named`."""
IN_WORDS = {
    "point": "points at",
    "energy": "most energy",
    "contribution": "largest contribution",
    "check": "counter-check's largest change",
}


@dataclass(frozen=True)
class Named:
    """The regions that one explanation of one case names, one for each way; None where it names none.

    Parameters
    ----------
    regions : dict of str to str or None
        By the words of ``WAYS``; a way that the method does not have is missing.
    chance : dict of str to float
        Each region's share of the field.
    even : str
        The region that the most energy of a map would lie in that is the same everywhere.
    """

    regions: dict[str, str | None]
    chance: dict[str, float]
    even: str


def named(
    output: NetworkOutput, labels: np.ndarray, changes: Mapping[str, float] | None = None, decision: float = 0.0
) -> Named:
    """The region that an explanation names as what decided.

    A decision for the label True (logit above `decision`) is explained by what is positive, one for False by what is
    negative: with the sign `s` of the decision, ``point`` is the region in which the map times `s` has its maximum,
    ``energy`` the region that holds the most of the positive part of the map times `s`, ``contribution`` the one whose
    contribution times `s` is largest (only where the map adds up to the logit), and ``check`` the one whose replacement
    by plausible tissue takes the most from the logit times `s`.

    Parameters
    ----------
    output : NetworkOutput
    labels : ndarray of uint8, shape (rows, columns)
    changes : mapping of region to float, optional
        The counter-check's: by how much the logit falls when the region is replaced.
    decision : float
        Logit of the threshold.
    """
    sign = 1.0 if output.logit > decision else -1.0
    cells = sign * output.cells.astype(np.float64)
    saliency = to_frame_grid(cells, output.field, labels.shape)
    flat = float(np.ptp(cells)) <= 1e-6 * float(np.abs(cells).max())
    point = extreme_points(saliency, output.field)[0]
    found: dict[str, str | None] = {"point": None if flat else pointed_region(point, labels)}
    energy = energies(saliency, labels, output.field, None)
    found["energy"] = None if flat else _largest({name: energy[f"energy_positive_{name}"] for name in REGIONS})
    coverage = cell_coverage(labels, output.field, (cells.shape[0], cells.shape[1]))
    if output.exact:
        found["contribution"] = _largest(contributions(cells, coverage))
    if changes:
        found["check"] = _largest({name: sign * change for name, change in changes.items()})
    areas = dict(zip(REGIONS, coverage.mean(axis=(1, 2)).tolist(), strict=True))
    return Named(found, areas, max(areas, key=areas.__getitem__))


def _largest(values: Mapping[str, float]) -> str | None:
    """The region of the largest value, None where none is above 0."""
    name = max(values, key=lambda region: -np.inf if np.isnan(values[region]) else values[region])
    return name if values[name] > 0 else None


@dataclass(frozen=True)
class Score:
    """How often a method names the planted region.

    Parameters
    ----------
    shares : dict of str to Estimate
        By the words of ``WAYS``, of the correctly classified cases, with Wilson's 95 % interval.
    chance : dict of str to float
        The same of a point thrown at random into the field (``point``), of a map that is the same everywhere
        (``energy``) and of a region drawn from the four (``contribution``, ``check``).
    instead : dict of str to dict of str to int
        For each way how often which region was named; ``none`` where none was.
    """

    shares: dict[str, Estimate]
    chance: dict[str, float]
    instead: dict[str, dict[str, int]]


def score(found: Sequence[Named], planted: Sequence[str]) -> Score:
    """Count the cases whose explanation names one of the `planted` regions.

    Parameters
    ----------
    found : sequence of Named
        Of correctly classified cases.
    planted : sequence of str
    """
    shares, instead, chance = {}, {}, {}
    for way in WAYS:
        regions = [entry.regions[way] for entry in found if way in entry.regions]
        if not regions:
            continue
        shares[way] = share(np.array([region in planted for region in regions]))
        instead[way] = {name: regions.count(name) for name in REGIONS} | {"none": regions.count(None)}
        chance[way] = len(planted) / len(REGIONS)
    if "point" in shares:
        chance["point"] = float(np.mean([sum(entry.chance[name] for name in planted) for entry in found]))
        chance["energy"] = float(np.mean([entry.even in planted for entry in found]))
    return Score(shares, chance, instead)
