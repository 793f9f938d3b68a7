"""What the nifti library must be guarded against: files that are cut off, scaled colours, a neighbour of one name."""

from __future__ import annotations

import gzip
import math
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import InputError

if TYPE_CHECKING:
    import SimpleITK

NIFTI_SPATIAL_UNIT = 0b111


def complete_nifti(path: Path, reader: SimpleITK.ImageFileReader, folder: Path) -> Path:
    """The NIfTI file to read: itself, or a copy in `folder` when it is compressed.

    The nifti library must be guarded twice. A file that is cut off is read without complaint and filled with zeros,
    so its bytes are counted here. And for ``x.nii.gz`` beside an ``x.nii`` the header is taken from the first and the
    pixels from the second; only a copy that lies alone is safe.
    """
    import SimpleITK

    field = reader.GetMetaData
    # ITK turns scaled values into floats, and ends the program where these are vectors.
    vectors_of_floats = {SimpleITK.sitkVectorFloat32: 16, SimpleITK.sitkVectorFloat64: 64}
    if vectors_of_floats.get(reader.GetPixelIDValue()) not in (None, int(field("datatype"))):
        raise InputError(f"{path.name} has scaled colours, which cannot be read: save it as NRRD.")
    if not float(field("vox_offset")) >= 0:
        raise InputError(f"{path.name} is damaged: its header does not say where its pixels begin.")
    voxels = math.prod(int(field(f"dim[{axis}]")) for axis in range(1, int(field("dim[0]")) + 1))
    needed = int(float(field("vox_offset"))) + voxels * int(field("bitpix")) // 8
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    present = path.stat().st_size
    if compressed:
        # One byte more than needed makes gzip reach the end and check its sum.
        with gzip.open(path) as stream, (folder / "frame.nii").open("wb") as file:
            present = file.write(stream.read(needed + 1))
    if present < needed:
        raise InputError(f"{path.name} is incomplete: it ends before its last pixel.")
    return folder / "frame.nii" if compressed else path
