"""Big runs and training: the same command line in a process of its own, with its log and Stop."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from ..core.errors import MissingPackageError
from ..presenter.process import Command, Step, evaluate_command, parse_line, train_command
from ..presenter.running import RunningProcess
from .preferences import recall, remember

if TYPE_CHECKING:
    from .panel import Panel

_POLL_MS = 200


class ProcessSection:
    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._ui = ui = panel.ui
        self._running: RunningProcess | None = None
        self._timer = panel.slots.timer(_POLL_MS, self._poll)
        panel.slots.connect(ui.evaluateProcessButton, "clicked()", self._evaluate)
        panel.slots.connect(ui.trainProcessButton, "clicked()", self._train)
        panel.slots.connect(ui.stopProcessButton, "clicked()", self.stop)
        self.draw()

    def close(self) -> None:
        """The panel goes away; nobody would see the process any more."""
        self._timer.stop()
        self.stop()

    def stop(self) -> None:
        if self._running is not None:
            self._running.stop()

    def draw(self) -> None:
        ui, running = self._ui, self._running is not None
        ui.evaluateProcessButton.enabled = not running
        ui.trainProcessButton.enabled = not running
        ui.stopProcessButton.enabled = running
        ui.processProgressBar.visible = running

    def _evaluate(self) -> None:
        data, session = self._panel.cohort.path, self._panel.session
        if data is None:
            self._panel.tell(_("List the cases of a cohort first: choose its manifest or its folder."))
            return
        out = self._folder(_("Empty or new folder for the report"))
        if out is not None:
            self._panel.install_packages()
            models = [session.model.folder] if session.model else []
            width = self._panel.parameters.assumedWidthMm
            self._start(evaluate_command(self._python(), data, out, models, session.settings, width))

    def _train(self) -> None:
        data = self._panel.cohort.path
        if data is None or not data.is_dir():
            self._panel.tell(_("Training needs the folder of BUS-BRA: choose it in Cohort first."))
            return
        out = self._folder(_("Empty or new folder for the model"))
        if out is not None:
            self._panel.install_packages()
            self._start(train_command(self._python(), data, out))

    def _folder(self, title: str) -> Path | None:
        text = qt.QFileDialog.getExistingDirectory(self._ui.processLog, title, recall("processFolder", ""))
        if not text:
            return None
        remember("processFolder", text)
        return Path(text)

    def _python(self) -> str:
        """Slicer's Python as a program; Slicer puts it into its own search path."""
        python = shutil.which("PythonSlicer")
        if python is None:
            raise MissingPackageError(_("Slicer's Python (PythonSlicer) was not found beside Slicer."))
        return python

    def _start(self, command: Command) -> None:
        self._ui.processLog.clear()
        self._running = RunningProcess(command)
        self._ui.processProgressBar.setRange(0, 0)
        self._timer.start()
        self.draw()

    def _poll(self) -> None:
        if self._running is None:
            return
        for line in self._running.lines():
            self._show(parse_line(line))
        code = self._running.code
        if code is not None:
            self._running = None
            self._timer.stop()
            self._ui.processLog.appendPlainText(_("Done.") if code == 0 else _("Ended before it was done."))
            self.draw()

    def _show(self, said: Step | str | None) -> None:
        if isinstance(said, Step):
            self._ui.processProgressBar.setRange(0, said.total)
            self._ui.processProgressBar.setValue(said.done)
            self._ui.processProgressBar.setFormat(f"{said.what} %v / %m")
        elif said:
            self._ui.processLog.appendPlainText(said)
