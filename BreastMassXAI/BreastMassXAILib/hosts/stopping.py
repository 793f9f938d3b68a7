"""Ctrl+C, a request to terminate, a closed terminal: one signal, one clean end.

A process that is stopped ends with 128 + the signal's number, as shells count: 130, 143, 129.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from types import FrameType

from ..core import leftovers

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))
_speaker = ""


def listen(speaker: str = "") -> None:
    """From now on a signal undoes what is under way (:mod:`~..core.leftovers`) and ends the process.

    Signals that were ignored when the process began (``nohup``, background jobs) stay so. For the main thread of a
    program of its own only: nothing of Python's is unwound.

    Parameters
    ----------
    speaker : str
        The program's name, before the sentence that says what became of its work; without one, nothing is said.
    """
    global _speaker
    _speaker = speaker
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            with suppress(ValueError, OSError):  # not the main thread
                signal.signal(number, _stop)


def deaf() -> None:
    """From now on signals are ignored: the process is about to end with a code that is decided."""
    for number in SIGNALS:
        with suppress(ValueError, OSError):
            signal.signal(number, signal.SIG_IGN)


def _stop(number: int, frame: FrameType | None) -> None:
    if leftovers.wait_for_it(lambda: _stop(number, None)):
        return
    if os.name == "nt" and not leftovers.written():  # files that are open cannot be removed there
        raise KeyboardInterrupt
    deaf()
    code = 0 if leftovers.written() else 128 + number
    sentence = leftovers.undo_all()
    if _speaker:
        _write(sentence if code else "Stopped; the results are written.")
    os._exit(code)


def _write(sentence: str) -> None:
    """On standard error, past Python's buffer, in which the signal may have come."""
    with suppress(OSError):
        wipe = "\r\033[K" if os.isatty(2) else ""
        os.write(2, f"{wipe}{_speaker}: {sentence}\n".encode(sys.getfilesystemencoding(), "backslashreplace"))
