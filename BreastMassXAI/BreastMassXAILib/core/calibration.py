"""Pixel size from what a person marks on the picture: "this line is N mm long"."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .errors import SpacingError
from .frame import Provenance, Spacing

SHORTEST_PIXELS = 10.0
"""A line below this length is refused: an end misplaced by a pixel would change the spacing by a tenth and more."""
PLAUSIBLE_MM = (0.005, 2.0)
"""Pixel sizes outside are a slip of the unit: screens do not show a breast at 2 mm a pixel, nor at 5 micrometres."""
LARGEST_RATIO = 5.0
_SMALLEST_DETERMINANT = 0.2


@dataclass(frozen=True)
class CalibrationLine:
    """A line of known length.

    Parameters
    ----------
    row0, column0, row1, column1 : float
        Its ends in pixels; pixel centres lie at integers.
    mm : float
        Its length in the patient.

    Raises
    ------
    SpacingError
        When a number is not finite, the length is not positive, or the ends are closer than `SHORTEST_PIXELS`.
    """

    row0: float
    column0: float
    row1: float
    column1: float
    mm: float

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) for value in (self.row0, self.column0, self.row1, self.column1)):
            raise SpacingError("The calibration line's ends must be numbers of pixels.")
        if not (math.isfinite(self.mm) and self.mm > 0):
            raise SpacingError(f"The calibration line's length must be a positive number of mm, not {self.mm}.")
        if self.pixels < SHORTEST_PIXELS:
            raise SpacingError(
                f"The calibration line is only {self.pixels:.3g} pixels long: draw it along a longer distance, for "
                "instance the whole depth scale."
            )

    @property
    def rows(self) -> float:
        return self.row1 - self.row0

    @property
    def columns(self) -> float:
        return self.column1 - self.column0

    @property
    def pixels(self) -> float:
        return math.hypot(self.rows, self.columns)


def spacing_from_lines(lines: Sequence[CalibrationLine], shape: tuple[int, int]) -> Spacing:
    """The spacing of a frame on which one or two lines of known length are drawn.

    Parameters
    ----------
    lines : sequence of CalibrationLine
        One: square pixels. Two that run in different directions: the sizes along rows and columns that give both
        lines their lengths, ``mm**2 == (rows * row_mm)**2 + (columns * column_mm)**2``.
    shape : (rows, columns) of the frame

    Returns
    -------
    Spacing
        With the provenance ``calibrated``.

    Raises
    ------
    SpacingError
        When there is no line or more than two, a line leaves the frame, two lines cannot tell the two sizes apart or
        contradict each other, or the pixels would have an impossible size.
    """
    if len(lines) not in (1, 2):
        raise SpacingError("Calibrate with one line (square pixels) or with two that run in different directions.")
    for line in lines:
        _check_inside(line, shape)
    if len(lines) == 1:
        size = lines[0].mm / lines[0].pixels
        return _plausible(size, size)
    # For unit directions the unknowns are the squares of the two sizes.
    directions = np.array([[line.rows**2, line.columns**2] for line in lines]) / [[line.pixels**2] for line in lines]
    if abs(np.linalg.det(directions)) < _SMALLEST_DETERMINANT:
        raise SpacingError(
            "The two calibration lines cannot tell height and width of the pixels apart, because they are equally "
            "steep: draw one along the depth and one across."
        )
    squares = np.linalg.solve(directions, [(line.mm / line.pixels) ** 2 for line in lines])
    if not (squares > 0).all():
        raise SpacingError("The two calibration lines contradict each other: check their lengths in mm.")
    row_mm, column_mm = (float(size) for size in np.sqrt(squares))
    if max(row_mm, column_mm) > LARGEST_RATIO * min(row_mm, column_mm):
        raise SpacingError(
            f"The two calibration lines contradict each other: pixels of {row_mm:.3g} x {column_mm:.3g} mm "
            "(height x width) are no ultrasound image; check the lines' lengths in mm."
        )
    return _plausible(row_mm, column_mm)


def spacing_from_depth_scale(row0: float, row1: float, mm: float, shape: tuple[int, int]) -> Spacing:
    """The spacing of a frame with square pixels on whose depth scale two marks, `mm` apart, lie in these rows.

    Raises
    ------
    SpacingError
        As :func:`spacing_from_lines`.
    """
    return spacing_from_lines([CalibrationLine(row0, 0.0, row1, 0.0, mm)], shape)


def calibration_note(lines: Sequence[CalibrationLine]) -> str:
    """What the calibration rests on, in a sentence for the result: how far a misplaced end would move it."""
    length = min(line.pixels for line in lines)
    drawn = " and ".join(f"{line.mm:g} mm over {line.pixels:.0f} pixels" for line in lines)
    return (
        f"The pixel size was calibrated by hand ({drawn}); an end misplaced by a pixel changes it by {1 / length:.1%}."
    )


def _check_inside(line: CalibrationLine, shape: tuple[int, int]) -> None:
    for row, column in ((line.row0, line.column0), (line.row1, line.column1)):
        if not (-0.5 <= row <= shape[0] - 0.5 and -0.5 <= column <= shape[1] - 0.5):
            raise SpacingError(
                f"The calibration line's end at row {row:g}, column {column:g} lies outside the frame of {shape[0]} "
                f"rows and {shape[1]} columns."
            )


def _plausible(row_mm: float, column_mm: float) -> Spacing:
    for size in (row_mm, column_mm):
        if not PLAUSIBLE_MM[0] <= size <= PLAUSIBLE_MM[1]:
            raise SpacingError(
                f"The calibration makes a pixel {size:.3g} mm large, which no breast ultrasound has: check the line's "
                "length, which must be given in mm."
            )
    return Spacing(row_mm, column_mm, Provenance.CALIBRATED)
