"""A list of cases: open one, step through them, explain all of them, and what they say together.

A case is explained here exactly as when it is opened and Explain is pressed. What a user draws on an opened case is
kept with the list, and from then on it is the case's mass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..cohorts.datasets import read_dataset
from ..cohorts.records import DataSet, Skipped
from ..core.cohort import Cohort
from ..core.cohort_tables import classification, pointing, subset
from ..core.errors import BreastMassXAIError, InputError
from ..core.progress import Progress
from ..core.result import Settings
from ..core.settling import SpacingAssumption
from ..core.writing import whole_file
from ..scene.cohort import CohortNodes, show_cohort
from ..scene.cohort_case import case_nodes
from ..writers.tables import CaseTable
from .cohort_entry import CaseState, CohortRow, Entry, Outcome, numbers_of
from .cohort_run import explain_each, read_with
from .inputs import mass_in
from .models import Model
from .session import Session
from .status import State
from .worker import Worker

_SUBSETS = ("correct", "all")


class CohortList:
    """The cases of a data set, with what is known of each. For the main thread.

    Parameters
    ----------
    data : DataSet
    assumption : SpacingAssumption, optional
    """

    def __init__(self, data: DataSet, assumption: SpacingAssumption | None = None) -> None:
        self._data = data
        self._assumption = assumption
        self._entries = [
            Entry(record, CohortRow(record.identifier, record.label, CaseState.WAITING)) for record in data.records
        ]
        self._left_out = [CohortRow(e.identifier, "", CaseState.LEFT_OUT, reason=e.reason) for e in data.skipped]
        self._current: int | None = None
        self._session: Session | None = None
        self._listeners: list[Callable[[], None]] = []

    @classmethod
    def open(cls, path: Path, assumption: SpacingAssumption | None = None) -> CohortList:
        """List a manifest's or a folder's cases (:func:`~..cohorts.datasets.read_dataset`).

        Raises
        ------
        InputError
            When it is no data set that is known, or has no case that can be used.
        """
        data = read_dataset(path)
        if not data.records:
            reasons = "; ".join(sorted({entry.reason for entry in data.skipped})[:3])
            raise InputError(f"The data set {data.name} has no case that can be used: {reasons or 'it is empty'}.")
        return cls(data, assumption)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever a row changed."""
        self._listeners.append(listener)

    @property
    def name(self) -> str:
        return self._data.name

    @property
    def notes(self) -> tuple[str, ...]:
        """What concerns the whole data set, duplicates for instance."""
        return self._data.notes

    @property
    def rows(self) -> list[CohortRow]:
        """All listed cases: usable ones first, in the data set's order, then those left out."""
        return [*(entry.shown for entry in self._entries), *self._left_out]

    def __len__(self) -> int:
        """Number of rows."""
        return len(self._entries) + len(self._left_out)

    @property
    def done(self) -> int:
        """Number of cases that are explained."""
        return self._count(CaseState.DONE)

    @property
    def summary(self) -> str:
        """One line: how many are done, suspended, failed and left out, and how many of the rest are right so far."""
        done = [entry for entry in self._entries if entry.shown.state is CaseState.DONE]
        parts = [f"{len(done)} of {len(self._entries)} cases explained"]
        suspended = sum(entry.shown.decision == "suspended" for entry in done)
        if suspended:
            parts.append(f"{suspended} suspended")
        if len(done) > suspended:
            right = sum(entry.shown.decision == entry.record.label for entry in done)
            parts.append(f"{right} of {len(done) - suspended} decisions right")
        for count, word in ((self._count(CaseState.FAILED), "failed"), (len(self._left_out), "left out")):
            if count:
                parts.append(f"{count} {word}")
        return ", ".join(parts) + "."

    # Stepping

    @property
    def current(self) -> int | None:
        """The row that is open in the scene, or was to be opened last."""
        return self._current

    def neighbour(self, step: int) -> int | None:
        """The next (+1) or previous (-1) case; None at the end. Those that were left out cannot be opened."""
        index = (-1 if self._current is None else self._current) + step
        return index if 0 <= index < len(self._entries) else None

    def open_case(self, index: int, session: Session) -> None:
        """Show a case in the scene, in the nodes of the case before, as the session's inputs.

        Where the case was explained already, its explanation is shown at once.

        Raises
        ------
        BreastMassXAIError
            When its files cannot be read; the row is then marked `failed`, and the scene stays as it is.
        """
        if not 0 <= index < len(self._entries):
            raise InputError("This case was left out of the list: the table says why.")
        self._settle()
        self._current = index
        entry = self._entries[index]
        try:
            case = read_with(entry.record, entry.drawn, self._assumption)
        except BreastMassXAIError as error:
            self._show_row(entry, CaseState.FAILED, reason=str(error))
            raise
        if session is not self._session:
            self._session = session
            session.on_change(self._follow)
        frame_node, mass_node = case_nodes(session.scene, case, entry.record.identifier)
        if entry.found is not None:
            session.remember(frame_node, *entry.found)
        session.show_case(frame_node, mass_node, "mass", case, owner=self)
        self._tell()

    def _opened(self) -> tuple[Session | None, Entry | None]:
        """The case that is open, and the session that shows it; none once the session shows something else."""
        if self._session is None or self._session.owner is not self or self._current is None:
            return None, None
        return self._session, self._entries[self._current]

    def _follow(self) -> None:
        """The session changed: what it says of the case that is open is what the list says of it."""
        session, entry = self._opened()
        if session is None or entry is None or session.model is None:
            return
        if session.status.state is State.FAILED:
            self._show_row(entry, CaseState.FAILED, reason=session.status.sentence)
        if session.status.state is not State.CURRENT or session.result is entry.result:
            return
        images, found = session.explained, session.pass_of(session.model.sha256)
        if images is None or found is None:
            return
        entry.result, entry.images, entry.numbers = images[1].result, images, None
        entry.made_with = session.model.sha256, session.settings
        entry.found = session.model.sha256, found
        self._show_result(entry)

    def _settle(self) -> None:
        """Take over what was drawn and explained on the case that is open, before anything else happens to it."""
        session, entry = self._opened()
        if session is None or entry is None:
            return
        frame_node, segmentation_node, segment_id = session.inputs
        session.refresh()
        with suppress(BreastMassXAIError):  # nothing usable is drawn: the mass stays what it was
            mass = mass_in(segmentation_node, segment_id, frame_node)
            if mass.any() and not np.array_equal(mass, read_with(entry.record, entry.drawn, self._assumption).mass):
                entry.drawn = mass
                if session.status.state is not State.CURRENT:
                    entry.made_with = entry.result = entry.numbers = entry.images = entry.found = None
                    self._show_row(entry, CaseState.WAITING)
        self._count_in(entry)

    def _count_in(self, entry: Entry) -> None:
        if entry.images is not None:
            entry.numbers = numbers_of(entry.record, *entry.images)
            entry.images = None

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

        Returns
        -------
        int
            The number of the worker's job.
        """
        self._settle()
        wanted = model.sha256, settings
        todo = [
            (entry, entry.drawn)
            for entry in self._entries
            if entry.shown.state is not CaseState.DONE or entry.made_with != wanted
        ]
        for entry, _ in todo:
            self._show_row(entry, CaseState.WAITING, tell=False)
            entry.result = entry.numbers = entry.images = entry.made_with = None
        self._tell()
        say = finished or (lambda sentence: None)

        def ended(sentence: str, _details: str = "") -> None:
            for entry, _ in todo:
                if entry.shown.state is CaseState.RUNNING:
                    self._show_row(entry, CaseState.WAITING, tell=False)
            self._tell()
            say(sentence or f"Cancelled: {self.summary}")

        def work(progress: Progress) -> Iterator[Outcome]:
            return explain_each(todo, self._assumption, model, settings, progress)

        return worker.submit(work, lambda _: ended(f"Finished: {self.summary}"), ended, self._take)

    def _take(self, outcome: Outcome) -> None:
        entry = outcome.entry
        if outcome.drawn is not entry.drawn or entry.shown.state is CaseState.DONE:
            return  # the user drew on it, or explained it, meanwhile
        if outcome.reason:
            self._show_row(entry, CaseState.FAILED, reason=outcome.reason)
        elif outcome.result is None or outcome.found is None:
            self._show_row(entry, CaseState.RUNNING)
        else:
            entry.result, entry.numbers, entry.made_with = outcome.result, outcome.numbers, outcome.made_with
            entry.found = outcome.made_with[0], outcome.found
            self._show_result(entry)
            session, opened = self._opened()
            if session is not None and opened is entry:
                session.remember(session.inputs[0], *entry.found)
                session.refresh()

    def _show_result(self, entry: Entry) -> None:
        assert entry.result is not None
        self._show_row(entry, CaseState.DONE, entry.result.decision, entry.result.probability)

    def _show_row(
        self,
        entry: Entry,
        state: CaseState,
        decision: str = "",
        probability: float | None = None,
        reason: str = "",
        tell: bool = True,
    ) -> None:
        row = CohortRow(entry.record.identifier, entry.record.label, state, decision, probability, reason)
        if row != entry.shown:
            entry.shown = row
            if tell:
                self._tell()

    def _tell(self) -> None:
        for listener in list(self._listeners):
            listener()

    def _count(self, state: CaseState) -> int:
        return sum(entry.shown.state is state for entry in self._entries)

    # What they say together

    def write_csv(self, path: Path) -> None:
        """One row a case, as ``evaluate`` writes ``cases.csv``; the others with the reason why they have no numbers.

        Raises
        ------
        InputError
            When no case is done yet.
        OutputError
            When the file cannot be written; an older one stays then.
        """
        done = self._done_rows()
        rest = [
            Skipped(entry.record.identifier, entry.shown.reason or "Not explained yet.")
            for entry in self._entries
            if entry.shown.state is not CaseState.DONE
        ]
        with whole_file(path, "The table") as part:
            table = CaseTable(part)
            try:
                for row in done:
                    table.write(row)
            finally:
                table.close([*rest, *self._data.skipped])

    def tables(self) -> dict[str, Any]:
        """The paper's Tables 1 and 2 over the cases that are done, as :func:`~..core.cohort.report_tables` gives them.

        Raises
        ------
        InputError
            When no case is done yet.
        """
        cohort = Cohort()
        for row in self._done_rows():
            cohort.append(row)
        return {
            "table_1": classification(cohort),
            "table_2": {name: pointing(cohort, subset(cohort, name)) for name in _SUBSETS},
        }

    def show_tables(self, scene) -> CohortNodes:
        """ROC curve as a plot, Tables 1 and 2 as tables, in nodes that are reused.

        Raises
        ------
        InputError
            When no case is done yet.
        """
        return show_cohort(scene, self.name, self.tables())

    def _done_rows(self) -> list[dict[str, Any]]:
        self._settle()
        for entry in self._entries:
            self._count_in(entry)
        rows = [e.numbers for e in self._entries if e.shown.state is CaseState.DONE and e.numbers is not None]
        if not rows:
            raise InputError("No case is explained yet: press Run all, or open a case and explain it.")
        return rows
