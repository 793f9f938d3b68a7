"""One file in, its frames out: one, a loop's moments, or a volume's slices."""

from __future__ import annotations

from pathlib import Path

from ..core.cine import Cine
from ..core.errors import InputError
from ..core.frame import Frame, Spacing
from .dicom import open_ultrasound
from .files import Kind, identify, source_of
from .grey import found_limits, to_grey
from .pictures import count_pages, read_picture
from .ultrasound_regions import Place
from .volumes import read_stack


def open_cine(path: Path, point: Place | None = None, axis: int = 0) -> Cine:
    """Open the frames of a PNG, JPEG, BMP, TIFF, NRRD, MHA/MHD, NIfTI or DICOM file; a single frame is a loop of one.

    Row 0 of the stored pixels is row 0 of the frame (the skin); patient axes and EXIF orientation are not followed.
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
    path = Path(path)
    kind = identify(path)
    if axis and kind is not Kind.VOLUME:
        raise InputError(f"{path.name} is no volume: its frames lie along axis 0 only.")
    if kind is Kind.DICOM:
        return open_ultrasound(path, point)
    if kind is Kind.PICTURE:
        return _open_pages(path)
    return _open_stack(path, axis)


def _open_pages(path: Path) -> Cine:
    count, source = count_pages(path), source_of(path)
    first = read_picture(path, 0)
    limits = None
    if count > 1 and found_limits(first.pixels):  # one grey scale for all
        ends = [value for page in range(count) for value in found_limits(read_picture(path, page).pixels) or ()]
        limits = (min(ends), max(ends))

    def read(index: int) -> Frame:
        picture = first if index == 0 else read_picture(path, index)
        if picture.pixels.shape[:2] != first.pixels.shape[:2]:
            raise InputError(f"Image {index + 1} of {path.name} has another size than the first.")
        pixels, notes = to_grey(path.name, picture.pixels, limits)
        return Frame(pixels, Spacing.unknown(), source=source, warnings=picture.warnings + notes)

    return Cine(count, read, None, source, first.warnings)


def _open_stack(path: Path, axis: int) -> Cine:
    stack = read_stack(path, axis)
    source = source_of(path, detached=stack.pixels)
    limits = found_limits(stack.pixels) if len(stack.pixels) > 1 else None

    def read(index: int) -> Frame:
        pixels, notes = to_grey(path.name, stack.pixels[index], limits)
        return Frame(pixels, stack.spacing, source=source, warnings=stack.warnings + notes)

    return Cine(len(stack.pixels), read, None, source, stack.warnings)
