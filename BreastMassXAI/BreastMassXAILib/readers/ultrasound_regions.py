"""What the Sequence of Ultrasound Regions (0018,6011) says: which box holds tissue, and how large a pixel is.

Source: DICOM PS3.3, C.8.5.5 (US Region Calibration Module).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from ..core.frame import MM_PER_PIXEL, Provenance, Spacing
from .files import header_spacing

if TYPE_CHECKING:
    from pydicom import Dataset

Place = tuple[float, float] | tuple[slice, slice]
"""Where the tissue of interest lies: a point (row, column), or the box (rows, columns) around a mass."""

_FORMATS = ("unspecified", "2D", "M-mode", "spectral", "waveform", "graphics")
_TYPES = (
    "data of no stated type",
    "tissue",
    "colour flow",
    "PW Doppler",
    "CW Doppler",
    "Doppler mean trace",
    "Doppler mode trace",
    "Doppler maximum trace",
    "volume trace",
    "volume change trace",
    "ECG trace",
    "pulse trace",
    "phonocardiogram",
    "grey bar",
    "colour bar",
    "integrated backscatter",
    "area trace",
    "area change trace",
    "other physiological trace",
)
_UNITS = (
    "no unit",
    "percent",
    "dB",
    "cm",
    "seconds",
    "hertz",
    "dB/second",
    "cm/second",
    "cm²",
    "cm²/second",
    "cm³",
    "cm³/second",
    "degrees",
)
_TWO_DIMENSIONAL, _TISSUE, _COLOUR_FLOW, _CENTIMETRES = 1, 1, 2, 3
_LOW_PRIORITY = 1
"""Bit 0 of the Region Flags (0018,6016): where regions overlap, this one's pixels are overwritten (C.8.5.5.1.3)."""
_TOLERANCE = 0.01
"""Pixel sizes that differ by less (relative) are the same: headers round."""
_DEEPEST_MM = 350
"""No probe images deeper."""


@dataclass(frozen=True)
class Region:
    """One ultrasound region.

    Parameters
    ----------
    name : str
        Spatial format and data type, such as ``2D tissue``.
    units : (str, str)
        What its rows and its columns measure.
    rows, columns : slice
        Its box, cut at the frame; empty when it lies outside.
    size_mm : (row, column), optional
        Millimetres per pixel, where this region can calibrate tissue.
    reason : str
        Why it cannot; empty otherwise.
    flow, spatial, low_priority, backwards : bool
        Colour flow; a 2D image of either kind; bit 0 of its flags; a negative step.
    beyond : (bool, bool)
        Whether the box reaches beyond the pixels along rows and columns.
    zero_row : float, optional
        The frame's row at depth 0, from the reference pixel.
    """

    name: str
    units: tuple[str, str]
    rows: slice
    columns: slice
    size_mm: tuple[float, float] | None
    reason: str
    flow: bool
    spatial: bool
    low_priority: bool
    backwards: bool
    beyond: tuple[bool, bool]
    zero_row: float | None

    @property
    def area(self) -> int:
        return _length(self.rows) * _length(self.columns)

    @property
    def place(self) -> str:
        return (
            f"columns {self.columns.start} to {self.columns.stop - 1}, rows {self.rows.start} to {self.rows.stop - 1}"
        )

    def share(self, box: tuple[slice, slice]) -> float:
        """Share of a box that lies in this region."""
        rows = _length(slice(max(box[0].start, self.rows.start), min(box[0].stop, self.rows.stop)))
        columns = _length(slice(max(box[1].start, self.columns.start), min(box[1].stop, self.columns.stop)))
        return rows * columns / (_length(box[0]) * _length(box[1]))


@dataclass(frozen=True, eq=False)
class Geometry:
    """Spacing, scan area and what is to be said of them."""

    spacing: Spacing
    scan_area: np.ndarray | None
    warnings: tuple[str, ...]


def read_regions(items: Sequence[Dataset], shape: tuple[int, int]) -> list[Region]:
    """The regions of a frame of that shape (rows, columns), each as usable or with the reason why it is not."""
    return [_region(item, shape) for item in items]


