"""From what files hold (colours, 16 bits, floats) to the float32 grey 0..255 of a frame."""

from __future__ import annotations

import numpy as np

from ..core.errors import InputError
from ..core.regions import mask_box

COLOURED_SPREAD = 32
"""A pixel counts as coloured when its strongest and weakest of red, green and blue differ by more (of 255)."""
MARKS_SHARE, TINT_SHARE, FILLED_SHARE = 0.001, 0.5, 0.01
"""Coloured pixels are named above the first share of the frame, called a tint above the second; as filled areas (colour
Doppler), which calipers and text are not, they are named above the third."""
STROKE = 5
"""Width in pixels of a square that fits into no stroke of a caliper or letter."""


FOUND = "the values found"
EIGHT_BITS = "8-bit grey levels in a wider type"


def to_grey(
    name: str, values: np.ndarray, limits: tuple[float, float] | None = None, origin: str = FOUND
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Grey values 0..255 of a decoded image, with warnings of its colours too; see :func:`grey_and_colours`."""
    grey, marked, notes = grey_and_colours(name, values, limits, origin)
    return grey, notes if marked is None else notes + overlay_notes(marked)


def grey_and_colours(
    name: str, values: np.ndarray, limits: tuple[float, float] | None = None, origin: str = FOUND
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """Grey values 0..255 of a decoded image, its coloured pixels, and warnings.

    Whole numbers within 0..255 stay as they are, whatever type stores them. Everything else is mapped linearly, from
    `limits` or else from what :func:`found_limits` tells, to 0..255. Colours become ITU-R BT.601 luminance.

    Parameters
    ----------
    name : str
        The file's name, for messages.
    values : ndarray, shape (rows, columns) or (rows, columns, channels)
        Channels: grey and alpha (2), RGB (3), RGB and alpha (4); alpha is ignored.
    limits : (low, high), optional
        The range to map, where it is known (DICOM's bits stored, or what a whole stack holds).
    origin : str
        What `limits` are, for the warning.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
    ndarray of bool, shape (rows, columns), or None
        The coloured pixels of a colour image.
    tuple of str

    Raises
    ------
    InputError
        When the image has more channels than a colour has.
    """
    if values.ndim == 3:
        channels = values.shape[2]
        if channels not in (2, 3, 4):
            raise InputError(f"{name} has {channels} values in each pixel: neither a grey nor a colour image.")
        values = values[..., 0] if channels == 2 else values[..., :3]
    values, notes = _to_eight_bits(values, limits, origin)
    if values.ndim == 3:
        return luminance(values), coloured(values), notes
    return values, None, notes


def found_limits(values: np.ndarray) -> tuple[float, float] | None:
    """The values that shall become 0 and 255, or None when they are grey levels of 8 bits, or cannot be mapped.

    Where a picture of 8 bits was only stored in a wider type, as :func:`eight_bits` tells, its own 0 and 255; else the
    smallest and largest value.
    """
    if values.dtype == np.uint8:
        return None
    low, high = float(values.min()), float(values.max())
    if low == high or not np.isfinite([low, high]).all():
        return None  # a Frame says what is wrong with it
    if low >= 0 and high <= 255 and (values.dtype.kind in "iub" or np.array_equal(values, np.rint(values))):
        return None
    top = eight_bits(values)
    return (low, high) if top is None else (0.0, top)


def eight_bits(values: np.ndarray) -> float | None:
    """The value that stands for 255 where at most 256 evenly spaced levels from 0 on occur, as in an 8-bit picture that
    was stored with more bits; None where more levels occur.

    Looked for are 255ths of 1 (floats) and, for 10, 12, 14 and 16 bits, levels that were shifted to the left, or
    stretched to all bits and rounded. The coarsest that fit are taken: a dark picture lies on all finer ones too.
    """
    if not values.size or values.min() < 0:
        return None
    high = float(values.max())
    if values.dtype.kind == "f":
        tops = [1.0] if high <= 1 else []
    else:
        tops = [float(top) for bits in (16, 14, 12, 10) for top in ((1 << bits) - 1, 255 << bits - 8)]
    part = values.reshape(-1)[:: max(values.size // 4096, 1)]  # refuses nearly all others, at no cost
    for top in tops:
        if high <= top and _are_levels(part, top) and _are_levels(values, top):
            return top
    return None


def _are_levels(values: np.ndarray, top: float) -> bool:
    """Whether all values are 255ths of `top`, rounded to the values' own type."""
    if values.dtype.kind != "f" and top % 255 == 0:
        return not (values % int(top / 255)).any()
    levels = np.rint(values.astype(np.float64) * (255 / top)) * (top / 255)
    return bool(np.abs(levels - values).max() <= (1e-6 if values.dtype.kind == "f" else 0.5))


def _to_eight_bits(
    values: np.ndarray, limits: tuple[float, float] | None, origin: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    if limits is None:
        limits, origin = found_limits(values), FOUND
        if limits is not None and limits != (float(values.min()), float(values.max())):
            origin = EIGHT_BITS
    if limits is None:
        return values.astype(np.float32), ()
    low, high = limits
    note = f"The frame has more than 8 bits: {low:g} to {high:g} ({origin}) was mapped linearly to grey 0 to 255."
    if values.dtype.kind in "iu" and values.dtype.itemsize <= 2:  # a table takes a quarter of the time
        count = 1 << 8 * values.dtype.itemsize
        levels = np.arange(count)
        levels[levels > np.iinfo(values.dtype).max] -= count  # negative values count from the table's end
        return _stretched(levels, low, high)[values], (note,)
    return _stretched(values, low, high), (note,)


def _stretched(values: np.ndarray, low: float, high: float) -> np.ndarray:
    scaled = (values.astype(np.float64) - low) * (255 / (high - low))
    return np.clip(scaled, 0, 255).astype(np.float32)


def luminance(colours: np.ndarray) -> np.ndarray:
    """ITU-R BT.601 luma, 0.299 R + 0.587 G + 0.114 B (the Y of DICOM PS3.3 C.7.6.3.1.2), of (..., rows, columns, 3).

    Written so that a grey pixel keeps its value to the last bit.
    """
    red, green, blue = np.moveaxis(colours, -1, 0)
    return green + np.float32(0.299) * (red - green) + np.float32(0.114) * (blue - green)


def coloured(colours: np.ndarray) -> np.ndarray:
    """Which pixels of a colour image (rows, columns, 3) with values 0..255 are not grey; bool."""
    red, green, blue = np.moveaxis(colours, -1, 0)
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    return spread > COLOURED_SPREAD


def overlay_notes(marked: np.ndarray, scan_area: np.ndarray | None = None) -> tuple[str, ...]:
    """What the coloured pixels of a frame probably are: a tint, colour Doppler, or calipers, text and logos.

    Calipers and letters are strokes; what remains after an opening by a square wider than a stroke is filled, as
    colour Doppler is. A colour map tints most of the frame.

    Parameters
    ----------
    marked : ndarray of bool, shape (rows, columns)
        From :func:`coloured`.
    scan_area : ndarray of bool, optional
        Where Doppler can lie; colours elsewhere are of the device's screen.
    """
    share = np.count_nonzero(marked) / max(marked.size, 1)
    if share < MARKS_SHARE:
        return ()
    if share > TINT_SHARE:
        return (f"{share:.0%} of the pixels are coloured, as by a colour map: only their luminance is used.",)
    inside = marked if scan_area is None else marked & scan_area
    if box := _filled_box(inside):
        rows, columns = box
        return (
            f"{share:.1%} of the pixels are coloured and fill areas within columns {columns.start} to "
            f"{columns.stop - 1}, rows {rows.start} to {rows.stop - 1}, as colour Doppler does: only their luminance "
            "is used, and the network has seen grey frames only.",
        )
    return (
        f"Coloured marks (calipers, text, a logo or a colour bar) cover {share:.1%} of the pixels: only their "
        "luminance is used.",
    )


def _filled_box(marked: np.ndarray) -> tuple[slice, slice] | None:
    """The box around what is filled of the marked pixels, where that is more than a logo."""
    from scipy import ndimage

    if marked.sum() <= FILLED_SHARE * marked.size:
        return None
    rows, columns = mask_box(marked)
    filled = np.zeros_like(marked)
    filled[rows, columns] = ndimage.binary_opening(marked[rows, columns], np.ones((STROKE, STROKE), bool))
    return mask_box(filled) if filled.sum() > FILLED_SHARE * marked.size else None
