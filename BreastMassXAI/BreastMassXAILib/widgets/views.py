"""Slicer's views: the frame and its explanation side by side, the right way up, with square millimetres."""

from __future__ import annotations

from typing import Any

from ..presenter.layout import (
    COHORT_LAYOUT_ID,
    LAYOUT_ID,
    LOOP_LAYOUT_ID,
    LOOP_PLOT_VIEW,
    PLOT_VIEW,
    TABLE_VIEWS,
    cohort_layout,
    loop_layout,
    side_by_side_layout,
)
from ..presenter.showing import Showing, Wanted
from ..scene.cohort import CohortNodes
from .slots import Slots
from .window import set_layout, slice_widget, table_views

_DRAWN_MS = 50
"""After a change of the layout the views get their size with the window's next drawing; before, nothing fits them."""


class Views:
    """Where there is no layout manager (Slicer without a main window) the explanation is shown in the nodes only.

    Parameters
    ----------
    scene : vtkMRMLScene
    slots : Slots
    """

    def __init__(self, scene, slots: Slots) -> None:
        self._scene = scene
        self._later = slots.timer(_DRAWN_MS, self._update, single=True)
        self._showing = Showing(scene, self._later.start, _renderer_of, _draw)

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
        self._later.stop()
        self._showing.forget()

    def show(self, wanted: Wanted) -> None:
        """Show a frame with its explanation and mass, and nothing else of ours."""
        self._showing.show(wanted)

    def arrange(self) -> None:
        """Change to the layout of two views."""
        if set_layout(LAYOUT_ID, side_by_side_layout()):
            self._later.start()

    def show_loop(self, chart) -> None:
        """Frame and explanation side by side with the plot of the loop that the frame belongs to."""
        if chart is None or not set_layout(LOOP_LAYOUT_ID, loop_layout()):
            return
        self._later.start()
        plot = self._scene.GetSingletonNode(LOOP_PLOT_VIEW, "vtkMRMLPlotViewNode")
        if plot is not None:
            plot.SetPlotChartNodeID(chart.GetID())

    def show_tables(self, nodes: CohortNodes) -> None:
        """Show a cohort's ROC curve and tables in a layout of their own."""
        if not set_layout(COHORT_LAYOUT_ID, cohort_layout()):
            return
        for tag, table in zip(TABLE_VIEWS, (nodes.table_1, nodes.table_2), strict=True):
            self._scene.GetSingletonNode(tag, "vtkMRMLTableViewNode").SetTableNodeID(table.GetID())
        for view in table_views():
            view.verticalHeader().setVisible(False)
            view.resizeColumnsToContents()  # Slicer does it for a new node only
        if nodes.chart is not None:
            self._scene.GetSingletonNode(PLOT_VIEW, "vtkMRMLPlotViewNode").SetPlotChartNodeID(nodes.chart.GetID())

    def _update(self) -> None:
        self._showing.update()


def _renderer_of(name: str) -> Any | None:
    widget = slice_widget(name)
    return None if widget is None else widget.sliceView().renderWindow().GetRenderers().GetFirstRenderer()


def _draw(name: str) -> None:
    widget = slice_widget(name)
    if widget is not None:
        widget.sliceView().scheduleRender()
