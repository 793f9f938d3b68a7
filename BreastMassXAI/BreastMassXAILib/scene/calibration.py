"""Calibration in a scene: "this markups line is N mm long" gives a volume its pixel size, and can be taken back.

The one operation that writes to nodes of the user, because the pixel size of the user's volume is what he asks to have
changed. The volume's origin and directions stay; its pixels change size. What was drawn in its pixels follows it:
segmentations that refer to the volume, our explanation, and the calibrating lines themselves (which then measure
what they were said to). Regions in millimetres are out of date thereafter: the explanation is marked so until it is
made again. All other nodes stay where they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from vtkmodules.vtkCommonCore import vtkCollection
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkCommonTransforms import vtkTransform

from ..core.calibration import CalibrationLine, spacing_from_lines
from ..core.errors import InputError, SpacingError
from ..core.frame import Spacing
from .explanation import explanation_nodes
from .inputs import CALIBRATION_ATTRIBUTE
from .legend import mark_stale

LINE_ROLE = "BreastMassXAI.CalibrationLine"
STALE_REASON = "The frame's pixel size was changed after this explanation was made: explain it again."


def calibrate_volume(volume_node, lines: Sequence[tuple[Any, float]]) -> Spacing:
    """Give a volume the pixel size that one or two markups lines of known length tell.

    Parameters
    ----------
    volume_node : vtkMRMLVolumeNode
        A frame. Its earlier geometry is kept in its attribute ``BreastMassXAI.Calibration``, which is saved with the
        scene; :func:`undo_calibration` brings it back. Slicer's own undo does, too, where it is switched on.
    lines : sequence of (vtkMRMLMarkupsLineNode, mm)
        One: square pixels. Two in different directions: height and width of the pixels.

    Returns
    -------
    Spacing
        With the provenance ``calibrated``.

    Raises
    ------
    InputError
        When the volume holds no image or a line has not two points.
    SpacingError
        When the lines give no spacing (see :func:`~..core.calibration.spacing_from_lines`); nothing is changed then.
    """
    image = volume_node.GetImageData()
    if image is None:
        raise InputError(f"The volume '{volume_node.GetName()}' holds no image.")
    columns, rows, _ = image.GetDimensions()
    spacing = spacing_from_lines([_line(volume_node, node, mm) for node, mm in lines], (rows, columns))
    row_mm, column_mm = spacing.mm()
    earlier = volume_node.GetSpacing()
    line_nodes = [node for node, _ in lines]
    _save_for_undo(volume_node, line_nodes)
    history = [*_history(volume_node), {"earlier": list(earlier), "calibrated": [column_mm, row_mm, earlier[2]]}]
    _respace(volume_node, (column_mm, row_mm, earlier[2]), line_nodes, history)
    for node in line_nodes:
        if node.GetID() not in _references(volume_node):
            volume_node.AddNodeReferenceID(LINE_ROLE, node.GetID())
    return spacing


def undo_calibration(volume_node) -> bool:
    """Bring back the geometry that a volume had before its last calibration, in a restored scene too.

    Returns
    -------
    bool
        False where there is no calibration to take back.
    """
    history = _history(volume_node)
    if not history:
        return False
    scene = volume_node.GetScene()
    line_nodes = [node for node in (scene.GetNodeByID(ID) for ID in _references(volume_node)) if node is not None]
    _save_for_undo(volume_node, line_nodes)
    _respace(volume_node, history[-1]["earlier"], line_nodes, history[:-1])
    if not history[:-1]:
        volume_node.RemoveNodeReferenceIDs(LINE_ROLE)
    return True


def _line(volume_node, line_node, mm: float) -> CalibrationLine:
    if line_node.GetNumberOfDefinedControlPoints() != 2:
        raise SpacingError(f"The line '{line_node.GetName()}' needs two points: place both of its ends on the frame.")
    world_to_ijk = vtkMatrix4x4()
    volume_node.GetRASToIJKMatrix(world_to_ijk)
    ends = []
    for index in range(2):
        position = np.zeros(3)
        line_node.GetNthControlPointPositionWorld(index, position)
        local = np.zeros(3)
        volume_node.TransformPointFromWorld(position, local)
        column, row, _, _ = world_to_ijk.MultiplyPoint((*local, 1.0))
        ends.append((row, column))
    return CalibrationLine(*ends[0], *ends[1], mm)


def _history(volume_node) -> list[dict[str, list[float]]]:
    return json.loads(volume_node.GetAttribute(CALIBRATION_ATTRIBUTE) or "[]")


def _references(volume_node) -> list[str]:
    return [
        volume_node.GetNthNodeReferenceID(LINE_ROLE, index)
        for index in range(volume_node.GetNumberOfNodeReferences(LINE_ROLE))
    ]


def _respace(volume_node, spacing: Sequence[float], line_nodes: Sequence, history: list) -> None:
    before, after, change = vtkMatrix4x4(), vtkMatrix4x4(), vtkMatrix4x4()
    volume_node.GetRASToIJKMatrix(before)
    state = volume_node.StartModify()
    volume_node.SetSpacing(*spacing)  # origin and directions stay
    volume_node.SetAttribute(CALIBRATION_ATTRIBUTE, json.dumps(history) if history else None)
    volume_node.EndModify(state)
    volume_node.GetIJKToRASMatrix(after)
    vtkMatrix4x4.Multiply4x4(after, before, change)
    for node in line_nodes:
        _move_points(node, volume_node, change)
    for node in _segmentations_of(volume_node):
        _move_segmentation(node, volume_node, change)
    nodes = explanation_nodes(volume_node)
    if nodes is not None:
        for node in (nodes.saliency, nodes.regions):
            node.CopyOrientation(volume_node)
        _move_points(nodes.extremes, volume_node, change)
        mark_stale(volume_node, STALE_REASON)


def _move_points(markups_node, volume_node, change: vtkMatrix4x4) -> None:
    """Keep control points on the volume's pixels, whatever transforms the markups and the volume have."""
    state = markups_node.StartModify()
    for index in range(markups_node.GetNumberOfControlPoints()):
        world, local = np.zeros(3), np.zeros(3)
        markups_node.GetNthControlPointPositionWorld(index, world)
        volume_node.TransformPointFromWorld(world, local)
        volume_node.TransformPointToWorld(change.MultiplyPoint((*local, 1.0))[:3], world)
        markups_node.SetNthControlPointPositionWorld(index, world)
    markups_node.EndModify(state)


