"""What a person points at, and what becomes a mass of probabilities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.field import Field
from BreastMassXAILib.core.outline import (
    Box,
    Click,
    Prompt,
    checked_prompt,
    confidence_of,
    cubic_weights,
    suggestion,
    to_frame,
)


def disc(shape, row, column, radius):
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


@pytest.fixture
def two():
    """Probabilities with a large sure mass on the left, a smaller one on the right and a faint one below."""
    probability = np.full((120, 160), 0.02, np.float32)
    probability[disc((120, 160), 50, 45, 25)] = 0.95
    probability[disc((120, 160), 40, 120, 15)] = 0.8
    probability[disc((120, 160), 100, 120, 8)] = 0.3
    return probability


def test_without_a_prompt_the_largest_is_taken_and_both_are_counted(two):
    found = suggestion(two, Prompt())
    assert np.array_equal(found.mass, disc((120, 160), 50, 45, 25))
    assert found.found == 2


def test_a_click_decides_which_mass_is_meant(two):
    found = suggestion(two, Prompt((Click(40, 120),)))
    assert np.array_equal(found.mass, disc((120, 160), 40, 120, 15))
    both = suggestion(two, Prompt((Click(40, 120), Click(50, 45))))
    assert np.array_equal(both.mass, disc((120, 160), 40, 120, 15) | disc((120, 160), 50, 45, 25))


def test_a_click_on_something_faint_takes_what_is_as_faint(two):
    assert np.array_equal(suggestion(two, Prompt((Click(100, 120),))).mass, disc((120, 160), 100, 120, 8))
    assert not suggestion(two, Prompt((Click(110, 10),))).mass.any()


def test_a_box_means_what_lies_in_it(two):
    assert np.array_equal(suggestion(two, Prompt(box=Box(20, 100, 60, 140))).mass, disc((120, 160), 40, 120, 15))
    kept = suggestion(two, Prompt(box=Box(20, 60, 90, 75))).mass  # a small part of the large one
    assert kept.any()
    assert not kept[:, :60].any()
    assert not kept[:, 76:].any()


def test_nothing_probable_is_no_mass():
    found = suggestion(np.full((60, 60), 0.1, np.float32), Prompt())
    assert not found.mass.any()
    assert found.found == 0
    assert found.confidence == pytest.approx(0.1)


def test_holes_are_filled(two):
    two[disc((120, 160), 50, 45, 5)] = 0.1
    assert np.array_equal(suggestion(two, Prompt()).mass, disc((120, 160), 50, 45, 25))


def test_confidence_is_the_dice_of_probabilities_and_outline_near_the_mass(two):
    sure = disc((120, 160), 50, 45, 25)
    rows, columns = slice(25 - 25, 76 + 25), slice(20 - 20, 71 + 25)
    near = np.where(sure, 0.95, 0.02)[rows, columns]
    assert confidence_of(two, sure) == pytest.approx(2 * 0.95 * sure.sum() / (near.sum() + sure.sum()), rel=1e-3)
    assert confidence_of(sure.astype(np.float32), sure) == 1


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        (Prompt((Click(-1, 5),)), "outside the frame"),
        (Prompt((Click(5, 60),)), "outside the frame"),
        (Prompt((Click(5, 2),)), "outside the scan area"),
        (Prompt((Click(20, 30, inside=False),)), "first click must lie in the mass"),
        (Prompt(box=Box(10, 10, 10, 10)), "too small"),
        (Prompt(box=Box(10, 20, 10, 40)), "too small"),
        (Prompt(box=Box(30, 40, 10, 20)), "too small"),
        (Prompt(box=Box(-4, 10, 20, 30)), "leaves the frame"),
        (Prompt(box=Box(10, 10, 45, 30)), "leaves the frame"),
        (Prompt(box=Box(10, 0, 20, 4)), "outside the scan area"),
    ],
)
def test_a_prompt_that_cannot_be_meant_is_refused(prompt, words):
    area = np.ones((40, 60), bool)
    area[:, :6] = False
    with pytest.raises(InputError, match=words):
        checked_prompt(prompt, area)


def test_a_good_prompt_passes_as_it_is():
    prompt = Prompt((Click(3, 4),)).and_click(Click(9, 9, inside=False))
    assert checked_prompt(prompt, np.ones((40, 60), bool)) is prompt
    assert prompt
    assert not Prompt()


@given(
    start=st.floats(-5, 5), length=st.floats(8, 300), cells=st.integers(2, 40), a=st.floats(-3, 3), b=st.floats(-3, 3)
)
@settings(max_examples=60, deadline=None)
def test_cubic_weights_keep_a_line_a_line_within(start, length, cells, a, b):
    pixels = slice(max(int(start), 0), max(int(start), 0) + 50)
    weights = cubic_weights(start, length, cells, pixels)
    assert np.allclose(weights.sum(1), 1, atol=1e-5)
    position = (np.arange(pixels.start, pixels.stop) + 0.5 - start) / length * cells - 0.5
    inner = (position >= 1) & (position <= cells - 2)
    expected = a + b * position
    assert np.allclose((weights @ (a + b * np.arange(cells)))[inner], expected[inner], atol=1e-3)


def test_probabilities_lie_in_field_and_scan_area_only():
    area = np.ones((50, 70), bool)
    area[:, 60:] = False
    probability = to_frame(np.full((8, 8), 4.0), Field(10, 5, 30, 60), (50, 70), area)
    inside = np.zeros((50, 70), bool)
    inside[10:40, 5:60] = True
    assert np.allclose(probability[inside], 1 / (1 + np.exp(-4)))
    assert not probability[~inside].any()
