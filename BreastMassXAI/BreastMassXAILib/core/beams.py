"""Convex probes: the apex of the rays, from the shape of the scan area or given by a person.

A convex probe's scan area is a sector: two straight sides that meet at the apex, and arcs around it. Lines are fitted
in pixels, where straight stays straight however tall the pixels are; arcs are circles only in millimetres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from .errors import InputError
from .frame import BeamGeometry, Frame, Spacing
from .regions import mask_box

SMALLEST_OPENING_DEG = 8.0
"""Sides that open by less are those of a linear probe with a ragged edge."""
TOLERANCE_PIXELS = 1.5
LEAST_SIDE = 0.3
"""Share of the rows beside the scan area that each straight side must explain."""
LEAST_OVERLAP = 0.9
"""Intersection over union of the scan area and the fitted sector."""
_SAMPLED_ROWS = 60


@dataclass(frozen=True)
class Sector:
    """A convex probe's scan area.

    Parameters
    ----------
    apex : (row, column)
        In pixels, centres at integers.
    angles : (left, right)
        Of the two sides, in radians from straight down, to the right positive; measured in millimetres (in square
        pixels where the spacing is unknown).
    radii : (near, far)
        Of the arcs around the apex, in the same unit; 0 or infinite where the area ends otherwise, in a straight
        edge.
    rows, columns : slice
        The box in which the sector lies; it may cut it.
    residual : float
        Root mean square distance of the two sides and of the arcs from the outline, in pixels.
    """

    apex: tuple[float, float]
    angles: tuple[float, float]
    radii: tuple[float, float]
    rows: slice
    columns: slice
    residual: float

    @property
    def beams(self) -> BeamGeometry:
        return BeamGeometry("convex", self.apex)

    def mask(self, shape: tuple[int, int], sizes: tuple[float, float] = (1.0, 1.0)) -> np.ndarray:
        """The sector's pixels on a frame (bool); `sizes` as in :func:`fit_sector`."""
        radius, angle = _polar(shape, self.apex, sizes)
        mask = np.zeros(shape, bool)
        box = self.rows, self.columns
        slack = min(sizes) / 2
        mask[box] = (
            (angle >= self.angles[0] - slack / radius)
            & (angle <= self.angles[1] + slack / radius)
            & (radius >= self.radii[0] - slack)
            & (radius <= self.radii[1] + slack)
        )[box]
        return mask


def fit_sector(outline: np.ndarray, spacing: Spacing, least_overlap: float = LEAST_OVERLAP) -> Sector:
    """Fit a sector to the outline of a scan area.

    Each side is the straight line with which most rows agree, so that shadows, text and ragged corners do not bend
    it; the apex is where the sides meet. The fit is then verified: both sides must explain enough of the outline, the
    ends must be arcs around this apex or straight edges, and the sector must cover what the scan area covers.

    Parameters
    ----------
    outline : ndarray of bool, shape (rows, columns)
        The scan area; holes and dents do not matter.
    spacing : Spacing
        Square pixels are taken where it is unknown.
    least_overlap : float
        Intersection over union that the sector must reach.

    Raises
    ------
    InputError
        When the area is no sector; the message says what speaks against it.
    """
    if not outline.any():
        raise InputError("The scan area is empty.")
    sizes = spacing.mm() if spacing.known else (1.0, 1.0)
    rows, columns = mask_box(outline)
    row = np.flatnonzero(outline.any(axis=1))
    left = outline[row].argmax(axis=1) - 0.5
    right = outline.shape[1] - 0.5 - outline[row, ::-1].argmax(axis=1)
    left_line, left_rms = _side(row, left, columns.start - 0.5)
    right_line, right_rms = _side(row, right, columns.stop - 0.5)
    # Directions are angles from straight down, in millimetres.
    angles = math.atan(left_line[1] * sizes[1] / sizes[0]), math.atan(right_line[1] * sizes[1] / sizes[0])
    if math.degrees(angles[1] - angles[0]) < SMALLEST_OPENING_DEG:
        raise InputError(
            "The sides of the scan area do not open with depth, so it is no convex probe's: give the apex, or take "
            "the beams as linear."
        )
    apex_row = (right_line[0] - left_line[0]) / (left_line[1] - right_line[1])
    apex = (float(apex_row), float(left_line[0] + left_line[1] * apex_row))
    if not angles[0] < 0 < angles[1]:
        raise InputError("Both sides of the scan area lean the same way: a steered linear probe is not supported.")
    radius, angle = _polar(outline.shape, apex, sizes)
    near, far = (_end(outline, radius, angle, angles, min(sizes), far) for far in (False, True))
    distances = [distance for distance in (left_rms, right_rms, near[1], far[1]) if distance is not None]
    residual = math.sqrt(float(np.mean(np.square(distances))))
    sector = Sector(apex, angles, (near[0], far[0]), rows, columns, residual)
    fitted = sector.mask(outline.shape, sizes)
    overlap = np.count_nonzero(fitted & outline) / np.count_nonzero(fitted | outline)
    if overlap < least_overlap:
        raise InputError(
            f"Only {overlap:.0%} of the scan area agree with the sector that its sides span, so its apex cannot be "
            "told: give the apex, or take the beams as linear."
        )
    return sector


