"""A running process of the command line: its output line by line, its end, and Stop for it and all that it started."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

from ..core.errors import OutputError
from .process import Command, Step, parse_line


class RunningProcess:
    """Starts a command at once.

    A process group of its own: Slicer's PythonSlicer is a launcher that would leave its Python running if it alone
    were ended, and ``evaluate`` starts workers besides.

    Parameters
    ----------
    command : Command

    Raises
    ------
    OutputError
        When it cannot be started.
    """

    def __init__(self, command: Command) -> None:
        self._lines: queue.Queue[str] = queue.Queue()
        windows = sys.platform == "win32"
        try:
            self._process = subprocess.Popen(
                [command.program, *command.arguments],
                env={**os.environ, **command.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                start_new_session=not windows,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise OutputError(f"The process could not be started: {error.strerror or error}.") from error
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                self._lines.put(line.rstrip("\r\n"))

    def lines(self) -> Iterator[str]:
        """What it has said since the last call. Never waits."""
        while True:
            try:
                yield self._lines.get_nowait()
            except queue.Empty:
                return

    @property
    def code(self) -> int | None:
        """Its exit code; None while it runs or something that it said has not been read yet."""
        code = self._process.poll()
        return None if code is None or self._reader.is_alive() or not self._lines.empty() else code

    def stop(self) -> None:
        """End it and everything that it started."""
        if self._process.poll() is not None:
            return
        if sys.platform == "win32":
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(self._process.pid)], capture_output=True, check=False)
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)


class Run:
    """A :class:`RunningProcess` with what it has said so far; :meth:`poll` is called now and then."""

    def __init__(self, command: Command) -> None:
        self._process = RunningProcess(command)
        self._stopped = False
        self.step: Step | None = None
        """How far it is, as it said last."""
        self.said: list[str] = []
        """All its lines but those of progress."""
        self.code: int | None = None
        """Its exit code, once it has ended and all that it said was read."""

    def poll(self) -> list[str]:
        """Read what it has said since the last call; the new lines of its log. Never waits."""
        new: list[str] = []
        for line in self._process.lines():
            found = parse_line(line)
            if isinstance(found, Step):
                self.step = found
            elif found:
                new.append(found)
        self.said += new
        self.code = self._process.code
        return new

    def stop(self) -> None:
        """End it and everything that it started."""
        self._stopped = self._process.code is None
        self._process.stop()

    @property
    def outcome(self) -> str:
        """How it ended, in one sentence: empty while it runs, else its own last words where it did not succeed."""
        if self.code is None:
            return ""
        if self.code == 0:
            return "Done."
        if self._stopped:
            return "Stopped."
        return self.said[-1] if self.said else "Ended before it was done."
