"""Single-frame DICOM ultrasound: pixels, and millimetres from the calibrated region that holds the tissue."""

from __future__ import annotations

import hashlib
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError, MissingPackageError, OutputError
from ..core.frame import Frame, Provenance, Spacing
from ..core.regions import mask_box
from .files import header_spacing, reading, refuse_huge, source_of, write_beside
from .grey import to_grey

if TYPE_CHECKING:
    from pydicom import Dataset

ULTRASOUND_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.6.1"

_TWO_DIMENSIONAL, _TISSUE, _CENTIMETRES = 1, 1, 3
_TOLERANCE = 0.01
"""Pixel sizes that differ by less (relative) are the same: headers round."""


@dataclass(frozen=True)
class _Region:
    """A calibrated tissue region, its box cut at the frame."""

    rows: slice
    columns: slice
    row_mm: float
    column_mm: float
    cut: bool
    negative: bool

    def holds(self, point: tuple[float, float]) -> bool:
        return self.rows.start <= point[0] < self.rows.stop and self.columns.start <= point[1] < self.columns.stop

    @property
    def area(self) -> int:
        return (self.rows.stop - self.rows.start) * (self.columns.stop - self.columns.start)


def read_ultrasound_frame(path: Path, point: tuple[float, float] | None = None) -> Frame:
    """Read a single-frame DICOM image.

    The spacing is that of a 2D tissue region calibrated in cm in the Sequence of Ultrasound Regions (0018,6011): the
    one that holds `point`, or the frame's centre, or else the largest; its box is the scan area. Without such a region
    it is Pixel Spacing (0028,0030) or Nominal Scanned Pixel Spacing (0018,2010), or unknown. Nothing of the patient
    is read.

    Parameters
    ----------
    path : Path
    point : (row, column), optional
        A point in the tissue of interest.

    Raises
    ------
    InputError
        When the file is damaged, holds no image or several frames, or is too large.
    MissingPackageError
        When the pixels are compressed in a way that needs a decoder that is not installed.
    """
    header, values = read_pixels(path)
    with reading(path, "a DICOM image"):
        limits = _stored_range(header, values)
        grey, notes = to_grey(path.name, values, limits)
        if header.get("PhotometricInterpretation") == "MONOCHROME1":
            grey = 255 - grey
        spacing, scan_area, spacing_notes = _geometry(header, grey.shape, point)
        notes = _modality_note(header) + spacing_notes + notes
    return Frame(grey, spacing, scan_area=scan_area, source=source_of(path), warnings=notes)


def read_pixels(path: Path) -> tuple[Dataset, np.ndarray]:
    """Header and decoded pixels, shape (rows, columns) or (rows, columns, 3) in RGB, of a single-frame DICOM file.

    Raises
    ------
    InputError, MissingPackageError
        As :func:`read_ultrasound_frame`.
    """
    from pydicom import dcmread
    from pydicom.pixels import apply_color_lut, pixel_array

    with reading(path, "a DICOM image"):
        # Files without the 128 bytes of preamble come here by their suffix only.
        header = dcmread(path, stop_before_pixels=True, force=True)
        rows, columns = header.get("Rows"), header.get("Columns")
        if not rows or not columns:
            raise InputError(f"{path.name} is a DICOM file without an image.")
        frames = int(header.get("NumberOfFrames") or 1)
        if frames > 1:
            raise InputError(f"{path.name} is a cine loop of {frames} frames: only single frames can be read for now.")
        refuse_huge(path.name, int(columns), int(rows))
        data = dcmread(path, force=True)
        try:
            values = pixel_array(data)
        except (RuntimeError, NotImplementedError) as error:
            raise _undecodable(path, data, error) from error
        if data.get("PhotometricInterpretation") == "PALETTE COLOR":
            values = _full_range(apply_color_lut(values, data))
        return header, values


def write_ultrasound_frame(path: Path, frame: Frame) -> None:
    """Write a frame as a DICOM Ultrasound Image (8-bit MONOCHROME2) with one calibrated tissue region.

    The region is the box around the frame's scan area. Patient and study are those of a phantom; identifiers follow
    from the content, there are no dates: the same frame gives the same bytes.

    Parameters
    ----------
    path : Path
    frame : Frame
        Its spacing must be known.

    Raises
    ------
    SpacingError
        When the spacing is unknown.
    OutputError
        When the file cannot be written.
    """
    from pydicom import dcmwrite

    data = _ultrasound_dataset(frame)
    buffer = io.BytesIO()
    dcmwrite(buffer, data, enforce_file_format=True)
    try:
        write_beside(path, buffer.getvalue())
    except OSError as error:
        raise OutputError(f"{path.name} cannot be written: {error.strerror or error}.") from error