def with_beams(frame: Frame, kind: str = "auto", apex: tuple[float, float] | None = None) -> Frame:
    """A frame with the beams that its scan area shows, or that a person gives.

    Parameters
    ----------
    frame : Frame
    kind : {"auto", "linear", "convex"}
        ``auto``: what the frame says already, else convex where its scan area is a sector, else linear.
    apex : (row, column), optional
        In pixels; makes the beams convex.

    Raises
    ------
    InputError
        When convex beams are asked for without an apex and the scan area does not show one, or an apex is given with
        linear beams or lies below all of the frame.
    """
    if kind not in ("auto", "linear", "convex"):
        raise InputError(f"The beams must be linear, convex or auto, not {kind!r}.")
    if apex is not None:
        if kind == "linear":
            raise InputError("Linear beams have no apex.")
        if not all(math.isfinite(value) for value in apex) or apex[0] >= frame.shape[0] - 1:
            raise InputError("The apex must lie above the frame's tissue: its row must be less than the frame's last.")
        return replace(frame, beams=BeamGeometry("convex", (float(apex[0]), float(apex[1]))))
    if kind == "linear":
        return replace(frame, beams=BeamGeometry())
    if frame.beams.kind == "convex":
        return frame
    if frame.scan_area is None:
        if kind == "convex":
            raise InputError("The scan area is the whole frame, which shows no sector: give the apex of the beams.")
        return frame
    try:
        sector = fit_sector(frame.scan_area, frame.spacing)
    except InputError:
        if kind == "convex":
            raise
        return frame
    left, right = (math.degrees(angle) for angle in sector.angles)
    note = (
        f"Convex beams from the shape of the scan area: apex at row {sector.apex[0]:.0f}, column "
        f"{sector.apex[1]:.0f}, from {left:.0f} to {right:+.0f} degrees (residual {sector.residual:.1f} pixels)."
    )
    return replace(frame, beams=sector.beams, warnings=(*frame.warnings, note))


def _side(row: np.ndarray, edge: np.ndarray, cut: float) -> tuple[tuple[float, float], float]:
    """The line ``column = a + b * row`` with which most rows agree, and these rows' distance from it in pixels.

    Where the outline reaches the side of its box (`cut`), the frame ends there and not the beams.
    """
    free = np.abs(edge - cut) > 1
    row, edge, height = row[free].astype(float), edge[free], len(row)
    if len(row) < max(10, LEAST_SIDE * height):
        raise InputError("The sides of the scan area are upright, so it is a linear probe's.")
    sample = np.linspace(0, len(row) - 1, min(_SAMPLED_ROWS, len(row))).astype(int)
    one, other = (sample[np.array(index)] for index in zip(*combinations(range(len(sample)), 2), strict=True))
    slope = (edge[other] - edge[one]) / (row[other] - row[one])
    start = edge[one] - slope * row[one]
    scale = np.hypot(1, slope)[:, None]
    agree = np.abs(start[:, None] + slope[:, None] * row[sample] - edge[sample]) <= TOLERANCE_PIXELS * scale
    best = int(agree.sum(axis=1).argmax())
    line = start[best], slope[best]
    for _ in range(3):
        inlier = np.abs(line[0] + line[1] * row - edge) <= TOLERANCE_PIXELS * math.hypot(1, line[1])
        if np.count_nonzero(inlier) < max(10, LEAST_SIDE * height):
            raise InputError("The scan area has no straight sides, so the apex of its beams cannot be told.")
        slope_fit, start_fit = np.polyfit(row[inlier], edge[inlier], 1)
        line = start_fit, slope_fit
    distance = (line[0] + line[1] * row[inlier] - edge[inlier]) / math.hypot(1, line[1])
    return (float(line[0]), float(line[1])), math.sqrt(float(np.mean(distance**2)))


def _end(
    outline: np.ndarray, radius: np.ndarray, angle: np.ndarray, angles: tuple[float, float], pixel: float, far: bool
) -> tuple[float, float | None]:
    """Radius of the near or the far arc and the outline's distance from it in pixels.

    Where most rays end in the box's first or last row, the edge is straight: radius 0 or infinite, distance None. So
    is the distance where the outline is too ragged to tell, as below deep shadows; the radius is then what the
    farthest rays reach.
    """
    rows = mask_box(outline)[0]
    row, column = np.nonzero(outline)
    r, a = radius[row, column], angle[row, column]
    # Rays at least two pixels wide at this end, or some would miss its outermost pixels.
    width = (angles[1] - angles[0]) * float(r.max() if far else r.min()) / (2 * pixel)
    bins = int(np.clip(width, 10, 200))
    ray = np.floor((a - angles[0]) / (angles[1] - angles[0]) * bins).astype(int)
    inner = (ray >= bins // 20) & (ray < bins - bins // 20)
    row, r, ray = row[inner], r[inner], ray[inner]
    order = np.lexsort((r if far else -r, ray))
    last = np.flatnonzero(np.append(np.diff(ray[order]) > 0, True))
    ends = order[last]
    free = row[ends] != (rows.stop - 1 if far else rows.start)
    if np.count_nonzero(free) < 0.4 * len(ends):
        return (math.inf if far else 0.0), None
    reach = r[ends][free]
    tolerance = TOLERANCE_PIXELS * pixel
    agree = np.abs(reach[:, None] - reach) <= tolerance
    best = int(agree.sum(axis=1).argmax())
    if agree[best].mean() < 0.3:
        return float(np.quantile(reach, 0.98 if far else 0.02)), None
    arc = float(reach[agree[best]].mean())
    return arc, math.sqrt(float(np.mean((reach[agree[best]] - arc) ** 2))) / pixel


def _polar(shape: tuple[int, int], apex: tuple[float, float], sizes: tuple[float, float]) -> tuple[np.ndarray, ...]:
    """Distance from the apex and angle from straight down of every pixel's centre."""
    depth = (np.arange(shape[0]) - apex[0])[:, None] * sizes[0]
    aside = (np.arange(shape[1]) - apex[1])[None, :] * sizes[1]
    return np.maximum(np.hypot(depth, aside), 1e-9), np.arctan2(aside, depth)
