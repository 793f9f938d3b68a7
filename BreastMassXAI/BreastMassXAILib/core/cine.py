"""A cine loop or a stack of slices: frames that are decoded one at a time, however long the loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from .errors import InputError
from .frame import Frame, Source, Spacing

ORIENTATIONS = ("slices", "columns")


@dataclass(frozen=True, eq=False)
class Cine:
    """Frames in order, read when asked for.

    Parameters
    ----------
    count : int
        Number of frames, at least 1.
    read : callable
        ``read(index) -> Frame`` for 0 <= index < count; may raise :class:`~.errors.InputError` for a damaged frame.
    times_s : ndarray, shape (count,), optional
        Seconds from the first frame, where the file tells them.
    source : Source, optional
    warnings : tuple of str
        What concerns the whole loop.
    """

    count: int
    read: Callable[[int], Frame]
    times_s: np.ndarray | None = None
    source: Source | None = None
    warnings: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Frame]:
        return (self.read(index) for index in range(self.count))


def plane(voxels: np.ndarray, orientation: str, index: int) -> np.ndarray:
    """One plane of a volume with depth along its rows.

    Parameters
    ----------
    voxels : ndarray, shape (slices, rows, columns)
        Or with components behind.
    orientation : {"slices", "columns"}
        ``slices``: the stored slices. ``columns``: planes across them, at one column; the slices become its columns.
        The third cut, at one row, has no depth and is not offered: "below the mass" means nothing there.
    index : int

    Returns
    -------
    ndarray, shape (rows, columns) or (rows, slices)
        A view.
    """
    return voxels[index] if orientation == "slices" else np.swapaxes(voxels[:, :, index], 0, 1)


def volume_cine(
    voxels: np.ndarray,
    spacings: Mapping[str, Spacing],
    orientation: str,
    to_grey: Callable[[np.ndarray], np.ndarray],
    source: Source | None = None,
    warnings: tuple[str, ...] = (),
) -> Cine:
    """A 3D volume (automated breast US, for instance) as frames. Depth runs along the array's rows, whatever the
    volume's place in the patient.

    Parameters
    ----------
    voxels : ndarray, shape (slices, rows, columns)
        Or with components behind.
    spacings : mapping of orientation to Spacing
    orientation : {"slices", "columns"}
        See :func:`plane`.
    to_grey : callable
        Brings a plane's values to float32 grey 0..255, all planes alike.
    source : Source, optional
    warnings : tuple of str

    Raises
    ------
    InputError
        When the orientation is unknown.
    """
    if orientation not in ORIENTATIONS:
        raise InputError(f"A volume is cut along its {' or '.join(ORIENTATIONS)}, not {orientation!r}.")

    def read(index: int) -> Frame:
        return Frame(to_grey(plane(voxels, orientation, index)), spacings[orientation], source=source)

    count = voxels.shape[0] if orientation == "slices" else voxels.shape[2]
    return Cine(count, read, source=source, warnings=warnings)