def geometry(
    regions: Sequence[Region], plain: tuple[float, float] | None, shape: tuple[int, int], place: Place | None = None
) -> Geometry:
    """Spacing, scan area and warnings from the region that holds the tissue of interest, else from the pixel spacing.

    Of the calibrated regions, the one that holds most of `place` is taken, or of the frame's centre, or the largest;
    tissue goes before colour flow, and high priority before low.

    Parameters
    ----------
    regions : sequence of Region
    plain : (row, column), optional
        Pixel Spacing (0028,0030) or Nominal Scanned Pixel Spacing (0018,2010) in mm.
    shape : (rows, columns)
    place : Place, optional
    """
    usable = [region for region in regions if region.size_mm]
    if not usable:
        return _without_region(regions, plain)
    centre = ((shape[0] - 1) / 2, (shape[1] - 1) / 2)
    box = _box(place if place is not None else centre)
    if not any(region.share(box) for region in usable):
        box = _box(centre)
    chosen = max(usable, key=lambda r: (r.share(box), not r.flow, not r.low_priority, r.area))
    row_mm, column_mm = chosen.size_mm or (math.nan, math.nan)
    notes = [
        *_choice_notes(chosen, usable, len(regions), place),
        *_region_notes(chosen, row_mm, column_mm),
        *_disagreement(plain, row_mm, column_mm),
    ]
    spacing = Spacing(row_mm, column_mm, Provenance.DICOM_REGION)
    return Geometry(spacing, _scan_area(chosen, regions, shape), tuple(notes))


def _without_region(regions: Sequence[Region], plain: tuple[float, float] | None) -> Geometry:
    notes: tuple[str, ...] = ()
    if regions:
        reasons = "; ".join(f"{region.name}: {region.reason}" for region in regions)
        notes = (f"None of the file's calibrated regions gives millimetres for tissue ({reasons}).",)
    if plain is None:
        return Geometry(Spacing.unknown(), None, notes)
    spacing, more = header_spacing(*plain, Provenance.DICOM_PIXEL_SPACING)
    if spacing.known:
        more = ("The spacing is the file's Pixel Spacing, which is unverified for ultrasound.",)
    return Geometry(spacing, None, notes + more)


def _region(item: Dataset, shape: tuple[int, int]) -> Region:
    kind = tuple(_whole(item, tag) for tag in ("RegionSpatialFormat", "RegionDataType"))
    units = tuple(_whole(item, f"PhysicalUnits{axis}Direction") for axis in "YX")
    steps = tuple(_real(item, f"PhysicalDelta{axis}") for axis in "YX")
    corners = [_whole(item, f"RegionLocation{corner}") for corner in ("MinY0", "MaxY1", "MinX0", "MaxX1")]
    top, bottom, left, right = (0, -1, 0, -1) if None in corners else cast("list[int]", corners)
    # The maximum's pixel belongs to the region (C.8.5.5.1.1).
    rows, columns = slice(top, min(bottom + 1, shape[0])), slice(left, min(right + 1, shape[1]))
    # Some vendors write the first pixel beyond: that much is no news.
    beyond = bottom > shape[0], right > shape[1]
    row_mm, column_mm = (abs(step) * 10 for step in steps)
    reason = ""
    if kind not in ((_TWO_DIMENSIONAL, _TISSUE), (_TWO_DIMENSIONAL, _COLOUR_FLOW)):
        reason = "no 2D image of tissue"
    elif units != (_CENTIMETRES, _CENTIMETRES):
        reason = f"its rows measure {_named(_UNITS, units[0])} and its columns {_named(_UNITS, units[1])}, not cm"
    elif not all(MM_PER_PIXEL[0] <= size <= MM_PER_PIXEL[1] for size in (row_mm, column_mm)):
        reason = f"a pixel of {row_mm:g} x {column_mm:g} mm is no pixel size"
    elif not _length(rows) or not _length(columns):
        reason = "it lies outside the pixels"
    elif all(beyond):
        reason = (
            f"it reaches to column {right} and row {bottom} of a frame of {shape[1]} x {shape[0]} pixels, so the frame "
            "was probably made smaller after it was calibrated"
        )
    reference, value = _whole(item, "ReferencePixelY0"), _real(item, "ReferencePixelPhysicalValueY")
    placed = reference is not None and math.isfinite(value) and not reason
    return Region(
        name=_kind_of(kind[0], kind[1]),
        units=(_named(_UNITS, units[0]), _named(_UNITS, units[1])),
        rows=rows,
        columns=columns,
        size_mm=None if reason else (row_mm, column_mm),
        reason=reason,
        flow=kind[1] == _COLOUR_FLOW,
        spatial=kind[0] == _TWO_DIMENSIONAL,
        low_priority=bool((_whole(item, "RegionFlags") or 0) & _LOW_PRIORITY),
        backwards=min(steps) < 0,
        beyond=beyond,
        zero_row=top + (reference or 0) - value / steps[0] if placed else None,
    )


