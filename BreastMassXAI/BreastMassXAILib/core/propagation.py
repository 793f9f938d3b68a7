"""The mass through a cine loop: where a person drew it, and between those frames where its shape says it is."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .errors import InputError
from .frame import MaskOrigin
from .regions import mask_box

ANNOTATED, INTERPOLATED, HELD, SUGGESTED = "annotated", "interpolated", "held", "automatic"


@dataclass(frozen=True, eq=False)
class TrackedMass:
    """A mass on one frame of a loop.

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, columns)
    origin : {"annotated", "interpolated", "held", "automatic"}
        ``interpolated`` between two annotated frames; ``held`` from the nearest one; ``automatic``: suggested on this
        frame, and nobody has confirmed it.
    annotated : tuple of int
        The frames whose annotations it was made from.
    outlined : MaskOrigin
        Who outlined the mass on those frames: ``automatic`` where any of them is.
    """

    mask: np.ndarray
    origin: str
    annotated: tuple[int, ...]
    outlined: MaskOrigin = MaskOrigin.IMPORTED


class MassTrack:
    """The mass on the frames of a loop. Annotations are kept packed, so that a mask on every frame costs little memory.

    Parameters
    ----------
    masks : iterable of (index, mask)
        Frame index from 0, and ndarray of bool with the shape of the frames. An empty mask means that the mass is not
        marked on that frame.
    propagate : bool
        Whether frames without a mask get one: between two annotated frames by shape-based interpolation of signed
        distances (Raya & Udupa, IEEE Trans Med Imaging 9:32-42, 1990) along the straight way from one centroid to the
        other; before the first and after the last annotated frame, the nearest annotation. Distances are in pixels.
    outlined : MaskOrigin or mapping of int to MaskOrigin
        Who outlined the mass, on all frames or by index (``imported`` where it is not said).

    Raises
    ------
    InputError
        When no frame has a mask, two masks differ in size or an index is negative.
    """

    def __init__(
        self,
        masks: Iterable[tuple[int, np.ndarray]],
        propagate: bool = False,
        outlined: MaskOrigin | Mapping[int, MaskOrigin] = MaskOrigin.IMPORTED,
    ) -> None:
        self.propagate = propagate
        self._outlined = outlined
        self._shape: tuple[int, ...] | None = None
        self._packed: dict[int, tuple[tuple[slice, slice], tuple[int, ...], np.ndarray]] = {}
        for index, mask in masks:
            self._keep(int(index), np.asarray(mask, dtype=bool))
        if not self._packed:
            raise InputError("No frame of the loop has a mask in which a pixel is marked as mass.")
        self.annotated = tuple(sorted(self._packed))
        self._unpacked: dict[int, np.ndarray] = {}
        self._between: tuple[tuple[int, int], _Morph] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, columns) of every mask."""
        assert self._shape is not None
        return self._shape

    @property
    def confirmed(self) -> tuple[int, ...]:
        """The frames whose mask is not merely suggested."""
        return tuple(i for i in self.annotated if self._outlined_on(i) is not MaskOrigin.AUTOMATIC)

    def at(self, index: int) -> TrackedMass | None:
        """The mass on a frame; None where it is not known. Neighbouring frames that share a mask get the same array."""
        if index in self._packed:
            outlined = self._outlined_on(index)
            origin = SUGGESTED if outlined is MaskOrigin.AUTOMATIC else ANNOTATED
            return TrackedMass(self._annotation(index), origin, (index,), outlined)
        if not self.propagate:
            return None
        place = bisect_left(self.annotated, index)
        if place in (0, len(self.annotated)):
            nearest = self.annotated[min(place, len(self.annotated) - 1)]
            return self._held(nearest)
        first, last = self.annotated[place - 1 : place + 1]
        if self._between is None or self._between[0] != (first, last):
            self._between = (first, last), _Morph(self._annotation(first), self._annotation(last))
        mask = self._between[1].at((index - first) / (last - first))
        if not mask.any():  # shapes as unlike as a ring and a dot leave nothing half-way
            nearest = first if index - first <= last - index else last
            return self._held(nearest)
        return TrackedMass(mask, INTERPOLATED, (first, last), self._outlined_on(first, last))

    def _held(self, nearest: int) -> TrackedMass:
        return TrackedMass(self._annotation(nearest), HELD, (nearest,), self._outlined_on(nearest))

    def _outlined_on(self, *indices: int) -> MaskOrigin:
        if isinstance(self._outlined, MaskOrigin):
            return self._outlined
        found = [self._outlined.get(index, MaskOrigin.IMPORTED) for index in indices]
        return MaskOrigin.AUTOMATIC if MaskOrigin.AUTOMATIC in found else found[0]

    def _keep(self, index: int, mask: np.ndarray) -> None:
        if index < 0:
            raise InputError(f"There is no frame {index + 1}: the first is frame 1.")
        if mask.ndim != 2 or mask.shape != (self._shape or mask.shape):
            raise InputError(f"The masks of a loop must have one size; that of frame {index + 1} has another.")
        self._shape = mask.shape
        if mask.any():
            box = mask_box(mask)
            inside = mask[box]
            self._packed[index] = box, inside.shape, np.packbits(inside)

    def _annotation(self, index: int) -> np.ndarray:
        """Two are kept unpacked: the neighbours of the frame that was asked for last."""
        if index not in self._unpacked:
            box, shape, bits = self._packed[index]
            mask = np.zeros(self.shape, bool)
            mask[box] = np.unpackbits(bits, count=shape[0] * shape[1]).reshape(shape).view(bool)
            mask.setflags(write=False)
            while len(self._unpacked) > 1:
                del self._unpacked[next(iter(self._unpacked))]
            self._unpacked[index] = mask
        return self._unpacked[index]


