"""The processes that share a cohort: on this machine, or on a dask cluster; how they begin, and how they end."""

from __future__ import annotations

import os
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ..core.errors import BreastMassXAIError, MissingPackageError
from ..core.leftovers import undone
from ..hosts.stopping import listen
from .cohort_worker import Outcome, Task, run_task

CONNECT_S = 10
"""How long a cluster may take to answer."""
END_S = 3
"""How long a worker may take to end, when all is stopped."""
_TERMINAL = ("SIGINT", "SIGHUP")
"""What a terminal sends to every process that it started."""


@dataclass(frozen=True)
class Team:
    """Who does the work.

    Parameters
    ----------
    executor : Executor
    window : int
        How many tasks may be under way or wait to be taken.
    threads : int, optional
        What torch may use in each worker; as it is, if not given.
    """

    executor: Executor
    window: int
    threads: int | None


def in_order(team: Team, tasks: Sequence[Task]) -> Iterator[list[Outcome]]:
    """The tasks' outcomes in the tasks' order; only so many tasks are under way or waiting as the team's window says.

    Raises
    ------
    BreastMassXAIError
        When a worker process dies.
    """
    waiting: deque[Future[list[Outcome]]] = deque()
    try:
        for task in tasks:
            waiting.append(team.executor.submit(run_task, task))
            if len(waiting) >= team.window:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


@contextmanager
def workers(jobs: int, dask: str | None) -> Iterator[Team]:
    """Who runs the tasks: this process (one job), processes of this machine, or a cluster of dask.distributed.

    Raises
    ------
    MissingPackageError
        When dask.distributed is asked for and not installed.
    BreastMassXAIError
        When the cluster cannot be reached, or a worker process dies.
    """
    if dask is not None:
        with _cluster(dask) as client:
            count = max(len(client.scheduler_info(n_workers=-1)["workers"]), 1)
            yield Team(client.get_executor(pure=False), 2 * count, 1)
    elif jobs == 1:
        yield Team(_Here(), 1, None)
    else:
        from multiprocessing import get_context

        threads = max((os.cpu_count() or 1) // jobs, 1)
        with _signals_for_us():  # for the keeper of semaphores, too, which ignores all but a closed terminal
            pool = ProcessPoolExecutor(jobs, get_context("spawn"), _start_worker, (threads,))
        try:
            with undone(_end_workers):
                with _signals_for_us():
                    for _ in range(jobs):  # all of them start now, while this process lists the data
                        pool.submit(_warm_up)
                yield Team(pool, 2 * jobs, threads)
        except BrokenProcessPool as error:
            raise BreastMassXAIError(
                "A worker process ended without a word, most likely for want of memory: try again with fewer --jobs."
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _warm_up() -> None:
    with suppress(ImportError):  # what is missing is told when a model is asked for
        import_module("..network.cam", __package__)


def _start_worker(threads: int) -> None:
    """Before numpy and torch start their own threads; what a terminal sends to all processes is the parent's to handle,
    which ends the workers in its turn."""
    import signal

    for name in _TERMINAL:
        if number := getattr(signal, name, None):
            signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _terminal_signals())
    listen()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))


def _terminal_signals() -> list[int]:
    import signal

    return [getattr(signal, name) for name in _TERMINAL if hasattr(signal, name)]


@contextmanager
def _signals_for_us() -> Iterator[None]:
    """Processes that begin meanwhile hold back what a terminal sends, until they can ignore it; here it only waits."""
    import signal

    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    former = signal.pthread_sigmask(signal.SIG_BLOCK, _terminal_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def _end_workers() -> None:
    """End the worker processes of this one, which is about to end itself."""
    from multiprocessing import active_children, util

    children = active_children()
    for child in children:
        child.terminate()
    deadline = time.monotonic() + END_S
    for child in children:
        child.join(max(deadline - time.monotonic(), 0))
        if child.is_alive():
            child.kill()
            child.join(1)
    warnings.simplefilter("ignore")
    util._run_finalizers(0)  # type: ignore[attr-defined]  # or the semaphores' keeper would complain of those that are left


@contextmanager
def _cluster(address: str) -> Iterator[Any]:
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingPackageError("--dask needs the package distributed: install breast-mass-xai[cluster].") from error
    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise BreastMassXAIError(f"There is no dask scheduler at {address}.") from error
    with client:
        if not client.scheduler_info(n_workers=-1)["workers"]:
            raise BreastMassXAIError(f"The dask scheduler at {address} has no workers.")
        yield client


class _Here(Executor):
    """Runs each task at once, in this thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future
