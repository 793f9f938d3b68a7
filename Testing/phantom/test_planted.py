"""Planted phantoms: what is planted is to be seen in its region only, and nothing else tells its label."""

import numpy as np
import pytest

from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.regions import REGIONS
from BreastMassXAILib.phantom.planted import PLANTS, breast, drawn_breast, drawn_plants, planted


@pytest.fixture(scope="module")
def base():
    return breast(3)


@pytest.mark.parametrize("name", PLANTS)
def test_a_twin_differs_in_the_planted_regions_and_nowhere_else(base, name):
    one, twin = planted(base, 11), planted(base, 11, flipped=name)
    different = one.case.frame.pixels != twin.case.frame.pixels
    touched = {REGIONS[label] for label in np.unique(base.regions[different])}
    assert touched == set(PLANTS[name].regions)
    assert one.labels[name] != twin.labels[name]
    assert {k: v for k, v in one.labels.items() if k != name} == {k: v for k, v in twin.labels.items() if k != name}


def test_a_phantom_is_drawn_again_by_its_seeds(base):
    first, again, other = planted(base, 5), planted(breast(3), 5), planted(base, 6)
    assert np.array_equal(first.case.frame.pixels, again.case.frame.pixels)
    assert first.labels == again.labels
    assert not np.array_equal(first.case.frame.pixels, other.case.frame.pixels)
    assert set(np.unique(base.regions)) == {0, 1, 2, 3}


@pytest.mark.parametrize("name", PLANTS)
def test_nothing_else_tells_the_label(name):
    """A linear classifier on all else that is drawn is at chance; on the thing itself it is not."""
    drawn = [(*drawn_plants(1000 + seed), drawn_breast(1000 + seed)) for seed in range(1600)]
    labels = np.array([entry[0][name] for entry in drawn])
    rows = [
        [
            *(value for key, value in values.items() if key != name),
            *(value for key, value in label.items() if key != name),
            *place.values(),
            *others.values(),
        ]
        for label, values, place, others in drawn
    ]
    assert 0.45 < labels.mean() < 0.55
    others = np.array(rows, float)
    assert 0.45 < _right(others, labels) < 0.55
    own = np.array([[entry[1][name] if name != "mark" else entry[0][name]] for entry in drawn], float)
    assert _right(np.hstack([others, own]), labels) > 0.95


def _right(features, labels):
    """Share of the second half that least squares on the first half, with squares of the features, classify rightly."""
    scaled = (features - features.mean(0)) / features.std(0)
    design = np.hstack([scaled, scaled**2, np.ones((len(scaled), 1))])
    half = len(design) // 2
    weights = np.linalg.lstsq(design[:half], np.where(labels[:half], 1.0, -1.0), rcond=None)[0]
    return float(((design[half:] @ weights > 0) == labels[half:]).mean())


def test_there_are_four_plants(base):
    with pytest.raises(InputError, match="A plant is echogenicity, margin, shadow, mark"):
        planted(base, 1, flipped="colour")
