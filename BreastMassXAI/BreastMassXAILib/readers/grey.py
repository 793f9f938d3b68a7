"""From what files hold (colours, 16 bits, floats) to the float32 grey 0..255 of a frame."""

from __future__ import annotations

import numpy as np

from ..core.errors import InputError

COLOURED_SPREAD = 32
"""A pixel counts as coloured when its strongest and weakest of red, green and blue differ by more (of 255)."""
COLOURED_SHARE = 0.01
"""Above this share of coloured pixels a frame is said to be coloured (calipers and logos are below, Doppler above)."""


def to_grey(
    name: str, values: np.ndarray, limits: tuple[float, float] | None = None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Grey values 0..255 of a decoded image, with warnings.

    Whole numbers within 0..255 stay as they are, whatever type stores them. Everything else is mapped linearly, from
    `limits` or else from its minimum and maximum, to 0..255. Colours become ITU-R BT.601 luminance.

    Parameters
    ----------
    name : str
        The file's name, for messages.
    values : ndarray, shape (rows, columns) or (rows, columns, channels)
        Channels: grey and alpha (2), RGB (3), RGB and alpha (4); alpha is ignored.
    limits : (low, high), optional
        The range that the format can hold, where it is known (DICOM's bits stored).

    Returns
    -------
    ndarray of float32, shape (rows, columns)
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
    values, notes = _to_eight_bits(values, limits)
    if values.ndim == 3:
        notes += _colour_note(values)
        values = _luminance(values)
    return values, notes


def _to_eight_bits(values: np.ndarray, limits: tuple[float, float] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    if values.dtype == np.uint8 and limits is None:
        return values.astype(np.float32), ()
    low, high = float(values.min()), float(values.max())
    if limits is None:
        if low == high or not np.isfinite([low, high]).all():
            return values.astype(np.float32), ()  # a Frame says what is wrong with it
        if low >= 0 and high <= 255 and (values.dtype.kind in "iub" or np.array_equal(values, np.rint(values))):
            return values.astype(np.float32), ()
        limits, what = (low, high), "the values found"
    else:
        what = "the bits stored"
    low, high = limits
    scaled = (values.astype(np.float64) - low) * (255 / (high - low))
    note = f"The frame has more than 8 bits: {low:g} to {high:g} ({what}) was mapped linearly to grey 0 to 255."
    return np.clip(scaled, 0, 255).astype(np.float32), (note,)


def _luminance(colours: np.ndarray) -> np.ndarray:
    """ITU-R BT.601 luma, written so that a grey pixel keeps its value to the last bit."""
    red, green, blue = np.moveaxis(colours, 2, 0)
    return green + np.float32(0.299) * (red - green) + np.float32(0.114) * (blue - green)


def _colour_note(colours: np.ndarray) -> tuple[str, ...]:
    share = float((np.ptp(colours, axis=2) > COLOURED_SPREAD).mean())
    if share <= COLOURED_SHARE:
        return ()
    return (
        f"{share:.0%} of the pixels are coloured (colour Doppler, a tint or an overlay): only their luminance is used, "
        "and the network has seen grey frames only.",
    )
