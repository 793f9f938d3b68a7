"""The shipped samples are what the generator makes, and nothing but that."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from BreastMassXAILib.commands.make_sample_data import SAMPLES, main
from BreastMassXAILib.readers.frames import read_frame
from BreastMassXAILib.readers.masks import read_mask
from BreastMassXAILib.resources import resource

ENDINGS = (".png", "_mask.png", "_spacing_mm.txt", ".dcm")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples") / "made" / "here"
    assert main([str(folder)]) == 0
    return folder


def grey(path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.mode == "L"
        return np.asarray(image).astype(int)


def test_a_second_run_writes_the_same_bytes(made, tmp_path):
    assert main([str(tmp_path)]) == 0
    names = sorted(path.name for path in made.iterdir())
    assert names == sorted(name + ending for name in SAMPLES for ending in ENDINGS)
    assert names == sorted(path.name for path in tmp_path.iterdir())
    for name in names:
        assert (made / name).read_bytes() == (tmp_path / name).read_bytes(), name
        assert (made / name).stat().st_size < 400_000, name


@pytest.mark.parametrize("name", SAMPLES)
def test_the_shipped_samples_are_what_the_generator_makes(made, name):
    """Another build of numpy may round a grey value differently; the masks are exact."""
    for ending in ENDINGS:
        shipped, fresh = resource("SampleData", name + ending), made / (name + ending)
        if ending == "_spacing_mm.txt":
            assert shipped.read_text() == fresh.read_text()
        elif ending == "_mask.png":
            np.testing.assert_array_equal(grey(shipped), grey(fresh))
        elif ending == ".png":
            difference = abs(grey(shipped) - grey(fresh))
            assert difference.max() <= 2
            assert difference.mean() < 0.01
        else:
            np.testing.assert_array_equal(read_frame(shipped).pixels, grey(resource("SampleData", f"{name}.png")))


@pytest.mark.parametrize("name", SAMPLES)
def test_picture_dicom_mask_and_spacing_agree(made, name):
    frame = read_frame(made / f"{name}.dcm")
    np.testing.assert_array_equal(frame.pixels, grey(made / f"{name}.png"))
    assert frame.warnings == ()
    text = (made / f"{name}_spacing_mm.txt").read_text()
    assert frame.spacing.mm() == pytest.approx(tuple(float(size) for size in text.split(",")))
    mass = read_mask(made / f"{name}_mask.png", frame.shape).pixels
    assert 0.02 < mass.mean() < 0.2


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path, capsys):
    (tmp_path / "file").write_text("not a folder")
    assert main([str(tmp_path / "file" / "below")]) == 2
    error = capsys.readouterr().err
    assert "cannot be written" in error
    assert error.count("\n") == 1
