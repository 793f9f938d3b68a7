"""What the sentences of a report claim, and that they claim no more than the intervals do."""

import numpy as np
import pytest

from BreastMassXAILib.core.findings import findings, pointing_against_quality, suspension_answers


def suspension(random, confidence, suspended=10):
    def gain(value, low, high):
        return {"value": value, "low": low, "high": high}

    return {
        "suspended": suspended,
        "risk_by_confidence_at_same_coverage": 0.1,
        "risk_of_kept": {"value": 0.1, "low": 0.05, "high": 0.2},
        "risk_by_random_minus_by_explanation": gain(*random),
        "risk_by_confidence_minus_by_explanation": gain(*confidence),
    }


@pytest.mark.parametrize(
    ("gain", "word"),
    [
        ((0.03, 0.01, 0.05), "Yes"),
        ((0.03, -0.01, 0.07), "No difference is shown"),
        ((-0.03, -0.05, -0.01), "No, it is worse"),
        ((0.03, None, None), "Cannot be told"),
    ],
)
def test_a_rule_beats_another_only_if_the_interval_says_so(gain, word):
    random, confidence = suspension_answers(suspension(gain, (0.0, -0.1, 0.1)))
    assert f"at random? {word}" in random and f"{0.1 + gain[0]:.1%}" in random
    assert "by low confidence? No difference is shown" in confidence


def test_a_rule_that_suspends_all_or_nothing_is_said_to():
    gain = (0.0, -0.1, 0.1)
    assert suspension_answers(suspension(gain, gain, suspended=0)) == [
        "Every explanation points at a region, so the rule suspends no decision."
    ]
    everything = {**suspension(gain, gain), "risk_by_confidence_at_same_coverage": None}
    assert "every decision" in suspension_answers(everything)[0]


def model(auc, hit, low, high, chance=0.5):
    def number(value):
        return {"value": value, "low": low, "high": high}

    entry = {"either": number(hit), "chance_in_field": {"either": chance}}
    level = {"auc": number(auc), "model": {"sensitivity": number(0.8), "specificity": number(0.9)}}
    return {
        "table_1": {"image": level, "case": level},
        "calibration": {"ece": 0.031},
        "table_2": {name: {"regions": {"any": entry}} for name in ("all", "correct")},
        "suspension": suspension((0.0, -0.1, 0.1), (0.0, -0.1, 0.1)),
    }


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.55, 0.65, ": more often than"),
        (0.4, 0.7, ": no more often than"),
        (0.3, 0.45, ": less often than"),
    ],
)
def test_pointing_is_compared_with_chance(low, high, words):
    said = findings(model(0.9, (low + high) / 2, low, high))
    assert words in said[2] and "80% of the malignant and 90% of the benign" in said[0] and "3.1 percentage" in said[1]


def test_one_class_alone_has_no_auc_to_tell():
    assert "Only one class" in findings(model(None, 0.6, 0.5, 0.7))[0]


def test_pointing_against_quality_needs_several_models():
    models = [model(auc, hit, 0.1, 0.9) for auc, hit in ((0.8, 0.5), (0.85, 0.55), (0.9, 0.7), (0.95, 0.6))]
    assert f"is {np.corrcoef([1, 2, 3, 4], [1, 2, 4, 3])[0, 1]:+.2f};" in pointing_against_quality(models)
    assert "3 models are too few" in pointing_against_quality(models[:3])
    assert "no correlation" in pointing_against_quality([models[0]] * 4)
