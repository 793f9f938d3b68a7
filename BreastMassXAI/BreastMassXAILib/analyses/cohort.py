"""A cohort under one or several models: as tables, plain data and a report to read."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..cohorts.datasets import CaseRecord, DataSet, Skipped, SpacingAssumption, identity, read_dataset
from ..cohorts.packs import refuse_crops
from ..cohorts.predictions import read_predictions
from ..core.check_tables import check_tables, has_checks
from ..core.cohort import Cohort
from ..core.cohort_tables import examples, pointing, report_tables, subset
from ..core.errors import InputError, MissingPackageError
from ..core.evidence import evidence_tables, has_evidence
from ..core.findings import findings
from ..core.progress import Progress, silent
from ..core.result import Settings
from ..core.writing import atomic_folder
from ..methods import method_of
from ..pipeline import report_head
from ..writers.report import Picture, write_report
from ..writers.tables import CaseTable
from .cohort_worker import BATCH, Description, Task, describe, draw
from .team import Team, in_order, workers

REPORT_SCHEMA_VERSION = 1
REPORT_FILE = "report.json"


@dataclass(frozen=True)
class EvaluateRequest:
    """What the user asked for.

    Parameters
    ----------
    models : tuple of Path
        None given: the shipped model.
    out_of_fold : bool
        Every case is looked at by the one of the models whose test partition it is in.
    predictions : Path, optional
        A table of probabilities (out-of-fold ones, for instance) instead of models: no explanations then.
    with_random : bool
        Beside each model, its network with random weights.
    methods : tuple of str
        What explains the decisions, the main method first; the settings' own, if none is given.
    """

    data: Path
    models: tuple[Path, ...] = ()
    out: Path | None = None
    predictions: Path | None = None
    out_of_fold: bool = False
    with_random: bool = False
    assumption: SpacingAssumption = field(default_factory=SpacingAssumption)
    settings: Settings = field(default_factory=Settings)
    jobs: int = 1
    dask: str | None = None
    pictures: int = 2
    methods: tuple[str, ...] = ()
    force: bool = False
    command: str = ""


@dataclass(frozen=True)
class _Stream:
    """Cases under one model, or under the models of several folds."""

    name: str
    sha256: str
    folders: dict[int | None, Path | None]
    training: dict[str, Any]


def evaluate(request: EvaluateRequest, progress: Progress = silent) -> tuple[Path, dict[str, Any]]:
    """Write ``cases.csv`` (one for each model), ``report.json`` and ``report.html``.

    Returns
    -------
    Path
        The folder that was written.
    dict
        What ``report.json`` holds.

    Raises
    ------
    BreastMassXAIError
        With one sentence; then nothing is written.
    """
    started = time.monotonic()
    if request.predictions is not None and request.settings != Settings(
        request.settings.ring_mm, request.settings.grey_zone
    ):
        raise InputError(
            "A table of predictions has its own thresholds and no explanations: --operating-point, --suspend and "
            "--method need a model."
        )
    if find_spec("matplotlib") is None:
        raise MissingPackageError("The report needs the package matplotlib: install it with pip.")
    if request.predictions is not None:
        if request.with_random:
            raise InputError("A table of predictions has no network that could be given random weights: give a model.")
        return _evaluate(request, None, started, progress)
    with workers(request.jobs, request.dask) as team:
        return _evaluate(request, team, started, progress)


def _evaluate(
    request: EvaluateRequest, team: Team | None, started: float, progress: Progress
) -> tuple[Path, dict[str, Any]]:
    refuse_crops(request.data)
    data = read_dataset(request.data)
    if not data.records:
        reasons = "; ".join(sorted({entry.reason for entry in data.skipped})[:3])
        raise InputError(f"The data set {data.name} has no case that can be used: {reasons or 'it is empty'}.")
    out = request.out or Path(f"{data.name}-evaluated")
    with atomic_folder(out, request.force, REPORT_FILE) as folder:
        if team is None:
            assert request.predictions is not None
            streams = [_Stream(request.predictions.stem, "", {}, {})]
            cohorts, skipped = _from_predictions(request, data, folder)
            by_method, random = [[cohort] for cohort in cohorts], list[list[Cohort]]()
        else:
            streams = _streams(request, team)
            every, skipped = _from_models(request, data, streams, folder, team, progress)
            count = len(request.methods) or 1
            grouped = [every[first : first + count] for first in range(0, len(every), count)]
            by_method, random = grouped[: len(streams)], grouped[len(streams) :]
            cohorts = [group[0] for group in by_method]
        skipped = [*data.skipped, *skipped]
        if not len(cohorts[0]):
            raise InputError(f"No case of {data.name} could be evaluated; the first reason: {skipped[0].reason}")
        drawing = _pictures(request, data, streams[0], cohorts[0], team) if team is not None else []
        report = _report(request, data, streams, cohorts, skipped)
        for index, (model, cohort) in enumerate(zip(report["models"], cohorts, strict=True)):
            if has_evidence(cohort):
                model["evidence"] = evidence_tables(cohort, random[index][0] if random else None)
            if has_checks(cohort):
                model["check"] = check_tables(cohort)
            if len(by_method[index]) > 1:
                others = random[index] if random else [None] * len(request.methods)
                model["methods"] = [
                    _method(*each) for each in zip(request.methods, by_method[index], others, strict=True)
                ]
        pictures = [draw() for draw in drawing]
        report["examples"] = [{"title": p.title, "identifier": p.identifier} for p in pictures]
        report["seconds"] = round(time.monotonic() - started, 1)
        (folder / REPORT_FILE).write_text(
            json.dumps(report, indent=1, allow_nan=False) + "\n", encoding="utf-8", newline="\n"
        )
        write_report(folder / "report.html", report, pictures)
    return out, report


def _report(
    request: EvaluateRequest, data: DataSet, streams: list[_Stream], cohorts: list[Cohort], skipped: list[Skipped]
) -> dict[str, Any]:
    """What ``report.json`` holds, but for the examples and the time it took."""
    return {
        **report_head(REPORT_SCHEMA_VERSION, request.command),
        "data": {
            "name": data.name,
            "listed": len(data.records) + len(data.skipped),
            "evaluated": len(cohorts[0]),
            "left_out": [asdict(entry) for entry in skipped],
            "notes": list(data.notes),
            "malignant": int(cohorts[0].malignant.sum()),
            "patients": len(set(cohorts[0].patients)),
            "spacing": _spacing_words(request.assumption),
        },
        "settings": asdict(request.settings),
        "models": [_model(stream, cohort, request) for stream, cohort in zip(streams, cohorts, strict=True)],
    }


def _model(stream: _Stream, cohort: Cohort, request: EvaluateRequest) -> dict[str, Any]:
    tables = report_tables(cohort)
    return {
        "name": stream.name,
        "sha256": stream.sha256,
        "training": stream.training,
        "out_of_fold": request.out_of_fold,
        "findings": findings(tables),
        **tables,
    }


def _method(name: str, cohort: Cohort, random: Cohort | None = None) -> dict[str, Any]:
    """What a report says of a method: where it comes from, and the paper's Table 2 and its energies beside chance."""
    method = method_of(name)
    return {
        "name": method.name,
        "label": method.label,
        "in_words": method.kind.in_words,
        "source": method.kind.source,
        "units": method.kind.units,
        "exact": float(cohort["exact"].mean()),
        "table_2": {part: pointing(cohort, subset(cohort, part)) for part in ("correct", "all")},
        "evidence": evidence_tables(cohort, random),
        **({"check": check_tables(cohort)} if has_checks(cohort) else {}),
    }


