"""Points that a person places in the mass: markups of ours, and where they lie on the frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import slicer
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkCommonTransforms import vtkGeneralTransform

from .nodes import remove_node

CLICKS_ATTRIBUTE = "BreastMassXAI.Clicks"
"""On the points that this module lets a person place; they are not saved with the scene."""
_NAMES = {True: "+", False: "-"}


def begin_clicks(scene, frame_node) -> Any:
    """Let every click in a view place a point, until :func:`end_clicks`.

    Returns
    -------
    vtkMRMLMarkupsFiducialNode
        Without points.
    """
    end_clicks(scene)
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", scene.GenerateUniqueName("Mass"))
    node.SetAttribute(CLICKS_ATTRIBUTE, frame_node.GetID())
    node.SetSaveWithScene(False)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetGlyphType(display.Cross2D)
    display.SetColor(1, 1, 1)
    display.SetSelectedColor(1, 1, 1)
    selection, interaction = _modes(scene)
    if selection is not None and interaction is not None:
        # Not through the markups' own logic: its StartPlaceMode would place points, whatever is active.
        selection.SetReferenceActivePlaceNodeClassName(node.GetClassName())
        selection.SetReferenceActivePlaceNodeID(node.GetID())
        interaction.SetPlaceModePersistence(1)
        interaction.SetCurrentInteractionMode(interaction.Place)
    return node


def end_clicks(scene) -> None:
    """Views are what they were before, and the points are gone."""
    nodes = clicks_in(scene)
    _selection, interaction = _modes(scene)
    if nodes and interaction is not None:
        interaction.SetPlaceModePersistence(0)
        interaction.SetCurrentInteractionMode(interaction.ViewTransform)
    for node in nodes:
        remove_node(scene, node)


def clicks_in(scene) -> list[Any]:
    """The points of ours, one node after another."""
    nodes = (
        scene.GetNthNodeByClass(index, "vtkMRMLMarkupsFiducialNode")
        for index in range(scene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode"))
    )
    return [node for node in nodes if node.GetAttribute(CLICKS_ATTRIBUTE)]


def show_clicks(clicks_node, frame_node, places: Sequence[tuple[float, float, bool]]) -> None:
    """Let the points be these: row and column on the frame, and whether they lie in the mass (``+``) or not (``-``)."""
    clicks_node.RemoveAllControlPoints()
    for row, column, inside in places:
        clicks_node.AddControlPointWorld(world_at(frame_node, row, column), _NAMES[inside])


def newest_place(clicks_node, frame_node) -> tuple[float, float] | None:
    """Row and column on the frame of the point that was placed last; None where none is."""
    for index in reversed(range(clicks_node.GetNumberOfControlPoints())):
        if clicks_node.GetNthControlPointPositionStatus(index) == clicks_node.PositionDefined:
            return place_at(frame_node, clicks_node.GetNthControlPointPositionWorld(index))
    return None


def place_at(frame_node, world: Sequence[float]) -> tuple[float, float]:
    """Row and column on a frame of a point in the room."""
    to_ijk = vtkMatrix4x4()
    frame_node.GetRASToIJKMatrix(to_ijk)
    column, row, _, _ = to_ijk.MultiplyPoint((*_local(frame_node, world, to_world=False), 1.0))
    return row, column


def world_at(frame_node, row: float, column: float) -> np.ndarray:
    """The point in the room at row and column of a frame."""
    to_ras = vtkMatrix4x4()
    frame_node.GetIJKToRASMatrix(to_ras)
    return np.array(_local(frame_node, to_ras.MultiplyPoint((column, row, 0.0, 1.0))[:3], to_world=True))


def world_of_view(slice_node, x: float, y: float) -> tuple[float, float, float]:
    """The point in the room that a slice view shows at a place of its window, in pixels from its lower left corner."""
    first, second, third, _ = slice_node.GetXYToRAS().MultiplyPoint((x, y, 0.0, 1.0))
    return first, second, third


def _local(frame_node, point: Sequence[float], to_world: bool) -> tuple[float, float, float]:
    """A point through the frame's transform, where it stands under one."""
    parent = frame_node.GetParentTransformNode()
    if parent is None:
        first, second, third = point
        return first, second, third
    ends = (parent, None) if to_world else (None, parent)
    transform = vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(*ends, transform)
    return transform.TransformPoint(*point)


def _modes(scene) -> tuple[Any, Any]:
    """The nodes by which Slicer knows what a click does."""
    return scene.GetNodeByID("vtkMRMLSelectionNodeSingleton"), scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
