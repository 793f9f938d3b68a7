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
from .process import Command


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
