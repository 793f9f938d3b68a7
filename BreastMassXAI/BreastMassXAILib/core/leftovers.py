"""What a run has begun and must undo when it is stopped, whatever it is doing at that moment.

A signal is not turned into an exception: raised while compiled libraries load or call back, one is lost, mistaken for
another fault, or ends the program in their midst. Instead, what is under way is noted here, and whoever listens to
signals (``hosts.stopping``) undoes it and ends the process.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NOTHING = "Stopped; nothing was written."
ROOM_BYTES = 1 << 20
"""A folder for temporary files with less room is full."""

_numbers = itertools.count()
_begun: dict[int, Callable[[], object]] = {}
_held = 0
_waiting: Callable[[], None] | None = None
_written = False


@contextmanager
def undone(undo: Callable[[], object]) -> Iterator[None]:
    """While this lasts, a stop calls `undo`; a sentence that it returns says what became of the work."""
    number = next(_numbers)
    _begun[number] = undo
    try:
        yield
    finally:
        _begun.pop(number, None)


@contextmanager
def removed(path: Path) -> Iterator[None]:
    """While this lasts, a stop removes a file or folder (which need not exist)."""

    def remove() -> None:
        shutil.rmtree(path, ignore_errors=True)
        with suppress(OSError):
            path.unlink()

    with undone(remove):
        yield


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder for files of a moment, gone at the end and after a stop.

    Raises
    ------
    OSError
        When it cannot be made.
    """
    with uninterrupted():
        folder = Path(tempfile.mkdtemp())
        keeping = removed(folder)
        keeping.__enter__()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        keeping.__exit__(None, None, None)


def full_temporary_folder() -> str:
    """A clause that says so, where the folder for temporary files has no room; else empty."""
    folder = tempfile.gettempdir()
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return ""
    if free >= ROOM_BYTES:
        return ""
    return f"the folder for temporary files is full ({folder}): make room there, or set TMPDIR to another folder"


@contextmanager
def uninterrupted() -> Iterator[None]:
    """While this lasts (a few calls of the file system), a stop waits."""
    global _held, _waiting
    _held += 1
    try:
        yield
    finally:
        _held -= 1
        if not _held and _waiting is not None:
            stop, _waiting = _waiting, None
            stop()


def wait_for_it(stop: Callable[[], None]) -> bool:
    """Whether a stop must wait; it is called then as soon as it may be."""
    global _waiting
    if _held:
        _waiting = stop
    return bool(_held)


def result_is_written(yes: bool = True) -> None:
    """From now on a stop, or an output that nobody can read, costs nothing."""
    global _written
    _written = yes


def written() -> bool:
    """Whether the run has its result; what is left to do is to tell of it."""
    return _written


def undo_all() -> str:
    """Undo everything that is under way, the last first, and say what became of it."""
    sentence = ""
    while _begun:
        _, undo = _begun.popitem()
        with suppress(Exception):
            said = undo()
            sentence = said if isinstance(said, str) else sentence
    return sentence or NOTHING