class _Morph:
    """One shape turning into another while their centroids move along a straight line."""

    def __init__(self, first: np.ndarray, last: np.ndarray) -> None:
        self._frame = first.shape
        way = [np.mean(b) - np.mean(a) for a, b in zip(np.nonzero(first), np.nonzero(last), strict=True)]
        self._way = np.rint(way).astype(int)
        boxes = [mask_box(first), mask_box(last)]
        starts = [np.array([part.start for part in box]) for box in boxes]
        stops = [np.array([part.stop for part in box]) for box in boxes]
        starts[1], stops[1] = starts[1] - self._way, stops[1] - self._way
        self._corner = np.minimum(*starts) - 1  # one pixel of surroundings, from which distances inside are measured
        size = np.maximum(*stops) + 1 - self._corner
        self._distances = [
            _signed_distance(mask[box], start - self._corner, size)
            for mask, box, start in zip((first, last), boxes, starts, strict=True)
        ]

    def at(self, share: float) -> np.ndarray:
        """The shape after this share (0..1) of the way."""
        inside = (1 - share) * self._distances[0] + share * self._distances[1] < 0
        corner = self._corner + np.rint(share * self._way).astype(int)
        low, high = np.maximum(corner, 0), np.minimum(corner + inside.shape, self._frame)
        mask = np.zeros(self._frame, bool)
        mask[low[0] : high[0], low[1] : high[1]] = inside[
            low[0] - corner[0] : high[0] - corner[0], low[1] - corner[1] : high[1] - corner[1]
        ]
        return mask


def _signed_distance(shape: np.ndarray, start: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Distance to the outline in pixels, negative inside, of a shape placed at `start` in a box of `size`."""
    mask = np.zeros(size, bool)
    mask[start[0] : start[0] + shape.shape[0], start[1] : start[1] + shape.shape[1]] = shape
    outside = ndimage.distance_transform_edt(~mask)
    inside = ndimage.distance_transform_edt(mask)
    return (outside - inside).astype(np.float32)
