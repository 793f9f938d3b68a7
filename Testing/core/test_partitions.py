"""Cohorts are cut patient by patient."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.partitions import check_folds, patient_folds, split_patients


def cohort(seed, frames=120, patients=40):
    generator = np.random.default_rng(seed)
    names = [str(k) for k in generator.integers(0, patients, frames)]
    malignant = dict(zip(map(str, range(patients)), generator.random(patients) < 0.4, strict=True))
    return np.array([malignant[name] for name in names]), names


@given(st.integers(0, 50), st.sampled_from([0.1, 0.2, 0.5]))
@settings(max_examples=30, deadline=None)
def test_no_patient_is_on_both_sides(seed, share):
    labels, patients = cohort(seed)
    training, validation = split_patients(labels, patients, share, seed)
    assert not {patients[k] for k in training} & {patients[k] for k in validation}
    assert sorted([*training, *validation]) == list(range(120))


@given(st.integers(0, 50), st.integers(2, 6))
@settings(max_examples=30, deadline=None)
def test_folds_share_patients_and_classes_evenly(seed, count):
    labels, patients = cohort(seed)
    folds = patient_folds(labels, patients, count, seed)
    check_folds(labels, patients, folds)
    for positive in (True, False):
        dealt = [
            len({p for p, f, y in zip(patients, folds, labels, strict=True) if f == k and y == positive})
            for k in range(1, count + 1)
        ]
        assert max(dealt) - min(dealt) <= 1


def test_too_few_patients_are_refused():
    with pytest.raises(InputError, match="too few"):
        split_patients(np.array([True, False, False]), ["a", "b", "c"], 0.3, 0)


@pytest.mark.parametrize(
    ("labels", "patients", "folds", "word"),
    [
        ([1, 0, 1, 0], ["a", "b", "a", "c"], [1, 1, 2, 2], "The patient a is in the partitions 1 and 2"),
        ([1, 0, 0, 0], ["a", "b", "c", "d"], [1, 1, 2, 2], "The partition 2 has no malignant case"),
        ([1, 0, 1, 1], ["a", "b", "c", "d"], [1, 1, 2, 2], "The partition 2 has no benign case"),
        ([1, 0], ["a", "b"], [3, 3], "only one partition"),
    ],
)
def test_partitions_that_mislead_are_refused(labels, patients, folds, word):
    with pytest.raises(InputError, match=word):
        check_folds(np.array(labels, bool), patients, np.array(folds))
