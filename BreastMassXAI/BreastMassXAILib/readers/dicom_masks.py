"""Masks in DICOM files: images in black and white, and the segments of a Segmentation (PS3.3 A.51)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import InputError
from .dicom_pixels import DicomImage
from .files import reading
from .segments import Segment
from .volumes import MAX_VOXELS

if TYPE_CHECKING:
    from pydicom import Dataset

_SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
_LOSSY = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.91")


@dataclass(frozen=True, eq=False)
class DicomMask:
    """What a DICOM file marks.

    Parameters
    ----------
    pixels : ndarray, shape (frames, rows, columns[, 3])
        White is high, whatever the photometric interpretation.
    lossy : bool
        Whether the compression blurs values.
    segments : tuple of Segment
        Of a Segmentation; none of an image.
    numbers : tuple of int
        Each frame's segment.
    frames : tuple of int, optional
        Each frame's source frame, counted from 0, where the file names it.
    limit : float
        The value that stands for all of a pixel in a fractional segmentation; 0 for a binary one.
    """

    pixels: np.ndarray
    lossy: bool = False
    segments: tuple[Segment, ...] = ()
    numbers: tuple[int, ...] = ()
    frames: tuple[int, ...] | None = None
    limit: float = 0.0


def read_dicom_mask(path: Path) -> DicomMask:
    """Read all frames of a DICOM file that holds a mask.

    Raises
    ------
    InputError
        When the file is damaged, incomplete or too large.
    MissingPackageError
        When its compression needs a decoder that is not installed.
    """
    image = DicomImage(path)
    if image.count * image.shape[0] * image.shape[1] > MAX_VOXELS:
        raise InputError(f"{path.name} is too large for a mask: it holds {image.count} frames.")
    if image.header.get("BitsAllocated") == 1 and not image.header.file_meta.TransferSyntaxUID.is_encapsulated:
        pixels = _bits(path, (image.count, *image.shape))
    else:
        pixels = np.stack([image.colours(index) for index in range(image.count)])
    with reading(path, "a DICOM image"):
        header = image.header
        lossy = str(header.file_meta.get("TransferSyntaxUID", "")) in _LOSSY
        if len(pixels) > 1 and header.get("PhotometricInterpretation") == "MONOCHROME1":
            # Each frame was turned by its own ends; an empty one has none, so all are turned by those of the whole.
            stored = pixels.min(axis=(1, 2), keepdims=True) + pixels.max(axis=(1, 2), keepdims=True) - pixels
            pixels = stored.min() + stored.max() - stored
        if header.get("SOPClassUID") not in _SEGMENTATIONS:
            return DicomMask(pixels, lossy)
        return _segmentation(header, pixels, lossy)


def _bits(path: Path, shape: tuple[int, int, int]) -> np.ndarray:
    """Pixels of one bit.

    Frames follow each other without a gap (PS3.5 8.1.1), which pydicom takes for damage where they do not end with a
    byte.
    """
    from pydicom import dcmread

    with reading(path, "a DICOM image"):
        values = np.frombuffer(dcmread(path, force=True).PixelData, np.uint8)
        needed = shape[0] * shape[1] * shape[2]
        if values.size * 8 < needed:
            raise InputError(f"{path.name} is incomplete: it ends before its last pixel.")
        return np.unpackbits(values, count=needed, bitorder="little").reshape(shape)


def _segmentation(header: Dataset, pixels: np.ndarray, lossy: bool) -> DicomMask:
    segments = tuple(
        Segment(str(item.get("SegmentLabel") or ""), int(item.SegmentNumber))
        for item in header.get("SegmentSequence") or ()
    ) or (Segment("", 1),)
    kind = str(header.get("SegmentationType") or "BINARY")
    frames = _frames(header, len(pixels))
    if kind == "LABELMAP":
        count = len(pixels)
        pixels = np.concatenate([pixels == segment.label for segment in segments])
        numbers = tuple(segment.label for segment in segments for _ in range(count))
        return DicomMask(pixels, lossy, segments, numbers, frames and frames * len(segments))
    limit = float(header.get("MaximumFractionalValue") or 255) if kind == "FRACTIONAL" else 0.0
    return DicomMask(pixels, lossy, segments, _numbers(header, segments, len(pixels)), frames, limit)


def _numbers(header: Dataset, segments: tuple[Segment, ...], count: int) -> tuple[int, ...]:
    own = list(header.get("PerFrameFunctionalGroupsSequence") or ())
    shared = list(header.get("SharedFunctionalGroupsSequence") or ())[:1]
    numbers = []
    for k in range(count):
        found = [
            int(item.ReferencedSegmentNumber)
            for group in (*own[k : k + 1], *shared)
            for item in group.get("SegmentIdentificationSequence") or ()
        ]
        # Where nothing is said, frames are in the order of the segments.
        each = max(count // len(segments), 1)
        numbers.append(found[0] if found else segments[min(k // each, len(segments) - 1)].label)
    return tuple(numbers)


def _frames(header: Dataset, count: int) -> tuple[int, ...] | None:
    """Source frames from 0, where every frame names one."""
    own = list(header.get("PerFrameFunctionalGroupsSequence") or ())[:count]
    found = []
    for group in own:
        numbers = [
            np.atleast_1d(source.ReferencedFrameNumber)
            for item in group.get("DerivationImageSequence") or ()
            for source in item.get("SourceImageSequence") or ()
            if source.get("ReferencedFrameNumber")
        ]
        if len(numbers) != 1 or len(numbers[0]) != 1:
            return None
        found.append(int(numbers[0][0]) - 1)
    return tuple(found) if len(found) == count else None
