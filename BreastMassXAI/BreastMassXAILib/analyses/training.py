"""From labelled frames to a model with its numbers on frames that it was not trained on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.cohort import Skipped
from ..core.errors import InputError
from ..core.partitions import split_patients
from ..core.progress import NewProgress, unheard
from ..core.recalibration import Calibration, calibration
from ..network.training_figures import metrics, probabilities, write_log, write_predictions
from ..network.training_run import BUNDLE_FILES, TrainingRequest, training_run


@dataclass(frozen=True)
class TrainRequest(TrainingRequest):
    """What the user asked for; `test_fold` is the partition that is kept for the test, if any."""

    test_fold: int | None = None


@dataclass(frozen=True)
class Trained:
    """What came of a training.

    Parameters
    ----------
    folder : Path
        The model.
    name : str
    frames : int
        That it was trained on.
    tested : bool
        Whether a partition was kept for the test.
    metrics : dict
        On the test partition; empty where none was kept or read.
    calibration : Calibration
        From the part of the data that was held out.
    held_out : int
        Frames in that part.
    notes : tuple of str
        What the data set has to say of the whole.
    left_out : tuple of Skipped
    """

    folder: Path
    name: str
    frames: int
    tested: bool
    metrics: dict[str, Any]
    calibration: Calibration
    held_out: int
    notes: tuple[str, ...]
    left_out: tuple[Skipped, ...]


def train_bundle(request: TrainRequest, progress: NewProgress = unheard) -> Trained | None:
    """Train on all partitions, or on all but one and report on that one; write the bundle.

    Writes ``model.json``, ``weights.safetensors`` (and ``backbone.safetensors`` where the backbone is not the shipped
    one), ``training-log.csv`` and, with a test partition, ``predictions.csv``.

    Parameters
    ----------
    request : TrainRequest
    progress : NewProgress
        Makes a progress for each stretch of the work.

    Returns
    -------
    Trained, optional
        None in all processes but the first of several.

    Raises
    ------
    BreastMassXAIError
        With one sentence. What was trained so far stays beside the folder for ``--resume``.
    """
    with training_run(request, progress) as run:
        tests = request.test_fold is not None
        cases = run.cases(folded=tests)
        tested = np.full(len(cases), tests) & (cases.folds == request.test_fold)
        if tests and not tested.any():
            there = ", ".join(map(str, np.unique(cases.folds)))
            raise InputError(f"The data set has no partition {request.test_fold}, only {there}.")
        with run.folder("model.json", BUNDLE_FILES, cases, {"test_fold": request.test_fold}) as places:
            folder = places.result
            ready = run.ready(cases.where(~tested))
            known = ready.cases
            share, seed = run.settings.validation_share, run.settings.seed
            training, validation = split_patients(known.labels, known.patients, share, seed)
            network = run.network()
            fitted = run.fit(network, ready, training, places.state / "fit")
            held_answers, held = run.predict(network, known.where(validation))
            patients = np.array(held.patients)
            fitted_to = calibration(held_answers, held.labels, patients, "on the part of the data held out")
            temperature, threshold = fitted_to.temperature, fitted_to.threshold
            answers, test = run.predict(network, cases.where(tested))
            if not run.processes.first:
                return None
            probability, thresholds = probabilities(answers.logits, temperature), np.full(len(test), threshold)
            found = metrics(test, probability, thresholds) if len(test) else {}
            run.save(
                folder,
                network,
                name=request.name,
                calibration=fitted_to,
                trained_on=known.where(training),
                training={
                    "frames": len(training),
                    "validation_frames": len(validation),
                    "test_partition": request.test_fold,
                    "left_out": [asdict(entry) for entry in run.left_out],
                    "epochs": len(fitted.epochs),
                },
                metrics=found,
            )
            write_log(folder / "training-log.csv", {request.name: fitted.epochs})
            if len(test):
                write_predictions(folder / "predictions.csv", test, answers, probability, thresholds)
        notes, left_out = tuple(run.data.notes), tuple(run.left_out)
        return Trained(request.out, request.name, len(training), tests, found, fitted_to, len(held), notes, left_out)
