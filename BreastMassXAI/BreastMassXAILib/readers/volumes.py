"""NRRD, MHA/MHD and NIfTI files through SimpleITK: 2D images, stacks of slices, and sequences."""

from __future__ import annotations

import gzip
import math
import re
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import InputError
from ..core.frame import Provenance, Spacing
from ..core.leftovers import temporary_folder
from .files import header_spacing, reading, refuse_huge

if TYPE_CHECKING:
    import SimpleITK

MAX_VOXELS = 500_000_000
"""Stacks above this are refused before memory is taken for them (a breast volume has some 100 million voxels, a loop of
1,600 frames of 640 x 480 pixels this many)."""

_HEADER_LIMIT = 1 << 20
_LARGEST = 1e9
_SIZE_FIELDS = {"NrrdImageIO": (b"dimension", b"sizes"), "MetaImageIO": (b"NDims", b"DimSize")}
_NIFTI_SPATIAL_UNIT = 0b111


@dataclass(frozen=True, eq=False)
class Volume:
    """A decoded image of one slice, or a stack of them.

    Parameters
    ----------
    pixels : ndarray, shape (rows, columns[, components]), or of a stack (slices, rows, columns[, components])
        As stored: the first stored row is row 0, whatever the header says of the patient.
    spacing : Spacing
        Of a slice; provenance `header`, or unknown.
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
    volume = read_stack(path)
    if len(volume.pixels) > 1:
        rows, columns = volume.pixels.shape[1:3]
        raise InputError(
            f"{path.name} has more than one slice ({columns} x {rows} x {len(volume.pixels)}), where one is expected."
        )
    return replace(volume, pixels=volume.pixels[0])


def read_stack(path: Path, axis: int = 0) -> Volume:
    """Read all slices of an image, or the moments of a sequence.

    Parameters
    ----------
    path : Path
    axis : {0, 1, 2}
        Axis of the array (slices, rows, columns) along which the frames lie one behind the other. With 0 a frame is a
        stored slice; with 2 its columns are the slices' order. Depth is the array's rows both times; with 1 a frame is
        parallel to these, and the slices' order becomes its rows (which a warning says). Patient axes are not asked.

    Raises
    ------
    InputError
        When the file is damaged or incomplete, too large, has more than three axes, or only one slice to be cut
        along another axis than 0.
    """
    import SimpleITK

    display = SimpleITK.ProcessObject.GetGlobalWarningDisplay()
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        with reading(path, "an NRRD, MHA or NIfTI image"):
            return _read(path, axis)
    finally:
        SimpleITK.ProcessObject.SetGlobalWarningDisplay(display)


def _read(path: Path, axis: int) -> Volume:
    import SimpleITK

    image_io = _image_io(path)
    if image_io in _SIZE_FIELDS:
        _check_sizes(path, *_SIZE_FIELDS[image_io])
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO(image_io)
    reader.ReadImageInformation()
    size = reader.GetSize()
    placement = np.abs([*reader.GetSpacing(), *reader.GetOrigin(), *reader.GetDirection()])
    if min(size) < 1 or not (placement < _LARGEST).all():  # ITK inverts such a matrix for ever
        raise InputError(f"{path.name} is damaged: its header places the image nowhere.")
    stored = _stored_axes(path, size)
    refuse_huge(path.name, size[stored[0]], size[stored[1]])
    voxels = math.prod(size) * reader.GetNumberOfComponents()
    if voxels > MAX_VOXELS:
        raise InputError(f"{path.name} is too large: {voxels:.2g} values, where at most {MAX_VOXELS:.2g} can be read.")
    with temporary_folder() as folder:
        if image_io == "NiftiImageIO":
            reader.SetFileName(str(_complete_nifti(path, reader, folder)))
        image = reader.Execute()
    pixels = SimpleITK.GetArrayViewFromImage(image)
    if image_io == "MetaImageIO":
        _check_compressed_meta(path, pixels.nbytes)
    pixels = pixels.copy()
    if np.iscomplexobj(pixels):
        raise InputError(f"{path.name} holds complex numbers, not the grey values of a frame.")
    shape = tuple(size[each] for each in reversed(stored))
    if len(shape) == 2:
        shape = (1, *shape)
    components = image.GetNumberOfComponentsPerPixel()
    pixels = pixels.reshape(shape if components == 1 else (*shape, components))
    axes = stored[0], stored[1]
    notes: tuple[str, ...] = ()
    if axis:
        pixels, axes, notes = _cut_along(path, pixels, stored, axis)
    metadata = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    spacing, spacing_notes = _spacing(path, image_io, image, axes, metadata)
    return Volume(pixels, spacing, axes, metadata, notes + spacing_notes + _orientation_note(image, axes))


def _cut_along(
    path: Path, pixels: np.ndarray, stored: tuple[int, ...], axis: int
) -> tuple[np.ndarray, tuple[int, int], tuple[str, ...]]:
    """The stack seen along another axis than the stored one."""
    if axis not in (1, 2):
        raise InputError(f"The frames of a stack lie along axis 0, 1 or 2, not {axis}.")
    if len(stored) < 3:
        raise InputError(f"{path.name} has a single slice: it cannot be cut along another axis.")
    column, row, slices = stored
    if axis == 2:
        return np.moveaxis(pixels, (2, 1, 0), (0, 1, 2)), (slices, row), ()
    return (
        np.moveaxis(pixels, 1, 0),
        (column, slices),
        ("The frames are parallel to the stored rows: depth is taken along the order of the slices.",),
    )


def plane_directions(path: Path) -> np.ndarray:
    """How a header turns or mirrors an image's columns and rows in the patient: 2 x 2 direction cosines, identity for
    an upright one.

    Raises
    ------
    InputError
        When the header cannot be read.
    """
    import SimpleITK

    with reading(path, "an NRRD, MHA or NIfTI image"):
        reader = SimpleITK.ImageFileReader()
        reader.SetFileName(str(path))
        reader.SetImageIO(_image_io(path))
        reader.ReadImageInformation()
        size = reader.GetSize()
        axes = [axis for axis in range(len(size)) if size[axis] > 1][:2]
        return np.array(reader.GetDirection()).reshape(len(size), -1)[np.ix_(axes, axes)]


def _image_io(path: Path) -> str:
    with path.open("rb") as file:
        if file.read(4) == b"NRRD":
            return "NrrdImageIO"
    name = path.name.lower()
    if name.endswith((".nii", ".nii.gz")):
        return "NiftiImageIO"
    return "MetaImageIO" if name.endswith((".mha", ".mhd")) else "NrrdImageIO"


def _check_compressed_meta(path: Path, needed: int) -> None:
    """MetaIO fills up compressed data that are too short without a word, so they are counted here."""
    with path.open("rb") as file:
        header = file.read(_HEADER_LIMIT)
    if not re.search(rb"^\s*CompressedData\s*[:=]\s*T", header, flags=re.MULTILINE | re.IGNORECASE):
        return
    found = re.search(rb"^\s*ElementDataFile\s*[:=][ \t]*([^\r\n]*)\r?\n?", header, flags=re.MULTILINE | re.IGNORECASE)
    name = found.group(1).strip().decode("utf-8", "replace") if found else ""
    local = name.upper() == "LOCAL"
    present, inflate = 0, zlib.decompressobj()
    with (path if local else path.parent / name).open("rb") as file:
        file.seek(found.end() if found and local else 0)
        while present < needed and not inflate.eof and (block := file.read(1 << 16)):
            present += len(inflate.decompress(block))
    if present < needed:
        raise InputError(f"{path.name} is incomplete: it ends before its last pixel.")


def _check_sizes(path: Path, dimension: bytes, sizes: bytes) -> None:
    """The sizes in a header of text must be whole numbers, as many as it says.

    The libraries read "1e308" as 1, and MetaIO reaches beyond its memory where the two fields disagree.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER_LIMIT)
    found = re.findall(
        rb"^\s*(%b|%b)\s*[:=]([^\r\n]*)" % (dimension, sizes), header, flags=re.MULTILINE | re.IGNORECASE
    )
    values = [(name.lower(), text.split()) for name, text in found]
    counts = [text for name, text in values if name == dimension.lower()]
    extents = [text for name, text in values if name == sizes.lower()]
    whole = all(number.isdigit() for _, text in values for number in text)
    if len(counts) != 1 or len(extents) != 1 or not whole or [b"%d" % len(extents[0])] != counts[0]:
        raise InputError(f"{path.name} is damaged: its header does not state its size in whole numbers.")


def _stored_axes(path: Path, size: tuple[int, ...]) -> tuple[int, ...]:
    """The file's axes of columns, rows and, in a stack, slices: single-slice axes are dropped, the last one first."""
    axes = list(range(len(size)))
    for axis in reversed(range(len(size))):
        if len(axes) > 2 and size[axis] == 1:
            axes.remove(axis)
    if len(axes) > 3:
        extent = " x ".join(map(str, size))
        raise InputError(f"{path.name} has more than three axes ({extent}): save one loop or one volume by itself.")
    return tuple(axes)


def _spacing(
    path: Path, image_io: str, image: SimpleITK.Image, axes: tuple[int, int], metadata: dict[str, str]
) -> tuple[Spacing, tuple[str, ...]]:
    if image_io == "NrrdImageIO" and (strange := _nrrd_units(path) - {"mm", "", "???", "none"}):
        return Spacing.unknown(), (
            f"The header gives lengths in {', '.join(sorted(strange))}, not in mm: the spacing is taken as unknown.",
        )
    sizes = image.GetSpacing()
    spacing, notes = header_spacing(float(sizes[axes[1]]), float(sizes[axes[0]]), Provenance.HEADER)
    if not spacing.known:
        return spacing, notes
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
