"""The mask of a mass onto the disk, as it lies on its frame's file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ..core.errors import InputError, OutputError
from ..core.frame import Frame, MaskOrigin
from ..core.suggested import ORIGIN_TAG, OUTLINE_TAG, outline_digest
from ..readers.masks import Onto
from ..readers.nrrd import write_nrrd
from ..readers.placement import Grid

SUFFIXES = (".nrrd", ".png")


def check_mask_name(path: Path) -> None:
    """Refuse, before anything is computed, a file that cannot hold a mask.

    Raises
    ------
    InputError
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"A mask is written as .seg.nrrd or .png, not as {path.name}.")


def write_mask(path: Path, mass: np.ndarray, frame: Frame, onto: Onto, origin: MaskOrigin) -> None:
    """Write a mask that :func:`~..readers.masks.read_mask` lays on the frame's file just as it is here.

    Parameters
    ----------
    path : Path
        ``.seg.nrrd`` (or ``.nrrd``): a segmentation with the segment ``mass``, in the geometry of the frame's file,
        where that has one; a tag tells its origin. ``.png``: 0 and 255, which tells neither.
    mass : ndarray of bool, shape of the frame
    frame : Frame
    onto : Onto
        Of the frame's file.
    origin : MaskOrigin

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    if path.suffix.lower() == ".png":
        from PIL import Image

        stored = mass[::-1] if onto.turned and onto.flipped else mass
        try:
            Image.fromarray(np.where(stored, 255, 0).astype(np.uint8)).save(path, "PNG", optimize=True)
        except OSError as error:
            raise OutputError(f"The mask cannot be written: {error.strerror or error}.") from error
        return
    stored = mass[::-1] if onto.turned else mass
    names, tags = {1: "mass"}, {ORIGIN_TAG: origin.value, OUTLINE_TAG: outline_digest(mass)}
    grid = onto.grid
    if grid is not None and (not grid.stated or onto.axis):
        grid = None
    write_nrrd(
        path,
        stored.astype(np.uint8),
        frame.spacing,
        names,
        tags=tags,
        grid=None if grid is None else _slice_of(grid, onto.index),
    )


def _slice_of(grid: Grid, index: int) -> Grid:
    origin = grid.origin + index * grid.spacing[0] * grid.directions[:, 0]
    return replace(grid, shape=(1, *grid.shape[1:]), origin=origin)
