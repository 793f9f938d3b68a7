"""A mass that is suggested: what may be pointed at, and what is said of what was found."""

import numpy as np
import pytest

from BreastMassXAILib.core.errors import InputError, NoMassError
from BreastMassXAILib.core.outline import (
    Box,
    Click,
    Prompt,
    Suggestion,
    checked_prompt,
    found_mass,
    inner_point,
    largest_diameter,
    suggestion_notes,
)

AREA = np.zeros((60, 80), bool)
AREA[5:55, 10:70] = True
ROW, COLUMN = np.mgrid[:60, :80]
DISC = (ROW - 30) ** 2 + (COLUMN - 40) ** 2 <= 12**2


def suggestion(mass=DISC, confidence=0.9, found=1, prompt=None):
    return Suggestion(mass, mass.astype(np.float32), confidence, found, prompt or Prompt())


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        (Prompt((Click(-1, 20),)), "outside the frame"),
        (Prompt((Click(60, 20),)), "outside the frame"),
        (Prompt((Click(30, 75),)), "outside the scan area"),
        (Prompt((Click(30, 40, inside=False),)), "the first click must lie in the mass"),
        (Prompt(box=Box(30, 40, 30, 40)), "too small"),
        (Prompt(box=Box(10, 20, 50, 21)), "too small"),
        (Prompt(box=Box(50, 60, 20, 30)), "too small"),
        (Prompt(box=Box(-4, 20, 40, 50)), "leaves the frame"),
        (Prompt(box=Box(10, 72, 40, 79)), "outside the scan area"),
    ],
)
def test_what_cannot_be_meant_is_refused(prompt, sentence):
    with pytest.raises(InputError, match=sentence):
        checked_prompt(prompt, AREA)


def test_what_can_be_meant_is_taken_as_it_is():
    for prompt in (
        Prompt(),
        Prompt((Click(30, 40), Click(20, 20, False))),
        Prompt((Click(6, 11, False),), Box(9, 9, 40, 60)),
    ):
        assert checked_prompt(prompt, AREA) is prompt


def test_no_mass_is_an_answer_with_its_confidence():
    assert found_mass(suggestion()) is DISC or np.array_equal(found_mass(suggestion()), DISC)
    with pytest.raises(NoMassError, match=r"No mass was found in this frame: the confidence is 0\.31"):
        found_mass(suggestion(np.zeros_like(DISC), 0.31, 0))


def test_how_many_masses_there_are_is_said_only_where_nobody_pointed_at_one():
    assert "3 masses" in suggestion_notes(suggestion(found=3))[0]
    assert not suggestion_notes(suggestion(found=3, prompt=Prompt((Click(30, 40),)))) and not suggestion_notes(
        suggestion()
    )


def test_the_inner_point_lies_in_the_mass_where_its_centroid_does_not():
    assert inner_point(DISC) == Click(30, 40)
    ring = DISC & ((ROW - 30) ** 2 + (COLUMN - 40) ** 2 > 8**2)
    point = inner_point(ring)
    assert not ring[30, 40] and ring[int(point.row), int(point.column)]


def test_the_largest_diameter_is_that_of_known_shapes():
    assert largest_diameter(DISC) == pytest.approx(25, rel=0.01)  # 25 pixels across
    bar = (abs(ROW - 30) <= 2) & (abs(COLUMN - 40) <= 20)
    assert largest_diameter(bar, (0.1, 0.2)) == pytest.approx(np.hypot(4 * 0.1, 41 * 0.2), rel=0.01)
    assert largest_diameter((ROW == 7) & (COLUMN == 9), (0.5, 0.25)) == pytest.approx(0.5)
    tilted = abs(COLUMN - ROW) + 3 * abs(COLUMN + ROW - 70) < 60
    reach = [
        max(np.hypot(a[0] - b[0], a[1] - b[1]) for b in np.argwhere(tilted)[::3]) for a in np.argwhere(tilted)[::3]
    ]
    assert max(reach) <= largest_diameter(tilted) <= max(reach) + 3
