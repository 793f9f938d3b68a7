"""A case of a list: its row in the panel's table, and what is known of it so far."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from ..cohorts.records import CaseRecord, identity
from ..core.explain import Explanation
from ..core.frame import Case
from ..core.measures import flat_row, measures
from ..core.result import CaseResult, Settings
from .passes import NetworkPass


class CaseState(str, Enum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # the case was tried; the reason says what is wrong with it
    LEFT_OUT = "left out"  # the data set itself cannot offer it


@dataclass(frozen=True)
class CohortRow:
    """A case in the panel's table.

    `decision` ("malignant", "benign", "suspended") and `probability` once it is done; `reason` where it failed or was
    left out.
    """

    identifier: str
    label: str
    state: CaseState
    decision: str = ""
    probability: float | None = None
    reason: str = ""


@dataclass(eq=False)
class Entry:
    """A case with what is known of it so far."""

    record: CaseRecord
    shown: CohortRow
    made_with: tuple[str, Settings] | None = None  # model and settings of the result
    result: CaseResult | None = None
    numbers: dict[str, Any] | None = None  # its row in the cohort's table
    images: tuple[Case, Explanation] | None = None  # from which the numbers are still to be taken
    found: tuple[str, NetworkPass] | None = None  # model and its network's answer
    drawn: np.ndarray | None = None  # the mass as the user edited it


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the worker hands over of a case: first that it began, then its numbers or why there are none."""

    entry: Entry
    made_with: tuple[str, Settings]
    drawn: np.ndarray | None
    result: CaseResult | None = None
    numbers: dict[str, Any] | None = None
    found: NetworkPass | None = None
    reason: str = ""


def numbers_of(record: CaseRecord, case: Case, explanation: Explanation) -> dict[str, Any]:
    return {**identity(record), **flat_row(explanation.result.to_dict()), **measures(case, explanation)}
