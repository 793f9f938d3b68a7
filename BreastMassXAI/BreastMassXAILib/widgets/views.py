"""Slicer's views: the frame and its explanation side by side, the right way up, with square millimetres."""

from __future__ import annotations

import qt
import slicer

from ..presenter.layout import (
    COHORT_LAYOUT_ID,
    LAYOUT_ID,
    PLOT_VIEW,
    TABLE_VIEWS,
    cohort_layout,
    side_by_side_layout,
)
from ..presenter.showing import Showing, Wanted
from ..scene.cohort import CohortNodes

_DRAWN_MS = 50
"""After a change of the layout the views get their size with the window's next drawing; before, nothing fits them."""


def _set_layout(layout_id: int, description: str) -> bool:
    """Change the window's layout; False without a main window."""
    manager = slicer.app.layoutManager()
    if manager is None:
        return False
    node = manager.layoutLogic().GetLayoutNode()
    if not node.IsLayoutDescription(layout_id):
        node.AddLayoutDescription(layout_id, description)
    manager.setLayout(layout_id)
    return True


class Views:
    """Where there is no layout manager (Slicer without a main window) the explanation is shown in the nodes only.

    Parameters
    ----------
    scene : vtkMRMLScene
    """

    def __init__(self, scene) -> None:
        self._scene = scene
        self._later = qt.QTimer()
        self._later.setSingleShot(True)
        self._later.setInterval(_DRAWN_MS)
        self._showing = Showing(scene, self._later.start, _renderer_of, _draw)
        self._later.connect("timeout()", self._showing.update)

    def close(self) -> None:
        self._later.stop()
        self._showing.close()

    def enter(self) -> None:
        """The panel is opened: the frame's and the overlay's view are the module's now."""
        self._showing.claims = True

    def leave(self) -> None:
        """Another module is opened: what it shows in these views is left alone."""
        self._showing.claims = False

    def forget(self) -> None:
        """The scene is closed."""
        self._showing.forget()

    def show(self, wanted: Wanted) -> None:
        """Show a frame with its explanation and mass, and nothing else of ours."""
        self._showing.show(wanted)

    def arrange(self) -> None:
        """Change to the layout of two views."""
        if _set_layout(LAYOUT_ID, side_by_side_layout()):
            self._later.start()

    def show_tables(self, nodes: CohortNodes) -> None:
        """Show a cohort's ROC curve and tables in a layout of their own."""
        if not _set_layout(COHORT_LAYOUT_ID, cohort_layout()):
            return
        for tag, table in zip(TABLE_VIEWS, (nodes.table_1, nodes.table_2), strict=True):
            self._scene.GetSingletonNode(tag, "vtkMRMLTableViewNode").SetTableNodeID(table.GetID())
        if nodes.chart is not None:
            self._scene.GetSingletonNode(PLOT_VIEW, "vtkMRMLPlotViewNode").SetPlotChartNodeID(nodes.chart.GetID())


def _slice_view(name: str):
    """A slice view's widget, or None."""
    manager = slicer.app.layoutManager()
    widget = None if manager is None else manager.sliceWidget(name)
    return None if widget is None else widget.sliceView()


def _renderer_of(name: str):
    view = _slice_view(name)
    return None if view is None else view.renderWindow().GetRenderers().GetFirstRenderer()


def _draw(name: str) -> None:
    view = _slice_view(name)
    if view is not None:
        view.scheduleRender()
