"""What is said of a suggested mass, and how it is measured."""

import numpy as np
import pytest

from BreastMassXAILib.core.errors import NoMassError
from BreastMassXAILib.core.outline import Box, Click, Prompt, Suggestion
from BreastMassXAILib.core.suggested import (
    found_mass,
    inner_point,
    largest_diameter,
    outline_digest,
    suggestion_notes,
)

ROW, COLUMN = np.mgrid[:60, :80]
DISC = (ROW - 30) ** 2 + (COLUMN - 40) ** 2 <= 12**2


def suggestion(mass=DISC, confidence=0.9, found=1, prompt=None):
    return Suggestion(mass, mass.astype(np.float32), confidence, found, prompt or Prompt())


def test_no_mass_is_an_answer_with_its_confidence():
    assert found_mass(suggestion()) is DISC or np.array_equal(found_mass(suggestion()), DISC)
    with pytest.raises(NoMassError, match=r"No mass was found in this frame: the confidence is 0\.31"):
        found_mass(suggestion(np.zeros_like(DISC), 0.31, 0))
    probable = np.where(DISC, np.float32(0.9), np.float32(0.125))
    for prompt in (Prompt((Click(3, 3), Click(30, 40, False))), Prompt(box=Box(0, 0, 9, 9))):
        nothing = Suggestion(np.zeros_like(DISC), probable, 0.9, 0, prompt)
        with pytest.raises(NoMassError, match=r"pointed at: the confidence there is 0\.1[23]"):
            found_mass(nothing)


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


def test_an_outline_is_known_again_until_a_pixel_of_it_changes():
    other = DISC.copy()
    other[30, 40] = False
    assert outline_digest(DISC) == outline_digest(DISC.copy()) != outline_digest(other)
    assert outline_digest(DISC) != outline_digest(DISC[:, :-8])
