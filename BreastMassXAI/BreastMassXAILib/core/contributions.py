"""How many logits each region contributed: an exact partition of the decision."""

from __future__ import annotations

import numpy as np

from .field import Field, cell_weights, weigh
from .regions import REGIONS


def cell_coverage(labels: np.ndarray, field: Field, cells: tuple[int, int]) -> np.ndarray:
    """Share of each cell of the field that each region covers.

    Parameters
    ----------
    labels : ndarray of uint8, shape (rows, columns)
    field : Field
    cells : (n, m)

    Returns
    -------
    ndarray, shape (4, n, m), float64
        In the order of ``REGIONS``; sums to 1 over the regions. Padding counts as `elsewhere`.
    """
    row_edges, column_edges = field.axis_edges(cells)
    rows, columns = field.pixels(labels.shape)
    # One pixel more on each side: the field's border may cut a pixel whose centre lies outside.
    rows = slice(max(rows.start - 1, 0), min(rows.stop + 1, labels.shape[0]))
    columns = slice(max(columns.start - 1, 0), min(columns.stop + 1, labels.shape[1]))
    vertical = cell_weights(row_edges - rows.start, rows.stop - rows.start)
    horizontal = cell_weights(column_edges - columns.start, columns.stop - columns.start)
    inside = labels[rows, columns]
    coverage = np.empty((len(REGIONS), *cells))
    for label in range(1, len(REGIONS)):
        coverage[label] = weigh(vertical, inside == label, horizontal)
    coverage[0] = 1 - coverage[1:].sum(axis=0)
    return coverage


def energy_shares(cells: np.ndarray, coverage: np.ndarray) -> dict[str, float]:
    """Each region's share of the map's absolute values, 0..1, whatever their units; all 0 for a map of zeros.

    Parameters
    ----------
    cells : ndarray, shape (n, m)
    coverage : ndarray, shape (4, n, m)
        From :func:`cell_coverage`.
    """
    strength = np.abs(np.asarray(cells, np.float64))
    total = float(strength.sum())
    shares = (strength * coverage).sum(axis=(1, 2)) / (total if total > 0 else 1.0)
    return {name: float(share) for name, share in zip(REGIONS, shares, strict=True)}


def evidence_inside(cells: np.ndarray, coverage: np.ndarray) -> float:
    """Share of the map's absolute values that lies in mass, ring and tissue below, 0..1; 0 for a map of zeros.

    Parameters
    ----------
    cells : ndarray, shape (n, m)
    coverage : ndarray, shape (4, n, m)
        From :func:`cell_coverage`.
    """
    strength = np.abs(np.asarray(cells, np.float64))
    total = float(strength.sum())
    return min(float((strength * coverage[1:].sum(axis=0)).sum()) / total, 1.0) if total > 0 else 0.0


def contributions(cells: np.ndarray, coverage: np.ndarray) -> dict[str, float]:
    """Each region's share of the logit: ``c_r = mean over cells of (cell value * share of the cell in r)``.

    Together with the bias they are the logit: ``sum_r c_r + b == z``.

    Parameters
    ----------
    cells : ndarray, shape (n, m)
        Signed map in logit units with ``cells.mean() + b == z``.
    coverage : ndarray, shape (4, n, m)
        From :func:`cell_coverage`.
    """
    shares = (np.asarray(cells, np.float64) * coverage).mean(axis=(1, 2))
    return {name: float(share) for name, share in zip(REGIONS, shares, strict=True)}
