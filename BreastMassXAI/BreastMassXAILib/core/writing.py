"""Small files that are whole or not there, and folders that one process at a time works in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a text beside, then rename: a kill at any moment leaves the old file or the new one."""
    beside = path.with_name(f"{path.name}.writing")
    with beside.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


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
