"""The one rule by which stored values become the mask of a mass, whatever file they come from.

Two levels: the one that is not zero is the mass. More levels are labels (areas of whole numbers), of which one must be
chosen, or a soft edge (JPEG, antialiasing, probabilities), which is cut at half of its range. A picture of tissue is
none of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from ..core.errors import InputError, SegmentChoiceError
from ..core.regions import mask_box

MAX_LABELS = 16
"""More values than this are soft edges, not labels; and a label map counts its labels from 1 to at most this."""
IGNORE = 255
"""What label maps write where a person did not decide (nnU-Net, Cityscapes)."""
LIKENESS = 0.5
"""Correlation with the frame above which values are a picture of it. A mass is darker than its surroundings, so that of
a mask is about zero or below."""

_AREA_SHARE = 0.5
"""Share of a label's pixels that lies in squares of 3 x 3; of the rim of an edge, or of noise, nothing does."""
ENDS = 1 / 8
"""Of the range: values this close to an end are black or marked, give or take what compression adds."""
_APART = 1 / 20
"""Of the range: two labels that are drawn as greys differ by more, what compression adds to a plain grey is less."""
_PEAK = 1 / 16
_CRUMB = 8
"""Pixels."""
_FAINT = 1 / 300
_AWAY = 16
"""Pixels, two blocks of a JPEG: what is not black farther from the mass is no edge of it."""
_SPECK = 0.005
"""Pieces below this share of the largest are named as specks."""
_TIP = 3
"""Pixels: what lies so near the mass belongs to it."""
_TISSUE = 0.9
"""Correlation with the frame, within what is not black, above which that is its tissue: the levels of an edge have
none, or the opposite one."""
_PIECES, _DUST = 100, 0.7
"""Marked pixels in more pieces than the first, of which less than the second lies in squares of 3 x 3, are a dithered
picture."""


class Marked(NamedTuple):
    """What a rule made of values: bool of their shape, and notes in sentences."""

    pixels: np.ndarray
    notes: tuple[str, ...] = ()


def mark(
    name: str,
    values: np.ndarray,
    segments: Sequence[str] = (),
    frame: np.ndarray | None = None,
    *,
    lossy: bool = False,
    limits: tuple[float, float] | None = None,
) -> Marked:
    """The mass in the values of a mask.

    Parameters
    ----------
    name : str
        The file's name, for messages.
    values : ndarray, shape (..., rows, columns)
        Numbers or bool; several frames share one rule.
    segments : sequence of str
        The values that are the mass, where a person chose them.
    frame : ndarray, shape (rows, columns) or of `values`, optional
        Grey values of what the mask is for, to tell a mask from a copy of it.
    lossy : bool
        Whether values may differ from what was drawn (JPEG): these are never labels.
    limits : (low, high), optional
        The range by the format's own definition (fractional segmentations).

    Raises
    ------
    SegmentChoiceError
        When several labels could be the mass, or those chosen are not there.
    InputError
        When the values are no mask: not numbers, negative, or a picture of tissue.
    """
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise InputError(f"The mask {name} contains values that are not numbers (NaN or infinity).")
    if values.dtype == bool:
        values = values.view(np.uint8)
    low, high = values.min(), values.max()
    if segments:
        if lossy:
            raise InputError(f"{name} is a JPEG, which blurs values: save it as PNG to choose one of its labels.")
        return Marked(_chosen(name, values, segments))
    if limits is not None:
        return _cut(name, values, *limits, frame, defined=True)
    if (at_top := values == high).all() or (at_top | (values == low)).all():
        return _two_levels(name, values, at_top, low, high, frame)
    if low < 0:
        raise InputError(
            f"The mask {name} has values from {_text(low)} to {_text(high)}: what is below 0 means nothing in a mask."
        )
    if looks_like(values, frame):
        raise InputError(a_picture(name))
    if is_cut_out(values, frame):
        raise InputError(a_cut_out(name))
    if not lossy and (areas := _labels(values, float(low), float(high))):
        if areas == [1]:
            ignored = int((values == IGNORE).sum())
            note = (
                f"The value {IGNORE} in the mask {name} ({ignored} pixels) means 'ignore' and does not count as mass."
            )
            return Marked(values == 1, (note,))
        raise SegmentChoiceError(name, "values", [str(area) for area in areas])
    return _cut(name, values, float(low), float(high), frame)


