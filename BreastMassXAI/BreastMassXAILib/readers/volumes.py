"""NRRD, MHA/MHD and NIfTI files through SimpleITK: 2D images, stacks of slices, and sequences."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import InputError
from ..core.frame import Provenance, Spacing
from ..core.leftovers import temporary_folder
from ..core.upright import skin_side
from .causes import SHEARED, is_sheared
from .files import header_spacing, plainly_named, reading, refuse_huge
from .headers import (
    check_compressed_meta,
    check_data,
    check_sizes,
    list_as_slices,
    list_axis,
    nrrd_units,
    probe_orientation,
    two_meta_sizes,
)
from .nifti import NIFTI_SPATIAL_UNIT, complete_nifti
from .placement import Grid

if TYPE_CHECKING:
    import SimpleITK

MAX_VOXELS = 500_000_000
"""Stacks above this are refused before memory is taken for them (a breast volume has some 100 million voxels, a loop of
1,600 frames of 640 x 480 pixels this many)."""

_LARGEST = 1e9
SAME_SIZE = 0.01
"""Pixel sizes that differ by less (relative) are the same: headers round."""


@dataclass(frozen=True, eq=False)
class Volume:
    """A decoded image of one slice, or a stack of them.

    Parameters
    ----------
    pixels : ndarray, shape (slices, rows, columns[, components])
        Of a stack; of a single image, one slice. The first row is at the skin, as far as the file tells.
    spacing : Spacing
        Of a slice; provenance `header`, or unknown.
    metadata : dict of str
        The header's own fields, as ITK names them.
    grid : Grid
        Of the pixels as they are stored.
    turned : bool
        Whether the rows were stored from the depth to the skin.
    warnings : tuple of str
    """

    pixels: np.ndarray
    spacing: Spacing
    metadata: dict[str, str]
    grid: Grid
    turned: bool
    warnings: tuple[str, ...]

    @property
    def stored(self) -> np.ndarray:
        """The pixels with the rows in their stored order."""
        return self.pixels[:, ::-1] if self.turned else self.pixels


def read_stack(path: Path, axis: int = 0) -> Volume:
    """Read all slices of an image, or the moments of a sequence.

    Parameters
    ----------
    path : Path
    axis : {0, 1, 2}
        Axis of the array (slices, rows, columns) along which the frames lie one behind the other. With 0 a frame is a
        stored slice; with 2 its columns are the slices' order. Depth is the array's rows both times; with 1 a frame is
        parallel to these, and the slices' order becomes its rows (which a warning says).

    The order of rows is the stored one, except where the file says that the first is the deepest: a NIfTI file whose
    forms let rows run to the front or upwards, or PLUS's image orientation. Where a NIfTI file has no form, the picture
    decides. Other patient axes are not followed, since the volume of a frame seldom tells the truth there.

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
    check_sizes(path, image_io)
    moments = list_axis(path) if image_io == "NrrdImageIO" else ""
    reader = SimpleITK.ImageFileReader()
    with temporary_folder() as folder, plainly_named(path) as plain:
        reader.SetFileName(str(list_as_slices(path, folder) if moments else plain))
        reader.SetImageIO(image_io)
        reader.ReadImageInformation()
        size = reader.GetSize()
        placement = np.abs([*reader.GetSpacing(), *reader.GetOrigin(), *reader.GetDirection()])
        if min(size) < 1 or not (placement < _LARGEST).all():  # ITK inverts such a matrix for ever
            raise InputError(f"{path.name} is damaged: its header places the image nowhere.")
        if is_sheared(np.array(reader.GetDirection()).reshape(len(size), -1)):
            raise InputError(f"{path.name} {SHEARED}")
        stored = _stored_axes(path, size)
        refuse_huge(path.name, size[stored[0]], size[stored[1]])
        voxels = math.prod(size) * reader.GetNumberOfComponents()
        if voxels > MAX_VOXELS:
            raise InputError(
                f"{path.name} is too large: {voxels:.2g} values, where at most {MAX_VOXELS:.2g} can be read."
            )
        check_data(path, image_io)
        if image_io == "NiftiImageIO":
            complete = complete_nifti(path, reader, folder)
            reader.SetFileName(str(plain if complete == path else complete))
        image = reader.Execute()
    pixels = SimpleITK.GetArrayViewFromImage(image)
    if image_io == "MetaImageIO":
        check_compressed_meta(path, pixels.nbytes)
    pixels = pixels.copy()
    if np.iscomplexobj(pixels):
        raise InputError(f"{path.name} holds complex numbers, not the grey values of a frame.")
    shape = tuple(size[each] for each in reversed(stored))
    if len(shape) == 2:
        shape = (1, *shape)
    components = image.GetNumberOfComponentsPerPixel()
    pixels = pixels.reshape(shape if components == 1 else (*shape, components))
    if moments == "first" and components > 1:
        pixels = np.ascontiguousarray(np.moveaxis(pixels[0], -1, 0))
    metadata = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    grid = _grid(image, image_io, stored, pixels.shape[:3], metadata)
    has_form = any(int(metadata.get(code) or 0) > 0 for code in ("qform_code", "sform_code"))
    turned, notes = _is_turned(image_io, grid, has_form, pixels, axis)
    axes = stored[0], stored[1]
    if axis:
        pixels, axes, cut_notes = _cut_along(path, pixels, stored, axis)
        notes = cut_notes + notes
    if turned:
        pixels = pixels[:, ::-1]
    spacing, spacing_notes = _spacing(path, image_io, image, axes, metadata)
    if not notes and image_io != "NiftiImageIO":
        notes = _orientation_note(image, axes)
    return Volume(pixels, spacing, metadata, grid, turned, notes + spacing_notes)


