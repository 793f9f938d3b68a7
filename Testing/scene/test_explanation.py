"""An explanation in a scene: what is shown, that it is updated in place, and that nothing else is touched."""

from __future__ import annotations

import numpy as np
import pytest

from BreastMassXAILib.core.palette import DEAD_BAND, REGION_COLORS
from BreastMassXAILib.core.regions import REGIONS

ROLES = ("companion", "saliency", "regions", "segments", "extremes", "table", "legend")


@pytest.fixture
def rooms(scene):
    """The room's public functions, in one place."""
    from types import SimpleNamespace

    from BreastMassXAILib.scene import arrays, colors, companion, explanation, inputs, views

    return SimpleNamespace(
        arrays=arrays, colors=colors, companion=companion, explanation=explanation, inputs=inputs, views=views
    )


@pytest.fixture
def frame_node(scene, rooms, case):
    return rooms.inputs.add_frame(scene, case.frame, "N")


@pytest.fixture
def mass_node(scene, rooms, case, frame_node):
    return rooms.inputs.add_mass(scene, case.mass, frame_node, "my mass")


@pytest.fixture
def nodes(scene, rooms, frame_node, mass_node, explanation):
    return rooms.explanation.show_explanation(scene, frame_node, explanation, mass_segmentation=mass_node)


def geometry(node) -> list[float]:
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    matrix = vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return [matrix.GetElement(i, j) for i in range(4) for j in range(4)]


def ids(nodes) -> dict[str, str]:
    return {role: getattr(nodes, role).GetID() for role in ROLES}


def table_of(node) -> dict[str, list]:
    table = node.GetTable()
    columns = [table.GetColumn(index) for index in range(table.GetNumberOfColumns())]
    return {column.GetName(): [column.GetValue(i) for i in range(column.GetNumberOfValues())] for column in columns}


def test_the_images_are_the_explanation_on_the_frames_grid(rooms, nodes, frame_node, explanation) -> None:
    for node, expected in ((nodes.saliency, explanation.saliency), (nodes.regions, explanation.labels)):
        assert geometry(node) == geometry(frame_node)
        voxels = rooms.arrays.array_of(node.GetImageData())
        assert voxels.dtype == expected.dtype
        np.testing.assert_array_equal(voxels[0], expected)


def test_names_follow_the_frame(scene, rooms, nodes, frame_node, explanation) -> None:
    names = ["N saliency", "N regions", "N region segments", "N extremes", "N pointing game"]
    assert [getattr(nodes, role).GetName() for role in ROLES[1:6]] == names
    frame_node.SetName("M")
    rooms.explanation.show_explanation(scene, frame_node, explanation)
    assert nodes.table.GetName() == "M pointing game"


def test_saliency_runs_from_blue_over_a_dead_band_to_red(nodes, explanation) -> None:
    display = nodes.saliency.GetDisplayNode()
    limit = np.abs(explanation.saliency).max()
    assert not display.GetAutoWindowLevel()
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == pytest.approx((-limit, limit))
    table = display.GetColorNode()
    rgba = np.array([table.GetLookupTable().GetTableValue(i) for i in range(table.GetNumberOfColors())])
    assert rgba.shape == (256, 4)
    np.testing.assert_allclose(rgba[[0, -1]], [[0, 0, 1, 1], [1, 0, 0, 1]])
    assert (rgba[:127, 2] >= rgba[:127, 0]).all() and (rgba[129:, 0] >= rgba[129:, 2]).all()
    t = np.linspace(-1, 1, 256)
    np.testing.assert_array_equal(rgba[:, 3] == 0, np.abs(t) < DEAD_BAND)


def test_one_range_for_several_cases(scene, rooms, frame_node, explanation) -> None:
    nodes = rooms.explanation.show_explanation(scene, frame_node, explanation, saliency_range=12.5)
    assert nodes.saliency.GetDisplayNode().GetWindowLevelMin() == -12.5
    assert nodes.saliency.GetDisplayNode().GetWindowLevelMax() == 12.5


