"""One thread for passes of the network: jobs in order, progress, cancel; results are handed over where it is polled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..core.progress import Progress


@dataclass(frozen=True)
class Activity:
    """What the worker does now: ``done`` of ``total``, in a word."""

    done: int
    total: int
    what: str


class Worker:
    """One daemon thread, started with the first job. Whoever made it calls :meth:`poll` from a timer, some 30 ms."""

    def __init__(self) -> None:
        raise NotImplementedError

    def submit(
        self,
        work: Callable[[Progress], Any],
        done: Callable[[Any], None],
        failed: Callable[[str, str], None],
        each: Callable[[Any], None] | None = None,
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
            Called by :meth:`poll` with one sentence and the details; the sentence is empty after a cancel.
        each : callable, optional

        Returns
        -------
        int
            A number by which the job is cancelled.
        """
        raise NotImplementedError

    def cancel(self, job: int | None = None) -> None:
        """Stop a job between two of its steps, or take it out of the queue; all jobs, if none is named."""
        raise NotImplementedError

    def poll(self) -> bool:
        """Hand over what is ready. To be called on the main thread.

        Returns
        -------
        bool
            Whether jobs are running, waiting or to be handed over still.
        """
        raise NotImplementedError

    @property
    def activity(self) -> Activity | None:
        """What runs now; None when idle."""
        raise NotImplementedError

    @property
    def busy(self) -> bool:
        raise NotImplementedError

    def stop(self) -> None:
        """Cancel everything and end the thread, waiting for its step at most."""
        raise NotImplementedError
