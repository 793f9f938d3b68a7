"""The command line from outside: what it writes, what it says, and how it refuses."""

import csv
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK
from PIL import Image

from BreastMassXAILib.commands.arguments import COMMANDS
from BreastMassXAILib.commands.command_line import main
from BreastMassXAILib.core.frame import Provenance, Spacing
from BreastMassXAILib.core.regions import REGIONS, region_labels
from BreastMassXAILib.core.result import CaseResult
from BreastMassXAILib.resources import DEFAULT_MODEL, resource

SAMPLES = resource("SampleData")
FRAME, MASK = SAMPLES / "malignant.dcm", SAMPLES / "malignant_mask.png"
FILES = {
    "result.json",
    "saliency.nrrd",
    "regions.nrrd",
    "extremes.mrk.json",
    "pointing-game.csv",
    "scene.mrb",
    "figure.png",
}


def run(*arguments):
    return main(["analyze", *map(str, arguments)])


@pytest.fixture(scope="module")
def analyzed(tmp_path_factory):
    """The folder that one run on a sample writes."""
    out = tmp_path_factory.mktemp("analyze") / "out"
    assert run(FRAME, "--mask", MASK, "--out", out) == 0
    return out


def array(path):
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))[0]


def test_all_files_are_written(analyzed):
    assert {path.name for path in analyzed.iterdir()} == FILES
    assert Image.open(analyzed / "figure.png").size[0] > 1000


def test_the_logit_is_accounted_for(analyzed):
    data = json.loads((analyzed / "result.json").read_text())
    assert data["cam_mean"] + data["bias"] == pytest.approx(data["logit"], abs=1e-4)
    assert sum(data["contributions"].values()) + data["bias"] == pytest.approx(data["logit"], abs=1e-4)
    assert set(data["contributions"]) == set(data["area_fraction"]) == set(REGIONS)
    assert data["spacing_provenance"] == "dicom-region"
    assert data["model"]["name"] == DEFAULT_MODEL
    assert data["frame"]["file_name"] == FRAME.name, "the name, never the path"
    assert (
        CaseResult.from_dict(data).to_dict() == CaseResult.from_json((analyzed / "result.json").read_text()).to_dict()
    )


def test_the_images_agree_with_the_result(analyzed):
    result = CaseResult.from_json((analyzed / "result.json").read_text())
    saliency, labels = array(analyzed / "saliency.nrrd"), array(analyzed / "regions.nrrd")
    assert saliency.dtype == np.float32 and labels.dtype == np.uint8
    for which, value in (("max", saliency.max()), ("min", saliency.min())):
        point = result.extremes[which]
        assert saliency[point.row, point.column] == point.value
        assert REGIONS[labels[point.row, point.column]] == point.region
        assert point.value == pytest.approx(value) or result.field["height"] < saliency.shape[0]
    mass = np.array(Image.open(MASK)) > 0
    scanned = labels >= 0
    expected = region_labels(mass, Spacing(*result.spacing_mm, Provenance.DICOM_REGION), result.ring_mm)
    np.testing.assert_array_equal(labels[scanned], expected[scanned])


def test_points_and_table_say_the_same(analyzed):
    result = CaseResult.from_json((analyzed / "result.json").read_text())
    points = json.loads((analyzed / "extremes.mrk.json").read_text())["markups"][0]["controlPoints"]
    assert [point["label"] for point in points] == ["max", "min"]
    for point in points:
        extreme = result.extremes[point["label"]]
        assert point["position"][:2] == pytest.approx([extreme.column_mm, extreme.row_mm])
    with (analyzed / "pointing-game.csv").open() as file:
        rows = {row["region"]: row for row in csv.DictReader(file)}
    assert sum(float(row["contribution_logit"]) for row in rows.values()) + result.bias == pytest.approx(result.logit)
    assert sum(int(row["maximum"]) for row in rows.values()) == sum(int(row["minimum"]) for row in rows.values()) == 1


def test_the_same_input_gives_the_same_bytes(analyzed, tmp_path):
    assert run(FRAME, "--mask", MASK, "--out", tmp_path / "again") == 0
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (analyzed / name).read_bytes(), name


def test_slicer_reads_the_points(analyzed):
    slicer = pytest.importorskip("slicer")
    scene = slicer.vtkMRMLScene()
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    storage = slicer.vtkMRMLMarkupsJsonStorageNode()
    storage.SetFileName(str(analyzed / "extremes.mrk.json"))
    assert storage.ReadData(node)
    result = CaseResult.from_json((analyzed / "result.json").read_text())
    position = node.GetNthControlPointPosition(0)
    top = result.extremes["max"]
    assert position == pytest.approx([-top.column_mm, -top.row_mm, 0])  # RAS
    assert node.GetNthControlPointLabel(0) == "max"


