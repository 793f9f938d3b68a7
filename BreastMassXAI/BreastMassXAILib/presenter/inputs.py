"""A session's inputs, read from the scene: the case, and what of it can be compared and saved."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.frame import Case, Frame, Provenance, Spacing
from ..core.result import Settings
from ..core.settling import Said, SpacingAssumption, with_said_geometry, with_said_spacing
from ..scene.arrays import array_of
from ..scene.inputs import frame_of, mass_of, spacing_of
from .database import FileFrame, FileOf, database_file, file_frame

_PROVENANCE_WORDS = {
    Provenance.DICOM_REGION: "from the file's ultrasound region",
    Provenance.DICOM_PIXEL_SPACING: "from the file's pixel spacing",
    Provenance.CALIBRATED: "calibrated with a line of known length",
    Provenance.HEADER: "from the file's header",
    Provenance.MANIFEST: "from the manifest",
    Provenance.ASSUMED: "an assumption",
}


class Badge(str, Enum):
    GOOD = "good"
    ASSUMED = "assumed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class InputFacts:
    """What the chosen image is, in words for the panel.

    `image`: "1000 x 800 pixels"; `spacing`: "0.05 mm a pixel, from the file's header", where height and width differ
    both; and how far that can be trusted.
    """

    image: str
    spacing: str
    badge: Badge


@dataclass(frozen=True)
class Seen:
    """What an explanation is made of. Two that are equal give the same explanation.

    Parameters
    ----------
    frame, mass : str
        SHA-256 of the voxels and of the mask.
    spacing_mm : (row, column), optional
    provenance : str
    ring_mm, grey_zone : float
    model : str
        SHA-256 of its description.
    operating_point : str
    suspend : str, optional
        The rule that was asked for; None for the model's own.
    mask_origin : str
        Who outlined the mass, see :class:`~..core.frame.MaskOrigin`.
    method : str
        That was asked for.
    check : str, optional
        What the counter-check was to replace regions by.
    words : tuple of (feature, word)
        What a reader said of the mass.
    """

    frame: str
    mass: str
    spacing_mm: tuple[float, float] | None
    provenance: str
    ring_mm: float
    grey_zone: float
    model: str
    operating_point: str = "balanced"
    suspend: str | None = None
    mask_origin: str = "drawn"
    method: str = "cam"
    check: str | None = None
    words: tuple[tuple[str, str], ...] = ()


def settings_of(parameters: Any) -> Settings:
    """The settings that a parameter node keeps."""
    return Settings(
        ring_mm=parameters.ringMm,
        grey_zone=parameters.greyZone,
        operating_point=parameters.operatingPoint,
        method=parameters.method,
        check="inpaint" if parameters.counterCheck else None,
    )


class FrameReader:
    """Reads frame and mass from their nodes; what is slow is done again only where it would come out differently.

    Parameters
    ----------
    file_of : FileOf
        By which a frame from the DICOM module finds its file.
    """

    def __init__(self, file_of: FileOf = database_file) -> None:
        self._file_of = file_of
        self._file: FileFrame | None = None
        self._key: tuple[str, str] | None = None
        self._frame: Frame | None = None
        self._read_case: tuple[tuple[str, str], Case] | None = None
        self._prepared: tuple[tuple[str, str], Spacing, Frame, np.ndarray | None] | None = None

    def adopt(self, frame_node, case: Case) -> None:
        """Take a case that was read from files as what a node shows, with its file's name, scan area and warnings."""
        key = frame_node.GetID(), digest_of_voxels(frame_node)
        self._key, self._frame, self._file, self._prepared = key, case.frame, None, None
        self._read_case = key, case

    def frame(self, frame_node, assumed_width_mm: float, mass: np.ndarray | None = None) -> tuple[str, Frame]:
        """The frame of a node with the digest of its voxels.

        What the DICOM module loaded is read from its file, for its calibrated regions; of several, `mass` chooses.

        Raises
        ------
        InputError
            When the node holds no frame.
        """
        image = frame_node.GetImageData()
        if image is None or image.GetPointData().GetScalars() is None:
            frame_of(frame_node)  # says what is wrong
        key = frame_node.GetID(), digest_of_voxels(frame_node)
        if self._key != key or self._frame is None:
            self._key = key
            self._file, self._frame = file_frame(frame_node, frame_of(frame_node), self._file_of)
        spacing, frame = spacing_of(frame_node), self._frame
        if self._file is not None:
            frame = self._file.frame(mass)
            if _of_file(spacing, frame.spacing):
                spacing = frame.spacing
        if not _same(spacing, frame.spacing):
            frame = frame.with_spacing(spacing)
        said = Said(otherwise=SpacingAssumption(width_mm=assumed_width_mm or None))
        return key[1], with_said_spacing(frame, said)

    @property
    def file(self) -> FileFrame | None:
        """The file behind the frame that was read last."""
        return self._file

    def case(self, frame: Frame, mass: np.ndarray) -> Case:
        """The case of :meth:`frame` with its scan area and beams, as the command line finds them.

        The scan area is looked for again only when it no longer holds all of an edited mass: it takes longer than all
        the rest of a live update.

        Raises
        ------
        InputError
            When the mass does not fit.
        """
        assert self._key is not None
        case = Case(frame, mass)
        known = self._prepared
        told = frame.scan_area
        if (
            known is None
            or known[:2] != (self._key, frame.spacing)
            or known[3] is not told
            or not _holds(known[2].scan_area, mass)
        ):
            known = self._key, frame.spacing, with_said_geometry(frame, mass), told
            self._prepared = known
        read = self._read_case
        if read is not None and read[0] == self._key and np.array_equal(read[1].mass, mass):
            return replace(read[1], frame=known[2])
        return replace(case, frame=known[2])


