"""Frames and masks as nodes and back."""

from __future__ import annotations

import numpy as np
import pytest

from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.frame import Frame, Provenance, Spacing


@pytest.fixture
def inputs(scene):
    from BreastMassXAILib.scene import inputs

    return inputs


def matrix_of(node) -> np.ndarray:
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    matrix = vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return np.array([[matrix.GetElement(i, j) for j in range(4)] for i in range(4)])


def volume(scene, array: np.ndarray, spacing: tuple[float, float, float] = (1, 1, 1), node_class=None):
    """A volume as a user might have loaded it: (slices, rows, columns) or (slices, rows, columns, components)."""
    import slicer
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData

    image = vtkImageData()
    image.SetDimensions(array.shape[2], array.shape[1], array.shape[0])
    flat = array.reshape(-1, array.shape[3]) if array.ndim == 4 else array.ravel()
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(flat), deep=True))
    node = slicer.vtkMRMLVectorVolumeNode() if array.ndim == 4 else slicer.vtkMRMLScalarVolumeNode()
    node.SetName("loaded")
    node.SetSpacing(spacing)
    node.SetAndObserveImageData(image)
    return scene.AddNode(node)


def test_a_frame_lies_the_right_way_up(scene, inputs, case) -> None:
    node = inputs.add_frame(scene, case.frame, "frame")
    np.testing.assert_array_equal(matrix_of(node), np.diag([-0.23, -0.31, 1, 1]))
    assert node.GetImageData().GetDimensions() == (130, 90, 1)
    assert node.GetImageData().GetScalarTypeAsString() == "unsigned char"
    assert node.GetImageData().GetScalarComponentAsDouble(7, 3, 0, 0) == case.frame.pixels[3, 7]


@pytest.mark.parametrize(
    "spacing",
    [Spacing.unknown(), *(Spacing(0.2, 0.3, kind) for kind in Provenance if kind is not Provenance.UNKNOWN)],
    ids=lambda spacing: spacing.provenance.value,
)
def test_a_frame_comes_back_with_its_spacing(scene, inputs, make_case, spacing: Spacing) -> None:
    frame = make_case(spacing=spacing).frame
    back = inputs.frame_of(inputs.add_frame(scene, frame, "frame"))
    assert back.spacing == spacing
    np.testing.assert_array_equal(back.pixels, frame.pixels)


def test_fractional_greys_come_back_exactly(scene, inputs, case) -> None:
    frame = Frame(case.frame.pixels * np.float32(0.77), case.frame.spacing)
    back = inputs.frame_of(inputs.add_frame(scene, frame, "frame"))
    np.testing.assert_array_equal(back.pixels, frame.pixels)
    assert back.warnings == ()


def test_spacing_of_a_volume_that_is_not_ours(scene, inputs) -> None:
    pixels = np.arange(30, dtype=np.uint8).reshape(1, 5, 6)
    assert not inputs.frame_of(volume(scene, pixels)).spacing.known
    assert inputs.frame_of(volume(scene, pixels, (0.2, 0.1, 1))).spacing == Spacing(0.1, 0.2, Provenance.HEADER)


def test_colours_become_luminance(scene, inputs) -> None:
    pixels = np.zeros((1, 5, 6, 3), np.uint8)
    pixels[0, :, :3] = (255, 0, 0)
    frame = inputs.frame_of(volume(scene, pixels))
    assert frame.shape == (5, 6)
    assert frame.pixels[0, 0] == pytest.approx(0.299 * 255) and frame.pixels[0, 5] == 0
    assert "oloured" in frame.warnings[0]


def test_sixteen_bits_are_brought_to_grey(scene, inputs) -> None:
    frame = inputs.frame_of(volume(scene, np.linspace(0, 4000, 30).astype(np.int16).reshape(1, 5, 6)))
    assert (frame.pixels.min(), frame.pixels.max()) == (0, 255)
    assert "more than 8 bits" in frame.warnings[0]