def test_png_and_dicom_of_the_same_frame_give_the_same_logit(analyzed, tmp_path):
    spacing = (SAMPLES / "malignant_spacing_mm.txt").read_text().strip()
    png = SAMPLES / "malignant.png"
    assert run(png, "--mask", MASK, "--spacing", spacing, "--out", tmp_path / "png") == 0
    dicom = CaseResult.from_json((analyzed / "result.json").read_text())
    result = CaseResult.from_json((tmp_path / "png" / "result.json").read_text())
    assert result.logit == pytest.approx(dicom.logit, abs=1e-5)
    assert result.spacing_provenance == "assumed"


def test_summary_is_for_people(tmp_path, capsys):
    assert run(FRAME, "--mask", MASK, "--out", tmp_path / "o", "--progress", "json") == 0
    streams = capsys.readouterr()
    assert "probability of malignancy" in streams.out and "Results:" in streams.out
    lines = [json.loads(line) for line in streams.err.splitlines()]
    assert [line["done"] for line in lines] == sorted(line["done"] for line in lines)
    assert lines[-1]["progress"] == 1


def picture(path, values):
    Image.fromarray(np.asarray(values)).save(path)
    return path


NOISE = np.random.default_rng(0).integers(0, 255, (60, 80), dtype=np.uint8)
BLOB = np.zeros((60, 80), np.uint8)
BLOB[20:40, 30:50] = 255


@pytest.fixture
def files(tmp_path):
    return {"frame": picture(tmp_path / "f.png", NOISE), "mask": picture(tmp_path / "m.png", BLOB), "dir": tmp_path}


def refuse(capsys, out, *arguments):
    """Run, expect exit code 2, one sentence and nothing written; return the sentence."""
    code = run(*arguments, "--out", out)
    error = capsys.readouterr().err.strip()
    assert code == 2, error
    assert error.startswith("breast-mass-xai: ") and "\n" not in error and "Traceback" not in error
    assert not out.exists() and not [path for path in out.parent.iterdir() if path.name.startswith(f".{out.name}")]
    return error


def bad_frames(folder):
    return {
        "missing": (folder / "none.png", "no file"),
        "not an image": (_text(folder / "t.png"), "no image"),
        "1x1": (picture(folder / "one.png", NOISE[:1, :1]), "too small"),
        "constant": (picture(folder / "flat.png", np.full((60, 80), 9, np.uint8)), "constant"),
        "NaN": (_volume(folder / "nan.nrrd"), "NaN"),
        "another size": (picture(folder / "big.png", np.tile(NOISE, (2, 2))), "does not fit"),
    }


def _text(path):
    path.write_text("hello")
    return path


def _volume(path):
    values = NOISE.astype(np.float32)
    values[3, 3] = np.nan
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values), str(path))
    return path


@pytest.mark.parametrize("which", ["missing", "not an image", "1x1", "constant", "NaN", "another size"])
def test_bad_frames(files, capsys, which):
    frame, word = bad_frames(files["dir"])[which]
    assert word in refuse(capsys, files["dir"] / "out", frame, "--mask", files["mask"], "--spacing", "0.15")


@pytest.mark.parametrize(("values", "word"), [(np.zeros_like(BLOB), "empty"), (np.full_like(BLOB, 255), "whole frame")])
def test_bad_masks(files, capsys, values, word):
    mask = picture(files["dir"] / "bad.png", values)
    assert word in refuse(capsys, files["dir"] / "out", files["frame"], "--mask", mask, "--spacing", "0.15")


def test_a_ring_without_a_spacing_is_refused_with_the_way_out(files, capsys):
    error = refuse(capsys, files["dir"] / "out", files["frame"], "--mask", files["mask"])
    assert "unknown" in error and "--assume-width" in error
    assert run(files["frame"], "--mask", files["mask"], "--ring-mm", "0", "--out", files["dir"] / "no-ring") == 0


def test_an_altered_model_is_refused(files, capsys):
    models = files["dir"] / "models"
    shutil.copytree(resource("Models", DEFAULT_MODEL), models / "m")
    weights = models / "m" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00\x01")
    error = refuse(
        capsys,
        files["dir"] / "out",
        files["frame"],
        "--mask",
        files["mask"],
        "--spacing",
        "0.15",
        "--model",
        models / "m",
    )
    assert "altered" in error


def test_an_existing_folder_is_kept_unless_forced(files, capsys):
    out = files["dir"] / "out"
    arguments = (files["frame"], "--mask", files["mask"], "--spacing", "0.15", "--out", out)
    out.mkdir()
    (out / "mine.txt").write_text("precious")
    assert run(*arguments) == 2 and run(*arguments, "--force") == 2
    assert (out / "mine.txt").read_text() == "precious"
    (out / "mine.txt").unlink()
    out.rmdir()
    assert run(*arguments) == 0
    before = (out / "result.json").read_bytes()
    assert run(*arguments) == 2
    assert "--force" in capsys.readouterr().err
    assert run(*arguments, "--force") == 0
    assert (out / "result.json").read_bytes() == before


def test_colour_frames_work_and_say_so(files):
    colour = np.stack([NOISE, NOISE, NOISE], axis=-1)
    colour[:30, :40, 0] = 255
    frame = picture(files["dir"] / "doppler.png", colour)
    assert run(frame, "--mask", files["mask"], "--spacing", "0.15", "--out", files["dir"] / "o") == 0
    warnings = json.loads((files["dir"] / "o" / "result.json").read_text())["warnings"]
    assert any("colour" in text.lower() for text in warnings)


