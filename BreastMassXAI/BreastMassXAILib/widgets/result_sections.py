"""Decision, and where the network looked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from ..presenter.status import State
from ..presenter.words import notes_of
from .drawing import Shape, bar_shapes, gauge_shapes
from .picture import Picture
from .small_table import set_up_table

if TYPE_CHECKING:
    from .desk import Desk

_CHART, _BAR = 150, 20
"""Height of the chart in pixels, and of a bar in it where a model has more contributions than regions."""
"""Height of a row, in pixels, so that the whole table is seen without scrolling."""


class DecisionSection:
    """The gauge, the decision in words, and a banner over both where they belong to earlier inputs."""

    def __init__(self, panel: Desk) -> None:
        self._panel = panel
        self._ui = ui = panel.ui
        self._gauge = Picture(ui.gaugePicture, self._shapes, panel.slots)
        ui.staleBanner.setBackgroundRole(qt.QPalette.ToolTipBase)
        ui.staleBanner.setForegroundRole(qt.QPalette.ToolTipText)

    def close(self) -> None:
        self._gauge.close()

    def draw(self) -> None:
        ui, session = self._ui, self._panel.session
        status = session.status
        stale = session.result is not None and status.state is not State.CURRENT
        ui.staleBanner.visible = stale
        if stale:
            ui.staleBanner.text = _("Earlier result. {reason}").format(reason=status.sentence)
        ui.decisionFrame.visible = session.result is not None
        ui.decisionFrame.toolTip = status.sentence
        ui.decisionText.text = session.decision
        ui.gaugePicture.enabled = not stale
        ui.decisionText.enabled = not stale
        self._gauge.paint()

    def _shapes(self, width: int, height: int, line: int) -> Sequence[Shape]:
        gauge = self._panel.session.gauge
        return [] if gauge is None else gauge_shapes(gauge, width, height, line)


class PointingSection:
    """The pointing-game table, the chart of contributions and the result's notes."""

    def __init__(self, panel: Desk) -> None:
        self._panel = panel
        self._ui = ui = panel.ui
        self._chart = Picture(ui.contributionsPicture, self._shapes, panel.slots)
        table = ui.pointingTable
        titles = [_("Region"), _("Hit by"), _("Area"), _("Chance"), _("Logits")]
        set_up_table(table, titles)

    def close(self) -> None:
        self._chart.close()

    def draw(self) -> None:
        ui, session = self._ui, self._panel.session
        current = session.status.state is State.CURRENT
        rows = session.table
        ui.pointingTable.setRowCount(len(rows))
        for index, row in enumerate(rows):
            for column, text in enumerate(row.cells):
                item = qt.QTableWidgetItem(text)
                if column > 1:
                    item.setTextAlignment(int(qt.Qt.AlignRight | qt.Qt.AlignVCenter))
                ui.pointingTable.setItem(index, column, item)
        ui.pointingCollapsibleButton.visible = bool(rows)
        for widget in (ui.pointingTable, ui.contributionsPicture, ui.notesText):
            widget.enabled = current
        check = session.settings.check is not None
        notes = notes_of(session.result, check) if session.result else ()
        ui.notesText.text = "\n".join(f"• {note}" for note in notes)
        ui.contributionsPicture.setFixedHeight(max(_CHART, _BAR * len(session.bars)))
        self._chart.paint()

    def _shapes(self, width: int, height: int, line: int) -> Sequence[Shape]:
        return bar_shapes(self._panel.session.bars, width, height, line)