def test_a_flat_map_has_a_window(scene, rooms, frame_node, explanation) -> None:
    from dataclasses import replace

    flat = replace(explanation, saliency=np.zeros_like(explanation.saliency))
    nodes = rooms.explanation.show_explanation(scene, frame_node, flat)
    assert nodes.saliency.GetDisplayNode().GetWindowLevelMax() == 1


def test_regions_have_names_and_colours(nodes) -> None:
    table = nodes.regions.GetDisplayNode().GetColorNode()
    assert [table.GetColorName(i) for i in range(table.GetNumberOfColors())] == list(REGIONS)
    colors = [table.GetLookupTable().GetTableValue(i) for i in range(4)]
    assert colors[0][3] == 0
    for name, color in zip(REGIONS[1:], colors[1:], strict=True):
        np.testing.assert_allclose(color, (*REGION_COLORS[name], 1), atol=1 / 255)


def test_regions_as_segments(scene, rooms, nodes, frame_node, case, explanation, make_explanation) -> None:
    segmentation = nodes.segments.GetSegmentation()
    assert segmentation.GetSegmentIDs() == REGIONS[1:]
    assert not nodes.segments.GetDisplayNode().GetVisibility()
    narrow = make_explanation(case, ring_mm=1.5)
    for shown in (explanation, narrow):
        rooms.explanation.show_explanation(scene, frame_node, shown)
        for label, name in enumerate(REGIONS[1:], start=1):
            mask = rooms.inputs.mass_of(nodes.segments, name, frame_node)
            np.testing.assert_array_equal(mask, shown.labels == label)


def test_a_surface_of_the_old_regions_does_not_outlive_them(
    scene, rooms, nodes, frame_node, case, make_explanation
) -> None:
    assert nodes.segments.GetSegmentation().CreateRepresentation("Closed surface")
    rooms.explanation.show_explanation(scene, frame_node, make_explanation(case, ring_mm=1.5))
    assert not nodes.segments.GetSegmentation().ContainsRepresentation("Closed surface")


def test_extremes_are_locked_white_crosses_at_their_pixels(nodes, explanation) -> None:
    markups = nodes.extremes
    assert [markups.GetNthControlPointLabel(i) for i in range(markups.GetNumberOfControlPoints())] == ["max", "min"]
    for index, point in enumerate(explanation.result.extremes.values()):
        expected = (-0.23 * point.column, -0.31 * point.row, 0)
        assert markups.GetNthControlPointPosition(index) == pytest.approx(expected)
        assert point.region in markups.GetNthControlPointDescription(index)
    display = markups.GetDisplayNode()
    assert markups.GetLocked()
    assert display.GetGlyphTypeAsString(display.GetGlyphType()) == "Cross2D"
    assert display.GetSelectedColor() == (1, 1, 1)


def test_the_table_adds_up_to_the_logit(nodes, explanation) -> None:
    result = explanation.result
    table = table_of(nodes.table)
    assert list(table) == ["region", "maximum", "minimum", "area fraction", "contribution (logit)"]
    assert table["region"] == ["mass", "peritumoral", "below", "elsewhere", "bias", "logit"]
    shares = table["contribution (logit)"]
    assert sum(shares[:5]) == pytest.approx(shares[5], abs=1e-6)
    assert shares[4:] == [result.bias, result.logit]
    assert sum(table["area fraction"][:5]) == pytest.approx(table["area fraction"][5]) == pytest.approx(1)
    for column, which in (("maximum", "max"), ("minimum", "min")):
        pointed = [region for region, cell in zip(table["region"], table[column], strict=True) if cell]
        assert pointed == [result.extremes[which].region]


