"""Loop: all frames of the cine loop that the chosen frame belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from ..presenter.loop import Loop

if TYPE_CHECKING:
    from .desk import Desk


class LoopSection:
    def __init__(self, panel: Desk) -> None:
        self._panel = panel
        self._ui = ui = panel.ui
        self._loop = Loop(panel.session)
        panel.slots.connect(ui.explainLoopButton, "clicked()", self._explain)

    def close(self) -> None:
        self._loop.close()

    def draw(self) -> None:
        ui, loop = self._ui, self._loop
        loop.follow()
        count, words = loop.count, loop.words
        ui.explainLoopButton.visible = count > 0
        ui.explainLoopButton.enabled = loop.can_explain and not self._panel.worker.busy
        ui.explainLoopButton.text = _("Explain all {count} frames").format(count=count)
        ui.loopText.visible = bool(words)
        ui.loopText.text = words

    def _explain(self) -> None:
        panel = self._panel
        if panel.worker.busy:
            return
        panel.install_packages()
        panel.tell("")
        self._loop.start(panel.worker, self._explained, self._failed)
        panel.work()

    def _explained(self, words: str) -> None:
        panel = self._panel
        panel.adopt_inputs()  # masses that were carried to other frames are in a segmentation of their own
        panel.tell(words)
        panel.arrange_loop(self._loop.chart)

    def _failed(self, sentence: str, details: str) -> None:
        self._panel.tell(sentence or _("Cancelled: the loop is not explained."), details)
