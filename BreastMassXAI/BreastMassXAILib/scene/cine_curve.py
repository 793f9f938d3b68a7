"""The plot of an explained loop: its probability over time, the threshold, and the frame that is shown."""

from __future__ import annotations

from typing import Any

from ..core.cine_result import CineResult
from .companion import companion_of
from .nodes import set_table

_CURVE = {
    "curve": ("vtkMRMLTableNode", "probability over time"),
    "probability series": ("vtkMRMLPlotSeriesNode", "probability"),
    "threshold series": ("vtkMRMLPlotSeriesNode", "threshold"),
    "cursor": ("vtkMRMLTableNode", "frame shown"),
    "cursor series": ("vtkMRMLPlotSeriesNode", "frame shown"),
    "chart": ("vtkMRMLPlotChartNode", "probability chart"),
}
TIME_TITLE = "time (s)"
CURSOR_HEIGHT = "height"
STALE_CURVE = ", out of date: explain all frames again"


def mark_curve_stale(frame_node) -> None:
    """Say in the title of a loop's plot that a frame's explanation has changed since."""
    companion = companion_of(frame_node.GetScene(), frame_node)
    chart = None if companion is None else companion.GetNodeReference("chart")
    if chart is not None and not (chart.GetTitle() or "").endswith(STALE_CURVE):
        chart.SetTitle(f"{chart.GetTitle()}{STALE_CURVE}")


def show_curve(companion, name: str, result: CineResult) -> tuple[Any, Any]:
    nodes = {}
    for role, (class_name, suffix) in _CURVE.items():
        node = companion.GetNodeReference(role)
        if node is None:
            node = companion.GetScene().AddNewNodeByClass(class_name, f"{name} {suffix}")
            companion.SetNodeReferenceID(role, node.GetID())
        node.SetName(f"{name} {suffix}")
        nodes[role] = node
    timed = all(frame.time_s is not None for frame in result.frames)
    x_title = TIME_TITLE if timed else "frame"
    probability, threshold = _CURVE["probability series"][1], _CURVE["threshold series"][1]
    _fill_curve(nodes["curve"], result, x_title if timed else None)
    for role, column, color in (
        ("probability series", probability, (0.8, 0.1, 0.1)),
        ("threshold series", threshold, (0.4, 0.4, 0.4)),
    ):
        series = nodes[role]
        series.SetAndObserveTableNodeID(nodes["curve"].GetID())
        series.SetPlotType(series.PlotTypeScatter)
        series.SetXColumnName(x_title)
        series.SetYColumnName(column)
        series.SetMarkerStyle(series.MarkerStyleCircle if role == "probability series" else series.MarkerStyleNone)
        series.SetColor(*color)
    cursor = nodes["cursor series"]
    cursor.SetAndObserveTableNodeID(nodes["cursor"].GetID())
    cursor.SetPlotType(cursor.PlotTypeScatter)
    cursor.SetXColumnName(x_title)
    cursor.SetYColumnName(CURSOR_HEIGHT)
    cursor.SetMarkerStyle(cursor.MarkerStyleNone)
    cursor.SetColor(0.1, 0.4, 0.8)
    chart = nodes["chart"]
    chart.RemoveAllPlotSeriesNodeIDs()
    for role in ("probability series", "threshold series", "cursor series"):
        chart.AddAndObservePlotSeriesNodeID(nodes[role].GetID())
    chart.SetTitle(f"{name}: median probability {result.median_probability:.2f}, {result.decision}")
    chart.SetXAxisTitle(x_title)
    chart.SetYAxisTitle("probability of malignancy")
    chart.SetYAxisRangeAuto(False)
    chart.SetYAxisRange(0, 1)
    return nodes["curve"], chart


def _fill_curve(node, result: CineResult, time_title: str | None) -> None:
    numbers: dict[str, list[Any]] = {
        "frame": [frame.index + 1 for frame in result.frames],
        "probability": [frame.result.probability for frame in result.frames],
        "threshold": [result.threshold] * len(result.frames),
    }
    if time_title is not None:
        numbers = {time_title: [frame.time_s for frame in result.frames], **numbers}
    words: dict[str, list[Any]] = {
        "decision": [frame.result.decision for frame in result.frames],
        "mask": [frame.mask_origin for frame in result.frames],
    }
    set_table(node, {**numbers, **words})