def test_the_legend_says_logit(nodes) -> None:
    assert nodes.legend.GetTitleText() == "logit"
    assert nodes.legend.GetPrimaryDisplayNode() is nodes.saliency.GetDisplayNode()


def test_small_maps_get_more_decimals(scene, rooms, frame_node, explanation) -> None:
    nodes = rooms.explanation.show_explanation(scene, frame_node, explanation, saliency_range=0.02)
    assert nodes.legend.GetLabelFormat() % 0.01 == "0.010"


def test_a_second_run_updates_in_place(scene, rooms, nodes, frame_node, mass_node, case, make_explanation) -> None:
    before, count = ids(nodes), scene.GetNumberOfNodes()
    other = make_explanation(case, seed=5, ring_mm=2.0)
    again = rooms.explanation.show_explanation(scene, frame_node, other, 3.0, mass_node)
    assert ids(again) == before
    assert again.folder == nodes.folder
    assert scene.GetNumberOfNodes() == count
    np.testing.assert_array_equal(rooms.arrays.array_of(nodes.saliency.GetImageData())[0], other.saliency)
    np.testing.assert_array_equal(rooms.arrays.array_of(nodes.regions.GetImageData())[0], other.labels)
    assert table_of(nodes.table)["contribution (logit)"][-1] == other.result.logit
    assert rooms.companion.restored_result(frame_node) == other.result
    assert nodes.extremes.GetNumberOfControlPoints() == 2


def test_a_second_run_keeps_what_the_user_chose(scene, rooms, nodes, frame_node, explanation) -> None:
    nodes.extremes.GetDisplayNode().SetVisibility(False)
    nodes.segments.GetDisplayNode().SetVisibility(True)
    nodes.legend.SetPosition(0.1, 0.2)
    rooms.explanation.show_explanation(scene, frame_node, explanation)
    assert not nodes.extremes.GetDisplayNode().GetVisibility()
    assert nodes.segments.GetDisplayNode().GetVisibility()
    assert nodes.legend.GetPosition() == (0.1, 0.2)


def test_one_observed_change_per_node_and_run(scene, rooms, nodes, frame_node, explanation) -> None:
    changes = []
    nodes.extremes.AddObserver("ModifiedEvent", lambda *_: changes.append(1))
    rooms.explanation.show_explanation(scene, frame_node, explanation)
    assert len(changes) <= 1


def test_the_users_nodes_are_not_touched(scene, rooms, frame_node, mass_node, explanation) -> None:
    def state():
        segment = mass_node.GetSegmentation().GetSegment("mass")
        image = segment.GetRepresentation("Binary labelmap")
        objects = (frame_node, frame_node.GetDisplayNode(), frame_node.GetImageData(), mass_node, segment, image)
        return [(item.GetMTime(), str(getattr(item, "GetName", str)())) for item in objects]

    before = state()
    rooms.explanation.show_explanation(scene, frame_node, explanation, mass_segmentation=mass_node)
    rooms.explanation.show_explanation(scene, frame_node, explanation, mass_segmentation=mass_node)
    assert state() == before


def test_two_frames_do_not_mix(scene, rooms, nodes, frame_node, explanation, make_case, make_explanation) -> None:
    other_case = make_case(seed=3)
    other_frame = rooms.inputs.add_frame(scene, other_case.frame, "N")  # the same name, even
    other = make_explanation(other_case, seed=3)
    before = ids(nodes)
    others = rooms.explanation.show_explanation(scene, other_frame, other)
    assert not set(ids(others).values()) & set(before.values())
    assert others.folder != nodes.folder
    np.testing.assert_array_equal(rooms.arrays.array_of(nodes.saliency.GetImageData())[0], explanation.saliency)
    assert rooms.companion.restored_result(frame_node) == explanation.result
    assert rooms.companion.restored_result(other_frame) == other.result
    assert others.saliency.GetDisplayNode().GetColorNode() is nodes.saliency.GetDisplayNode().GetColorNode()
    assert others.regions.GetDisplayNode().GetColorNode() is nodes.regions.GetDisplayNode().GetColorNode()


