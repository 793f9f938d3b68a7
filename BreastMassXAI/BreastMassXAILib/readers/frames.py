"""One file in, one frame out; with the file of its mask, a frame whose millimetres are those of the mass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..core.errors import InputError
from ..core.frame import Frame, Source
from ..core.regions import mask_box
from .cines import open_frames
from .files import Kind, identify
from .masks import read_mask
from .placement import size_notes
from .ultrasound_regions import Place


def read_frame(
    path: Path, point: Place | None = None, index: int | None = None, axis: int = 0, flip_rows: bool = False
) -> Frame:
    """Read one 2D frame from PNG, JPEG, BMP, TIFF, NRRD, MHA/MHD, NIfTI or DICOM, as :func:`~.cines.open_cine` does.

    Parameters
    ----------
    path : Path
    point : (row, column) or (rows, columns) as slices, optional
        A point or box in the tissue of interest, for DICOM files with several calibrated regions.
    index : int, optional
        Which frame of a loop or volume, counted from 0; without it, the file must hold a single one.
    axis : {0, 1, 2}
        Along which axis of a volume's array the frames lie.
    flip_rows : bool
        Take the rows in the other order than the file is read in by itself.

    Raises
    ------
    InputError
        When the file is missing, unreadable, damaged, too large, not an image, more than one frame and none of them
        chosen, or no frame that can be looked at (see :class:`~..core.frame.Frame`).
    MissingPackageError
        When a compressed DICOM file needs a decoder that is not installed.
    """
    path = Path(path)
    cine, _ = open_frames(path, point, axis, flip_rows)
    return cine.read(frame_index(path, index, len(cine)))


def frame_index(path: Path, index: int | None, count: int) -> int:
    """Which of a file's frames is meant, counted from 0.

    Raises
    ------
    InputError
        When there is no such frame, or several and none of them was chosen.
    """
    if index is None and count > 1:
        raise InputError(
            f"{path.name} holds {count} frames: choose one of them (--frame 1 to {count}), or explain all of "
            "them as a cine loop."
        )
    index = index or 0
    if not 0 <= index < count:
        raise InputError(f"{path.name} has no frame {index + 1}: it holds {count}.")
    return index


def read_frame_and_mask(
    path: Path,
    mask: Path | Sequence[Path],
    index: int | None = None,
    *,
    segments: Sequence[str] = (),
    flip_rows: bool = False,
) -> tuple[Frame, np.ndarray, Source]:
    """Read a frame and the mask of its mass; of several calibrated regions, the mask chooses.

    Parameters
    ----------
    path : Path
    mask : Path or sequence of Path
        Of several masks the union is the mass, and the first is the source.
    index : int, optional
        As for :func:`read_frame`.
    segments : sequence of str
        Which of the mask's segments or labels are the mass, see :func:`~.masks.read_mask`.
    flip_rows : bool
        As for :func:`read_frame`; a mask without geometry of its own is turned with the frame.

    Returns
    -------
    Frame
        Its warnings tell what had to be decided about the mask, too.
    ndarray of bool, shape (rows, columns)
    Source
        Of the mask.

    Raises
    ------
    InputError, MissingPackageError
        As :func:`read_frame` and :func:`~.masks.read_mask`.
    """
    path = Path(path)
    paths = [Path(mask)] if isinstance(mask, str | Path) else [Path(each) for each in mask]
    cine, onto = open_frames(path, None, 0, flip_rows)
    index = frame_index(path, index, len(cine))
    frame = cine.read(index)
    found = [read_mask(each, onto.at(index, frame), segments) for each in paths]
    for each, one in zip(paths, found, strict=True):
        if frame.source is not None and frame.source.sha256 == one.source.sha256:
            raise InputError(f"The mask {each.name} is the frame itself.")
    mass = np.logical_or.reduce([one.pixels for one in found])
    if identify(path) is Kind.DICOM:
        frame = open_frames(path, mask_box(mass), 0, flip_rows)[0].read(index)
    notes = tuple(dict.fromkeys(note for one in found for note in one.notes))
    for each, one in zip(paths, found, strict=True):
        notes += size_notes(each.name, one.stated_mm, frame)
    return replace(frame, warnings=(*frame.warnings, *notes)), mass, found[0].source
