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
from .arrays import array_of, set_volume_array
from .colors import region_colors, saliency_colors
from .inputs import set_segments

RESULT_ATTRIBUTE = "BreastMassXAI.Result"
CINE_ATTRIBUTE = "BreastMassXAI.CineResult"
NETWORK_ATTRIBUTE = "BreastMassXAI.Network"
STALE_ATTRIBUTE = "BreastMassXAI.Stale"
FOLDER_ATTRIBUTE = "BreastMassXAI.Explanation"
LEGEND_TITLE, STALE_LEGEND_TITLE = "logit", "logit, out of date"
LEFT_OUT_OF_LOOPS = {"segments"}
"""The labelmap shows the same regions, and a segmentation for each frame costs far more time and room."""

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
    `mass` may be None, and `segments` is None where the frame belongs to a loop. `folder` is the subject-hierarchy item
    that holds them.
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
    known = companion_of(scene, frame_node)
    in_loop = known is not None and _keeps_loop(known)
    companion, nodes, new = prepare_nodes(scene, frame_node, mass_segmentation, LEFT_OUT_OF_LOOPS if in_loop else ())
    with modified_once(companion, *nodes.values()):
        fill_nodes(nodes, frame_node, explanation)
        keep_result(nodes["table"] if in_loop else companion, explanation.result)
        style_nodes(nodes, new, frame_node)
        show_range(
            nodes["saliency"], symmetric_range(explanation.saliency) if saliency_range is None else saliency_range
        )
    show_legend(companion, nodes["saliency"])
    put_in_folder(scene, frame_node, nodes, new)
    return collected(companion)


def prepare_nodes(
    scene, frame_node, mass_segmentation=None, left_out: Iterable[str] = ()
) -> tuple[Any, dict, set[str]]:
    """The nodes for a frame's explanation, found or made, named after the frame and in its place in the room.

    Parameters
    ----------
    left_out : iterable of str
        Roles that are not wanted.

    Returns
    -------
    companion : vtkMRMLScriptedModuleNode
    nodes : dict of role to node
    new : set of str
        Roles of the nodes that were made just now; they have no contents and looks yet.
    """
    register_node_classes(scene)
    companion = companion_of(scene, frame_node) or _new_companion(scene, frame_node)
    nodes, new = {}, set()
    for role, (class_name, suffix, _) in _KINDS.items():
        if role in left_out:
            continue
        node = companion.GetNodeReference(role)
        if node is None:
            node = scene.AddNewNodeByClass(class_name, f"{frame_node.GetName()} {suffix}")
            companion.SetNodeReferenceID(role, node.GetID())
            if node.IsA("vtkMRMLDisplayableNode"):
                node.CreateDefaultDisplayNodes()
            new.add(role)
        nodes[role] = node
    with modified_once(companion, *nodes.values()):
        companion.SetName(f"{frame_node.GetName()} explanation")
        companion.SetNodeReferenceID("mass", mass_segmentation.GetID() if mass_segmentation is not None else None)
        companion.SetAttribute(STALE_ATTRIBUTE, None)
        for role, node in nodes.items():
            node.SetName(f"{frame_node.GetName()} {_KINDS[role][1]}")
            if node.IsA("vtkMRMLTransformableNode"):
                node.SetAndObserveTransformNodeID(frame_node.GetTransformNodeID())
    return companion, nodes, new


def fill_nodes(nodes: dict[str, Any], frame_node, explanation: Explanation) -> None:
    """Contents and geometry of an explanation's nodes; `frame_node` gives the geometry and need not be in the scene."""
    _fill_image(nodes["saliency"], frame_node, np.asarray(explanation.saliency, np.float32))
    _fill_image(nodes["regions"], frame_node, np.asarray(explanation.labels, np.uint8))
    if "segments" in nodes:
        set_segments(nodes["segments"], explanation.labels, frame_node, REGION_COLORS)
    _fill_extremes(nodes["extremes"], frame_node, explanation.result)
    _fill_table(nodes["table"], explanation.result)


def keep_result(node, result: CaseResult) -> None:
    """Keep a result as an attribute of a node. In one line: XML attributes do not keep line breaks."""
    node.SetAttribute(RESULT_ATTRIBUTE, json.dumps(result.to_dict(), allow_nan=False))
    node.SetAttribute(NETWORK_ATTRIBUTE, None)  # of an earlier result


def keep_network(frame_node, data: dict[str, Any]) -> None:
    """Keep plain data about the network's pass beside the result that :func:`show_explanation` has just kept."""
    node = _keeper(frame_node)
    if node is not None:
        node.SetAttribute(NETWORK_ATTRIBUTE, json.dumps(data, allow_nan=False))


