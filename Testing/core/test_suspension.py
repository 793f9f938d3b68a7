"""Rules of suspension against cases in which it is known what they are worth."""

import json

import numpy as np
import pytest

from BreastMassXAILib.core.choices import classifier_of
from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.recalibration import Answers, calibration
from BreastMassXAILib.core.statistics import risk_coverage
from BreastMassXAILib.core.suspension import RULES, Evidence, SuspensionRule, rule_of, rules_in_words, trusts
from BreastMassXAILib.core.suspension_worth import measured_rules, risk_curves

N = 1200


def made(seed=0, follows="distance"):
    """Decisions that are wrong the more often the less one of the numbers is; the other numbers know nothing."""
    generator = np.random.default_rng(seed)
    numbers = {
        "points": generator.choice([0, 1, 2], p=(0.08, 0.3, 0.62), size=N).astype(float),
        "distance": generator.gamma(2.0, 1.0, N),
        "disagreement": np.full(N, 0.5),
        "inside": generator.beta(4, 2, N),
    }
    if follows is None:
        return generator.random(N) < 0.15, numbers
    rank = np.argsort(np.argsort(numbers[follows])) / N
    return generator.random(N) < 0.45 * (1 - rank) ** 2, numbers


def judged(wrong, numbers):
    trust = trusts(**numbers)
    return measured_rules({"balanced": wrong}, {"balanced": trust}, np.arange(N) // 2, "out of fold")


def test_the_rule_that_follows_the_errors_wins():
    found = judged(*made(follows="inside"))
    assert found["rule"] == "outside"
    measured = found["measured"]["balanced"]
    assert measured["outside"]["gain_over_random"]["low"] > 0
    assert measured["outside"]["suspended"] == pytest.approx(0.1, abs=1 / N)
    assert measured["outside"]["limit"] == found["limit"]
    assert measured["confidence"]["gain_at_share"]["low"] < 0 < measured["confidence"]["gain_at_share"]["high"]
    confident = judged(*made(follows="distance"))
    assert confident["rule"] in ("confidence", "disagreement")  # with one disagreement everywhere they are the same
    assert (
        confident["measured"]["balanced"]["confidence"]["risk_of_kept"]
        < 0.9 * confident["measured"]["balanced"]["confidence"]["risk_of_all"]
    )


def test_a_rule_that_knows_nothing_is_never_the_default():
    tries = [judged(*made(seed, follows=None)) for seed in range(1, 9)]
    chosen = [found["rule"] for found in tries]
    assert chosen.count("none") >= 7, "with 8 tries, one is lucky once in five times"
    found = tries[chosen.index("none")]
    assert found["limit"] is None
    doubted = [
        kind for kind, figures in found["measured"]["balanced"].items() if figures["gain_over_random"]["low"] <= 0
    ]
    assert len(doubted) >= 2
    for kind in doubted:
        said = rule_of(found, kind, "balanced", "m").measured
        assert "no difference from suspending as many at random is shown" in said


def test_paper_is_worth_what_it_suspends():
    wrong, numbers = made(follows=None)
    wrong = wrong | (numbers["points"] == 0)
    found = judged(wrong, numbers)["measured"]["balanced"]["paper"]
    assert found["limit"] is None
    assert found["suspended"] == pytest.approx((numbers["points"] == 0).mean())
    assert found["risk_of_kept"] == pytest.approx(wrong[numbers["points"] > 0].mean())
    assert found["gain_over_random"]["low"] > 0


def test_curves_are_those_of_risk_and_coverage():
    wrong, numbers = made(follows="inside")
    found = risk_curves(wrong, trusts(**numbers), np.arange(N), (0.75,))
    for kind, trust in trusts(**numbers).items():
        coverage, risk = risk_coverage(wrong, trust)
        expected = np.interp(found[kind]["curve"]["coverage"], coverage, risk)
        np.testing.assert_allclose(found[kind]["curve"]["risk"], expected, atol=1e-9, err_msg=kind)
        at = found[kind]["at"][0]
        assert at["risk"]["low"] <= at["risk"]["value"] <= at["risk"]["high"]
        assert at["gain_over_random"]["value"] == pytest.approx(wrong.mean() - at["risk"]["value"])
    assert found["outside"]["area_gain"]["low"] > 0
    assert "gain_over_confidence" not in found["confidence"]["at"][0]


def test_intervals_are_over_patients():
    """Four frames of each patient that stand and fall together tell no more than one."""
    generator = np.random.default_rng(3)
    wrong, trust = generator.random(300) < 0.2, generator.random(300)
    once = risk_curves(wrong, {"outside": trust}, np.arange(300), (0.9,))["outside"]["at"][0]["risk"]
    copies = risk_curves(np.repeat(wrong, 4), {"outside": np.repeat(trust, 4)}, np.repeat(np.arange(300), 4), (0.9,))
    many = copies["outside"]["at"][0]["risk"]
    assert many["high"] - many["low"] == pytest.approx(once["high"] - once["low"], rel=0.1)


def test_rules_speak_below_their_limit_only():
    evidence = Evidence(points=1, distance=0.5, disagreement=0.25, inside=0.4)
    for kind, at in (("confidence", 0.5), ("disagreement", 2.0), ("outside", 0.4)):
        assert SuspensionRule(kind, at).reason(evidence) == ""
        assert SuspensionRule(kind, at + 0.01).reason(evidence)
    assert SuspensionRule("paper").reason(evidence) == "" == SuspensionRule("none").reason(evidence)
    assert "neither" in SuspensionRule("paper").reason(Evidence(0, 9.0, None, 0.9))
    with pytest.raises(InputError, match="one head only"):
        SuspensionRule("disagreement", 1.0).reason(Evidence(2, 1.0, None, 0.9))
    assert Evidence(2, 0.0, 0.0, 1.0).trust("disagreement") == 0
    assert Evidence(2, 1.0, 0.0, 1.0).trust("disagreement") == np.inf
    for wrong in (("doubt",), ("confidence",), ("paper", 1.0), ("outside", float("nan"))):
        with pytest.raises(InputError):
            SuspensionRule(*wrong)


def test_a_network_with_one_head_has_no_disagreement():
    _, numbers = made()
    assert "disagreement" not in trusts(**{**numbers, "disagreement": np.full(N, np.nan)})


def test_what_a_bundle_says_of_its_rules():
    generator = np.random.default_rng(0)
    malignant = np.arange(400) % 3 == 0
    logits = generator.normal(np.where(malignant, 1.2, -1.2), 1.4)
    answers = Answers(logits, np.full(400, 2.0), generator.random(400), np.full(400, 0.3))
    found = calibration(answers, malignant, np.arange(400), "out of fold", np.arange(400) % 4)
    text = {"name": "m", "threshold": found.threshold, "temperature": found.temperature, **found.facts()}
    classifier = classifier_of(json.loads(json.dumps(text, allow_nan=False)), "0" * 64)
    assert found.suspension["rule"] in ("confidence", "disagreement")
    rule = classifier.suspended_by("confidence")
    assert "10 % least certain took the errors from" in rule.measured and rule.measured.endswith("out of fold")
    specific = classifier.at("specific").suspended_by("confidence")
    assert specific.limit != rule.limit  # the band lies around the chosen point's threshold
    assert classifier.suspended_by("none").measured == "" and classifier.suspended_by("paper").limit is None
    assert "would have suspended no decision" in classifier.suspended_by("paper").measured
    older = classifier_of({"name": "old", "threshold": 0.5, "temperature": 1.0}, "")
    assert older.suspended_by(None) == SuspensionRule("paper")
    with pytest.raises(InputError, match="no limit for suspension by outside"):
        older.suspended_by("outside")
    assert len(rules_in_words(found.suspension)) == 1 + len(RULES) - 1
    for wrong in ({"rule": "doubt"}, {"measured": {}}, {"measured": {"on": "x", "balanced": {"paper": {}}}}):
        with pytest.raises((KeyError, ValueError, InputError)):
            classifier_of({**text, "suspension": {**found.suspension, **wrong}}, "")
