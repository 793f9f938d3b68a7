"""What the gauge and the chart of contributions look like, as plain shapes. No Qt here: `picture` paints them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..core.palette import diverging
from ..presenter.words import Bar, Gauge

Ink = str | tuple[float, float, float]
"""A role of the window's palette ("text", "faint", "base") or RGB 0..1."""

BADGE_COLORS = {"good": (0.16, 0.65, 0.31), "assumed": (0.93, 0.61, 0.09), "unknown": (0.87, 0.23, 0.22)}
"""RGB 0..1 of each of `presenter.inputs.Badge`; to be told apart on a light and on a dark window."""

_TINT = 0.45
"""How strong the gauge's halves are tinted; the mark and the text on them stay readable."""


@dataclass(frozen=True)
class Box:
    """A filled rectangle, in pixels."""

    x: int
    y: int
    width: int
    height: int
    ink: Ink


@dataclass(frozen=True)
class Text:
    """A line of text in a rectangle; `align` is "left", "center" or "right"."""

    x: int
    y: int
    width: int
    height: int
    text: str
    align: str = "left"
    ink: Ink = "text"


Shape = Box | Text


def gauge_shapes(gauge: Gauge, width: int, height: int, line: int) -> list[Shape]:
    """The probability on a scale from benign to malignant, with operating point and grey zone.

    Parameters
    ----------
    gauge : Gauge
    width, height : int
        Room in pixels.
    line : int
        Height of a line of text in pixels.
    """
    left, right = 6, max(width - 6, 7)
    top, bottom = line + 2, height - line - 2

    def at(probability: float) -> int:
        return round(left + (right - left) * min(max(probability, 0.0), 1.0))

    threshold, mark = at(gauge.threshold), at(gauge.probability)
    shapes: list[Shape] = [
        Box(left, top, threshold - left, bottom - top, _tint(-1)),
        Box(threshold, top, right - threshold, bottom - top, _tint(1)),
    ]
    if gauge.grey_high > gauge.grey_low:
        low, high = at(gauge.grey_low), at(gauge.grey_high)
        shapes.append(Box(low, top, high - low, bottom - top, (0.62, 0.62, 0.62)))
    shapes += [
        Box(threshold - 1, top - 3, 2, bottom - top + 6, "text"),
        Box(mark - 3, top - 2, 7, bottom - top + 4, "base"),
        Box(mark - 2, top - 2, 5, bottom - top + 4, "text"),
        _centred(mark, 0, line, f"{gauge.probability:.2f}", width),
        _centred(threshold, bottom + 2, line, f"threshold {gauge.threshold:.2f}", width, "faint"),
    ]
    if threshold - left > 3 * line and right - threshold > 3 * line:  # else the words would run into the threshold's
        shapes += [
            Text(left, bottom + 2, (right - left) // 3, line, "benign", "left", "faint"),
            Text(right - (right - left) // 3, bottom + 2, (right - left) // 3, line, "malignant", "right", "faint"),
        ]
    return shapes


def bar_shapes(bars: Sequence[Bar], width: int, height: int, line: int) -> list[Shape]:
    """A bar a contribution, from a common zero line: to the left towards benign, to the right towards malignant."""
    if not bars:
        return []
    names, values = min(8 * line, width // 3), 4 * line
    left, right = names + 6, max(width - values - 6, names + 7)
    low = min(0.0, *(bar.value for bar in bars))
    high = max(0.0, *(bar.value for bar in bars))
    span = (high - low) or 1.0
    step = height // len(bars)
    thick = max(step - 6, 4)
    zero = round(left - (right - left) * low / span)
    shapes: list[Shape] = []
    for index, bar in enumerate(bars):
        y = index * step + (step - thick) // 2
        end = round(left + (right - left) * (bar.value - low) / span)
        shapes += [
            Text(0, index * step, names, step, bar.name, "right"),
            Box(min(zero, end), y, max(abs(end - zero), 1), thick, bar.color),
            Text(right + 6, index * step, values, step, bar.text, "right"),
        ]
    shapes.append(Box(zero, 0, 1, step * len(bars), "faint"))
    return shapes


def _tint(side: int) -> tuple[float, float, float]:
    red, green, blue = diverging(np.array(_TINT * side))
    return float(red), float(green), float(blue)


def _centred(x: int, y: int, line: int, text: str, width: int, ink: Ink = "text") -> Text:
    """Text around `x`, pushed back into the picture at its ends."""
    room = max(line, round(0.62 * line * len(text)))
    return Text(min(max(x - room // 2, 0), max(width - room, 0)), y, room, line, text, "center", ink)
