"""Mass: which segment marks it, and the Segment Editor to draw it with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import qt
import vtk
from slicer.i18n import tr as _

from ..core.errors import SegmentChoiceError
from ..presenter.adding import MASS_SEGMENT, Imported, first_segment, import_mass, new_mass
from .narrow_editor import leave_out_options_of_volumes, stack
from .preferences import recall, remember
from .window import layout_manager, main_window

if TYPE_CHECKING:
    from .desk import Desk

EFFECTS = ["Paint", "Draw", "Erase", "Scissors", "Level tracing", "Threshold", "Islands", "Smoothing"]
_EDITOR_TAG = "BreastMassXAI"
"""An editor's state of our own: the one of the Segment Editor module is its user's."""


class MassSection:
    def __init__(self, panel: Desk) -> None:
        self._panel = panel
        self._ui = ui = panel.ui
        self._editor = ui.segmentEditor
        self._editor_node = None
        self._observation: int | None = None
        self._following = False
        panel.slots.connect(ui.massSelector, "currentNodeChanged(vtkMRMLNode*)", self._chosen)
        panel.slots.connect(ui.massSelector, "currentSegmentChanged(QString)", self._chosen)
        panel.slots.connect(ui.newMassButton, "clicked()", self._new)
        panel.slots.connect(ui.importMaskButton, "clicked()", self._import)
        # The node first: without one the editor complains of what follows, which therefore is not in the .ui file.
        # Before the scene too, so that the choices that the scene brings are kept in it.
        self._select_editor_node()
        self._editor.setMaskingSectionVisible(False)
        self._editor.setEffectNameOrder(EFFECTS)
        self._editor.unorderedEffectsVisible = False
        stack(self._editor, tools=1 + len(EFFECTS))
        self._editor.setMRMLScene(panel.scene)

    def close(self) -> None:
        """Take the editor apart; an editor that is not crashes Slicer at its end."""
        self.leave()
        self._observe_editor_node(None)
        self._editor.setSegmentationNode(None)
        self._editor.setMRMLSegmentEditorNode(None)
        self._editor.setMRMLScene(None)

    def enter(self) -> None:
        self._select_editor_node()
        if main_window() is not None:
            self._editor.installKeyboardShortcuts()
        self._editor.updateWidgetFromMRML()
        leave_out_options_of_volumes(self._editor)
        self.follow()

    def leave(self) -> None:
        self._editor.setActiveEffect(None)
        self._editor.uninstallKeyboardShortcuts()
        self._editor.removeViewObservations()

    def scene_closes(self) -> None:
        self._observe_editor_node(None)
        self._editor.setSegmentationNode(None)
        self._editor.removeViewObservations()

    def follow(self) -> None:
        """Show in selector and editor what the parameters say."""
        parameters = self._panel.parameters
        if parameters is None:
            return
        self._following = True
        try:
            self._ui.massSelector.setCurrentNode(parameters.segmentation)
            self._ui.massSelector.setCurrentSegmentID(parameters.massSegmentID)
            if parameters.segmentation is not self._editor.segmentationNode():
                self._editor.setSegmentationNode(parameters.segmentation)
            if parameters.segmentation is None or parameters.frame is None:
                return
            if parameters.frame is not self._editor.sourceVolumeNode():
                self._editor.setSourceVolumeNode(parameters.frame)
            if parameters.massSegmentID:
                self._editor.setCurrentSegmentID(parameters.massSegmentID)
        finally:
            self._following = False

    def forget_edits(self) -> None:
        """Another case is in the same segmentation now: undo must not bring back the one before."""
        self._editor.setSegmentationNode(None)
        self.follow()

    def draw(self) -> None:
        parameters = self._panel.parameters
        ready = parameters is not None and parameters.frame is not None
        self._ui.newMassButton.enabled = ready
        self._ui.importMaskButton.enabled = ready
        self._editor.enabled = ready and parameters.segmentation is not None

    def _select_editor_node(self) -> None:
        scene = self._panel.scene
        node = scene.GetSingletonNode(_EDITOR_TAG, "vtkMRMLSegmentEditorNode")
        if node is None:
            node = scene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
            node.UnRegister(None)  # Python holds it now
            node.SetSingletonTag(_EDITOR_TAG)
            node = scene.AddNode(node)
        if node is not self._editor_node:
            self._editor.setMRMLSegmentEditorNode(node)
            self._observe_editor_node(node)

    def _observe_editor_node(self, node) -> None:
        if self._editor_node is not None and self._observation is not None:
            self._editor_node.RemoveObserver(self._observation)
        self._editor_node, self._observation = node, None
        if node is not None:
            event = vtk.vtkCommand.ModifiedEvent
            self._observation = self._panel.slots.observe(node, event, self._effect_changed)

    def _effect_changed(self, _caller, _event) -> None:
        """The editor takes the label layer out of every view when an effect starts; after that, ours is shown again."""
        self._panel.slots.later(self._panel.show_looks)

    def _chosen(self, *_arguments) -> None:
        if self._following or self._panel.parameters is None:
            return
        node = self._ui.massSelector.currentNode()
        segment = self._ui.massSelector.currentSegmentID() if node is not None else ""
        if node is not None and node.GetSegmentation().GetSegment(segment) is None:
            segment = first_segment(node)  # the selector keeps the name from the segmentation before
        self._panel.choose(segmentation=node, segment=segment)

    def _new(self) -> None:
        node = new_mass(self._panel.scene, self._panel.parameters.frame)
        self._panel.choose(segmentation=node, segment=MASS_SEGMENT)
        if layout_manager() is not None:  # without views Slicer's effects crash it
            self._editor.setActiveEffectByName("Paint")

    def _import(self) -> None:
        path = qt.QFileDialog.getOpenFileName(
            self._ui.importMaskButton, _("Mask of the chosen frame"), recall("maskFolder", "")
        )
        if not path:
            return
        remember("maskFolder", str(Path(path).parent))
        imported = self._imported(Path(path))
        if imported is not None:
            self._panel.choose(segmentation=imported.node, segment=MASS_SEGMENT)
            self._panel.tell(" ".join(imported.notes))

    def _imported(self, path: Path, segments: tuple[str, ...] = ()) -> Imported | None:
        """The mask in a file; where it holds several segments, a person chooses. None if she does not."""
        try:
            return import_mass(self._panel.scene, path, self._panel.parameters.frame, segments)
        except SegmentChoiceError as error:
            if segments:
                raise
            # The empty first entry is what Qt hands back after Cancel, too.
            title = _("Which of them is the mass?")
            chosen = qt.QInputDialog.getItem(
                self._ui.importMaskButton, title, str(error), ["", *error.choices], 0, False
            )
            return self._imported(path, (chosen,)) if chosen else None
