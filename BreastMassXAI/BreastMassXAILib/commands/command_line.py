"""The command line: ``breast-mass-xai``. Also runs under Slicer's own Python, with ``python -m BreastMassXAILib``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from ..core import leftovers
from ..core.errors import BreastMassXAIError, NoMassError, SpacingError
from ..hosts.stopping import deaf, listen
from .arguments import PROGRAM, parse

USAGE_ERROR = 2
NO_MASS_FOUND = 3
INTERNAL_ERROR = 1
INTERRUPTED = 130
_OURS = __name__.partition(".")[0]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process, if not given; then the process is ours, with its streams and signals.

    Returns
    -------
    int
        0; 2 for bad input and 3 where no mass is found (one sentence on standard error); 130 when interrupted; 1 for a
        fault of ours. A process of ours that a signal stops ends at once, see :mod:`~..hosts.stopping`.
    """
    own = arguments is None
    if own:
        listen(PROGRAM)
        _prepare_streams()
    leftovers.result_is_written(False)
    code = _run(sys.argv[1:] if arguments is None else arguments)
    if own:
        deaf()
        code = _flushed(code)
    return code


def _run(arguments: Sequence[str]) -> int:
    try:
        options = parse(arguments)
        options.run(options)
        if sys.stdout is not None:
            sys.stdout.flush()
    except SpacingError as error:
        _say(f"{error} (--calibrate ROW0,COL0,ROW1,COL1,MM, --spacing MM, --assume-width MM or --ring-mm 0)")
        return USAGE_ERROR
    except NoMassError as error:
        _say(str(error))
        return NO_MASS_FOUND
    except BreastMassXAIError as error:
        _say(str(error))
        return USAGE_ERROR
    except MemoryError:
        _say("This computer's memory is too small for this input.")
        return USAGE_ERROR
    except ImportError as error:
        _say(_about_packages(error))
        return USAGE_ERROR
    except BrokenPipeError:  # the reader of our output has gone, as with `| head`; the results are there
        _forget_stdout()
        return 0
    except OSError as error:
        if leftovers.written():
            _say(f"The results are written, but what is to be said of them cannot be: {error.strerror or error}.")
            _forget_stdout()
            return 0
        file = f" ({os.fsdecode(error.filename)})" if error.filename else ""
        _say(f"The system refuses: {error.strerror or error}{file}.")
        _forget_stdout()
        return USAGE_ERROR
    except KeyboardInterrupt as error:
        _say(str(error) or leftovers.NOTHING)
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


def _about_packages(error: ImportError) -> str:
    """Whether a package is missing, or there and broken."""
    top = (error.name or "").partition(".")[0]
    trace, importing = error.__traceback__, ""
    while trace is not None:  # the last package that was being loaded
        name = str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
        if name not in ("", "importlib", "_frozen_importlib", "_frozen_importlib_external", _OURS, "__main__"):
            importing = name
        trace = trace.tb_next
    if isinstance(error, ModuleNotFoundError) and not importing:
        return f"The package {top} is not installed: pip install breast-mass-xai installs what this step needs."
    reason = " ".join(str(error).split())
    return f"The package {importing or top} is installed but cannot be loaded ({reason}): install it again."


def _say(sentence: str) -> None:
    """One line on standard error; a progress bar that stands there is wiped. Nobody may be there to read it."""
    stream = sys.stderr
    if stream is None:
        return
    with suppress(OSError, ValueError):
        wipe = "\r\033[K" if stream.isatty() else ""
        print(f"{wipe}{PROGRAM}: {sentence}", file=stream, flush=True)


def _prepare_streams() -> None:
    """Standard streams that take every name and are there.

    A file's name may hold what the terminal's encoding cannot show, or bytes that are no text at all: they are shown
    as escapes. A stream that was closed when the process began would be the next file that is opened, and what
    libraries print would be written into it.
    """
    for number, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # takes the lowest number that is free: this one
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 (for the process's life)


def _forget_stdout() -> None:
    """What cannot be printed is dropped, or Python would complain of it at its end."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _flushed(code: int) -> int:
    """The last chance to say that the output is lost."""
    try:
        sys.stdout.flush()
    except OSError:
        _forget_stdout()
        return code if leftovers.written() else max(code, USAGE_ERROR)
    return code