def test_what_is_no_frame_is_refused(scene, inputs) -> None:
    import slicer

    with pytest.raises(InputError, match="'loaded' has 3 slices"):
        inputs.frame_of(volume(scene, np.zeros((3, 5, 6), np.uint8)))
    with pytest.raises(InputError, match="holds no image"):
        inputs.frame_of(slicer.vtkMRMLScalarVolumeNode())


def test_a_mass_comes_back(scene, inputs, case) -> None:
    frame = inputs.add_frame(scene, case.frame, "frame")
    segmentation = inputs.add_mass(scene, case.mass, frame, "mass of frame")
    assert segmentation.GetSegmentation().GetSegmentIDs() == ("mass",)
    assert segmentation.GetNodeReference(segmentation.GetReferenceImageGeometryReferenceRole()) is frame
    np.testing.assert_array_equal(inputs.mass_of(segmentation, "mass", frame), case.mass)


def painted(
    scene, frame, array: np.ndarray, extent: tuple[int, ...], geometry: np.ndarray | None = None, value: int = 1
):
    """A segmentation whose segment 'painted' has this labelmap (slices, rows, columns) on this extent."""
    import slicer
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    image = slicer.vtkOrientedImageData()
    image.SetExtent(extent)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(array, np.uint8).ravel(), deep=True))
    matrix = vtkMatrix4x4()
    matrix.DeepCopy((matrix_of(frame) if geometry is None else geometry).ravel())
    image.SetImageToWorldMatrix(matrix)
    segment = slicer.vtkSegment()
    segment.SetName("painted")
    segment.SetLabelValue(value)
    segment.AddRepresentation("Binary labelmap", image)
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "masses")
    node.GetSegmentation().AddSegment(segment, "painted")
    return node


def test_an_extent_smaller_than_the_frame(scene, inputs, case) -> None:
    frame = inputs.add_frame(scene, case.frame, "frame")
    rows, columns = slice(18, 43), slice(29, 72)
    node = painted(scene, frame, case.mass[rows, columns], (29, 71, 18, 42, 0, 0))
    np.testing.assert_array_equal(inputs.mass_of(node, "painted", frame), case.mass)


def test_an_extent_beyond_the_frame_and_other_labels_in_it(scene, inputs, case) -> None:
    frame = inputs.add_frame(scene, case.frame, "frame")
    labels = np.full((3, 100, 150), 2)  # another segment shares the labelmap
    labels[1, 5:95, 10:140][case.mass] = 7
    node = painted(scene, frame, labels, (-10, 139, -5, 94, -1, 1), value=7)
    np.testing.assert_array_equal(inputs.mass_of(node, "painted", frame), case.mass)


def test_a_segment_beside_the_frame_is_an_empty_mask(scene, inputs, case) -> None:
    frame = inputs.add_frame(scene, case.frame, "frame")
    for extent in ((130, 139, 0, 9, 0, 0), (-20, -11, 0, 9, 0, 0), (0, 9, 0, 9, 2, 2)):
        assert not inputs.mass_of(painted(scene, frame, np.ones((10, 10)), extent), "painted", frame).any()
    empty = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "none")
    empty.GetSegmentation().AddEmptySegment("empty")
    assert not inputs.mass_of(empty, "empty", frame).any()


def test_a_finer_grid_is_resampled(scene, inputs, case) -> None:
    frame = inputs.add_frame(scene, case.frame, "frame")
    fine = np.kron(case.mass, np.ones((3, 3)))
    geometry = np.diag([-0.23 / 3, -0.31 / 3, 1, 1])
    geometry[:2, 3] = 0.23 / 3, 0.31 / 3  # the middle one of nine lies on the frame's pixel
    node = painted(scene, frame, fine, (0, 389, 0, 269, 0, 0), geometry)
    np.testing.assert_array_equal(inputs.mass_of(node, "painted", frame), case.mass)


