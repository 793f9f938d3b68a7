"""The map on the frame's grid, and its extreme points."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.field import Field, FieldRule, bilinear_weights, cell_weights
from BreastMassXAILib.core.saliency import extreme_points, to_frame_grid

WHOLE = Field(0, 0, 224, 224)


def test_a_map_that_is_a_plane_stays_a_plane():
    """Bilinear resizing keeps linear functions exactly, between the outer cells' centres."""
    n, shape = 14, (280, 140)
    rows, columns = np.mgrid[:n, :n]
    saliency = to_frame_grid(2.0 * rows - columns, Field(0, 0, *shape), shape)
    r, c = np.mgrid[: shape[0], : shape[1]]
    expected = 2 * ((r + 0.5) / 20 - 0.5) - ((c + 0.5) / 10 - 0.5)
    np.testing.assert_allclose(saliency[10:-10, 5:-5], expected[10:-10, 5:-5], atol=1e-5)


def test_outside_the_field_the_map_is_zero_and_inside_it_is_where_it_belongs():
    cells = np.zeros((4, 4))
    cells[1, 2] = 5.0
    saliency = to_frame_grid(cells, Field(20, 10, 40, 40), (100, 80))
    outside = np.ones((100, 80), bool)
    outside[20:60, 10:50] = False
    assert not saliency[outside].any()
    top, _ = extreme_points(saliency, Field(20, 10, 40, 40))
    assert abs(top.row - (20 + 15 - 0.5)) <= 1 and abs(top.column - (10 + 25 - 0.5)) <= 1


def test_a_corner_cell_is_not_reported_at_the_images_corner():
    cells = np.zeros((7, 7))
    cells[0, 0], cells[6, 6] = 1.0, -1.0
    top, bottom = extreme_points(to_frame_grid(cells, WHOLE, (224, 224)), WHOLE)
    # The outermost half cell (16 pixels) is a plateau; its middle is meant.
    assert (top.row, top.column) == pytest.approx((7.5, 7.5), abs=0.5)
    assert (bottom.row, bottom.column) == pytest.approx((215.5, 215.5), abs=0.5)
    assert top.value == 1.0 and bottom.value == -1.0


def test_an_edge_cell_is_pulled_to_its_middle_along_the_edge():
    cells = np.zeros((7, 7))
    cells[3, 0] = 1.0
    top, _ = extreme_points(to_frame_grid(cells, WHOLE, (224, 224)), WHOLE)
    assert top.row == pytest.approx(111.5, abs=0.5)
    assert top.column == pytest.approx(7.5, abs=0.5)


def test_of_two_equal_peaks_one_is_taken_and_not_the_place_between_them():
    saliency = np.zeros((20, 20), np.float32)
    saliency[2:5, 2:5] = saliency[10, 15] = 3
    top, _ = extreme_points(saliency, Field(0, 0, 20, 20))
    assert (top.row, top.column) == (3, 3)


def test_a_ring_shaped_tie_is_answered_with_one_of_its_own_pixels():
    saliency = np.zeros((9, 9), np.float32)
    saliency[2:7, 2:7] = 1
    saliency[3:6, 3:6] = 0.5
    top, _ = extreme_points(saliency, Field(0, 0, 9, 9))
    assert saliency[top.row, top.column] == 1


@settings(max_examples=60, deadline=None)
@given(arrays(np.float32, (5, 6), elements=st.floats(-8, 8, width=32)), st.integers(8, 60), st.integers(8, 60))
def test_extremes_are_the_maps_own(cells, rows, columns):
    field = Field(0, 0, rows, columns)
    saliency = to_frame_grid(cells, field, (rows, columns))
    top, bottom = extreme_points(saliency, field)
    assert top.value == saliency.max() == saliency[top.row, top.column]
    assert bottom.value == saliency.min() == saliency[bottom.row, bottom.column]


def test_extremes_are_searched_in_field_and_scan_area_only():
    saliency = np.zeros((10, 10), np.float32)
    saliency[2:8, 2:8] = 1.0
    saliency[4, 4], saliency[5, 5] = 3.0, 0.5
    field = Field(2, 2, 6, 6)
    _, bottom = extreme_points(saliency, field)
    assert bottom.value == 0.5, "the zeros outside the field are no part of the map"
    area = np.ones((10, 10), bool)
    area[4, 4] = False
    assert extreme_points(saliency, field, area)[0].value == 1.0


@settings(max_examples=100, deadline=None)
@given(st.floats(-30, 30), st.floats(4, 60), st.integers(1, 14), st.integers(2, 50))
def test_weights_are_shares(start, length, cells, size):
    weights = cell_weights(start + length * np.arange(cells + 1) / cells, size)
    inside = max(min(start + length, size) - max(start, 0), 0)
    assert (weights >= 0).all()
    assert weights.mean(axis=0).sum() * length == pytest.approx(inside, abs=1e-6)
    np.testing.assert_allclose(bilinear_weights(start, length, cells, slice(0, size)).sum(axis=1), 1, atol=1e-5)


def test_field_rules():
    mass = np.zeros((100, 200), bool)
    mass[40:50, 100:120] = True
    assert FieldRule().field(mass) == Field(0, 0, 100, 200)
    square = FieldRule("square", 2.0).field(mass)
    assert square == Field(25, 90, 40, 40)
    assert square.pixels((100, 200)) == (slice(25, 65), slice(90, 130))
    for kind, scale in (("square", None), ("square", 0.5), ("frame", 2.0), ("circle", None)):
        with pytest.raises(InputError):
            FieldRule(kind, scale)