def _grid(
    image: SimpleITK.Image, image_io: str, stored: tuple[int, ...], shape: tuple[int, ...], metadata: dict[str, str]
) -> Grid:
    """Where the header places slices, rows and columns. A 2D image, and a NIfTI file without forms, states nothing."""
    count = image.GetDimension()
    own = np.array(image.GetDirection()).reshape(count, count)
    directions, origin = np.eye(3), np.zeros(3)
    within = min(count, 3)
    directions[:within, :within], origin[:within] = own[:within, :within], image.GetOrigin()[:within]
    columns, rows = directions[:, stored[0]], directions[:, stored[1]]
    rest = next(axis for axis in range(3) if axis not in stored[:2])
    slices = directions[:, stored[2]] if len(stored) > 2 and stored[2] < 3 else directions[:, rest]
    sizes = (*image.GetSpacing(), 1.0)
    step = sizes[stored[2]] if len(stored) > 2 else sizes[min(rest, len(sizes) - 1)]
    stated = count > 2 or not np.allclose(own, np.eye(count), atol=1e-3)
    if image_io == "NiftiImageIO":
        stated = any(int(metadata.get(code) or 0) > 0 for code in ("qform_code", "sform_code"))
    elif image_io == "NrrdImageIO":
        stated = stated and "NRRD_space" in metadata
    starts = metadata.get("Segmentation_ReferenceImageExtentOffset", "").split()
    offset = None
    if len(starts) == 3 and all(re.fullmatch(r"-?\d{1,9}", start) for start in starts):
        across = stored[2] if len(stored) > 2 else rest
        places = [int(starts[axis]) if axis < 3 else 0 for axis in (across, stored[1], stored[0])]
        offset = places[0], places[1], places[2]
    return Grid(
        (shape[0], shape[1], shape[2]),
        np.stack([slices, rows, columns], axis=1),
        (float(step), float(sizes[stored[1]]), float(sizes[stored[0]])),
        origin,
        stated,
        offset,
        probe_orientation(metadata.get("UltrasoundImageOrientation", "")),
        image_io,
    )


