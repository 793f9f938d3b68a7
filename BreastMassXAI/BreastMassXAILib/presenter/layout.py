"""The layouts of the views, as Slicer's layout descriptions. Imports nothing: Slicer reads them when it starts."""

from __future__ import annotations

LAYOUT_ID, COHORT_LAYOUT_ID = 6101, 6102
"""Above those that Slicer has of its own."""
FRAME_VIEW, OVERLAY_VIEW = "Red", "BreastMassXAI"
_EQUAL = 500
"""Of each part of a split, so that none is given more room than its neighbour."""
PLOT_VIEW, TABLE_VIEWS = "BreastMassXAIPlot", ("BreastMassXAITable1", "BreastMassXAITable2")


def side_by_side_layout() -> str:
    """The frame to the left, its explanation to the right."""
    views = _slice(FRAME_VIEW, "R", "#F34A33"), _slice(OVERLAY_VIEW, "X", "#8A5BC7")
    items = "".join(f'<item splitSize="{_EQUAL}">{view}</item>' for view in views)
    return f'<layout type="horizontal" split="true">{items}</layout>'


def cohort_layout() -> str:
    """The ROC curve to the left, the two tables above each other to the right."""
    tables = "".join(
        f'<item splitSize="{_EQUAL}">{_view("vtkMRMLTableViewNode", tag, "")}</item>' for tag in TABLE_VIEWS
    )
    plot = _view("vtkMRMLPlotViewNode", PLOT_VIEW, "P")
    return (
        f'<layout type="horizontal" split="true"><item splitSize="{_EQUAL}">{plot}</item>'
        f'<item splitSize="{_EQUAL}"><layout type="vertical" split="true">{tables}</layout></item></layout>'
    )


def _slice(tag: str, label: str, color: str) -> str:
    return _view(
        "vtkMRMLSliceNode",
        tag,
        label,
        '<property name="orientation" action="default">Axial</property>'
        f'<property name="viewcolor" action="default">{color}</property>',
    )


def _view(kind: str, tag: str, label: str, properties: str = "") -> str:
    named = f'<property name="viewlabel" action="default">{label}</property>' if label else ""
    return f'<view class="{kind}" singletontag="{tag}">{properties}{named}</view>'
