"""``outline``, and ``analyze`` without a mask: a frame in, the mask that the shipped network suggests out."""

import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK
from PIL import Image

from BreastMassXAILib.commands.command_line import main
from BreastMassXAILib.phantom.simulation import benign_phantom, simulate
from BreastMassXAILib.pipeline import load_outliner
from BreastMassXAILib.readers.cines import open_frames
from BreastMassXAILib.readers.frames import read_frame
from BreastMassXAILib.readers.masks import read_mask
from BreastMassXAILib.resources import resource

SAMPLE = resource("SampleData", "benign.dcm")
MIDDLE = "207,317"
"""A point in the mass of the sample."""


def run(*arguments):
    return main(["outline", *map(str, arguments), "--progress", "none"])


def dice(first, second):
    return 2 * np.count_nonzero(first & second) / (np.count_nonzero(first) + np.count_nonzero(second))


def mask_of(path, frame):
    return read_mask(path, frame.shape).pixels


@pytest.fixture(scope="module")
def sample():
    """Grey values and mask of the benign-looking phantom."""
    frame = read_frame(SAMPLE)
    return frame.pixels.astype(np.uint8), mask_of(resource("SampleData", "benign_mask.png"), frame)


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("pointed", [(), ("--click", MIDDLE), ("--box", "130,170,280,460")], ids=["", "click", "box"])
def test_the_mass_of_the_sample_is_outlined(pointed, sample, capsys, tmp_path):
    assert run(SAMPLE, *pointed) == 0
    told = capsys.readouterr().out
    assert "mask: automatic" in told and "mm2" in told and "largest diameter" in told and "masses found: 1" in told
    written = tmp_path / "benign-mask.seg.nrrd"
    assert [path.name for path in tmp_path.iterdir()] == [written.name] and str(written.name) in told
    found = mask_of(written, read_frame(SAMPLE))
    assert dice(found, sample[1]) > 0.8
    image = SimpleITK.ReadImage(str(written))
    assert image.GetMetaData("Segment0_Name") == "mass"
    assert image.GetMetaData("Segment0_Tags").startswith("BreastMassXAI.MaskOrigin:automatic|")


def test_a_picture_holds_the_same_mask(sample, tmp_path):
    assert run(SAMPLE, "--out", "deep/mask.png") == run(SAMPLE, "--out", "mask.seg.nrrd") == 0
    files, frame = (tmp_path / "deep" / "mask.png", tmp_path / "mask.seg.nrrd"), read_frame(SAMPLE)
    np.testing.assert_array_equal(*(mask_of(file, frame) for file in files))
    assert set(np.unique(np.asarray(Image.open(tmp_path / "deep" / "mask.png")))) == {0, 255}


def test_a_point_that_is_no_mass_takes_something_away(sample, tmp_path):
    assert run(SAMPLE, "--click", MIDDLE, "--out", "a.png") == 0
    assert run(SAMPLE, "--click", MIDDLE, "--not-here", "210,420", "--out", "b.png") == 0
    whole, part = (np.asarray(Image.open(tmp_path / name)) > 0 for name in ("a.png", "b.png"))
    assert whole[210, 420] and part.sum() != whole.sum()