def specks(name: str, mask: np.ndarray) -> tuple[str, ...]:
    """A note of tiny pieces that lie beside the mass, as compression and slips of the hand leave them.

    Raises
    ------
    InputError
        When the mask, shape (rows, columns), is dust: hundreds of pieces, as a dithered picture has; or a line around
        an area that is larger than itself.
    """
    if not mask.any():
        return ()
    inside = mask[mask_box(mask)]
    marked = int(inside.sum())
    enclosed = int(ndimage.binary_fill_holes(inside).sum()) - marked
    if enclosed > marked:
        raise InputError(
            f"The mask {name} marks an outline only: {_count(marked, 'pixel')} around {enclosed} that it does not "
            "mark. Save the outline filled."
        )
    pieces, count = ndimage.label(inside, np.ones((3, 3)))
    apart = ndimage.label(inside)[1]
    if apart > _PIECES and ndimage.binary_opening(inside, np.ones((3, 3))).sum() < _DUST * inside.sum():
        raise InputError(
            f"{name} is no mask of a mass: what it marks lies in {apart} pieces, as a dithered picture does."
        )
    if count < 2:
        return ()
    areas = np.bincount(pieces.ravel())[1:]
    # The tip of a spicule may come apart from its mass when it is drawn on a grid.
    touching = np.unique(pieces[ndimage.binary_dilation(pieces == areas.argmax() + 1, iterations=_TIP)])
    beside = ~np.isin(np.arange(1, count + 1), touching)
    small = areas[beside & (areas < max(_SPECK * areas.max(), 4))]
    if not len(small):
        return ()
    return (
        f"The mask {name} holds {_count(len(small), 'speck')} of at most {_count(int(small.max()), 'pixel')} apart "
        "from the mass, which count as mass.",
    )


def looks_like(values: np.ndarray, frame: np.ndarray | None) -> bool:
    """Whether values are a picture of the frame: as they are, or with something drawn on it."""
    if frame is None or values.shape[-2:] != frame.shape[-2:]:
        return False
    if values.ndim > 2:  # frames in order, or one frame for all: the fullest is compared
        fullest = int(values.reshape(len(values), -1).sum(axis=1, dtype=float).argmax())
        frame = frame[fullest] if frame.ndim > 2 else frame
        values = values[fullest]
    one, other = values.astype(np.float32).ravel(), np.asarray(frame, np.float32).ravel()
    one, other = one - one.mean(dtype=float), other - other.mean(dtype=float)
    size = float(np.sqrt((one @ one) * float(other @ other)))
    return size > 0 and float(one @ other) / size > LIKENESS


def is_cut_out(values: np.ndarray, frame: np.ndarray | None) -> bool:
    """Whether values are a piece of the frame on black: its grey levels within an outline."""
    if frame is None or values.shape[-2:] != frame.shape[-2:] or values.size != frame.size:
        return False
    there = values > 0
    one, other = values[there].astype(np.float64), np.asarray(frame, np.float64).reshape(values.shape)[there]
    if len(one) < 64 or one.std() == 0 or other.std() == 0:
        return False
    return float(np.corrcoef(one, other)[0, 1]) > _TISSUE


def _two_levels(name: str, values: np.ndarray, at_top: np.ndarray, low, high, frame: np.ndarray | None) -> Marked:
    if low == high or low == 0 or high == 0:
        return Marked(values != 0)
    if low < 0:
        raise InputError(
            f"The mask {name} has the values {_text(low)} and {_text(high)}: none of them is 0, the background."
        )
    note = (
        f"The mask {name} has no 0, only {_text(low)} and {_text(high)}: the higher value is taken for the mass "
        f"({int(at_top.sum())} pixels), the lower for the background."
    )
    return Marked(at_top, (note,))


def _labels(values: np.ndarray, low: float, high: float) -> list[int]:
    """The labels, where values are labels; none where they are the levels of an edge.

    Small whole numbers are labels; so are 1 beside 255, and larger whole numbers that fill areas in between, which the
    levels of an edge do not.
    """
    whole = values.dtype.kind in "iu" or (high < 2**31 and np.array_equal(values, np.rint(values)))
    if not whole:
        return []
    levels = np.unique(values)
    if high <= MAX_LABELS:
        return [int(level) for level in levels if level > 0]
    rest = levels[(levels > 0) & (levels < high)]
    if high == IGNORE and len(rest) and rest[-1] <= MAX_LABELS:
        areas = [int(level) for level in rest if not _is_noise(values == level)]
        certain = areas == [1] and is_area(values == 1)
        return areas if certain or not areas else [*areas, IGNORE]
    if len(levels) <= MAX_LABELS:
        between = rest[(rest > low + _APART * (high - low)) & (rest < high - _APART * (high - low))]
        if any(is_area(values == level) for level in between):
            return [int(level) for level in levels if level > 0 and is_area(values == level)]
        return []
    return _peaks(values, (low + ENDS * (high - low), high - ENDS * (high - low)), high)


