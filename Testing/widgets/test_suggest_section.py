"""Clicks in the mass, on the panel: points of Slicer's, and those with Ctrl that Slicer does not place."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest


@pytest.fixture
def room(opened, scene, monkeypatch):
    """The panel with the benign-looking sample and no mass, and a view in which each pixel is one of the frame."""
    import slicer
    from vtkmodules.vtkRenderingCore import vtkRenderWindowInteractor

    module = opened(window=True)
    from BreastMassXAILib.readers.frames import read_frame
    from BreastMassXAILib.resources import resource
    from BreastMassXAILib.scene.inputs import add_frame, mass_of
    from BreastMassXAILib.widgets import suggest_section

    frame = add_frame(scene, read_frame(resource("SampleData", "benign.dcm")), "N")
    interactor, slice_node = vtkRenderWindowInteractor(), slicer.vtkMRMLSliceNode()
    frame.GetIJKToRASMatrix(slice_node.GetXYToRAS())
    view = SimpleNamespace(
        sliceView=lambda: SimpleNamespace(interactor=lambda: interactor), mrmlSliceNode=lambda: slice_node
    )
    monkeypatch.setattr(suggest_section, "slice_widget", lambda name: view if name == "Red" else None)
    module.panel.parameters.frame = frame
    module.settle()

    def press(row, column, control):
        interactor.SetEventInformation(column, row, int(control), 0)
        interactor.InvokeEvent("LeftButtonPressEvent")
        module.settle()

    def mass():
        return mass_of(*module.panel.session.inputs[1:], frame)

    return SimpleNamespace(module=module, ui=module.ui, frame=frame, scene=scene, press=press, mass=mass)


def test_clicks_outline_the_mass_and_take_away(room):
    from BreastMassXAILib.scene.clicks import clicks_in, world_at

    ui, module = room.ui, room.module
    assert ui.clickMassButton.enabled and not ui.acceptButton.enabled
    ui.clickMassButton.click()
    (points,) = clicks_in(room.scene)
    points.AddControlPointWorld(world_at(room.frame, 207, 317))
    module.settle()
    first = room.mass()
    assert first[207, 317] and "automatic" in ui.maskOriginText.text and ui.acceptButton.enabled, ui.statusText.text
    room.press(210, 420, control=False)
    np.testing.assert_array_equal(room.mass(), first)
    room.press(210, 420, control=True)
    assert not np.array_equal(room.mass(), first)
    assert [points.GetNthControlPointLabel(k) for k in range(points.GetNumberOfControlPoints())] == ["+", "-"]
    points.AddControlPointWorld(world_at(room.frame, -40, 5))
    module.settle()
    assert "outside the frame" in ui.statusText.text
    assert points.GetNumberOfControlPoints() == 2, "a click that was refused leaves no point"
    ui.segmentEditor.undo()
    module.settle()
    np.testing.assert_array_equal(room.mass(), first)
    ui.acceptButton.click()
    module.settle()
    assert "accepted" in ui.maskOriginText.text and not ui.acceptButton.enabled
    ui.clickMassButton.click()
    assert clicks_in(room.scene) == [] and not ui.clickMassButton.checked


def test_another_frame_or_a_closed_scene_ends_the_waiting_for_clicks(room):
    from BreastMassXAILib.core.frame import Frame, Provenance, Spacing
    from BreastMassXAILib.scene.clicks import clicks_in
    from BreastMassXAILib.scene.inputs import add_frame

    room.ui.clickMassButton.click()
    assert len(clicks_in(room.scene)) == 1
    grey = np.random.default_rng(0).uniform(0, 255, (60, 80)).astype(np.float32)
    room.module.panel.parameters.frame = add_frame(room.scene, Frame(grey, Spacing(0.1, 0.1, Provenance.HEADER)), "M")
    room.module.settle()
    assert clicks_in(room.scene) == [] and not room.ui.clickMassButton.checked
    room.press(20, 20, control=True)
    assert room.module.panel.session.inputs[1] is None
    room.ui.clickMassButton.click()
    room.module.panel.scene_closes()
    assert clicks_in(room.scene) == [] and not room.ui.clickMassButton.checked
