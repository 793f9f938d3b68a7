"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from .errors import OutputError
from .leftovers import NOTHING, result_is_written, undone, uninterrupted

RESULT_FILE, CINE_FILE = "result.json", "cine.json"
"""The files by which a folder is known as one of ours."""
REQUEST_FILE = "request.json"
"""In unfinished work: what it was begun with."""


def as_text(name: str) -> str:
    """A file's name as text: bytes of it that are none (names of another encoding) as escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def write_whole(path: Path, text: str) -> None:
    """Write a text beside, then rename: a kill at any moment leaves the old file or the new one."""
    beside = path.with_name(f"{path.name}.writing")
    with beside.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
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
        When `path` exists and may not be replaced (no `force`; a file; a folder that is not a result of ours), when
        another run has written a result there meanwhile, or when the disk refuses: no space, no permission.
    """
    made: list[Path] = []
    work: Path | None = None

    def remove() -> None:
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)
        with suppress(OSError):
            for folder in reversed(made):
                folder.rmdir()

    with undone(remove):
        try:
            try:
                target = _resolved(path)
                _check_replaceable(path, target, force, marker)
                older = _identity(target)
                with uninterrupted():
                    _make_parents(target.parent, made)
                    work = _beside(target, "part")
                    work.mkdir()
                yield work
                with uninterrupted():
                    _check_nothing_lost(path, target, work)
                    _move_into_place(work, target, older, path)
                    made.clear()
                    work = None
                    result_is_written()
            except OSError as error:
                raise OutputError(_sentence(path, error)) from error
        except BaseException:
            remove()
            raise


@contextmanager
def atomic_file(path: Path, force: bool = False) -> Iterator[Path]:
    """A file to write that takes its name only when it is whole.

    Parameters
    ----------
    path : Path
        The file that is to be; missing parents are made.
    force : bool
        Whether a file in its place is replaced.

    Yields
    ------
    Path
        A file beside `path` with the same suffixes, which does not exist yet. On any failure nothing remains.

    Raises
    ------
    OutputError
        When `path` exists and may not be replaced, or when the disk refuses.
    """
    made: list[Path] = []
    work: Path | None = None

    def remove() -> None:
        with suppress(OSError):
            if work is not None:
                work.unlink(missing_ok=True)
            for folder in reversed(made):
                folder.rmdir()

    def check() -> None:
        if path.is_dir():
            raise OutputError(f"The file {path} cannot be made: there is a folder of that name.")
        if os.path.lexists(path) and not force:
            raise OutputError(f"The file {path} exists already: choose another one, or replace it with --force.")

    with undone(remove):
        try:
            try:
                check()
                target = _resolved(path)
                with uninterrupted():
                    _make_parents(target.parent, made)
                    work = target.with_name(f".{os.getpid()}.{os.urandom(4).hex()}.{target.name}")
                yield work
                with uninterrupted(), locked(target.parent, wait=True):
                    check()
                    work.replace(target)
                    made.clear()
                    work = None
                    result_is_written()
            except OSError as error:
                raise OutputError(f"The file {path} cannot be written: {error.strerror or error}.") from error
        except BaseException:
            remove()
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
        target = _resolved(path)
        work = target.with_name(f"{path.name or target.name}.unfinished")
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
    target, places = _resolved(path), Unfinished.beside(path)
    work, at_work = places.state.parent, False
    wanted = json.dumps(dict(request), indent=1, sort_keys=True)

    def leave() -> str:
        """What remains after a stop or a failure: what is done so far, if anything is."""
        if at_work and not _anything_in(places):
            shutil.rmtree(work, ignore_errors=True)
        kept = f"Stopped; {work.name} keeps what is done: go on with the same command and --resume."
        return kept if at_work and work.exists() else NOTHING

    with undone(leave), ExitStack() as locks:
        try:
            with uninterrupted():
                older = _begin(path, places, wanted, parts, resume=resume, force=force, marker=marker, locks=locks)
                at_work = True
            yield places
            with uninterrupted():
                _move_into_place(places.result, target, older, path)
                at_work = False
                _discard(work)
                result_is_written()
        except OSError as error:
            leave()
            raise OutputError(_sentence(path, error)) from error
        except KeyboardInterrupt:
            raise KeyboardInterrupt(leave()) from None
        except BaseException:
            leave()
            raise


