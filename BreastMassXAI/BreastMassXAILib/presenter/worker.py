"""One thread for passes of the network: jobs in order, progress, cancel; results are handed over where it is polled.

Slicer's scene belongs to the main thread, so a job gets plain data and returns plain data, and what it found waits
until the main thread asks for it. It is one thread for the life of the panel, because the libraries below a network
keep their plans per thread.
"""

from __future__ import annotations

import inspect
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from ..core.errors import BreastMassXAIError
from ..core.progress import Progress

_WAKE, _STOP = "wake", "stop"
STOP_S = 10.0
"""How long :meth:`Worker.stop` waits for a step of the network to end."""


@dataclass(frozen=True)
class Activity:
    """What the worker does now: ``done`` of ``total``, in a word."""

    done: int
    total: int
    what: str


@dataclass(eq=False)
class _Job:
    work: Callable[[Progress], Any]
    done: Callable[[Any], None]
    failed: Callable[[str, str], None]
    each: Callable[[Any], None] | None
    cancelled: threading.Event = field(default_factory=threading.Event)


class _Cancelled(Exception):
    """Raised by a job's progress; work that is stopped unwinds as from any error."""


class Worker:
    """One daemon thread, started with the first job. Whoever made it calls :meth:`poll` from a timer, some 30 ms."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[tuple[int, _Job] | str] = SimpleQueue()
        self._urgent: SimpleQueue[tuple[int, _Job]] = SimpleQueue()
        self._ready: SimpleQueue[tuple[int, str, Callable[[], None]]] = SimpleQueue()
        self._jobs: dict[int, _Job] = {}
        self._last = 0
        self._thread: threading.Thread | None = None
        self._activity: Activity | None = None

    def submit(
        self,
        work: Callable[[Progress], Any],
        done: Callable[[Any], None],
        failed: Callable[[str, str], None],
        each: Callable[[Any], None] | None = None,
        urgent: bool = False,
    ) -> int:
        """Put a job in the queue.

        Parameters
        ----------
        work : callable
            Called in the worker's thread with a progress callable, which it calls between steps; touches no MRML.
            May be a generator function: what it yields goes to `each` one by one.
        done : callable
            Called by :meth:`poll` with what `work` returned.
        failed : callable
            Called by :meth:`poll` with one sentence and the details; the sentence is empty after a cancel. Also called
            when `done` or `each` raised.
        each : callable, optional
        urgent : bool
            Done before all that waits, and between two parts of a job that yields.

        Returns
        -------
        int
            A number by which the job is cancelled.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="BreastMassXAI network", daemon=True)
            self._thread.start()
        self._last += 1
        self._jobs[self._last] = job = _Job(work, done, failed, each)
        if urgent:
            self._urgent.put((self._last, job))
            self._queue.put(_WAKE)
        else:
            self._queue.put((self._last, job))
        return self._last

    def cancel(self, job: int | None = None) -> None:
        """Stop a job between two of its steps, or take it out of the queue; all jobs, if none is named.

        A result that is ready but was not handed over yet is dropped; what `each` has got stays.
        """
        for number in list(self._jobs) if job is None else [job]:
            if number in self._jobs:
                self._jobs[number].cancelled.set()

    def poll(self) -> bool:
        """Hand over what is ready. To be called on the main thread.

        Returns
        -------
        bool
            Whether jobs are running, waiting or to be handed over still.
        """
        while True:
            try:
                number, kind, deliver = self._ready.get_nowait()
            except Empty:
                return self.busy
            job = self._jobs.get(number)
            if job is None:  # an earlier part of it could not be handed over
                continue
            if kind == "part":
                if not job.cancelled.is_set():  # how far the thread was ahead must not decide what a cancel keeps
                    self._deliver(number, job, deliver)
                continue
            del self._jobs[number]
            if kind == "done" and job.cancelled.is_set():
                deliver = partial(job.failed, "", "")
            self._deliver(number, job, deliver, last=kind == "failed")

    def _deliver(self, number: int, job: _Job, deliver: Callable[[], None], last: bool = False) -> None:
        try:
            deliver()
        except Exception as error:
            if last:
                raise
            job.cancelled.set()
            self._jobs.pop(number, None)
            job.failed(*sentence_of(error))

    @property
    def activity(self) -> Activity | None:
        """What runs now; None when idle."""
        return self._activity if self._jobs else None

    @property
    def busy(self) -> bool:
        return bool(self._jobs)

    def stop(self) -> None:
        """Cancel everything and end the thread; nothing is handed over any more. A later job starts a new one."""
        self.cancel()
        self._jobs.clear()
        if self._thread is not None:
            self._queue.put(_STOP)
            self._thread.join(STOP_S)
            self._thread = None

    def _serve(self) -> None:
        while (entry := self._queue.get()) != _STOP:
            self._serve_urgent()
            if not isinstance(entry, str):
                self._end(*entry)

    def _serve_urgent(self) -> None:
        while True:
            try:
                entry = self._urgent.get_nowait()
            except Empty:
                return
            self._end(*entry)

    def _end(self, number: int, job: _Job) -> None:
        kind, deliver = self._outcome(number, job)
        self._activity = None
        self._ready.put((number, kind, deliver))

    def _outcome(self, number: int, job: _Job) -> tuple[str, Callable[[], None]]:
        def progress(done: int, total: int, what: str) -> None:
            if job.cancelled.is_set():
                raise _Cancelled
            self._activity = Activity(done, total, what)

        try:
            if job.cancelled.is_set():
                raise _Cancelled
            found = job.work(progress)
            if inspect.isgenerator(found):
                found = self._hand_on(number, job, found)
            return "done", partial(job.done, found)
        except _Cancelled:
            return "failed", partial(job.failed, "", "")
        except Exception as error:
            return "failed", partial(job.failed, *sentence_of(error))

    def _hand_on(self, number: int, job: _Job, parts: Any) -> Any:
        try:
            while True:
                part = next(parts)
                self._serve_urgent()
                if job.each is not None:
                    self._ready.put((number, "part", partial(job.each, part)))
        except StopIteration as end:
            return end.value


def sentence_of(error: Exception) -> tuple[str, str]:
    """An error as one sentence for the user, and its traceback as details."""
    details = "".join(traceback.format_exception(error))
    if isinstance(error, BreastMassXAIError):
        return str(error), details
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "There is not enough memory for this: close other programs, or choose the CPU as device.", details
    return f"Something unforeseen went wrong ({type(error).__name__}); the details say what.", details
