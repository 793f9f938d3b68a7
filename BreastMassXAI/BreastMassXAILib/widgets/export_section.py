"""Export: the folder that ``analyze`` writes, the report of one page, the scene."""

from __future__ import annotations

import re
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from ..presenter.export import Export, prepare_folder, prepare_report, prepare_scene
from ..presenter.status import State
from .preferences import recall, remember

if TYPE_CHECKING:
    from .desk import Desk


class ExportSection:
    def __init__(self, panel: Desk) -> None:
        self._panel = panel
        self._ui = ui = panel.ui
        panel.slots.connect(ui.saveButton, "clicked()", self.save)
        panel.slots.connect(ui.exportFolderButton, "clicked()", self._choose_folder)
        panel.slots.connect(ui.exportReportButton, "clicked()", self._report)
        panel.slots.connect(ui.exportSceneButton, "clicked()", self._scene)
        self.draw()

    def draw(self) -> None:
        ui = self._ui
        current = self._panel.session.status.state is State.CURRENT
        ui.saveButton.enabled = current
        ui.exportReportButton.enabled = current
        folder = recall("saveFolder", "")
        ui.saveFolderText.text = folder or _("No folder chosen yet.")

    def save(self) -> None:
        """Write the current result to the chosen folder, under the frame's name; asks for the folder the first time."""
        if not recall("saveFolder", "") and not self._choose_folder():
            return
        target = Path(recall("saveFolder", "")) / self._name()
        self._start(prepare_folder(self._panel.session, target, replace=True), _("Saved: {name}"), target)

    def _choose_folder(self) -> bool:
        text = qt.QFileDialog.getExistingDirectory(
            self._ui.exportFolderButton, _("Folder for results"), recall("saveFolder", "")
        )
        if text:
            remember("saveFolder", text)
            self.draw()
        return bool(text)

    def _report(self) -> None:
        path = self._file(self._ui.exportReportButton, _("Report"), "pdf", _("Report (*.pdf *.png)"))
        if path is not None:
            self._start(prepare_report(self._panel.session, path), _("Written: {name}"), path)

    def _scene(self) -> None:
        path = self._file(self._ui.exportSceneButton, _("Scene"), "mrb", _("Scene bundle (*.mrb)"))
        if path is not None:
            self._start(prepare_scene(self._panel.scene, path), _("Written: {name}"), path)

    def _start(self, export: Export, words: str, path: Path) -> None:
        """Write in the worker's thread, with progress below the Explain button."""
        said = words.format(name=path.name)
        export.start(
            self._panel.worker, lambda note: self._panel.tell(f"{said}. {note}" if note else said), self._failed
        )
        self._panel.tell("")
        self._panel.work()

    def _failed(self, sentence: str, details: str) -> None:
        self._panel.tell(sentence or _("Cancelled: nothing was written."), details)

    def _file(self, parent, title: str, suffix: str, kinds: str) -> Path | None:
        proposal = Path(recall("saveFolder", "")) / f"{self._name()}.{suffix}"
        text = qt.QFileDialog.getSaveFileName(parent, title, str(proposal), kinds)
        if not text:
            return None
        path = Path(text)
        return path if path.suffix else path.with_suffix(f".{suffix}")

    def _name(self) -> str:
        """The frame's name as a file name. A cohort may name its cases by whole paths: only their ends are kept."""
        frame = self._panel.parameters.frame
        if frame is None:
            return "scene"
        name = PurePath(frame.GetName())
        return re.sub(r"[^\w.-]+", "_", name.name if name.is_absolute() else str(name)).strip("._") or "frame"
