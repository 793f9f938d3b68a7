"""One way to settle a case: how big a frame's pixels are, which of them hold echoes, and how depth runs.

The command line, a cohort, the panel and Python all come through here, with what their user or their data set says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .beams import with_beams
from .calibration import CalibrationLine, calibration_note, spacing_from_lines
from .frame import Case, Frame, MaskOrigin, Provenance, Source, Spacing
from .scan_area import with_scan_area
from .sizes import confirmed_size, with_other_spacing


@dataclass(frozen=True)
class SpacingAssumption:
    """What is assumed of frames whose pixel size neither data set nor file tells: mm per pixel, or the imaged width.

    `confirmed` says that a frame which would then be narrower or wider than any probe images is no slip.
    """

    spacing_mm: tuple[float, float] | None = None
    width_mm: float | None = None
    confirmed: bool = False


@dataclass(frozen=True, eq=False)
class Said:
    """What is said of a frame; for all that is not, its file or the frame itself is asked.

    Parameters
    ----------
    spacing : Spacing, optional
        Goes before what the file tells. So do, where it is not given, `width_mm` and `lines`.
    width_mm : float, optional
        The columns are assumed to span so much, and the pixels to be square.
    lines : tuple of CalibrationLine
        One or two lines of known length on the frame.
    otherwise : SpacingAssumption
        Only for a frame whose pixel size nothing tells.
    scan_area : {"auto", "whole"} or ndarray of bool, shape of the frame
        ``auto``: what the file tells, else what is found where the surround is certain.
    area_notes : tuple of str
        Where a given `scan_area` comes from, for the result's warnings.
    beams : {"auto", "linear", "convex"}
    apex : (row, column), optional
        Where a convex probe's beams meet.
    """

    spacing: Spacing | None = None
    width_mm: float | None = None
    lines: tuple[CalibrationLine, ...] = ()
    otherwise: SpacingAssumption = SpacingAssumption()
    scan_area: str | np.ndarray = "auto"
    area_notes: tuple[str, ...] = ("The scan area was given.",)
    beams: str = "auto"
    apex: tuple[float, float] | None = None


NOTHING = Said()


def with_said_spacing(frame: Frame, said: Said = NOTHING) -> Frame:
    """The frame with the pixel size that is said, else its own, else the assumed one, else an unknown one.

    Raises
    ------
    SpacingError
        When the lines give no pixel size.
    """
    if said.spacing is not None:
        return with_other_spacing(frame, said.spacing)
    if said.width_mm is not None:
        return with_other_spacing(frame, frame.with_assumed_width(said.width_mm).spacing)
    if said.lines:
        spacing = spacing_from_lines(said.lines, frame.shape)
        return replace(frame, spacing=spacing, warnings=(*frame.warnings, calibration_note(said.lines)))
    return with_assumption(frame, said.otherwise)


def with_assumption(frame: Frame, assumption: SpacingAssumption) -> Frame:
    """The frame with its own pixel size, else the assumed one, else an unknown one.

    Raises
    ------
    InputError
        When the frame would then be narrower or wider than any probe images, and nobody has confirmed it.
    """
    if frame.spacing.known:
        return frame
    if assumption.spacing_mm is not None:
        frame = with_other_spacing(frame, Spacing(*assumption.spacing_mm, Provenance.ASSUMED))
    elif assumption.width_mm is not None:
        frame = frame.with_assumed_width(assumption.width_mm)
    return confirmed_size(frame, assumption.confirmed)


def with_said_geometry(
    frame: Frame, mass: np.ndarray | None, said: Said = NOTHING, point: tuple[float, float] | None = None
) -> Frame:
    """The frame with its scan area and its beams; its spacing must be settled.

    Parameters
    ----------
    mass : ndarray of bool, shape of the frame, optional
    point : (row, column), optional
        In the tissue of interest, where no mass is known: of several echo images it chooses.

    Raises
    ------
    InputError
        When a given scan area does not fit, or convex beams cannot be told.
    """
    if isinstance(said.scan_area, np.ndarray):
        frame = replace(frame, scan_area=said.scan_area, warnings=(*frame.warnings, *said.area_notes))
    elif said.scan_area == "whole":
        frame = replace(frame, scan_area=None)
    else:
        frame = with_scan_area(frame, mass, point)
    return with_beams(frame, said.beams, said.apex)


def settle(
    frame: Frame,
    mass: np.ndarray,
    said: Said = NOTHING,
    mass_source: Source | None = None,
    *,
    label: str | None = None,
    patient: str | None = None,
    view: str | None = None,
    origin: MaskOrigin = MaskOrigin.IMPORTED,
) -> Case:
    """The case of a frame and its mass with everything settled that an explanation needs.

    Raises
    ------
    SpacingError, InputError
        As :func:`with_said_spacing`, :func:`with_said_geometry` and :class:`~.frame.Case`.
    """
    frame = with_said_geometry(with_said_spacing(frame, said), mass, said)
    return Case(frame, mass, mass_source, label, patient, view, mass_origin=origin)
