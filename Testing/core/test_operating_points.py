"""The three named points against counting, and what a model without them says."""

import numpy as np
import pytest

from BreastMassXAILib.core.choices import classifier_of
from BreastMassXAILib.core.classifier import Classifier
from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.operating_points import POINTS, in_words, operating_points
from BreastMassXAILib.core.recalibration import Answers, calibration, cross_fitted
from BreastMassXAILib.core.statistics import fit_temperature, operating_point


def cases(n=600, apart=1.5, seed=0):
    generator = np.random.default_rng(seed)
    malignant = generator.random(n) < 0.35
    return malignant, generator.normal(np.where(malignant, apart, -apart) / 2, 1), np.arange(n) // 2


def test_each_point_is_the_best_that_keeps_its_promise():
    malignant, score, patients = cases()
    probability = 1 / (1 + np.exp(-score))
    found = operating_points(malignant, probability, patients)
    for threshold in np.unique(probability):
        if (probability[malignant] >= threshold).mean() >= 0.95:
            assert threshold <= found["sensitive"]["threshold"]
        if (probability[~malignant] < threshold).mean() >= 0.95:
            assert threshold >= found["specific"]["threshold"]
    assert found["sensitive"]["sensitivity"] >= 0.95 and found["specific"]["specificity"] >= 0.95
    assert found["balanced"]["threshold"] == operating_point(malignant, probability).threshold
    for name in POINTS:
        positive = probability >= found[name]["threshold"]
        assert found[name]["sensitivity"] == positive[malignant].mean()
        low, high = found[name]["specificity_95"]
        assert low < found[name]["specificity"] < high
    assert [line.partition(":")[0] for line in in_words(found)] == list(POINTS)


@pytest.mark.parametrize("scores", ([0.1, 0.1, 0.9, 0.9], [0.0, 0.0, 1.0, 1.0], [0.5, 0.5, 0.5, 0.5]))
def test_perfect_saturated_and_equal_scores(scores):
    found = operating_points(np.array([False, False, True, True]), np.array(scores), np.arange(4))
    thresholds = [found[name]["threshold"] for name in POINTS]
    assert thresholds == sorted(thresholds) and all(0 < value < 1 for value in thresholds)
    assert found["sensitive"]["sensitivity"] == 1 and found["specific"]["specificity"] == 1


def test_one_class_has_no_points():
    with pytest.raises(InputError, match="one class"):
        operating_points(np.ones(5, bool), np.linspace(0.1, 0.9, 5), np.arange(5))


def test_out_of_fold_figures_come_from_the_other_folds():
    """One fold's logits are another scale's: figures fitted on it would not notice, those of the others do."""
    malignant, score, patients = cases()
    folds = patients % 3 + 1
    logits = np.where(folds == 1, score - 4, score)
    temperatures, thresholds = cross_fitted(logits, malignant, patients, folds)
    others = folds != 1
    assert temperatures[folds == 1] == pytest.approx(fit_temperature(logits[others], malignant[others]))
    found = calibration(Answers.of_logits(logits), malignant, patients, "out of fold", folds)
    positive = 1 / (1 + np.exp(-logits / temperatures)) >= thresholds["sensitive"]
    assert found.operating_points["sensitive"]["sensitivity"] == positive[malignant].mean() < 0.95
    plain = calibration(Answers.of_logits(logits), malignant, patients, "on these cases")
    assert plain.operating_points["sensitive"]["sensitivity"] >= 0.95
    assert plain.threshold == found.threshold and plain.temperature == found.temperature


def test_a_model_knows_its_points():
    older = Classifier("old", "0" * 64, 0.4)
    assert older.at("balanced") is older
    with pytest.raises(InputError, match="'old' has no operating point 'sensitive', only 'balanced'"):
        older.at("sensitive")
    description = {
        "name": "new",
        "threshold": 0.4,
        "temperature": 2.0,
        "operating_points": {
            name: {"threshold": at} for name, at in (("sensitive", 0.2), ("balanced", 0.4), ("specific", 0.7))
        },
    }
    newer = classifier_of(description, "1" * 64)
    sensitive = newer.at("sensitive")
    assert (sensitive.threshold, sensitive.point) == (0.2, "sensitive") and newer.at("balanced") is newer
    assert newer.distance(sensitive.threshold_logit) == pytest.approx(np.log(0.4 / 0.6) - np.log(0.2 / 0.8))
    with pytest.raises(InputError, match="not 'cautious'"):
        newer.at("cautious")
    for wrong in (
        {"cautious": {"threshold": 0.1}},
        {"balanced": {"threshold": 0.5}},
        {"sensitive": {"threshold": 1.5}},
    ):
        with pytest.raises(ValueError):
            classifier_of({**description, "operating_points": wrong}, "")
