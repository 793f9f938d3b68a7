"""Where the pixels of a file lie in the patient, and how a mask's pixels come onto those of its frame.

One comparison, in full 3D, for frames, loops, volumes and their masks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..core.errors import InputError
from ..core.frame import Frame

_PARALLEL = 0.02
"""Direction cosines that differ by less are the same (a degree)."""
_SAME_SIZE = 0.01
_AXES = ("slices", "rows", "columns")


@dataclass(frozen=True, eq=False)
class Grid:
    """The stored pixels of an image in the patient, as its header states.

    Parameters
    ----------
    shape : (slices, rows, columns)
    directions : ndarray, shape (3, 3)
        Unit vectors in LPS along which slices, rows and columns are counted, as columns.
    spacing : (float, float, float)
        mm from one slice, row, column to the next; that of a single slice means nothing.
    origin : ndarray, shape (3,)
        Of the first pixel, in mm.
    stated : bool
        Whether the header says so; else all this is what a library fills in.
    offset : (int, int, int), optional
        Slice, row and column of the first pixel on a larger grid, where the file tells (Slicer's segmentations).
    probe : (int, int), optional
        PLUS's image orientation: 1 or -1 for rows that are counted away from or towards the probe, and columns
        from or towards the marked side.
    family : str
        Of formats: files of one family that state nothing are stored in the same sense.
    """

    shape: tuple[int, int, int]
    directions: np.ndarray
    spacing: tuple[float, float, float]
    origin: np.ndarray
    stated: bool = True
    offset: tuple[int, int, int] | None = None
    probe: tuple[int, int] | None = None
    family: str = ""

    def is_comparable(self, other: Grid) -> bool:
        """Whether stored rows of both can be laid on each other: by what both headers say, or as one program wrote."""
        return (self.stated and other.stated) or (self.family == other.family != "")

    def is_plain(self, turned: bool) -> bool:
        """Whether columns, and rows (or where they were turned, their opposite) run along the axes of the patient."""
        signs = -1 if turned else 1, 1
        vectors = [sign * self.directions[:, axis] for sign, axis in zip(signs, (1, 2), strict=True)]
        return all(vector.max() > 1 - _PARALLEL for vector in vectors)


class Placed(NamedTuple):
    """A mask on its frame's stored grid.

    Parameters
    ----------
    pixels : ndarray of bool, shape (slices, rows, columns)
        Of the frame's rows and columns.
    first : int or None
        The frame's slice that the first one belongs to; None where the headers do not tell.
    notes : tuple of str
    stated_mm : (row, column), optional
        The mask's pixel size, where it was not compared with the frame's yet.
    """

    pixels: np.ndarray
    first: int | None
    notes: tuple[str, ...] = ()
    stated_mm: tuple[float, float] | None = None


def place(name: str, mask: np.ndarray, of_mask: Grid, of_frame: Grid) -> Placed:
    """Bring a mask onto its frame's stored grid, by what both headers say of the patient.

    A mask that is stored turned, mirrored, in another order of slices or cropped is put right where its pixels fall on
    the frame's; pixels are never interpolated.

    Parameters
    ----------
    name : str
        Of the mask's file, for messages.
    mask : ndarray of bool, shape (slices, rows, columns)
        As stored.
    of_mask, of_frame : Grid

    Raises
    ------
    InputError
        When the mask lies in another plane or place than the frame, or does not fit its size.
    """
    notes: tuple[str, ...] = ()
    grid = of_mask
    if grid.probe is not None and of_frame.probe is not None and grid.probe != of_frame.probe:
        flipped = [1 + k for k in range(2) if grid.probe[k] != of_frame.probe[k]]
        mask = np.flip(mask, tuple(flipped))
        notes += (_turned_note(name, flipped),)
    turned = False
    if grid.stated and of_frame.stated:
        mask, grid, moved = _aligned(name, mask, grid, of_frame)
        turned = bool(moved)
        if moved:
            notes += (_turned_note(name, moved),)
    offset, size_notes = _offset(name, grid, of_frame, turned)
    return _inserted(name, mask, offset, of_frame, (*notes, *size_notes))


def _aligned(name: str, mask: np.ndarray, grid: Grid, frame: Grid) -> tuple[np.ndarray, Grid, list[int]]:
    """The mask with its axes in the frame's order and sense; which axes (of the frame) were changed."""
    turn = frame.directions.T @ grid.directions
    whole = np.rint(turn)
    is_permutation = (np.abs(whole).sum(axis=0) == 1).all() and (np.abs(whole).sum(axis=1) == 1).all()
    if not is_permutation or np.abs(turn - whole).max() > _PARALLEL:
        raise InputError(
            f"The mask {name} lies in another plane than the frame, as their headers tell: save it on the frame's own "
            "grid."
        )
    order = [int(np.flatnonzero(whole[axis])[0]) for axis in range(3)]
    signs = [int(whole[axis, order[axis]]) for axis in range(3)]
    changed = [axis for axis in range(3) if order[axis] != axis or (signs[axis] < 0 and grid.shape[order[axis]] > 1)]
    origin = grid.origin.astype(float)
    for axis in range(3):
        if signs[axis] < 0:
            stored = order[axis]
            origin = origin + (grid.shape[stored] - 1) * grid.spacing[stored] * grid.directions[:, stored]
    mask = np.flip(mask.transpose(order), tuple(axis for axis in range(3) if signs[axis] < 0))
    first, second, third = order
    shape = grid.shape[first], grid.shape[second], grid.shape[third]
    spacing = grid.spacing[first], grid.spacing[second], grid.spacing[third]
    offset = grid.offset if not changed else None
    return mask, Grid(shape, frame.directions, spacing, origin, True, offset), changed


def _offset(name: str, grid: Grid, frame: Grid, turned: bool) -> tuple[tuple[int | None, int, int], tuple[str, ...]]:
    """Slice, row and column of the frame on which the mask's first pixel lies; the slice None where it is not told."""
    if grid.offset is not None and any(grid.offset):
        return grid.offset, ()
    several = frame.shape[0] > 1 and grid.shape[0] < frame.shape[0]
    unknown: tuple[int | None, int, int] = (None if several else 0, 0, 0)
    if not (grid.stated and frame.stated):
        return unknown, ()
    same = [abs(a - b) <= _SAME_SIZE * b for a, b in zip(grid.spacing[1:], frame.spacing[1:], strict=True)]
    if not all(same):
        if turned or grid.shape[1:] != frame.shape[1:]:
            raise InputError(
                f"The mask {name} is stored turned, mirrored or cropped, and its pixels have another size than the "
                "frame's, as their headers tell: save it on the frame's own grid."
            )
        if 1.0 in (grid.spacing[1], frame.spacing[1]):  # what programs write that do not know the size
            return unknown, ()
        return unknown, (sizes_sentence(name, grid.spacing[1:], frame.spacing[1:]),)
    if not turned and (not grid.origin.any() or not frame.origin.any()) and grid.shape[1:] == frame.shape[1:]:
        depth = (grid.origin - frame.origin) @ frame.directions[:, 0]
        inside = (grid.origin - frame.origin) @ frame.directions[:, 1:]
        if not depth or np.abs(inside / frame.spacing[1:]).max() > 0.5:  # a header that states no place
            return unknown, ()
    steps = ((grid.origin - frame.origin) @ frame.directions) / frame.spacing
    row, column = (float(step) for step in steps[1:])
    if (grid.shape[1:] == frame.shape[1:] and max(abs(row), abs(column)) > 1) or not np.isfinite(steps).all():
        raise InputError(
            f"The mask {name} lies elsewhere than the frame, as their headers tell"
            + (" (it is stored turned or mirrored relative to it)" if turned else "")
            + ": save it on the frame's own grid."
        )
    if grid.shape[1:] != frame.shape[1:] and max(abs(row - round(row)), abs(column - round(column))) > 0.3:
        raise InputError(f"The mask {name} is cropped between the frame's pixels: save it on the frame's own grid.")
    if grid.shape[1:] == frame.shape[1:]:
        row = column = 0.0
    index = float(steps[0])
    if frame.shape[0] == 1:
        if grid.shape[0] == 1 and abs(index) * frame.spacing[0] > max(grid.spacing[0], frame.spacing[0]):
            raise InputError(
                f"The mask {name} lies {abs(index) * frame.spacing[0]:.4g} mm off the frame's plane, as their headers "
                "tell: it belongs to another slice."
            )
        index = 0.0
    nearest = round(index)
    if abs(index - nearest) > 0.3 or not 0 <= nearest < frame.shape[0]:
        raise InputError(f"The mask {name} lies on none of the {frame.shape[0]} slices, as the headers tell.")
    # A single slice at the first one's place may be of any: a frame that was exported alone lies there, too.
    return (None if several and grid.shape[0] == 1 and nearest == 0 else nearest, round(row), round(column)), ()


def _inserted(
    name: str, mask: np.ndarray, offset: tuple[int | None, int, int], frame: Grid, notes: tuple[str, ...]
) -> Placed:
    """The mask padded to the frame's rows and columns."""
    first, row, column = offset
    rows, columns = mask.shape[1:]
    if first is not None and not 0 <= first <= frame.shape[0] - mask.shape[0]:
        raise InputError(
            f"The mask {name} does not fit: it spans slices {first + 1} to {first + mask.shape[0]}, where there are "
            f"{frame.shape[0]}."
        )
    if (row, column) == (0, 0) and mask.shape[1:] == frame.shape[1:]:
        return Placed(mask, first, notes)
    if (row, column) == (0, 0) and first in (0, None):
        raise InputError(size_sentence(name, mask.shape[1:], frame.shape[1:]))
    if min(row, column) < 0 or row + rows > frame.shape[1] or column + columns > frame.shape[2]:
        raise InputError(
            f"The mask {name} does not fit the frame: it spans columns {column} to {column + columns - 1} and rows "
            f"{row} to {row + rows - 1}, the frame has {frame.shape[2]} x {frame.shape[1]} pixels (columns x rows)."
        )
    whole = np.zeros((mask.shape[0], *frame.shape[1:]), bool)
    whole[:, row : row + rows, column : column + columns] = mask
    return Placed(whole, first, notes)


def size_sentence(name: str, found: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """Why a mask of shape `found` (rows, columns) does not fit a frame of shape `wanted`."""
    return (
        f"The mask {name} does not fit the frame: the mask has {found[1]} x {found[0]} pixels, the frame "
        f"{wanted[1]} x {wanted[0]} (columns x rows)."
    )


def sizes_sentence(name: str, mask_mm: tuple[float, float], frame_mm: tuple[float, float]) -> str:
    """That a mask's header gives its pixels another size (row, column) than the frame's have."""
    mask, frame = (f"{row_mm:.4g} x {column_mm:.4g} mm" for row_mm, column_mm in (mask_mm, frame_mm))
    return f"The header of the mask {name} gives pixels of {mask}, the frame's {frame}: it was laid on pixel by pixel."


def size_notes(name: str, mask_mm: tuple[float, float] | None, frame: Frame) -> tuple[str, ...]:
    """:func:`sizes_sentence`, where both sizes are known and differ."""
    if mask_mm is None or not frame.spacing.known:
        return ()
    frame_mm = frame.spacing.mm()
    same = all(abs(a - b) <= _SAME_SIZE * b for a, b in zip(mask_mm, frame_mm, strict=True))
    return () if same else (sizes_sentence(name, mask_mm, frame_mm),)


def _turned_note(name: str, axes: list[int]) -> str:
    what = " and ".join(_AXES[axis] for axis in axes)
    return (
        f"The mask {name} is stored with its {what} in another order than the frame's, as their headers tell: it was "
        "turned to the frame."
    )
