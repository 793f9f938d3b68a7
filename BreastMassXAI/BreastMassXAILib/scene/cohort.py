"""What a cohort says together, as Slicer tables and a plot, in nodes that are made once and filled again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..core.regions import RELEVANT
from ..core.words import NAMES
from .colors import ROLE_ATTRIBUTE
from .nodes import set_table, with_role

_LEVELS = {"image": "per image", "case": "per case"}
_THRESHOLDS = {"model": "model's threshold", "corner": "best threshold here"}
_SUBSETS = {"correct": "correct", "all": "all"}
_LONGEST_NAME = 28
"""Characters of a cohort's name in the title of its curve, which has half of a small window."""
_FALSE, _TRUE, _CHANCE = "1 - specificity", "sensitivity", "chance"


@dataclass(frozen=True)
class CohortNodes:
    """`table_1`: how well the model decides, a row for each measure; `table_2`: the pointing game; `chart`: the ROC
    curve, drawn from `roc`. The last two are None where all cases have one label."""

    table_1: Any
    table_2: Any
    roc: Any
    chart: Any


def show_cohort(scene, name: str, tables: dict[str, Any]) -> CohortNodes:
    """Show a cohort's tables in a scene, in the nodes that an earlier cohort left there.

    Parameters
    ----------
    scene : vtkMRMLScene
    name : str
        Of the cohort; the nodes' names begin with it.
    tables : dict
        ``table_1`` and ``table_2`` as :func:`~..core.cohort.report_tables` gives them.
    """
    table_1 = _node(scene, "cohort table 1", "vtkMRMLTableNode", f"{name} table 1")
    set_table(table_1, _rows_1(tables["table_1"]))
    table_2 = _node(scene, "cohort table 2", "vtkMRMLTableNode", f"{name} table 2")
    set_table(table_2, _rows_2(tables["table_2"]))
    found = tables["table_1"]["image"]
    if "roc" not in found:
        return CohortNodes(table_1, table_2, None, None)
    roc = _node(scene, "cohort roc", "vtkMRMLTableNode", f"{name} ROC curve")
    false = found["roc"]["false_positive_rate"]
    set_table(roc, {_FALSE: false, _TRUE: found["roc"]["true_positive_rate"], _CHANCE: false})
    chart = _node(scene, "cohort chart", "vtkMRMLPlotChartNode", f"{name} ROC chart")
    chart.RemoveAllPlotSeriesNodeIDs()
    for column, color in ((_TRUE, (0.8, 0.1, 0.1)), (_CHANCE, (0.4, 0.4, 0.4))):
        series = _node(scene, f"cohort {column}", "vtkMRMLPlotSeriesNode", f"{name} {column}")
        series.SetAndObserveTableNodeID(roc.GetID())
        series.SetPlotType(series.PlotTypeScatter)
        series.SetXColumnName(_FALSE)
        series.SetYColumnName(column)
        series.SetMarkerStyle(series.MarkerStyleNone)
        series.SetColor(*color)
        chart.AddAndObservePlotSeriesNodeID(series.GetID())
    short = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
    chart.SetTitle(f"ROC of {short} (red), chance (grey)\nAUC {_words(found['auc'], 3)}, n = {found['n']}")
    chart.SetTitleFontSize(14)
    chart.SetLegendVisibility(False)  # it would lie over the curve; the title says which line is which
    chart.SetAxisTitleFontSize(13)
    chart.SetAxisLabelFontSize(12)
    chart.SetXAxisTitle(_FALSE)
    chart.SetYAxisTitle(_TRUE)
    for which in ("X", "Y"):
        getattr(chart, f"Set{which}AxisRangeAuto")(False)
        getattr(chart, f"Set{which}AxisRange")(0, 1)
    return CohortNodes(table_1, table_2, roc, chart)


def _rows_1(table: dict[str, Any]) -> dict[str, list[str]]:
    """A row for each measure: few columns, so that all of them are seen beside the curve."""
    rows: dict[str, list[str]] = {"measure": ["n", "AUC"]}
    for title in _THRESHOLDS.values():
        rows["measure"] += [title, "accuracy", "sensitivity", "specificity"]
    for level, words in _LEVELS.items():
        entry = table[level]
        column = [str(entry["n"]), _words(entry["auc"], 2)]
        for name in _THRESHOLDS:
            at = entry.get(name)
            measures = ("accuracy", "sensitivity", "specificity")
            words_of = [] if at is None else [f"{at['threshold']:.3f}", *(_words(at[what], 2) for what in measures)]
            column += words_of or ["-"] * (1 + len(measures))
        rows[words] = column
    return rows


def _rows_2(table: dict[str, Any]) -> dict[str, list[str]]:
    columns = ("cases (n)", "region", "either extreme", "chance", "maximum", "minimum", "chance of one")
    rows: dict[str, list[str]] = {title: [] for title in columns}
    for subset, words in _SUBSETS.items():
        for region in (*RELEVANT, "any"):
            entry = table[subset]["regions"][region]
            chance = entry["chance_in_field"]
            cells = (
                f"{words} ({table[subset]['n']})",
                NAMES.get(region, "any of the three"),
                _words(entry["either"], 2),
                _plain(chance["either"]),
                _words(entry["max"], 2),
                _words(entry["min"], 2),
                _plain(chance["one"]),
            )
            for column, cell in zip(rows.values(), cells, strict=True):
                column.append(cell)
    return rows


def _words(found: dict[str, Any], digits: int) -> str:
    """An estimate with its interval."""
    if found["value"] is None:
        return "-"
    if found["low"] is None or found["high"] is None:
        return f"{found['value']:.{digits}f}"
    return f"{found['value']:.{digits}f} ({found['low']:.{digits}f} to {found['high']:.{digits}f})"


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _node(scene, role: str, class_name: str, name: str):
    node = with_role(scene, class_name, role)
    if node is not None:
        node.SetName(name)
        return node
    node = scene.AddNewNodeByClass(class_name, name)
    node.SetAttribute(ROLE_ATTRIBUTE, role)
    return node
