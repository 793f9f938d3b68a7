"""The front door for Python: what it costs to open, what it says, and that it says what the command says."""

from __future__ import annotations

import doctest
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

import BreastMassXAILib as bmx
from BreastMassXAILib.resources import resource

pytest.importorskip("torch")
SAMPLES = resource("SampleData")
NAMES = sorted(bmx._PLACES)
README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.fixture(scope="module")
def found():
    return bmx.explain(SAMPLES / "malignant.dcm", SAMPLES / "malignant_mask.png")


def test_opening_the_door_loads_nothing_heavy_and_takes_less_than_a_tenth_of_a_second():
    code = (
        "import sys, time; began = time.perf_counter(); import BreastMassXAILib as bmx\n"
        "took = time.perf_counter() - began; heavy = {'torch', 'numpy', 'slicer', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert {'explain', 'Frame'} <= set(dir(bmx))\n"
        "print(took)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    took = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment).stdout)
        for _ in range(3)
    ]
    assert min(took) < 0.1


def test_what_is_not_offered_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'explian'"):
        bmx.explian  # noqa: B018


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there_and_documented(name):
    thing = getattr(bmx, name)
    assert inspect.getdoc(thing)
    assert thing.__name__ == name


@pytest.mark.parametrize("name", sorted({place for place in bmx._PLACES.values() if place.startswith(".api")}))
def test_examples_in_the_docstrings(name, monkeypatch):
    monkeypatch.chdir(SAMPLES)
    module = importlib.import_module(name, "BreastMassXAILib")
    done = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert done.attempted > 0 and done.failed == 0


@pytest.mark.parametrize("name", [name for name in NAMES if bmx._PLACES[name].startswith(".api")])
def test_every_function_of_the_door_has_an_example(name):
    if name not in ("Evaluation", "ExplainedCine"):  # their examples are those of evaluate and explain_cine
        assert ">>>" in inspect.getdoc(getattr(bmx, name))


def test_the_readmes_example_runs(tmp_path, monkeypatch, capsys):
    """From Python, in ten lines or fewer."""
    (code,) = re.findall(r"## From Python\n.*?```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(code.strip().splitlines()) <= 10
    for file in SAMPLES.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert "probability of malignancy" in capsys.readouterr().out
    assert (tmp_path / "explained" / "result.json").is_file()


@pytest.mark.parametrize("kind", ["png", "dcm"])
def test_the_door_and_the_command_say_the_same(kind, tmp_path):
    from BreastMassXAILib.commands.command_line import main

    frame, mask = SAMPLES / f"malignant.{kind}", SAMPLES / "malignant_mask.png"
    size = ["--assume-width", "38"] if kind == "png" else []
    assert main(["analyze", str(frame), "--mask", str(mask), "--out", str(tmp_path / "command"), *size]) == 0
    found = bmx.explain(frame, mask, width_mm=38 if kind == "png" else None)
    assert bmx.save(found, tmp_path / "door") == tmp_path / "door"
    command, door = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("command", "door"))
    assert command.keys() == door.keys()
    for name in command.keys() - {"scene.mrb"}:  # an archive with times in it
        assert command[name] == door[name], name


def test_arrays_give_the_same_numbers_as_files(found):
    frame = bmx.read_frame(SAMPLES / "malignant.dcm")
    again = bmx.explain(frame, bmx.read_mask(SAMPLES / "malignant_mask.png", frame), bmx.load_model())
    assert again.result.logit == found.result.logit
    assert again.result.contributions == found.result.contributions
    np.testing.assert_array_equal(again.saliency, found.saliency)


def test_a_result_shows_itself_in_a_notebook(found):
    page = found._repr_html_()
    assert page.count("<img") == 1 and "data:image/png;base64," in page
    assert "http" not in page.replace("data:image", "")
    assert f"probability of malignancy {found.result.probability:.2f}" in page
    for name in ("mass", "peritumoral", "below the mass", "elsewhere", "bias", "logit"):
        assert f">{name}</td>" in page
    for name, value in found.result.contributions.items():
        assert f"{value:+.3f}" in page, name
    assert repr(found).startswith(f"{found.result.decision.upper()}: probability")


def test_what_stands_in_a_page_is_escaped(found):
    from BreastMassXAILib.api.pages import _page

    assert "<script>" not in _page("<script>", "<script>", "", ["<script>"])


