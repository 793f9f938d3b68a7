"""``analyze-cine`` from files to a folder."""

import csv
import json

import numpy as np
import pytest
import SimpleITK
import torch
from PIL import Image
from safetensors.torch import save_file

from BreastMassXAILib.commands.command_line import main
from BreastMassXAILib.core.field import FieldRule
from BreastMassXAILib.network.bundle import save_bundle
from BreastMassXAILib.network.preprocessing import Preprocessing
from BreastMassXAILib.network.resnet import Architecture, ScaledResNet
from BreastMassXAILib.network.tensor_files import pack_backbone, read_tensors

COUNT, ROWS, COLUMNS = 6, 80, 100
FILES = {"cine.json", "curve.png", "figure.png", "frames.csv", "regions.nrrd", "saliency.nrrd"}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    save_file(ScaledResNet(Architecture(18)).backbone.state_dict(), folder / "imagenet.safetensors")
    backbone = folder / "backbones" / "resnet18-stage3.safetensors"
    pack_backbone(folder / "imagenet.safetensors", backbone, 3)
    network = ScaledResNet(Architecture(18, last_stage=3))
    network.backbone.load_state_dict(read_tensors(backbone))
    save_bundle(
        folder / "tiny",
        network,
        name="tiny",
        backbone=backbone,
        rule=FieldRule("square", 2.0),
        preprocessing=Preprocessing(64),
        threshold=0.5,
        temperature=1.0,
        facts={"licence": "none"},
    )
    return folder / "tiny"


def write(path, voxels, sizes=(0.25, 0.3, 0.5)):
    image = SimpleITK.GetImageFromArray(voxels)
    image.SetSpacing(sizes)
    SimpleITK.WriteImage(image, path)
    return path


