"""A slice view that shows a frame with its explanation on top."""

from __future__ import annotations

import numpy as np

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
    slice_node = _view_node(scene, "vtkMRMLSliceNode", layout_name)
    if slice_node is None:
        slice_node = _new_view_node(scene, "vtkMRMLSliceNode", layout_name)
        _aim(slice_node, nodes.frame)
        if layout_name == "Red":
            slice_node.SetLayoutLabel(_RED_VIEW[0])
            slice_node.SetLayoutColor(_RED_VIEW[1])
    composite = _view_node(scene, "vtkMRMLSliceCompositeNode", layout_name)
    composite = composite or _new_view_node(scene, "vtkMRMLSliceCompositeNode", layout_name)
    state = composite.StartModify()
    composite.SetBackgroundVolumeID(nodes.frame.GetID())
    composite.SetForegroundVolumeID(nodes.saliency.GetID())
    composite.SetForegroundOpacity(saliency_opacity)
    composite.SetLabelVolumeID(nodes.regions.GetID())
    composite.SetLabelOpacity(1.0)
    composite.EndModify(state)
    slice_node.SetUseLabelOutline(True)


def _view_node(scene, class_name: str, layout_name: str):
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


def _aim(slice_node, frame_node) -> None:
    """Let a view that no window has sized yet show the whole frame, with a margin."""
    bounds = np.zeros(6)
    frame_node.GetSliceBounds(bounds, None)
    low, high = bounds[::2], bounds[1::2]
    slice_node.SetOrientation("Axial")
    slice_node.SetDimensions(512, 512, 1)
    side = 1.05 * float((high - low)[:2].max())
    slice_node.SetFieldOfView(side, side, 1)
    for axis, middle in enumerate((low + high) / 2):
        slice_node.GetSliceToRAS().SetElement(axis, 3, middle)
    slice_node.UpdateMatrices()
