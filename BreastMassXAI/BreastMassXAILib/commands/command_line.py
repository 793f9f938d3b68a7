"""The command line: ``breast-mass-xai``. Also runs under Slicer's own Python, with ``python -m BreastMassXAILib``."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..core.errors import BreastMassXAIError, SpacingError
from .arguments import PROGRAM, parse

USAGE_ERROR = 2
INTERNAL_ERROR = 1
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        0; 2 for bad input (one sentence on standard error); 130 when interrupted; 1 for a fault of ours.
    """
    try:
        options = parse(sys.argv[1:] if arguments is None else arguments)
        with _terminable():
            options.run(options)
    except SpacingError as error:
        _say(f"{error} (--calibrate ROW0,COL0,ROW1,COL1,MM, --spacing MM, --assume-width MM or --ring-mm 0)")
        return USAGE_ERROR
    except BreastMassXAIError as error:
        _say(str(error))
        return USAGE_ERROR
    except MemoryError:
        _say("This computer's memory is too small for this input.")
        return USAGE_ERROR
    except ModuleNotFoundError as error:
        _say(f"The package {error.name} is not installed: pip install breast-mass-xai installs what this step needs.")
        return USAGE_ERROR
    except BrokenPipeError:  # the reader of our output has gone, as with `| head`; the results are there
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt as error:
        _say(str(error) or "Stopped; nothing was written.")
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("BREAST_MASS_XAI_DEBUG"):
            raise
        _say(
            f"An unexpected fault, {type(error).__name__}: {' '.join(str(error).split())}. "
            "Please report it with what BREAST_MASS_XAI_DEBUG=1 prints."
        )
        return INTERNAL_ERROR
    return 0


def _say(sentence: str) -> None:
    """One line on standard error; a progress bar that stands there is wiped."""
    wipe = "\r\033[K" if sys.stderr.isatty() else ""
    print(f"{wipe}{PROGRAM}: {sentence}", file=sys.stderr)


@contextmanager
def _terminable() -> Iterator[None]:
    """A request to terminate, as a Stop button sends it, ends the work as Ctrl+C does: nothing half-written stays."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