def _is_turned(
    image_io: str, grid: Grid, has_form: bool, pixels: np.ndarray, axis: int
) -> tuple[bool, tuple[str, ...]]:
    """Whether the first row of a frame is the deepest, with what is to be said of it."""
    if grid.probe is not None and axis != 1:
        if grid.probe[0] > 0:
            return False, ()
        return True, (
            "The file says that its rows are counted towards the probe (UltrasoundImageOrientation): they were turned, "
            "so that the first is at the skin.",
        )
    if image_io != "NiftiImageIO" or axis == 1:  # of the order of slices a person decides
        return False, ()
    if has_form:
        along = grid.directions[:, 1]
        main = int(np.abs(along).argmax())
        to_front, upwards = main == 1 and along[1] < 0, main == 2 and along[2] > 0
        if not to_front and not upwards:
            return False, ()
        where = "to the front" if to_front else "upwards"
        return True, (
            f"The NIfTI header says that the rows run {where} in the patient: they were turned, so that the first is "
            "at the skin (--flip rows takes them as stored).",
        )
    sample = pixels[:: max(len(pixels) // 4, 1)][:5].astype(np.float32)
    mean = sample.mean(axis=tuple(k for k in range(sample.ndim) if k not in (1, 2)))
    if skin_side(_stretched(mean)) < 0:
        return True, (
            "The NIfTI header states no orientation and the picture looks upside down as it is stored: its rows were "
            "turned, so that the first is at the skin (--flip rows takes them as stored).",
        )
    return False, (
        "The NIfTI header states no orientation: the first stored row is taken as the skin (--flip rows for the last).",
    )


def _stretched(pixels: np.ndarray) -> np.ndarray:
    low, high = float(pixels.min()), float(pixels.max())
    return (pixels - low) * (255 / (high - low)) if np.isfinite([low, high]).all() and high > low else pixels * 0


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


def _image_io(path: Path) -> str:
    with path.open("rb") as file:
        if file.read(4) == b"NRRD":
            return "NrrdImageIO"
    name = path.name.lower()
    if name.endswith((".nii", ".nii.gz")):
        return "NiftiImageIO"
    return "MetaImageIO" if name.endswith((".mha", ".mhd")) else "NrrdImageIO"


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
    if image_io == "NrrdImageIO" and (strange := nrrd_units(path) - {"mm", "", "???", "none"}):
        return Spacing.unknown(), (
            f"The header gives lengths in {', '.join(sorted(strange))}, not in mm: the spacing is taken as unknown.",
        )
    sizes = image.GetSpacing()
    spacing, notes = header_spacing(float(sizes[axes[1]]), float(sizes[axes[0]]), Provenance.HEADER)
    if not spacing.known:
        return spacing, notes
    if image_io == "NiftiImageIO" and (found := _two_sizes(metadata, axes)):
        return Spacing.unknown(), (found,)
    if image_io == "MetaImageIO" and (found := two_meta_sizes(path)):
        return spacing, (found,)
    # ITK has already brought metres and micrometres to millimetres.
    if image_io == "NiftiImageIO" and not int(metadata.get("xyzt_units", "0")) & NIFTI_SPATIAL_UNIT:
        return spacing, ("The NIfTI header names no unit of length: its pixel size is taken as millimetres.",)
    return spacing, notes


def _two_sizes(metadata: dict[str, str], axes: tuple[int, int]) -> str:
    """What is to be said where a NIfTI header's sform and its pixdim give different pixel sizes; else empty."""
    if int(metadata.get("sform_code") or 0) <= 0 or max(axes) > 2:
        return ""
    rows = [metadata.get(f"srow_{axis}", "").split()[:3] for axis in "xyz"]
    if any(len(row) < 3 for row in rows):
        return ""
    by_form = np.linalg.norm(np.array(rows, float), axis=0)[[axes[1], axes[0]]]
    by_size = np.array([abs(float(metadata[f"pixdim[{axis + 1}]"])) for axis in (axes[1], axes[0])])
    if not by_form.all() or np.allclose(by_form, by_size, rtol=SAME_SIZE, atol=0):
        return ""
    return (
        f"The NIfTI header contradicts itself: pixels of {by_size[0]:.4g} x {by_size[1]:.4g} in its pixdim, of "
        f"{by_form[0]:.4g} x {by_form[1]:.4g} in its sform (depth x width): the spacing is taken as unknown."
    )


def _orientation_note(image: SimpleITK.Image, axes: tuple[int, int]) -> tuple[str, ...]:
    direction = np.array(image.GetDirection()).reshape(image.GetDimension(), -1)
    plane = direction[np.ix_(axes, axes)]
    if np.allclose(plane, np.eye(2), atol=1e-3):
        return ()
    return (
        "The header places the frame turned or mirrored in the patient; that is not followed: the first stored row is "
        "taken as the skin.",
    )
