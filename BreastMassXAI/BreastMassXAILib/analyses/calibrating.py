"""A model fitted to a hospital's own labelled cases: other temperature, thresholds and limits, the same weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from ..cohorts.cases import image_digest
from ..cohorts.datasets import CaseRecord, Skipped, SpacingAssumption, read_dataset
from ..cohorts.packs import refuse_crops
from ..core.errors import InputError
from ..core.partitions import patient_folds
from ..core.progress import Progress, silent
from ..core.recalibration import Answers, Calibration, calibration, cross_fitted
from ..core.result import Settings
from ..core.statistics import auc_estimate, brier_score, calibration_error
from ..core.writing import atomic_folder
from .cohort_worker import BATCH, Outcome, Task, load_once
from .team import in_order, workers

FEWEST_CASES = 50
"""Below, a threshold is a matter of luck, and a warning says so."""
FOLDS = 5
FEWEST_PATIENTS = 10
"""Of each class, for figures from parts that the thresholds were not fitted on."""
MODEL_FILE = "model.json"


@dataclass(frozen=True)
class CalibrateRequest:
    """What the user asked for.

    Parameters
    ----------
    model : Path, optional
        The shipped one, if not given.
    name : str
        Of the new model.
    ring_mm : float
        Width of the peritumoral ring with which the rules of suspension are measured.
    """

    data: Path
    out: Path
    name: str
    model: Path | None = None
    assumption: SpacingAssumption = field(default_factory=SpacingAssumption)
    ring_mm: float = 5.0
    jobs: int = 1
    force: bool = False
    command: str = ""


@dataclass(frozen=True)
class Calibrated:
    """What a calibration found.

    Parameters
    ----------
    calibration : Calibration
    metrics : dict
        As a model card has them: cases, AUC, ECE and Brier before and after.
    warnings : tuple of str
    skipped : tuple of Skipped
    """

    calibration: Calibration
    metrics: dict[str, Any]
    warnings: tuple[str, ...]
    skipped: tuple[Skipped, ...]


def calibrate(request: CalibrateRequest, progress: Progress = silent) -> Calibrated:
    """Run the model on the cases, fit it to their labels and write the new bundle.

    Raises
    ------
    BreastMassXAIError
        With one sentence, for instance when the cases are of one class; then nothing is written.
    """
    from ..network.bundle import copy_recalibrated, training_images
    from ..resources import DEFAULT_MODEL, resource

    refuse_crops(request.data)
    data = read_dataset(request.data)
    if len({record.label for record in data.records}) < 2:
        raise InputError(
            f"A calibration needs malignant and benign cases; the {len(data.records)} usable cases of {data.name} are "
            "of one class or none."
        )
    folder = resource("Models", DEFAULT_MODEL) if request.model is None else request.model
    bundle = load_once(request.model)
    known = training_images(folder, bundle.description)
    with atomic_folder(request.out, request.force, MODEL_FILE) as written:
        found = list(_answered(request, list(data.records), progress))
        usable = [outcome for outcome in found if outcome.rows]
        skipped = [*data.skipped, *(Skipped(o.record.identifier, o.reason) for o in found if not o.rows)]
        malignant = np.array([outcome.record.label == "malignant" for outcome in usable], bool)
        if malignant.all() or not malignant.any():
            reason = f"; the first reason: {skipped[0].reason}" if skipped else ""
            raise InputError(f"The cases of {data.name} that could be read are of one class or none{reason}")
        patients = np.array([outcome.record.patient for outcome in usable])
        result = _fitted(_answers(usable), malignant, patients, bundle.classifier.temperature)
        warnings = (*_doubts(usable, malignant), *_seen_before(usable, known))
        facts = {
            "metrics": result[1],
            "calibration": {
                "of": {"name": bundle.classifier.name, "sha256": bundle.classifier.sha256},
                "data": {"name": data.name},
                "left_out": len(skipped),
                "warnings": list(warnings),
                "command": request.command,
            },
        }
        copy_recalibrated(folder, written, request.name, result[0], facts)
    return Calibrated(*result, warnings, tuple(skipped))


def _answered(request: CalibrateRequest, records: list[CaseRecord], progress: Progress) -> list[Outcome]:
    settings = Settings(ring_mm=request.ring_mm, suspend="none")
    outcomes: list[Outcome] = []
    with workers(request.jobs, None) as team:
        tasks = [
            Task(tuple(records[k : k + BATCH]), (request.model,), settings, request.assumption, team.threads, False)
            for k in range(0, len(records), BATCH)
        ]
        for part in in_order(team, tasks):
            outcomes += part
            progress(len(outcomes), len(records), "cases")
    return outcomes


def _answers(usable: list[Outcome]) -> Answers:
    rows = [outcome.rows[0] for outcome in usable]
    points = [sum(row[f"extremes_{which}_region"] != "elsewhere" for which in ("max", "min")) for row in rows]
    spreads = [np.nan if row["disagreement"] is None else row["disagreement"] for row in rows]
    return Answers(
        np.array([row["logit"] for row in rows], float),
        np.array(points, float),
        np.array([row["evidence_inside"] for row in rows], float),
        np.array(spreads, float),
    )


def _fitted(
    answers: Answers, malignant: np.ndarray, patients: np.ndarray, temperature: float
) -> tuple[Calibration, dict[str, Any]]:
    """The calibration, and the figures of the card."""
    enough = all(len(set(patients[malignant == label])) >= FEWEST_PATIENTS for label in (True, False))
    folds = patient_folds(malignant, patients.tolist(), FOLDS, 0) if enough else None
    on = f"on {len(malignant)} cases of this calibration"
    found = calibration(answers, malignant, patients, on, folds)
    before = expit(answers.logits / temperature)
    temperatures = found.temperature if folds is None else cross_fitted(answers.logits, malignant, patients, folds)[0]
    after = expit(answers.logits / temperatures)
    auc = auc_estimate(malignant, answers.logits, patients)
    interval = [None if np.isnan(value) else value for value in (auc.low, auc.high)]
    how = (
        f"each figure with temperature and thresholds from other patients ({FOLDS} parts)"
        if enough
        else "on the very cases that temperature and thresholds were fitted on, which flatters"
    )
    counts = {"n": len(malignant), "malignant": int(malignant.sum()), "patients": len(set(patients.tolist()))}
    figures = {
        "how": how,
        "per_image": {**counts, "auc": auc.value, "auc_95": interval},
        "ece": calibration_error(malignant, after),
        "ece_before": calibration_error(malignant, before),
        "brier": brier_score(malignant, after),
        "brier_before": brier_score(malignant, before),
    }
    return found, figures


def _doubts(usable: list[Outcome], malignant: np.ndarray) -> list[str]:
    said = []
    if len(usable) < FEWEST_CASES:
        said.append(
            f"Only {len(usable)} cases: below {FEWEST_CASES} the thresholds are a matter of luck, as the intervals "
            "show."
        )
    fewer = min(int(malignant.sum()), int((~malignant).sum()))
    if fewer < 20:
        said.append(f"One of the classes has only {fewer} cases: its 95 % point hangs on one or none of them.")
    return said


def _seen_before(usable: list[Outcome], known: frozenset[str] | None) -> list[str]:
    """Whether cases are among the images that the model was trained on."""
    from ..network.bundle import DIGITS

    if known is None:
        return ["The model does not list its training images, so nothing tells whether it was trained on these cases."]
    seen = [o.record.identifier for o in usable if image_digest(o.record)[:DIGITS] in known]
    if not seen:
        return []
    examples = ", ".join(seen[:3]) + (", ..." if len(seen) > 3 else "")
    return [
        f"{len(seen)} of {len(usable)} cases are images that the model was trained on ({examples}): it is surer of "
        "them than of new ones, so thresholds and figures are too good."
    ]
