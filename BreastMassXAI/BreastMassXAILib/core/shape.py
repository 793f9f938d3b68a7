"""What an outline alone says: orientation, shape, lobulation and size. Definitions are in :mod:`~.descriptors`."""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from .contour import Contour

DEPRESSION = 0.025
"""Depth from which a depression of the outline counts, as a share of the equivalent diameter. Ours."""


def shape_values(contour: Contour, down: np.ndarray) -> dict[str, float]:
    """The scale-free descriptors of an outline.

    Parameters
    ----------
    contour : Contour
    down : ndarray, shape (2,)
        Unit vector (down, right) along which depth runs at the mass: (1, 0) for a linear probe.
    """
    points, area = contour.points - contour.centre, contour.area
    depth, aside = points @ down, points @ np.array([-down[1], down[0]])
    height, width = float(np.ptp(depth)), float(np.ptp(aside))
    spread, axes = np.linalg.eigh(contour.moments)
    minor, major = (2 * math.sqrt(max(float(value), 1e-12)) for value in spread)  # half axes of the ellipse
    along = abs(float(axes[:, 1] @ down))
    radius = np.hypot(points[:, 0], points[:, 1])
    hull_area, deepest, depressions = _depressions(points, contour.diameter)
    return {
        "width_to_height": width / height,
        "long_axis_deg": math.degrees(math.asin(min(along, 1.0))),
        "circularity": 4 * math.pi * area / contour.perimeter**2,
        "solidity": min(area / hull_area, 1.0),
        "elongation": major / minor,
        "eccentricity": math.sqrt(max(1 - (minor / major) ** 2, 0.0)),
        "extent": area / (width * height),
        "radial_spread": float(radius.std() / radius.max()),
        "perimeter_to_ellipse": contour.perimeter / _ellipse_perimeter(area, major / minor),
        "depressions": float(depressions),
        "deepest_depression": deepest,
    }


def sizes_mm(contour: Contour) -> dict[str, float]:
    """Largest diameter, the width at right angles to it, and the area of a contour in mm."""
    points = _hull(contour.points - contour.centre)[0]
    squared = np.subtract.outer(points[:, 0], points[:, 0]) ** 2 + np.subtract.outer(points[:, 1], points[:, 1]) ** 2
    one, other = np.unravel_index(int(squared.argmax()), squared.shape)
    largest = math.sqrt(float(squared[one, other]))
    direction = (points[one] - points[other]) / largest
    return {
        "largest_diameter_mm": largest,
        "perpendicular_diameter_mm": float(np.ptp(points @ np.array([-direction[1], direction[0]]))),
        "area_mm2": contour.area,
    }


def _hull(points: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Corners of the convex hull in the contour's order, its area, and the corners' places in the contour."""
    try:
        hull = ConvexHull(points)
        place = np.sort(hull.vertices)
        return points[place], float(hull.volume), place
    except QhullError:  # all points on a line, within rounding
        return points, 1e-12, np.arange(len(points))


def _depressions(points: np.ndarray, diameter: float) -> tuple[float, float, int]:
    """Area of the hull; depth of the deepest depression below it as a share of the diameter; how many are deep."""
    corners, area, place = _hull(points)
    chord = np.roll(corners, -1, axis=0) - corners
    length = np.maximum(np.hypot(chord[:, 0], chord[:, 1]), 1e-12)
    # Each point lies between two corners of the hull, the last before it and the next; before the first, the last.
    owner = np.searchsorted(place, np.arange(len(points)), side="right") - 1
    way = points - corners[owner]
    depth = np.abs(way[:, 0] * chord[owner, 1] - way[:, 1] * chord[owner, 0]) / length[owner] / diameter
    deepest = np.zeros(len(corners))
    np.maximum.at(deepest, owner, depth)
    return area, float(deepest.max()), int(np.count_nonzero(deepest >= DEPRESSION))


def _ellipse_perimeter(area: float, elongation: float) -> float:
    """Ramanujan's second approximation (1914), exact to 1e-4 for axes of up to 1 : 20."""
    minor = math.sqrt(area / (math.pi * elongation))
    major = elongation * minor
    h = ((major - minor) / (major + minor)) ** 2
    return math.pi * (major + minor) * (1 + 3 * h / (10 + math.sqrt(4 - 3 * h)))
