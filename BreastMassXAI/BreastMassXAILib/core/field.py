"""The field: the rectangle of a frame that the network looks at, and the exact way back from its cells to the frame.

Everything is in continuous pixel coordinates: pixel ``(i, j)`` is the unit square ``[i, i + 1) x [j, j + 1)``. A
network that divides its input into ``n x m`` cells divides the field into the same cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy import sparse

from .errors import InputError, SpacingError
from .frame import Spacing
from .regions import mask_box


@dataclass(frozen=True)
class Field:
    """A rectangle in pixels of the frame, from (row, column); it may reach beyond the frame (padding)."""

    row: float
    column: float
    height: float
    width: float

    def widened(self, factor: float) -> Field:
        """A rectangle `factor` times as large around the same middle."""
        height, width = self.height * factor, self.width * factor
        return Field(self.row - (height - self.height) / 2, self.column - (width - self.width) / 2, height, width)

    def axis_edges(self, cells: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Borders between cells along rows and columns, ``cells + 1`` each."""
        return (
            self.row + self.height * np.arange(cells[0] + 1) / cells[0],
            self.column + self.width * np.arange(cells[1] + 1) / cells[1],
        )

    def pixels(self, shape: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns of the frame's pixels whose centres lie in the field."""
        first = [max(int(np.ceil(start - 0.5)), 0) for start in (self.row, self.column)]
        stops = (self.row + self.height, self.column + self.width)
        last = [min(int(np.ceil(stop - 0.5)), size) for stop, size in zip(stops, shape, strict=True)]
        return slice(first[0], last[0]), slice(first[1], last[1])


KINDS = ("frame", "scan-area", "square", "roi", "reach")


@dataclass(frozen=True)
class FieldRule:
    """How the field is chosen for a case.

    Parameters
    ----------
    kind : {"frame", "scan-area", "square", "roi", "reach"}
        ``frame``: the whole frame, whatever its aspect (the paper). ``scan-area``: the box around the scan area, so
        that a screen's text and rulers stay out; the whole frame where that is all scan area. ``square``: a square
        centred on the box around the mass, with a side of `scale` times the box's larger side. ``roi``: such a square
        that is larger than the box's larger side by `margin_mm` on either side. ``reach``: the square
        that begins as far above the mass as a ``square`` of this `scale` does and reaches down to the end of the scan
        area, so that the tissue below the mass lies in it.
    scale : float, optional
        Only for ``square`` and ``reach``; above 1, at most 20.
    margin_mm : float, optional
        Only for ``roi``; from 0 to 100 mm. A margin of at least the peritumoral ring's width keeps the ring inside.

    Raises
    ------
    InputError
        When the numbers do not fit the kind.
    """

    kind: str = "frame"
    scale: float | None = None
    margin_mm: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"The network's field must be one of {', '.join(KINDS)}, not {self.kind!r}.")
        scaled = self.kind in ("square", "reach")
        if scaled != (self.scale is not None) or (self.scale is not None and not 1 < self.scale <= 20):
            raise InputError("A square or reaching field needs a scale above 1 and at most 20, and no other has one.")
        if (self.kind == "roi") != (self.margin_mm is not None) or (
            self.margin_mm is not None and not 0 <= self.margin_mm <= 100
        ):
            raise InputError("A field of kind roi needs a margin from 0 to 100 mm, and no other field has one.")

    def in_words(self) -> str:
        """Kind and number, as options of the commands say them."""
        if self.scale is not None:
            return f"{self.kind} of scale {self.scale:g}"
        return self.kind if self.margin_mm is None else f"{self.kind} with {self.margin_mm:g} mm"

    def field(self, mass: np.ndarray, scan_area: np.ndarray | None = None, spacing: Spacing | None = None) -> Field:
        """The field of a frame with this mass mask and scan area (bool, shape of the frame, not empty).

        Raises
        ------
        SpacingError
            When a margin in mm is to be measured on a frame of unknown spacing.
        """
        if self.kind in ("frame", "scan-area"):
            whole = slice(0, mass.shape[0]), slice(0, mass.shape[1])
            rows, columns = whole if self.kind == "frame" or scan_area is None else mask_box(scan_area)
            return Field(
                float(rows.start),
                float(columns.start),
                float(rows.stop - rows.start),
                float(columns.stop - columns.start),
            )
        rows, columns = mask_box(mass)
        height, width = rows.stop - rows.start, columns.stop - columns.start
        if self.kind == "reach":
            larger = max(height, width)
            top = (rows.start + rows.stop - cast(float, self.scale) * larger) / 2
            bottom = mass.shape[0] if scan_area is None else mask_box(scan_area)[0].stop
            side = max(bottom - top, cast(float, self.scale) * larger)
            return Field(top, (columns.start + columns.stop - side) / 2, side, side)
        if self.scale is not None:
            height = width = self.scale * max(height, width)
        else:
            if spacing is None or not spacing.known:
                raise SpacingError("The network's field is measured in mm, but the pixel size is unknown.")
            row_mm, column_mm = spacing.mm()
            side_mm = max(height * row_mm, width * column_mm) + 2 * cast(float, self.margin_mm)
            height, width = side_mm / row_mm, side_mm / column_mm
        return Field((rows.start + rows.stop - height) / 2, (columns.start + columns.stop - width) / 2, height, width)


def cell_weights(edges: np.ndarray, size: int) -> np.ndarray:
    """Share of each cell covered by each pixel along one axis.

    Parameters
    ----------
    edges : ndarray, shape (cells + 1,)
    size : int
        Number of pixels along the axis.

    Returns
    -------
    ndarray, shape (cells, size)
        Rows sum to 1 for cells inside the frame, to less for cells on padding.
    """
    pixel = np.arange(size)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return np.maximum(overlap, 0) / np.diff(edges)[:, None]


def bilinear_weights(start: float, length: float, cells: int, pixels: slice) -> np.ndarray:
    """Weights that bring cell values to pixel centres along one axis, constant beyond the outer cells' centres.

    The half-pixel convention of ``torch.nn.functional.interpolate(..., align_corners=False)``.

    Returns
    -------
    ndarray, shape (len(pixels), cells), float32
        Rows sum to 1.
    """
    position = np.clip((np.arange(pixels.start, pixels.stop) + 0.5 - start) / length * cells - 0.5, 0, cells - 1)
    return np.maximum(1 - np.abs(position[:, None] - np.arange(cells)), 0).astype(np.float32)


def weigh(vertical: np.ndarray, image: np.ndarray, horizontal: np.ndarray) -> np.ndarray:
    """``vertical @ image @ horizontal.T`` in float32 for weights that are mostly zero, as all of this module's are.

    Sparse products do less work than dense ones, and have no threads of their own that would wait for the network's.

    Parameters
    ----------
    vertical : ndarray, shape (a, rows)
    image : ndarray, shape (rows, columns)
    horizontal : ndarray, shape (b, columns)

    Returns
    -------
    ndarray of float32, shape (a, b)
    """
    rows, columns = (sparse.csr_array(weights.astype(np.float32)) for weights in (vertical, horizontal))
    values = np.asarray(image, np.float32)
    if len(vertical) < len(image):  # the axis that shrinks comes first
        return np.ascontiguousarray((columns @ np.ascontiguousarray((rows @ values).T)).T)
    return rows @ np.ascontiguousarray((columns @ np.ascontiguousarray(values.T)).T)
