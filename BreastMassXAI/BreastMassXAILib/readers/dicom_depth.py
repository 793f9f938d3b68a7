"""Which values of a DICOM file with more than 8 bits are black and white."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from .grey import EIGHT_BITS, FOUND, eight_bits, grey_and_colours

if TYPE_CHECKING:
    from pydicom import Dataset

FILLED = 1 / 4
"""A window or the bits stored are believed where the values reach this share of them; a darker picture would be one
that was never meant to be looked at in this way."""
_DEPTHS = (10, 12, 14, 16)
"""Bits of grey that devices have."""


class GreyDepth:
    """The grey scale of a file, one for all of its frames.

    In this order: the file's own window (0028,1050 and 0028,1051; PS3.3 C.11.2), as far as its values support it;
    grey levels of 8 bits, whatever type stores them; the bits stored (0028,0101), where the values fill them; the
    fewest bits that hold the values; the values' own range, where they are below zero.

    Parameters
    ----------
    name : str
        The file's, for messages.
    header : Dataset
    frames : callable
        Yields the values of all frames, where more than one must be looked at.
    """

    def __init__(self, name: str, header: Dataset, frames: Callable[[], Iterator[np.ndarray]]) -> None:
        self._name = name
        self._header = header
        self._frames = frames
        self._decided: tuple[tuple[float, float] | None, str] | None = None

    @cached_property
    def inverted(self) -> bool:
        """Whether small values are white: MONOCHROME1, or a rescale slope below zero."""
        inverted = str(self._header.get("PhotometricInterpretation") or "") == "MONOCHROME1"
        return inverted != (self._rescale()[0] < 0)

    def grey(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
        """Grey values 0..255 as :func:`~.grey.grey_and_colours` gives them; not inverted yet."""
        grey, marked, notes = grey_and_colours(self._name, values, *self.limits(values))
        return grey, marked, notes

    def limits(self, values: np.ndarray) -> tuple[tuple[float, float] | None, str]:
        """The stored values of black and white (None for those of 8 bits), and where they come from."""
        if values.dtype == np.uint8 or values.dtype.kind == "f":
            return None, FOUND
        if self._decided is None:
            several = int(self._header.get("NumberOfFrames") or 1) > 1
            self._decided = self._decide(self._frames() if several else iter((values,)))
        return self._decided

    def _decide(self, frames: Iterator[np.ndarray]) -> tuple[tuple[float, float] | None, str]:
        bits = int(self._header.BitsStored)
        signed = bool(self._header.get("PixelRepresentation", 0))
        half = 1 << bits - 1
        low, high, tops = math.inf, -math.inf, {0: 0.0, half: 0.0}
        for values in frames:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
            for zero in (0, half) if signed else (0,):  # where black may lie below zero
                levels = values.astype(np.int32) + zero
                found = eight_bits(levels) if levels.max() > 255 else 255.0
                tops[zero] = max(tops[zero], found or math.inf)
        if (window := self._window()) is not None and _supported(window, low, high):
            return window, "the file's window"
        if low >= 0 and high <= 255:
            return None, FOUND
        for zero, top in tops.items():
            if 0 < top < math.inf and low + zero >= 0:
                return (-zero, top - zero), EIGHT_BITS
        zero = half if low < 0 else 0
        white = half - 1 if signed else (1 << bits) - 1
        if high + zero >= FILLED * (white + zero):
            return (-zero, white), "the bits stored"
        if low < 0:
            return (low, high), FOUND
        depth = next((depth for depth in _DEPTHS if high < 1 << depth), bits)
        return (0, (1 << depth) - 1), f"the {depth} bits that the values need of {bits} stored"

    def _rescale(self) -> tuple[float, float]:
        """Slope and intercept (0028,1053 and 0028,1052)."""
        try:
            slope, intercept = (float(self._header.get(tag) or 0) for tag in ("RescaleSlope", "RescaleIntercept"))
        except (TypeError, ValueError):
            return 1.0, 0.0
        return (slope, intercept) if slope and math.isfinite(slope) and math.isfinite(intercept) else (1.0, 0.0)

    def _window(self) -> tuple[float, float] | None:
        """The stored values that the first window (PS3.3 C.11.2.1.2) makes black and white, the smaller one first.

        A sigmoid is taken as the straight line that it follows in its middle.
        """
        try:
            centre, width = (_first(self._header.get(tag)) for tag in ("WindowCenter", "WindowWidth"))
        except ValueError:  # no numbers at all
            return None
        if centre is None or width is None:
            return None
        if str(self._header.get("VOILUTFunction") or "LINEAR").upper() == "LINEAR":
            centre, width = centre - 0.5, width - 1
        if width <= 0:
            return None
        slope, intercept = self._rescale()
        ends = sorted((value - intercept) / slope for value in (centre - width / 2, centre + width / 2))
        return ends[0], ends[1]


def _supported(window: tuple[float, float], low: float, high: float) -> bool:
    """Whether the values lie within a window and fill some of it."""
    black, white = window
    return low < white and high > black + FILLED * (white - black) and high <= white + (white - black)


def _first(value: Any) -> float | None:
    try:
        number = float(value[0] if isinstance(value, (list, tuple)) or hasattr(value, "append") else value)
    except (TypeError, ValueError, IndexError):
        return None
    return number if math.isfinite(number) else None
