"""What a terminal and a calling program see of long work."""

import io
import json

import pytest

from BreastMassXAILib.core import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_short_work_draws_nothing(clock):
    stream = Terminal()
    report = progress.reporter("auto", stream)
    for done in range(5):
        clock[0] = 0.1 * done
        report(done, 5, "work")
    report(5, 5, "done")
    assert stream.getvalue() == ""


def test_long_work_shows_the_time_left_and_clears_its_line(clock):
    stream = Terminal()
    report = progress.reporter("auto", stream)
    clock[0] = 10.0
    report(1, 4, "frames")
    assert "frames, 30 s left" in stream.getvalue()
    report(4, 4, "done")
    assert stream.getvalue().endswith("\r\033[K")


def test_a_file_gets_nothing_unless_asked(clock):
    stream = io.StringIO()
    progress.reporter("auto", stream)(1, 2, "work")
    assert stream.getvalue() == ""
    clock[0] = 4.0
    progress.reporter("json", stream)(1, 2, "work")
    assert json.loads(stream.getvalue())["progress"] == 0.5
