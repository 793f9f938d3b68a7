"""Which region an explanation names: known maps, known answers."""

import numpy as np
import pytest

from BreastMassXAILib.core.classifier import NetworkOutput
from BreastMassXAILib.core.field import Field
from BreastMassXAILib.core.planted import named, score
from BreastMassXAILib.core.regions import BELOW, MASS, PERITUMORAL, REGIONS

SIZE = 40


@pytest.fixture
def labels():
    """Elsewhere, with mass, ring and the tissue below in blocks of 4 x 4 pixels on a grid of 10 x 10 cells."""
    found = np.zeros((SIZE, SIZE), np.uint8)
    found[8:24, 12:28] = PERITUMORAL
    found[12:20, 16:24] = MASS
    found[24:, 16:24] = BELOW
    return found


def answer(cells, logit, exact=True):
    return NetworkOutput(logit, logit - float(cells.mean()), cells, Field(0, 0, SIZE, SIZE), None, "cam", exact)


def blob(region, labels, value=4.0, elsewhere=0.0):
    cells = np.full((10, 10), elsewhere, np.float32)
    where = labels[2::4, 2::4] == REGIONS.index(region)
    cells[where] = value
    return cells


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_map_names_the_region_in_which_its_evidence_for_the_decision_is(labels, region, sign):
    cells = sign * blob(region, labels)
    other = "mass" if region != "mass" else "below"
    cells -= sign * 2 * blob(other, labels)  # against the decision, and stronger
    found = named(answer(cells, 0.5 * sign), labels, {name: 2.0 * sign * (name == region) for name in REGIONS})
    assert found.regions == dict.fromkeys(("point", "energy", "contribution", "check"), region)
    assert sum(found.chance.values()) == pytest.approx(1)
    assert found.even == "elsewhere"


def test_a_large_weak_region_has_the_energy_and_a_small_strong_one_the_maximum(labels):
    found = named(answer(blob("mass", labels, 3.0, elsewhere=1.0), 1.0), labels)
    assert found.regions == {"point": "mass", "energy": "elsewhere", "contribution": "elsewhere"}


def test_a_map_without_exact_sum_has_no_contribution_and_a_flat_one_names_nothing(labels):
    assert "contribution" not in named(answer(blob("mass", labels), 1.0, exact=False), labels).regions
    flat = named(answer(np.full((10, 10), -0.3, np.float32), 1.0), labels)
    assert flat.regions == {"point": None, "energy": None, "contribution": None}


def test_the_score_counts_and_knows_chance(labels):
    found = [named(answer(blob(region, labels), 1.0), labels) for region in ("mass", "mass", "peritumoral", "below")]
    scored = score(found, ("mass", "peritumoral"))
    assert scored.shares["point"].value == 0.75
    assert scored.shares["point"].low < 0.75 < scored.shares["point"].high
    assert scored.instead["contribution"] == {"elsewhere": 0, "mass": 2, "peritumoral": 1, "below": 1, "none": 0}
    assert scored.chance["point"] == pytest.approx(16 / 100)
    assert scored.chance["contribution"] == 0.5
    assert scored.chance["energy"] == 0  # an even map has most in elsewhere
    assert "check" not in scored.shares
