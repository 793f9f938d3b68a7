"""Lines of known length give the spacing that they were drawn with, and nothing else does."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from BreastMassXAILib.core.calibration import (
    CalibrationLine,
    calibration_note,
    spacing_from_depth_scale,
    spacing_from_lines,
)
from BreastMassXAILib.core.errors import SpacingError
from BreastMassXAILib.core.frame import Provenance

SHAPE = (600, 800)
sizes = st.floats(0.01, 1.5)
rows, columns = st.floats(-0.5, SHAPE[0] - 0.5), st.floats(-0.5, SHAPE[1] - 0.5)
ends = st.tuples(rows, columns, rows, columns)


def drawn(end, row_mm, column_mm):
    """The line between two ends on a frame with this pixel size, with its true length."""
    return CalibrationLine(*end, math.hypot((end[2] - end[0]) * row_mm, (end[3] - end[1]) * column_mm))


def steepness(end):
    return (end[2] - end[0]) ** 2 / ((end[2] - end[0]) ** 2 + (end[3] - end[1]) ** 2)


def long_enough(end):
    return math.hypot(end[2] - end[0], end[3] - end[1]) > 10.1


@given(ends.filter(long_enough), sizes)
def test_a_line_of_known_length_recovers_square_pixels(end, size):
    spacing = spacing_from_lines([drawn(end, size, size)], SHAPE)
    assert spacing.mm() == pytest.approx((size, size))
    assert spacing.provenance is Provenance.CALIBRATED


@given(ends.filter(long_enough), ends.filter(long_enough), sizes, st.floats(0.25, 4))
def test_two_lines_recover_pixels_that_are_not_square(one, other, row_mm, ratio):
    column_mm = row_mm * ratio
    assume(0.01 <= column_mm <= 1.5 and abs(steepness(one) - steepness(other)) > 0.21)
    spacing = spacing_from_lines([drawn(one, row_mm, column_mm), drawn(other, row_mm, column_mm)], SHAPE)
    assert spacing.mm() == pytest.approx((row_mm, column_mm), rel=1e-6)


@given(rows, rows, sizes)
def test_a_depth_scale_recovers_square_pixels(first, second, size):
    assume(abs(second - first) > 10.1)
    spacing = spacing_from_depth_scale(first, second, abs(second - first) * size, SHAPE)
    assert spacing.mm() == pytest.approx((size, size))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((5, 5, 5, 5, 10), "0 pixels long"),
        ((5, 5, 5, 9, 10), "4 pixels long"),
        ((5, 5, 300, 5, 0), "positive"),
        ((5, 5, 300, 5, -3), "positive"),
        ((5, 5, 300, 5, math.nan), "positive"),
        ((5, 5, 300, 5, math.inf), "positive"),
        ((math.nan, 5, 300, 5, 10), "must be numbers"),
        ((5, math.inf, 300, 5, 10), "must be numbers"),
        ((5, 5, 600, 5, 10), "outside the frame"),
        ((5, -1, 300, 5, 10), "outside the frame"),
        ((5, 5, 300, 5, 1e6), "given in mm"),
        ((5, 5, 300, 5, 1e-3), "given in mm"),
    ],
)
def test_a_line_that_means_nothing_is_refused(values, message):
    with pytest.raises(SpacingError, match=message):
        spacing_from_lines([CalibrationLine(*values)], SHAPE)


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        ((10, 10, 200, 10, 20), (10, 50, 300, 50, 30), "equally steep"),  # parallel
        ((10, 10, 200, 200, 20), (200, 10, 10, 200, 20), "equally steep"),  # both diagonals
        ((10, 10, 200, 10, 20), (10, 10, 200, 200, 10), "contradict"),  # the diagonal is shorter than its height
        ((10, 10, 200, 10, 20), (10, 10, 10, 200, 300), "contradict"),  # pixels fifteen times as wide as high
    ],
)
def test_two_lines_that_do_not_tell_the_size_are_refused(one, other, message):
    with pytest.raises(SpacingError, match=message):
        spacing_from_lines([CalibrationLine(*one), CalibrationLine(*other)], SHAPE)


@pytest.mark.parametrize("count", [0, 3])
def test_one_line_or_two(count):
    with pytest.raises(SpacingError, match="one line"):
        spacing_from_lines([CalibrationLine(0, 0, 100, 0, 10)] * count, SHAPE)


def test_the_note_tells_what_a_misplaced_end_costs():
    note = calibration_note([CalibrationLine(0, 0, 400, 0, 40), CalibrationLine(0, 0, 0, 200, 20)])
    assert "40 mm over 400 pixels and 20 mm over 200 pixels" in note and "0.5%" in note
