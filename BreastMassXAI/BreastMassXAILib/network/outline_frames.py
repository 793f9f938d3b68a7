"""Frames for the training of outline decoders, resampled once; also frames from which the mass was left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..core.errors import InputError
from ..core.field import Field
from ..core.frame import Case, Frame
from ..core.progress import Progress, silent
from ..core.regions import mask_box
from .frames import ahead
from .outline_decoder import FIELD
from .preprocessing import resample_field

_FINER = 1.25
"""Crops have so many times the pixels of the network's input, so that a second resampling blurs variants little."""
_LEAST_EMPTY = 0.3
"""Of the scan area's side: a smaller piece without a mass shows too little tissue to be learned from."""


@dataclass(frozen=True, eq=False)
class OutlineFrames:
    """Scan areas of frames with their masses, in 8 bits; and, where there is room for one, a piece without a mass.

    Parameters
    ----------
    crops, masses, empty : Tensor of uint8, shape (n, side, side)
        `masses` is 0 or 1.
    has_empty : ndarray of bool, shape (n,)
    used : ndarray of int, shape (n,)
        Which cases these are.
    unreadable : mapping of index to reason
        The other cases.
    """

    crops: Tensor
    masses: Tensor
    empty: Tensor
    has_empty: np.ndarray
    used: np.ndarray
    unreadable: dict[int, str]


def prepare_outline_frames(cases: Sequence[Case], size: int, progress: Progress = silent) -> OutlineFrames:
    """Cut out every case's scan area.

    Raises
    ------
    InputError
        When no case can be read.
    """
    side = 16 * round(size * _FINER / 16)

    def prepare(index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None] | str:
        try:
            case = cases[index]
        except InputError as error:
            return str(error)
        whole = FIELD.field(case.mass, case.frame.scan_area, case.frame.spacing)
        pixels = case.frame.pixels
        mass = resample_field(255 * case.mass.astype(np.float32), whole, side) > 127
        free = _without(case.mass, whole)
        empty = None if free is None else resample_field(pixels, free, side).round().astype(np.uint8)
        return resample_field(pixels, whole, side).round().astype(np.uint8), mass.astype(np.uint8), empty

    found, used, unreadable = [], [], {}
    for index, item in enumerate(ahead(prepare, range(len(cases)), 2)):
        progress(index + 1, len(cases), "frames")
        if isinstance(item, str):
            unreadable[index] = item
        else:
            found.append(item)
            used.append(index)
    if not found:
        why = next(iter(unreadable.values()), "the data set is empty")
        raise InputError(f"There is no frame to train on: {why}")
    nothing = np.zeros((side, side), np.uint8)
    return OutlineFrames(
        torch.from_numpy(np.stack([f[0] for f in found])),
        torch.from_numpy(np.stack([f[1] for f in found])),
        torch.from_numpy(np.stack([nothing if f[2] is None else f[2] for f in found])),
        np.array([f[2] is not None for f in found]),
        np.array(used),
        unreadable,
    )


def without_mass(case: Case) -> Frame | None:
    """The largest rectangle of a frame beside its mass; None where all are too small.

    The data sets at hand hold no normal breasts; this comes nearest to one.
    """
    whole = FIELD.field(case.mass, case.frame.scan_area, case.frame.spacing)
    free = _without(case.mass, whole)
    if free is None:
        return None
    rows, columns = free.pixels(case.frame.shape)
    try:
        return Frame(case.frame.pixels[rows, columns], case.frame.spacing)
    except InputError:  # nothing but black
        return None


def _without(mass: np.ndarray, whole: Field) -> Field | None:
    """The largest of the four rectangles beside the mass, a little away from it; None where all are too small."""
    rows, columns = mask_box(mass)
    away_y, away_x = 0.04 * whole.height, 0.04 * whole.width
    bottom, right = whole.row + whole.height, whole.column + whole.width
    pieces = [
        Field(whole.row, whole.column, whole.height, columns.start - away_x - whole.column),
        Field(whole.row, columns.stop + away_x, whole.height, right - columns.stop - away_x),
        Field(whole.row, whole.column, rows.start - away_y - whole.row, whole.width),
        Field(rows.stop + away_y, whole.column, bottom - rows.stop - away_y, whole.width),
    ]
    fit = [p for p in pieces if p.height >= _LEAST_EMPTY * whole.height and p.width >= _LEAST_EMPTY * whole.width]
    return max(fit, key=lambda p: p.height * p.width, default=None)
