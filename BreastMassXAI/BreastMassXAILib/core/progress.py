"""How work tells how far it is, and how it is stopped: one callable, called between steps.

:func:`reporter` makes one that shows it: a bar with the time left in a terminal, JSON lines for a program that started
the work.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

Progress = Callable[[int, int, str], None]
"""``progress(done, total, what)``. Work stops cleanly when the callable raises; nothing is left half-written."""

NewProgress = Callable[[], Progress]
"""Makes a :data:`Progress` for each stretch of a longer work: its bar and the time left begin anew."""

QUIET_S = 2.0
"""Work that is done before this many seconds needs no bar."""
_WIDTH = 28


def silent(done: int, total: int, what: str) -> None:
    """For callers who do not want to know."""


def unheard() -> Progress:
    """A :data:`NewProgress` for callers who do not want to know."""
    return silent


def reporter(kind: str, stream: TextIO | None = None) -> Progress:
    """A progress callable.

    Parameters
    ----------
    kind : {"auto", "bar", "json", "none"}
        ``auto`` is a bar where the stream is a terminal and nothing otherwise. ``json`` writes one object a line:
        ``{"progress": 0.5, "done": 3, "total": 6, "what": "...", "seconds_left": 1.2}``.
    stream : text stream
        Standard error by default.
    """
    stream = stream or sys.stderr
    if stream is None:  # an application without a terminal
        return silent
    if kind == "json":
        return _Lines(stream)
    if kind == "bar" or (kind == "auto" and stream.isatty()):
        return _Bar(stream)
    return silent


class _Reporter:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._started = time.monotonic()

    def _write(self, text: str) -> None:
        """Progress that nobody can read stops no work."""
        with suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()

    def _seconds_left(self, done: int, total: int) -> float | None:
        return (time.monotonic() - self._started) * (total - done) / done if done else None


class _Lines(_Reporter):
    def __call__(self, done: int, total: int, what: str) -> None:
        left = self._seconds_left(done, total)
        line = {"progress": done / total, "done": done, "total": total, "what": what}
        self._write(json.dumps({**line, "seconds_left": None if left is None else round(left, 1)}) + "\n")


class _Bar(_Reporter):
    _drawn = False

    def __call__(self, done: int, total: int, what: str) -> None:
        if done >= total:
            self._write("\r\033[K" if self._drawn else "")
            return
        if not self._drawn and time.monotonic() - self._started < QUIET_S:
            return
        self._drawn = True
        left = self._seconds_left(done, total)
        full = _WIDTH * done // total
        bar = "#" * full + "-" * (_WIDTH - full)
        self._write(f"\r\033[K[{bar}] {what}" + ("" if left is None else f", {left:.0f} s left"))
