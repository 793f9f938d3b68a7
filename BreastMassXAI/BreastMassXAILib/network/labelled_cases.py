"""A data set's cases with what training needs to know of them: labels, patients, and the partition of each."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..cohorts.datasets import CaseRecord, DataSet
from ..core.errors import InputError
from ..core.partitions import check_folds, patient_folds


@dataclass(frozen=True)
class Labelled:
    """Cases with what training needs to know of them.

    Parameters
    ----------
    records : tuple of CaseRecord
    folds : ndarray of int, shape (n,)
        The partition of every case, counted from 1.
    names : tuple of str
        What partition 1, 2, ... is called, where it has a name: the device that is left out.
    """

    records: tuple[CaseRecord, ...]
    folds: np.ndarray
    names: tuple[str, ...] = ()

    @property
    def labels(self) -> np.ndarray:
        """True for malignant, shape (n,)."""
        return np.array([record.label == "malignant" for record in self.records], bool)

    @property
    def patients(self) -> list[str]:
        return [record.patient for record in self.records]

    def __len__(self) -> int:
        return len(self.records)

    def where(self, chosen: np.ndarray) -> Labelled:
        """Some of the cases, by a bool array or indices."""
        indices = np.arange(len(self))[chosen]
        return Labelled(tuple(self.records[k] for k in indices), self.folds[indices], self.names)

    def without(self, number: int) -> np.ndarray:
        """Indices of what may be learned from when a partition is kept for the test: no patient is on both sides."""
        tested = {self.patients[k] for k in np.flatnonzero(self.folds == number)}
        return np.array([k for k in np.flatnonzero(self.folds != number) if self.patients[k] not in tested], int)


def labelled_cases(data: DataSet) -> Labelled:
    """The data set's usable cases, all in partition 1.

    Raises
    ------
    InputError
        When there are none.
    """
    records = data.records
    if not records:
        reasons = "; ".join(sorted({entry.reason for entry in data.skipped})[:3])
        raise InputError(f"The data set {data.name} has no case that can be used: {reasons or 'it is empty'}.")
    return Labelled(records, np.ones(len(records), int))


def partitioned(data: DataSet, count: int | None, seed: int) -> Labelled:
    """The data set's usable cases in its own partitions, or cut anew by patient into `count` (five, where it has none).

    Raises
    ------
    InputError
        When there are no cases, only some have a partition, or the partitions would mislead.
    """
    cases = labelled_cases(data)
    records = cases.records
    given = [record.partition for record in records if record.partition is not None]
    if count is None and 0 < len(given) < len(records):
        raise InputError(
            f"{len(records) - len(given)} of {len(records)} cases of {data.name} have no partition: give "
            "all of them one, or cut anew with --folds."
        )
    if count is None and given:
        folds = np.array(given)
    else:
        folds = patient_folds(cases.labels, cases.patients, count or 5, seed)
    check_folds(cases.labels, cases.patients, folds)
    return Labelled(records, folds)


def partitioned_by(data: DataSet, column: str) -> Labelled:
    """The data set's usable cases; each value of a column of its table is a partition.

    Raises
    ------
    InputError
        When there are no cases, some lack the column, or as :func:`check_columns`.
    """
    records = labelled_cases(data).records
    values = [record.fact(column) for record in records]
    if lacking := sum(value is None for value in values):
        known = ", ".join(dict.fromkeys(name for record in records for name, _ in record.facts)) or "none"
        raise InputError(
            f"{lacking} of {len(records)} cases of {data.name} have no '{column}' to leave out; there are the "
            f"columns {known}."
        )
    names = tuple(sorted({value for value in values if value is not None}))
    cases = Labelled(records, np.array([names.index(value) + 1 for value in values if value is not None]), names)
    check_columns(cases, column)
    return cases


def check_columns(cases: Labelled, column: str) -> None:
    """Refuse partitions by a column that cannot be judged or learned without.

    Raises
    ------
    InputError
        When there is one value only, or a class is missing with or without one.
    """
    numbers = np.unique(cases.folds).tolist()
    if len(numbers) < 2:
        raise InputError(f"All cases have the same '{column}': nothing would be left to train on.")
    for number in numbers:
        for what, chosen in (("tested", cases.folds == number), ("left", cases.without(number))):
            labels = cases.labels[chosen]
            if labels.all() or not labels.any():
                raise InputError(
                    f"Without {column} {cases.names[number - 1]!r} there are not cases of both classes {what}."
                )


def fingerprint(cases: Labelled) -> str:
    """Changes with any file, label, patient or partition of the data."""
    from ..cohorts.packs import index_digest

    lines: list[str] = []
    packs: dict[Path, str] = {}
    for record, fold in zip(cases.records, cases.folds.tolist(), strict=True):
        if record.pack is not None:
            packs[record.pack] = packs.get(record.pack) or index_digest(record.pack)
        files = [path.stat() for path in (record.image, record.mask, *record.more_masks) if path.exists()]
        known = [record.identifier, record.label, record.patient, fold, str(record.spacing)]
        lines.append(repr([*known, *((file.st_size, file.st_mtime_ns) for file in files)]))
    return hashlib.sha256("\n".join([*lines, *packs.values()]).encode()).hexdigest()
