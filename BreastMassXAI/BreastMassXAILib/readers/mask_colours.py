"""Which colours of a mask are the mass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core.errors import InputError, SegmentChoiceError
from .mask_rule import (
    ENDS,
    MAX_LABELS,
    Marked,
    a_cut_out,
    a_picture,
    is_area,
    is_cut_out,
    is_in_between,
    looks_like,
    mark,
)


def mark_colours(
    name: str,
    colours: np.ndarray,
    alpha: np.ndarray | None = None,
    segments: Sequence[str] = (),
    frame: np.ndarray | None = None,
    *,
    lossy: bool = False,
) -> Marked:
    """The mass in a coloured mask: what is not black, and not transparent.

    Parameters
    ----------
    name : str
    colours : ndarray of whole numbers, shape (rows, columns, 3)
    alpha : ndarray of whole numbers, shape (rows, columns), optional
        Where everything is transparent it means nothing.
    segments : sequence of str
        The colours that are the mass, as ``#rrggbb`` (of 8 bits), where a person chose them.
    frame, lossy
        As for :func:`mark`.

    Raises
    ------
    SegmentChoiceError, InputError
        As :func:`mark`, of colours.
    """
    strength = colours.max(axis=2)
    plain = bool((colours == strength[..., None]).all())
    if alpha is not None and alpha.any():
        strength = strength * (alpha / (1.0 if alpha.dtype == bool else float(np.iinfo(alpha.dtype).max)))
        if not strength.any():  # black marks on nothing
            strength = alpha.astype(np.int64)
        if np.array_equal(strength, np.rint(strength)):
            strength = strength.astype(np.int64)
    if plain:
        return mark(name, strength, segments, frame, lossy=lossy)
    # A colour may well be dim; tissue, and what is drawn on it, is grey for the most part.
    top = max(float(strength.max()), 1e-9)
    grey = strength - colours.min(axis=2) <= ENDS * top
    if looks_like(strength, frame) or is_in_between(np.where(grey, strength / top, 0)):
        raise InputError(a_picture(name))
    if is_cut_out(strength, frame):
        raise InputError(a_cut_out(name))
    shift = 8 if colours.dtype.itemsize > 1 else 0
    red, green, blue = np.moveaxis(colours.astype(np.int64) >> shift, 2, 0)
    codes = np.where(strength > 0, red << 16 | green << 8 | blue, 0)
    if segments:
        if lossy:
            raise InputError(f"{name} is a JPEG, which blurs colours: save it as PNG to choose one of them.")
        return Marked(_chosen_colours(name, codes, segments))
    if len(found := _several_colours(codes, strength)) > 1:
        raise SegmentChoiceError(name, "colours", [_colour(code) for code in found])
    return mark(name, strength, (), frame, lossy=True) if lossy or len(np.unique(codes)) > 2 else Marked(codes > 0)


def _several_colours(codes: np.ndarray, strength: np.ndarray) -> list[int]:
    """The colours that fill areas; of many, those whose hues differ."""
    found, counts = np.unique(codes, return_counts=True)
    if len(found) <= MAX_LABELS:
        return [int(code) for code in found if code and is_area(codes == code)]
    marked = strength >= float(strength.max()) / 2
    hues = np.zeros(codes.shape, np.uint8)
    for bit, shift in enumerate((16, 8, 0)):
        channel = codes >> shift & 255
        hues |= (channel * 2 >= (codes >> 16 & 255).clip(codes >> 8 & 255).clip(codes & 255)).astype(np.uint8) << bit
    several = []
    for hue in range(1, 8):
        pixels = marked & (hues == hue)
        if pixels.sum() > 0.05 * marked.sum() and is_area(pixels):
            several.append(int(found[np.isin(found, codes[pixels])][counts[np.isin(found, codes[pixels])].argmax()]))
    return several


def _chosen_colours(name: str, codes: np.ndarray, segments: Sequence[str]) -> np.ndarray:
    mask = np.zeros(codes.shape, bool)
    for segment in segments:
        text = segment.strip().lstrip("#")
        try:
            code = int(text, 16) if len(text) == 6 else 0
        except ValueError:
            code = 0
        found = codes == code if code else np.zeros(codes.shape, bool)
        if not found.any():
            present = [_colour(int(each)) for each in np.unique(codes)[: MAX_LABELS + 1] if each]
            raise SegmentChoiceError(name, "colours", present, segment)
        mask |= found
    return mask


def _colour(code: int) -> str:
    return f"#{code:06x}"
