"""A stretch of a cohort, read, classified and explained by one worker: here, in another process, on another machine."""

from __future__ import annotations

import os
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cohorts.cases import read_case
from ..cohorts.records import CaseRecord, identity
from ..core.energy import field_picture
from ..core.errors import BreastMassXAIError, InputError, MissingPackageError
from ..core.explain import explain
from ..core.frame import Case
from ..core.leftovers import undone
from ..core.measures import flat_row, measures
from ..core.result import Settings
from ..core.settling import SpacingAssumption
from ..hosts.stopping import listen
from ..methods import method_of
from ..pipeline import analyze, check_choices, checked, load_model, software_versions
from ..writers.report import draw_example

if TYPE_CHECKING:
    from ..network.bundle import Bundle

CONNECT_S = 10
"""How long a cluster may take to answer."""
END_S = 3
"""How long a worker may take to end, when all is stopped."""
_TERMINAL = ("SIGINT", "SIGHUP")
"""What a terminal sends to every process that it started."""
BATCH = 12
"""Frames in one pass of the network, and cases in memory at once; fixed, so that results do not depend on the jobs."""


@dataclass(frozen=True)
class Task:
    """Some cases and the models that look at them.

    Parameters
    ----------
    records : tuple of CaseRecord
    models : tuple of Path
        Bundles' folders; every one looks at every case.
    threads : int, optional
        Of torch; as it is, if not given.
    random_seed : int, optional
        Each model's network looks at the cases once more, with random weights drawn with this seed.
    sweep : bool
        Whether rings of other widths and near misses are looked at as well.
    methods : tuple of str
        What explains the decisions; the settings' own, if none is given.
    """

    records: tuple[CaseRecord, ...]
    models: tuple[Path | None, ...]
    settings: Settings
    assumption: SpacingAssumption
    threads: int | None = None
    random_seed: int | None = None
    sweep: bool = True
    methods: tuple[str, ...] = ()


@dataclass(frozen=True)
class Description:
    """A model's name, SHA-256 of its ``model.json``, and what that says of its training."""

    name: str
    sha256: str
    training: dict[str, Any]


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


@dataclass(frozen=True)
class Outcome:
    """A case's row for each model and method, the methods of a model together, and the regions in the model's field as
    a small picture, or the reason why there is none; networks with random weights come after the models."""

    record: CaseRecord
    rows: tuple[dict[str, Any], ...] = ()
    pictures: tuple[bytes, ...] = ()
    reason: str = ""


def run_task(task: Task) -> list[Outcome]:
    """Read the cases, run the networks on all of them at once, explain each; a broken file costs its own case only.

    Raises
    ------
    BreastMassXAIError
        When a model cannot be loaded.
    """
    import torch

    from ..methods.running import saliency_maps

    if task.threads is not None and torch.get_num_threads() != task.threads:
        torch.set_num_threads(task.threads)
    bundles = [load_once(folder) for folder in task.models]
    for bundle in bundles:
        check_choices(bundle.classifier, task.settings)
    if task.random_seed is not None:
        bundles += [load_random(folder, task.random_seed) for folder in task.models]
    outcomes: dict[int, Outcome] = {}
    cases: dict[int, Case] = {}
    for place, record in enumerate(task.records):
        try:
            case = read_case(record, task.assumption)
            if task.settings.ring_mm > 0:
                case.frame.spacing.mm()
            cases[place] = case
        except BreastMassXAIError as error:
            outcomes[place] = Outcome(record, reason=str(error))
    rows: dict[int, list[dict[str, Any]]] = {place: [] for place in cases}
    pictures: dict[int, list[bytes]] = {place: [] for place in cases}
    software = software_versions()
    methods = [method_of(name) for name in task.methods or (task.settings.method,)]
    for bundle, method in product(bundles if cases else (), methods):
        answers = saliency_maps(bundle, list(cases.values()), method)
        settings = replace(task.settings, method=method.name)
        for (place, case), answer in zip(cases.items(), answers, strict=True):
            if place in outcomes:
                continue
            try:
                regions, changes = checked(bundle, case, answer, settings)
                explanation = explain(case, answer, bundle.classifier, settings, software, regions, changes)
                row = flat_row(explanation.result.to_dict())
                rows[place].append({**identity(task.records[place]), **row, **measures(case, explanation, task.sweep)})
                pictures[place].append(field_picture(explanation.labels, answer.field, case.frame.scan_area))
            except InputError as error:
                outcomes[place] = Outcome(task.records[place], reason=str(error))
    for place, found in rows.items():
        outcomes.setdefault(place, Outcome(task.records[place], tuple(found), tuple(pictures[place])))
    return [outcomes[place] for place in range(len(task.records))]


def describe(folder: Path | None) -> Description:
    """What a report says of a model: its name, SHA-256 and training.

    Raises
    ------
    BreastMassXAIError
        When it cannot be loaded.
    """
    bundle = load_once(folder)
    return Description(bundle.classifier.name, bundle.classifier.sha256, dict(bundle.description.get("training", {})))


def draw(record: CaseRecord, folder: Path | None, settings: Settings, assumption: SpacingAssumption) -> bytes:
    """A case's explanation as a picture, the bytes of a JPEG file.

    Raises
    ------
    BreastMassXAIError
        When the case can no longer be read, or matplotlib is not installed.
    """
    case = read_case(record, assumption)
    return draw_example(case, analyze(case, load_once(folder), settings))


@lru_cache(maxsize=8)
def load_once(folder: Path | None) -> Bundle:
    """A model, kept for the next task of this worker.

    Raises
    ------
    BreastMassXAIError
        When it cannot be loaded, or torch is not installed.
    """
    return load_model(folder)


@lru_cache(maxsize=8)
def load_random(folder: Path | None, seed: int) -> Bundle:
    """A model with random weights instead of its own, kept for the next task of this worker.

    Raises
    ------
    BreastMassXAIError
        As :func:`load_once`.
    """
    from ..network.random_weights import with_random_weights

    return with_random_weights(load_once(folder), seed)


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
