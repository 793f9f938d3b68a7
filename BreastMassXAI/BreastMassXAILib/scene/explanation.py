"""An explanation as MRML nodes beside its frame: made once, updated in place, found again in a restored scene.

Nothing is written to a node that the user made. A hidden node of ours, the companion, keeps the result and references
the frame, the mass and all nodes of the explanation by role; everything is found through it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
from vtkmodules.vtkCommonCore import vtkDoubleArray, vtkStringArray
from vtkmodules.vtkCommonDataModel import vtkTable
from vtkmodules.vtkCommonMath import vtkMatrix4x4

from ..core.explain import Explanation
from ..core.palette import REGION_COLORS, symmetric_range
from ..core.regions import ELSEWHERE, REGIONS, RELEVANT
from ..core.result import CaseResult
from .arrays import set_volume_array
from .colors import region_colors, saliency_colors
from .inputs import set_segments

RESULT_ATTRIBUTE = "BreastMassXAI.Result"
STALE_ATTRIBUTE = "BreastMassXAI.Stale"
FOLDER_ATTRIBUTE = "BreastMassXAI.Explanation"

# Role of a node: its class, what follows the frame's name, and the plugin that shows it in Slicer's data tree.
_KINDS = {
    "saliency": ("vtkMRMLScalarVolumeNode", "saliency", "Volumes"),
    "regions": ("vtkMRMLLabelMapVolumeNode", "regions", "LabelMaps"),
    "segments": ("vtkMRMLSegmentationNode", "region segments", "Segmentations"),
    "extremes": ("vtkMRMLMarkupsFiducialNode", "extremes", "Markups"),
    "table": ("vtkMRMLTableNode", "pointing game", "Tables"),
}


@dataclass(frozen=True)
class ExplanationNodes:
    """The MRML nodes of one frame's explanation.

    `companion` is the hidden vtkMRMLScriptedModuleNode that references the others with their names here as roles;
    `mass` may be None. `folder` is the subject-hierarchy item that holds them.
    """

    companion: Any
    frame: Any
    mass: Any
    saliency: Any
    regions: Any
    segments: Any
    extremes: Any
    table: Any
    legend: Any
    folder: int


def register_node_classes(scene) -> None:
    """Make the colour legend known to a scene. Slicer's Colors module does so itself; slicer-core's loader does not.

    To be called before a scene file is loaded on slicer-core, or its legends are dropped.
    """
    if not scene.IsNodeClassRegistered("vtkMRMLColorLegendDisplayNode"):
        scene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())


def show_explanation(
    scene, frame_node, explanation: Explanation, saliency_range: float | None = None, mass_segmentation=None
) -> ExplanationNodes:
    """Show an explanation in a scene, in the nodes that an earlier one of the same frame left there.

    Looks that a user may have changed (visibility, glyphs, place of the legend) are set when a node is made and then
    left alone; contents, names, geometry, window and colour tables are set every time.

    Parameters
    ----------
    scene : vtkMRMLScene
    frame_node : vtkMRMLScalarVolumeNode
        The explained frame. With the name N, the nodes are named ``N saliency``, ``N regions``, ``N region segments``,
        ``N extremes`` and ``N pointing game``, in the folder ``N explanation``.
    explanation : Explanation
        On the frame's grid.
    saliency_range : float, optional
        The colours run from minus this to this, in logits; the largest absolute value of the map by default. Give the
        same number for several cases to compare them.
    mass_segmentation : vtkMRMLSegmentationNode, optional
        Where the mass came from; it is referenced, and not touched.

    Returns
    -------
    ExplanationNodes
    """
    register_node_classes(scene)
    companion = _companion(scene, frame_node) or _new_companion(scene, frame_node)
    nodes, new = {}, set()
    for role, (class_name, suffix, _) in _KINDS.items():
        node = companion.GetNodeReference(role)
        if node is None:
            node = scene.AddNewNodeByClass(class_name, f"{frame_node.GetName()} {suffix}")
            companion.SetNodeReferenceID(role, node.GetID())
            if node.IsA("vtkMRMLDisplayableNode"):
                node.CreateDefaultDisplayNodes()
            new.add(role)
        nodes[role] = node
    with _modified_once(companion, *nodes.values()):
        companion.SetName(f"{frame_node.GetName()} explanation")
        companion.SetNodeReferenceID("mass", mass_segmentation.GetID() if mass_segmentation is not None else None)
        # One line: XML attributes do not keep line breaks.
        companion.SetAttribute(STALE_ATTRIBUTE, None)
        companion.SetAttribute(RESULT_ATTRIBUTE, json.dumps(explanation.result.to_dict(), allow_nan=False))
        for role, node in nodes.items():
            node.SetName(f"{frame_node.GetName()} {_KINDS[role][1]}")
            if node.IsA("vtkMRMLTransformableNode"):
                node.SetAndObserveTransformNodeID(frame_node.GetTransformNodeID())
        _fill_saliency(nodes["saliency"], frame_node, explanation.saliency, saliency_range, saliency_colors(scene))
        _fill_regions(nodes["regions"], frame_node, explanation.labels, region_colors(scene))
        set_segments(nodes["segments"], explanation.labels, frame_node, REGION_COLORS)
        if "segments" in new:  # the labelmap shows the same regions already
            nodes["segments"].SetReferenceImageGeometryParameterFromVolumeNode(frame_node)
            nodes["segments"].GetDisplayNode().SetVisibility(False)
        _fill_extremes(nodes["extremes"], frame_node, explanation.result)
        if "extremes" in new:
            _style_extremes(nodes["extremes"])
        _fill_table(nodes["table"], explanation.result)
    _show_legend(companion, nodes["saliency"])
    _put_in_folder(scene, frame_node, nodes, new)
    return _collected(companion)


def explanation_nodes(frame_node) -> ExplanationNodes | None:
    """The nodes of a frame's explanation, in a restored scene too; None where there is none or a node of it is gone."""
    companion = _companion(frame_node.GetScene(), frame_node)
    if companion is None or any(companion.GetNodeReference(role) is None for role in (*_KINDS, "legend")):
        return None
    return _collected(companion)