@pytest.mark.parametrize("role", ROLES)
def test_a_node_removed_by_hand_comes_back(scene, rooms, nodes, frame_node, explanation, role: str) -> None:
    kept = {other: node_id for other, node_id in ids(nodes).items() if other != role}
    if role == "saliency":
        del kept["legend"]  # goes with the volume that it describes
    scene.RemoveNode(getattr(nodes, role))
    assert rooms.explanation.explanation_nodes(frame_node) is None
    healed = rooms.explanation.show_explanation(scene, frame_node, explanation)
    assert all(getattr(healed, other) is not None for other in ROLES)
    if role != "companion":
        assert kept.items() <= ids(healed).items()
        assert healed.folder == nodes.folder


def test_points_removed_by_hand_come_back(scene, rooms, nodes, frame_node, explanation) -> None:
    nodes.extremes.RemoveNthControlPoint(0)
    rooms.explanation.show_explanation(scene, frame_node, explanation)
    assert [nodes.extremes.GetNthControlPointLabel(i) for i in range(2)] == ["max", "min"]


def test_all_nodes_lie_in_one_folder_beside_the_frame(scene, rooms, frame_node, explanation) -> None:
    import slicer

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "study")
    hierarchy.CreateItem(study, frame_node)
    nodes = rooms.explanation.show_explanation(scene, frame_node, explanation)
    assert hierarchy.GetItemName(nodes.folder) == "N explanation"
    assert hierarchy.GetItemParent(nodes.folder) == study
    inside = [hierarchy.GetItemParent(hierarchy.GetItemByDataNode(getattr(nodes, role))) for role in ROLES[1:6]]
    assert inside == [nodes.folder] * 5


def test_an_item_that_was_moved_stays_where_it_is(scene, rooms, nodes, frame_node, explanation) -> None:
    import slicer

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    table = hierarchy.GetItemByDataNode(nodes.table)
    hierarchy.SetItemParent(table, hierarchy.GetSceneItemID())
    again = rooms.explanation.show_explanation(scene, frame_node, explanation)
    assert again.folder == nodes.folder
    assert hierarchy.GetItemParent(table) == hierarchy.GetSceneItemID()


def test_everything_moves_with_the_frame(scene, rooms, nodes, frame_node, explanation) -> None:
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    frame_node.SetAndObserveTransformNodeID(transform.GetID())
    rooms.explanation.show_explanation(scene, frame_node, explanation)
    for role in ("saliency", "regions", "segments", "extremes"):
        assert getattr(nodes, role).GetTransformNodeID() == transform.GetID()


def test_no_explanation_no_nodes(rooms, frame_node) -> None:
    assert rooms.explanation.explanation_nodes(frame_node) is None
    assert rooms.companion.restored_result(frame_node) is None


def test_slice_view_layers(scene, rooms, nodes) -> None:
    rooms.views.show_in_slice_view(scene, nodes)
    count = scene.GetNumberOfNodes()
    rooms.views.show_in_slice_view(scene, nodes, saliency_opacity=0.3)
    assert scene.GetNumberOfNodes() == count
    composite = scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    slice_node = scene.GetFirstNodeByClass("vtkMRMLSliceNode")
    assert composite.GetLayoutName() == slice_node.GetLayoutName() == "Red"
    assert composite.GetBackgroundVolumeID() == nodes.frame.GetID()
    assert composite.GetForegroundVolumeID() == nodes.saliency.GetID()
    assert composite.GetLabelVolumeID() == nodes.regions.GetID()
    assert composite.GetForegroundOpacity() == pytest.approx(0.3)
    assert slice_node.GetUseLabelOutline()
    width, height, _ = slice_node.GetFieldOfView()
    assert width > 130 * 0.23 and height > 90 * 0.31  # the whole frame
