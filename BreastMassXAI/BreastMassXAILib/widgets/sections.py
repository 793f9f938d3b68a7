"""The sections that fold to a line: which of them are open, and what their lines say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from ..presenter.sections import Folding, Section, Step, image_line, mass_line, model_line, only_frame, step_of

if TYPE_CHECKING:
    from .desk import Desk

_ARROW = 40
"""Pixels of a section's head that its text does not have."""


class Sections:
    """Image, mass and model, and the page that an empty scene shows instead of everything."""

    def __init__(self, panel: Desk) -> None:
        self._panel = panel
        self._ui = ui = panel.ui
        self._folding = Folding()
        self._cohort_wanted = False
        self._observations = [
            (panel.scene, panel.slots.observe(panel.scene, event, self._scene_changed))
            for event in (panel.scene.NodeAddedEvent, panel.scene.NodeRemovedEvent)
        ]
        self._heads = {
            Section.IMAGE: ui.imageCollapsibleButton,
            Section.MASS: ui.massCollapsibleButton,
            Section.MODEL: ui.modelCollapsibleButton,
        }
        ui.startText.text = _(
            "To look at a frame of yours, <a href='data'>add its file</a> (for PNG and JPEG with <i>Show Options &gt; "
            "Single File</i>) or load it with the <a href='dicom'>DICOM module</a>. For many of them list a "
            "<a href='cohort'>cohort</a>."
        )
        panel.slots.connect(ui.startText, "linkActivated(QString)", self._follow_link)

    def close(self) -> None:
        for scene, tag in self._observations:
            scene.RemoveObserver(tag)
        self._observations.clear()

    def draw(self) -> None:
        panel, ui = self._panel, self._ui
        session = panel.session
        step = step_of(session)
        empty = step is Step.START and not self._cohort_wanted and panel.cohort.path is None
        ui.startFrame.visible = empty
        ui.workFrame.visible = not empty
        frame, segmentation, segment = session.inputs
        for section, text in (
            (Section.IMAGE, image_line(frame, session.facts)),
            (Section.MASS, mass_line(segmentation, segment)),
            (Section.MODEL, model_line(session.model, session.settings)),
        ):
            self._write(self._heads[section], text)
        for section, is_open in self._folding.follow(step, ui.segmentEditor.activeEffect() is not None).items():
            self._heads[section].collapsed = not is_open

    def _write(self, head, text: str) -> None:
        room = max(head.width - _ARROW, 0)
        head.text = qt.QFontMetrics(head.font).elidedText(text, qt.Qt.ElideMiddle, room)

    def _scene_changed(self, _caller, _event) -> None:
        if self._panel.parameters is not None and self._panel.session.inputs[0] is None:
            self._panel.slots.later(self._look_at_scene)

    def _look_at_scene(self) -> None:
        """A frame came into a scene without one, or the last one went."""
        parameters = self._panel.parameters
        if parameters is None or parameters.frame is not None:
            return
        frame = only_frame(self._panel.scene)
        if frame is not None and self._ui.startFrame.isHidden() is False:
            parameters.frame = frame
        self.draw()

    def _follow_link(self, name: str) -> None:
        self._panel.open_page(name)
        if name == "cohort":
            self._cohort_wanted = True
            self._ui.cohortCollapsibleButton.collapsed = False
            self.draw()
