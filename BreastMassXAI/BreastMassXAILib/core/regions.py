"""The three regions in which a radiologist looks for signs: mass, peritumoral ring, tissue below (paper, Fig. 3)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from .errors import InputError
from .frame import BeamGeometry, Spacing

REGIONS = ("elsewhere", "mass", "peritumoral", "below")
"""Region names; the index is the label. `elsewhere` is the rest of the frame."""
ELSEWHERE, MASS, PERITUMORAL, BELOW = range(4)
RELEVANT = REGIONS[1:]


def region_labels(
    mass: np.ndarray,
    spacing: Spacing,
    ring_mm: float = 5.0,
    beams: BeamGeometry | None = None,
    scan_area: np.ndarray | None = None,
) -> np.ndarray:
    """Partition a frame into mass (1), peritumoral ring (2), tissue below (3) and elsewhere (0).

    Parameters
    ----------
    mass : ndarray of bool, shape (rows, columns)
    spacing : Spacing
        May be unknown only when `ring_mm` is 0.
    ring_mm : float
        Width of the ring: pixels outside the mass whose centre is at most this far (Euclidean, in mm) from the centre
        of a mass pixel. 0 means no ring.
    beams : BeamGeometry, optional
        Linear by default.
    scan_area : ndarray of bool, optional
        Pixels outside are `elsewhere`.

    Returns
    -------
    ndarray of uint8, shape (rows, columns)
        Disjoint labels, earlier region wins. `below` holds the pixels on the mass's beams that are deeper than every
        pixel of mass and ring on the same beam.

    Raises
    ------
    SpacingError
        When a ring is asked for and the spacing is unknown.
    InputError
        When the ring's width is negative or not a number.
    """
    return next(labels_by_ring(mass, spacing, (ring_mm,), beams, scan_area))


def labels_by_ring(
    mass: np.ndarray,
    spacing: Spacing,
    rings_mm: Sequence[float],
    beams: BeamGeometry | None = None,
    scan_area: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """What :func:`region_labels` gives for rings of several widths, one after the other; they share the distances.

    Raises
    ------
    SpacingError, InputError
        As :func:`region_labels`.
    """
    beams = beams or BeamGeometry()
    distances: _DistanceAlongColumns | None = None
    for ring_mm in rings_mm:
        if not (math.isfinite(ring_mm) and ring_mm >= 0):
            raise InputError(f"The ring's width must be zero or a positive number of millimetres, not {ring_mm}.")
        labels = np.zeros(mass.shape, np.uint8)
        if ring_mm > 0:
            distances = distances or _DistanceAlongColumns(mass, *spacing.mm())
            distances.mark_within(ring_mm, labels, PERITUMORAL)
        labels[mass] = MASS
        if beams.apex is None:
            _mark_below_linear(labels, mass)
        else:
            sizes = spacing.mm() if spacing.known else (1.0, 1.0)
            _mark_below_convex(labels, mass, beams.apex, sizes)
        if scan_area is not None:
            labels[~scan_area] = ELSEWHERE
        yield labels


def area_fractions(labels: np.ndarray, scan_area: np.ndarray | None = None) -> dict[str, float]:
    """Share of the scan area (of all pixels, without one) that each region covers."""
    inside = labels if scan_area is None else labels[scan_area]
    counts = [np.count_nonzero(inside == label) for label in range(len(REGIONS))]  # several times faster than bincount
    return {name: count / inside.size for name, count in zip(REGIONS, counts, strict=True)}


def mask_box(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the smallest box around the True pixels of a mask that has some."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


class _DistanceAlongColumns:
    """Exact dilations of a mask by ellipses, without a distance transform, which takes more time.

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, columns)
    row_mm, column_mm : float
    """

    def __init__(self, mask: np.ndarray, row_mm: float, column_mm: float) -> None:
        self._shape, self._sizes = mask.shape, (row_mm, column_mm)
        self._box = mask_box(mask)
        rows = len(mask)
        part = mask[:, self._box[1]]
        self._type = np.int16 if max(mask.shape) < 4096 else np.int32  # half the bytes for all but the largest frames
        index = np.arange(rows, dtype=self._type)[:, None]
        never = self._type(-2 * rows)
        above = index - _largest_so_far(np.where(part, index, never))
        below = 0 - index - _largest_so_far(np.where(part, np.negative(index), never)[::-1])[::-1]
        # Rows to the nearest pixel of the mask on the same column; columns come first, as the next pass wants them.
        self._vertical = np.ascontiguousarray(np.minimum(above, below).T)

    def mark_within(self, radius_mm: float, image: np.ndarray, label: int) -> None:
        """Give a label to the pixels whose Euclidean distance to the mask is at most `radius_mm`.

        Every pixel with a mask `k` rows away paints the stretch of its row that an ellipse of that height spans.
        """
        (rows, columns), (row_mm, column_mm) = self._shape, self._sizes
        reach = min(math.floor(radius_mm / row_mm) + 1, rows - 1)
        tight = self._box[0]
        box = slice(max(tight.start - reach, 0), min(tight.stop + reach, rows))
        # The widest column distance for each row distance, found by the very sum that a distance transform compares.
        row_term = (np.arange(reach + 1) * row_mm) ** 2
        column_term = (np.arange(min(math.floor(radius_mm / column_mm) + 1, columns) + 1) * column_mm) ** 2
        widest = (np.sqrt(row_term[:, None] + column_term[None, :]) <= radius_mm).sum(axis=1) - 1
        # Where no mask is in reach, nothing is painted, on either side.
        widest = np.append(widest, -4 * columns).astype(self._type)
        span = widest[np.minimum(self._vertical[:, box], reach + 1)]
        column = np.arange(self._box[1].start, self._box[1].stop, dtype=self._type)[:, None]
        last = _largest_so_far(column + span)
        first = -_largest_so_far((span - column)[::-1])[::-1]
        painted = image[box]
        painted[:, self._box[1]][((last >= column) | (first <= column)).T] = label
        left = slice(max(int(first[0].min()), 0), self._box[1].start)
        right = slice(self._box[1].stop, max(min(int(last[-1].max()) + 1, columns), self._box[1].stop))
        painted[:, left][np.arange(left.start, left.stop) >= first[0][:, None]] = label
        painted[:, right][np.arange(right.start, right.stop) <= last[-1][:, None]] = label


def _largest_so_far(values: np.ndarray) -> np.ndarray:
    """``np.maximum.accumulate(values, axis=0)`` by doubling steps, which takes a third of the time."""
    found, step = values.copy(), 1
    while step < len(found):
        found[step:] = np.maximum(found[step:], found[:-step])
        step *= 2
    return found


def _mark_below_linear(labels: np.ndarray, mass: np.ndarray) -> None:
    columns = mask_box(mass)[1]
    strip = labels[:, columns]
    rows = len(strip)
    deepest = rows - 1 - np.argmax(strip[::-1] != ELSEWHERE, axis=0)
    beam = mass[:, columns].any(axis=0)
    strip[(np.arange(rows)[:, None] > deepest) & beam] = BELOW


def _mark_below_convex(
    labels: np.ndarray, mass: np.ndarray, apex: tuple[float, float], sizes: tuple[float, float]
) -> None:
    """Rays are evenly spaced angles at the apex, denser than any pixel is wide; a pixel lies on the rays of its square.

    Rays run downwards from the apex, so pixels whose centre is not below it lie on none.
    """
    rows, columns = labels.shape
    depth = (np.arange(rows) - apex[0])[:, None] * sizes[0]
    aside = (np.arange(columns) - apex[1])[None, :] * sizes[1]
    radius, angle = np.hypot(depth, aside), np.arctan2(aside, depth)
    lit = np.broadcast_to(depth > 0, labels.shape)
    if not lit.any():
        return
    margin = np.array([-sizes[1], sizes[1]]) / 2
    corners = np.arctan2(
        (aside[0, [0, -1]] + margin)[:, None],
        np.maximum([depth[lit[:, 0]][0, 0] - sizes[0] / 2, depth[-1, 0] + sizes[0] / 2], 0)[None, :],
    )
    lowest, highest = float(corners.min()), float(corners.max())
    step = min(sizes) / float(radius.max()) / 4
    count = int((highest - lowest) / step) + 2
    deepest = np.zeros(count)
    beam = np.zeros(count, bool)
    for marked, is_mass in ((labels == PERITUMORAL, False), (mass, True)):
        row, column = np.nonzero(_rim(marked) & lit)
        if not len(row):
            continue
        y, x = depth[row, 0], aside[0, column]
        edges = np.stack(
            [
                np.arctan2(x + dx * sizes[1] / 2, np.maximum(y + dy * sizes[0] / 2, 0))
                for dx in (-1, 1)
                for dy in (-1, 1)
            ]
        )
        first = np.ceil((edges.min(axis=0) - lowest) / step).astype(int).clip(0, count - 1)
        last = ((edges.max(axis=0) - lowest) / step).astype(int).clip(0, count - 1)
        reached = _largest_over(first, last, radius[row, column], count)
        np.maximum(deepest, reached, out=deepest)
        if is_mass:
            beam = reached > 0
    ray = np.rint((angle - lowest) / step).astype(int).clip(0, count - 1)
    labels[lit & beam[ray] & (radius > deepest[ray]) & (labels == ELSEWHERE)] = BELOW


def _rim(marked: np.ndarray) -> np.ndarray:
    """The pixels of a mask that have a neighbour outside it: every ray enters and leaves the mask through them."""
    padded = np.pad(marked, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return marked & ~inner


def _largest_over(first: np.ndarray, last: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """For each of `count` bins the largest value of all ranges ``first..last`` that hold it; 0 where none does.

    A range is the union of two overlapping ranges whose length is a power of two; values then trickle down from
    longer to shorter ranges, so that the cost does not depend on how wide a range is.
    """
    level = np.log2(last - first + 1).astype(int)
    table = np.zeros((int(level.max()) + 1, count))
    np.maximum.at(table, (level, first), values)
    np.maximum.at(table, (level, last - (1 << level) + 1), values)
    for upper in range(len(table) - 1, 0, -1):
        half = 1 << (upper - 1)
        np.maximum(table[upper - 1], table[upper], out=table[upper - 1])
        np.maximum(table[upper - 1, half:], table[upper, :-half], out=table[upper - 1, half:])
    return table[0]