def _segmentations_of(volume_node) -> Iterator:
    """The segmentations that lie in the volume's pixels: drawn on it, or explained with it."""
    nodes = explanation_nodes(volume_node)
    explained = () if nodes is None else (nodes.mass, nodes.segments)
    scene = volume_node.GetScene()
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")):
        node = scene.GetNthNodeByClass(index, "vtkMRMLSegmentationNode")
        reference = node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole())
        if reference is volume_node or any(node is other for other in explained):
            yield node


def _move_segmentation(segmentation_node, volume_node, change: vtkMatrix4x4) -> None:
    """Only the geometry of a labelmap changes, never a voxel of it."""
    transform = vtkTransform()
    transform.SetMatrix(change)
    segmentation_node.GetSegmentation().ApplyLinearTransform(transform)
    if segmentation_node.GetNodeReference(segmentation_node.GetReferenceImageGeometryReferenceRole()) is volume_node:
        segmentation_node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)


def _save_for_undo(volume_node, line_nodes: Sequence) -> None:
    scene = volume_node.GetScene()
    if scene is None or not scene.GetUndoFlag():
        return
    nodes = explanation_nodes(volume_node)
    ours = () if nodes is None else (nodes.companion, nodes.saliency, nodes.regions, nodes.extremes)
    touched = vtkCollection()
    for node in (volume_node, *line_nodes, *_segmentations_of(volume_node), *ours):
        touched.AddItem(node)
    scene.SaveStateForUndo(touched)
