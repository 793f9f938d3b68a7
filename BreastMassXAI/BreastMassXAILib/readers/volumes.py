"""NRRD, MHA/MHD and NIfTI files through SimpleITK: 2D images, and 3D ones of a single slice."""

from __future__ import annotations

import gzip
import math
import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import InputError
from ..core.frame import Provenance, Spacing
from .files import header_spacing, reading, refuse_huge

if TYPE_CHECKING:
    import SimpleITK

_HEADER_LIMIT = 1 << 20
_NIFTI_SPATIAL_UNIT = 0b111


@dataclass(frozen=True, eq=False)
class Volume:
    """A decoded one-slice image.

    Parameters
    ----------
    pixels : ndarray, shape (rows, columns) or (rows, columns, components)
        As stored: the first stored row is row 0, whatever the header says of the patient.
    spacing : Spacing
        Provenance `header`, or unknown.
    axes : (int, int)
        Which of the file's axes are the columns' and the rows' index.
    metadata : dict of str
        The header's own fields, as ITK names them.
    warnings : tuple of str
    """

    pixels: np.ndarray
    spacing: Spacing
    axes: tuple[int, int]
    metadata: dict[str, str]
    warnings: tuple[str, ...]


def read_volume(path: Path) -> Volume:
    """Read a 2D image, or the only slice of a 3D one.

    Raises
    ------
    InputError
        When the file is damaged or incomplete, too large, or has more than one slice.
    """
    import SimpleITK

    display = SimpleITK.ProcessObject.GetGlobalWarningDisplay()
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        with reading(path, "an NRRD, MHA or NIfTI image"):
            return _read(path)
    finally:
        SimpleITK.ProcessObject.SetGlobalWarningDisplay(display)


def _read(path: Path) -> Volume:
    import SimpleITK

    image_io = _image_io(path)
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO(image_io)
    reader.ReadImageInformation()
    size = reader.GetSize()
    axes = _plane(path, size)
    refuse_huge(path.name, size[axes[0]], size[axes[1]])
    with TemporaryDirectory() as folder:
        if image_io == "NiftiImageIO":
            reader.SetFileName(str(_complete_nifti(path, reader, Path(folder))))
        image = reader.Execute()
    pixels = SimpleITK.GetArrayFromImage(image)
    if np.iscomplexobj(pixels):
        raise InputError(f"{path.name} holds complex numbers, not the grey values of a frame.")
    shape = (size[axes[1]], size[axes[0]])
    components = image.GetNumberOfComponentsPerPixel()
    pixels = pixels.reshape(shape if components == 1 else (*shape, components))
    metadata = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    spacing, notes = _spacing(path, image_io, image, axes, metadata)
    return Volume(pixels, spacing, axes, metadata, notes + _orientation_note(image, axes))


def _image_io(path: Path) -> str:
    with path.open("rb") as file:
        if file.read(4) == b"NRRD":
            return "NrrdImageIO"
    name = path.name.lower()
    if name.endswith((".nii", ".nii.gz")):
        return "NiftiImageIO"
    return "MetaImageIO" if name.endswith((".mha", ".mhd")) else "NrrdImageIO"


def _plane(path: Path, size: tuple[int, ...]) -> tuple[int, int]:
    """The two axes that make the frame: single-slice axes are dropped, the last one first."""
    axes = list(range(len(size)))
    for axis in reversed(range(len(size))):
        if len(axes) > 2 and size[axis] == 1:
            axes.remove(axis)
    if len(axes) > 2:
        extent = " x ".join(map(str, size))
        raise InputError(
            f"{path.name} has more than one slice ({extent}): volumes and cine loops come as single frames for now."
        )
    return axes[0], axes[1]


def _spacing(
    path: Path, image_io: str, image: SimpleITK.Image, axes: tuple[int, int], metadata: dict[str, str]
) -> tuple[Spacing, tuple[str, ...]]:
    sizes = image.GetSpacing()
    spacing, notes = header_spacing(float(sizes[axes[1]]), float(sizes[axes[0]]), Provenance.HEADER)
    if not spacing.known:
        return spacing, notes
    if image_io == "NrrdImageIO" and (strange := _nrrd_units(path) - {"mm", "", "???", "none"}):
        return Spacing.unknown(), (
            f"The header gives lengths in {', '.join(sorted(strange))}, not in mm: the spacing is taken as unknown.",
        )
    # ITK has already brought metres and micrometres to millimetres.
    if image_io == "NiftiImageIO" and not int(metadata.get("xyzt_units", "0")) & _NIFTI_SPATIAL_UNIT:
        return spacing, ("The NIfTI header names no unit of length: its pixel size is taken as millimetres.",)
    return spacing, notes


def _nrrd_units(path: Path) -> set[str]:
    """Units of length in an NRRD header; ITK hands on the numbers and ignores them."""
    with path.open("rb") as file:
        header = re.split(rb"\r?\n\r?\n", file.read(_HEADER_LIMIT), maxsplit=1)[0].decode("latin-1")
    fields = re.findall(r"^(?:space )?units:(.*)$", header, flags=re.MULTILINE)
    return {unit.strip().lower() for field in fields for unit in re.findall(r'"([^"]*)"', field)}


def _orientation_note(image: SimpleITK.Image, axes: tuple[int, int]) -> tuple[str, ...]:
    direction = np.array(image.GetDirection()).reshape(image.GetDimension(), -1)
    plane = direction[np.ix_(axes, axes)]
    if np.allclose(plane, np.eye(2), atol=1e-3):
        return ()
    return (
        "The header places the frame turned or mirrored in the patient; that is not followed: the first stored row is "
        "taken as the skin.",
    )


def _complete_nifti(path: Path, reader: SimpleITK.ImageFileReader, folder: Path) -> Path:
    """The NIfTI file to read: itself, or a copy in `folder` when it is compressed.

    The nifti library must be guarded twice. A file that is cut off is read without complaint and filled with zeros,
    so its bytes are counted here. And for ``x.nii.gz`` beside an ``x.nii`` the header is taken from the first and the
    pixels from the second; only a copy that lies alone is safe.
    """
    field = reader.GetMetaData
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