def kept_network(frame_node) -> dict[str, Any] | None:
    """What :func:`keep_network` kept; None where there is none or it cannot be read."""
    node = _keeper(frame_node)
    try:
        found = None if node is None else json.loads(node.GetAttribute(NETWORK_ATTRIBUTE) or "null")
    except json.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def style_nodes(nodes: dict[str, Any], new: set[str], frame_node) -> None:
    """Colour tables for every explanation; looks for new nodes only."""
    for role, colors in (("saliency", saliency_colors), ("regions", region_colors)):
        nodes[role].GetDisplayNode().SetAndObserveColorNodeID(colors(nodes[role].GetScene()).GetID())
    if "segments" in new:  # the labelmap shows the same regions already
        nodes["segments"].SetReferenceImageGeometryParameterFromVolumeNode(frame_node)
        nodes["segments"].GetDisplayNode().SetVisibility(False)
    if "extremes" in new:
        _style_extremes(nodes["extremes"])


def explanation_nodes(frame_node) -> ExplanationNodes | None:
    """The nodes of a frame's explanation, in a restored scene too; None where there is none or a node of it is gone."""
    companion = companion_of(frame_node.GetScene(), frame_node)
    if companion is None:
        return None
    expected = {*_KINDS, "legend"} - (LEFT_OUT_OF_LOOPS if _keeps_loop(companion) else set())
    if any(companion.GetNodeReference(role) is None for role in expected):
        return None
    return collected(companion)


def restored_result(frame_node) -> CaseResult | None:
    """The result that is kept beside a frame (of a loop: beside the frame that is shown); None where there is none.

    Raises
    ------
    InputError
        When another version of this software saved the scene, with another schema.
    """
    node = _keeper(frame_node)
    text = None if node is None else node.GetAttribute(RESULT_ATTRIBUTE)
    return CaseResult.from_json(text) if text else None


def remove_explanation(frame_node) -> None:
    """Take a frame's explanation out of the scene, with its folder. A loop's stays, as it is other frames' too."""
    scene, companion = frame_node.GetScene(), companion_of(frame_node.GetScene(), frame_node)
    if companion is None or _keeps_loop(companion):
        return
    folder = collected(companion).folder
    for role in _KINDS:
        remove_node(scene, companion.GetNodeReference(role))
    scene.RemoveNode(companion)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    if folder != hierarchy.GetInvalidItemID() and not hierarchy.GetNumberOfItemChildren(folder):
        hierarchy.RemoveItem(folder)


def remove_node(scene, node) -> None:
    """Take a node of ours out of the scene, with its looks and what stores it."""
    if node is None:
        return
    displayable = node.IsA("vtkMRMLDisplayableNode")
    looks = [node.GetNthDisplayNode(i) for i in range(node.GetNumberOfDisplayNodes())] if displayable else []
    looks.sort(key=lambda look: not _is_legend(look))  # a colour bar that outlives what it describes complains
    for each in (*looks, node.GetStorageNode() if node.IsA("vtkMRMLStorableNode") else None, node):
        if each is not None:
            scene.RemoveNode(each)


def remove_legends(scene) -> None:
    """Take our colour bars out of a scene that is about to be closed.

    Slicer removes its nodes one by one, and each view complains of a colour bar whose volume has gone before it.
    """
    for companion in companions(scene):
        legend = companion.GetNodeReference("legend")
        if legend is not None:
            scene.RemoveNode(legend)


def _is_legend(node) -> bool:
    return node is not None and node.IsA("vtkMRMLColorLegendDisplayNode")


def mark_stale(frame_node, reason: str | None) -> None:
    """Say that a frame's explanation no longer fits the frame, until it is shown anew or None is given as reason.

    The colour bar says so too, where the explanation is seen.
    """
    companion = companion_of(frame_node.GetScene(), frame_node)
    if companion is not None and companion.GetAttribute(STALE_ATTRIBUTE) != reason:
        companion.SetAttribute(STALE_ATTRIBUTE, reason)
        legend = companion.GetNodeReference("legend")
        if legend is not None:
            _title_legend(legend, stale=reason is not None)


def stale_reason(frame_node) -> str | None:
    """Why a frame's explanation is out of date, in a sentence; None where it is not, or where there is none."""
    companion = companion_of(frame_node.GetScene(), frame_node)
    return None if companion is None else companion.GetAttribute(STALE_ATTRIBUTE)


def collected(companion) -> ExplanationNodes:
    """The nodes that a companion references."""
    nodes = {role: companion.GetNodeReference(role) for role in ("frame", "mass", "legend", *_KINDS)}
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(companion.GetScene())
    folder = _folder(hierarchy, (nodes[role] for role in _KINDS if nodes[role] is not None))
    return ExplanationNodes(companion=companion, folder=folder, **nodes)


