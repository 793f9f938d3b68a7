"""Frames and masks from files, for Python."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..core.calibration import CalibrationLine
from ..core.frame import Frame, Provenance, Spacing
from ..core.outline import Box, Click, Prompt, Suggestion
from ..core.settling import Said, with_said_geometry, with_said_spacing

PathName = str | PathLike[str]
Place = tuple[float, float]
"""Row and column in pixels of a frame."""
MM = float | tuple[float, float] | Spacing
"""mm per pixel: one number, (row, column), or a :class:`~..core.frame.Spacing` with its provenance."""


def read_frame(
    path: PathName,
    *,
    spacing: MM | None = None,
    width_mm: float | None = None,
    lines: Sequence[tuple[float, float, float, float, float]] = (),
    index: int | None = None,
) -> Frame:
    """One 2D B-mode frame from PNG, JPEG, BMP, TIFF, NRRD, MHA, NIfTI or DICOM.

    Parameters
    ----------
    path : str or Path
    spacing : float, (row, column) or Spacing, optional
        mm per pixel; numbers count as an assumption. By default what the file tells, if it can be trusted.
    width_mm : float, optional
        Assume that the columns span so much, and that pixels are square.
    lines : sequence of (row0, column0, row1, column1, mm)
        One or two lines of known length on the frame, as along its depth scale.
    index : int, optional
        Which frame of a loop or volume, counted from 0.

    Raises
    ------
    BreastMassXAIError
        When the file cannot be read, or the lines give no pixel size, with one sentence.

    Examples
    --------
    >>> import BreastMassXAILib as bmx
    >>> frame = bmx.read_frame("malignant.dcm")
    >>> frame.shape, frame.spacing.provenance.value
    ((560, 600), 'dicom-region')
    >>> bmx.read_frame("malignant.png").spacing.known
    False
    >>> bmx.read_frame("malignant.png", width_mm=38).spacing.provenance.value
    'assumed'
    """
    from ..readers.frames import read_frame as read

    said = Said(spacing_of(spacing), width_mm, tuple(CalibrationLine(*line) for line in lines))
    return with_said_spacing(read(Path(path), index=index), said)


def read_mask(path: PathName, frame: Frame) -> npt.NDArray[np.bool_]:
    """The mask of a mass on a frame's grid, from any of the formats of frames or a Slicer segmentation.

    Parameters
    ----------
    path : str or Path
    frame : Frame
        The frame that the mask belongs to.

    Returns
    -------
    ndarray of bool, shape of the frame

    Raises
    ------
    BreastMassXAIError
        When the file cannot be read, or does not fit the frame, with one sentence.

    Examples
    --------
    >>> import BreastMassXAILib as bmx
    >>> mass = bmx.read_mask("malignant_mask.png", bmx.read_frame("malignant.png"))
    >>> mass.shape, mass.dtype.name
    ((560, 600), 'bool')
    """
    from ..readers.masks import read_mask as read

    return np.asarray(read(Path(path), frame.shape)[0], bool)


def suggest_mask(
    frame: Frame | PathName,
    click: Place | Sequence[Place] | None = None,
    box: tuple[float, float, float, float] | None = None,
    *,
    not_here: Place | Sequence[Place] = (),
    index: int | None = None,
) -> Suggestion:
    """The mass that a network outlines on a frame, as the command ``outline`` does. Look at it before you use it.

    Parameters
    ----------
    frame : Frame, str or Path
    click : (row, column), or several, optional
        Points in the mass, in pixels; without one, and without `box`, the largest mass is outlined.
    box : (top, left, bottom, right), optional
        A rough rectangle around the mass.
    not_here : (row, column), or several
        Points that do not belong to the mass.
    index : int, optional
        Which frame of a loop or volume, counted from 0, where `frame` is a file.

    Returns
    -------
    Suggestion
        ``.mass`` is the mask, ndarray of bool with the shape of the frame; ``.confidence``, 0..1; ``.found``, how many
        masses there seem to be. Given to :func:`explain` as it is, the result says that the mask is automatic.

    Raises
    ------
    NoMassError
        When no mass is found; the sentence tells the confidence.
    BreastMassXAIError
        When something cannot be read or a point makes no sense, with one sentence.

    Examples
    --------
    >>> import BreastMassXAILib as bmx
    >>> found = bmx.suggest_mask("benign.dcm", click=(207, 317))
    >>> found.mass.shape, found.mass.dtype.name, bool(found.mass[207, 317]), found.found
    ((560, 600), 'bool', True, 1)
    >>> bmx.explain("benign.dcm", found).result.mask["origin"]
    'automatic'
    """
    from ..core.suggested import found_mass
    from ..pipeline import load_outliner

    prompt = Prompt(
        (*(Click(*place) for place in _places(click)), *(Click(*place, False) for place in _places(not_here))),
        None if box is None else Box(*box),
    )
    if not isinstance(frame, Frame):
        frame = read_frame(frame, index=index)
    frame = with_said_geometry(frame, None, point=prompt.point)
    outliner = load_outliner()
    found = outliner.suggest(outliner.look(frame), prompt)
    found_mass(found)
    return found


def _places(places: Place | Sequence[Place] | None) -> list[tuple[float, float]]:
    """One point or several as a list."""
    if places is None:
        return []
    found = np.asarray(places, float).reshape(-1, 2)
    return [(float(row), float(column)) for row, column in found]


def spacing_of(mm: MM | None) -> Spacing | None:
    """What a user gave as mm per pixel, as a spacing; plain numbers are an assumption."""
    if mm is None or isinstance(mm, Spacing):
        return mm
    row_mm, column_mm = (mm, mm) if isinstance(mm, (int, float)) else mm
    return Spacing(float(row_mm), float(column_mm), Provenance.ASSUMED)
