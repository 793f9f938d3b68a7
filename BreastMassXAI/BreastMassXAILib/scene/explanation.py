"""An explanation as MRML nodes beside its frame: made once, updated in place, found again in a restored scene.

Nothing is written to a node that the user made. A hidden node of ours, the companion, keeps the result and references
the frame, the mass and all nodes of the explanation by role; everything is found through it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import slicer

from ..core.explain import Explanation
from ..core.palette import symmetric_range
from .arrays import array_of
from .companion import STALE_ATTRIBUTE, companion_of, is_of_loop, keep_result, new_companion
from .contents import fill_nodes, style_nodes
from .legend import show_legend, show_range
from .nodes import modified_once, remove_node

FOLDER_ATTRIBUTE = "BreastMassXAI.Explanation"
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
    in_loop = known is not None and is_of_loop(known)
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
    companion = companion_of(scene, frame_node) or new_companion(scene, frame_node)
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


def explanation_nodes(frame_node) -> ExplanationNodes | None:
    """The nodes of a frame's explanation, in a restored scene too; None where there is none or a node of it is gone."""
    companion = companion_of(frame_node.GetScene(), frame_node)
    if companion is None:
        return None
    expected = {*_KINDS, "legend"} - (LEFT_OUT_OF_LOOPS if is_of_loop(companion) else set())
    if any(companion.GetNodeReference(role) is None for role in expected):
        return None
    return collected(companion)


def remove_explanation(frame_node) -> None:
    """Take a frame's explanation out of the scene, with its folder. A loop's stays, as it is other frames' too."""
    scene, companion = frame_node.GetScene(), companion_of(frame_node.GetScene(), frame_node)
    if companion is None or is_of_loop(companion):
        return
    folder = collected(companion).folder
    for role in _KINDS:
        remove_node(scene, companion.GetNodeReference(role))
    scene.RemoveNode(companion)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    if folder != hierarchy.GetInvalidItemID() and not hierarchy.GetNumberOfItemChildren(folder):
        hierarchy.RemoveItem(folder)


def collected(companion) -> ExplanationNodes:
    """The nodes that a companion references."""
    nodes = {role: companion.GetNodeReference(role) for role in ("frame", "mass", "legend", *_KINDS)}
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(companion.GetScene())
    folder = _folder(hierarchy, (nodes[role] for role in _KINDS if nodes[role] is not None))
    return ExplanationNodes(companion=companion, folder=folder, **nodes)


def show_saliency_range(nodes: ExplanationNodes, limit: float | None) -> None:
    """Colours and colour bar from minus `limit` to `limit` logits; None: to the largest magnitude of the map."""
    if limit is None:
        limit = symmetric_range(array_of(nodes.saliency.GetImageData()))
    show_range(nodes.saliency, limit)
    show_legend(nodes.companion, nodes.saliency, nodes.companion.GetAttribute(STALE_ATTRIBUTE) is not None)


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
