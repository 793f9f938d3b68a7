"""Work of hours: what is done so far stays beside the result when the work breaks off, and is gone on with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from .errors import OutputError
from .leftovers import NOTHING, result_is_written, undone, uninterrupted
from .writing import (
    cannot_write,
    check_replaceable,
    files_in,
    hidden_beside,
    identity_of,
    locked,
    move_into_place,
    resolved_folder,
    write_whole,
)

REQUEST_FILE = "request.json"
"""In unfinished work: what it was begun with."""


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
        target = resolved_folder(path)
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
    target, places = resolved_folder(path), Unfinished.beside(path)
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
                move_into_place(places.result, target, older, path)
                at_work = False
                _discard(work)
                result_is_written()
        except OSError as error:
            leave()
            raise OutputError(cannot_write(path, error)) from error
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
    target, work = resolved_folder(path), places.state.parent
    kept = work / REQUEST_FILE
    if work.is_dir():
        _lock(work, locks)
    if kept.is_file() and not places.result.exists() and (target / marker).is_file():
        _discard(work)  # broken off between the end and the cleaning up
    check_replaceable(path, target, force, marker)
    others = sorted(file for file in files_in(target) if not any(fnmatch(file, part) for part in parts))
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
    return identity_of(target)


def _anything_in(places: Unfinished) -> bool:
    return bool(files_in(places.result) or files_in(places.state))


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
    aside = hidden_beside(folder, "old")
    folder.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)