def test_no_mass_is_an_answer_of_its_own(capsys, tmp_path, monkeypatch):
    sure_of_nothing = replace(load_outliner(), least_confidence=1.01)
    monkeypatch.setattr("BreastMassXAILib.analyses.outlining.load_outliner", lambda: sure_of_nothing)
    for arguments in (
        ["outline"],
        ["outline", "--click", MIDDLE],
        ["analyze"],
        ["analyze", "--box", "130,170,280,460"],
    ):
        assert main([arguments[0], str(SAMPLE), *arguments[1:], "--progress", "none"]) == 3
        said = capsys.readouterr()
        assert "No mass was found" in said.err and "confidence" in said.err and not said.out
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--click", "5000,3"), "outside the frame"),
        (("--click", "2,2", "--scan-area", "area.png"), "outside the scan area"),
        (("--box", "100,100,100,100"), "too small"),
        (("--not-here", "100,100"), "the first click must lie in the mass"),
        (("--box=-5,10,100,100",), "leaves the frame"),
        (("--out", "mask.jpg"), r"written as .seg.nrrd or .png"),
        (("--out", "there.png"), "exists already"),
        (("--frame", "7"), "has no frame 7"),
        (("--out", "frame.png", "--force"), "would replace the frame"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(arguments, sentence, sample, capsys, tmp_path):
    Image.fromarray(sample[0]).save("frame.png")
    area = np.zeros(sample[0].shape, np.uint8)
    area[20:-20, 20:-20] = 255
    Image.fromarray(area).save("area.png")
    (tmp_path / "there.png").write_text("mine")
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert run("frame.png", *arguments) == 2
    said = capsys.readouterr()
    assert sentence.replace(".seg", "seg") in said.err.replace(".seg", "seg") and said.err.count("\n") == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == kept


def test_a_mask_that_is_there_is_replaced_only_when_asked(capsys):
    assert run(SAMPLE, "--out", "m.png") == 0
    assert run(SAMPLE, "--out", "m.png") == 2 and "--force" in capsys.readouterr().err
    assert run(SAMPLE, "--out", "m.png", "--force") == 0


@pytest.mark.parametrize("kind", ["small", "large", "colour", "convex", "cut", "several"])
def test_frames_of_every_kind_are_outlined(kind, sample, capsys, tmp_path):
    pixels, mass = sample
    click = MIDDLE
    if kind == "small":
        pixels, mass = (np.asarray(Image.fromarray(a).resize((100, 100))) for a in (pixels, mass))
        click = f"{207 * 100 // 560},{317 * 100 // 600}"
    elif kind == "large":
        pixels, mass = (np.asarray(Image.fromarray(a).resize((3000, 2000))) for a in (pixels, mass))
        click = f"{207 * 2000 // 560},{317 * 3000 // 600}"
    elif kind == "colour":
        pixels = np.dstack([pixels] * 3)
        pixels[5:15, 5:60] = (255, 200, 0)
    elif kind == "convex":
        case = simulate(benign_phantom(kind="convex"))
        pixels, mass = case.frame.pixels.astype(np.uint8), case.mass
        click = ",".join(str(round(float(axis.mean()))) for axis in np.nonzero(mass))
    elif kind == "cut":
        pixels, mass = pixels[:, 300:], mass[:, 300:]
        click = "207,30"
    else:
        pixels, mass = np.hstack([pixels, pixels[:, 100:]]), np.hstack([mass, np.zeros_like(mass[:, 100:])])
    Image.fromarray(pixels).save("frame.png")
    assert run("frame.png", "--click", click, "--out", "mask.png") == 0, capsys.readouterr().err
    told = capsys.readouterr().out
    found = np.asarray(Image.open(tmp_path / "mask.png")) > 0
    assert found.shape == pixels.shape[:2] and dice(found, mass) > 0.6
    assert ("border of the scan area" in told) == (kind == "cut")
    if kind == "several":
        assert "masses found: 2" in told
        assert run("frame.png", "--click", "207,817", "--out", "other.png") == 0
        assert not (found & (np.asarray(Image.open(tmp_path / "other.png")) > 0)).any()
        assert run("frame.png", "--out", "largest.png") == 0
        assert "There seem to be 2 masses" in capsys.readouterr().out


def test_an_analysis_without_a_mask_says_everywhere_that_it_is_automatic(capsys, tmp_path):
    assert main(["analyze", str(SAMPLE), "--out", "alone", "--progress", "none"]) == 0
    told = capsys.readouterr().out
    assert "mask: automatic" in told and "nobody has accepted or edited it" in told
    result = json.loads((tmp_path / "alone" / "result.json").read_text())
    assert result["mask"] == {"origin": "automatic", "rows": 560, "columns": 600}
    assert run(SAMPLE, "--out", "mask.seg.nrrd") == 0
    arguments = ["analyze", str(SAMPLE), "--mask", "mask.seg.nrrd", "--out", "given", "--progress", "none"]
    assert main(arguments) == 0
    other = json.loads((tmp_path / "given" / "result.json").read_text())
    assert other["mask"]["origin"] == "imported"
    assert any("suggested by a network, and nobody has accepted" in text for text in other["warnings"])
    for name in ("logit", "contributions", "extremes", "hits", "area_fraction", "spacing_mm", "field"):
        assert result[name] == other[name], name
    assert main([*arguments, "--click", MIDDLE, "--force"]) == 2
    assert "leave out either the mask or the clicks" in capsys.readouterr().err


def test_without_a_pixel_size_no_network_looks(sample, capsys, tmp_path):
    Image.fromarray(sample[0]).save("frame.png")
    assert main(["analyze", "frame.png", "--progress", "none"]) == 2
    assert "pixel size of this frame is unknown" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["frame.png"]


def stored(path, pixels, direction=None, spacing=(0.2, 0.1, 1.5)):
    image = SimpleITK.GetImageFromArray(pixels)
    image.SetSpacing(spacing)
    image.SetOrigin((3, -4, 7))
    if direction is not None:
        image.SetDirection(direction)
    SimpleITK.WriteImage(image, str(path))
    return path


FILES = {
    "plain.nrrd": (1, None),
    "upside-down.nrrd": (1, (1, 0, 0, 0, -1, 0, 0, 0, -1)),
    "turned.nii.gz": (1, (-1, 0, 0, 0, -1, 0, 0, 0, 1)),
    "loop.nrrd": (3, None),
    "sagittal.mha": (3, (0, 1, 0, 0, 0, 1, 1, 0, 0)),
    "picture.png": (1, None),
}


@pytest.mark.parametrize("flip", [False, True], ids=["", "flipped"])
@pytest.mark.parametrize("name", FILES)
def test_a_written_mask_lies_on_its_frame_however_that_is_stored(name, flip, tmp_path):
    from BreastMassXAILib.core.frame import MaskOrigin
    from BreastMassXAILib.writers.mask import write_mask

    count, direction = FILES[name]
    pixels = np.random.default_rng(0).integers(20, 200, (count, 50, 70)).astype(np.uint8)
    if name.endswith(".png"):
        Image.fromarray(pixels[0]).save(tmp_path / name)
    else:
        stored(tmp_path / name, pixels, direction)
    mass = np.zeros((50, 70), bool)
    mass[10:20, 30:60] = mass[20:24, 30:40] = True
    cine, onto = open_frames(tmp_path / name, None, 0, flip)
    frame = cine.read(count - 1)
    onto = onto.at(count - 1, frame)
    for out in ("mask.seg.nrrd", "mask.png"):
        write_mask(tmp_path / out, mass, frame, onto, MaskOrigin.AUTOMATIC)
        np.testing.assert_array_equal(read_mask(tmp_path / out, onto).pixels, mass)
    if not name.endswith(".png"):
        image, frame_image = (SimpleITK.ReadImage(str(tmp_path / each)) for each in ("mask.seg.nrrd", name))
        np.testing.assert_allclose(image.GetDirection(), frame_image.GetDirection(), atol=1e-6)
        place = frame_image.TransformIndexToPhysicalPoint((4, 5, count - 1))
        np.testing.assert_allclose(image.TransformIndexToPhysicalPoint((4, 5, 0)), place, atol=1e-5)
