"""One file in, its frames out: one, a loop's moments, or a volume's slices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..core.cine import Cine
from ..core.errors import InputError
from ..core.frame import Frame, Spacing
from ..core.upright import LOOKS_UPSIDE_DOWN, frame_skin_side
from .dicom import open_ultrasound
from .files import Kind, identify, source_of
from .grey import found_limits, to_grey
from .onto import Onto
from .pictures import count_pages, read_picture
from .ultrasound_regions import Place
from .volumes import Volume, read_stack

UPSIDE_DOWN = f"{LOOKS_UPSIDE_DOWN} If it is, turn it (--flip rows)."
FLIPPED = "The frame's rows were turned upside down, as was asked for."


def open_cine(path: Path, point: Place | None = None, axis: int = 0) -> Cine:
    """Open the frames of a PNG, JPEG, BMP, TIFF, NRRD, MHA/MHD, NIfTI or DICOM file; a single frame is a loop of one.

    Row 0 of the stored pixels is row 0 of the frame (the skin), unless the file says otherwise (see
    :func:`~.volumes.read_stack`); a frame that looks upside down gets a warning. EXIF orientation is not followed.
    PNG, JPEG, BMP and TIFF never give a spacing; NRRD, MHA and NIfTI give that of their header, unless it is exactly
    1 x 1 mm; DICOM gives that of its calibrated region.

    The frames of DICOM and TIFF are decoded one at a time; those of NRRD, MHA and NIfTI lie in memory in the file's
    own type.

    Parameters
    ----------
    path : Path
    point : (row, column) or (rows, columns) as slices, optional
        A point in the tissue of interest, or the box around the mass (:func:`~..core.regions.mask_box`), for DICOM
        files with several calibrated regions.
    axis : {0, 1, 2}
        For NRRD, MHA and NIfTI: along which axis of the array (slices, rows, columns) the frames lie.

    Raises
    ------
    InputError
        When the file is missing, unreadable, damaged, too large or not an image.
    MissingPackageError
        From reading a frame, when a compressed DICOM file needs a decoder that is not installed.
    """
    return open_frames(path, point, axis)[0]


def open_frames(path: Path, point: Place | None = None, axis: int = 0, flip_rows: bool = False) -> tuple[Cine, Onto]:
    """As :func:`open_cine`, and what a mask must know of the file.

    Parameters
    ----------
    flip_rows : bool
        Take the rows in the other order than the file is read in by itself; `point` is on the frames that result.
    """
    path = Path(path)
    kind = identify(path)
    if axis and kind is not Kind.VOLUME:
        raise InputError(f"{path.name} is no volume: its frames lie along axis 0 only.")
    if kind is Kind.DICOM:
        height = open_ultrasound(path).read(0).shape[0] if flip_rows and point is not None else 0
        cine, grid, turned = open_ultrasound(path, _from_below(point, height) if flip_rows else point), None, False
    elif kind is Kind.PICTURE:
        cine, grid, turned = _open_pages(path), None, False
    else:
        stack = read_stack(path, axis)
        cine, grid, turned = _frames_of(path, stack), stack.grid, stack.turned

    judged: list[bool] = []

    def upside_down(index: int, frame: Frame) -> bool:
        """By the first frame: a probe is not turned over within a loop."""
        if not judged:
            try:
                first = frame if index == 0 else turned_as_asked(0)
            except InputError:  # a black one
                first = frame
            judged.append(frame_skin_side(first) < 0)
        return judged[0]

    def turned_as_asked(index: int) -> Frame:
        frame = cine.read(index)
        if flip_rows:
            area = None if frame.scan_area is None else frame.scan_area[::-1]
            notes = tuple(text for text in frame.warnings if "--flip rows" not in text)
            frame = replace(frame, pixels=frame.pixels[::-1], scan_area=area, warnings=(*notes, FLIPPED))
        return frame

    def read(index: int) -> Frame:
        frame = turned_as_asked(index)
        return replace(frame, warnings=(*frame.warnings, UPSIDE_DOWN)) if upside_down(index, frame) else frame

    warnings = cine.warnings
    if flip_rows:
        warnings = (*(text for text in warnings if "--flip rows" not in text), FLIPPED)
    return replace(cine, read=read, warnings=warnings), Onto(
        (0, 0), len(cine), grid=grid, axis=axis, turned=turned != flip_rows, flipped=flip_rows
    )


def _from_below(place: Place | None, rows: int) -> Place | None:
    """A point or box on a frame of so many rows, as it lies on the frame turned upside down."""
    if place is None:
        return None
    row, column = place
    if isinstance(row, slice) and isinstance(column, slice):
        return slice(rows - row.stop, rows - row.start), column
    assert not isinstance(row, slice) and not isinstance(column, slice)
    return rows - 1 - row, column


def _open_pages(path: Path) -> Cine:
    count, source = count_pages(path), source_of(path)
    first = read_picture(path, 0)
    limits = None
    if count > 1 and first.pixels.dtype != np.uint8:
        limits = _shared_limits(read_picture(path, page).pixels for page in range(count))

    def read(index: int) -> Frame:
        picture = first if index == 0 else read_picture(path, index)
        if picture.pixels.shape[:2] != first.pixels.shape[:2]:
            raise InputError(f"Image {index + 1} of {path.name} has another size than the first.")
        pixels, notes = to_grey(path.name, picture.pixels, limits)
        return Frame(pixels, Spacing.unknown(), source=source, warnings=picture.warnings + notes, aspect=picture.aspect)

    return Cine(count, read, None, source, first.warnings)


def _shared_limits(pages: Iterable[np.ndarray]) -> tuple[float, float] | None:
    """One grey scale for all pages, some of which may be black; None where all of them have 8 bits."""
    ends: list[float] = []
    wide = False
    for values in pages:
        found = found_limits(values)
        if found is None and np.isfinite(values).all():
            found = float(values.min()), float(values.max())
            wide |= found[1] > 255
        else:
            wide |= found is not None
        ends += found or ()
    return (min(ends), max(ends)) if wide and min(ends) < max(ends) else None


def _frames_of(path: Path, stack: Volume) -> Cine:
    source = source_of(path, detached=stack.stored)
    limits = found_limits(stack.pixels) if len(stack.pixels) > 1 else None

    def read(index: int) -> Frame:
        pixels, notes = to_grey(path.name, stack.pixels[index], limits)
        return Frame(pixels, stack.spacing, source=source, warnings=stack.warnings + notes)

    return Cine(len(stack.pixels), read, None, source, stack.warnings)
