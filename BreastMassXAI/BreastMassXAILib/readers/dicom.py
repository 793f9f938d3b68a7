"""DICOM ultrasound: frames with the millimetres of the calibrated region that holds the tissue."""

from __future__ import annotations

import hashlib
import io
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.cine import Cine
from ..core.errors import OutputError
from ..core.frame import Frame, Spacing
from ..core.regions import mask_box
from ..core.sizes import SAME
from .dicom_pixels import DicomImage
from .files import reading, source_of, write_beside
from .grey import overlay_notes
from .ultrasound_regions import Geometry, Place, Region, geometry, read_regions

if TYPE_CHECKING:
    from pydicom import Dataset

ULTRASOUND_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.6.1"

_WHAT = "a DICOM image"
_TWO_DIMENSIONAL, _TISSUE, _CENTIMETRES = 1, 1, 3


def open_ultrasound(path: Path, place: Place | None = None) -> Cine:
    """Open a DICOM file of one frame or many; each is decoded when it is asked for.

    The spacing is that of a 2D region calibrated in cm in the Sequence of Ultrasound Regions (0018,6011): the one that
    holds `place`, or the frame's centre, or else the largest; its box is the scan area. Without such a region it is
    Pixel Spacing (0028,0030) or Nominal Scanned Pixel Spacing (0018,2010), or unknown. Where a loop states a scale for
    each frame (Per-Frame Functional Groups), each frame has its own. Nothing of the patient is read.

    Parameters
    ----------
    path : Path
    place : Place, optional
        A point (row, column) or a box (rows, columns) in the tissue of interest.

    Raises
    ------
    InputError
        When the file is damaged or incomplete, holds no image or an Enhanced US Volume, or is too large.
    MissingPackageError
        From reading a frame: its pixels are compressed in a way that needs a decoder that is not installed.
    """
    image = DicomImage(path)
    with reading(path, _WHAT):
        header = image.header
        common = _modality_note(header) + _name_note(header) + image.warnings
        source = source_of(path)
        varying = _states_scales_by_frame(header)
        places = [_geometry(image, index, place) for index in range(image.count if varying else 1)]
        notes = _scale_note([each.spacing for each in places]) if varying else ()
        times, aspect = _times(header, image.count), _aspect(header)

    def read(index: int) -> Frame:
        grey, marked, bit_notes = image.grey(index)
        where = places[index if varying else 0]
        warnings = common + notes + where.warnings + bit_notes
        if marked is not None:
            warnings += overlay_notes(marked, where.scan_area)
        return Frame(grey, where.spacing, scan_area=where.scan_area, source=source, warnings=warnings, aspect=aspect)

    return Cine(image.count, read, times, source, common + notes + places[0].warnings)


def regions_of(path: Path) -> list[Region]:
    """The calibrated and other regions that a DICOM file states for its first frame, with their faults.

    Raises
    ------
    InputError
        As :func:`open_ultrasound`.
    """
    image = DicomImage(path)
    with reading(path, _WHAT):
        return read_regions(_region_items(image.header, 0), image.shape)


def _geometry(image: DicomImage, index: int, place: Place | None) -> Geometry:
    regions = read_regions(_region_items(image.header, index), image.shape)
    plain, notes = _plain_spacing(image.header, index)
    found = geometry(regions, plain, image.shape, place)
    notes += _aspect_note(_aspect(image.header), found.spacing)
    return replace(found, warnings=(*found.warnings, *notes)) if notes else found


def _frame_groups(header: Dataset, index: int) -> list[Dataset]:
    """The functional groups that hold for a frame, its own first (PS3.3 C.7.6.16)."""
    own = header.get("PerFrameFunctionalGroupsSequence") or ()
    return [*own[index : index + 1], *(header.get("SharedFunctionalGroupsSequence") or ())[:1]]


def _states_scales_by_frame(header: Dataset) -> bool:
    own = header.get("PerFrameFunctionalGroupsSequence") or ()
    return any("SequenceOfUltrasoundRegions" in group or "PixelMeasuresSequence" in group for group in own)


def _region_items(header: Dataset, index: int) -> list[Dataset]:
    for group in (*_frame_groups(header, index), header):
        if items := group.get("SequenceOfUltrasoundRegions"):
            return list(items)
    return []


