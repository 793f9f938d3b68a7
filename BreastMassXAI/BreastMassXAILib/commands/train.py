"""``train``: from a folder of labelled frames to a bundle with its numbers on frames that it was not trained on."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass

import numpy as np

from ..core.errors import InputError
from ..core.operating_points import in_words as points_in_words
from ..core.partitions import split_patients
from ..core.recalibration import calibration
from ..network.training_run import (
    BUNDLE_FILES,
    TrainingRequest,
    TrainingRun,
    in_words,
    metrics,
    print_left_out,
    probabilities,
    write_log,
    write_predictions,
)
from . import values
from .training_options import add_training_options, asked


@dataclass(frozen=True)
class TrainRequest(TrainingRequest):
    """What the user asked for; `test_fold` is the partition that is kept for the test, if any."""

    test_fold: int | None = None


def add_options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.description = (
        "Adapt a pretrained ResNet to a labelled data set (deep representation scaling by default) and "
        "report on one of its partitions, if one is kept for the test. Writes a model folder. Under torchrun several "
        "processes share the work."
    )
    add_training_options(command)
    command.add_argument(
        "--fold", metavar="N", dest="test_fold", type=values.count, help="partition kept for the test (default: none)"
    )


def run(options: argparse.Namespace) -> None:
    """The command."""
    train_bundle(TrainRequest(**asked(options), test_fold=options.test_fold), options.progress)


def train_bundle(request: TrainRequest, progress_kind: str = "auto") -> None:
    """Train on all partitions, or on all but one and report on that one; write the bundle.

    Writes ``model.json``, ``weights.safetensors`` (and ``backbone.safetensors`` where the backbone is not the shipped
    one), ``training-log.csv`` and, with a test partition, ``predictions.csv``.

    Raises
    ------
    BreastMassXAIError
        With one sentence. What was trained so far stays beside the folder for ``--resume``.
    """
    from ..network.processes import launched

    with launched() as processes:
        run = TrainingRun(request, processes, progress_kind)
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
            if not processes.first:
                return
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
        print_left_out(run)
        if found:
            print(f"{request.name}: {in_words(found)}")
        else:
            why = "no test partition" if not tests else "no case of the test partition could be read"
            print(f"{request.name}: trained on {len(training)} frames; {why}")
        for line in points_in_words(fitted_to.operating_points):
            print(f"  on the {len(held)} frames held out, {line}")
        print(f"Model: {request.out}")
