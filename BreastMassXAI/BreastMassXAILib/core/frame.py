"""What is looked at: a frame, its spacing with provenance, its scan area, its beams, and the mass on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np

from .errors import InputError, SpacingError

MAX_PIXELS = 16_000_000
"""Frames above this are refused before they are decoded; the largest ultrasound screens have some 2 million pixels."""
MIN_SIDE = 16
"""Cases whose frame has fewer rows or columns are refused: no tissue can be seen on them."""
MM_PER_PIXEL = (0.001, 10.0)
"""Pixel sizes that an ultrasound image can have."""


class Provenance(str, Enum):
    """Where the millimetres come from."""

    DICOM_REGION = "dicom-region"
    DICOM_PIXEL_SPACING = "dicom-pixel-spacing"
    CALIBRATED = "calibrated"
    HEADER = "header"
    MANIFEST = "manifest"
    ASSUMED = "assumed"
    UNKNOWN = "unknown"


class MaskOrigin(str, Enum):
    """Who outlined the mass: it travels into every output, because an outline carries a judgement or it does not."""

    DRAWN = "drawn"
    IMPORTED = "imported"
    AUTOMATIC = "automatic"
    """Suggested by a network; nobody has confirmed it."""
    ACCEPTED = "accepted"
    """Suggested by a network and confirmed by a person as it is."""
    EDITED = "edited"
    """Suggested or imported, and changed by a person."""


@dataclass(frozen=True)
class Spacing:
    """Millimetres per pixel along the rows' axis (depth) and the columns' axis (width), with their provenance.

    Raises
    ------
    SpacingError
        When a size is not a positive finite number, or when sizes and provenance contradict each other.
    """

    row_mm: float | None
    column_mm: float | None
    provenance: Provenance

    def __post_init__(self) -> None:
        sizes = (self.row_mm, self.column_mm)
        if self.provenance is Provenance.UNKNOWN:
            if sizes != (None, None):
                raise SpacingError("An unknown spacing cannot have a size in millimetres.")
        elif any(size is None or not math.isfinite(size) or size <= 0 for size in sizes):
            raise SpacingError(f"The spacing must be two positive numbers of millimetres per pixel, not {sizes}.")
        elif not all(size is not None and MM_PER_PIXEL[0] <= size <= MM_PER_PIXEL[1] for size in sizes):
            raise SpacingError(
                f"A pixel of {self.row_mm:.4g} x {self.column_mm:.4g} mm (row x column) is none of an ultrasound image."
            )

    @classmethod
    def unknown(cls) -> Spacing:
        return cls(None, None, Provenance.UNKNOWN)

    @property
    def known(self) -> bool:
        return self.provenance is not Provenance.UNKNOWN

    def mm(self) -> tuple[float, float]:
        """``(row, column)`` in mm per pixel.

        Raises
        ------
        SpacingError
            When the spacing is unknown; the message tells how to give one.
        """
        if self.row_mm is None or self.column_mm is None:
            raise SpacingError(
                "The pixel size of this frame is unknown, so a ring in millimetres would be made up: calibrate "
                "it with a line of known length, for instance along the depth scale, or give the pixel spacing or the "
                "imaged width, or ask for no ring."
            )
        return self.row_mm, self.column_mm


@dataclass(frozen=True)
class BeamGeometry:
    """How depth runs through a frame.

    Parameters
    ----------
    kind : {"linear", "convex"}
        ``linear``: beams are the columns. ``convex``: beams are rays from `apex`.
    apex : (row, column), optional
        The point where all rays meet, in pixels (pixel centres at integers); usually above the frame (row < 0).
    """

    kind: str = "linear"
    apex: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("linear", "convex"):
            raise InputError(f"The beam geometry must be linear or convex, not {self.kind!r}.")
        if (self.kind == "convex") != (self.apex is not None):
            raise InputError("A convex beam geometry needs the apex of its rays, and a linear one has none.")


@dataclass(frozen=True)
class Source:
    """Identity of an input without its place: file name (never the path) and SHA-256 of the file's bytes."""

    file_name: str
    sha256: str


