"""A line of known length gives a volume its pixel size in a scene, and what lies in its pixels follows it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from BreastMassXAILib.core.errors import SpacingError
from BreastMassXAILib.core.frame import Provenance, Spacing
from BreastMassXAILib.hosts import headless as host


@pytest.fixture
def modules(scene):
    from BreastMassXAILib.scene import calibration, explanation, inputs

    return calibration, explanation, inputs


def matrix_of(node) -> np.ndarray:
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    matrix = vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return np.array([[matrix.GetElement(i, j) for j in range(4)] for i in range(4)])


def draw(scene, volume, ends):
    """A markups line between two pixels (row, column) of a volume."""
    line = scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", "scale")
    for row, column in ends:
        world = np.zeros(3)
        volume.TransformPointToWorld((matrix_of(volume) @ (column, row, 0, 1))[:3], world)
        line.AddControlPointWorld(world)
    return line


@pytest.fixture
def uncalibrated(scene, modules, make_case):
    """A frame of unknown spacing with its mass, as PNG files give it."""
    case = make_case(spacing=Spacing.unknown())
    _, _, inputs = modules
    frame = inputs.add_frame(scene, case.frame, "N")
    return case, frame, inputs.add_mass(scene, case.mass, frame, "N mass")


def test_a_line_gives_square_pixels_and_then_measures_what_it_was_said_to(scene, modules, uncalibrated) -> None:
    calibration, _, inputs = modules
    case, frame, mass = uncalibrated
    before = matrix_of(frame)
    line = draw(scene, frame, [(5, 10), (65, 90)])
    spacing = calibration.calibrate_volume(frame, [(line, 25.0)])
    assert spacing.mm() == pytest.approx((0.25, 0.25)) and spacing.provenance is Provenance.CALIBRATED
    assert inputs.frame_of(frame).spacing == spacing
    after = matrix_of(frame)
    np.testing.assert_allclose(after, before @ np.diag([0.25, 0.25, 1, 1]), rtol=1e-12)
    assert line.GetLineLengthWorld() == pytest.approx(25)
    np.testing.assert_array_equal(inputs.mass_of(mass, "mass", frame), case.mass)
    assert (
        inputs._offset_on_grid(
            mass, mass.GetSegmentation().GetSegment("mass").GetRepresentation("Binary labelmap"), frame
        )
        is not None
    ), "its pixels are kept, not resampled"


def test_two_lines_give_pixels_that_are_not_square(scene, modules, uncalibrated) -> None:
    calibration, _, inputs = modules
    case, frame, mass = uncalibrated
    lines = [
        (draw(scene, frame, [(0, 5), (80, 5)]), 24.0),
        (draw(scene, frame, [(40, 10), (60, 110)]), math.hypot(6, 20)),
    ]
    assert calibration.calibrate_volume(frame, lines).mm() == pytest.approx((0.3, 0.2))
    for node, mm in lines:
        assert node.GetLineLengthWorld() == pytest.approx(mm)
    np.testing.assert_array_equal(inputs.mass_of(mass, "mass", frame), case.mass)


def test_calibration_is_taken_back_step_by_step(scene, modules, uncalibrated) -> None:
    calibration, _, inputs = modules
    case, frame, mass = uncalibrated
    before = matrix_of(frame)
    line = draw(scene, frame, [(5, 10), (85, 10)])
    calibration.calibrate_volume(frame, [(line, 16.0)])
    calibration.calibrate_volume(frame, [(line, 24.0)])
    assert inputs.frame_of(frame).spacing.mm() == pytest.approx((0.3, 0.3))
    assert calibration.undo_calibration(frame)
    assert inputs.frame_of(frame).spacing.mm() == pytest.approx((0.2, 0.2))
    assert line.GetLineLengthWorld() == pytest.approx(16)
    assert calibration.undo_calibration(frame)
    assert not inputs.frame_of(frame).spacing.known
    np.testing.assert_allclose(matrix_of(frame), before)
    np.testing.assert_array_equal(inputs.mass_of(mass, "mass", frame), case.mass)
    assert not calibration.undo_calibration(frame)


def test_slicers_own_undo_takes_it_back(scene, modules, uncalibrated) -> None:
    calibration, _, inputs = modules
    case, frame, mass = uncalibrated
    line = draw(scene, frame, [(5, 10), (85, 10)])
    for node in (frame, mass, line):
        node.SetUndoEnabled(True)
    scene.SetUndoOn()
    calibration.calibrate_volume(frame, [(line, 16.0)])
    scene.Undo()
    assert not inputs.frame_of(frame).spacing.known and frame.GetSpacing() == (1, 1, 1)
    assert line.GetLineLengthWorld() == pytest.approx(80)
    np.testing.assert_array_equal(inputs.mass_of(mass, "mass", frame), case.mass)


def test_an_explanation_follows_and_is_marked_out_of_date(headless, modules, case, explanation) -> None:
    from BreastMassXAILib.scene.companion import stale_reason

    calibration, explanations, inputs = modules
    nodes = headless.add(case, explanation, "N")
    line = draw(headless.scene, nodes.frame, [(5, 10), (85, 10)])
    assert stale_reason(nodes.frame) is None
    calibration.calibrate_volume(nodes.frame, [(line, 8.0)])
    for node in (nodes.saliency, nodes.regions):
        np.testing.assert_array_equal(matrix_of(node), matrix_of(nodes.frame))
    np.testing.assert_array_equal(inputs.mass_of(nodes.mass, "mass", nodes.frame), case.mass)
    np.testing.assert_array_equal(inputs.mass_of(nodes.segments, "below", nodes.frame), explanation.labels == 3)
    point = explanation.result.extremes["max"]
    position = np.zeros(3)
    nodes.extremes.GetNthControlPointPositionWorld(0, position)
    assert np.linalg.inv(matrix_of(nodes.frame)) @ (*position, 1) == pytest.approx([point.column, point.row, 0, 1])
    assert "explain it again" in stale_reason(nodes.frame)
    explanations.show_explanation(headless.scene, nodes.frame, explanation, mass_segmentation=nodes.mass)
    assert stale_reason(nodes.frame) is None


def test_it_is_saved_with_the_scene_and_can_be_taken_back_there(headless, modules, uncalibrated, tmp_path) -> None:
    calibration, _, inputs = modules
    case, frame, _ = uncalibrated
    calibration.calibrate_volume(frame, [(draw(headless.scene, frame, [(5, 10), (85, 10)]), 16.0)])
    headless.save(tmp_path / "scene.mrb")
    fresh = host.HeadlessSlicer()
    fresh.load(tmp_path / "scene.mrb")
    frame, mass, line = (fresh.scene.GetFirstNodeByName(name) for name in ("N", "N mass", "scale"))
    spacing = inputs.frame_of(frame).spacing
    assert spacing.mm() == pytest.approx((0.2, 0.2)) and spacing.provenance is Provenance.CALIBRATED
    np.testing.assert_array_equal(inputs.mass_of(mass, "mass", frame), case.mass)
    assert calibration.undo_calibration(frame)
    assert not inputs.frame_of(frame).spacing.known
    assert line.GetLineLengthWorld() == pytest.approx(80, rel=1e-5)
    np.testing.assert_array_equal(inputs.mass_of(mass, "mass", frame), case.mass)


def test_a_volume_that_lies_askew_under_a_transform(scene, modules, uncalibrated) -> None:
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    calibration, _, inputs = modules
    case, frame, mass = uncalibrated
    turned = vtkMatrix4x4()
    cosine, sine = math.cos(0.4), math.sin(0.4)
    turned.DeepCopy((cosine, -sine, 0, 12, 0, 0, -1, 3, sine, cosine, 0, -40, 0, 0, 0, 1))
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(turned)
    frame.SetAndObserveTransformNodeID(transform.GetID())
    mass.SetAndObserveTransformNodeID(transform.GetID())
    frame.SetOrigin(7, -8, 9)
    _, _, inputs = modules
    inputs.set_segments(mass, case.mass.astype(np.uint8), frame, {"mass": (1.0, 0.0, 0.0)})
    line = draw(scene, frame, [(5, 10), (65, 90)])
    assert calibration.calibrate_volume(frame, [(line, 25.0)]).mm() == pytest.approx((0.25, 0.25))
    assert frame.GetOrigin() == (7, -8, 9)
    assert line.GetLineLengthWorld() == pytest.approx(25)
    np.testing.assert_array_equal(inputs.mass_of(mass, "mass", frame), case.mass)


def test_a_spacing_changed_by_other_hands_is_not_called_calibrated(scene, modules, uncalibrated) -> None:
    calibration, _, inputs = modules
    _, frame, _ = uncalibrated
    frame.SetAttribute(inputs.PROVENANCE_ATTRIBUTE, None)
    calibration.calibrate_volume(frame, [(draw(scene, frame, [(5, 10), (85, 10)]), 16.0)])
    frame.SetSpacing(0.5, 0.5, 1)
    assert inputs.frame_of(frame).spacing.provenance is Provenance.HEADER


def test_a_line_that_gives_no_spacing_changes_nothing(scene, modules, uncalibrated) -> None:
    calibration, _, inputs = modules
    _, frame, _ = uncalibrated
    before = matrix_of(frame)
    unfinished = scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", "half a line")
    unfinished.AddControlPointWorld((0.0, 0.0, 0.0))
    for node, mm, message in (
        (unfinished, 10.0, "'half a line' needs two points"),
        (draw(scene, frame, [(5, 10), (85, 10)]), 0.0, "positive"),
        (draw(scene, frame, [(5, 10), (95, 10)]), 10.0, "outside the frame"),
    ):
        with pytest.raises(SpacingError, match=message):
            calibration.calibrate_volume(frame, [(node, mm)])
    np.testing.assert_array_equal(matrix_of(frame), before)
    assert frame.GetAttribute(inputs.CALIBRATION_ATTRIBUTE) is None
