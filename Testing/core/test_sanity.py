"""The measures of the sanity tests against maps whose likeness, overlap and order are known."""

import numpy as np
import pytest

from BreastMassXAILib.core.energy import GRID, field_picture
from BreastMassXAILib.core.field import Field
from BreastMassXAILib.core.regions import MASS
from BreastMassXAILib.core.sanity import (
    alike,
    centre_strength,
    chance_overlap,
    cosine,
    on_cells,
    rank_correlation,
    removal_order,
    strongest_overlap,
)
from BreastMassXAILib.core.sanity_tables import CohortMaps, exposed, localisation, table

RNG = np.random.default_rng(0)
CELLS = RNG.normal(size=(14, 14)).astype(np.float32)
FIELD = Field(10, 20, 140, 140)


def test_likeness_is_one_for_the_same_order_and_minus_one_for_the_opposite():
    assert rank_correlation(CELLS, np.exp(CELLS)) == pytest.approx(1)
    assert rank_correlation(CELLS, -CELLS) == pytest.approx(-1)
    assert abs(rank_correlation(CELLS, RNG.normal(size=CELLS.shape))) < 0.25
    assert cosine(CELLS, 3 * CELLS) == pytest.approx(1)
    assert np.isnan(rank_correlation(CELLS, np.ones_like(CELLS)))
    assert np.isnan(cosine(CELLS, np.zeros_like(CELLS)))


def test_maps_of_two_fields_are_compared_where_both_are():
    """A map that is linear in the frame's coordinates is the same function whatever the field."""

    def linear(field):
        rows = field.row + (np.arange(14) + 0.5) / 14 * field.height
        columns = field.column + (np.arange(14) + 0.5) / 14 * field.width
        return rows[:, None] - 0.5 * columns[None, :]

    other = Field(24, 6, 140, 140)
    moved = on_cells(linear(other), other, FIELD, (14, 14))
    inside = ~np.isnan(moved)
    # Beyond the outer cells' centres a map goes on as it ends there.
    assert np.abs(moved[inside] - linear(FIELD)[inside]).max() <= 10
    assert np.abs(moved[3:-1, 1:-3] - linear(FIELD)[3:-1, 1:-3]).max() < 1e-9
    assert np.isnan(moved[0]).all()
    assert np.isnan(moved[:, -1]).all()
    assert alike(linear(FIELD), FIELD, linear(other), other)[0] > 0.99
    far = Field(1000, 1000, 140, 140)
    assert np.isnan(alike(CELLS, FIELD, CELLS, far)).all()


@pytest.fixture
def picture():
    labels = np.zeros((GRID, GRID), np.uint8)
    labels[20:30, 24:44] = MASS
    return labels


def test_overlap_knows_the_mass_its_opposite_and_chance(picture):
    mass = (picture == MASS).astype(float)
    assert strongest_overlap(mass, picture) == 1
    assert strongest_overlap(-mass, picture) == 0
    half = mass.copy()
    half[25:] = 0
    half[:5, :20] = 1  # as many pixels elsewhere
    assert strongest_overlap(half, picture) == pytest.approx(100 / 300)
    thrown = [strongest_overlap(RNG.normal(size=picture.shape), picture) for _ in range(200)]
    assert np.mean(thrown) == pytest.approx(chance_overlap(picture), rel=0.1)
    assert strongest_overlap(centre_strength(), picture) > chance_overlap(picture)


def test_what_speaks_most_for_the_decision_goes_first():
    cells = np.array([[0.0, 3.0], [-2.0, 1.0]])
    assert removal_order(cells, 1).tolist() == [1, 3, 0, 2]
    assert removal_order(cells, -1).tolist() == [2, 0, 3, 1]


def cohort(kept):
    """Twelve cases of six patients; maps keep so much of themselves when all weights are shuffled."""
    values, cells, pictures = [], [], []
    for number in range(12):
        labels = np.zeros((140, 140), np.uint8)
        labels[40:90, 30 + number : 90 + number] = MASS
        own = {("cascading", "linear layer", "rank"): 0.1, ("cascading", "stem", "rank"): kept + 0.01 * (number % 3)}
        values.append({**own, ("decision", "sign"): 1.0, ("completeness", "gap"): 1e-7 * number})
        found = np.zeros((14, 14))
        found[5:8, 4:8] = 1
        cells.append(found)
        pictures.append(field_picture(labels, Field(0, 0, 140, 140), None))
    patients = np.array([f"p{number // 2}" for number in range(12)])
    return CohortMaps(tuple(values), patients, tuple(pictures), tuple(cells))


@pytest.mark.parametrize("kept", [0.02, 0.9])
def test_a_map_that_does_not_change_is_exposed(kept):
    figures = table(cohort(kept))
    assert figures["cascading"]["stem"]["rank"]["value"] == pytest.approx(kept + 0.01)
    assert exposed(figures)["exposed"] is (kept > 0.5)
    assert figures["completeness"]["gap"]["mean"]["largest"] == pytest.approx(1.1e-6)


def test_flat_maps_have_nothing_to_compare():
    flat = cohort(0.0)
    values = tuple({**own, ("cascading", "stem", "rank"): np.nan} for own in flat.values)
    figures = table(CohortMaps(values, flat.patients, flat.pictures, flat.cells))
    assert figures["cascading"]["stem"]["rank"]["value"] is None
    assert exposed(figures) == {"kept": figures["cascading"]["stem"]["rank"], "exposed": None}


def test_finding_the_mass_stands_beside_what_knows_nothing():
    found = localisation(cohort(0.0))
    assert found["hit, mass"]["map"]["value"] == 1
    assert found["hit, mass"]["chance"]["value"] == pytest.approx(50 * 60 / 140**2, rel=0.06)
    assert found["overlap"]["map"]["value"] > found["overlap"]["chance"]["value"]
    # Masses lie nearly in one place: the average mask is a strong opponent, and the table shows it.
    assert found["overlap"]["average mask"]["value"] > found["overlap"]["map"]["value"]
    assert found["overlap"]["map - average mask"]["high"] < 0
