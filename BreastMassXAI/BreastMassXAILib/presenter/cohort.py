"""A list of cases: open one, step through them, explain all of them, and what they say together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from ..core.result import Settings
from ..readers.records import DataSet, SpacingAssumption
from .models import Model
from .session import Session
from .worker import Worker


class CaseState(str, Enum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # the case was tried; the reason says what is wrong with it
    LEFT_OUT = "left out"  # the data set itself cannot offer it


@dataclass(frozen=True)
class CohortRow:
    """A case in the panel's table. `decision` ("malignant", "benign", "suspended") and `probability` once it is done;
    `reason` where it failed or was left out."""

    identifier: str
    label: str
    state: CaseState
    decision: str
    probability: float | None
    reason: str


class CohortList:
    """The cases of a data set, with what is known of each.

    Parameters
    ----------
    data : DataSet
    assumption : SpacingAssumption, optional
    """

    def __init__(self, data: DataSet, assumption: SpacingAssumption | None = None) -> None:
        raise NotImplementedError

    @classmethod
    def open(cls, path: Path, assumption: SpacingAssumption | None = None) -> CohortList:
        """List a manifest's or a folder's cases (:func:`~..readers.datasets.read_dataset`).

        Raises
        ------
        InputError
        """
        raise NotImplementedError

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever a row changed."""
        raise NotImplementedError

    @property
    def name(self) -> str: ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What concerns the whole data set, duplicates for instance."""
        raise NotImplementedError

    @property
    def rows(self) -> list[CohortRow]:
        """All listed cases: usable ones first, in the data set's order, then those left out."""
        raise NotImplementedError

    def __len__(self) -> int:
        """Number of rows."""
        raise NotImplementedError

    @property
    def summary(self) -> str:
        """One line: how many are done, failed, left out, suspended; accuracy so far."""
        raise NotImplementedError

    # Stepping

    @property
    def current(self) -> int | None:
        """The row that is open in the scene."""
        raise NotImplementedError

    def open_case(self, index: int, session: Session) -> None:
        """Show a case in the scene, in the nodes of the case before, as the session's inputs.

        Where the run of all cases has explained it already, the explanation is shown at once.

        Raises
        ------
        BreastMassXAIError
            When its files cannot be read; the row is then marked `failed`.
        """
        raise NotImplementedError

    def neighbour(self, step: int) -> int | None:
        """The next (+1) or previous (-1) case that can be opened; None at the end."""
        raise NotImplementedError

    # All of them

    def run_all(
        self, worker: Worker, model: Model, settings: Settings, finished: Callable[[str], None] | None = None
    ) -> int:
        """Explain the cases that are not done yet under this model and these settings, in the worker's thread.

        Cancelled with ``worker.cancel(number)``: what is done stays done, the rest waits again.

        Parameters
        ----------
        finished : callable, optional
            Called with one sentence when all are done, or the run was cancelled or failed.
        """
        raise NotImplementedError

    # What they say together

    @property
    def done(self) -> int: ...

    def write_csv(self, path: Path) -> None:
        """One row a case, as ``evaluate`` writes ``cases.csv``; failed and left out ones with their reason.

        Raises
        ------
        OutputError
            When the file cannot be written; an older one stays then.
        """
        raise NotImplementedError

    def tables(self) -> dict[str, Any]:
        """The paper's tables over the cases that are done (:func:`~..core.cohort.report_tables`).

        Raises
        ------
        InputError
            When no case is done yet.
        """
        raise NotImplementedError

    def show_tables(self, scene) -> Any:
        """ROC curve as a plot, Tables 1 and 2 as tables, in nodes that are reused (`scene.cohort.CohortNodes`).

        Raises
        ------
        InputError
            When no case is done yet.
        """
        raise NotImplementedError
