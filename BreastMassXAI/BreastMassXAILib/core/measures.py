"""A case's numbers beyond its result: what a cohort's tables need of it, and the result as one row."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .energy import centre_region, energies
from .explain import Explanation
from .field import Field
from .frame import Case
from .regions import REGIONS, RELEVANT, labels_by_ring
from .result import Extreme

RING_SWEEP_MM = tuple(range(2, 11))
TOLERANCE_SWEEP_MM = tuple(0.5 * k for k in range(11))
EXTREMES = ("max", "min")
_GRID = 96
"""Rows and columns on which the share of the field near a region is counted; exact enough for a chance level."""


def measures(case: Case, explanation: Explanation, sweep: bool = True) -> dict[str, float | str]:
    """What a cohort's tables need of a case beyond its result.

    Returns
    -------
    dict
        ``field_share_<region>``: the region's share of what the network sees of the scan area, where the extreme points
        can lie. ``energy_<kind>_<region>``: see :func:`~.energy.energies`. ``centre_region``: where the field's centre
        lies. ``mass_area_mm2``: of the mask, NaN where the spacing is unknown. With `sweep` also, as numbers where the
        spacing is known, ``<max|min>_to_<region>_mm``: distance of the extreme point to the region, 0 inside, infinite
        where the region is empty; ``<max|min>_region_ring_<w>mm`` and ``field_share_any_ring_<w>mm`` for rings of other
        widths; ``field_share_within_<t>mm``: share of the field that is in or near one of the regions.
    """
    result, labels, frame = explanation.result, explanation.labels, case.frame
    field = Field(**result.field)
    window = field.pixels(frame.shape)
    seen = None if frame.scan_area is None else frame.scan_area[window]
    if seen is not None and not seen.any():
        seen = None
    found: dict[str, float | str] = {}
    # The very pixels of the result's own chance.
    for name, value in result.chance.items():
        found[f"field_share_{name}"] = value
    found |= energies(explanation.saliency, labels, field, frame.scan_area)
    found["centre_region"] = centre_region(labels, field)
    pixel_mm2 = math.prod(frame.spacing.mm()) if frame.spacing.known else math.nan
    found["mass_area_mm2"] = float(np.count_nonzero(case.mass) * pixel_mm2)
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
