"""The companion: a hidden node of ours beside a frame that keeps the result, and references what shows it."""

from __future__ import annotations

import json
from typing import Any

from ..core.result import CaseResult

RESULT_ATTRIBUTE = "BreastMassXAI.Result"
CINE_ATTRIBUTE = "BreastMassXAI.CineResult"
NETWORK_ATTRIBUTE = "BreastMassXAI.Network"
STALE_ATTRIBUTE = "BreastMassXAI.Stale"


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


def stale_reason(frame_node) -> str | None:
    """Why a frame's explanation is out of date, in a sentence; None where it is not, or where there is none."""
    companion = companion_of(frame_node.GetScene(), frame_node)
    return None if companion is None else companion.GetAttribute(STALE_ATTRIBUTE)


def keeps_loop(frame_node) -> bool:
    """Whether a frame's explanation is a loop's, with a result for each of the frames that the node shows in turn."""
    companion = companion_of(frame_node.GetScene(), frame_node)
    return companion is not None and is_of_loop(companion)


def _keeper(frame_node):
    """The node that keeps a frame's result. In a loop the table changes with the frame, and takes its result along."""
    companion = companion_of(frame_node.GetScene(), frame_node)
    if companion is None:
        return None
    return companion.GetNodeReference("table") if is_of_loop(companion) else companion


def is_of_loop(companion) -> bool:
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


def new_companion(scene, frame_node):
    """Without a module name: Slicer would otherwise take it for the parameters of the module of that name."""
    node = scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    node.SetAttribute(RESULT_ATTRIBUTE, "")
    node.SetNodeReferenceID("frame", frame_node.GetID())
    return node
