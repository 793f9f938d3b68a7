"""How well two outlines agree."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from BreastMassXAILib.core.overlap import dice, hausdorff

masks = arrays(bool, (12, 15))


def square(top, left, side, shape=(60, 80)):
    mask = np.zeros(shape, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_known_values():
    one, two = square(10, 10, 20), square(10, 15, 20)
    assert dice(one, two) == pytest.approx(2 * 15 * 20 / 800)
    assert hausdorff(one, two, share=1) == 5
    assert hausdorff(one, two, pixel=(1.0, 0.2), share=1) == pytest.approx(1.0)
    assert hausdorff(square(0, 0, 60, (60, 60)), square(0, 0, 60, (60, 60))) == 0


def test_one_far_pixel_moves_the_largest_distance_but_not_that_of_95_in_100():
    one = square(10, 10, 30)
    two = one.copy()
    two[55, 75] = True
    assert hausdorff(one, two, share=1) > 35
    assert hausdorff(one, two) < 1


def test_empty_masks():
    nothing = np.zeros((60, 80), bool)
    assert dice(nothing, nothing) == 1
    assert dice(nothing, square(1, 1, 5)) == 0
    assert math.isnan(hausdorff(nothing, square(1, 1, 5)))


@given(masks, masks)
def test_both_are_symmetric_and_best_for_the_same_mask(one, two):
    assert dice(one, two) == dice(two, one)
    assert 0 <= dice(one, two) <= 1
    assert dice(one, one) == 1
    if one.any() and two.any():
        assert hausdorff(one, two) == hausdorff(two, one)
        assert hausdorff(one, one) == 0
        assert hausdorff(one, two, share=1) <= math.hypot(12, 15)
