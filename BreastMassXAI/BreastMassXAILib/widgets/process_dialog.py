"""What a command is to do, asked in a dialog: its folder, and every option that the command has."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from ..core.errors import BreastMassXAIError, InputError
from ..presenter.command_options import Kind, Option, arguments_of, is_occupied, options_of
from .preferences import recall, remember
from .slots import Slots

_SIZE = (560, 560)
"""Of the dialog, in pixels: a long list of options scrolls in it."""


class ProcessDialog:
    """Parameters
    ----------
    parent : qt.QWidget
    title : str
    parser : argparse.ArgumentParser
        Of the command.
    chosen : mapping of flag to text
        What the panel proposes.
    slots : Slots
    """

    def __init__(
        self, parent: Any, title: str, parser: argparse.ArgumentParser, chosen: Mapping[str, str], slots: Slots
    ) -> None:
        self._parser = parser
        self._fields: dict[str, tuple[Option, Any]] = {}
        self.out: Path | None = None
        self.arguments: list[str] = []
        self._dialog = dialog = qt.QDialog(parent)
        dialog.setWindowTitle(title)
        outer = qt.QVBoxLayout(dialog)
        folder = qt.QHBoxLayout()
        self._folder = qt.QLineEdit()
        self._folder.toolTip = _("Empty or new folder for what it writes.")
        browse = qt.QPushButton(_("Folder…"))
        slots.connect(browse, "clicked()", self._browse)
        folder.addWidget(qt.QLabel(_("Write to:")))
        folder.addWidget(self._folder)
        folder.addWidget(browse)
        outer.addLayout(folder)
        contents = qt.QWidget()
        form = qt.QFormLayout(contents)
        for option in options_of(parser):
            field = self._field(option, chosen.get(option.flag, option.default))
            field.toolTip = option.help
            self._fields[option.flag] = option, field
            form.addRow(option.title, field)
        area = qt.QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(contents)
        outer.addWidget(area)
        self._complaint = qt.QLabel("")
        self._complaint.wordWrap = True
        outer.addWidget(self._complaint)
        buttons = qt.QDialogButtonBox()
        buttons.setStandardButtons(qt.QDialogButtonBox.Ok | qt.QDialogButtonBox.Cancel)
        slots.connect(buttons, "accepted()", self._accept)
        slots.connect(buttons, "rejected()", dialog.reject)
        outer.addWidget(buttons)
        dialog.resize(*_SIZE)

    def ask(self) -> bool:
        """Show it; whether the user agreed. Then :attr:`out` and :attr:`arguments` say to what."""
        self._dialog.exec_()
        self._dialog.deleteLater()
        return self.out is not None

    def _field(self, option: Option, value: str) -> Any:
        if option.kind is Kind.SWITCH:
            return qt.QCheckBox()
        if option.kind is Kind.CHOICE:
            field = qt.QComboBox()
            field.addItems([*([] if option.default else [""]), *option.choices])
            field.setCurrentIndex(max(field.findText(value), 0))
            return field
        field = qt.QLineEdit(value)
        field.placeholderText = option.wants
        return field

    def _browse(self) -> None:
        text = qt.QFileDialog.getExistingDirectory(
            self._dialog, _("Empty or new folder for what it writes"), recall("processFolder", "")
        )
        if text:
            self._folder.text = text

    def _values(self) -> dict[str, str | bool]:
        values: dict[str, str | bool] = {}
        for flag, (option, field) in self._fields.items():
            if option.kind is Kind.SWITCH:
                values[flag] = field.checked
            else:
                values[flag] = field.currentText if option.kind is Kind.CHOICE else field.text
        return values

    def _accept(self) -> None:
        """Start only with what the command will not refuse; what is wrong stands below the options."""
        try:
            out = self._chosen_folder()
            self.arguments = arguments_of(self._parser, self._values())
        except BreastMassXAIError as error:
            self._complaint.text = str(error)
            return
        remember("processFolder", str(out.parent))
        self.out = out
        self._dialog.accept()

    def _chosen_folder(self) -> Path:
        text = self._folder.text.strip()
        if not text:
            raise InputError(_("Choose the folder to write to."))
        out = Path(text)
        if is_occupied(out) and "--resume" not in self._given():
            raise InputError(_("The folder {name} holds files: choose an empty or a new one.").format(name=out.name))
        return out

    def _given(self) -> list[str]:
        return [flag for flag, value in self._values().items() if value is True]
