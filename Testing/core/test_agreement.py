"""Agreement of two outlines against shapes and numbers whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from BreastMassXAILib.core.agreement import bland_altman, compare, in_words, summary_of

ROW, COLUMN = np.mgrid[:120, :160]


def disc(radius, column=80):
    return np.hypot(ROW - 60, COLUMN - column) <= radius


def test_a_larger_disc_around_a_smaller_one():
    found = compare("x", disc(20), disc(30), (0.2, 0.2))
    areas = disc(20).sum(), disc(30).sum()
    assert found.dice == pytest.approx(2 * areas[0] / sum(areas))
    assert found.area_difference == pytest.approx(1.25, abs=0.03)
    assert found.hd95_mm == pytest.approx(2.0, abs=0.15)
    assert found.diameter_difference_mm == pytest.approx(4.0, abs=0.1)


def test_pixels_of_another_shape_count_in_millimetres():
    found = compare("x", disc(20), disc(20, 90), (0.2, 0.5))
    assert found.hd95_mm == pytest.approx(5.0, rel=0.1), "ten columns of half a millimetre"


def test_unknown_pixels_have_no_millimetres():
    found = compare("x", disc(20), disc(30), None)
    assert found.hd95_mm is None and found.diameter_difference_mm is None and 0 < found.dice < 1
    assert "no millimetres" in in_words(summary_of([found]))


def test_bland_altman_is_bias_and_limits():
    found = bland_altman(np.array([10.0, 12, 14]), np.array([11.0, 14, 17]))
    assert found == {"n": 3, "bias": 2.0, "low": pytest.approx(2 - 1.96), "high": pytest.approx(2 + 1.96)}
    assert bland_altman(np.array([1.0]), np.array([3.0])) == {"n": 1, "bias": 2.0, "low": None, "high": None}
