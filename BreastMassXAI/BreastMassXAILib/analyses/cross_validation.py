"""Cross-validation: every case judged by a network that has not seen its patient, then one network from all cases."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.operating_points import DEFAULT_POINT
from ..core.partitions import check_folds
from ..core.progress import NewProgress, unheard
from ..core.recalibration import Answers, Calibration, calibration, cross_fitted
from ..core.resuming import Unfinished
from ..core.statistics import roc_auc
from ..core.writing import write_whole
from ..network.labelled_cases import Labelled, check_columns
from ..network.training_figures import metrics, probabilities, write_log, write_predictions
from ..network.training_run import BUNDLE_FILES, ReadyFrames, TrainingRequest, TrainingRun, training_run

REPORT_SCHEMA_VERSION = 1
REPORT_FILE = "cross-validation.json"
FINAL = "model"
"""Subfolder of the bundle that was trained on all cases."""


@dataclass(frozen=True)
class CrossValidateRequest(TrainingRequest):
    """What the user asked for.

    Parameters
    ----------
    final : {"all", "mean", "none"}
        The network for later use: trained on all cases, or the mean of the partitions' weights (they have one start, so
        that their weights can be averaged; no further training), or none.
    """

    final: str = "all"


def models_of(folder: Path, out_of_fold: bool) -> list[Path]:
    """The bundles that a folder stands for: itself, or a cross-validation's folds or its model from all cases.

    Raises
    ------
    InputError
        When a cross-validation has no model from all cases.
    """
    if not (folder / REPORT_FILE).is_file():
        return [folder]
    if out_of_fold:
        return sorted(folder.glob("fold-*"))
    if not (folder / FINAL).is_dir():
        raise InputError(f"The cross-validation {folder} has no model from all cases: evaluate it with --out-of-fold.")
    return [folder / FINAL]


@dataclass(frozen=True)
class Fold:
    """A finished fold.

    Parameters
    ----------
    number : int
        The partition that was kept for the test.
    answers : Answers
        To its test cases.
    """

    number: int
    answers: Answers
    epochs: list[Any]

    @property
    def logits(self) -> np.ndarray:
        return self.answers.logits


def cross_validate(request: CrossValidateRequest, progress: NewProgress = unheard) -> dict[str, Any] | None:
    """Train once for each partition, predict it, calibrate on the other partitions' predictions, train on all.

    Writes ``fold-<k>`` (a bundle for each partition), ``model`` (the bundle from all cases, whose card has the
    out-of-fold figures), ``predictions.csv`` (out of fold), ``training-log.csv`` and ``cross-validation.json``.

    A fold's temperature and threshold come from the out-of-fold predictions of the other folds; the final bundle's from
    all of them. It is trained as the folds are, for as many epochs.

    Returns
    -------
    dict, optional
        What ``cross-validation.json`` holds; None in all processes but the first of several.

    Raises
    ------
    BreastMassXAIError
        With one sentence. What was trained so far stays beside the folder for ``--resume``.
    """
    with training_run(request, progress) as run:
        listed = run.cases()
        parts = (REPORT_FILE, *BUNDLE_FILES, f"{FINAL}/*", "fold-*/*")
        with run.folder(REPORT_FILE, parts, listed, {"final": request.final}) as places:
            folder = places.result
            ready = run.ready(listed)
            cases = ready.cases
            if request.leave_out is None:
                check_folds(cases.labels, cases.patients, cases.folds)
            else:
                check_columns(cases, request.leave_out)
            folds = [_fold(run, ready, number, places) for number in np.unique(cases.folds).tolist()]
            places_of = [np.flatnonzero(cases.folds == fold.number) for fold in folds]
            answers = Answers.joined([fold.answers for fold in folds], places_of)
            patients = np.array(cases.patients)
            temperature, thresholds = cross_fitted(answers.logits, cases.labels, patients, cases.folds)
            probability, threshold = probabilities(answers.logits, temperature), thresholds[DEFAULT_POINT]
            found = metrics(cases, probability, threshold)
            whole = calibration(answers, cases.labels, patients, "out of fold", cases.folds)
            report = _report(run, cases, folds, answers.logits, found)
            report |= whole.facts()
            if run.processes.first:
                _finish_folds(folder, cases, folds, answers, probability, threshold)
                write_predictions(folder / "predictions.csv", cases, answers, probability, threshold)
                (folder / REPORT_FILE).write_text(
                    json.dumps(report, indent=1, allow_nan=False) + "\n", encoding="utf-8"
                )
            logs = {f"fold-{fold.number}": fold.epochs for fold in folds}
            if request.final != "none":
                logs[FINAL] = _final(run, ready, folds, whole, found, places, mean=request.final == "mean")
            if run.processes.first:
                write_log(folder / "training-log.csv", logs)
        return report if run.processes.first else None


def _fold(run: TrainingRun, ready: ReadyFrames, number: int, places: Unfinished) -> Fold:
    """Train without one partition and predict it; a fold that is finished already is read."""
    from ..network.training import Epoch

    cases = ready.cases
    tested = cases.where(cases.folds == number)
    training = cases.without(number)
    names = [record.identifier for record in tested.records]
    state = places.state / f"fold-{number}"
    finished = state / "finished.json"
    kept = run.processes.from_first(
        json.loads(finished.read_text(encoding="utf-8")) if run.processes.first and finished.is_file() else None
    )
    if kept is not None:
        if kept["identifiers"] != names:
            raise InputError("The data have changed since this run was broken off: begin again with --force.")
        epochs = [Epoch(**entry) for entry in kept["epochs"]]
        logits = np.array(kept["logits"], float)
        more = kept.get("answers")  # not in what was begun with an earlier version
        answers = Answers(*np.array(more, float)) if more else Answers.of_logits(logits)
        return Fold(number, answers, epochs)
    network = run.network()
    fitted = run.fit(network, ready, training, state, what=f"without partition {number}, ")
    answers, read = run.predict(network, tested)
    if len(read) != len(tested):
        raise InputError(
            f"{run.left_out[-1].identifier} could be read before, but not any more: {run.left_out[-1].reason}"
        )
    if run.processes.first:
        run.save(
            places.result / f"fold-{number}",
            network,
            name=f"{run.request.name} without partition {number}",
            calibration=None,  # until all partitions are predicted
            trained_on=cases.where(training),
            training={"frames": len(training), "test_partition": number, "epochs": len(fitted.epochs)},
            metrics={},
        )
        found = {
            "identifiers": names,
            "logits": answers.logits.tolist(),
            "answers": [[None if np.isnan(v) else v for v in row] for row in answers.stacked().tolist()],
            "epochs": [asdict(epoch) for epoch in fitted.epochs],
        }
        write_whole(finished, json.dumps(found))
    return Fold(number, answers, fitted.epochs)


def _finish_folds(
    folder: Path,
    cases: Labelled,
    folds: Sequence[Fold],
    answers: Answers,
    probability: np.ndarray,
    threshold: np.ndarray,
) -> None:
    """Give every fold's bundle its calibration, from the other folds' predictions, and its card."""
    from ..network.bundle import recalibrate

    for fold in folds:
        inside = cases.folds == fold.number
        others = cases.where(~inside)
        recalibrate(
            folder / f"fold-{fold.number}",
            calibration(answers.where(~inside), others.labels, np.array(others.patients), "on the other partitions"),
            {"metrics": metrics(cases.where(inside), probability[inside], threshold[inside])},
        )


def _report(
    run: TrainingRun, cases: Labelled, folds: Sequence[Fold], logits: np.ndarray, found: dict[str, Any]
) -> dict[str, Any]:
    """What ``cross-validation.json`` says."""
    by_fold = [
        {
            "partition": fold.number,
            **({"left_out": cases.names[fold.number - 1]} if cases.names else {}),
            "n": int((cases.folds == fold.number).sum()),
            "auc": roc_auc(cases.labels[cases.folds == fold.number], fold.logits),
            "auc_95": _interval(cases.where(cases.folds == fold.number), fold.logits),
        }
        for fold in folds
    ]
    areas = np.array([entry["auc"] for entry in by_fold])
    return {
        "schema_version": REPORT_SCHEMA_VERSION,
        "name": run.request.name,
        "command": run.request.command,
        "data": {
            "name": run.data.name,
            "listed": len(run.data.records) + len(run.data.skipped),
            "used": len(cases),
            "patients": len(set(cases.patients)),
            "left_out": [asdict(entry) for entry in run.left_out],
            "notes": list(run.data.notes),
        },
        "settings": asdict(run.settings),
        "field": asdict(run.request.rule),
        "out_of_fold": found,
        "uncalibrated_ece": metrics(cases, probabilities(logits, 1.0), np.full(len(cases), 0.5))["ece"],
        "partitions": by_fold,
        "auc_mean": float(areas.mean()),
        "auc_standard_deviation": float(areas.std(ddof=1)),
    }


def _interval(cases: Labelled, logits: np.ndarray) -> list[float | None]:
    """The 95 % interval of an AUC per image, over patients."""
    return metrics(cases, probabilities(logits, 1.0), np.full(len(cases), 0.5))["per_image"]["auc_95"]


def _final(
    run: TrainingRun,
    ready: ReadyFrames,
    folds: Sequence[Fold],
    whole: Calibration,
    found: dict[str, Any],
    places: Unfinished,
    *,
    mean: bool,
) -> list[Any]:
    """Train on all cases, or take the mean of the folds' weights; the card has the out-of-fold figures."""
    cases, network, epochs = ready.cases, run.network(), list[Any]()
    if mean:
        from ..network.bundle import mean_weights

        if run.processes.first:  # who alone has the folds' files, and writes
            network.load_state_dict(mean_weights([places.result / f"fold-{fold.number}" for fold in folds]))
        how = "the mean of the weights of these networks"
    else:
        epochs = run.fit(network, ready, np.arange(len(cases)), places.state / FINAL, what="all cases, ").epochs
        how = "a network of the same making, trained on all cases"
    if run.processes.first:
        run.save(
            places.result / FINAL,
            network,
            name=run.request.name,
            calibration=whole,
            trained_on=cases,
            training={
                "frames": len(cases),
                "test_partition": None,
                "epochs": len(epochs),
                "final": how,
            },
            metrics={
                "how": f"out of fold, {len(folds)} partitions of {run.data.name}, by patient: each case was predicted "
                "by a network of the same making that had not seen its patient",
                **found,
            },
        )
    return epochs
