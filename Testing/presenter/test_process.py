"""The command line as a process: its arguments, and what its lines say."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from BreastMassXAILib.commands.arguments import parse
from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.presenter.command_options import GIVEN, Kind, arguments_of, options_of
from BreastMassXAILib.presenter.process import Step, parse_line, run_command
from BreastMassXAILib.presenter.running import Run
from BreastMassXAILib.resources import resource


def parser_of(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    import_module(f"BreastMassXAILib.commands.{name.replace('-', '_')}").add_options(parser)
    return parser


def wait(run: Run, until: Callable[[], bool] = lambda: False) -> None:
    end = time.monotonic() + 180
    while run.code is None and not until():
        assert time.monotonic() < end, run.said
        run.poll()
        time.sleep(0.02)


@pytest.fixture
def manifest(tmp_path) -> Path:
    samples = resource("SampleData")
    rows = [f"{samples / name}.dcm,{samples / name}_mask.png,{name}" for name in ("malignant", "benign")]
    path = tmp_path / "a folder.csv"
    path.write_text("\n".join(["image,mask,label", *rows]))
    return path


def test_a_cohort_is_evaluated_by_the_process(tmp_path, manifest) -> None:
    """As the dialog does it: its options, a real process, progress from its JSON lines, the time left, its end."""
    pytest.importorskip("torch")
    options = arguments_of(parser_of("evaluate"), {"--ring-mm": "4.0", "--pictures": "1", "--jobs": "1"})
    assert options == ["--ring-mm=4.0", "--pictures=1"], "defaults are left to the command"
    run = Run(run_command(sys.executable, "evaluate", manifest, tmp_path / "out", options))
    wait(run)
    assert run.code == 0 and run.outcome == "Done.", run.said
    assert run.step is not None and (run.step.done, run.step.total) == (2, 2)
    assert any("2 of 2 cases" in line for line in run.said)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["settings"]["ring_mm"] == 4.0


def test_training_is_stopped_and_leaves_no_model(tmp_path, patients) -> None:
    pytest.importorskip("torch")
    options = arguments_of(parser_of("train"), {"--epochs": "100000", "--size": "64"})
    run = Run(run_command(sys.executable, "train", patients, tmp_path / "model", options))
    wait(run, until=lambda: run.step is not None)
    assert run.code is None, run.said
    assert run.outcome == ""
    run.stop()
    wait(run)
    assert run.outcome == "Stopped." and not (tmp_path / "model" / "model.json").exists()


def test_what_is_wrong_is_how_it_ended(tmp_path) -> None:
    run = Run(run_command(sys.executable, "evaluate", tmp_path / "nothing", tmp_path / "out"))
    wait(run)
    assert run.code not in (0, None)
    assert "nothing" in run.outcome and "Traceback" not in "".join(run.said)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0.2, "1 s left"), (59, "59 s left"), (60, "1 min left"), (200, "3 min left"), (9000, "2.5 h left")],
)
def test_the_time_left_in_words(seconds, words) -> None:
    assert Step(1, 2, "cases", seconds).time_left == words


@pytest.mark.parametrize("name", ["evaluate", "train", "cross-validate"])
def test_a_dialog_offers_what_the_command_offers(name) -> None:
    """Every option that the command's own help shows, but those that the panel gives itself, with its own words."""
    parser = parser_of(name)
    offered = {option.flag: option for option in options_of(parser)}
    seen = [action for action in parser._actions if action.option_strings and action.help != argparse.SUPPRESS]
    flags = {action.option_strings[-1] for action in seen}
    assert set(offered) == flags - set(GIVEN)
    assert all(option.help and option.title for option in offered.values())
    assert {"--spacing", "--assume-width"} <= set(offered)
    assert offered["--spacing"].group == offered["--assume-width"].group > 0


def test_options_know_their_kind_and_default() -> None:
    offered = {option.flag: option for option in options_of(parser_of("train"))}
    device, size, resume = offered["--device"], offered["--size"], offered["--resume"]
    assert device.kind is Kind.CHOICE and device.default == "auto" and set(device.choices) == {"auto", "cpu", "cuda"}
    assert (size.kind, size.default, size.wants) == (Kind.TEXT, "224", "PIXELS")
    assert (resume.kind, resume.default) == (Kind.SWITCH, "")
    models = next(option for option in options_of(parser_of("evaluate")) if option.flag == "--model")
    assert models.several and models.kind is Kind.TEXT


@given(st.floats(0, 20), st.floats(0, 0.5), st.floats(1e-3, 200), st.integers(1, 64))
def test_the_commands_parser_reads_back_what_was_chosen(ring, zone, width, jobs) -> None:
    chosen = {
        "--ring-mm": repr(ring),
        "--grey-zone": repr(zone),
        "--assume-width": repr(width),
        "--jobs": str(jobs),
        "--model": "/models/a; --b ;/models/c d",
        "--out-of-fold": True,
    }
    options = arguments_of(parser_of("evaluate"), chosen)
    read = parse(run_command("python", "evaluate", Path("/d"), Path("/o"), options).arguments[3:])
    assert (read.ring_mm, read.grey_zone, read.assume_width, read.jobs) == (ring, zone, width, jobs)
    assert (read.model, read.out_of_fold) == ([Path("/models/a"), Path("--b"), Path("/models/c d")], True)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"--ring-mm": "five"}, "'ring mm': 'five' is not a number."),
        ({"--jobs": "0"}, "'jobs': '0' is no number from 1 on."),
        ({"--pictures": "x"}, "'pictures': invalid int value: 'x'."),
        ({"--spacing": "0.1", "--assume-width": "40"}, "'assume width' and 'spacing' exclude each other."),
    ],
)
def test_what_the_command_would_refuse_is_a_sentence(values, sentence) -> None:
    with pytest.raises(InputError) as refused:
        arguments_of(parser_of("evaluate"), values)
    assert str(refused.value) == sentence


def test_training_is_called_with_its_own_options() -> None:
    options = arguments_of(parser_of("train"), {"--fold": "3"})
    read = parse(run_command("python", "train", Path("/BUSBRA"), Path("/o"), options).arguments[3:])
    assert (read.data, read.out, read.test_fold, read.force) == (Path("/BUSBRA"), Path("/o"), 3, True)


@given(st.text())
def test_any_line_is_read_without_an_error(line: str) -> None:
    found = parse_line(line)
    assert found is None or isinstance(found, Step) or found == line.rstrip()


def test_lines_of_progress(capsys) -> None:
    from BreastMassXAILib.core.progress import reporter

    progress = reporter("json")
    progress(0, 4, "cases")
    progress(2, 4, "cases")
    first, second = (parse_line(line) for line in capsys.readouterr().err.splitlines())
    assert first == Step(0, 4, "cases", None)
    assert (second.done, second.seconds_left is not None) == (2, True)
    for line in ("[1, 2]", '{"done": 1}', "3", '{"done": "x", "total": 1, "what": "", "seconds_left": null}'):
        assert parse_line(line) == line