def test_a_flipped_grid_is_resampled(scene, inputs, case) -> None:
    frame = inputs.add_frame(scene, case.frame, "frame")
    geometry = np.diag([0.23, -0.31, 1, 1])
    geometry[0, 3] = -129 * 0.23
    node = painted(scene, frame, case.mass[:, ::-1], (0, 129, 0, 89, 0, 0), geometry)
    np.testing.assert_array_equal(inputs.mass_of(node, "painted", frame), case.mass)


def test_a_transform_of_the_frame_alone_moves_the_mask(scene, inputs, case) -> None:
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    frame = inputs.add_frame(scene, case.frame, "frame")
    segmentation = inputs.add_mass(scene, case.mass, frame, "mass")
    shift = vtkMatrix4x4()
    shift.SetElement(0, 3, -4 * 0.23)  # the frame moves 4 columns to the mass's larger columns
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(shift)
    frame.SetAndObserveTransformNodeID(transform.GetID())
    np.testing.assert_array_equal(inputs.mass_of(segmentation, "mass", frame), np.roll(case.mass, -4, axis=1))
    segmentation.SetAndObserveTransformNodeID(transform.GetID())
    np.testing.assert_array_equal(inputs.mass_of(segmentation, "mass", frame), case.mass)


def test_a_segment_that_cannot_be_read_says_why(scene, inputs, case) -> None:
    import slicer
    from vtkmodules.vtkCommonDataModel import vtkPolyData

    frame = inputs.add_frame(scene, case.frame, "frame")
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "masses")
    node.GetSegmentation().SetSourceRepresentationName("Closed surface")
    segment = slicer.vtkSegment()
    segment.SetName("surface")
    segment.AddRepresentation("Closed surface", vtkPolyData())
    node.GetSegmentation().AddSegment(segment, "surface")
    with pytest.raises(InputError, match="surface only"):
        inputs.mass_of(node, "surface", frame)
    with pytest.raises(InputError, match="no segment 'mass'"):
        inputs.mass_of(node, "mass", frame)


def fading() -> np.ndarray:
    """Grey values of a frame whose skin is plainly above."""
    rng = np.random.default_rng(2)
    return (rng.integers(60, 120, (200, 150)) * np.linspace(1.5, 0.4, 200)[:, None]).astype(np.uint8)


def test_a_frame_that_looks_upside_down_says_so(scene, inputs) -> None:
    upright, turned = fading(), fading()[::-1].copy()
    for pixels, said in ((upright, False), (turned, True)):
        own = inputs.add_frame(scene, Frame(pixels.astype(np.float32), Spacing.unknown()), "frame")
        loaded = volume(scene, pixels[None])
        for node in (own, loaded):
            assert any("looks upside down" in text for text in inputs.frame_of(node).warnings) == said


@pytest.mark.parametrize(
    ("rows_in_ras", "where"),
    [((0, -1, 0), ""), ((0, 0, -1), ""), ((0, 1, 0), "to the front"), ((0, 0, 1), "upwards"), ((1, 0, 0), "")],
)
def test_rows_that_run_to_the_front_or_upwards_in_the_patient_are_told(scene, inputs, rows_in_ras, where) -> None:
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    rows = np.array(rows_in_ras, float)
    columns = np.array([0.0, -1, 0]) if rows[0] else np.array([-1.0, 0, 0])
    matrix = vtkMatrix4x4()
    for axis, vector in enumerate((columns * 0.1, rows * 0.1, np.cross(columns, rows))):
        for k in range(3):
            matrix.SetElement(k, axis, vector[k])
    even = np.random.default_rng(5).integers(0, 256, (1, 200, 150)).astype(np.uint8)
    for pixels, told in ((even, where), (fading()[None], "")):  # where the picture tells, it is not asked for
        node = volume(scene, pixels)
        node.SetIJKToRASMatrix(matrix)
        notes = [text for text in inputs.frame_of(node).warnings if "in the patient" in text]
        assert len(notes) == bool(told) and all(told in text for text in notes)
