"""Looks of an explanation in the slice views."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("trame_slicer", reason="slicer-core and trame-slicer are not installed")


@pytest.fixture
def overlay(headless):
    from BreastMassXAILib.presenter import overlay

    return overlay


@pytest.fixture
def nodes(room):
    room.session.explain()
    return room.session.nodes


def view(scene, name: str):
    from BreastMassXAILib.scene.views import find_view_node

    return [find_view_node(scene, kind, name) for kind in ("vtkMRMLSliceNode", "vtkMRMLSliceCompositeNode")]


def lay_out(room, *names: str) -> list:
    """Slice views of these names in the layout, as Slicer's layout manager makes and marks them; others leave it."""
    from BreastMassXAILib.scene.views import slice_nodes, view_nodes

    nodes = [view_nodes(room.scene, name, room.frame)[0] for name in names]
    for node in slice_nodes(room.scene):
        node.SetMappedInLayout(node in nodes)
    return nodes


def test_what_is_switched_off_is_not_shown(room, nodes, overlay) -> None:
    looks = overlay.Looks()
    overlay.show(room.scene, nodes, looks)
    slice_node, composite = view(room.scene, "Red")
    assert composite.GetBackgroundVolumeID() == room.frame.GetID()
    assert composite.GetForegroundOpacity() == looks.opacity
    assert composite.GetLabelVolumeID() == nodes.regions.GetID()
    extremes = nodes.extremes.GetDisplayNode()
    assert extremes.GetVisibility()
    assert nodes.legend.GetVisibility()
    off = replace(looks, saliency=False, regions=False, extremes=False)
    overlay.show(room.scene, nodes, off)
    assert composite.GetForegroundOpacity() == 0
    assert composite.GetLabelVolumeID() is None
    assert not extremes.GetVisibility()
    assert not nodes.legend.GetVisibility()
    overlay.show(room.scene, nodes, replace(looks, outline=False))
    assert not slice_node.GetUseLabelOutline()
    assert composite.GetLabelOpacity() < 1


def test_the_dead_band_is_transparent_and_the_rest_is_not(room, nodes, overlay) -> None:
    table = nodes.saliency.GetDisplayNode().GetColorNode()
    for band in (0.3, 0.0, 0.1):
        overlay.show(room.scene, nodes, overlay.Looks(dead_band=band))
        alpha = np.array([table.GetLookupTable().GetTableValue(i)[3] for i in range(256)])
        np.testing.assert_array_equal(alpha > 0, np.abs(np.linspace(-1, 1, 256)) >= band)


def test_side_by_side_shows_the_frame_alone_and_the_explanation_beside_it(room, nodes, overlay) -> None:
    count = None
    lay_out(room, "Red", "BreastMassXAI")
    for _ in range(2):
        overlay.show_chosen(room.scene, room.frame, overlay.Looks())
        assert count in (None, room.scene.GetNumberOfNodes())
        count = room.scene.GetNumberOfNodes()
    _, alone = view(room.scene, overlay.FRAME_VIEW)
    slice_node, beside = view(room.scene, overlay.OVERLAY_VIEW)
    assert (alone.GetForegroundVolumeID(), alone.GetLabelVolumeID()) == (None, None)
    assert beside.GetForegroundVolumeID() == nodes.saliency.GetID()
    assert alone.GetBackgroundVolumeID() == beside.GetBackgroundVolumeID() == room.frame.GetID()
    assert alone.GetLinkedControl() and beside.GetLinkedControl()
    for display in (nodes.extremes.GetDisplayNode(), nodes.legend):
        assert tuple(display.GetViewNodeIDs()) == (slice_node.GetID(),)
    lay_out(room, "Red")
    overlay.show_chosen(room.scene, room.frame, overlay.Looks())
    assert alone.GetForegroundVolumeID() == nodes.saliency.GetID()
    assert beside.GetForegroundVolumeID() is None


@pytest.mark.parametrize("transformed", [False, True])
def test_a_frame_is_shown_the_right_way_up_however_it_lies(room, overlay, transformed: bool) -> None:
    """Column 0 at the left and row 0 at the top of the view, for a volume in any pose."""
    import slicer
    from vtkmodules.vtkCommonMath import vtkMatrix4x4
    from vtkmodules.vtkCommonTransforms import vtkTransform

    from BreastMassXAILib.presenter.showing import Showing, Wanted

    turn = vtkTransform()
    turn.RotateWXYZ(77, 1, 2, 3)
    turn.Translate(11, -5, 3)
    matrix = vtkMatrix4x4()
    room.frame.GetIJKToRASMatrix(matrix)
    if transformed:
        node = slicer.vtkMRMLLinearTransformNode()
        node.SetMatrixTransformToParent(turn.GetMatrix())
        room.frame.SetAndObserveTransformNodeID(room.scene.AddNode(node).GetID())
    else:
        vtkMatrix4x4.Multiply4x4(turn.GetMatrix(), matrix, matrix)
        room.frame.SetIJKToRASMatrix(matrix)
    Showing(room.scene, lambda: None).show(Wanted(room.frame))
    slice_node, composite = view(room.scene, overlay.FRAME_VIEW)
    assert composite.GetBackgroundVolumeID() == room.frame.GetID()
    room.frame.GetIJKToRASMatrix(matrix)
    columns, rows, _ = room.frame.GetImageData().GetDimensions()
    column_mm, row_mm, _ = room.frame.GetSpacing()
    to_view = vtkMatrix4x4()
    to_view.DeepCopy(slice_node.GetSliceToRAS())
    to_view.Invert()
    for column, row in ((0, 0), (columns - 1, 0), (0, rows - 1)):
        world = np.zeros(3)
        room.frame.TransformPointToWorld(matrix.MultiplyPoint((column, row, 0, 1))[:3], world)
        x, y, z, _ = to_view.MultiplyPoint((*world, 1))
        expected = ((column - (columns - 1) / 2) * column_mm, ((rows - 1) / 2 - row) * row_mm, 0)
        assert (x, y, z) == pytest.approx(expected, abs=1e-6)