def _begin(
    path: Path,
    places: Unfinished,
    request: str,
    parts: Sequence[str],
    *,
    resume: bool,
    force: bool,
    marker: str,
    locks: ExitStack,
) -> tuple[int, int] | None:
    """Everything that :func:`resumable_folder` checks and makes before the work; the older result's identity."""
    target, work = _resolved(path), places.state.parent
    kept = work / REQUEST_FILE
    if work.is_dir():
        _lock(work, locks)
    if kept.is_file() and not places.result.exists() and (target / marker).is_file():
        _discard(work)  # broken off between the end and the cleaning up
    _check_replaceable(path, target, force, marker)
    others = sorted(file for file in _files(target) if not any(fnmatch(file, part) for part in parts))
    if others:
        raise OutputError(
            f"The output folder {path} is not replaced: it also holds {others[0]}, which is no part of a result."
        )
    begun = _begun(work, kept)
    if begun and ((force and not resume) or not _anything_in(places)):
        _discard(work)  # what holds nothing yet is in nobody's way, whatever it was begun with
    elif begun and not resume:
        raise OutputError(f"{work.name} holds unfinished work: go on with --resume, or throw it away with --force.")
    elif begun and kept.read_text(encoding="utf-8") != request:
        raise OutputError(
            f"The unfinished work in {work.name} began with other data or other options: go on with those, or "
            "throw it away with --force."
        )
    work.mkdir(parents=True, exist_ok=True)
    _lock(work, locks)
    write_whole(kept, request)
    for folder in (places.result, places.state):
        folder.mkdir(exist_ok=True)
    return _identity(target)


def _anything_in(places: Unfinished) -> bool:
    return bool(_files(places.result) or _files(places.state))


def _lock(work: Path, locks: ExitStack) -> None:
    """Hold unfinished work for this process; a second run would mix its own with it."""
    locks.close()  # of a folder that was thrown away meanwhile
    if not locks.enter_context(locked(work)):
        raise OutputError(f"Another run is at work in {work.name}: wait for its end, or choose another --out.")


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


def _resolved(path: Path) -> Path:
    """The absolute path, links followed.

    Raises
    ------
    OutputError
        When the links lead nowhere.
    """
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError before Python 3.13
        raise OutputError(f"The output folder {path} cannot be made: it is a link that leads to itself.") from error


def _beside(target: Path, what: str) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}.{what}")


def _identity(target: Path) -> tuple[int, int] | None:
    """Which folder bears the name now, if any does."""
    try:
        found = target.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _move_into_place(work: Path, target: Path, older: tuple[int, int] | None, path: Path) -> None:
    """Give the finished folder its name. Who bears it must be the one whom the run found there when it began.

    Raises
    ------
    OutputError
        When another run has given the name to its own result meanwhile.
    """
    taken = OutputError(
        f"Another run has written {path} in the meantime, so this result was not written: choose another --out."
    )
    with locked(target.parent, wait=True):
        if _identity(target) != older:
            raise taken
        if older is None:
            try:
                work.rename(target)
            except OSError as error:  # where folders cannot be locked: it came between the check and here
                if target.exists():
                    raise taken from error
                raise
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


@contextmanager
def locked(folder: Path, wait: bool = False) -> Iterator[bool]:
    """Hold a folder against other processes that ask in the same way; no file is made, and a kill lets it go.

    Parameters
    ----------
    folder : Path
        Which exists.
    wait : bool
        Wait until it is free, instead of going on without it.

    Yields
    ------
    bool
        False when another process holds it. True too where the system cannot lock folders (Windows, some network
        disks), so this is a help, and no guard that anything may rely on alone.
    """
    try:
        import fcntl
    except ImportError:
        yield True
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        yield True
        return
    try:
        held = True
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            held = False
        except OSError:
            pass
        yield held
    finally:
        with suppress(OSError):
            os.close(handle)
