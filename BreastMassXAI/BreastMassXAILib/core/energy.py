"""Where a saliency map's evidence lies, and what a cohort keeps of a case for maps that know nothing of the image."""

from __future__ import annotations

import zlib

import numpy as np

from .field import Field
from .regions import REGIONS

KINDS = {"positive": "max", "negative": "min", "either": "either"}
"""Kinds of evidence: towards malignant, towards benign, of either sign; and the extreme point that goes with each."""
GRID = 64
"""Rows and columns of the small picture of a field's regions."""
UNSEARCHED = len(REGIONS)
"""In such a picture: padding, or outside the scan area, where no extreme point is searched."""


def searched(shape: tuple[int, int], field: Field, scan_area: np.ndarray | None) -> np.ndarray:
    """The pixels in which extreme points are searched: of the field and, where it has any there, of the scan area.

    Returns
    -------
    ndarray of bool, shape `shape`
    """
    window = field.pixels(shape)
    found = np.zeros(shape, bool)
    found[window] = True if scan_area is None or not scan_area[window].any() else scan_area[window]
    return found


def energies(saliency: np.ndarray, labels: np.ndarray, field: Field, scan_area: np.ndarray | None) -> dict[str, float]:
    """Each region's share of the map's energy (Wang et al., Score-CAM, 2020; with both signs apart).

    The energy of a kind is the sum over the searched pixels of the map's positive part, of its negative part without
    the sign, or of its absolute value. A map that is the same everywhere has in each region the region's share of the
    searched pixels, which a result calls its chance.

    Parameters
    ----------
    saliency : ndarray, shape (rows, columns)
        Logit units.
    labels : ndarray of uint8, shape (rows, columns)
    field : Field
    scan_area : ndarray of bool, optional

    Returns
    -------
    dict
        ``energy_<positive|negative|either>_<region>``, `elsewhere` included; a kind's shares sum to 1, and are NaN
        where the map has nothing of that kind.
    """
    window = field.pixels(labels.shape)
    inside = searched(labels.shape, field, scan_area)[window]
    values, region = saliency[window][inside].astype(np.float64), labels[window][inside]
    found: dict[str, float] = {}
    for kind, part in (
        ("positive", np.maximum(values, 0)),
        ("negative", np.maximum(-values, 0)),
        ("either", np.abs(values)),
    ):
        sums = np.bincount(region, part, len(REGIONS))
        total = sums.sum()
        shares = sums / total if total > 0 else np.full(len(REGIONS), np.nan)
        found |= {f"energy_{kind}_{name}": float(share) for name, share in zip(REGIONS, shares, strict=True)}
    return found


def centre_region(labels: np.ndarray, field: Field) -> str:
    """The region at the centre of the field, where a map that knows nothing of the image might point."""
    rows, columns = field.pixels(labels.shape)
    row = min(max(int(field.row + field.height / 2), rows.start), rows.stop - 1)
    column = min(max(int(field.column + field.width / 2), columns.start), columns.stop - 1)
    return REGIONS[labels[row, column]]


def field_picture(labels: np.ndarray, field: Field, scan_area: np.ndarray | None) -> bytes:
    """The regions in the field as a small picture, ``GRID x GRID`` samples, packed into some hundred bytes.

    Pictures of different frames lie on each other as their fields do, so that masks can be averaged.
    """
    inside = searched(labels.shape, field, scan_area)
    at, there = [], []
    for start, length, size in (
        (field.row, field.height, labels.shape[0]),
        (field.column, field.width, labels.shape[1]),
    ):
        place = np.floor(start + (np.arange(GRID) + 0.5) / GRID * length).astype(int)
        there.append((place >= 0) & (place < size))
        at.append(place.clip(0, size - 1))
    grid = np.ix_(*at)
    picture = np.where(np.logical_and.outer(*there) & inside[grid], labels[grid], UNSEARCHED)
    return zlib.compress(picture.astype(np.uint8).tobytes())


def unpacked(picture: bytes) -> np.ndarray:
    """What :func:`field_picture` packed: region labels and ``UNSEARCHED``, uint8, shape (GRID, GRID)."""
    return np.frombuffer(zlib.decompress(picture), np.uint8).reshape(GRID, GRID)
