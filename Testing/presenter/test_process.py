"""The command line as a process: its arguments, and what its lines say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from BreastMassXAILib.commands.arguments import parse
from BreastMassXAILib.core.result import Settings
from BreastMassXAILib.presenter.process import Step, evaluate_command, parse_line, train_command


def ran(command) -> tuple[int, list]:
    done = subprocess.run(
        [command.program, *command.arguments],
        env={**os.environ, **command.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, [parse_line(line) for line in done.stdout.splitlines()]


def test_a_cohort_is_evaluated_by_the_process(tmp_path) -> None:
    pytest.importorskip("torch")
    from BreastMassXAILib.resources import resource

    samples = resource("SampleData")
    rows = [f"{samples / name}.dcm,{samples / name}_mask.png,{name}" for name in ("malignant", "benign")]
    manifest = tmp_path / "a folder.csv"
    manifest.write_text("\n".join(["image,mask,label", *rows]))
    command = evaluate_command(sys.executable, manifest, tmp_path / "out", settings=Settings(4.0))
    code, said = ran(command)
    assert code == 0, said
    steps = [line for line in said if isinstance(line, Step)]
    assert (steps[-1].done, steps[-1].total) == (2, 2)
    assert any(isinstance(line, str) and "2 of 2 cases" in line for line in said)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["settings"]["ring_mm"] == 4.0


def test_what_is_wrong_is_a_line_of_the_log(tmp_path) -> None:
    code, said = ran(evaluate_command(sys.executable, tmp_path / "nothing", tmp_path / "out"))
    assert code != 0
    assert any(isinstance(line, str) and "nothing" in line for line in said)
    assert not any("Traceback" in str(line) for line in said)


@given(
    st.floats(0, 20),
    st.floats(0, 0.5),
    st.one_of(st.just(0.0), st.floats(1e-3, 200)),
    st.integers(1, 64),
    st.lists(st.sampled_from(["a model", "--model", "b"]), max_size=3),
)
def test_the_commands_parser_reads_back_what_was_asked(ring, zone, width, jobs, models) -> None:
    folders = [Path("/models") / name for name in models]
    command = evaluate_command("python", Path("/d"), Path("/o"), folders, Settings(ring, zone), width, jobs)
    options = parse(command.arguments[3:])
    assert (options.ring_mm, options.grey_zone, options.jobs) == (ring, zone, jobs)
    assert (options.assume_width or 0.0) == width
    assert (options.model or []) == folders


def test_training_is_called_with_its_own_options() -> None:
    command = train_command("python", Path("/BUSBRA"), Path("/o"), ["--fold", "3"])
    options = parse(command.arguments[3:])
    assert (options.data, options.out, options.test_fold) == (Path("/BUSBRA"), Path("/o"), 3)


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
