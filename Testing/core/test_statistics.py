"""Statistics against scikit-free definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.integrate import trapezoid

from BreastMassXAILib.core.statistics import (
    auc_estimate,
    bootstrap_interval,
    brier_score,
    calibration_curve,
    calibration_error,
    delong_variance,
    fit_temperature,
    operating_point,
    rates_at,
    risk_coverage,
    roc_auc,
    roc_curve,
    share,
)

scores = arrays(np.float64, 30, elements=st.sampled_from(np.linspace(0, 1, 7)))
labels = arrays(bool, 30).filter(lambda y: y.any() and not y.all())


@given(labels, scores)
def test_auc_is_the_share_of_pairs_in_the_right_order(y, s):
    pairs = s[y][:, None] - s[~y][None]
    assert roc_auc(y, s) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())


def test_auc_of_one_class_is_nan():
    assert np.isnan(roc_auc(np.ones(3, bool), np.arange(3)))


@given(labels, scores)
def test_no_threshold_comes_closer_to_the_corner(y, s):
    best = operating_point(y, s)
    distances = [
        np.hypot(1 - point.sensitivity, 1 - point.specificity) for point in (rates_at(y, s, t) for t in np.unique(s))
    ]
    assert np.hypot(1 - best.sensitivity, 1 - best.specificity) == pytest.approx(min(distances))


def test_interval_draws_patients_not_images():
    """Twenty copies of each patient's value must not make the interval narrower."""
    values = np.random.default_rng(0).normal(size=50)
    few = bootstrap_interval(lambda k: values[k].mean(), np.arange(50), 500)
    copied = np.repeat(values, 20)
    many = bootstrap_interval(lambda k: copied[k].mean(), np.repeat(np.arange(50), 20), 500)
    assert many == pytest.approx(few)
    assert few[0] < values.mean() < few[1]


def test_delong_by_hand():
    """Positives 3, 5 and negatives 1, 4: of four pairs three are in order; v10 = (1/2, 1), v01 = (1, 1/2)."""
    y, s = np.array([1, 1, 0, 0], bool), np.array([3.0, 5, 1, 4])
    assert roc_auc(y, s) == 0.75
    assert delong_variance(y, s) == pytest.approx(0.125 / 2 + 0.125 / 2)


@given(labels.filter(lambda y: 1 < y.sum() < 29), scores)
def test_delong_is_its_definition(y, s):
    pairs = s[y][:, None] - s[~y][None]
    wins = (pairs > 0) + 0.5 * (pairs == 0)
    expected = wins.mean(axis=1).var(ddof=1) / y.sum() + wins.mean(axis=0).var(ddof=1) / (~y).sum()
    assert delong_variance(y, s) == pytest.approx(expected, abs=1e-12)


def cohort(n, copies=1, seed=3):
    """Scores of n patients; each patient has `copies` frames with nearly the same score."""
    generator = np.random.default_rng(seed)
    y = generator.random(n) < 0.4
    s = generator.normal(size=n) + 1.5 * y
    patient = np.repeat(np.arange(n), copies)
    return np.repeat(y, copies), np.repeat(s, copies) + 0.05 * generator.normal(size=n * copies), patient


@pytest.mark.parametrize("copies", [1, 3])
def test_delong_agrees_with_a_bootstrap_over_patients(copies):
    y, s, patient = cohort(300, copies)
    low, high = bootstrap_interval(lambda k: roc_auc(y[k], s[k]), patient, 1000)
    found = auc_estimate(y, s, patient)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.008)


def test_frames_of_one_patient_do_not_count_as_many_patients():
    y, s, patient = cohort(200, 4)
    assert delong_variance(y, s, patient) > 3 * delong_variance(y, s)
    one_each = cohort(200)
    assert delong_variance(*one_each) == pytest.approx(delong_variance(*one_each[:2]), rel=1e-12)


def test_auc_without_an_interval():
    perfect = auc_estimate(np.array([0, 0, 1, 1], bool), np.arange(4))
    assert perfect.value == 1 and np.isnan(perfect.low)
    assert np.isnan(auc_estimate(np.ones(3, bool), np.arange(3)).value)


def test_wilson_by_hand():
    """8 of 10: (p + z2/2n -+ z sqrt(pq/n + z2/4n2)) / (1 + z2/n) with z = 1.959964."""
    found = share(np.arange(10) < 8)
    assert found.value == 0.8 and (found.low, found.high) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)
    assert share(np.zeros(5, bool)).low == 0 and share(np.ones(5, bool)).high == 1
    assert np.isnan(share(np.array([], bool)).value)


def test_wilson_counts_patients_when_their_frames_agree():
    few = np.arange(40) % 4 == 0
    copied = share(np.repeat(few, 5), np.repeat(np.arange(40), 5))
    alone = share(few)
    assert (copied.low, copied.high) == pytest.approx((alone.low, alone.high), abs=0.01)


def test_roc_curve_encloses_the_auc():
    y, s, _ = cohort(200)
    false, true = roc_curve(y, s)
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
    assert trapezoid(true, false) == pytest.approx(roc_auc(y, s))


def test_calibration_by_hand():
    p, y = np.array([0.1, 0.12, 0.9, 0.94]), np.array([0, 1, 1, 1], bool)
    curve = calibration_curve(y, p)
    assert [(round(b.probability, 6), b.observed.value, b.observed.n) for b in curve] == [(0.11, 0.5, 2), (0.92, 1, 2)]
    assert calibration_error(y, p) == pytest.approx((2 * 0.39 + 2 * 0.08) / 4)
    assert brier_score(y, p) == pytest.approx((0.01 + 0.88**2 + 0.01 + 0.0036) / 4)
    assert calibration_error(np.array([True]), np.array([1.0])) == 0


def test_true_probabilities_are_calibrated():
    generator = np.random.default_rng(0)
    p = generator.random(20000)
    assert calibration_error(generator.random(20000) < p, p) < 0.02


def test_risk_falls_when_the_doubtful_are_suspended_and_stays_at_random():
    wrong = np.array([0, 0, 0, 1, 0, 1], bool)
    coverage, risk = risk_coverage(wrong, -np.arange(6))
    assert coverage[-1] == 1 and risk[-1] == pytest.approx(1 / 3)
    assert risk.tolist() == pytest.approx([0, 0, 0, 1 / 4, 1 / 5, 1 / 3])
    assert risk_coverage(wrong, np.zeros(6))[1] == pytest.approx(np.full(6, 1 / 3))


def test_temperature_undoes_overconfidence():
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, 20000)
    labels = generator.random(20000) < 1 / (1 + np.exp(-logits))
    assert fit_temperature(3 * logits, labels) == pytest.approx(3, rel=0.05)


def test_a_share_lies_within_its_interval():
    for n in range(1, 60):
        for hits in (0, 1, n // 2, n - 1, n):
            found = share(np.arange(n) < hits)
            assert 0 <= found.low <= found.value <= found.high <= 1