def _undecodable(path: Path, data: Dataset, error: Exception) -> InputError | MissingPackageError:
    syntax = data.file_meta.TransferSyntaxUID.name
    text = str(error)
    if "missing dependencies" in text or "not support" in text or isinstance(error, NotImplementedError):
        return MissingPackageError(
            f"{path.name} is compressed ({syntax}) and no decoder for it is installed: install the package "
            "python-gdcm, or save the frame uncompressed."
        )
    return InputError(f"{path.name} cannot be read as a DICOM image: its compressed pixels are damaged or unusual.")


def _full_range(colours: np.ndarray) -> np.ndarray:
    """Colours of a palette, whose entries have 8 or 16 bits, as 8 bits."""
    if colours.dtype == np.uint8 or colours.max() <= 255:
        return colours.astype(np.uint8)
    return (colours >> 8).astype(np.uint8)


def _stored_range(header: Dataset, values: np.ndarray) -> tuple[float, float] | None:
    """What the Bits Stored (0028,0101) can hold; None for 8 bits, which are grey values already."""
    if values.dtype == np.uint8 or values.dtype.kind == "f":
        return None
    bits = int(header.BitsStored)
    if header.get("PixelRepresentation", 0):
        return -(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1
    return None if bits <= 8 else (0.0, 2.0**bits - 1)


def _modality_note(header: Dataset) -> tuple[str, ...]:
    modality = str(header.get("Modality") or "")
    if modality in ("", "US", "SC", "OT"):
        return ()
    return (f"The file's modality is {modality}, not ultrasound (US).",)


def _geometry(
    header: Dataset, shape: tuple[int, int], point: tuple[float, float] | None
) -> tuple[Spacing, np.ndarray | None, tuple[str, ...]]:
    """Spacing, scan area and warnings from the calibrated regions, or else from the pixel spacing."""
    items = list(header.get("SequenceOfUltrasoundRegions") or ())
    regions = [region for item in items if (region := _region(item, shape)) is not None]
    plain = _plain_spacing(header)
    if not regions:
        if plain is None:
            return Spacing.unknown(), None, ()
        spacing, notes = header_spacing(*plain, Provenance.DICOM_PIXEL_SPACING)
        if spacing.known:
            notes = (
                "The file has no calibrated tissue region: the spacing is its Pixel Spacing, which is unverified for "
                "ultrasound.",
            )
        return spacing, None, notes
    region = _choose(regions, shape, point)
    scan_area = np.zeros(shape, bool)
    scan_area[region.rows, region.columns] = True
    spacing = Spacing(region.row_mm, region.column_mm, Provenance.DICOM_REGION)
    return spacing, scan_area, tuple(_region_notes(region, len(regions), len(items), plain))


def _region(item: Dataset, shape: tuple[int, int]) -> _Region | None:
    """A 2D tissue region calibrated in cm, or None for any other and for one that lies outside the pixels."""
    kind = [item.get(tag) for tag in ("RegionSpatialFormat", "RegionDataType")]
    units = [item.get(tag) for tag in ("PhysicalUnitsXDirection", "PhysicalUnitsYDirection")]
    corners = [item.get(f"RegionLocation{corner}") for corner in ("MinY0", "MaxY1", "MinX0", "MaxX1")]
    steps = [float(item.get(tag) or 0) for tag in ("PhysicalDeltaY", "PhysicalDeltaX")]
    if kind != [_TWO_DIMENSIONAL, _TISSUE] or units != [_CENTIMETRES] * 2 or None in corners:
        return None
    if not all(math.isfinite(step) and step for step in steps):
        return None
    top, bottom, left, right = (int(corner) for corner in corners)
    # The maximum's pixel belongs to the region (PS3.3 C.8.5.5.1.1).
    rows = slice(max(top, 0), min(bottom + 1, shape[0]))
    columns = slice(max(left, 0), min(right + 1, shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return None
    # Some vendors write the first pixel beyond: that much is no news.
    cut = top < 0 or left < 0 or bottom > shape[0] or right > shape[1]
    return _Region(rows, columns, abs(steps[0]) * 10, abs(steps[1]) * 10, cut, min(steps) < 0)


def _choose(regions: list[_Region], shape: tuple[int, int], point: tuple[float, float] | None) -> _Region:
    centre = ((shape[0] - 1) / 2, (shape[1] - 1) / 2)
    for wanted in (point, centre):
        holding = [region for region in regions if wanted is not None and region.holds(wanted)]
        if holding:
            return max(holding, key=lambda region: region.area)
    return max(regions, key=lambda region: region.area)


def _region_notes(region: _Region, usable: int, present: int, plain: tuple[float, float] | None) -> list[str]:
    notes = []
    if present > 1:
        place = (
            f"columns {region.columns.start} to {region.columns.stop - 1}, "
            f"rows {region.rows.start} to {region.rows.stop - 1}"
        )
        notes.append(f"The file has {present} regions, {usable} of them calibrated tissue: the one in {place} is used.")
    if region.cut:
        notes.append("The calibrated region reaches beyond the pixels and was cut at the frame's border.")
    if region.negative:
        notes.append("The calibrated region counts millimetres backwards along an axis: only their size is used.")
    if _differ(region.row_mm, region.column_mm):
        notes.append(
            f"The pixels are not square: {region.row_mm:.4g} mm along the depth, {region.column_mm:.4g} mm across."
        )
    if plain is not None and (_differ(plain[0], region.row_mm) or _differ(plain[1], region.column_mm)):
        notes.append(
            f"Pixel Spacing ({plain[0]:.4g} x {plain[1]:.4g} mm) disagrees with the calibrated region "
            f"({region.row_mm:.4g} x {region.column_mm:.4g} mm, depth x width), which is used."
        )
    return notes


def _differ(one: float, other: float) -> bool:
    return not math.isclose(one, other, rel_tol=_TOLERANCE)


def _plain_spacing(header: Dataset) -> tuple[float, float] | None:
    for tag in ("PixelSpacing", "NominalScannedPixelSpacing"):
        sizes = header.get(tag)
        if sizes and len(sizes) == 2:
            return float(sizes[0]), float(sizes[1])
    return None


def _ultrasound_dataset(frame: Frame) -> Dataset:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    row_mm, column_mm = frame.spacing.mm()
    pixels = np.clip(np.rint(frame.pixels), 0, 255).astype(np.uint8)
    region = _region_item(frame, row_mm, column_mm)
    content = hashlib.sha256(pixels.tobytes() + repr((pixels.shape, region)).encode()).hexdigest()

    def uid(role: str) -> Any:
        return generate_uid(entropy_srcs=[role, content])

    data = Dataset()
    data.SOPClassUID = ULTRASOUND_IMAGE_STORAGE
    data.SOPInstanceUID, data.StudyInstanceUID, data.SeriesInstanceUID = uid("image"), uid("study"), uid("series")
    data.PatientName, data.PatientID = "Phantom", "Phantom"
    data.PatientBirthDate = data.PatientSex = data.StudyDate = data.StudyTime = ""
    data.ReferringPhysicianName = data.AccessionNumber = data.StudyID = data.Manufacturer = ""
    data.Modality, data.SeriesNumber, data.InstanceNumber = "US", 1, 1
    data.ImageType = ["DERIVED", "PRIMARY"]
    data.PatientOrientation = ""
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows, data.Columns = pixels.shape
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    data.UltrasoundColorDataPresent = 0
    data.LossyImageCompression = "00"
    data.SequenceOfUltrasoundRegions = [region]
    data.PixelData = pixels.tobytes() + b"\0" * (pixels.size % 2)
    data["PixelData"].VR = "OB"
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.ImplementationVersionName = "BREASTMASSXAI"
    return data


def _region_item(frame: Frame, row_mm: float, column_mm: float) -> Dataset:
    from pydicom.dataset import Dataset

    rows, columns = mask_box(np.ones(frame.shape, bool) if frame.scan_area is None else frame.scan_area)
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = _TWO_DIMENSIONAL, _TISSUE, 0
    item.RegionLocationMinX0, item.RegionLocationMinY0 = columns.start, rows.start
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = columns.stop - 1, rows.stop - 1
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = _CENTIMETRES
    item.PhysicalDeltaX, item.PhysicalDeltaY = column_mm / 10, row_mm / 10
    return item
