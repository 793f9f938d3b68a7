"""Big runs as a process of the same command line: how it is called, and what its lines say."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_LIBRARY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Command:
    """A program with its arguments and what its environment needs besides (to be added to the present one)."""

    program: str
    arguments: tuple[str, ...]
    environment: dict[str, str]


def run_command(python: str, name: str, data: Path, out: Path, options: Sequence[str] = ()) -> Command:
    """A command on a data set.

    Parameters
    ----------
    python : str
        The interpreter, in Slicer the path of ``PythonSlicer``.
    name : str
        ``evaluate``, ``train`` or ``cross-validate``.
    data, out : Path
        The data set, and the folder to write; what an earlier run left there is replaced.
    options : sequence of str
        More of the command's own (:func:`~.command_options.arguments_of`).
    """
    arguments = ("-u", "-m", _LIBRARY.name, name, str(data), "--out", str(out), "--force", *options)
    paths = [str(_LIBRARY.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return Command(
        python, (*arguments, "--progress", "json"), {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1"}
    )


@dataclass(frozen=True)
class Step:
    """A line of progress."""

    done: int
    total: int
    what: str
    seconds_left: float | None

    @property
    def time_left(self) -> str:
        """In words, rounded as a guess deserves; empty where it is not known yet."""
        left = self.seconds_left
        if left is None:
            return ""
        if left < 60:
            return f"{max(round(left), 1)} s left"
        minutes = round(left / 60)
        return f"{minutes} min left" if minutes < 90 else f"{left / 3600:.1f} h left"


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