def _of_file(node: Spacing, file: Spacing) -> bool:
    """Whether a node's pixel size is the one that its file states, or none: Slicer reads a single region's only."""
    if node.provenance is Provenance.UNKNOWN or not file.known:
        return node.provenance is Provenance.UNKNOWN
    return node.provenance is Provenance.HEADER and bool(np.allclose(node.mm(), file.mm(), rtol=1e-6, atol=0))


def _same(first: Spacing, second: Spacing) -> bool:
    """Up to the rounding that a node's matrix costs."""
    if first.provenance is not second.provenance or not first.known:
        return first == second
    return bool(np.allclose(first.mm(), second.mm(), rtol=1e-9, atol=0))


def _holds(area: np.ndarray | None, mass: np.ndarray) -> bool:
    """A whole frame may have been taken because of where the mass was: only a found area is trusted to stay."""
    return area is not None and not (mass & ~area).any()


def mass_in(segmentation_node, segment_id: str, frame_node) -> np.ndarray:
    """The chosen mass on the frame's grid.

    Raises
    ------
    InputError
        When none is chosen, or it is no labelmap.
    """
    if segmentation_node is None:
        raise InputError("Choose the segmentation that holds the mass, or draw one.")
    if not segment_id or segmentation_node.GetSegmentation().GetSegment(segment_id) is None:
        raise InputError("Choose the segment that holds the mass, or draw one.")
    return mass_of(segmentation_node, segment_id, frame_node)


def digest_of_voxels(volume_node) -> str:
    """SHA-256 of a volume's voxels, whatever their place in the room."""
    return digest_of(array_of(volume_node.GetImageData()))


def digest_of(array: np.ndarray) -> str:
    """SHA-256 of an array's shape, type and values."""
    found = hashlib.sha256(f"{array.shape} {array.dtype.str}".encode())
    found.update(np.packbits(array) if array.dtype == bool else np.ascontiguousarray(array))
    return found.hexdigest()


def facts_of(frame: Frame) -> InputFacts:
    """A frame in words."""
    rows, columns = frame.shape
    image = f"{columns} x {rows} pixels"
    spacing = frame.spacing
    if not spacing.known:
        return InputFacts(image, "pixel size unknown", Badge.UNKNOWN)
    row_mm, column_mm = spacing.mm()
    row, column = f"{row_mm:.3g}", f"{column_mm:.3g}"
    size = f"{row} mm a pixel" if row == column else f"{row} x {column} mm a pixel (height x width)"
    words = f"{size}, {_PROVENANCE_WORDS[spacing.provenance]}"
    return InputFacts(image, words, Badge.ASSUMED if spacing.provenance is Provenance.ASSUMED else Badge.GOOD)


def seen_from(data: dict[str, Any]) -> Seen:
    """What ``dataclasses.asdict`` made of a :class:`Seen`, back from JSON."""
    size = data["spacing_mm"]
    words = tuple((feature, word) for feature, word in data.get("words", ()))
    return Seen(**{**data, "spacing_mm": None if size is None else (float(size[0]), float(size[1])), "words": words})
