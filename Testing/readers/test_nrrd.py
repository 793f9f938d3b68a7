"""Arrays that Slicer shows upright and the readers read back."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK

from BreastMassXAILib.core.errors import OutputError
from BreastMassXAILib.core.frame import Provenance, Spacing
from BreastMassXAILib.readers.frames import read_frame
from BreastMassXAILib.readers.nrrd import write_nrrd

SPACING = Spacing(0.08, 0.11, Provenance.CALIBRATED)


def test_a_map_is_one_slice_in_identity_geometry_and_lossless(tmp_path):
    values = np.random.default_rng(3).normal(size=(40, 56)).astype(np.float32)
    write_nrrd(tmp_path / "saliency.nrrd", values, SPACING)
    image = SimpleITK.ReadImage(str(tmp_path / "saliency.nrrd"))
    assert image.GetSize() == (56, 40, 1)
    assert image.GetSpacing() == pytest.approx((0.11, 0.08, 1))
    assert image.GetOrigin() == (0, 0, 0)
    assert image.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    assert image.GetPixelID() == SimpleITK.sitkFloat32
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image)[0], values)


def test_labels_stay_labels_and_the_same_input_gives_the_same_small_file(tmp_path):
    labels = np.zeros((400, 560), np.uint8)
    labels[100:200, 200:300] = 1
    for name in ("one.nrrd", "two.nrrd"):
        write_nrrd(tmp_path / name, labels, SPACING, {1: "mass"})
    assert (tmp_path / "one.nrrd").read_bytes() == (tmp_path / "two.nrrd").read_bytes()
    assert (tmp_path / "one.nrrd").stat().st_size < labels.size / 20
    image = SimpleITK.ReadImage(str(tmp_path / "one.nrrd"))
    assert image.GetPixelID() == SimpleITK.sitkUInt8
    assert image.GetMetaData("Segment0_Name") == "mass"


def test_an_unknown_spacing_stays_unknown_when_it_is_read_again(tmp_path, speckle):
    write_nrrd(tmp_path / "map.nrrd", speckle, Spacing.unknown())
    assert read_frame(tmp_path / "map.nrrd").spacing == Spacing.unknown()
    write_nrrd(tmp_path / "map.nrrd", speckle, SPACING)
    assert read_frame(tmp_path / "map.nrrd").spacing.mm() == pytest.approx((0.08, 0.11))


def test_a_map_without_a_place_is_an_output_error(tmp_path, speckle, capfd):
    with pytest.raises(OutputError, match=r"map\.nrrd cannot be written"):
        write_nrrd(tmp_path / "absent" / "map.nrrd", speckle, SPACING)
    assert capfd.readouterr() == ("", "")