def _streams(request: EvaluateRequest, team: Team) -> list[_Stream]:
    folders: tuple[Path | None, ...] = request.models or (None,)
    asked = [team.executor.submit(describe, folder) for folder in folders]
    models = [future.result() for future in asked]
    if not request.out_of_fold:
        names = [model.name for model in models]
        if len(set(names)) < len(names):
            names = [f"{name} ({number})" for number, name in enumerate(names, start=1)]
        return [
            _Stream(name, model.sha256, {None: folder}, _training(model))
            for name, model, folder in zip(names, models, folders, strict=True)
        ]
    by_fold: dict[int | None, Path | None] = {}
    for model, folder in zip(models, folders, strict=True):
        fold = model.training.get("test_partition")
        if fold is None or fold in by_fold:
            raise InputError(
                f"The model {model.name} does not say a test partition of its own (training, test_partition in its "
                "model.json), so no case is known to be out of its training data."
            )
        by_fold[fold] = folder
    prints = " ".join(model.sha256 for model in models)
    return [_Stream(f"out of fold: {models[0].name} and others", prints, by_fold, _training(models[0]))]


def _training(model: Description) -> dict[str, Any]:
    kept = ("data", "frames", "test_partition", "command")
    return {key: model.training[key] for key in kept if key in model.training}