def restored_result(frame_node) -> CaseResult | None:
    """The result that is kept beside a frame; None where there is none.

    Raises
    ------
    InputError
        When another version of this software saved the scene, with another schema.
    """
    companion = _companion(frame_node.GetScene(), frame_node)
    return None if companion is None else CaseResult.from_json(companion.GetAttribute(RESULT_ATTRIBUTE) or "")


def mark_stale(frame_node, reason: str) -> None:
    """Say that a frame's explanation no longer fits the frame, until it is shown anew."""
    companion = _companion(frame_node.GetScene(), frame_node)
    if companion is not None:
        companion.SetAttribute(STALE_ATTRIBUTE, reason)


def stale_reason(frame_node) -> str | None:
    """Why a frame's explanation is out of date, in a sentence; None where it is not, or where there is none."""
    companion = _companion(frame_node.GetScene(), frame_node)
    return None if companion is None else companion.GetAttribute(STALE_ATTRIBUTE)


def _collected(companion) -> ExplanationNodes:
    nodes = {role: companion.GetNodeReference(role) for role in ("frame", "mass", "legend", *_KINDS)}
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(companion.GetScene())
    folder = _folder(hierarchy, (nodes[role] for role in _KINDS))
    return ExplanationNodes(companion=companion, folder=folder, **nodes)


def _companion(scene, frame_node):
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLScriptedModuleNode")):
        node = scene.GetNthNodeByClass(index, "vtkMRMLScriptedModuleNode")
        if node.GetAttribute(RESULT_ATTRIBUTE) is not None and node.GetNodeReferenceID("frame") == frame_node.GetID():
            return node
    return None


def _new_companion(scene, frame_node):
    """Without a module name: Slicer would otherwise take it for the parameters of the module of that name."""
    node = scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    node.SetAttribute(RESULT_ATTRIBUTE, "")
    node.SetNodeReferenceID("frame", frame_node.GetID())
    return node


@contextmanager
def _modified_once(*nodes) -> Iterator[None]:
    """Whoever observes the nodes hears of all changes at once."""
    states = [(node, node.StartModify()) for node in nodes]
    try:
        yield
    finally:
        for node, state in states:
            node.EndModify(state)


