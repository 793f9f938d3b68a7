"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from .errors import OutputError

RESULT_FILE, CINE_FILE = "result.json", "cine.json"
"""The files by which a folder is known as one of ours."""


def write_whole(path: Path, text: str) -> None:
    """Write a text beside, then rename: a kill at any moment leaves the old file or the new one."""
    beside = path.with_name(f"{path.name}.writing")
    with beside.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


@contextmanager
def atomic_folder(path: Path, force: bool = False, marker: str = RESULT_FILE) -> Iterator[Path]:
    """A folder to write results into, which takes its name only when all is written.

    Parameters
    ----------
    path : Path
        The folder that is to be; missing parents are made.
    force : bool
        Whether an older result in its place is replaced: a folder that holds `marker`, and no file that the new one
        does not hold too. It is put back when the new one cannot be moved there.
    marker : str
        The file by which a folder of this kind is known.

    Yields
    ------
    Path
        A temporary folder beside `path`. On any failure it is removed and nothing remains.

    Raises
    ------
    OutputError
        When `path` exists and may not be replaced (no `force`; a file; a folder that is not a result of ours), or
        when the disk refuses: no space, no permission.
    """
    made: list[Path] = []
    work = None
    try:
        try:
            target = path.resolve()
            _check_replaceable(path, target, force, marker)
            _make_parents(target.parent, made)
            work = _beside(target, "part")
            work.mkdir()
            yield work
            _check_nothing_lost(path, target, work)
            _move_into_place(work, target)
        except OSError as error:
            raise OutputError(_sentence(path, error)) from error
    except BaseException:
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)
        with suppress(OSError):
            for folder in reversed(made):
                folder.rmdir()
        raise


@dataclass(frozen=True)
class Unfinished:
    """Where work of hours is kept until it is done.

    Parameters
    ----------
    result : Path
        The folder that takes its name when all is written.
    state : Path
        What is needed to go on, and thrown away at the end.
    """

    result: Path
    state: Path

    @classmethod
    def beside(cls, path: Path) -> Unfinished:
        """The folders in ``<name>.unfinished``."""
        work = path.resolve().with_name(f"{path.name}.unfinished")
        return cls(work / "result", work / "state")


@contextmanager
def resumable_folder(
    path: Path,
    request: Mapping[str, Any],
    parts: Sequence[str],
    *,
    resume: bool = False,
    force: bool = False,
    marker: str,
) -> Iterator[Unfinished]:
    """Like :func:`atomic_folder` for work of hours: what is done so far stays beside `path` when the work breaks off.

    Parameters
    ----------
    path, marker
        See :func:`atomic_folder`.
    request : mapping
        What is to be done, as JSON can hold it. Work goes on only with the request that it began with.
    parts : sequence of str
        Patterns of the files that a result can hold; an older result with other files in it is not replaced.
    resume : bool
        Go on with unfinished work, if there is any.
    force : bool
        Replace an older result at the end, and without `resume` throw unfinished work away at once.

    Raises
    ------
    OutputError
        As :func:`atomic_folder`; when there is unfinished work and neither `resume` nor `force`; when it began with
        another request.
    KeyboardInterrupt
        On a user's interrupt, with a message that says how to go on.
    """
    target, places = path.resolve(), Unfinished.beside(path)
    work = places.state.parent
    kept, wanted = work / "request.json", json.dumps(dict(request), indent=1, sort_keys=True)
    try:
        if kept.is_file() and not places.result.exists() and (target / marker).is_file():
            _discard(work)  # broken off between the end and the cleaning up
        _check_replaceable(path, target, force, marker)
        others = sorted(file for file in _files(target) if not any(fnmatch(file, part) for part in parts))
        if others:
            raise OutputError(
                f"The output folder {path} is not replaced: it also holds {others[0]}, which is no part of a result."
            )
        begun = _begun(work, kept)
        if begun and force and not resume:
            _discard(work)
        elif begun and not resume:
            raise OutputError(f"{work.name} holds unfinished work: go on with --resume, or throw it away with --force.")
        elif begun and kept.read_text(encoding="utf-8") != wanted:
            raise OutputError(
                f"The unfinished work in {work.name} began with other data or other options: go on with those, or "
                "throw it away with --force."
            )
        work.mkdir(parents=True, exist_ok=True)
        write_whole(kept, wanted)
        for folder in (places.result, places.state):
            folder.mkdir(exist_ok=True)
        yield places
        _move_into_place(places.result, target)
        _discard(work)
    except OSError as error:
        raise OutputError(_sentence(path, error)) from error
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"Stopped; {work.name} keeps what is done: go on with the same command and --resume."
        ) from None


def _begun(work: Path, kept: Path) -> bool:
    """Whether there is unfinished work of ours."""
    if kept.is_file():
        return True
    if work.exists() and (not work.is_dir() or {entry.name for entry in work.iterdir()} - {f"{kept.name}.writing"}):
        raise OutputError(f"{work} is in the way: it is no unfinished work of ours.")
    return False


def _discard(folder: Path) -> None:
    """Remove a folder that nobody shall find half-removed."""
    aside = _beside(folder, "old")
    folder.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def _check_replaceable(path: Path, target: Path, force: bool, marker: str) -> None:
    if not os.path.lexists(target):
        return
    if not target.is_dir():
        raise OutputError(f"The output folder {path} cannot be made: there is a file of that name.")
    if not force:
        raise OutputError(f"The output folder {path} exists already: choose another one, or replace it with --force.")
    if any(target.iterdir()) and not (target / marker).is_file():
        raise OutputError(
            f"The output folder {path} is not replaced: it holds files but no {marker}, so it is no older result."
        )


def _check_nothing_lost(path: Path, target: Path, work: Path) -> None:
    """A user may have put files of their own beside an older result, the frame itself for instance."""
    if not target.is_dir():
        return
    others = _files(target) - _files(work)
    if others:
        raise OutputError(
            f"The output folder {path} is not replaced: it also holds {min(others)}, which is no part of a result."
        )


def _files(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if not file.is_dir()}


def _make_parents(folder: Path, made: list[Path]) -> None:
    """Make missing parents one by one, noting each in `made`, so that a failure can take them away again."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        made.append(folder)


def _beside(target: Path, what: str) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}.{what}")


def _move_into_place(work: Path, target: Path) -> None:
    if not target.exists():
        work.rename(target)
        return
    aside = _beside(target, "old")
    target.rename(aside)
    try:
        work.rename(target)
    except BaseException:
        aside.rename(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _sentence(path: Path, error: OSError) -> str:
    file = Path(os.fsdecode(error.filename)).name if error.filename else ""
    own = not file or file == path.name or file.endswith((".part", ".old"))
    what = "The results" if own else file
    return f"{what} cannot be written in the output folder {path}: {error.strerror or error}."