@pytest.fixture
def inputs(tmp_path, monkeypatch):
    """A loop of six frames, masks of its second and fifth frame as a stack, and that of the second as a picture."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    write("loop.nrrd", generator.integers(0, 256, (COUNT, ROWS, COLUMNS)).astype(np.uint8))
    row, column = np.mgrid[:ROWS, :COLUMNS]
    masks = np.zeros((COUNT, ROWS, COLUMNS), np.uint8)
    for index in (1, 4):
        masks[index] = ((row - 30 - index) / 10) ** 2 + ((column - 50 + 2 * index) / 15) ** 2 < 1
    write("masks.nrrd", masks)
    Image.fromarray(masks[1] * 255).save("mask.png")
    return tmp_path


def run(*arguments):
    return main(["analyze-cine", *map(str, arguments), "--progress", "none"])


def rows_of(folder):
    with (folder / "frames.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_loop_with_propagated_masks(inputs, model, capsys):
    assert run("loop.nrrd", "--mask", "masks.nrrd", "--propagate", "--model", model) == 0
    told = capsys.readouterr().out
    assert "over 6 of 6 frames" in told and "strongest evidence on frame" in told
    folder = inputs / "loop-explained"
    assert {path.name for path in folder.iterdir()} - {"scene.mrb"} == FILES
    summary = json.loads((folder / "cine.json").read_text())
    assert summary["annotated_frames"] == [2, 5] and summary["analyzed_count"] == 6
    assert summary["source"]["file_name"] == "loop.nrrd" and summary["spacing_mm"] == [0.3, 0.25]
    rows = rows_of(folder)
    assert [row["frame"] for row in rows] == list("123456")
    assert [row["mask_origin"] for row in rows] == ["held", "annotated", *["interpolated"] * 2, "annotated", "held"]
    assert rows[2]["annotated_frames"] == "2 5"
    median = np.median([float(row["logit"]) for row in rows])
    assert summary["median_probability"] == pytest.approx(1 / (1 + np.exp(-median)))
    saliency = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(folder / "saliency.nrrd"))
    for row, image in zip(rows, saliency, strict=True):
        assert float(row["maximum_value"]) == image.max() == image[int(row["maximum_row"]), int(row["maximum_column"])]
    assert str(inputs).encode() not in b"".join(path.read_bytes() for path in folder.iterdir())


def test_the_frame_analyze_takes_alone_is_the_same(inputs, model):
    assert run("loop.nrrd", "--mask", "2=mask.png", "--model", model, "--out", "loop") == 0
    arguments = ["analyze", "loop.nrrd", "--frame", "2", "--mask", "mask.png", "--out", "single", "--progress", "none"]
    assert main([*arguments, "--model", str(model)]) == 0
    (row,) = rows_of(inputs / "loop")
    single = json.loads((inputs / "single" / "result.json").read_text())
    assert float(row["logit"]) == pytest.approx(single["logit"], abs=1e-5)
    assert (int(row["maximum_row"]), row["maximum_region"]) == (
        single["extremes"]["max"]["row"],
        single["extremes"]["max"]["region"],
    )
    assert json.loads((inputs / "loop" / "cine.json").read_text())["skipped"] == {"without a mask": [1, 3, 4, 5, 6]}


def test_the_same_input_gives_the_same_bytes(inputs, model):
    for out in ("one", "two"):
        assert run("loop.nrrd", "--mask", "masks.nrrd", "--model", model, "--out", out) == 0
    for name in sorted(path.name for path in (inputs / "one").iterdir()):
        assert (inputs / "one" / name).read_bytes() == (inputs / "two" / name).read_bytes(), name


def test_a_volume_cut_across_and_chosen_frames(inputs, model):
    slices, row, column = np.mgrid[:24, :ROWS, :COLUMNS]
    write("volume.nrrd", np.random.default_rng(1).integers(0, 256, slices.shape).astype(np.uint8), (0.25, 0.3, 0.8))
    ball = ((slices - 12) / 6) ** 2 + ((row - 30) / 10) ** 2 + ((column - 50) / 20) ** 2 < 1
    write("ball.nrrd", ball.astype(np.uint8), (0.25, 0.3, 0.8))
    options = ("--axis", 2, "--frames", "45:51:3", "--model", model, "--out", "across")
    assert run("volume.nrrd", "--mask", "ball.nrrd", *options) == 0
    rows = rows_of(inputs / "across")
    assert [row["frame"] for row in rows] == ["45", "48", "51"]
    assert (rows[0]["pixel_height_mm"], rows[0]["pixel_width_mm"]) == ("0.3", "0.8")
    regions = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(inputs / "across" / "regions.nrrd"))
    for place, index in enumerate((44, 47, 50)):
        np.testing.assert_array_equal(regions[place] == 1, ball[:, :, index].T)  # depth along the stored rows


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("loop.nrrd", "--mask", "9=mask.png"), "mask for frame 9, but loop.nrrd has 6 frames"),
        (("loop.nrrd", "--mask", "2=mask.png", "--mask", "masks.nrrd"), "two masks for frame 2"),
        (("loop.nrrd", "--mask", "mask.png", "--frames", "9:"), "None of the 6 frames is chosen"),
        (("loop.nrrd", "--mask", "2=mask.png", "--frames", "4:5"), "None of the chosen frames"),
        (("loop.nrrd", "--mask", "short.nrrd"), "does not fit the loop: the mask has 5 frames"),
        (("loop.nrrd", "--mask", "small.png"), "does not fit"),
        (("unknown.nrrd", "--mask", "2=mask.png"), "pixel size"),
        (("missing.dcm", "--mask", "2=mask.png"), "no file"),
    ],
)
def test_bad_input_is_told_in_a_sentence_and_nothing_is_written(inputs, model, capsys, arguments, sentence):
    write("short.nrrd", np.ones((COUNT - 1, ROWS, COLUMNS), np.uint8))
    write("unknown.nrrd", np.random.default_rng(1).integers(0, 256, (3, ROWS, COLUMNS)).astype(np.uint8), (1, 1, 1))
    Image.fromarray(np.eye(20, dtype=np.uint8) * 255).save("small.png")
    before = sorted(inputs.iterdir())
    assert run(*arguments, "--model", model, "--out", "out") == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1
    assert sorted(inputs.iterdir()) == before


def test_an_interrupted_run_leaves_nothing(inputs, model, monkeypatch):
    from BreastMassXAILib.analyses import cine
    from BreastMassXAILib.core import progress as told

    def reporter(kind):
        def progress(done, total, what):
            if what.startswith("frames 3"):
                assert any(path.name.endswith(".part") for path in inputs.iterdir())  # it was at work
                raise KeyboardInterrupt

        return progress

    monkeypatch.setattr(told, "reporter", reporter)
    monkeypatch.setattr(cine, "BATCH", 2)
    before = sorted(inputs.iterdir())
    assert run("loop.nrrd", "--mask", "masks.nrrd", "--propagate", "--model", model) == 130
    assert sorted(inputs.iterdir()) == before


def test_an_older_result_is_replaced_only_when_asked(inputs, model, capsys):
    arguments = ("loop.nrrd", "--mask", "mask.png", "--model", model)
    assert run(*arguments) == 0
    assert run(*arguments) == 2 and "exists already" in capsys.readouterr().err
    assert run(*arguments, "--force") == 0


def test_a_long_loop_is_thinned_in_the_scene_only(inputs, model, monkeypatch, capsys):
    pytest.importorskip("trame_slicer")
    from BreastMassXAILib.analyses import cine
    from BreastMassXAILib.hosts.headless import HeadlessSlicer

    monkeypatch.setattr(cine, "SCENE_PIXELS", 3 * ROWS * COLUMNS)
    assert run("loop.nrrd", "--mask", "mask.png", "--propagate", "--model", model) == 0
    assert "scene.mrb shows 3 of the 6 frames" in capsys.readouterr().out
    headless = HeadlessSlicer()
    headless.load(inputs / "loop-explained" / "scene.mrb")
    assert headless.scene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode").GetNumberOfItems() == 3
    assert len(rows_of(inputs / "loop-explained")) == 6
