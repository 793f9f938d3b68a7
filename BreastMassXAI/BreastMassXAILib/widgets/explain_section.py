"""Explain: which model, on what device, and how far it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from ..presenter.models import Model, model_at, models_in
from ..presenter.words import method_help
from .preferences import model_folders, recall, remember, remember_model_folders

if TYPE_CHECKING:
    from .desk import Desk


class ExplainSection:
    def __init__(self, panel: Desk) -> None:
        self._panel = panel
        self._ui = ui = panel.ui
        self._models: list[Model] = []
        panel.slots.connect(ui.explainButton, "clicked()", panel.explain)
        panel.slots.connect(ui.cancelButton, "clicked()", panel.cancel)
        panel.slots.connect(ui.addModelFolderButton, "clicked()", self._add_folder)
        panel.slots.connect(ui.removeModelFolderButton, "clicked()", self._remove_folder)
        panel.slots.connect(ui.detailsButton, "clicked()", panel.show_details)
        panel.slots.connect(ui.modelComboBox, "currentIndexChanged(int)", self._chosen)

    @property
    def model(self) -> Model | None:
        """The chosen model; None where this installation holds none."""
        index = self._ui.modelComboBox.currentIndex
        return self._models[index] if 0 <= index < len(self._models) else None

    def choose(self, name: str) -> None:
        """Choose a model by its name; the shipped one where there is none of that name here."""
        names = [model.name for model in self._models]
        self._ui.modelComboBox.setCurrentIndex(names.index(name) if name in names else 0)

    def draw(self) -> None:
        ui, session, worker = self._ui, self._panel.session, self._panel.worker
        activity, busy = worker.activity, worker.busy
        ui.explainButton.enabled = session.can_explain and not busy
        ui.cancelButton.visible = busy
        ui.progressBar.visible = busy
        if busy:
            done, total, what = (activity.done, activity.total, activity.what) if activity else (0, 0, "")
            ui.progressBar.setRange(0, total)
            ui.progressBar.setValue(done)
            ui.progressBar.setFormat(f"{what} %v / %m" if total else what)
        ui.statusText.text = self._panel.message
        ui.statusText.visible = bool(self._panel.message)
        ui.methodComboBox.toolTip = method_help(session.settings.method)
        ui.detailsButton.visible = bool(self._panel.details)

    def list_models(self) -> None:
        """Offer the shipped models and those in the user's folders."""
        combo = self._ui.modelComboBox
        complaints: list[str] = []
        with self._panel.slots.reported():  # an installation without models still shows its panel
            self._models, complaints = models_in(model_folders())
        blocked = combo.blockSignals(True)
        combo.clear()
        combo.addItems([model.name for model in self._models])
        combo.blockSignals(blocked)
        if complaints:
            self._panel.tell(" ".join(complaints))

    def _chosen(self, _index: int) -> None:
        self._ui.removeModelFolderButton.enabled = self._folder_of_user() is not None
        self._panel.choose_model(self.model)

    def _folder_of_user(self) -> Path | None:
        if self.model is None:
            return None
        folder = self.model.folder
        return next((known for known in model_folders() if known in (folder, folder.parent)), None)

    def _add_folder(self) -> None:
        text = qt.QFileDialog.getExistingDirectory(
            self._ui.addModelFolderButton, _("Folder that is a model or holds models"), recall("modelFolder", "")
        )
        if not text:
            return
        remember("modelFolder", text)
        self.offer(Path(text), choose=True)

    def offer(self, folder: Path, choose: bool = False) -> None:
        """List a folder's models among those that can be chosen, from now on.

        Raises
        ------
        BundleError
            When it holds none.
        """
        known = model_folders()
        found = [model for model in models_in([folder])[0] if folder in (model.folder, model.folder.parent)]
        added = found[0] if found else model_at(folder)  # which says what is wrong with the folder
        if folder not in known:
            remember_model_folders([*known, folder])
        chosen = self.model
        self.list_models()
        if choose or chosen is not None:
            self.choose(added.name if choose or chosen is None else chosen.name)

    def _remove_folder(self) -> None:
        gone = self._folder_of_user()
        remember_model_folders(folder for folder in model_folders() if folder != gone)
        self.list_models()
        self._chosen(0)