def _plain_spacing(header: Dataset, index: int) -> tuple[tuple[float, float] | None, tuple[str, ...]]:
    """The first pixel size that is stated in numbers, and what else is stated."""
    measures = [item for group in _frame_groups(header, index) for item in group.get("PixelMeasuresSequence") or ()]
    notes: tuple[str, ...] = ()
    found: list[tuple[str, tuple[float, float]]] = []
    for item in (*measures, header):
        for tag, name in (("PixelSpacing", "Pixel Spacing"), ("NominalScannedPixelSpacing", "Nominal Pixel Spacing")):
            try:
                sizes = item.get(tag)
                if sizes and len(sizes) == 2:
                    found.append((name, (float(sizes[0]), float(sizes[1]))))
            except (TypeError, ValueError):
                notes = (*notes, f"The file's {name} is no pair of numbers, and was not used.")
    if not found:
        return None, notes
    first, used = found[0]
    for name, sizes in found[1:]:
        if not np.allclose(sizes, used, rtol=SAME, atol=0):
            notes += (
                f"The file's {name} ({sizes[0]:.4g} x {sizes[1]:.4g} mm) disagrees with its {first} ({used[0]:.4g} x "
                f"{used[1]:.4g} mm), which goes first.",
            )
    return used, notes


def _aspect_note(aspect: float | None, spacing: Spacing) -> tuple[str, ...]:
    if aspect is None or not spacing.known:
        return ()
    row_mm, column_mm = spacing.mm()
    if abs(row_mm / column_mm - aspect) <= SAME * aspect:
        return ()
    return (
        f"The file says that its pixels are {aspect:.4g} times as high as wide (Pixel Aspect Ratio), and gives them "
        f"{row_mm:.4g} x {column_mm:.4g} mm (row x column), which is used.",
    )


def _aspect(header: Dataset) -> float | None:
    """Pixel Aspect Ratio (0028,0034), height over width; it stands where a pixel size does not (PS3.3 C.7.6.3.1.7)."""
    try:
        high, wide = (float(each) for each in header.get("PixelAspectRatio") or ())
    except (TypeError, ValueError):
        return None
    return high / wide if 0.01 < high < 1e4 and 0.01 < wide < 1e4 else None


def _number(header: Dataset, tag: str) -> float:
    """A number of the header; 0 where there is none."""
    try:
        return float(header.get(tag) or 0)
    except (TypeError, ValueError):
        return 0.0


def _scale_note(spacings: list[Spacing]) -> tuple[str, ...]:
    counts = Counter((each.row_mm, each.column_mm) for each in spacings)
    if len(counts) < 2:
        return ()
    kinds = "; ".join(
        "unknown" if row is None else f"{row:.4g} x {column:.4g} mm in {number} frames"
        for (row, column), number in counts.most_common(4)
    )
    return (f"The scale changes within the loop ({kinds}): each frame has its own.",)


def _times(header: Dataset, count: int) -> np.ndarray | None:
    """Seconds from the first frame: Frame Time Vector (0018,1065), Frame Time (0018,1063), or a frame rate."""
    try:
        vector = header.get("FrameTimeVector")
    except ValueError:
        vector = None
    if vector is not None and np.size(vector) == count:
        times = np.cumsum(np.atleast_1d(np.asarray(vector, float))) / 1000
        return times - times[0] if np.isfinite(times).all() else None
    step = _number(header, "FrameTime") / 1000
    if not step:
        rate = _number(header, "CineRate") or _number(header, "RecommendedDisplayFrameRate")
        step = 1 / rate if rate else 0.0
    return np.arange(count) * step if 0 < step < np.inf else None


def _name_note(header: Dataset) -> tuple[str, ...]:
    if str(header.get("BurnedInAnnotation") or "") != "YES":
        return ()
    return (
        "The file says that its pixels show names or dates (Burned In Annotation): outputs show the scan area only, "
        "so see that it holds none.",
    )


def _modality_note(header: Dataset) -> tuple[str, ...]:
    modality = str(header.get("Modality") or "")
    if modality in ("", "US", "SC", "OT"):
        return ()
    named = modality if re.fullmatch(r"[A-Z0-9_ ]{1,16}", modality) else "damaged"  # a code string, PS3.5 6.2
    return (f"The file's modality is {named}, not ultrasound (US).",)


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
