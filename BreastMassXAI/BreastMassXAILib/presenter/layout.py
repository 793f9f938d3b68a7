"""The layouts of the views, as Slicer's layout descriptions. Imports nothing: Slicer reads them when it starts."""

from __future__ import annotations

LAYOUT_ID, COHORT_LAYOUT_ID, LOOP_LAYOUT_ID = 6101, 6102, 6103
"""Above those that Slicer has of its own."""
FRAME_VIEW, OVERLAY_VIEW = SLICE_VIEWS = "Red", "BreastMassXAI"
_EQUAL = 500
"""Of each part of a split, so that none is given more room than its neighbour."""
LOOP_PLOT_VIEW = "BreastMassXAILoopPlot"
PLOT_VIEW, TABLE_VIEWS = "BreastMassXAIPlot", ("BreastMassXAITable1", "BreastMassXAITable2")
_PLOT_SHARE, _TABLE_SHARE = 440, 560


def side_by_side_layout() -> str:
    """The frame to the left, its explanation to the right."""
    views = _slice(FRAME_VIEW, "R", "#F34A33"), _slice(OVERLAY_VIEW, "X", "#8A5BC7")
    items = "".join(f'<item splitSize="{_EQUAL}">{view}</item>' for view in views)
    return f'<layout type="horizontal" split="true">{items}</layout>'


def loop_layout() -> str:
    """Frame and explanation side by side, below them the curve of a loop's probabilities."""
    plot = _view("vtkMRMLPlotViewNode", LOOP_PLOT_VIEW, "P")
    return (
        f'<layout type="vertical" split="true"><item splitSize="{2 * _EQUAL}">{side_by_side_layout()}</item>'
        f'<item splitSize="{_EQUAL}">{plot}</item></layout>'
    )


def cohort_layout() -> str:
    """The ROC curve beside the table of what the decisions are worth; below both, the pointing game.

    The last has the most columns: it gets the whole width.
    """
    plot = _view("vtkMRMLPlotViewNode", PLOT_VIEW, "ROC")
    decisions, pointing = (
        _view("vtkMRMLTableViewNode", tag, label)
        for tag, label in zip(TABLE_VIEWS, ("Decisions", "Pointing game"), strict=True)
    )
    above = f'<item splitSize="{_PLOT_SHARE}">{plot}</item><item splitSize="{_TABLE_SHARE}">{decisions}</item>'
    return (
        f'<layout type="vertical" split="true"><item splitSize="{_EQUAL}">'
        f'<layout type="horizontal" split="true">{above}</layout></item>'
        f'<item splitSize="{_EQUAL}">{pointing}</item></layout>'
    )


def layouts() -> dict[int, str]:
    """All of them, by their numbers."""
    return {LAYOUT_ID: side_by_side_layout(), COHORT_LAYOUT_ID: cohort_layout(), LOOP_LAYOUT_ID: loop_layout()}


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
