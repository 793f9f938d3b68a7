"""The measures of the sanity tests: how alike two maps are, how well a map covers the mass, what a decision loses.

Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018; Arun et al., Radiol Artif Intell 3:e200267, 2021; Saporta
et al., Nature Machine Intelligence 4:867-878, 2022; Petsiuk et al., RISE, BMVC 2018 (deletion and insertion).

Maps are compared by the rank correlation and the cosine of their cells, signs included. Structural similarity (SSIM) is
not used: it rewards maps for being smooth in the same places, whatever they say.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates

from .energy import GRID, UNSEARCHED
from .field import Field
from .regions import MASS
from .saliency import to_frame_grid
from .statistics import ranks

EXPOSED = 0.5
"""A map that keeps at least this rank correlation when all weights are shuffled does not show what was learned."""


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation of two maps of one shape; NaN where one of them is the same everywhere."""
    return _correlation(ranks(np.asarray(first, float).ravel()), ranks(np.asarray(second, float).ravel()))


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    """Cosine of the angle between two maps of one shape; NaN where one of them is zero everywhere."""
    first, second = np.asarray(first, float).ravel(), np.asarray(second, float).ravel()
    size = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / size if size > 0 else float("nan")


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    return cosine(first - first.mean(), second - second.mean())


def on_cells(cells: np.ndarray, field: Field, other: Field, shape: tuple[int, int]) -> np.ndarray:
    """A map of one field at the centres of the cells that another field would have.

    Parameters
    ----------
    cells : ndarray, shape (n, m)
        Of `field`.
    other : Field
        Of the same frame.
    shape : (rows, columns)
        Of the other field's cells.

    Returns
    -------
    ndarray of float64, shape `shape`
        NaN at centres outside `field`.
    """
    rows, columns = (
        start + (np.arange(count) + 0.5) / count * length
        for start, length, count in ((other.row, other.height, shape[0]), (other.column, other.width, shape[1]))
    )
    place = [
        (rows - field.row) / field.height * cells.shape[0] - 0.5,
        (columns - field.column) / field.width * cells.shape[1] - 0.5,
    ]
    grid = np.meshgrid(*place, indexing="ij")
    found = map_coordinates(np.asarray(cells, np.float64), grid, order=1, mode="nearest")
    inside = [(axis >= -0.5) & (axis <= count - 0.5) for axis, count in zip(place, cells.shape, strict=True)]
    return np.where(np.logical_and.outer(*inside), found, np.nan)


def alike(cells: np.ndarray, field: Field, other: np.ndarray, other_field: Field) -> tuple[float, float]:
    """Rank correlation and cosine of two maps of a frame, on the cells of the first that both fields cover."""
    if field == other_field and cells.shape == other.shape:
        return rank_correlation(cells, other), cosine(cells, other)
    moved = on_cells(other, other_field, field, (cells.shape[0], cells.shape[1]))
    both = ~np.isnan(moved)
    if both.sum() < 4:
        return float("nan"), float("nan")
    return rank_correlation(cells[both], moved[both]), cosine(cells[both], moved[both])


def on_picture(cells: np.ndarray) -> np.ndarray:
    """A map on the small picture of its field (see :func:`~.energy.field_picture`), shape (GRID, GRID)."""
    return to_frame_grid(np.asarray(cells, np.float64), Field(0, 0, GRID, GRID), (GRID, GRID))


def strongest_overlap(strength: np.ndarray, picture: np.ndarray) -> float:
    """Intersection over union of the mass and of a map's strongest pixels, as many as the mass has.

    No threshold is tuned: the map is told the mass's size, and must only find its place. Ties are broken by the order
    of the pixels, at the border of the strongest ones only.

    Parameters
    ----------
    strength : ndarray, shape (GRID, GRID)
        Large where the map says that the evidence is.
    picture : ndarray of uint8, same shape
        From :func:`~.energy.field_picture`.

    Returns
    -------
    float
        NaN where no pixel of the mass is searched.
    """
    searched, mass = picture != UNSEARCHED, picture == MASS
    count = int(mass.sum())
    if count == 0:
        return float("nan")
    values = np.where(searched, strength, -np.inf).ravel()
    chosen = np.zeros(values.size, bool)
    chosen[np.argsort(-values, kind="stable")[:count]] = True
    both = int((chosen & mass.ravel()).sum())
    return both / (2 * count - both)


def chance_overlap(picture: np.ndarray) -> float:
    """About what :func:`strongest_overlap` is for pixels thrown at random: ``a / (2 - a)`` for a mass of share `a`."""
    searched = int((picture != UNSEARCHED).sum())
    share = int((picture == MASS).sum()) / searched if searched else float("nan")
    return share / (2 - share)


def centre_strength() -> np.ndarray:
    """A map that knows nothing: the nearer to the field's middle, the stronger. Shape (GRID, GRID)."""
    axis = np.arange(GRID) - (GRID - 1) / 2
    return -np.hypot(axis[:, None], axis[None, :])


def removal_order(cells: np.ndarray, sign: float) -> np.ndarray:
    """The cells' flat indices, those first that speak most for the decision (`sign` 1 for malignant, -1 for benign)."""
    return np.argsort(-sign * np.asarray(cells, np.float64).ravel(), kind="stable")
