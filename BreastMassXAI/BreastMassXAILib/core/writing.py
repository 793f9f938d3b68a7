"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import OutputError
from .leftovers import result_is_written, undone, uninterrupted

RESULT_FILE, CINE_FILE = "result.json", "cine.json"
"""The files by which a folder is known as one of ours."""


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
def whole_file(path: Path, what: str) -> Iterator[Path]:
    """A file to write beside `path`, which takes its name when the block ends well; else an older one stays.

    Parameters
    ----------
    path : Path
    what : str
        What the file is, at the beginning of a sentence.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    part = path.with_name(f"{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{what} {path.name} cannot be written: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):
            part.unlink()


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
                target = resolved_folder(path)
                check_replaceable(path, target, force, marker)
                older = identity_of(target)
                with uninterrupted():
                    _make_parents(target.parent, made)
                    work = hidden_beside(target, "part")
                    work.mkdir()
                yield work
                with uninterrupted():
                    _check_nothing_lost(path, target, work)
                    move_into_place(work, target, older, path)
                    made.clear()
                    work = None
                    result_is_written()
            except OSError as error:
                raise OutputError(cannot_write(path, error)) from error
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
                target = resolved_folder(path)
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


def check_replaceable(path: Path, target: Path, force: bool, marker: str) -> None:
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
    others = files_in(target) - files_in(work)
    if others:
        raise OutputError(
            f"The output folder {path} is not replaced: it also holds {min(others)}, which is no part of a result."
        )


def files_in(folder: Path) -> set[str]:
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


def resolved_folder(path: Path) -> Path:
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


def hidden_beside(target: Path, what: str) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}.{what}")


def identity_of(target: Path) -> tuple[int, int] | None:
    """Which folder bears the name now, if any does."""
    try:
        found = target.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def move_into_place(work: Path, target: Path, older: tuple[int, int] | None, path: Path) -> None:
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
        if identity_of(target) != older:
            raise taken
        if older is None:
            try:
                work.rename(target)
            except OSError as error:  # where folders cannot be locked: it came between the check and here
                if target.exists():
                    raise taken from error
                raise
            return
        aside = hidden_beside(target, "old")
        target.rename(aside)
        try:
            work.rename(target)
        except BaseException:
            aside.rename(target)
            raise
    shutil.rmtree(aside, ignore_errors=True)


def cannot_write(path: Path, error: OSError) -> str:
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
