"""The sanity tests of saliency maps over a cohort: one table, one figure, and what was left out."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..cohorts.datasets import CaseRecord, DataSet, Skipped, SpacingAssumption, read_dataset
from ..cohorts.packs import refuse_crops
from ..core.errors import InputError, MissingPackageError
from ..core.progress import Progress, silent
from ..core.sanity_tables import CohortMaps, exposed, localisation, table
from ..core.writing import atomic_folder
from ..pipeline import report_head
from ..writers.sanity import write_sanity
from .cohort_worker import describe
from .sanity_worker import SanityRow, SanityTask, see_cases, tested_cases
from .team import Team, workers

SCHEMA_VERSION = 1
RESULT_FILE = "sanity.json"
AT_ONCE = 8
"""Cases in one piece of work."""
FEWEST_LABELLED = 10
"""Of either label, for linear layers that learn again."""
FEWEST_CASES = 30
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class SanityRequest:
    """What the user asked for.

    Parameters
    ----------
    models : tuple of Path
        One; or the folds of a cross-validation with `out_of_fold`. None given: the shipped model.
    beside : tuple of Path
        Models whose maps are compared with those of the first.
    methods : tuple of str
    cases : int
        How many are drawn; all of a smaller data set.
    """

    data: Path
    out: Path
    models: tuple[Path, ...] = ()
    beside: tuple[Path, ...] = ()
    methods: tuple[str, ...] = ()
    out_of_fold: bool = False
    cases: int = 200
    assumption: SpacingAssumption = field(default_factory=SpacingAssumption)
    ring_mm: float = 5.0
    seed: int = 0
    jobs: int = 1
    force: bool = False
    command: str = ""


def sanity(request: SanityRequest, progress: Progress = silent) -> dict[str, Any]:
    """Write ``sanity.json``, ``sanity.csv``, ``sanity.md`` and ``sanity.png``.

    Returns
    -------
    dict
        What ``sanity.json`` holds.

    Raises
    ------
    BreastMassXAIError
        With one sentence; then nothing is written.
    """
    from ..methods.catalogue import methods_of

    if find_spec("matplotlib") is None:
        raise MissingPackageError("The figure needs the package matplotlib: install it with pip.")
    methods = tuple(method.name for method in methods_of(request.methods))
    refuse_crops(request.data)
    data = read_dataset(request.data, unlabelled=True)
    with workers(request.jobs, None) as team:
        groups = _groups(request, data, team)
        with atomic_folder(request.out, request.force, RESULT_FILE) as folder:
            rows, notes = _rows(request, groups, methods, team, progress)
            report = _report(request, data, groups, rows, methods, notes)
            (folder / RESULT_FILE).write_text(
                json.dumps(report, indent=1, allow_nan=False) + "\n", encoding="utf-8", newline="\n"
            )
            write_sanity(folder, report)
    return report


def _groups(request: SanityRequest, data: DataSet, team: Team) -> dict[Path | None, list[CaseRecord]]:
    """Which cases each model looks at, drawn by the seed."""
    folders: tuple[Path | None, ...] = request.models or (None,)
    if not data.records:
        raise InputError(f"The data set {data.name} has no case that can be used.")
    if not request.out_of_fold:
        if len(folders) > 1:
            raise InputError("One model is tested at a time: name the others with --beside to compare their maps.")
        return {folders[0]: _drawn(data.records, request.cases, request.seed)}
    groups: dict[Path | None, list[CaseRecord]] = {}
    share = -(-request.cases // len(folders))
    for folder in folders:
        model = team.executor.submit(describe, folder).result()
        fold = model.training.get("test_partition")
        records = [record for record in data.records if record.partition == fold]
        if fold is None or not records:
            raise InputError(
                f"The model {model.name} names no test partition of this data set (training, test_partition in its "
                "model.json), so no case is known to be out of its training data."
            )
        groups[folder] = _drawn(records, share, request.seed)
    return groups


def _drawn(records: Sequence[CaseRecord], count: int, seed: int) -> list[CaseRecord]:
    order = np.random.default_rng((seed, len(records))).permutation(len(records))
    return [records[place] for place in sorted(order[:count])]


def _rows(
    request: SanityRequest,
    groups: dict[Path | None, list[CaseRecord]],
    methods: tuple[str, ...],
    team: Team,
    progress: Progress,
) -> tuple[list[SanityRow], list[str]]:
    total = 2 * sum(map(len, groups.values()))
    done, rows, notes = 0, [], []
    for folder, records in groups.items():
        task = SanityTask(
            (), folder, request.beside, methods, request.assumption, request.ring_mm, request.seed, team.threads
        )
        parts = [tuple(records[first : first + AT_ONCE]) for first in range(0, len(records), AT_ONCE)]
        labelled = [record for record in records if record.label]
        features, labels = None, np.array([record.label == "malignant" for record in records])
        fewest = min((sum(r.label == label for r in labelled) for label in ("malignant", "benign")), default=0)
        if fewest >= FEWEST_LABELLED:
            seen = []
            for answer, part in _in_order(team, see_cases, [replace(task, records=part) for part in parts]):
                seen.append(answer)
                done += len(part.records)
                progress(done, total, "features")
            joined = np.concatenate(seen)
            known = np.array([bool(record.label) for record in records]) & ~np.isnan(joined[:, 0])
            features, labels = joined[known], labels[known]
        else:
            done += len(records)
            note = (
                "The tests of labels (linear layers that learn permuted and true labels) were left out: they need "
                f"{FEWEST_LABELLED} cases of either label for each model."
            )
            if note not in notes:
                notes.append(note)
        tasks = [
            replace(task, records=part, features=features, labels=labels if features is not None else None)
            for part in parts
        ]
        for found, part in _in_order(team, tested_cases, tasks):
            rows += found
            done += len(part.records)
            progress(min(done, total - 1), total, "tests")
    progress(total, total, "tests")
    if request.ring_mm == 0:
        notes.append("The tests of the outline were left out: they move it by millimetres, and no ring was asked for.")
    return rows, notes


def _in_order(
    team: Team, function: Callable[[SanityTask], Answer], tasks: Sequence[SanityTask]
) -> Iterator[tuple[Answer, SanityTask]]:
    waiting: deque[tuple[Future[Answer], SanityTask]] = deque()
    try:
        for task in tasks:
            waiting.append((team.executor.submit(function, task), task))
            if len(waiting) >= team.window:
                future, of = waiting.popleft()
                yield future.result(), of
        while waiting:
            future, of = waiting.popleft()
            yield future.result(), of
    finally:
        for future, _ in waiting:
            future.cancel()


def _report(
    request: SanityRequest,
    data: DataSet,
    groups: dict[Path | None, list[CaseRecord]],
    rows: Sequence[SanityRow],
    methods: Sequence[str],
    notes: list[str],
) -> dict[str, Any]:
    skipped = [Skipped(row.record.identifier, row.reason) for row in rows if row.reason]
    used = [row for row in rows if not row.reason]
    if not used:
        raise InputError(f"No case of {data.name} could be used; the first reason: {skipped[0].reason}")
    found: dict[str, Any] = {}
    for method in methods:
        of = [row for row in used if row.method == method]
        tested = CohortMaps(
            tuple(row.values or {} for row in of),
            np.array([row.record.patient for row in of]),
            tuple(row.picture for row in of),
            tuple(row.cells for row in of if row.cells is not None),
        )
        figures = table(tested)
        found[method] = {"tests": figures, "localisation": localisation(tested), "exposed": exposed(figures)}
    count = len({row.record.identifier for row in used})
    if count < FEWEST_CASES:
        notes.append(f"Only {count} cases: the intervals are wide, and say little below some {FEWEST_CASES}.")
    return {
        **report_head(SCHEMA_VERSION, request.command),
        "data": {
            "name": data.name,
            "listed": len(data.records) + len(data.skipped),
            "used": count,
            "patients": len({row.record.patient for row in used}),
            "labelled": len({row.record.identifier for row in used if row.record.label}),
            "left_out": [asdict(entry) for entry in skipped],
        },
        "models": [folder.name if folder else "shipped" for folder in groups],
        "out_of_fold": request.out_of_fold,
        "beside": [folder.name for folder in request.beside],
        "seed": request.seed,
        "notes": notes,
        "methods": found,
    }
