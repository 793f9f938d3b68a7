"""The saliency map: signed, in logit units, on the frame's grid, and its two extreme points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .field import Field, bilinear_weights, weigh


@dataclass(frozen=True)
class ExtremePoint:
    """Maximum or minimum of a saliency map: the pixel (row, column) and the value there in logits."""

    row: int
    column: int
    value: float


def to_frame_grid(cells: np.ndarray, field: Field, shape: tuple[int, int]) -> np.ndarray:
    """Bring a network's signed map to the frame's grid, bilinearly (paper: "resized to match the original US image").

    Parameters
    ----------
    cells : ndarray, shape (n, m)
        Logit units; cell ``(k, l)`` covers the cell ``(k, l)`` of the field.
    field : Field
    shape : (rows, columns) of the frame

    Returns
    -------
    ndarray of float32, shape `shape`
        0 outside the field.
    """
    rows, columns = field.pixels(shape)
    vertical = bilinear_weights(field.row, field.height, cells.shape[0], rows)
    horizontal = bilinear_weights(field.column, field.width, cells.shape[1], columns)
    saliency = np.zeros(shape, np.float32)
    saliency[rows, columns] = weigh(vertical, cells, horizontal)
    return saliency


def extreme_points(
    saliency: np.ndarray, field: Field, scan_area: np.ndarray | None = None
) -> tuple[ExtremePoint, ExtremePoint]:
    """Maximum and minimum of the saliency map among the pixels of the field (and of the scan area).

    A map from a coarse grid has plateaus at its border, where the first of the tied pixels would be the corner of the
    image. Ties are therefore resolved to the tied pixel nearest to the centroid of the largest connected tie.

    Returns
    -------
    maximum, minimum : ExtremePoint
        Where the scan area leaves no pixel of the field, the whole field is searched.
    """
    rows, columns = field.pixels(saliency.shape)
    inside = saliency[rows, columns]
    searched = None if scan_area is None else scan_area[rows, columns]
    if searched is None or searched.all() or not searched.any():
        highest = lowest = inside
    else:
        highest, lowest = np.where(searched, inside, -np.inf), np.where(searched, inside, np.inf)
    offset = (rows.start, columns.start)
    return peak(highest, float(highest.max()), offset), peak(lowest, float(lowest.min()), offset)


def peak(values: np.ndarray, value: float, offset: tuple[int, int] = (0, 0)) -> ExtremePoint:
    """Where an image has its extreme `value`; ties go to the pixel nearest to the centroid of the largest tie.

    `offset` is added to row and column.
    """
    tied = values == value
    row, column = np.nonzero(tied)
    if len(row) > 1:
        piece = ndimage.label(tied, np.ones((3, 3)))[0][row, column]
        largest = piece == np.argmax(np.bincount(piece))
        row, column = row[largest], column[largest]
        nearest = np.argmin((row - row.mean()) ** 2 + (column - column.mean()) ** 2)
        row, column = row[nearest : nearest + 1], column[nearest : nearest + 1]
    return ExtremePoint(int(row[0]) + offset[0], int(column[0]) + offset[1], value)