def _peaks(values: np.ndarray, ends: tuple[float, float], high: float) -> list[int]:
    """Areas of one grey in between, in a picture with many levels: labels that were blurred or compressed."""
    between = (values > ends[0]) & (values < ends[1])
    marked = int((values >= ends[1]).sum())
    found = values[between]
    if len(found) < max(0.05 * marked, 64):
        return []
    counts, borders = np.histogram(found, bins=round(1 / _PEAK), range=ends)
    best = int(counts.argmax())
    width = borders[1] - borders[0]
    near = between & (values >= borders[best] - width) & (values <= borders[best + 1] + width)
    if near.sum() > 0.6 * len(found) and is_area(near):
        return [round(float(np.median(values[near]))), int(high)]
    return []


def _is_noise(pixels: np.ndarray) -> bool:
    """Whether pixels lie in crumbs, as what compression leaves does."""
    pieces, count = ndimage.label(pixels)
    return count == 0 or int(np.bincount(pieces.ravel())[1:].max()) <= _CRUMB


def is_area(pixels: np.ndarray) -> bool:
    square = np.ones((1,) * (pixels.ndim - 2) + (3, 3), bool)
    return int(ndimage.binary_opening(pixels, square).sum()) >= max(_AREA_SHARE * int(pixels.sum()), 1)


def _cut(
    name: str, values: np.ndarray, low: float, high: float, frame: np.ndarray | None, defined: bool = False
) -> Marked:
    """A mask with soft edges, cut in the middle; a picture that is mostly in between is no mask.

    Where the range is the format's own (`defined`), all of it may be in between: a network seldom is certain.
    """
    if high <= low:
        return Marked(np.zeros(values.shape, bool))
    height = (values.astype(np.float32) - np.float32(low)) / np.float32(high - low)
    if (not defined and is_in_between(height)) or looks_like(values, frame):
        raise InputError(a_picture(name))
    half = low + (high - low) / 2
    mask = values >= half
    soft = int(((values > low) & (values < high)).sum())
    notes: tuple[str, ...] = ()
    if soft:
        notes = (
            f"The mask {name} has more than two levels: values from {_text(half)} on, half of its range {_text(low)} "
            f"to {_text(high)}, count as mass; {_count(soft, 'pixel')} lay between.",
        )
    return Marked(mask, notes + _faint(name, height, mask))


def is_in_between(height: np.ndarray) -> bool:
    """Whether more pixels are neither black nor marked than marked, and these are no small part; `height` is 0..1."""
    between = int(((height > ENDS) & (height < 1 - ENDS)).sum())
    return between > 0.05 * height.size and between > int((height >= 1 - ENDS).sum())


def _faint(name: str, height: np.ndarray, mask: np.ndarray) -> tuple[str, ...]:
    """A note of what is not black far from the mass: compression, a caliper, a second mass drawn in grey."""
    stray = (height > _FAINT) & ~mask
    if not stray.any() or not mask.any():
        return ()
    window = (1,) * (mask.ndim - 2) + (2 * _AWAY + 1,) * 2
    stray &= ~ndimage.maximum_filter(mask, window)
    count = int(stray.sum())
    if not count:
        return ()
    return (
        f"In the mask {name} {_count(count, 'pixel')} farther than {_AWAY} pixels from the mass are not black (up to "
        f"{height[stray].max():.1%} of its range) and do not count as mass.",
    )


def _chosen(name: str, values: np.ndarray, segments: Sequence[str]) -> np.ndarray:
    mask = np.zeros(values.shape, bool)
    for segment in segments:
        try:
            found = values == float(segment)
        except ValueError:
            found = np.zeros((), bool)
        if not found.any():
            raise SegmentChoiceError(name, "values", _present(values), segment)
        mask |= found
    return mask


def _present(values: np.ndarray) -> list[str]:
    return [_text(level) for level in np.unique(values)[: MAX_LABELS + 1] if level != 0]


def a_picture(name: str) -> str:
    return (
        f"{name} is a grey picture, not a mask: most of its pixels are neither black nor marked, or it shows the frame."
    )


def a_cut_out(name: str) -> str:
    return f"{name} is a piece of the frame, not a mask: within its outline it shows tissue. Save the outline filled."


def _text(value) -> str:
    return f"{float(value):.6g}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
