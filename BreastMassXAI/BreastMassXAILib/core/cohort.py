"""Many cases: their numbers, column by column, and those that were left out."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .regions import REGIONS


@dataclass(frozen=True)
class Skipped:
    """A case that is listed in a data set and cannot be used, with the reason in a sentence."""

    identifier: str
    reason: str


class Cohort:
    """The numbers of many cases, kept column by column: some hundred bytes a case, whatever the size of its image.

    Filled from rows as ``cases.csv`` has them: label, patient and a result's :func:`~.measures.flat_row` with
    :func:`~.measures.measures`.
    """

    def __init__(self) -> None:
        self.identifiers: list[str] = []
        self.patients: list[str] = []
        self.pictures: list[bytes] = []
        self._columns: dict[str, array] = {}

    def __len__(self) -> int:
        return len(self.identifiers)

    def append(self, row: Mapping[str, Any], picture: bytes = b"") -> None:
        """Take a case's numbers; regions become their labels, text is dropped.

        `picture` is what :func:`~.energy.field_picture` gives, where it is wanted.
        """
        numbers = {"malignant": float(row["label"] == "malignant")}
        for name, value in row.items():
            if value in REGIONS:
                numbers[name] = float(REGIONS.index(value))
            elif isinstance(value, (bool, int, float)):
                numbers[name] = float(value)
        for name in self._columns.keys() | numbers.keys():
            if name not in self._columns:
                self._columns[name] = array("d", [math.nan] * len(self))
            self._columns[name].append(numbers.get(name, math.nan))
        self.identifiers.append(row["identifier"])
        self.patients.append(row["patient"])
        self.pictures.append(picture)

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    def __getitem__(self, name: str) -> np.ndarray:
        return np.array(self._columns[name])

    @property
    def malignant(self) -> np.ndarray:
        return self["malignant"] > 0

    @property
    def groups(self) -> np.ndarray:
        """Number of each case's patient."""
        return np.unique(np.array(self.patients, dtype=object).astype(str), return_inverse=True)[1]

    @property
    def called(self) -> np.ndarray:
        """Whether the classifier, unsuspended, calls a case malignant."""
        return self["probability"] >= self["threshold"]

    @property
    def correct(self) -> np.ndarray:
        return self.called == self.malignant
