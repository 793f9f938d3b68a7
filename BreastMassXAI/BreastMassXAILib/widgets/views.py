"""Slicer's views: the frame and its explanation side by side, the right way up, with square millimetres."""

from __future__ import annotations

from ..presenter import overlay
from ..presenter.layout import (
    COHORT_LAYOUT_ID,
    FRAME_VIEW,
    LAYOUT_ID,
    OVERLAY_VIEW,
    PLOT_VIEW,
    TABLE_VIEWS,
    cohort_layout,
    side_by_side_layout,
)
from ..presenter.overlay import Looks
from ..scene.cohort import CohortNodes
from ..scene.explanation import ExplanationNodes
from .slots import Slots
from .window import layout_manager, set_layout, slice_widget

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
        self._fitted: str | None = None
        self._fit_later = slots.timer(_DRAWN_MS, self.fit, single=True)

    def close(self) -> None:
        self._fit_later.stop()

    def forget(self) -> None:
        """The scene was closed: the next frame may have the name of the last."""
        self._fitted = None

    def show_frame(self, frame_node) -> None:
        """Show a frame that was just chosen, where it is not shown yet."""
        if frame_node is None or frame_node.GetID() == self._fitted:
            return
        self._fitted = frame_node.GetID()
        overlay.show_frame(self._scene, frame_node)
        self._fit_later.start()

    def show(self, nodes: ExplanationNodes, looks: Looks) -> None:
        """Show an explanation: in its own view where the layout is ours, else over the frame."""
        if self.side_by_side:
            overlay.show_side_by_side(self._scene, nodes, looks)
        else:
            overlay.show(self._scene, nodes, looks, (FRAME_VIEW,))

    @property
    def side_by_side(self) -> bool:
        manager = layout_manager()
        return manager is not None and manager.layout == LAYOUT_ID

    def arrange(self) -> None:
        """Change to the layout of two views."""
        if set_layout(LAYOUT_ID, side_by_side_layout()):
            self._fit_later.start()

    def show_tables(self, nodes: CohortNodes) -> None:
        """Show a cohort's ROC curve and tables in a layout of their own."""
        if not set_layout(COHORT_LAYOUT_ID, cohort_layout()):
            return
        for tag, table in zip(TABLE_VIEWS, (nodes.table_1, nodes.table_2), strict=True):
            self._scene.GetSingletonNode(tag, "vtkMRMLTableViewNode").SetTableNodeID(table.GetID())
        if nodes.chart is not None:
            self._scene.GetSingletonNode(PLOT_VIEW, "vtkMRMLPlotViewNode").SetPlotChartNodeID(nodes.chart.GetID())

    def fit(self) -> None:
        """Show the whole frame in the views."""
        for name in (FRAME_VIEW, OVERLAY_VIEW):
            widget = slice_widget(name)
            if widget is not None:
                widget.sliceController().fitSliceToBackground()
