"""Image: which frame, what it is, how large its pixels are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from ..presenter.adding import draw_line, own_volumes
from ..scene.calibration import calibrate_volume, undo_calibration
from .drawing import BADGE_COLORS

if TYPE_CHECKING:
    from .desk import Desk


class ImageSection:
    def __init__(self, panel: Desk) -> None:
        self._panel = panel
        self._ui = ui = panel.ui
        self._line = None
        panel.slots.connect(ui.calibrateButton, "toggled(bool)", ui.calibrationFrame.setVisible)
        panel.slots.connect(ui.drawLineButton, "clicked()", self._draw_line)
        panel.slots.connect(ui.applyCalibrationButton, "clicked()", self._calibrate)
        panel.slots.connect(ui.undoCalibrationButton, "clicked()", self._undo)

    def draw(self) -> None:
        ui, facts = self._ui, self._panel.session.facts
        ui.spacingFrame.visible = facts is not None
        ui.spacingText.text = facts.spacing if facts else ""
        ui.spacingBadge.text = "●" if facts else ""
        if facts:
            red, green, blue = (round(255 * part) for part in BADGE_COLORS[facts.badge])
            ui.spacingBadge.styleSheet = f"color: rgb({red}, {green}, {blue})"
        ui.calibrationFrame.enabled = facts is not None
        ui.frameSelector.sortFilterProxyModel().hiddenNodeIDs = own_volumes(self._panel.scene)

    def forget_line(self) -> None:
        """The scene was closed, and the line with it."""
        self._line = None

    def _draw_line(self) -> None:
        frame = self._panel.parameters.frame
        if self._line is not None and self._panel.scene.IsNodePresent(self._line):
            self._panel.scene.RemoveNode(self._line)
        self._line = draw_line(self._panel.scene, frame)

    def _calibrate(self) -> None:
        frame = self._panel.parameters.frame
        if self._line is None or not self._panel.scene.IsNodePresent(self._line):
            self._panel.tell(_("Press Draw line and click the two ends of a known length on the frame's depth scale."))
            return
        calibrate_volume(frame, [(self._line, self._ui.lineLengthSpinBox.value)])
        self._panel.tell("")

    def _undo(self) -> None:
        done = undo_calibration(self._panel.parameters.frame)
        self._panel.tell("" if done else _("This frame was not calibrated here."))
