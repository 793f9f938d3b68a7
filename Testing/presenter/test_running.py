"""Processes of the command line: their lines, their end, and Stop for all of them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from BreastMassXAILib.core.errors import OutputError
from BreastMassXAILib.presenter.process import Command
from BreastMassXAILib.presenter.running import RunningProcess


def python(code: str, **environment: str) -> Command:
    return Command(sys.executable, ("-u", "-c", code), environment)


def wait(until: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not until():
        assert time.monotonic() < end
        time.sleep(0.02)


def everything(process: RunningProcess) -> list[str]:
    found: list[str] = []

    def ended() -> bool:
        found.extend(process.lines())
        return process.code is not None

    wait(ended)
    return found


def test_lines_and_code_come_in_order() -> None:
    code = "import os, sys; print('ä'); print(os.environ['COLOUR'], file=sys.stderr); print('last'); sys.exit(3)"
    process = RunningProcess(python(code, COLOUR="blue", PYTHONUTF8="1"))
    assert everything(process) == ["ä", "blue", "last"]
    assert process.code == 3


def test_it_has_not_ended_before_its_last_line_was_read() -> None:
    process = RunningProcess(python("print('only')"))
    process._reader.join(20)
    assert process._process.wait(20) == 0
    assert process.code is None
    assert list(process.lines()) == ["only"]
    wait(lambda: process.code == 0)


@pytest.mark.skipif(sys.platform == "win32", reason="looks at POSIX process numbers")
def test_stop_ends_the_children_too() -> None:
    """A launcher that is ended alone would leave its Python running."""
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid)\n"
        "time.sleep(600)"
    )
    process = RunningProcess(python(code))
    lines: list[str] = []
    wait(lambda: bool(lines.extend(process.lines()) or lines))
    process.stop()
    wait(lambda: process.code is not None)
    assert process.code != 0

    def gone() -> bool:
        try:
            os.kill(int(lines[0]), 0)
        except ProcessLookupError:
            return True
        stat = Path(f"/proc/{lines[0]}/stat").read_text()
        return stat.rsplit(")", 1)[1].split()[0] == "Z"  # ended, but nobody has asked for its code yet

    wait(gone)
    process.stop()  # a second time harms nobody


def test_a_program_that_is_not_there_is_said() -> None:
    with pytest.raises(OutputError, match="could not be started"):
        RunningProcess(Command("/nowhere/python", (), {}))
