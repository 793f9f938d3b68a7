"""One file in, one frame out."""

from __future__ import annotations

from pathlib import Path

from ..core.frame import Frame, Spacing
from .dicom import read_ultrasound_frame
from .files import Kind, identify, source_of
from .grey import to_grey
from .pictures import read_picture
from .volumes import read_volume


def read_frame(path: Path, point: tuple[float, float] | None = None) -> Frame:
    """Read a single 2D frame from PNG, JPEG, BMP, TIFF, NRRD, MHA/MHD, NIfTI or single-frame DICOM.

    Row 0 of the stored pixels is row 0 of the frame (the skin); patient axes and EXIF orientation are not followed.
    PNG, JPEG, BMP and TIFF never give a spacing; NRRD, MHA and NIfTI give that of their header, unless it is exactly
    1 x 1 mm; DICOM gives that of its calibrated region.

    Parameters
    ----------
    path : Path
    point : (row, column), optional
        A point in the tissue of interest, for DICOM files with several calibrated regions.

    Raises
    ------
    InputError
        When the file is missing, unreadable, damaged, too large, not an image, more than one frame, or no frame that
        can be looked at (see :class:`~..core.frame.Frame`).
    MissingPackageError
        When a compressed DICOM file needs a decoder that is not installed.
    """
    path = Path(path)
    kind = identify(path)
    if kind is Kind.DICOM:
        return read_ultrasound_frame(path, point)
    if kind is Kind.PICTURE:
        picture = read_picture(path)
        pixels, notes = to_grey(path.name, picture.pixels)
        return Frame(pixels, Spacing.unknown(), source=source_of(path), warnings=picture.warnings + notes)
    volume = read_volume(path)
    pixels, notes = to_grey(path.name, volume.pixels)
    source = source_of(path, detached=volume.pixels)
    return Frame(pixels, volume.spacing, source=source, warnings=volume.warnings + notes)
