"""What the panel's first buttons add to a scene."""

from __future__ import annotations

import numpy as np
import pytest

from BreastMassXAILib.core.errors import InputError


@pytest.fixture
def adding(headless):
    from BreastMassXAILib.presenter import adding

    return adding


def test_a_sample_comes_with_its_mass_and_its_pixel_size(scene, adding, malignant) -> None:
    from BreastMassXAILib.scene.inputs import frame_of, mass_of

    frame_node, mass_node = adding.add_sample(scene, "malignant")
    frame = frame_of(frame_node)
    assert frame.spacing == malignant.frame.spacing
    np.testing.assert_array_equal(frame.pixels, malignant.frame.pixels)
    np.testing.assert_array_equal(mass_of(mass_node, adding.MASS_SEGMENT, frame_node), malignant.mass)
    assert adding.add_sample(scene, "malignant") == (frame_node, mass_node)


def test_every_sample_is_there(scene, adding) -> None:
    assert [sample.name for sample in adding.samples()] == ["malignant", "benign"]
    for sample in adding.samples():
        assert sample.picture.is_file()
        adding.add_sample(scene, sample.name)
    with pytest.raises(InputError, match="no sample 'orange'"):
        adding.add_sample(scene, "orange")


def test_a_new_mass_is_empty_and_on_the_frames_grid(scene, adding, malignant) -> None:
    from BreastMassXAILib.scene.inputs import mass_of

    frame_node, _ = adding.add_sample(scene, "malignant")
    node = adding.new_mass(scene, frame_node)
    mask = mass_of(node, adding.MASS_SEGMENT, frame_node)
    assert mask.shape == malignant.frame.shape and not mask.any()
    assert adding.new_mass(scene, frame_node).GetName() != node.GetName()


def test_a_mask_is_imported_or_refused(scene, adding, benign) -> None:
    from BreastMassXAILib.scene.inputs import mass_of

    frame_node, _ = adding.add_sample(scene, "malignant")
    count = scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")
    sample = adding.samples()[1]
    node, notes = adding.import_mass(scene, sample.mask, frame_node)
    assert notes == ()
    np.testing.assert_array_equal(mass_of(node, adding.MASS_SEGMENT, frame_node), benign.mass)
    with pytest.raises(InputError):
        adding.import_mass(scene, sample.picture, frame_node)  # a picture of tissue
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == count + 1


def test_a_mask_of_several_segments_is_chosen_from_and_told(scene, adding, malignant, tmp_path) -> None:
    import SimpleITK

    from BreastMassXAILib.core.errors import SegmentChoiceError
    from BreastMassXAILib.scene.inputs import mass_of

    frame_node, _ = adding.add_sample(scene, "malignant")
    labels = malignant.mass.astype(np.uint8)
    labels[:9] = 2
    fields = {"ID": "a", "LabelValue": "1", "Layer": "0"}, {"ID": "b", "LabelValue": "2", "Layer": "0"}
    for names in (("Segment_1", "Segment_2"), ("Mass", "Skin")):
        image = SimpleITK.GetImageFromArray(labels[None])
        row_mm, column_mm = malignant.frame.spacing.mm()
        image.SetSpacing((column_mm, row_mm, 1.0))
        for number, (name, own) in enumerate(zip(names, fields, strict=True)):
            for key, value in {**own, "Name": name}.items():
                image.SetMetaData(f"Segment{number}_{key}", value)
        SimpleITK.WriteImage(image, str(tmp_path / f"{names[0]}.seg.nrrd"))
    with pytest.raises(SegmentChoiceError) as caught:
        adding.import_mass(scene, tmp_path / "Segment_1.seg.nrrd", frame_node)
    assert caught.value.choices == ("Segment_1", "Segment_2")
    node, _ = adding.import_mass(scene, tmp_path / "Segment_1.seg.nrrd", frame_node, ["Segment_2"])
    np.testing.assert_array_equal(mass_of(node, adding.MASS_SEGMENT, frame_node), labels == 2)
    node, notes = adding.import_mass(scene, tmp_path / "Mass.seg.nrrd", frame_node)
    np.testing.assert_array_equal(mass_of(node, adding.MASS_SEGMENT, frame_node), malignant.mass)
    assert "not used: 'Skin'" in notes[0]


def test_the_mass_segment_is_found_by_its_name(scene, adding) -> None:
    import slicer

    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    assert adding.first_segment(node) == ""
    for name in ("tissue", "mass"):
        segment = slicer.vtkSegment()
        segment.SetName(name)
        node.GetSegmentation().AddSegment(segment, name)
        assert adding.first_segment(node) == name
    node.GetSegmentation().RemoveSegment("mass")
    assert adding.first_segment(node) == "tissue"


def test_saliency_maps_are_no_frames(room, adding) -> None:
    assert adding.own_volumes(room.scene) == []
    room.session.explain()
    assert adding.own_volumes(room.scene) == [room.session.nodes.saliency.GetID()]


def test_a_line_is_what_the_next_two_clicks_place(scene, adding) -> None:
    """Not points: Slicer's markups logic would switch to them when it starts to place."""
    import slicer

    selection, interaction = slicer.vtkMRMLSelectionNode(), slicer.vtkMRMLInteractionNode()
    for node in (selection, interaction):
        node.SetSingletonTag("Singleton")
        if scene.GetNodeByID(f"{node.GetClassName()}Singleton") is None:
            scene.AddNode(node)
    frame_node, _ = adding.add_sample(scene, "benign")
    line = adding.draw_line(scene, frame_node)
    selection = scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    interaction = scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    assert selection.GetActivePlaceNodeID() == line.GetID()
    assert selection.GetActivePlaceNodeClassName() == "vtkMRMLMarkupsLineNode"
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    assert not interaction.GetPlaceModePersistence()
