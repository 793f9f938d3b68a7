"""Statistics against scikit-free definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from BreastMassXAILib.core.statistics import bootstrap_interval, operating_point, rates_at, roc_auc

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
