"""3D images in NRRD, MHA/MHD and NIfTI: volumes to be looked at slice by slice, and masks of all frames of a loop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.cine import Cine, plane, volume_cine
from ..core.errors import InputError
from ..core.frame import Spacing
from .files import Kind, identify, reading, refuse_huge, source_of
from .grey import to_grey
from .masks import mask_of_plane
from .volumes import decode, image_reader, plane_spacing

_AXES = {"slices": (0, 1), "columns": (2, 1)}  # which of the file's axes are the frame's columns and rows
MAX_VOXELS = 1_500_000_000
"""An automated breast US volume has some 200 million."""


@dataclass(frozen=True, eq=False)
class Stack:
    """A decoded 3D image.

    Parameters
    ----------
    voxels : ndarray, shape (slices, rows, columns), or with components behind
        As stored.
    spacings : dict of orientation to Spacing
        Of the planes, from the header.
    metadata : dict of str
    """

    voxels: np.ndarray
    spacings: dict[str, Spacing]
    metadata: dict[str, str]
    warnings: tuple[str, ...]


def is_stack(path: Path) -> bool:
    """Whether a file is a 3D image of more than one slice, by its header alone."""
    if identify(path) is not Kind.VOLUME:
        return False
    with reading(path, "an NRRD, MHA or NIfTI image"), image_reader(path) as reader:
        size = reader.GetSize()
        return len(size) == 3 and size[2] > 1


def read_stack(path: Path) -> Stack:
    """Read a 3D image as it is stored.

    Raises
    ------
    InputError
        When the file is damaged, incomplete or too large, or is not three-dimensional.
    """
    import SimpleITK

    with reading(path, "an NRRD, MHA or NIfTI image"), image_reader(path) as reader:
        size = reader.GetSize()
        if len(size) != 3:
            raise InputError(f"{path.name} is not a three-dimensional image.")
        columns, rows, slices = size
        refuse_huge(path.name, columns, rows)
        if columns * rows * slices > MAX_VOXELS:
            raise InputError(
                f"{path.name} is too large: {columns} x {rows} x {slices} voxels, where at most "
                f"{MAX_VOXELS // 1_000_000} million can be read."
            )
        image = decode(path, reader)
        voxels = SimpleITK.GetArrayFromImage(image)
        if np.iscomplexobj(voxels):
            raise InputError(f"{path.name} holds complex numbers, not grey values.")
        metadata = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
        found = {name: plane_spacing(path, reader.GetImageIO(), image, axes, metadata) for name, axes in _AXES.items()}
    notes = {note: None for _, told in found.values() for note in told}
    return Stack(voxels, {name: spacing for name, (spacing, _) in found.items()}, metadata, tuple(notes))


def open_stack(path: Path, orientation: str = "slices") -> Cine:
    """A 3D image as a loop of planes with depth along its stored rows; patient axes are not followed.

    Parameters
    ----------
    path : Path
    orientation : {"slices", "columns"}
        See :func:`~..core.cine.plane`.

    Raises
    ------
    InputError
        As :func:`read_stack`; also when the values are not numbers.
    """
    stack = read_stack(path)
    limits = _limits(path, stack.voxels)
    notes = stack.warnings
    if limits is not None:
        notes += (
            f"The volume has more than 8 bits: {limits[0]:g} to {limits[1]:g} (the values found) was mapped linearly "
            "to grey 0 to 255, on all planes alike.",
        )
    return volume_cine(
        stack.voxels,
        stack.spacings,
        orientation,
        lambda values: to_grey(path.name, values, limits)[0],
        source_of(path, detached=stack.voxels),
        notes,
    )


def _limits(path: Path, voxels: np.ndarray) -> tuple[float, float] | None:
    """The volume's range where its values are not grey 0..255 already."""
    low, high = float(voxels.min()), float(voxels.max())
    if not np.isfinite([low, high]).all():
        raise InputError(f"{path.name} contains values that are not numbers (NaN or infinity).")
    if low == high:
        raise InputError(f"{path.name} is constant: every voxel has the same value, there is nothing to look at.")
    whole = voxels.dtype.kind in "iub" or all(np.array_equal(part, np.rint(part)) for part in voxels)
    return None if whole and low >= 0 and high <= 255 else (low, high)


def read_mask_stack(
    path: Path, shape: tuple[int, int], count: int, orientation: str = "slices"
) -> Iterator[tuple[int, np.ndarray]]:
    """The masks of a mass on the frames of a loop or the planes of a volume, from one 3D image.

    Parameters
    ----------
    path : Path
        NRRD (``.seg.nrrd`` too), MHA/MHD or NIfTI with the loop's frames as slices, or on the volume's grid.
    shape : (rows, columns)
        The frames'.
    count : int
        Number of frames.
    orientation : {"slices", "columns"}

    Yields
    ------
    index : int
    mask : ndarray of bool, shape (rows, columns)
        Empty where the mass is not marked. Which values are mass: as :func:`~.masks.read_mask` decides.

    Raises
    ------
    InputError
        When the file cannot be read or does not fit.
    """
    stack = read_stack(path)
    found = stack.voxels.shape[0 if orientation == "slices" else 2]
    for index in range(found):
        mask = mask_of_plane(path, plane(stack.voxels, orientation, index), stack.metadata)
        if (found, *mask.shape) != (count, *shape):
            raise InputError(
                f"The mask {path.name} does not fit the loop: the mask has {found} frames of {mask.shape[1]} x "
                f"{mask.shape[0]} pixels, the loop {count} of {shape[1]} x {shape[0]} (columns x rows)."
            )
        yield index, mask
