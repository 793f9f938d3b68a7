"""The mass in numbers, and in words of the BI-RADS lexicon, which a reader may change."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from ..presenter.words import word_at
from .small_table import set_up_table

if TYPE_CHECKING:
    from .desk import Desk


class DescriptorsSection:
    def __init__(self, panel: Desk) -> None:
        self._panel = panel
        self._ui = ui = panel.ui
        self._drawing = False
        self._shown: tuple[object, ...] = ()
        self._combos = {
            "shape": ui.shapeComboBox,
            "orientation": ui.orientationComboBox,
            "margin": ui.marginComboBox,
            "echo_pattern": ui.echoPatternComboBox,
            "posterior_features": ui.posteriorFeaturesComboBox,
        }
        for feature, combo in self._combos.items():
            panel.slots.connect(combo, "currentIndexChanged(int)", self._chooser(feature))
        table = ui.descriptorsTable
        titles = [_("Descriptor"), _("Value")]
        set_up_table(table, titles)

    def draw(self) -> None:
        ui, session = self._ui, self._panel.session
        words, numbers = session.words, session.numbers
        ui.descriptorsCollapsibleButton.visible = bool(numbers)
        shown = (*words, *numbers)
        if shown == self._shown:
            return
        self._shown = shown
        self._drawing = True
        try:
            for row in words:
                combo = self._combos[row.feature]
                combo.clear()
                combo.addItems(list(row.choices))
                combo.setCurrentIndex(row.chosen)
                combo.toolTip = row.because
        finally:
            self._drawing = False
        ui.descriptorsTable.setRowCount(len(numbers))
        for index, number in enumerate(numbers):
            for column, text in enumerate((number.name, number.value)):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(number.explanation)
                if column:
                    item.setTextAlignment(int(qt.Qt.AlignRight | qt.Qt.AlignVCenter))
                ui.descriptorsTable.setItem(index, column, item)

    def _chooser(self, feature: str) -> Callable[[int], None]:
        def chosen(index: int) -> None:
            if not self._drawing and index >= 0:
                self._panel.session.say(feature, word_at(feature, index))

        return chosen
