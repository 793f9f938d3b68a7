"""One file and a frame's shape in, the mass's mask out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.errors import InputError
from ..core.frame import Source
from .dicom import read_pixels
from .files import Kind, identify, source_of
from .pictures import Picture, read_picture
from .volumes import Volume, read_volume

MAX_LABELS = 16
"""A grey picture with more levels than this holds soft edges, not labels."""

_MASS_NAME = re.compile(r"\b(mass|masses|tumou?rs?|lesions?)\b")
_AROUND_NAME = re.compile(r"\b(peri|peritumou?ral|around|below|behind|ring|rim|halo)\b")


@dataclass(frozen=True)
class _Segment:
    name: str
    label: int
    layer: int


def read_mask(path: Path, shape: tuple[int, int], label: int | None = None) -> tuple[np.ndarray, Source]:
    """Read the mask of a mass that lies on a frame's grid.

    Without `label` every pixel that is not zero (or not black, in a colour picture) is mass; but if a Slicer
    segmentation or label image names several segments and some of them mass, tumour or lesion, these alone are. A JPEG,
    and any grey picture with soft edges, is cut at half of its maximum.

    Parameters
    ----------
    path : Path
        PNG, JPEG, BMP, TIFF, NRRD (``.seg.nrrd`` too, cropped and layered), MHA/MHD, NIfTI or DICOM.
    shape : (rows, columns)
        The frame's.
    label : int, optional
        The one value (palette index, segment's label value) that means mass.

    Returns
    -------
    ndarray of bool, shape (rows, columns)
    Source

    Raises
    ------
    InputError
        When the file is missing, unreadable, damaged or too large, has another size than the frame, marks nothing, or
        is a picture of tissue rather than a mask.
    MissingPackageError
        When a compressed DICOM file needs a decoder that is not installed.
    """
    path = Path(path)
    kind, detached = identify(path), None
    if kind is Kind.PICTURE:
        picture = read_picture(path)
        _check_size(path, picture.pixels.shape, shape)
        mask = _picture_mask(path, picture, label)
    elif kind is Kind.DICOM:
        values = read_pixels(path)
        _check_size(path, values.shape, shape)
        mask = _marked(path, values, label)
    else:
        volume = read_volume(path)
        detached = volume.pixels
        mask = _on_frame(path, _volume_mask(path, volume, label), volume, shape)
    if not mask.any():
        what = "no pixel is marked as mass" if label is None else f"no pixel has the label {label}"
        raise InputError(f"The mask {path.name} is empty: {what}.")
    return mask, source_of(path, detached)


def _check_size(path: Path, found: tuple[int, ...], wanted: tuple[int, int]) -> None:
    if found[:2] != wanted:
        raise InputError(
            f"The mask {path.name} does not fit the frame: the mask has {found[1]} x {found[0]} pixels, the frame "
            f"{wanted[1]} x {wanted[0]} (columns x rows)."
        )


def _marked(path: Path, values: np.ndarray, label: int | None) -> np.ndarray:
    """The pixels with this label; without one those that are not zero, or in colours not black."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise InputError(f"The mask {path.name} contains values that are not numbers (NaN or infinity).")
    if values.ndim == 2:
        return np.not_equal(values, 0) if label is None else np.equal(values, label)
    if label is not None:
        raise InputError(f"The mask {path.name} is a colour picture and has no label values: leave the label out.")
    if values.shape[2] == 4:
        return _opaque((values[..., :3] != 0).any(axis=2), values[..., 3])
    return (values != 0).any(axis=2)


def _opaque(mask: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """Transparent pixels are no mark, unless everything is transparent: then alpha means nothing."""
    return mask & (alpha > 0) if alpha is not None and alpha.any() else mask


def _picture_mask(path: Path, picture: Picture, label: int | None) -> np.ndarray:
    if label is not None:
        return _marked(path, picture.pixels if picture.indices is None else picture.indices, label)
    values = picture.pixels
    strength = values if values.ndim == 2 else values.max(axis=2)
    if picture.lossy or (values.ndim == 2 and len(np.unique(values)) > MAX_LABELS):
        mask = _cut_at_half(path, strength)
    else:
        mask = _marked(path, values, None)
    return _opaque(mask, picture.alpha)


def _cut_at_half(path: Path, strength: np.ndarray) -> np.ndarray:
    """A mask with soft edges, cut in the middle; a picture that is mostly in between is the frame, not a mask."""
    height = strength / max(float(strength.max()), 1e-9)
    between = int(((height > 1 / 8) & (height < 7 / 8)).sum())
    if between > 0.05 * height.size and between > int((height >= 7 / 8).sum()):
        raise InputError(f"{path.name} is a grey picture, not a mask: most of its pixels are neither black nor marked.")
    return height >= 0.5


def _volume_mask(path: Path, volume: Volume, label: int | None) -> np.ndarray:
    """The mask on the file's own grid."""
    segments = _segments(volume.metadata)
    if not segments:
        return _marked(path, volume.pixels, label)
    if label is not None:
        chosen = [segment for segment in segments if segment.label == label]
    else:
        chosen = _named_mass(segments) or segments
    layers = volume.pixels if volume.pixels.ndim == 3 else volume.pixels[..., None]
    mask = np.zeros(layers.shape[:2], bool)
    for segment in chosen:
        if segment.layer >= layers.shape[2]:
            raise InputError(f"The mask {path.name} is damaged: the layer of its segment {segment.name} is missing.")
        mask |= layers[..., segment.layer] == segment.label
    return mask


def _segments(metadata: dict[str, str]) -> list[_Segment]:
    """Segments as Slicer writes them into an NRRD header (``Segment0_Name`` and so on)."""
    segments = []
    number = 0
    while f"Segment{number}_ID" in metadata or f"Segment{number}_LabelValue" in metadata:
        field = {key: metadata.get(f"Segment{number}_{key}") for key in ("Name", "LabelValue", "Layer")}
        # Slicer 4.10 and older wrote one layer of zeros and ones for each segment, in their order.
        label, layer = field["LabelValue"] or 1, field["Layer"] or (0 if field["LabelValue"] else number)
        try:
            segments.append(_Segment(field["Name"] or "", int(label), int(layer)))
        except ValueError:
            return []
        number += 1
    return segments


def _named_mass(segments: list[_Segment]) -> list[_Segment]:
    """The segments whose name says mass, tumour or lesion (and not what surrounds it)."""

    def is_mass(segment: _Segment) -> bool:
        words = re.sub(r"[\W_\d]+", " ", segment.name.lower())
        return bool(_MASS_NAME.search(words)) and not _AROUND_NAME.search(words)

    return [segment for segment in segments if is_mass(segment)]


def _on_frame(path: Path, mask: np.ndarray, volume: Volume, shape: tuple[int, int]) -> np.ndarray:
    """Put a mask that was cropped when it was saved back to its place on the frame.

    Slicer stores where a cropped extent starts, not how large the whole was: an extent that starts at the corner is
    taken as the whole, so a mask of a smaller frame is not taken for a cropped one.
    """
    offset = volume.metadata.get("Segmentation_ReferenceImageExtentOffset", "").split()
    starts = [int(number) for number in offset if re.fullmatch(r"-?\d+", number)]
    column, row = (starts[axis] for axis in volume.axes) if len(starts) == 3 else (0, 0)
    if (row, column) == (0, 0):
        _check_size(path, mask.shape, shape)
        return mask
    ends = row + mask.shape[0], column + mask.shape[1]
    if min(row, column) < 0 or ends[0] > shape[0] or ends[1] > shape[1]:
        raise InputError(
            f"The mask {path.name} does not fit the frame: it spans columns {column} to {ends[1] - 1} and rows "
            f"{row} to {ends[0] - 1}, the frame has {shape[1]} x {shape[0]} pixels (columns x rows)."
        )
    whole = np.zeros(shape, bool)
    whole[row : ends[0], column : ends[1]] = mask
    return whole
