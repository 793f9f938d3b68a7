"""What a mask is laid onto: the frame with all that tells where a mask of it belongs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..core.errors import InputError
from ..core.frame import Frame
from .placement import Grid, Placed, size_sentence


@dataclass(frozen=True, eq=False)
class Onto:
    """What a mask is for.

    Parameters
    ----------
    shape : (rows, columns)
        Of a frame.
    count : int
        Frames in its file.
    index : int
        Which of them.
    grid : Grid, optional
        Of the frame's file as stored, where it has one.
    axis : {0, 1, 2}
        How that was cut.
    turned, flipped : bool
        Whether the frame's rows were turned, and whether because a person said so.
    pixels : ndarray, shape (rows, columns), optional
        Grey values of frame `index`, to tell a mask from a copy of it.
    """

    shape: tuple[int, int]
    count: int = 1
    index: int = 0
    grid: Grid | None = None
    axis: int = 0
    turned: bool = False
    flipped: bool = False
    pixels: np.ndarray | None = None

    def at(self, index: int, frame: Frame) -> Onto:
        """The same for one frame of the file."""
        return replace(self, shape=frame.shape, index=index, pixels=frame.pixels)


def as_drawn(onto: Onto) -> np.ndarray | None:
    """The frame's pixels with the rows in the order in which a mask without geometry is drawn."""
    if onto.pixels is None:
        return None
    return onto.pixels[::-1] if onto.flipped and onto.turned else onto.pixels


def as_the_frame(path: Path, pixels: np.ndarray, notes: tuple[str, ...], onto: Onto) -> Placed:
    """A mask whose file tells no geometry: it lies on the frame as that is shown, or as it is stored where a person
    says how that is."""
    if onto.flipped:
        return Placed(pixels[:, ::-1] if onto.turned else pixels, None, notes)
    if onto.turned:
        notes += (
            f"The frame's rows were turned, the mask {path.name} says nothing of its own: it was taken to be upright.",
        )
    return Placed(pixels, None if onto.count > 1 and len(pixels) == 1 else 0, notes)


def own_warnings(path: Path, warnings: tuple[str, ...]) -> tuple[str, ...]:
    """What was said of the orientation of the mask's file, with its name."""
    return tuple(f"{path.name}: {text}" for text in warnings if "rows" in text)


def check_size(path: Path, found: tuple[int, ...], wanted: tuple[int, int]) -> None:
    if found[:2] != wanted:
        raise InputError(size_sentence(path.name, found, wanted))


def count_sentence(path: Path, found: tuple[int, ...], onto: Onto) -> str:
    return (
        f"The mask {path.name} does not fit the loop: the mask has {found[0]} frames of {found[2]} x {found[1]} "
        f"pixels, the loop {onto.count} of {onto.shape[1]} x {onto.shape[0]} (columns x rows)."
    )