def _scan_area(chosen: Region, regions: Sequence[Region], shape: tuple[int, int]) -> np.ndarray:
    """The region's box without the bars and traces that are drawn over it."""
    area = np.zeros(shape, bool)
    area[chosen.rows, chosen.columns] = True
    for region in regions:
        if not region.spatial and not region.low_priority and 0 < region.area < chosen.area:
            area[region.rows, region.columns] = False
    return area


def _choice_notes(chosen: Region, usable: list[Region], present: int, place: Place | None) -> list[str]:
    notes = []
    if present > 1:
        notes.append(
            f"The file has {present} regions, {len(usable)} of them calibrated tissue: the one in {chosen.place} is "
            "used."
        )
    others = [region.size_mm for region in usable if region is not chosen and region.size_mm]
    if any(_differ(size, chosen.size_mm or size) for size in others):
        notes.append("The calibrated regions have different scales: a distance across two of them has no meaning.")
    if place is not None:
        share = chosen.share(_box(place))
        if share == 0:
            notes.append("The mass lies outside the calibrated regions: the millimetres are those of another part.")
        elif share < 1:
            notes.append("Part of the mass lies outside the calibrated region whose millimetres are used.")
    return notes


def _region_notes(region: Region, row_mm: float, column_mm: float) -> list[str]:
    notes = []
    if region.flow:
        notes.append("The calibrated region is one of colour flow: its colours hide the tissue's echoes.")
    if any(region.beyond):
        notes.append(
            "The calibrated region reaches beyond the pixels and was cut at the frame's border: if the frame was made "
            "smaller, and not cropped, after it was calibrated, its millimetres are wrong."
        )
    if region.backwards:
        notes.append("The calibrated region counts millimetres backwards along an axis: only their size is used.")
    if not _same(row_mm, column_mm):
        notes.append(f"The pixels are not square: {row_mm:.4g} mm along the depth, {column_mm:.4g} mm across.")
    if (depth := _length(region.rows) * row_mm) > _DEEPEST_MM:
        notes.append(f"The calibrated region would be {depth:.0f} mm deep, which no probe images: check the scale.")
    return notes


def _disagreement(plain: tuple[float, float] | None, row_mm: float, column_mm: float) -> list[str]:
    if plain is None or not _differ(plain, (row_mm, column_mm)):
        return []
    return [
        f"Pixel Spacing ({plain[0]:.4g} x {plain[1]:.4g} mm) disagrees with the calibrated region "
        f"({row_mm:.4g} x {column_mm:.4g} mm, depth x width), which is used."
    ]


def _box(place: Place) -> tuple[slice, slice]:
    row, column = place
    if isinstance(row, slice) and isinstance(column, slice):
        return row, column
    first = [math.floor(float(number) + 0.5) for number in (row, column)]  # type: ignore[arg-type]
    return slice(first[0], first[0] + 1), slice(first[1], first[1] + 1)


def _length(span: slice) -> int:
    return max(span.stop - span.start, 0)


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_TOLERANCE)


def _differ(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return not (_same(one[0], other[0]) and _same(one[1], other[1]))


def _whole(item: Dataset, tag: str) -> int | None:
    value = item.get(tag)
    return None if value is None else int(value)


def _real(item: Dataset, tag: str) -> float:
    value = item.get(tag)
    return math.nan if value is None else float(value)


def _kind_of(form: int | None, data: int | None) -> str:
    names = _named(_FORMATS, form), _named(_TYPES, data)
    return "unknown kind" if set(names) == {"unknown"} else " ".join(names)


def _named(names: tuple[str, ...], code: int | None) -> str:
    return names[code] if code is not None and 0 <= code < len(names) else "unknown"
