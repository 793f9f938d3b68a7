"""An exact sum: mean of the map, a contribution for every descriptor of the outline, and the bias are the logit."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from BreastMassXAILib.core.choices import classifier_of
from BreastMassXAILib.core.classifier import Classifier, NetworkOutput
from BreastMassXAILib.core.descriptors import describe
from BreastMassXAILib.core.explain import explain
from BreastMassXAILib.core.field import Field
from BreastMassXAILib.core.frame import Case, Frame, MaskOrigin, Provenance, Spacing
from BreastMassXAILib.core.result import CaseResult, Settings
from BreastMassXAILib.core.terms import Term, term_contributions, terms_of

PIXELS = np.random.default_rng(0).integers(0, 255, (120, 160)).astype(np.float32)
TERMS = (
    Term("width_to_height", 1.3, 0.4, -0.8),
    Term("solidity", 0.95, 0.02, -0.6),
    Term("circularity", 0.7, 0.1, -0.4),
)


def case(half_width=30, half_height=20, **of_frame):
    row, column = np.mgrid[:120, :160]
    mass = ((row - 50) / half_height) ** 2 + ((column - 80) / half_width) ** 2 < 1
    return Case(Frame(PIXELS, Spacing(0.2, 0.2, Provenance.HEADER), **of_frame), mass)


def explained(of_case, terms=TERMS, bias=-0.3, cells=None, threshold=0.5):
    cells = np.random.default_rng(1).normal(0.2, 1, (7, 9)).astype(np.float32) if cells is None else cells
    output = NetworkOutput(float(cells.mean(dtype=float)) + bias, bias, cells, Field(0, 0, 120, 160))
    return explain(of_case, output, Classifier("t", "0" * 64, threshold, terms=terms), Settings(), {}).result


@pytest.mark.parametrize("axes", [(30, 20), (20, 35), (45, 12)])
def test_all_contributions_and_the_bias_are_the_logit(axes):
    result = explained(case(*axes))
    everything = sum(result.contributions.values()) + sum(result.terms.values()) + result.bias
    assert everything == pytest.approx(result.logit, abs=1e-4)
    assert result.logit_without_terms == pytest.approx(explained(case(*axes), ()).logit, abs=1e-6)
    assert result.logit != pytest.approx(result.logit_without_terms, abs=0.05)
    assert CaseResult.from_json(result.to_json()) == result


def test_a_term_is_its_weight_times_the_standardised_descriptor():
    found = describe(case()).values
    result = explained(case())
    assert result.terms["width_to_height"] == pytest.approx(-0.8 * (found["width_to_height"] - 1.3) / 0.4)


def test_a_wild_outline_cannot_run_away():
    wild = {"width_to_height": 1e6, "solidity": -1e6, "circularity": 0.7}
    assert term_contributions(TERMS, wild) == pytest.approx(
        {"width_to_height": -2.4, "solidity": 1.8, "circularity": 0.0}
    )


def test_a_mass_without_shape_adds_nothing_and_the_result_says_so():
    tiny = case()
    mass = np.zeros_like(tiny.mass)
    mass[50:53, 80:83] = True
    result = explained(replace(tiny, mass=mass))
    assert set(result.terms.values()) == {0.0} and result.logit == pytest.approx(result.logit_without_terms)
    assert any("these terms of the model add nothing" in text for text in result.warnings)


def test_the_result_says_when_the_outline_decides():
    flat = np.full((7, 9), 0.35, np.float32)
    tall = explained(case(15, 35), cells=flat)
    assert tall.logit_without_terms > 0 and tall.decision != "benign"
    wide = explained(case(45, 12), cells=flat)
    assert wide.logit < 0 < wide.logit_without_terms
    (sentence,) = [text for text in wide.warnings if text.startswith("The outline decides")]
    assert "would say malignant" in sentence and "nobody" not in sentence
    automatic = explained(replace(case(45, 12), mass_origin=MaskOrigin.AUTOMATIC), cells=flat)
    assert any(text.startswith("The outline decides, and nobody has accepted") for text in automatic.warnings)
    assert not [text for text in tall.warnings if text.startswith("The outline decides")]


def described(terms):
    return {"name": "m", "threshold": 0.5, "temperature": 1.0, **({} if terms is None else {"terms": terms})}


def test_a_model_without_terms_is_read_as_before():
    assert classifier_of(described(None), "0" * 64).terms == ()
    assert explained(case(), ()).terms == {}


def test_terms_are_read_from_a_models_description():
    data = json.loads(json.dumps([vars(term) for term in TERMS]))
    assert classifier_of(described(data), "0" * 64).terms == TERMS


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "largest_diameter_mm"},
        {"name": "age"},
        {"sd": 0.0},
        {"limit": -1.0},
        {"weight": float("nan")},
        {"weight": "much"},
        {"weight": True},
        {"colour": 1},
    ],
)
def test_terms_that_make_no_sense_are_refused(wrong):
    with pytest.raises((ValueError, TypeError, KeyError)):
        terms_of([{**vars(TERMS[0]), **wrong}])


def test_a_descriptor_has_one_term():
    with pytest.raises(ValueError, match="one term"):
        terms_of([vars(TERMS[0])] * 2)
