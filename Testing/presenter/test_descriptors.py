"""The mass in words and numbers: live while drawing, a reader's word kept as the reader's, in a saved scene too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from BreastMassXAILib.core.classifier import Classifier, NetworkOutput
from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.field import FieldRule
from BreastMassXAILib.core.terms import Term
from BreastMassXAILib.presenter.passes import NetworkPass
from BreastMassXAILib.presenter.words import word_at

TERMS = (Term("width_to_height", 1.3, 0.4, -0.8), Term("solidity", 0.95, 0.02, -0.6))


@pytest.fixture
def answered(room):
    """A session that knows what a network with terms said; no pass is needed."""
    session = room.session
    cells = np.random.default_rng(1).normal(0.1, 1, (14, 14)).astype(np.float32)
    rule = FieldRule("square", 2.2)
    output = NetworkOutput(float(cells.mean(dtype=np.float64)) - 0.2, -0.2, cells, rule.field(room.case.mass))
    found = NetworkPass(output, Classifier(session.model.name, session.model.sha256, terms=TERMS), rule, {})
    session.remember(room.frame, session.model.sha256, found)
    session.refresh()
    assert session.status.state.value == "current"
    return room


def test_words_and_numbers_are_shown(answered):
    session = answered.session
    words = {row.feature: row for row in session.words}
    assert words["shape"].choices[0] == "proposed: irregular" and words["shape"].chosen == 0
    assert "ours" in words["shape"].because
    numbers = {row.name: row for row in session.numbers}
    assert numbers["largest diameter"].value.endswith(" mm")
    assert "Source: ACR BI-RADS" in numbers["largest diameter"].explanation


def test_a_readers_word_is_kept_and_can_be_taken_back(answered):
    session = answered.session
    session.say("margin", "spiculated")
    assert session.due
    session.refresh()
    row = next(row for row in session.words if row.feature == "margin")
    assert row.choices[row.chosen] == "spiculated" and word_at("margin", row.chosen) == "spiculated"
    assert session.result.lexicon["margin"].reader == "spiculated"
    assert session.result.lexicon["margin"].proposed == "not circumscribed"
    answered.paint(ndimage.binary_dilation(answered.case.mass, iterations=2))
    session.refresh()
    assert session.result.lexicon["margin"].reader == "spiculated", "an edited outline does not unsay it"
    session.say("margin", word_at("margin", 0))
    session.refresh()
    assert session.result.lexicon["margin"].reader is None


def test_a_word_that_the_lexicon_does_not_have_is_refused(answered):
    with pytest.raises(InputError):
        answered.session.say("margin", "fluffy")


def test_another_session_finds_the_word_in_the_scene(answered):
    from BreastMassXAILib.presenter.session import Session

    answered.session.say("shape", "round")
    answered.session.refresh()
    other = Session(answered.scene)
    other.set_inputs(answered.frame, answered.mass, "mass")
    assert other.status.state.value == "current"
    assert other.result.lexicon["shape"].reader == "round"
    other.close()


def test_another_image_in_the_same_node_has_no_word_of_this_one(answered, benign):
    from BreastMassXAILib.scene.arrays import set_volume_array

    answered.session.say("shape", "round")
    set_volume_array(answered.frame, np.ascontiguousarray(answered.case.frame.pixels[::-1]))
    answered.session.refresh()
    case, seen = answered.session.look()
    assert seen.words == () and dict(case.words) == {}


def test_terms_follow_the_outline_without_the_network(answered):
    session = answered.session
    before = session.result
    answered.paint(ndimage.binary_dilation(answered.case.mass, np.ones((1, 3)), iterations=12))
    session.refresh()
    after = session.result
    assert after.terms["width_to_height"] < before.terms["width_to_height"], "wider is more benign"
    for result in (before, after):
        everything = sum(result.contributions.values()) + sum(result.terms.values()) + result.bias
        assert everything == pytest.approx(result.logit, abs=1e-4)
    assert [bar.name for bar in session.bars][4:6] == ["width : height", "solidity"]
    assert sum(bar.value for bar in session.bars[:-1]) == pytest.approx(session.bars[-1].value, abs=1e-4)
    rows = [row for row in session.table if not row.region]
    assert [row.cells[1:4] for row in rows] == [("", "", "")] * 2


def test_a_pass_with_terms_survives_the_scene(answered):
    from BreastMassXAILib.presenter.passes import restored, saved

    _case, seen = answered.session.look()
    found = answered.session.pass_of(seen.model)
    again, seen_again = restored(saved(found, replace(seen, words=(("shape", "oval"),))))
    assert again.classifier == found.classifier and again.classifier.terms == TERMS
    assert seen_again.words == (("shape", "oval"),)
