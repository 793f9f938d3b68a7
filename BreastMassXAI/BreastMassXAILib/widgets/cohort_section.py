"""Cohort: a list of cases, one of them open; all of them explained in the background."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from ..core.settling import SpacingAssumption
from ..presenter.cohort import CohortList
from ..presenter.cohort_entry import CaseState, CohortRow
from .preferences import recall, remember

if TYPE_CHECKING:
    from .desk import Desk


class CohortSection:
    def __init__(self, panel: Desk) -> None:
        self._panel = panel
        self._ui = ui = panel.ui
        self.path: Path | None = None
        self._cohort: CohortList | None = None
        self._job: int | None = None
        self._drawn: list[CohortRow] = []
        panel.slots.connect(ui.openManifestButton, "clicked()", self._open_manifest)
        panel.slots.connect(ui.openCohortFolderButton, "clicked()", self._open_folder)
        panel.slots.connect(ui.previousCaseButton, "clicked()", self.previous)
        panel.slots.connect(ui.nextCaseButton, "clicked()", self.next)
        panel.slots.connect(ui.runAllButton, "clicked()", self._run_all)
        panel.slots.connect(ui.cohortTablesButton, "clicked()", self._show_tables)
        panel.slots.connect(ui.exportCohortButton, "clicked()", self._export)
        table = ui.cohortTable
        panel.slots.connect(table, "cellDoubleClicked(int,int)", self._double_clicked)
        titles = [_("Case"), _("Label"), _("State"), _("Decision")]
        table.setColumnCount(len(titles))
        table.setHorizontalHeaderLabels(titles)
        header = table.horizontalHeader()
        header.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        header.setSectionResizeMode(0, qt.QHeaderView.Stretch)
        self.draw()

    def load(self, path: Path) -> None:
        """List the cases of a manifest or a folder."""
        width = self._panel.parameters.assumedWidthMm
        cohort = CohortList.open(path, SpacingAssumption(width_mm=width) if width > 0 else None)
        self._stop()
        self.path, self._cohort, self._drawn = path, cohort, []
        cohort.on_change(self._panel.slots.guarded(self.draw))
        self._panel.tell("")
        self.draw()

    @property
    def name(self) -> str:
        """The listed cohort's; empty where none is."""
        return "" if self._cohort is None else self._cohort.name

    def forget(self) -> None:
        """The scene was closed: stop what runs; the list stays."""
        self._stop()

    def next(self) -> None:
        self._step(1)

    def previous(self) -> None:
        self._step(-1)

    def draw(self) -> None:
        ui, cohort = self._ui, self._cohort
        self._draw_rows([] if cohort is None else cohort.rows)
        if cohort is None:
            ui.cohortText.text = _("No cases listed.")
            for button in (
                ui.previousCaseButton,
                ui.nextCaseButton,
                ui.runAllButton,
                ui.cohortTablesButton,
                ui.exportCohortButton,
            ):
                button.enabled = False
            return
        ui.cohortText.text = "\n".join([cohort.name, cohort.summary, *cohort.notes])
        ui.previousCaseButton.enabled = cohort.neighbour(-1) is not None
        ui.nextCaseButton.enabled = cohort.neighbour(1) is not None
        ui.runAllButton.enabled = self._job is None
        ui.cohortTablesButton.enabled = cohort.done > 0
        ui.exportCohortButton.enabled = cohort.done > 0
        if cohort.current is not None and ui.cohortTable.currentRow() != cohort.current:
            ui.cohortTable.selectRow(cohort.current)

    def _draw_rows(self, rows: list[CohortRow]) -> None:
        """Only what changed: a cohort has thousands of rows, and one of them changes at a time."""
        table = self._ui.cohortTable
        if len(rows) != len(self._drawn):
            table.setRowCount(len(rows))
            self._drawn = []
        for index, row in enumerate(rows):
            if index < len(self._drawn) and self._drawn[index] == row:
                continue
            probability = "" if row.probability is None else f" {row.probability:.2f}"
            for column, text in enumerate((row.identifier, row.label, row.state.value, f"{row.decision}{probability}")):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(row.reason)
                table.setItem(index, column, item)
        self._drawn = list(rows)

    def _open_manifest(self) -> None:
        self._load_chosen(
            qt.QFileDialog.getOpenFileName(
                self._ui.openManifestButton,
                _("Manifest, or OASBUD.mat"),
                recall("cohortFolder", ""),
                _("Cohorts (*.csv *.mat)"),
            )
        )

    def _open_folder(self) -> None:
        self._load_chosen(
            qt.QFileDialog.getExistingDirectory(
                self._ui.openCohortFolderButton, _("Folder of a data set"), recall("cohortFolder", "")
            )
        )

    def _load_chosen(self, text: str) -> None:
        if text:
            remember("cohortFolder", str(Path(text).parent))
            self.load(Path(text))

    def _step(self, step: int) -> None:
        index = self._cohort.neighbour(step) if self._cohort is not None else None
        if index is not None:
            self.open(index)

    def _double_clicked(self, row: int, _column: int) -> None:
        self.open(row)

    def open(self, index: int) -> None:
        """Open a case in the scene."""
        if self._cohort is None or self._cohort.rows[index].state is CaseState.LEFT_OUT:
            return
        try:
            self._cohort.open_case(index, self._panel.session)
            self._panel.adopt_inputs()
            self._panel.mass.forget_edits()
            self._panel.tell("")
        finally:
            self.draw()

    def _run_all(self) -> None:
        session = self._panel.session
        if self._cohort is None or session.model is None:
            return
        self._panel.install_packages()
        self._job = self._cohort.run_all(self._panel.worker, session.model, session.settings, self._finished)
        self._panel.work()
        self.draw()

    def _finished(self, sentence: str) -> None:
        self._job = None
        self._panel.tell(sentence)
        self.draw()

    def _stop(self) -> None:
        if self._job is not None:
            self._panel.worker.cancel(self._job)
            self._job = None

    def _show_tables(self) -> None:
        if self._cohort is None:
            return
        self._panel.views.show_tables(self._cohort.show_tables(self._panel.scene))

    def _export(self) -> None:
        if self._cohort is None:
            return
        path = qt.QFileDialog.getSaveFileName(
            self._ui.exportCohortButton,
            _("Table of the cohort"),
            str(Path(recall("saveFolder", "")) / "cases.csv"),
            _("CSV (*.csv)"),
        )
        if path:
            self._cohort.write_csv(Path(path).with_suffix(".csv"))
            self._panel.tell(_("Written: {name}").format(name=Path(path).name))
