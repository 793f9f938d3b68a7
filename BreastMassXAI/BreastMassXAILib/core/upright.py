"""Whether a frame's first row is at the skin, judged by the picture alone."""

from __future__ import annotations

import numpy as np

from .frame import Frame
from .regions import mask_box

LOOKS_UPSIDE_DOWN = (
    "By its brightness, or the shape of what is lit, the frame looks upside down: 'below' would be towards the skin."
)

_BANDS = 8
_COLUMNS, _ROWS = 128, 200
"""As many are enough to judge by, and take a tenth of the time."""
_DARKER = 0.15
"""Relative difference in brightness of the near and the far end above which one of them is the skin's. Of 313 frames of
BUS-BRA 0.6 % look upside down by it, and 66 % of them once they are turned."""
_PLAIN = 8
"""Grey of a black surround, with what compression leaves in it."""
_NARROWER = 0.75
_SURE = 0.95


def skin_side(pixels: np.ndarray) -> int:
    """On which side of a frame the skin seems to be: 1 where its first row is, -1 where its last row is, 0 unclear.

    The skin and the tissue near the probe are bright, and sound fades with depth; a convex probe's image is narrow at
    the probe and wide in the depth, on a black surround.

    Parameters
    ----------
    pixels : ndarray, shape (rows, columns)
        Grey values.
    """
    across, down = (max(size // enough, 1) for size, enough in zip(pixels.shape[::-1], (_COLUMNS, _ROWS), strict=True))
    pixels = np.ascontiguousarray(pixels[::down, ::across])
    rows = np.flatnonzero(pixels.max(axis=1) > _PLAIN)
    if len(rows) < 4 * _BANDS:
        return 0
    inside = pixels[rows[0] : rows[-1] + 1]
    shape = _by_shape(inside)
    return shape if shape else _by_brightness(inside)


def frame_skin_side(frame: Frame) -> int:
    """:func:`skin_side` of what a frame's scan area holds, where it is known."""
    return skin_side(frame.pixels if frame.scan_area is None else frame.pixels[mask_box(frame.scan_area)])


def _by_brightness(inside: np.ndarray) -> int:
    starts = np.arange(_BANDS) * len(inside) // _BANDS
    lengths = np.diff(starts, append=len(inside)) * inside.shape[1]
    bands = np.add.reduceat(inside.sum(axis=1, dtype=float), starts) / lengths
    ends = bands[0], bands[-1]
    thirds = sum(bands[:3]) / 3, sum(bands[-3:]) / 3
    slopes = [(near - far) / max(near + far, 1e-9) for near, far in (ends, thirds)]
    if min(slopes) > _DARKER:
        return 1
    return -1 if max(slopes) < -_DARKER else 0


def _by_shape(inside: np.ndarray) -> int:
    """By the width of what is lit, where that tapers on plain black: near the probe it is the smaller."""
    height = len(inside)
    widths = []
    for place in (0.15, 0.85):
        band = inside[int(height * place) - 1 : int(height * place) + 2].max(axis=0)
        lit = np.flatnonzero(band > _PLAIN)
        if len(lit) < 8 or (band[lit[0] : lit[-1]] > _PLAIN).mean() < _SURE:
            return 0  # echoes fade here: their end is no border
        widths.append(int(lit[-1] - lit[0]))
    near, far = widths
    if near < _NARROWER * far:
        return 1
    return -1 if far < _NARROWER * near else 0
