"""The layouts of the views, as Slicer's layout descriptions. Imports nothing: Slicer reads them when it starts."""

from __future__ import annotations

LAYOUT_ID, COHORT_LAYOUT_ID = 6101, 6102
"""Above those that Slicer has of its own."""
FRAME_VIEW, OVERLAY_VIEW = "Red", "BreastMassXAI"
PLOT_VIEW, TABLE_VIEWS = "BreastMassXAIPlot", ("BreastMassXAITable1", "BreastMassXAITable2")


def side_by_side_layout() -> str:
    """The frame to the left, its explanation to the right."""
    views = _slice(FRAME_VIEW, "R", "#F34A33"), _slice(OVERLAY_VIEW, "X", "#8A5BC7")
    return f'<layout type="horizontal" split="true">{"".join(f"<item>{view}</item>" for view in views)}</layout>'


def cohort_layout() -> str:
    """The ROC curve to the left, the two tables above each other to the right."""
    tables = "".join(f"<item>{_view('vtkMRMLTableViewNode', tag, '')}</item>" for tag in TABLE_VIEWS)
    return (
        f'<layout type="horizontal" split="true"><item>{_view("vtkMRMLPlotViewNode", PLOT_VIEW, "P")}</item>'
        f'<item><layout type="vertical" split="true">{tables}</layout></item></layout>'
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
