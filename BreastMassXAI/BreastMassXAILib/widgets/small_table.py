"""Small tables of the panel: all columns as wide as their words, the first one takes the rest."""

from __future__ import annotations

from collections.abc import Sequence

import qt

ROW_HEIGHT = 20


def set_up_table(table, titles: Sequence[str]) -> None:
    """Give a QTableWidget its columns and low rows."""
    table.setColumnCount(len(titles))
    table.setHorizontalHeaderLabels(titles)
    table.verticalHeader().setVisible(False)
    table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
    header = table.horizontalHeader()
    header.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
    header.setSectionResizeMode(0, qt.QHeaderView.Stretch)
