"""Whether a frame's millimetres can be true: its width as a whole, and what the file and its user say of its pixels."""

from __future__ import annotations

from dataclasses import replace

from .errors import InputError, SpacingError
from .frame import Frame, Spacing

WIDTH_MM = (10.0, 300.0)
"""Breast probes image 25 to 60 mm, whole-breast scanners some 150: a frame beyond this is a slip of the unit or of a
point. Crops around a mass can be smaller than the first."""
SAME = 0.01
"""Pixel sizes that differ by less (relative) are the same: headers round."""
TAKEN_AS_UNKNOWN = "the spacing is taken as unknown"
"""What readers end their sentence with when they do not believe a pixel size."""


def implausible(frame: Frame) -> str:
    """A sentence where the frame would be narrower or wider than any probe images; else, or without a size, empty."""
    if not frame.spacing.known:
        return ""
    row_mm, column_mm = frame.spacing.mm()
    height, width = frame.shape[0] * row_mm, frame.shape[1] * column_mm
    if WIDTH_MM[0] <= width <= WIDTH_MM[1]:
        return ""
    return (
        f"With pixels of {row_mm:.4g} x {column_mm:.4g} mm (row x column, {frame.spacing.provenance.value}) the frame "
        f"would be {width:.3g} mm wide and {height:.3g} mm deep: are these centimetres, or those of another image?"
    )


def confirmed_size(frame: Frame, confirmed: bool) -> Frame:
    """The frame, unless it cannot be so wide and nobody has confirmed that it is.

    Raises
    ------
    InputError
        With the size, and how to confirm it.
    """
    if not confirmed and (sentence := implausible(frame)):
        raise InputError(f"{sentence} If it is true, give --spacing with this size twice, or --confirm-size.")
    return frame


def with_other_spacing(frame: Frame, spacing: Spacing) -> Frame:
    """The frame with a pixel size that somebody says; where its file says another, a warning names both."""
    note = ""
    if frame.spacing.known and not _same(frame.spacing.mm(), spacing.mm()):
        row_mm, column_mm = frame.spacing.mm()
        note = f"{row_mm:.4g} x {column_mm:.4g} mm ({frame.spacing.provenance.value})"
    elif frame.aspect is not None and not _near(spacing.mm()[0] / spacing.mm()[1], frame.aspect):
        note = f"that its pixels are {frame.aspect:.4g} times as high as wide"
    if note:
        row_mm, column_mm = spacing.mm()
        note = f"The file says {note}; the pixel size that was given, {row_mm:.4g} x {column_mm:.4g} mm, is used."
    return replace(frame, spacing=spacing, warnings=(*frame.warnings, note) if note else frame.warnings)


def known_mm(frame: Frame) -> tuple[float, float]:
    """``(row, column)`` in mm per pixel.

    Raises
    ------
    SpacingError
        When they are unknown; it begins with the reason where the file states a size that was not believed.
    """
    try:
        return frame.spacing.mm()
    except SpacingError as error:
        reasons = [note for note in frame.warnings if note.rstrip(".").endswith(TAKEN_AS_UNKNOWN)]
        raise SpacingError(" ".join([*reasons, str(error)])) from None


def _same(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return _near(one[0], other[0]) and _near(one[1], other[1])


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= SAME * max(abs(one), abs(other))
