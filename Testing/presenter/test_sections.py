"""Which section opens, which fold, and what their lines say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")

from BreastMassXAILib.core.frame import Spacing
from BreastMassXAILib.core.result import Settings
from BreastMassXAILib.presenter.adding import add_sample, new_mass
from BreastMassXAILib.presenter.sections import (
    Folding,
    Section,
    Step,
    frames_in,
    image_line,
    mass_line,
    model_line,
    only_frame,
    step_of,
)
from BreastMassXAILib.presenter.session import Session
from BreastMassXAILib.scene.inputs import add_frame, set_segments


def test_the_steps_of_a_case_from_an_empty_scene(scene, malignant):
    session = Session(scene)
    assert step_of(session) is Step.START
    frame = add_frame(scene, malignant.frame, "N")
    assert step_of(session) is Step.IMAGE
    session.set_inputs(frame)
    assert step_of(session) is Step.MASS
    mass = new_mass(scene, frame)
    session.set_inputs(frame, mass, "mass")
    assert step_of(session) is Step.MASS, "it is empty"
    set_segments(mass, malignant.mass.astype(np.uint8), frame, {"mass": (1.0, 1.0, 0.0)})
    session.refresh()
    assert step_of(session) is Step.EXPLAIN
    model, session.model = session.model, None
    session.refresh()
    assert step_of(session) is Step.MODEL
    session.model = model
    session.refresh()
    session.explain()
    assert step_of(session) is Step.READ
    set_segments(mass, np.roll(malignant.mass, 150, 1).astype(np.uint8), frame, {"mass": (1.0, 1.0, 0.0)})
    session.refresh()
    assert step_of(session) is Step.READ, "a stale result is read, too"
    set_segments(mass, np.zeros_like(malignant.mass, np.uint8), frame, {"mass": (1.0, 1.0, 0.0)})
    session.refresh()
    assert step_of(session) is Step.MASS


def test_an_unknown_pixel_size_is_wanted_only_for_a_ring(scene, malignant):
    session = Session(scene)
    session.set_inputs(add_frame(scene, replace(malignant.frame, spacing=Spacing.unknown()), "N"))
    assert step_of(session) is Step.IMAGE
    session.settings = Settings(ring_mm=0.0)
    session.refresh()
    assert step_of(session) is Step.MASS


def test_sections_change_with_the_step_only():
    folding = Folding()
    assert folding.follow(Step.MASS) == {Section.IMAGE: False, Section.MASS: True, Section.MODEL: False}
    assert folding.follow(Step.MASS) == {}, "what the user opened stays open"
    assert Section.MASS not in folding.follow(Step.EXPLAIN), "its first stroke does not fold the mass"
    assert folding.follow(Step.READ) == dict.fromkeys(Section, False)
    assert folding.follow(Step.MODEL)[Section.MODEL]
    assert Section.MASS not in folding.follow(Step.READ, drawing=True), "a tool is in use"


def test_frames_are_neither_maps_nor_labelmaps(scene):
    assert only_frame(scene) is None
    frame, mass = add_sample(scene, "malignant")
    assert only_frame(scene) is frame
    session = Session(scene)
    session.set_inputs(frame, mass, "mass")
    session.explain()
    assert frames_in(scene) == [frame]
    other = scene.CopyNode(frame)
    assert frames_in(scene) == [frame, other] and only_frame(scene) is None, "the user chooses"


def test_a_volume_of_many_slices_is_not_chosen_unasked(scene):
    import slicer
    from vtkmodules.vtkCommonDataModel import vtkImageData

    image = vtkImageData()
    image.SetDimensions(4, 4, 7)
    image.AllocateScalars(3, 1)
    slicer_node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    assert isinstance(slicer_node, slicer.vtkMRMLScalarVolumeNode)
    slicer_node.SetAndObserveImageData(image)
    assert frames_in(scene) and only_frame(scene) is None


def test_lines_say_what_is_chosen(scene):
    frame, mass = add_sample(scene, "malignant")
    session = Session(scene)
    session.set_inputs(frame, mass, "mass")
    assert image_line(frame, session.facts) == "Image: malignant phantom, 600 x 560 pixels"
    assert image_line(None, None) == "Image: none is chosen"
    assert mass_line(mass, "mass") == "Mass: malignant phantom mass, segment mass"
    assert mass_line(mass, "gone") == "Mass: no segment of malignant phantom mass is chosen"
    assert mass_line(None, "") == "Mass: none yet"
    assert model_line(session.model, Settings()) == "Model: busbra, ring 5 mm"
    assert model_line(None, Settings(ring_mm=0.0, grey_zone=0.1)) == "Model: none is chosen, no ring, grey zone ±0.1"
    assert session.facts.spacing == "0.065 mm a pixel, from the file's ultrasound region"