@pytest.mark.parametrize("name", ["left & right.png", "Größe <1>.png"])
def test_scenes_of_odd_names_open_again(files, name):
    headless = pytest.importorskip("BreastMassXAILib.hosts.headless")
    pytest.importorskip("trame_slicer")
    frame = shutil.copy(files["frame"], files["dir"] / name)
    assert run(frame, "--mask", files["mask"], "--spacing", "0.15", "--out", files["dir"] / "odd") == 0
    slicer = headless.HeadlessSlicer()
    slicer.load(files["dir"] / "odd" / "scene.mrb")
    assert slicer.scene.GetFirstNodeByName(f"{frame.stem} saliency").GetImageData() is not None


def test_a_mask_turned_by_its_header_is_refused(files, capsys):
    image = SimpleITK.GetImageFromArray(BLOB[None] // 255)
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    SimpleITK.WriteImage(image, str(files["dir"] / "turned.nrrd"))
    arguments = (files["frame"], "--mask", files["dir"] / "turned.nrrd", "--spacing", "0.15")
    assert "turned" in refuse(capsys, files["dir"] / "out", *arguments)
    assert "itself" in refuse(capsys, files["dir"] / "out", files["mask"], "--mask", files["mask"], "--spacing", "0.15")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to handle")
def test_a_stop_button_leaves_nothing_half_written(files):
    """SIGTERM while the model loads, as a program that started the command would send it."""
    out = files["dir"] / "stopped"
    command = [sys.executable, "-m", "BreastMassXAILib", "analyze", str(files["frame"]), "--mask", str(files["mask"])]
    process = subprocess.Popen(
        [*command, "--spacing", "0.15", "--out", str(out), "--progress", "json"],
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(),
    )
    for line in process.stderr:
        if "loading the model" in line:
            process.terminate()
            break
    rest = process.stderr.read()
    assert process.wait(60) == 143, rest  # 128 + SIGTERM
    assert "Traceback" not in rest
    assert not [path.name for path in files["dir"].iterdir() if "stopped" in path.name]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--spacing", "0"),
        ("--spacing", "a,b"),
        ("--spacing", "1,2,3"),
        ("--assume-width", "-4"),
        ("--ring-mm", "nan"),
        ("--grey-zone", "9"),
    ],
)
def test_unusable_options_end_with_usage_and_code_2(files, capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        run(files["frame"], "--mask", files["mask"], *arguments)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"breast-mass-xai {name}" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_needs_neither_torch_nor_slicer(name):
    """In a fresh interpreter, as a user starts it."""
    code = (
        "import sys; from BreastMassXAILib.commands.command_line import main\n"
        f"try: main([*{[name] if name else []}, '--help'])\n"
        "except SystemExit as ended: assert ended.code == 0\n"
        "heavy = {'torch', 'slicer', 'vtkmodules', 'numpy', 'scipy', 'SimpleITK', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=_environment(), check=False
    )
    assert found.returncode == 0, found.stderr
    assert "--help" in found.stdout


def test_the_fields_that_can_be_asked_for_are_those_that_there_are():
    from BreastMassXAILib.commands.options import FIELDS
    from BreastMassXAILib.core.field import KINDS

    assert FIELDS == KINDS


def _environment():
    """This process's import path, so that the test also runs on a checkout that is not installed."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def test_a_segment_is_chosen_and_rows_are_turned(files, capsys):
    labels = np.where(BLOB > 0, 1, 0).astype(np.uint8)
    labels[:8] = 2
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(labels), str(files["dir"] / "labels.nrrd"))
    asked = (files["frame"], "--mask", files["dir"] / "labels.nrrd", "--spacing", "0.15")
    assert "choose one (--segment) of 1, 2" in refuse(capsys, files["dir"] / "out", *asked)
    assert "no segment 'mass'" in refuse(capsys, files["dir"] / "out", *asked, "--segment", "mass")
    for value in (1, 2):
        out = files["dir"] / f"out{value}"
        assert run(*asked, "--segment", value, "--out", out) == 0
        regions = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(out / "regions.nrrd")))[0]
        np.testing.assert_array_equal(regions == 1, labels == value)
    capsys.readouterr()
    turned = picture(files["dir"] / "t.png", NOISE[::-1]), "--mask", picture(files["dir"] / "tm.png", BLOB[::-1])
    plain, flipped = files["dir"] / "plain", files["dir"] / "flipped"
    assert run(files["frame"], "--mask", files["mask"], "--spacing", "0.15", "--out", plain) == 0
    assert run(*turned, "--spacing", "0.15", "--flip", "rows", "--out", flipped) == 0
    results = [json.loads((folder / "result.json").read_text()) for folder in (plain, flipped)]
    assert results[0]["logit"] == pytest.approx(results[1]["logit"], abs=1e-4)
    assert any("turned upside down, as was asked for" in text for text in results[1]["warnings"])