def _from_models(
    request: EvaluateRequest,
    data: DataSet,
    streams: list[_Stream],
    folder: Path,
    team: Team,
    progress: Progress,
) -> tuple[list[Cohort], list[Skipped]]:
    """Stream the cases through the workers into tables on the disk and the numbers in memory."""
    names = _table_names(streams, request.with_random, request.methods)
    cohorts, skipped = [Cohort() for _ in names], []
    tables = [CaseTable(folder / name) for name in names]
    done = 0
    tasks, missing = _tasks(request, data, streams, team.threads)
    skipped += missing
    try:
        for outcomes in in_order(team, tasks):
            for outcome in outcomes:
                if outcome.reason:
                    skipped.append(Skipped(outcome.record.identifier, outcome.reason))
                for table, cohort, row, picture in zip(tables, cohorts, outcome.rows, outcome.pictures, strict=False):
                    table.write(row)
                    cohort.append(row, picture)
            done += len(outcomes)
            progress(done, len(data.records), "cases")
    finally:
        for table in tables:
            table.close([*data.skipped, *skipped])
    return cohorts, skipped


def _tasks(
    request: EvaluateRequest, data: DataSet, streams: list[_Stream], threads: int | None
) -> tuple[list[Task], list[Skipped]]:
    def cut(records: list[CaseRecord], models: tuple[Path | None, ...], fold: int = 0) -> Iterator[Task]:
        for start in range(0, len(records), BATCH):
            part = tuple(records[start : start + BATCH])
            seed = fold if request.with_random else None  # other draws for other folds
            yield Task(part, models, request.settings, request.assumption, threads, seed, methods=request.methods)

    if not request.out_of_fold:
        models = tuple(folder for stream in streams for folder in stream.folders.values())
        return list(cut(list(data.records), models)), []
    by_fold = streams[0].folders
    tasks, seen = [], set()
    for fold, model in by_fold.items():
        records = [record for record in data.records if record.partition == fold]
        seen |= {record.identifier for record in records}
        tasks += list(cut(records, (model,), fold or 0))
    rest = [record for record in data.records if record.identifier not in seen]
    reason = "No model was given whose test partition is {}."
    return tasks, [Skipped(record.identifier, reason.format(record.partition or "none")) for record in rest]


def _from_predictions(request: EvaluateRequest, data: DataSet, folder: Path) -> tuple[list[Cohort], list[Skipped]]:
    assert request.predictions is not None
    probabilities, threshold = read_predictions(request.predictions)
    cohort, skipped, table = Cohort(), [], CaseTable(folder / "cases.csv")
    for record in data.records:
        if record.identifier not in probabilities:
            skipped.append(Skipped(record.identifier, f"{request.predictions.name} has no prediction for it."))
            continue
        row = {
            **identity(record),
            "probability": probabilities[record.identifier],
            "threshold": threshold.get(record.identifier, 0.5),
        }
        table.write(row)
        cohort.append(row)
    table.close([*data.skipped, *skipped])
    return [cohort], skipped


def _table_names(streams: list[_Stream], with_random: bool, methods: Sequence[str] = ()) -> list[str]:
    """A table for each model and method; the main method's has no more than the model's number in its name."""
    kinds = ("cases", "cases-random") if with_random else ("cases",)
    further = ["", *(f"-{name.replace(':', '-')}" for name in methods[1:])]
    numbers = ["" if k == 1 else f"-{k}" for k in range(1, len(streams) + 1)]
    return [f"{kind}{number}{method}.csv" for kind in kinds for number in numbers for method in further]


def _pictures(
    request: EvaluateRequest, data: DataSet, stream: _Stream, cohort: Cohort, team: Team
) -> list[Callable[[], Picture]]:
    """The examples; other workers than this process draw them while it goes on."""
    records = {record.identifier: record for record in data.records}
    probability = dict(zip(cohort.identifiers, cohort["probability"], strict=True))

    def example(title: str, record: CaseRecord) -> Callable[[], Picture]:
        folder = stream.folders[record.partition if request.out_of_fold else None]
        drawn = team.executor.submit(draw, record, folder, request.settings, request.assumption)
        return lambda: Picture(
            title, record.identifier, record.label, float(probability[record.identifier]), drawn.result()
        )

    chosen = examples(cohort, request.pictures)
    return [example(title, records[name]) for title, names in chosen.items() for name in names]


def _spacing_words(assumption: SpacingAssumption) -> str:
    if assumption.width_mm is not None:
        return f"Where neither data set nor file tells, frames are assumed to be {assumption.width_mm:g} mm wide."
    if assumption.spacing_mm is not None:
        row_mm, column_mm = assumption.spacing_mm
        return f"Where neither data set nor file tells, pixels are assumed to be {row_mm:g} x {column_mm:g} mm."
    return "As the data set and its files tell."
