"""Big runs as a process of the same command line: how it is called, and what its lines say."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.result import Settings

_LIBRARY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Command:
    """A program with its arguments and what its environment needs besides (to be added to the present one)."""

    program: str
    arguments: tuple[str, ...]
    environment: dict[str, str]


def evaluate_command(
    python: str,
    data: Path,
    out: Path,
    models: Sequence[Path] = (),
    settings: Settings | None = None,
    assumed_width_mm: float = 0.0,
    jobs: int = 1,
) -> Command:
    """``evaluate`` on a cohort.

    Parameters
    ----------
    python : str
        The interpreter, in Slicer the path of ``PythonSlicer``.
    data, out : Path
        The data set, and the folder to write; an older report in it is replaced.
    models : sequence of Path
        Folders; the shipped model, if none is given.
    settings : Settings, optional
    assumed_width_mm : float
        0 for no assumption.
    jobs : int
        Processes.
    """
    settings = settings or Settings()
    options = [str(data), "--out", str(out), "--jobs", str(jobs), "--force"]
    options += ["--ring-mm", repr(settings.ring_mm), "--grey-zone", repr(settings.grey_zone)]
    for model in models:
        options += ["--model", str(model)]
    if assumed_width_mm > 0:
        options += ["--assume-width", repr(assumed_width_mm)]
    return _command(python, "evaluate", options)


def train_command(python: str, data: Path, out: Path, options: Sequence[str] = ()) -> Command:
    """``train`` on a data set; an older model in `out` is replaced. `options` are more of the command's own."""
    return _command(python, "train", [str(data), "--out", str(out), "--force", *options])


def _command(python: str, name: str, options: Sequence[str]) -> Command:
    arguments = ("-u", "-m", _LIBRARY.name, name, *options, "--progress", "json")
    paths = [str(_LIBRARY.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return Command(python, arguments, {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1"})


@dataclass(frozen=True)
class Step:
    """A line of progress."""

    done: int
    total: int
    what: str
    seconds_left: float | None


def parse_line(line: str) -> Step | str | None:
    """A process' line of output: a step of its progress, text for the log, or None for an empty line."""
    text = line.strip()
    if not text:
        return None
    try:
        found = json.loads(text)
        left = found["seconds_left"]
        return Step(int(found["done"]), int(found["total"]), str(found["what"]), None if left is None else float(left))
    except (ValueError, KeyError, TypeError):
        return line.rstrip()
