"""Cohorts cut into parts, patient by patient: nobody is on both sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .errors import InputError


def patient_folds(labels: np.ndarray, patients: Sequence[str], count: int, seed: int) -> np.ndarray:
    """A fold from 1 to `count` for every frame; a patient is in one fold only, classes in proportion.

    Patients of each class (malignant when any of their frames is) are dealt out in random order.

    Parameters
    ----------
    labels : ndarray of bool, shape (n,)
        True for malignant.
    patients : sequence of str, length n

    Returns
    -------
    ndarray of int, shape (n,)
    """
    generator = np.random.default_rng(seed)
    names, member = np.unique(np.array(patients, dtype=str), return_inverse=True)
    malignant = np.bincount(member, labels) > 0
    folds = np.empty(len(names), int)
    dealt = 0
    for positive in (False, True):
        group = generator.permutation(np.flatnonzero(malignant == positive))
        folds[group] = (dealt + np.arange(len(group))) % count + 1
        dealt += len(group)
    return folds[member]


def check_folds(labels: np.ndarray, patients: Sequence[str], folds: np.ndarray) -> None:
    """Refuse folds that would flatter a classifier or cannot measure it.

    Raises
    ------
    InputError
        When there is one fold only, a patient is in two, or a fold lacks a class.
    """
    if len(np.unique(folds)) < 2:
        raise InputError("There is only one partition: nothing would be left to train on or to test on.")
    first: dict[str, int] = {}
    for patient, fold in zip(patients, folds.tolist(), strict=True):
        if first.setdefault(patient, fold) != fold:
            raise InputError(
                f"The patient {patient} is in the partitions {first[patient]} and {fold}: a classifier would be tested "
                "on a patient it was trained on."
            )
    for fold in np.unique(folds):
        for name, present in (("malignant", labels[folds == fold].any()), ("benign", ~labels[folds == fold].all())):
            if not present:
                raise InputError(f"The partition {fold} has no {name} case: no classifier can be judged on it.")


def split_patients(
    labels: np.ndarray, patients: Sequence[str], share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of training and validation frames; a patient is in one of them only, classes in proportion.

    Parameters
    ----------
    share : float
        Of the patients that are held out, about; at most a half.

    Raises
    ------
    InputError
        When one of the parts would lack a class.
    """
    held = patient_folds(labels, patients, max(round(1 / share), 2), seed) == 1
    for positive in (True, False):  # a small class may have been dealt to other folds only
        if not (labels[held] == positive).any():
            others = sorted({patients[k] for k in np.flatnonzero(labels == positive).tolist()})
            held |= np.isin(np.array(patients, dtype=str), others[:1])
    for part in (labels[held], labels[~held]):
        if part.all() or not part.any():
            raise InputError("There are too few patients of one class to hold some out for validation.")
    return np.flatnonzero(~held), np.flatnonzero(held)
