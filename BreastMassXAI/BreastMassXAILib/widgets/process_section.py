"""Big runs and training: the same command line in a process of its own, with its log, the time left, and Stop."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from ..core.errors import InputError, MissingPackageError
from ..presenter.process import run_command
from ..presenter.running import Run
from .process_dialog import ProcessDialog

if TYPE_CHECKING:
    from .desk import Desk

_POLL_MS = 200
_TRAINING = ("train", "cross-validate")


class ProcessSection:
    """Parameters
    ----------
    panel : Desk
    parser_of : callable
        The parser of a command by its name.
    """

    def __init__(self, panel: Desk, parser_of: Callable[[str], argparse.ArgumentParser]) -> None:
        self._panel = panel
        self._parser_of = parser_of
        self._ui = ui = panel.ui
        self._run: Run | None = None
        self._written: tuple[str, Path] | None = None
        self._timer = panel.slots.timer(_POLL_MS, self._poll)
        panel.slots.connect(ui.evaluateProcessButton, "clicked()", lambda: self._ask("evaluate"))
        panel.slots.connect(ui.trainProcessButton, "clicked()", lambda: self._ask("train"))
        panel.slots.connect(ui.crossValidateProcessButton, "clicked()", lambda: self._ask("cross-validate"))
        panel.slots.connect(ui.stopProcessButton, "clicked()", self.stop)
        self.draw()

    def close(self) -> None:
        """The panel goes away; nobody would see the process any more."""
        self._timer.stop()
        self.stop()

    def stop(self) -> None:
        if self._run is not None:
            self._run.stop()

    def draw(self) -> None:
        ui, run = self._ui, self._run
        for button in (ui.evaluateProcessButton, ui.trainProcessButton, ui.crossValidateProcessButton):
            button.enabled = run is None
        ui.stopProcessButton.enabled = run is not None
        ui.processProgressBar.visible = run is not None
        if run is not None and run.step is not None:
            step = run.step
            ui.processProgressBar.setRange(0, step.total)
            ui.processProgressBar.setValue(step.done)
            ui.processProgressBar.setFormat(", ".join(filter(None, (f"{step.what} %v / %m", step.time_left))))

    def _ask(self, name: str) -> None:
        data = self._panel.cohort.path
        if data is None:
            raise InputError(_("List the cases of a cohort first: choose its manifest or its folder."))
        parser = self._parser_of(name)
        title = f"{name}: {self._panel.cohort.name}"
        dialog = ProcessDialog(self._ui.processLog, title, parser, self._proposed(name), self._panel.slots)
        if dialog.ask() and dialog.out is not None:
            self._panel.install_packages()
            self._start(name, data, dialog.out, dialog.arguments)

    def _proposed(self, name: str) -> dict[str, str]:
        """What the panel has chosen already."""
        session, parameters = self._panel.session, self._panel.parameters
        proposed = {}
        if parameters.assumedWidthMm > 0:
            proposed["--assume-width"] = repr(parameters.assumedWidthMm)
        if name not in _TRAINING:
            proposed["--ring-mm"] = repr(session.settings.ring_mm)
            proposed["--grey-zone"] = repr(session.settings.grey_zone)
            proposed["--operating-point"] = session.settings.operating_point
            proposed["--model"] = "" if session.model is None else str(session.model.folder)
        return proposed

    def _python(self) -> str:
        """Slicer's Python as a program; Slicer puts it into its own search path."""
        python = shutil.which("PythonSlicer")
        if python is None:
            raise MissingPackageError(_("Slicer's Python (PythonSlicer) was not found beside Slicer."))
        return python

    def _start(self, name: str, data: Path, out: Path, arguments: list[str]) -> None:
        self._ui.processLog.clear()
        self._run = Run(run_command(self._python(), name, data, out, arguments))
        self._written = name, out
        self._ui.processProgressBar.setRange(0, 0)
        self._ui.processProgressBar.setFormat(_("starting"))
        self._timer.start()
        self.draw()

    def _poll(self) -> None:
        run = self._run
        if run is None:
            return
        for line in run.poll():
            self._ui.processLog.appendPlainText(line)
        if run.code is not None:
            self._run = None
            self._timer.stop()
            self._ended(run)
        self.draw()

    def _ended(self, run: Run) -> None:
        assert self._written is not None
        name, out = self._written
        self._ui.processLog.appendPlainText(run.outcome)
        if run.code == 0 and name in _TRAINING:
            self._panel.explaining.offer(out)
        self._panel.tell(_("Written: {name}").format(name=out.name) if run.code == 0 else run.outcome)
