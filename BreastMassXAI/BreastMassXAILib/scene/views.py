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
    right, down, middle, _, _ = _lie(frame_node)
    axes = (right, -down, np.cross(right, down), middle)
    state = slice_node.StartModify()
    for column, axis in enumerate(axes):
        for row in range(3):
            slice_node.GetSliceToRAS().SetElement(row, column, float(axis[row]))
    slice_node.UpdateMatrices()
    slice_node.EndModify(state)


def fit(slice_node, frame_node) -> None:
    """Aim a slice view at a frame and let the whole frame fill it, with square millimetres.

    The view must have the size of its window (`GetDimensions`), which it gets when it is drawn.
    """
    _, _, _, width_mm, height_mm = _lie(frame_node)
    columns, rows, slices = slice_node.GetDimensions()
    mm_per_pixel = max(width_mm / max(columns, 1), height_mm / max(rows, 1))
    state = slice_node.StartModify()
    aim(slice_node, frame_node)
    slice_node.SetXYZOrigin(0, 0, 0)
    slice_node.SetFieldOfView(mm_per_pixel * max(columns, 1), mm_per_pixel * max(rows, 1), max(slices, 1))
    slice_node.EndModify(state)


def filled(slice_node, frame_node) -> tuple[float, float]:
    """What share of a slice view's width and of its height a frame takes; the larger one is 1 where it is fitted."""
    _, _, _, width_mm, height_mm = _lie(frame_node)
    field = slice_node.GetFieldOfView()
    return width_mm / field[0], height_mm / field[1]


def geometry_of(frame_node) -> tuple[float, ...]:
    """Where a frame lies and how large it is: what a fitted view depends on."""
    right, down, middle, width_mm, height_mm = _lie(frame_node)
    return (*right, *down, *middle, width_mm, height_mm, *frame_node.GetImageData().GetDimensions())


def _lie(frame_node) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float]:
    """Directions to the right and down, the middle, width and height in the room, transforms included."""
    columns, rows, _ = frame_node.GetImageData().GetDimensions()
    to_ras = vtkMatrix4x4()
    frame_node.GetIJKToRASMatrix(to_ras)

    def place(column: float, row: float) -> np.ndarray:
        world = np.zeros(3)
        frame_node.TransformPointToWorld(to_ras.MultiplyPoint((column, row, 0.0, 1.0))[:3], world)
        return world

    first = place(-0.5, -0.5)  # pixels have their centres at whole numbers
    right, down = place(columns - 0.5, -0.5) - first, place(-0.5, rows - 0.5) - first
    width_mm, height_mm = float(np.linalg.norm(right)), float(np.linalg.norm(down))
    return right / width_mm, down / height_mm, place((columns - 1) / 2, (rows - 1) / 2), width_mm, height_mm


def is_frame(node) -> bool:
    """Whether a view can be aimed at a volume: it holds an image."""
    return node is not None and node.GetImageData() is not None and node.GetImageData().GetNumberOfPoints() > 0


def introduce_legend(composite_node) -> None:
    """Let a slice view look again for colour bars.

    A view learns of those that are older than itself only when a user's hand seems to change its layers.
    """
    composite_node.SetInteractionFlags(composite_node.ForegroundVolumeFlag)
    composite_node.Modified()
    composite_node.SetInteractionFlags(0)


def slice_nodes(scene) -> list[Any]:
    """The slice nodes of all slice views that a scene knows."""
    count = scene.GetNumberOfNodesByClass("vtkMRMLSliceNode")
    return [scene.GetNthNodeByClass(index, "vtkMRMLSliceNode") for index in range(count)]


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
