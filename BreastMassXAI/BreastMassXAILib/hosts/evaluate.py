"""``evaluate``: a cohort under one or several models, as a table, plain data and a report to read."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..core.cohort import Cohort, examples, report_tables
from ..core.errors import InputError
from ..core.explain import Explanation
from ..core.frame import Case
from ..core.result import Settings
from ..pipeline import analyze, software_versions
from ..readers.datasets import CaseRecord, DataSet, Skipped, SpacingAssumption, identity, read_case, read_dataset
from ..readers.predictions import read_predictions
from ..readers.report import Picture, write_report
from ..readers.results import atomic_folder
from ..readers.tables import CaseTable
from .cohort_worker import BATCH, Task, in_order, load_once, workers
from .progress import reporter

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
    """

    data: Path
    models: tuple[Path, ...] = ()
    out: Path | None = None
    predictions: Path | None = None
    out_of_fold: bool = False
    assumption: SpacingAssumption = field(default_factory=SpacingAssumption)
    settings: Settings = field(default_factory=Settings)
    jobs: int = 1
    dask: str | None = None
    pictures: int = 2
    force: bool = False
    command: str = ""


@dataclass(frozen=True)
class _Stream:
    """Cases under one model, or under the models of several folds."""

    name: str
    sha256: str
    folders: dict[int | None, Path | None]
    training: dict[str, Any]


def evaluate(request: EvaluateRequest, progress_kind: str = "auto") -> None:
    """Write ``cases.csv`` (one for each model), ``report.json`` and ``report.html``; print the main figures.

    Raises
    ------
    BreastMassXAIError
        With one sentence; then nothing is written.
    """
    started = time.monotonic()
    data = read_dataset(request.data)
    if not data.records:
        reasons = "; ".join(sorted({entry.reason for entry in data.skipped})[:3])
        raise InputError(f"The data set {data.name} has no case that can be used: {reasons or 'it is empty'}.")
    out = request.out or Path(f"{data.name}-evaluated")
    with atomic_folder(out, request.force, REPORT_FILE) as folder:
        progress = reporter(progress_kind)
        if request.predictions is not None:
            streams = [_Stream(request.predictions.stem, "", {}, {})]
            cohorts, skipped = _from_predictions(request, data, folder)
        else:
            streams = _streams(request)
            cohorts, skipped = _from_models(request, data, streams, folder, progress)
        skipped = [*data.skipped, *skipped]
        if not len(cohorts[0]):
            raise InputError(f"No case of {data.name} could be evaluated; the first reason: {skipped[0].reason}")
        listed = len(data.records) + len(data.skipped)
        report = {
            "schema_version": REPORT_SCHEMA_VERSION,
            "command": request.command,
            "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "software": software_versions(),
            "data": {
                "name": data.name,
                "listed": listed,
                "evaluated": len(cohorts[0]),
                "left_out": [{"identifier": entry.identifier, "reason": entry.reason} for entry in skipped],
                "notes": list(data.notes),
                "malignant": int(cohorts[0].malignant.sum()),
                "patients": len(set(cohorts[0].patients)),
                "spacing": _spacing_words(request.assumption),
            },
            "settings": {"ring_mm": request.settings.ring_mm, "grey_zone": request.settings.grey_zone},
            "models": [
                {
                    "name": stream.name,
                    "sha256": stream.sha256,
                    "training": stream.training,
                    "out_of_fold": request.out_of_fold,
                    **report_tables(cohort),
                }
                for stream, cohort in zip(streams, cohorts, strict=True)
            ],
        }
        pictures = _pictures(request, data, streams[0], cohorts[0]) if request.predictions is None else []
        report["examples"] = [{"title": p.title, "identifier": p.identifier} for p in pictures]
        report["seconds"] = round(time.monotonic() - started, 1)
        (folder / REPORT_FILE).write_text(
            json.dumps(report, indent=1, allow_nan=False) + "\n", encoding="utf-8", newline="\n"
        )
        write_report(folder / "report.html", report, pictures)
    _print_summary(report)
    print(f"Report: {out / 'report.html'}")


def _streams(request: EvaluateRequest) -> list[_Stream]:
    folders: tuple[Path | None, ...] = request.models or (None,)
    bundles = [load_once(folder) for folder in folders]
    if not request.out_of_fold:
        names = [bundle.classifier.name for bundle in bundles]
        if len(set(names)) < len(names):
            names = [f"{name} ({number})" for number, name in enumerate(names, start=1)]
        return [
            _Stream(name, bundle.classifier.sha256, {None: folder}, _training(bundle))
            for name, bundle, folder in zip(names, bundles, folders, strict=True)
        ]
    by_fold: dict[int | None, Path | None] = {}
    for bundle, folder in zip(bundles, folders, strict=True):
        fold = bundle.description.get("training", {}).get("test_partition")
        if fold is None or fold in by_fold:
            raise InputError(
                f"The model {bundle.classifier.name} does not say a test partition of its own (training, "
                "test_partition in its model.json), so no case is known to be out of its training data."
            )
        by_fold[fold] = folder
    prints = " ".join(bundle.classifier.sha256 for bundle in bundles)
    return [_Stream(f"out of fold: {bundles[0].classifier.name} and others", prints, by_fold, _training(bundles[0]))]