def test_tables_are_pandas_frames_where_pandas_is_there(found, tmp_path):
    pandas = pytest.importorskip("pandas")
    table = found.table()
    assert isinstance(table, pandas.DataFrame)
    assert table["region"].tolist() == ["mass", "peritumoral", "below", "elsewhere"]
    assert table["contribution_logit"].sum() + found.result.bias == pytest.approx(found.result.logit, abs=1e-4)


def test_without_pandas_a_table_says_what_is_missing(found, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(bmx.BreastMassXAIError, match="pandas"):
        found.table()


def test_an_evaluation_shows_itself_and_its_cases(tmp_path):
    rows = [f"{SAMPLES / name}.dcm,{SAMPLES / name}_mask.png,{name}" for name in ("benign", "malignant")]
    (tmp_path / "cohort.csv").write_text("\n".join(["image,mask,label", *rows]))
    steps = []
    done = bmx.evaluate(
        tmp_path / "cohort.csv", out=tmp_path / "out", pictures=0, progress=lambda *step: steps.append(step)
    )
    assert steps[-1] == (2, 2, "cases")
    assert json.loads((done.folder / "report.json").read_text()) == done.report
    assert [row["label"] for row in done.rows()] == ["benign", "malignant"]
    page = done._repr_html_()
    assert "2 of 2 cases evaluated" in page and "busbra" in page
    assert repr(done).startswith("cohort: 2 of 2 cases")
    if "pandas" in sys.modules or importlib.util.find_spec("pandas"):
        assert done.table()["probability"].between(0, 1).all()


def test_a_loop_shows_itself_and_says_what_the_command_says(tmp_path):
    from BreastMassXAILib.commands.command_line import main
    from BreastMassXAILib.readers.nrrd import write_nrrd

    frame = bmx.read_frame(SAMPLES / "malignant.dcm")
    mass = bmx.read_mask(SAMPLES / "malignant_mask.png", frame)
    stack = np.stack([np.roll(frame.pixels, 3 * k, axis=1) for k in range(3)]).astype(np.uint8)
    image = SimpleITK.GetImageFromArray(stack)
    image.SetSpacing((*reversed(frame.spacing.mm()), 1.0))
    SimpleITK.WriteImage(image, str(tmp_path / "loop.nrrd"))
    write_nrrd(tmp_path / "mask.nrrd", mass.astype(np.uint8), frame.spacing, {1: "mass"})
    found = bmx.explain_cine(tmp_path / "loop.nrrd", {0: tmp_path / "mask.nrrd"}, propagate=True)
    arguments = ["--mask", f"1={tmp_path / 'mask.nrrd'}", "--propagate", "--out", str(tmp_path / "out")]
    assert main(["analyze-cine", str(tmp_path / "loop.nrrd"), *arguments]) == 0
    assert found.result.to_json() == (tmp_path / "out" / "cine.json").read_text()
    assert [row["frame"] for row in found.rows()] == [1, 2, 3]
    page = found._repr_html_()
    assert page.count("<img") == 1 and "over 3 of 3 frames" in page
    assert repr(found).startswith(f"{found.result.decision.upper()}: median")


def test_bad_input_is_one_sentence(tmp_path):
    with pytest.raises(bmx.BreastMassXAIError, match=r"There is no file .*nothing\.png"):
        bmx.read_frame(tmp_path / "nothing.png")
    frame = bmx.read_frame(SAMPLES / "malignant.png")
    with pytest.raises(bmx.BreastMassXAIError, match="pixel size of this frame is unknown"):
        bmx.explain(frame, SAMPLES / "malignant_mask.png")


def test_a_suggested_mass_is_the_command_s_and_called_automatic(tmp_path, monkeypatch):
    from BreastMassXAILib.commands.command_line import main

    monkeypatch.chdir(tmp_path)
    frame = bmx.read_frame(SAMPLES / "benign.dcm")
    found = bmx.suggest_mask(frame, click=(207, 317), not_here=[(210, 420)])
    pointed = ["--click", "207,317", "--not-here", "210,420", "--out", "mask.png", "--progress", "none"]
    assert main(["outline", str(SAMPLES / "benign.dcm"), *pointed]) == 0
    np.testing.assert_array_equal(found.mass, bmx.read_mask("mask.png", frame))
    assert bmx.explain(frame, found).result.mask["origin"] == "automatic"
    assert bmx.explain(frame, found.mass).result.mask["origin"] == "imported"
    with pytest.raises(bmx.BreastMassXAIError, match="outside the frame"):
        bmx.suggest_mask(frame, click=[(207, 317), (9999, 3)])
    with pytest.raises(bmx.BreastMassXAIError, match="too small"):
        bmx.suggest_mask(frame, box=(10, 10, 10, 10))
