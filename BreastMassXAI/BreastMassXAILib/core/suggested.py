"""What is said of a suggested mass, and how it is measured, followed and known again."""

from __future__ import annotations

import hashlib

import numpy as np
from scipy.spatial import ConvexHull

from .errors import NoMassError
from .outline import NO_MASS, Click, Suggestion

ORIGIN_TAG = "BreastMassXAI.MaskOrigin"
"""Under which a segment keeps who outlined it, in files and in Slicer's scenes."""
OUTLINE_TAG = "BreastMassXAI.Outline"
"""Under which it keeps the outline's digest, by which one that was touched since is told."""


def found_mass(found: Suggestion) -> np.ndarray:
    """The suggested mass.

    Raises
    ------
    NoMassError
        When there is none; the sentence tells the confidence.
    """
    if found.mass.any():
        return found.mass
    if not found.prompt:
        raise NoMassError(f"{NO_MASS}: the confidence is {found.confidence:.2f}, too low for an outline.")
    there = [float(found.probability[round(c.row), round(c.column)]) for c in found.prompt.clicks if c.inside]
    if found.prompt.box is not None:
        box = found.prompt.box
        inside = found.probability[int(box.top) : int(box.bottom) + 1, int(box.left) : int(box.right) + 1]
        there.append(float(inside.max(initial=0)))
    raise NoMassError(
        f"{NO_MASS} at the place that was pointed at: the confidence there is {max(there):.2f}, too low for an outline."
    )


def suggestion_notes(found: Suggestion) -> tuple[str, ...]:
    """What had to be decided for a suggestion; it belongs to the warnings of what is computed from it."""
    if found.found > 1 and not found.prompt:
        return (
            f"There seem to be {found.found} masses in this frame: the largest is outlined; a click in another "
            "one chooses that.",
        )
    return ()


def inner_point(mass: np.ndarray) -> Click:
    """The pixel of a mass that lies nearest to its centroid: a click that is sure to be in it, whatever its shape.

    Parameters
    ----------
    mass : ndarray of bool, shape (rows, columns)
        Not empty.
    """
    rows, columns = np.nonzero(mass)
    nearest = int(np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2))
    return Click(float(rows[nearest]), float(columns[nearest]))


def largest_diameter(mass: np.ndarray, pixel: tuple[float, float] = (1.0, 1.0)) -> float:
    """The largest distance between two points of a mass, from edge to edge of its pixels, in the unit of `pixel`.

    Of any mask, in one piece or several; the descriptor of that name is measured on the smoothed contour of the largest
    piece (:func:`~.shape.sizes_mm`) and does not exist for small masks.

    Parameters
    ----------
    mass : ndarray of bool, shape (rows, columns)
        Not empty.
    pixel : (height, width)
    """
    ends: list[tuple[float, float]] = []
    for row in np.flatnonzero(mass.any(axis=1)).tolist():  # a row's other pixels lie between its first and its last
        first, last = (float(column) for column in np.flatnonzero(mass[row])[[0, -1]])
        ends += [(row, first - 0.5), (row, last + 0.5)]
        ends += [(row + side, column) for side in (-0.5, 0.5) for column in (first, last)]
    points = np.array(ends) * pixel
    corners = points[ConvexHull(points).vertices]
    return float(np.sqrt(((corners[:, None] - corners[None]) ** 2).sum(axis=2).max()))


def outline_digest(mass: np.ndarray) -> str:
    """By which an outline is known again, and one that was touched is told from it.

    Parameters
    ----------
    mass : ndarray of bool, shape (rows, columns)
    """
    found = hashlib.sha256(f"{mass.shape}".encode())
    found.update(np.packbits(mass))
    return found.hexdigest()[:32]
