"""Big runs as a process of the same command line: how it is called, and what its lines say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.result import Settings


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
    """``evaluate`` on a cohort. `python` is the interpreter, in Slicer the path of ``PythonSlicer``."""
    raise NotImplementedError


def train_command(python: str, data: Path, out: Path, options: Sequence[str] = ()) -> Command:
    """``train`` on BUS-BRA's folder."""
    raise NotImplementedError


@dataclass(frozen=True)
class Step:
    """A line of progress."""

    done: int
    total: int
    what: str
    seconds_left: float | None


def parse_line(line: str) -> Step | str | None:
    """A process' line of output: a step of its progress, text for the log, or None for an empty line."""
    raise NotImplementedError