def keeps_loop(frame_node) -> bool:
    """Whether a frame's explanation is a loop's, with a result for each of the frames that the node shows in turn."""
    companion = companion_of(frame_node.GetScene(), frame_node)
    return companion is not None and _keeps_loop(companion)


def _keeper(frame_node):
    """The node that keeps a frame's result. In a loop the table changes with the frame, and takes its result along."""
    companion = companion_of(frame_node.GetScene(), frame_node)
    if companion is None:
        return None
    return companion.GetNodeReference("table") if _keeps_loop(companion) else companion


def _keeps_loop(companion) -> bool:
    return companion.GetAttribute(CINE_ATTRIBUTE) is not None


def companion_of(scene, frame_node):
    """The companion of a frame, or None."""
    return next((node for node in companions(scene) if node.GetNodeReferenceID("frame") == frame_node.GetID()), None)


def companions(scene) -> list[Any]:
    """The companions of all explanations in a scene, of frames that are gone too."""
    nodes = (
        scene.GetNthNodeByClass(index, "vtkMRMLScriptedModuleNode")
        for index in range(scene.GetNumberOfNodesByClass("vtkMRMLScriptedModuleNode"))
    )
    return [node for node in nodes if node.GetAttribute(RESULT_ATTRIBUTE) is not None]


def _new_companion(scene, frame_node):
    """Without a module name: Slicer would otherwise take it for the parameters of the module of that name."""
    node = scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    node.SetAttribute(RESULT_ATTRIBUTE, "")
    node.SetNodeReferenceID("frame", frame_node.GetID())
    return node


@contextmanager
def modified_once(*nodes) -> Iterator[None]:
    """Nodes under change: whoever observes the nodes hears of all changes at once."""
    states = [(node, node.StartModify()) for node in nodes]
    try:
        yield
    finally:
        for node, state in states:
            node.EndModify(state)


def _fill_image(node, frame_node, image: np.ndarray) -> None:
    node.CopyOrientation(frame_node)
    set_volume_array(node, image)


def show_range(saliency_node, limit: float) -> None:
    """Let the colours of a saliency map run from minus `limit` to `limit` logits."""
    display = saliency_node.GetDisplayNode()
    with modified_once(display):
        display.SetAutoWindowLevel(False)
        display.SetWindowLevelMinMax(-limit, limit)


def show_saliency_range(nodes: ExplanationNodes, limit: float | None) -> None:
    """Colours and colour bar from minus `limit` to `limit` logits; None: to the largest magnitude of the map."""
    if limit is None:
        limit = symmetric_range(array_of(nodes.saliency.GetImageData()))
    show_range(nodes.saliency, limit)
    show_legend(nodes.companion, nodes.saliency, nodes.companion.GetAttribute(STALE_ATTRIBUTE) is not None)


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

    Both numeric columns add up to their last row.
    """
    regions = (*RELEVANT, REGIONS[ELSEWHERE])
    terms = tuple(f"outline: {name}" for name in result.terms)
    pointed = {
        which: ["yes" if point.region == name else "" for name in regions] for which, point in result.extremes.items()
    }
    areas = [result.area_fraction[name] for name in regions]
    shares = [*(result.contributions[name] for name in regions), *result.terms.values()]
    blank, zero = ("",) * len(terms), (0.0,) * len(terms)
    table = vtkTable()
    columns: tuple[tuple[str, tuple[Any, ...]], ...] = (
        ("region", (*regions, *terms, "bias", "logit")),
        ("maximum", (*pointed["max"], *blank, "", "")),
        ("minimum", (*pointed["min"], *blank, "", "")),
        ("area fraction", (*areas, *zero, 0.0, sum(areas))),
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


def show_legend(companion, saliency_node, stale: bool = False) -> None:
    """The colour bar of a saliency map, made once; its digits follow the range that is shown."""
    legend = companion.GetNodeReference("legend")
    if legend is None:
        legend = slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(saliency_node)
        companion.SetNodeReferenceID("legend", legend.GetID())
        legend.SetTitleText(LEGEND_TITLE)
    _title_legend(legend, stale)
    limit = saliency_node.GetDisplayNode().GetWindowLevelMax()
    legend.SetLabelFormat(f"%.{max(1, 1 - math.floor(math.log10(limit)))}f")


def _title_legend(legend, stale: bool) -> None:
    """Only between titles of ours: a user may have chosen another one."""
    if legend.GetTitleText() in (LEGEND_TITLE, STALE_LEGEND_TITLE):
        legend.SetTitleText(STALE_LEGEND_TITLE if stale else LEGEND_TITLE)


def put_in_folder(scene, frame_node, nodes: dict[str, Any], new: set[str]) -> None:
    """Put an explanation's nodes in its folder of the data tree.

    Only new nodes are put there: what a user moved elsewhere in the data tree stays.
    """
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
        if role in new and role in nodes:
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
