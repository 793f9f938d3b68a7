"""One signal, one clean end; and a result that is there though nobody can be told of it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from BreastMassXAILib.commands.command_line import main
from BreastMassXAILib.core import leftovers

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
SCRIPT = Path(__file__).parents[1] / "fuzz" / "stop_commands.py"
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.fixture(scope="module")
def stop_commands():
    spec = importlib.util.spec_from_file_location("stop_commands", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["stop_commands"] = module
    spec.loader.exec_module(module)
    return module


def test_commands_that_are_stopped_anywhere_leave_nothing(stop_commands, tmp_path):
    """Few moments here; ``Testing/fuzz/stop_commands.py`` draws as many as are wanted."""
    report = stop_commands.stop_commands(1, 11, tmp_path, ["analyze", "evaluate --jobs 2"])
    assert report["findings"] == []
    assert all(count.get("stopped", 0) + count.get("through", 0) == 1 for count in report["counts"].values())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("ignored", [False, True])
def test_a_stop_undoes_what_is_under_way_and_waits_for_what_must_not_be_cut(tmp_path, number, ignored):
    """In a process of its own: the signal comes in the midst of a rename, and within an import's callback."""
    script = f"""
import os, signal, sys
from pathlib import Path
# As nohup and background jobs hand it on, or as a terminal does, whatever these tests themselves were started by.
signal.signal({int(number)}, signal.SIG_IGN if {ignored} else signal.SIG_DFL)
from BreastMassXAILib.core.leftovers import temporary_folder, undone, uninterrupted
from BreastMassXAILib.hosts.stopping import listen
listen("program")
with undone(lambda: "Stopped; so it is."), temporary_folder() as folder:
    with uninterrupted():
        os.kill(os.getpid(), {int(number)})
        Path("whole").write_text("yes")
    class Late:
        def __del__(self):
            Path("swallowed").write_text("an exception here would be lost")
    Late()
Path("through").write_text("yes")
"""
    environment = ENVIRONMENT | {"TMPDIR": str(tmp_path / "t")}
    (tmp_path / "t").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    names = sorted(path.name for path in tmp_path.iterdir())
    if ignored:
        assert done.returncode == 0 and names == ["swallowed", "t", "through", "whole"]
    else:
        assert done.returncode == 128 + number and names == ["t", "whole"]
        assert done.stderr == "program: Stopped; so it is.\n"
    assert list((tmp_path / "t").iterdir()) == []


@pytest.fixture
def files(tmp_path):
    generator = np.random.default_rng(2)
    Image.fromarray(generator.integers(0, 255, (60, 80)).astype(np.uint8)).save(tmp_path / "f.png")
    mask = np.zeros((60, 80), np.uint8)
    mask[20:40, 30:50] = 255
    Image.fromarray(mask).save(tmp_path / "m.png")
    return tmp_path


def analyze(folder, model, *arguments, **options):
    words = [sys.executable, "-m", "BreastMassXAILib", "analyze", *arguments, "--mask", "m.png", "--spacing", "0.2"]
    words += ["--model", str(model)]
    return subprocess.run(
        words, cwd=folder, env=ENVIRONMENT | options.pop("more", {}), text=True, check=False, **options
    )


def test_a_result_that_nobody_can_be_told_of_is_written_all_the_same(files, tiny_models):
    with Path("/dev/full").open("w") as full:
        done = analyze(files, tiny_models / "tiny", "f.png", "--out", "full", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 0 and done.stderr.count("\n") == 1 and "results are written" in done.stderr
    narrow = {"PYTHONIOENCODING": "ascii:strict"}
    done = analyze(files, tiny_models / "tiny", "f.png", "--out", "乳腺", more=narrow, capture_output=True)
    assert done.returncode == 0, done.stderr
    words = [sys.executable, "-m", "BreastMassXAILib", "analyze", "f.png", "--mask", "m.png", "--spacing", "0.2"]
    words += ["--model", str(tiny_models / "tiny"), "--out", "closed"]
    for closed in ("1>&- 2>&-", "0<&- 2>&-"):
        shutil.rmtree(files / "closed", ignore_errors=True)
        done = subprocess.run(
            ["/bin/bash", "-c", f'"$@" {closed}', "bash", *words], cwd=files, env=ENVIRONMENT, capture_output=True
        )
        assert done.returncode == 0
        assert Image.open(files / "closed" / "figure.png").size[0] > 100  # nothing was printed into it
    for name in ("full", "乳腺", "closed"):
        assert (files / name / "result.json").is_file()


def test_an_output_that_is_all_there_is_ends_with_a_sentence_where_it_cannot_be_written(files):
    words = [sys.executable, "-m", "BreastMassXAILib", "inspect", "f.png"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(words, cwd=files, env=ENVIRONMENT, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2 and "No space left" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform == "darwin", reason="names are always UTF-8 there")
def test_names_that_are_no_utf_8_are_read_and_written(files, tiny_models):
    import json

    odd = os.fsdecode(b"L\xe9sion.png")
    shutil.copy(files / "f.png", files / odd)
    strict = {"PYTHONIOENCODING": "utf-8:strict"}
    done = analyze(files, tiny_models / "tiny", odd, more=strict, capture_output=True)
    assert done.returncode == 0, done.stderr
    result = files / os.fsdecode(b"L\xe9sion-explained")
    written = {path.name for path in result.iterdir()}
    assert {"result.json", "saliency.nrrd", "regions.nrrd", "figure.png"} <= written
    assert r"L\\xe9sion.png" in json.dumps(json.loads((result / "result.json").read_text()))
    import SimpleITK

    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.eye(40, dtype=np.uint8)[None] * 200), str(files / "x.nii.gz"))
    (files / "x.nii.gz").rename(files / os.fsdecode(b"L\xe9sion.nii.gz"))
    words = [sys.executable, "-m", "BreastMassXAILib", "inspect", os.fsdecode(b"L\xe9sion.nii.gz")]
    done = subprocess.run(words, cwd=files, env=ENVIRONMENT | strict, capture_output=True, text=True)
    assert done.returncode == 0 and "40 x 40" in done.stdout


def test_sizes_that_no_probe_images_must_be_confirmed(files, tiny_models, monkeypatch, capsys):
    monkeypatch.chdir(files)

    def run(*size):
        arguments = ("analyze", "f.png", "--mask", "m.png", "--model", str(tiny_models / "tiny"), "--force")
        return main([*arguments, "--out", "o", "--progress", "none", *size]), capsys.readouterr()

    for size in ("0.012", "9"):  # 1 mm and 720 mm wide
        code, said = run("--spacing", size)
        assert code == 2 and "--confirm-size" in said.err and f"{80 * float(size):.3g} mm wide" in said.err
        for confirmation in (("--spacing", size), ("--confirm-size",)):
            code, said = run("--spacing", size, *confirmation)
            assert code == 0 and f"{80 * float(size):.3g} mm wide" in said.out
    code, _ = run("--assume-width", "5")
    assert code == 2
    with pytest.raises(SystemExit):
        run("--spacing", "0.2", "--spacing", "0.3")


def test_what_is_told_in_a_test_is_not_told_in_the_next():
    leftovers.result_is_written()
    assert main(["check-manifest", "there-is-none.csv"]) == 2 and not leftovers.written()