@dataclass(frozen=True, eq=False)
class Frame:
    """One 2D B-mode image: row 0 at the skin, rows grow with depth.

    Parameters
    ----------
    pixels : ndarray, shape (rows, columns), float32
        Grey values 0..255.
    spacing : Spacing
    scan_area : ndarray of bool, shape (rows, columns), optional
        The pixels that hold echo data; all of them by default.
    beams : BeamGeometry
    source : Source, optional
    warnings : tuple of str
        What the reader had to decide or found odd; travels into every result.
    aspect : float, optional
        A pixel's height over its width, where the file tells no more of its size.

    Raises
    ------
    InputError
        When the pixels are not a 2D image of finite numbers with at least 2 x 2 pixels and two different grey values.
    """

    pixels: np.ndarray
    spacing: Spacing
    scan_area: np.ndarray | None = None
    beams: BeamGeometry = field(default_factory=BeamGeometry)
    source: Source | None = None
    warnings: tuple[str, ...] = ()
    aspect: float | None = None

    def __post_init__(self) -> None:
        pixels = np.asarray(self.pixels)
        if pixels.ndim != 2:
            raise InputError(f"A frame is one 2D image, but this array has the shape {pixels.shape}.")
        if min(pixels.shape) < 2:
            raise InputError(_too_small(pixels.shape))
        low, high = float(pixels.min()), float(pixels.max())
        if not (math.isfinite(low) and math.isfinite(high)):  # min and max hand on NaN
            raise InputError("The frame contains values that are not numbers (NaN or infinity).")
        if low == high:
            raise InputError("The frame is constant: every pixel has the same value, there is nothing to look at.")
        object.__setattr__(self, "pixels", np.ascontiguousarray(pixels, dtype=np.float32))
        if self.scan_area is not None:
            area = np.asarray(self.scan_area, dtype=bool)
            if area.shape != pixels.shape:
                raise InputError(f"The scan area has the shape {area.shape}, the frame {pixels.shape}.")
            if not area.any():
                raise InputError("The scan area is empty.")
            object.__setattr__(self, "scan_area", None if area.all() else area)

    @property
    def shape(self) -> tuple[int, int]:
        return self.pixels.shape

    @property
    def shown(self) -> np.ndarray:
        """The pixels as pictures and scenes show them: black outside the scan area, where names and dates stand."""
        return self.pixels if self.scan_area is None else np.where(self.scan_area, self.pixels, np.float32(0))

    def with_spacing(self, spacing: Spacing) -> Frame:
        return replace(self, spacing=spacing)

    def with_assumed_width(self, width_mm: float) -> Frame:
        """The same frame under the explicit assumption that its columns span `width_mm`, and that its pixels are
        square unless the file says otherwise."""
        size = width_mm / self.shape[1]
        return self.with_spacing(Spacing(size * (self.aspect or 1), size, Provenance.ASSUMED))


@dataclass(frozen=True, eq=False)
class Case:
    """A frame with the mask of its mass, and what is known of it.

    Parameters
    ----------
    frame : Frame
    mass : ndarray of bool, shape of the frame
        Several masses in one mask count as one.
    mass_source : Source, optional
    label : {"malignant", "benign"}, optional
        The truth, where it is known.
    patient, view : str, optional
        Pseudonyms for grouping; they never enter a :class:`~.result.CaseResult`.
    words : mapping of str to str
        What a reader said of the mass, by feature of the lexicon (:data:`~.lexicon.WORDS`).
    mass_origin : MaskOrigin

    Raises
    ------
    InputError
        When the mask is empty, covers everything or does not fit the frame, or the frame is too small to show tissue.
    """

    frame: Frame
    mass: np.ndarray
    mass_source: Source | None = None
    label: str | None = None
    patient: str | None = None
    view: str | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    mass_origin: MaskOrigin = MaskOrigin.IMPORTED

    def __post_init__(self) -> None:
        if min(self.frame.shape) < MIN_SIDE:
            raise InputError(_too_small(self.frame.shape))
        mass = np.asarray(self.mass, dtype=bool)
        if mass.shape != self.frame.shape:
            raise InputError(
                f"The mask does not fit the frame: the mask has {_size(mass.shape)} pixels, "
                f"the frame {_size(self.frame.shape)} (columns x rows)."
            )
        if not mass.any():
            raise InputError("The mask is empty: no pixel is marked as mass.")
        if mass.all():
            raise InputError("The mask covers the whole frame: there is no tissue around the mass to compare with.")
        object.__setattr__(self, "mass", mass)


def _too_small(shape: tuple[int, ...]) -> str:
    return f"The frame has only {_size(shape)} pixels (columns x rows): too small to be an ultrasound image."


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in reversed(shape))
