"""What an explanation's nodes hold and how they look: map, regions, extreme points, table."""

from __future__ import annotations

from typing import Any

import numpy as np
from vtkmodules.vtkCommonMath import vtkMatrix4x4

from ..core.explain import Explanation
from ..core.palette import REGION_COLORS
from ..core.regions import ELSEWHERE, REGIONS, RELEVANT
from ..core.result import CaseResult
from .arrays import set_volume_array
from .colors import region_colors, saliency_colors
from .inputs import set_segments
from .nodes import set_table


def fill_nodes(nodes: dict[str, Any], frame_node, explanation: Explanation) -> None:
    """Contents and geometry of an explanation's nodes; `frame_node` gives the geometry and need not be in the scene."""
    _fill_image(nodes["saliency"], frame_node, np.asarray(explanation.saliency, np.float32))
    _fill_image(nodes["regions"], frame_node, np.asarray(explanation.labels, np.uint8))
    if "segments" in nodes:
        set_segments(nodes["segments"], explanation.labels, frame_node, REGION_COLORS)
    _fill_extremes(nodes["extremes"], frame_node, explanation.result)
    _fill_table(nodes["table"], explanation.result)


def style_nodes(nodes: dict[str, Any], new: set[str], frame_node) -> None:
    """Colour tables for every explanation; looks for new nodes only."""
    for role, colors in (("saliency", saliency_colors), ("regions", region_colors)):
        nodes[role].GetDisplayNode().SetAndObserveColorNodeID(colors(nodes[role].GetScene()).GetID())
    if "segments" in new:  # the labelmap shows the same regions already
        nodes["segments"].SetReferenceImageGeometryParameterFromVolumeNode(frame_node)
        nodes["segments"].GetDisplayNode().SetVisibility(False)
    if "extremes" in new:
        _style_extremes(nodes["extremes"])


def _fill_image(node, frame_node, image: np.ndarray) -> None:
    node.CopyOrientation(frame_node)
    set_volume_array(node, image)


def _fill_extremes(node, frame_node, result: CaseResult) -> None:
    to_ras = vtkMatrix4x4()
    frame_node.GetIJKToRASMatrix(to_ras)
    node.SetLocked(True)
    if node.GetNumberOfControlPoints() != len(result.extremes):
        node.RemoveAllControlPoints()
        for which in result.extremes:
            node.AddControlPoint((0.0, 0.0, 0.0), which)
    for index, (which, point) in enumerate(result.extremes.items()):
        node.SetNthControlPointPosition(index, to_ras.MultiplyPoint((point.column, point.row, 0, 1))[:3])
        node.SetNthControlPointLabel(index, which)
        node.SetNthControlPointDescription(index, f"{point.value:+.3f} logit, {point.region}")


def _style_extremes(node) -> None:
    display = node.GetDisplayNode()
    display.SetGlyphType(display.Cross2D)
    display.SetColor(1, 1, 1)
    display.SetSelectedColor(1, 1, 1)  # points are born selected


def _fill_table(node, result: CaseResult) -> None:
    """Rows: the regions, the outline's terms, the bias, and the logit as their sum.

    Both numeric columns add up to their last row. A method without an exact sum has the regions' rows only.
    """
    regions = (*RELEVANT, REGIONS[ELSEWHERE])
    terms = tuple(f"outline: {name}" for name in result.terms)
    pointed = {
        which: ["yes" if point.region == name else "" for name in regions] for which, point in result.extremes.items()
    }
    areas = [result.area_fraction[name] for name in regions]
    if not result.exact:
        energy = result.energy or {}
        columns = {
            "region": regions,
            "maximum": (*pointed["max"],),
            "minimum": (*pointed["min"],),
            "area fraction": (*areas,),
            "share of evidence": tuple(energy.get(name, 0.0) for name in regions),
        }
        set_table(node, columns)
        node.SetUseFirstColumnAsRowHeader(True)
        return
    shares = [*(result.contributions[name] for name in regions), *result.terms.values()]
    blank, zero = ("",) * len(terms), (0.0,) * len(terms)
    columns = {
        "region": (*regions, *terms, "bias", "logit"),
        "maximum": (*pointed["max"], *blank, "", ""),
        "minimum": (*pointed["min"], *blank, "", ""),
        "area fraction": (*areas, *zero, 0.0, sum(areas)),
        "contribution (logit)": (*shares, result.bias, result.logit),
    }
    set_table(node, columns)
    node.SetUseFirstColumnAsRowHeader(True)