def _fill_saliency(node, frame_node, saliency: np.ndarray, saliency_range: float | None, colors) -> None:
    node.CopyOrientation(frame_node)
    set_volume_array(node, np.asarray(saliency, np.float32))
    limit = symmetric_range(saliency) if saliency_range is None else saliency_range
    display = node.GetDisplayNode()
    with _modified_once(display):
        display.SetAndObserveColorNodeID(colors.GetID())
        display.SetAutoWindowLevel(False)
        display.SetWindowLevelMinMax(-limit, limit)


def _fill_regions(node, frame_node, labels: np.ndarray, colors) -> None:
    node.CopyOrientation(frame_node)
    set_volume_array(node, np.asarray(labels, np.uint8))
    node.GetDisplayNode().SetAndObserveColorNodeID(colors.GetID())


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
    """Rows: the regions, the bias, and the logit as their sum; so both numeric columns add up to their last row."""
    regions = (*RELEVANT, REGIONS[ELSEWHERE])
    pointed = {
        which: ["yes" if point.region == name else "" for name in regions] for which, point in result.extremes.items()
    }
    areas = [result.area_fraction[name] for name in regions]
    shares = [result.contributions[name] for name in regions]
    table = vtkTable()
    columns: tuple[tuple[str, tuple[Any, ...]], ...] = (
        ("region", (*regions, "bias", "logit")),
        ("maximum", (*pointed["max"], "", "")),
        ("minimum", (*pointed["min"], "", "")),
        ("area fraction", (*areas, 0.0, sum(areas))),
        ("contribution (logit)", (*shares, result.bias, result.logit)),
    )
    for title, cells in columns:
        column = vtkStringArray() if isinstance(cells[0], str) else vtkDoubleArray()
        column.SetName(title)
        for cell in cells:
            column.InsertNextValue(cell)
        table.AddColumn(column)
    node.SetAndObserveTable(table)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetUseFirstColumnAsRowHeader(True)
    node.SetLocked(True)


def _show_legend(companion, saliency_node) -> None:
    legend = companion.GetNodeReference("legend")
    if legend is None:
        legend = slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(saliency_node)
        companion.SetNodeReferenceID("legend", legend.GetID())
        legend.SetTitleText("logit")
    limit = saliency_node.GetDisplayNode().GetWindowLevelMax()
    legend.SetLabelFormat(f"%.{max(1, 1 - math.floor(math.log10(limit)))}f")


def _put_in_folder(scene, frame_node, nodes: dict[str, Any], new: set[str]) -> None:
    """Only new nodes are put there: what a user moved elsewhere in the data tree stays."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    name = f"{frame_node.GetName()} explanation"
    folder = _folder(hierarchy, nodes.values())
    if folder == hierarchy.GetInvalidItemID():
        frame_item = hierarchy.GetItemByDataNode(frame_node)
        known = frame_item != hierarchy.GetInvalidItemID()
        folder = hierarchy.CreateFolderItem(
            hierarchy.GetItemParent(frame_item) if known else hierarchy.GetSceneItemID(), name
        )
        hierarchy.SetItemAttribute(folder, FOLDER_ATTRIBUTE, "1")
        _own(hierarchy, folder, "Folder")
        new = set(nodes)
    hierarchy.SetItemName(folder, name)
    for role in _KINDS:
        if role in new:
            _own(hierarchy, hierarchy.CreateItem(folder, nodes[role]), _KINDS[role][2])


def _own(hierarchy, item: int, plugin: str) -> None:
    """Slicer's plugins claim new items themselves; on slicer-core there are none, and Slicer asks only once."""
    if not hierarchy.GetItemOwnerPluginName(item):
        hierarchy.SetItemOwnerPluginName(item, plugin)


def _folder(hierarchy, nodes: Iterable[Any]) -> int:
    for node in nodes:
        item = hierarchy.GetItemByDataNode(node)
        if item != hierarchy.GetInvalidItemID():
            parent = hierarchy.GetItemParent(item)
            if hierarchy.GetItemAttribute(parent, FOLDER_ATTRIBUTE):
                return parent
    return hierarchy.GetInvalidItemID()
