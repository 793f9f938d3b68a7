"""A cine loop or a stack of slices: frames that are decoded one at a time, however long the loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from .errors import InputError
from .frame import Frame, Source


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

    def first_readable(self, among: Iterable[int] | None = None) -> tuple[int, Frame]:
        """The first frame that can be looked at, with its index: a loop may begin with black frames.

        Parameters
        ----------
        among : iterable of int, optional
            Indices in the order in which they are tried; all of them by default.

        Raises
        ------
        InputError
            Of the first frame, when there is none.
        """
        problem: InputError | None = None
        for index in range(self.count) if among is None else among:
            try:
                return index, self.read(index)
            except InputError as error:
                problem = problem or error
        raise problem or InputError("There is no frame.")

    def __iter__(self) -> Iterator[Frame]:
        return (self.read(index) for index in range(self.count))


def with_settled_geometry(cine: Cine, index: int, settle: Callable[[Frame], Frame], keep_area: bool = True) -> Cine:
    """The loop with the scan area and the beams of one of its frames: a probe keeps them through a loop.

    Only on frames with another pixel size, where the file tells of a zoom, are they looked for again.

    Parameters
    ----------
    cine : Cine
    index : int
        Of the frame that settles them.
    settle : callable
        ``settle(frame)``: the frame with its scan area and beams; may add warnings.
    keep_area : bool
        Whether a frame that has a scan area already keeps it.
    """
    first = cine.read(index)
    settled = settle(first)
    notes = settled.warnings[len(first.warnings) :]

    def read(index: int) -> Frame:
        frame = cine.read(index)
        if frame.spacing != first.spacing:
            return settle(frame)
        area = frame.scan_area if keep_area and frame.scan_area is not None else settled.scan_area
        return replace(frame, scan_area=area, beams=settled.beams, warnings=(*frame.warnings, *notes))

    return replace(cine, read=read)


def read_if_whole(cine: Cine, index: int) -> Frame | None:
    """A frame, or None where it is damaged: one bad frame is no reason to give up a loop."""
    try:
        return cine.read(index)
    except InputError:
        return None
