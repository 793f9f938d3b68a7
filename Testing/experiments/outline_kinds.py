"""Careless, hasty and idealised versions of an expert's outline, the same ones on every run.

Used by ``outline_terms.py``: what an outline is worth depends on who drew it.
"""

from __future__ import annotations

import zlib

import numpy as np
from scipy import ndimage

KINDS = ("expert", "jittered", "dilated", "smoothed", "ellipse")
DILATION_MM = 2.0
JITTER_PIXELS = (1.0, 3.0)
"""Root mean square of the outline's displacement, drawn anew for each frame."""
SMOOTHING = 0.06
"""Standard deviation of the blur that a smoothed outline went through, as a share of the equivalent diameter."""


def outline_of(kind: str, mass: np.ndarray, sizes: tuple[float, float], identifier: str) -> np.ndarray:
    """Another outline of the same mass.

    Parameters
    ----------
    kind : {"expert", "jittered", "dilated", "smoothed", "ellipse"}
    mass : ndarray of bool, shape (rows, columns)
    sizes : (row_mm, column_mm)
    identifier : str
        Seeds what is random, with the kind.

    Returns
    -------
    ndarray of bool, shape (rows, columns)
        Never empty, never the whole frame.
    """
    if kind == "expert":
        return mass
    found = {"jittered": _jittered, "dilated": _dilated, "smoothed": _smoothed, "ellipse": _ellipse}[kind](
        mass, sizes, np.random.default_rng(zlib.crc32(f"{kind} {identifier}".encode()))
    )
    found = _largest_piece(found)
    return found if found.any() and not found.all() else mass


def signed_distance(mass: np.ndarray, sizes: tuple[float, float] = (1.0, 1.0)) -> np.ndarray:
    """Distance to the outline, negative inside; half a pixel is taken off so that 0 lies between the pixels."""
    outside = ndimage.distance_transform_edt(~mass, sizes)
    inside = ndimage.distance_transform_edt(mass, sizes)
    half = min(sizes) / 2
    return np.where(mass, -(inside - half), outside - half)


def _jittered(mass: np.ndarray, sizes: tuple[float, float], generator: np.random.Generator) -> np.ndarray:
    """The outline moved in and out by a smooth random field of 1 to 3 pixels, as an unsteady hand would."""
    amplitude = generator.uniform(*JITTER_PIXELS)
    noise = ndimage.gaussian_filter(generator.normal(size=mass.shape), 6.0)
    return signed_distance(mass) < noise / noise.std() * amplitude


def _dilated(mass: np.ndarray, sizes: tuple[float, float], generator: np.random.Generator) -> np.ndarray:
    return signed_distance(mass, sizes) < DILATION_MM


def _smoothed(mass: np.ndarray, sizes: tuple[float, float], generator: np.random.Generator) -> np.ndarray:
    sigma = SMOOTHING * np.sqrt(4 * np.count_nonzero(mass) / np.pi)
    return ndimage.gaussian_filter(mass.astype(np.float32), sigma) > 0.5


def _ellipse(mass: np.ndarray, sizes: tuple[float, float], generator: np.random.Generator) -> np.ndarray:
    """The ellipse with the mass' centre and second moments, grown to the mass' area."""
    row, column = np.nonzero(mass)
    centre = np.array([row.mean(), column.mean()])
    spread = np.cov(np.stack([row, column])) + np.eye(2) / 12
    inverse = np.linalg.inv(spread)
    at = np.stack(np.mgrid[: mass.shape[0], : mass.shape[1]], axis=-1) - centre
    squared = np.einsum("...i,ij,...j", at, inverse, at)
    limit = len(row) / (np.pi * np.sqrt(np.linalg.det(spread)))
    return squared < limit


def _largest_piece(mask: np.ndarray) -> np.ndarray:
    pieces, count = ndimage.label(mask)
    if count > 1:
        mask = pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
    return ndimage.binary_fill_holes(mask)
