"""What of ours belongs to which frame, and how the rest of it is hidden while another frame is looked at.

Ours are the explanations, the masses that this module made, and the lines that calibrate a frame. Nodes that a user or
another module made are never looked at here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .companion import companions
from .inputs import MASS_ATTRIBUTE
from .nodes import remove_node

HIDDEN_ATTRIBUTE = "BreastMassXAI.HiddenWithFrame"
"""On a display node that was hidden here, so that it alone is shown again: a user may have hidden the others."""
LINE_ATTRIBUTE = "BreastMassXAI.Line"
"""On a line that this module made for the calibration of a frame."""
_FRAME_ROLE = "BreastMassXAI.Frame"
"""By which such a line references the frame that it is drawn on."""


def own_layers(scene) -> set[str]:
    """Node IDs of all saliency maps and region labelmaps."""
    return {
        node_id
        for companion in companions(scene)
        for node_id in (companion.GetNodeReferenceID("saliency"), companion.GetNodeReferenceID("regions"))
        if node_id
    }


def show_only(scene, frame_node, mass_node=None) -> None:
    """Hide what of ours belongs to other frames, and show again what was hidden so of this frame's.

    Layers of slice views are not touched; what of this frame's explanation is shown is the looks' affair.

    Parameters
    ----------
    scene : vtkMRMLScene
    frame_node : vtkMRMLVolumeNode, optional
        The chosen frame; None hides all of ours.
    mass_node : vtkMRMLSegmentationNode, optional
        The chosen mass: it is shown on the chosen frame, whatever frame it was drawn on.
    """
    if frame_node is None:
        mass_node = None
    for node, belongs in _with_belonging(scene, frame_node):
        _set_shown(node, belongs or (mass_node is not None and node is mass_node))


def _with_belonging(scene, frame_node) -> Iterator[tuple[Any, bool]]:
    for companion in companions(scene):
        belongs = frame_node is not None and companion.GetNodeReference("frame") is frame_node
        for role in ("extremes", "segments"):
            node = companion.GetNodeReference(role)
            if node is not None:
                yield node, belongs
        legend = companion.GetNodeReference("legend")
        if legend is not None and not belongs:
            legend.SetVisibility(False)
    for node in _nodes(scene, "vtkMRMLSegmentationNode"):
        if node.GetAttribute(MASS_ATTRIBUTE):
            yield node, frame_node is not None and frame_of_mass(node) is frame_node
    for node in _nodes(scene, "vtkMRMLMarkupsLineNode"):
        if node.GetAttribute(LINE_ATTRIBUTE):
            yield node, frame_node is not None and node.GetNodeReference(_FRAME_ROLE) is frame_node


def own_line(line_node, frame_node) -> None:
    """Mark a line as ours and as drawn on a frame."""
    line_node.SetAttribute(LINE_ATTRIBUTE, "1")
    line_node.SetNodeReferenceID(_FRAME_ROLE, frame_node.GetID())


def remove_lines(frame_node) -> None:
    """Take the lines of ours that are drawn on a frame out of the scene, before it shows another image."""
    scene = frame_node.GetScene()
    lines = [
        node for node, belongs in _with_belonging(scene, frame_node) if belongs and node.GetAttribute(LINE_ATTRIBUTE)
    ]
    for node in lines:
        remove_node(scene, node)


def frame_of_mass(segmentation_node) -> Any:
    """The frame that a segmentation was drawn on: in a loop, the node that shows the loop's frames; None if unknown."""
    browser = browser_of(segmentation_node)
    if browser is not None:
        return browser.GetProxyNode(browser.GetMasterSequenceNode())
    return segmentation_node.GetNodeReference(segmentation_node.GetReferenceImageGeometryReferenceRole())


def browser_of(node) -> Any | None:
    """The sequence browser whose frames, or what goes with them, a node shows; None for a node of no loop."""
    for browser in _nodes(node.GetScene(), "vtkMRMLSequenceBrowserNode"):
        if browser.GetMasterSequenceNode() is not None and browser.GetSequenceNode(node) is not None:
            return browser
    return None


def masses_of(frame_node) -> list[Any]:
    """The segmentations of ours that were drawn on a frame, the last one first."""
    nodes = list(_nodes(frame_node.GetScene(), "vtkMRMLSegmentationNode"))
    return [n for n in reversed(nodes) if n.GetAttribute(MASS_ATTRIBUTE) and frame_of_mass(n) is frame_node]


def _set_shown(node, shown: bool) -> None:
    for index in range(node.GetNumberOfDisplayNodes()):
        display = node.GetNthDisplayNode(index)
        if display is None:
            continue
        if not shown and display.GetVisibility():
            display.SetAttribute(HIDDEN_ATTRIBUTE, "1")
            display.SetVisibility(False)
        elif shown and display.GetAttribute(HIDDEN_ATTRIBUTE):
            display.SetAttribute(HIDDEN_ATTRIBUTE, None)
            display.SetVisibility(True)


def _nodes(scene, class_name: str) -> Iterator[Any]:
    for index in range(scene.GetNumberOfNodesByClass(class_name)):
        yield scene.GetNthNodeByClass(index, class_name)
