"""What a user says about a frame's geometry: calibration, scan area, beams."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.beams import with_beams
from ..core.calibration import CalibrationLine, calibration_note, spacing_from_lines
from ..core.errors import InputError
from ..core.field import FieldRule
from ..core.frame import Frame
from ..core.scan_area import with_scan_area
from ..readers.masks import read_mask

if TYPE_CHECKING:
    from ..network.bundle import Bundle


@dataclass(frozen=True)
class GeometryRequest:
    """What the user asked for.

    Parameters
    ----------
    calibration : tuple of (row0, column0, row1, column1, mm)
        One line or two; empty for none.
    scan_area : str
        ``auto`` (what the file tells, else what is found on a certain dark surround), ``whole``, or a mask's path.
    beams : {"auto", "linear", "convex"}
    apex : (row, column), optional
    field : {"frame", "scan-area"}, optional
        What a network for whole frames looks at instead of its own field.
    """

    calibration: tuple[tuple[float, float, float, float, float], ...] = ()
    scan_area: str = "auto"
    beams: str = "auto"
    apex: tuple[float, float] | None = None
    field: str | None = None


def calibrated(frame: Frame, request: GeometryRequest) -> Frame:
    """The frame with the spacing that the user's lines give, where there are any.

    Raises
    ------
    SpacingError
        When the lines give none.
    """
    if not request.calibration:
        return frame
    lines = [CalibrationLine(*line) for line in request.calibration]
    warnings = (*frame.warnings, calibration_note(lines))
    return replace(frame, spacing=spacing_from_lines(lines, frame.shape), warnings=warnings)


def with_geometry(frame: Frame, mass: np.ndarray, request: GeometryRequest) -> Frame:
    """The frame with the scan area and the beams that the user wants; its spacing must be settled.

    Raises
    ------
    InputError
        When a mask of the scan area cannot be read or does not fit, or convex beams cannot be told.
    """
    if request.scan_area == "whole":
        frame = replace(frame, scan_area=None)
    elif request.scan_area == "auto":
        frame = with_scan_area(frame, mass)
    else:
        area, source, notes = read_mask(Path(request.scan_area), frame.shape)
        note = f"The scan area was given ({source.file_name})."
        frame = replace(frame, scan_area=area, warnings=(*frame.warnings, note, *notes))
    return with_beams(frame, request.beams, request.apex)


def with_field(bundle: Bundle, request: GeometryRequest) -> Bundle:
    """The bundle with the field that the user wants.

    Raises
    ------
    InputError
        When the model was trained on a square around the mass: on another field its answer would mean nothing.
    """
    if request.field is None:
        return bundle
    if bundle.rule.kind in ("square", "roi"):
        raise InputError(
            f"The model {bundle.classifier.name} looks at a square around the mass, so its field cannot be changed."
        )
    return replace(bundle, rule=FieldRule(request.field))
