"""What a Slicer without a main window does not have. Everything here asks first; nothing else in this room may ask."""

from __future__ import annotations

from typing import Any

import slicer


def layout_manager() -> Any | None:
    """Slicer's layout manager; None without a main window (``--no-main-window``) and while Slicer ends."""
    return slicer.app.layoutManager()


def main_window() -> Any | None:
    """Slicer's main window; None where there is none."""
    return slicer.util.mainWindow()


def slice_widget(name: str) -> Any | None:
    """A slice view by its layout name; None where the present layout does not hold it."""
    manager = layout_manager()
    return None if manager is None else manager.sliceWidget(name)


def table_views() -> list[Any]:
    """The views of tables that the present layout holds."""
    manager = layout_manager()
    if manager is None:
        return []
    return [manager.tableWidget(index).tableView() for index in range(manager.tableViewCount)]


def set_layout(layout_id: int, description: str) -> bool:
    """Change the window's layout; False without a main window."""
    manager = layout_manager()
    if manager is None:
        return False
    node = manager.layoutLogic().GetLayoutNode()
    if not node.IsLayoutDescription(layout_id):
        node.AddLayoutDescription(layout_id, description)
    manager.setLayout(layout_id)
    return True