def _training(bundle: Any) -> dict[str, Any]:
    found = bundle.description.get("training", {})
    return {key: found[key] for key in ("data", "frames", "test_partition", "command") if key in found}


def _from_models(
    request: EvaluateRequest,
    data: DataSet,
    streams: list[_Stream],
    folder: Path,
    progress: Callable[[int, int, str], None],
) -> tuple[list[Cohort], list[Skipped]]:
    """Stream the cases through the workers into tables on the disk and the numbers in memory."""
    cohorts, skipped = [Cohort() for _ in streams], []
    tables = [CaseTable(folder / name) for name in _table_names(streams)]
    done = 0
    with workers(request.jobs, request.dask) as (executor, window, threads):
        tasks, missing = _tasks(request, data, streams, threads)
        skipped += missing
        try:
            for outcomes in in_order(executor, tasks, window):
                for outcome in outcomes:
                    if outcome.reason:
                        skipped.append(Skipped(outcome.record.identifier, outcome.reason))
                    for table, cohort, row in zip(tables, cohorts, outcome.rows, strict=False):
                        table.write(row)
                        cohort.append(row)
                done += len(outcomes)
                progress(done, len(data.records), "cases")
        finally:
            for table in tables:
                table.close([*data.skipped, *skipped])
    return cohorts, skipped


def _tasks(
    request: EvaluateRequest, data: DataSet, streams: list[_Stream], threads: int | None
) -> tuple[list[Task], list[Skipped]]:
    def cut(records: list[CaseRecord], models: tuple[Path | None, ...]) -> Iterator[Task]:
        for start in range(0, len(records), BATCH):
            part = tuple(records[start : start + BATCH])
            yield Task(part, models, request.settings, request.assumption, threads)

    if not request.out_of_fold:
        models = tuple(folder for stream in streams for folder in stream.folders.values())
        return list(cut(list(data.records), models)), []
    by_fold = streams[0].folders
    tasks, seen = [], set()
    for fold, model in by_fold.items():
        records = [record for record in data.records if record.partition == fold]
        seen |= {record.identifier for record in records}
        tasks += list(cut(records, (model,)))
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


def _table_names(streams: list[_Stream]) -> list[str]:
    return ["cases.csv", *(f"cases-{number}.csv" for number in range(2, len(streams) + 1))]


def _pictures(request: EvaluateRequest, data: DataSet, stream: _Stream, cohort: Cohort) -> list[Picture]:
    records = {record.identifier: record for record in data.records}
    pictures = []
    for title, identifiers in examples(cohort, request.pictures).items():
        for identifier in identifiers:
            record = records[identifier]
            folder = stream.folders[record.partition if request.out_of_fold else None]
            case, explanation = _explained(record, folder, request)
            pictures.append(Picture(title, identifier, record.label, case, explanation))
    return pictures


def _explained(record: CaseRecord, folder: Path | None, request: EvaluateRequest) -> tuple[Case, Explanation]:
    case = read_case(record, request.assumption)
    return case, analyze(case, load_once(folder), request.settings)


def _spacing_words(assumption: SpacingAssumption) -> str:
    if assumption.width_mm is not None:
        return f"Where neither data set nor file tells, frames are assumed to be {assumption.width_mm:g} mm wide."
    if assumption.spacing_mm is not None:
        row_mm, column_mm = assumption.spacing_mm
        return f"Where neither data set nor file tells, pixels are assumed to be {row_mm:g} x {column_mm:g} mm."
    return "As the data set and its files tell."


def _print_summary(report: dict[str, Any]) -> None:
    data = report["data"]
    print(f"{data['name']}: {data['evaluated']} of {data['listed']} cases evaluated, {len(data['left_out'])} left out.")
    for model in report["models"]:
        for level, table in model["table_1"].items():
            auc = table["auc"]
            if auc["value"] is not None:
                interval = "" if auc["low"] is None else f" ({auc['low']:.3f} to {auc['high']:.3f})"
                print(f"  {model['name']}: AUC per {level} {auc['value']:.3f}{interval}, n = {table['n']}")
        if "table_2" in model:
            found = model["table_2"]["correct"]["regions"]["any"]
            if found["either"]["value"] is not None:
                print(
                    f"  {model['name']}: at least one region hit in {found['either']['value']:.0%} of the correctly "
                    f"classified, by chance {found['chance_in_field']['either']:.0%}"
                )
