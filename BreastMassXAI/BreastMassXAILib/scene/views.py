"""A slice view that shows a frame with its explanation on top."""

from __future__ import annotations

from typing import Any

import numpy as np
from vtkmodules.vtkCommonMath import vtkMatrix4x4

from .explanation import ExplanationNodes

SALIENCY_OPACITY = 0.45
"""Readable red and blue, and the B-mode texture still visible below."""
_RED_VIEW = ("R", (243 / 255, 74 / 255, 51 / 255))  # Slicer's own label and colour of its red view


def show_in_slice_view(
    scene, nodes: ExplanationNodes, layout_name: str = "Red", saliency_opacity: float = SALIENCY_OPACITY
) -> None:
    """Frame as background, saliency as foreground, outlines of the regions as label layer of one slice view.

    Parameters
    ----------
    scene : vtkMRMLScene
    nodes : ExplanationNodes
    layout_name : str
        The view ("Red", "Yellow", ...). Its nodes are created where the scene does not have them yet.
    saliency_opacity : float
        0..1.
    """
    slice_node, composite = view_nodes(scene, layout_name, nodes.frame)
    state = composite.StartModify()
    composite.SetBackgroundVolumeID(nodes.frame.GetID())
    composite.SetForegroundVolumeID(nodes.saliency.GetID())
    composite.SetForegroundOpacity(saliency_opacity)
    composite.SetLabelVolumeID(nodes.regions.GetID())
    composite.SetLabelOpacity(1.0)
    composite.EndModify(state)
    slice_node.SetUseLabelOutline(True)


def show_frame_in_slice_view(scene, frame_node, layout_name: str = "Red") -> None:
    """A frame alone in a slice view, row 0 at the top, whatever way its volume lies in the room.

    The view's size belongs to its window: fit the view to its background afterwards.
    """
    slice_node, composite = view_nodes(scene, layout_name, frame_node)
    state = composite.StartModify()
    composite.SetBackgroundVolumeID(frame_node.GetID())
    composite.SetForegroundVolumeID(None)
    composite.SetLabelVolumeID(None)
    composite.EndModify(state)
    aim(slice_node, frame_node)


def view_nodes(scene, layout_name: str, frame_node) -> tuple[Any, Any]:
    """The slice node and the composite node of a view; new ones, aimed at the frame, where the scene has none."""
    slice_node = find_view_node(scene, "vtkMRMLSliceNode", layout_name)
    if slice_node is None:
        slice_node = _new_view_node(scene, "vtkMRMLSliceNode", layout_name)
        _show_whole(slice_node, frame_node)
        if layout_name == "Red":
            slice_node.SetLayoutLabel(_RED_VIEW[0])
            slice_node.SetLayoutColor(_RED_VIEW[1])
    composite = find_view_node(scene, "vtkMRMLSliceCompositeNode", layout_name)
    return slice_node, composite or _new_view_node(scene, "vtkMRMLSliceCompositeNode", layout_name)


def aim(slice_node, frame_node) -> None:
    """Let a slice view look straight at a frame: columns to the right, rows downwards, its middle in the middle."""
    columns, rows, _ = frame_node.GetImageData().GetDimensions()
    to_ras = vtkMatrix4x4()
    frame_node.GetIJKToRASMatrix(to_ras)

    def place(column: float, row: float) -> np.ndarray:
        world = np.zeros(3)
        frame_node.TransformPointToWorld(to_ras.MultiplyPoint((column, row, 0.0, 1.0))[:3], world)
        return world

    first = place(0, 0)
    right, down = place(columns - 1, 0) - first, place(0, rows - 1) - first
    right, down = right / np.linalg.norm(right), down / np.linalg.norm(down)
    axes = (right, -down, np.cross(right, down), place((columns - 1) / 2, (rows - 1) / 2))
    state = slice_node.StartModify()
    for column, axis in enumerate(axes):
        for row in range(3):
            slice_node.GetSliceToRAS().SetElement(row, column, float(axis[row]))
    slice_node.UpdateMatrices()
    slice_node.EndModify(state)


def find_view_node(scene, class_name: str, layout_name: str):
    for index in range(scene.GetNumberOfNodesByClass(class_name)):
        node = scene.GetNthNodeByClass(index, class_name)
        if node.GetLayoutName() == layout_name:
            return node
    return None


def _new_view_node(scene, class_name: str, layout_name: str):
    node = scene.CreateNodeByClass(class_name)
    node.UnRegister(None)  # Python holds it now
    node.SetName(layout_name)
    node.SetLayoutName(layout_name)
    return scene.AddNode(node)


def _show_whole(slice_node, frame_node) -> None:
    """Let a view that no window has sized yet show the whole frame, with a margin."""
    bounds = np.zeros(6)
    frame_node.GetSliceBounds(bounds, None)
    slice_node.SetOrientation("Axial")
    slice_node.SetDimensions(512, 512, 1)
    side = 1.05 * float((bounds[1::2] - bounds[::2]).max())
    slice_node.SetFieldOfView(side, side, 1)
    aim(slice_node, frame_node)
