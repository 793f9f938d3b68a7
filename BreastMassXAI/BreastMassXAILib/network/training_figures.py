"""What a training found: its figures, its log and its predictions, as they are written and said."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.cohort import Cohort
from ..core.cohort_tables import classification
from ..core.recalibration import Answers
from ..core.statistics import brier_score, calibration_error
from .labelled_cases import Labelled

if TYPE_CHECKING:
    from .training import Epoch


def probabilities(logits: np.ndarray, temperature: float | np.ndarray) -> np.ndarray:
    """``sigmoid(logit / T)``."""
    return 1 / (1 + np.exp(-np.asarray(logits, float) / temperature))


def metrics(cases: Labelled, probability: np.ndarray, threshold: np.ndarray) -> dict[str, Any]:
    """A model card's figures, per image and per case, each with its 95 % interval over patients; ECE and Brier."""
    cohort = Cohort()
    for record, p, t in zip(cases.records, probability, threshold, strict=True):
        row = {"identifier": record.identifier, "patient": record.patient, "label": record.label}
        cohort.append({**row, "probability": float(p), "threshold": float(t)})
    found: dict[str, Any] = {}
    for level, table in classification(cohort).items():
        entry = {"n": table["n"], "malignant": table["malignant"]}
        figures = {"auc": table["auc"], **{k: table["model"][k] for k in ("accuracy", "sensitivity", "specificity")}}
        for name, figure in figures.items():
            entry[name] = figure["value"]
            entry[f"{name}_95"] = [figure["low"], figure["high"]]
        found[f"per_{level}"] = entry
    found["ece"] = calibration_error(cases.labels, probability)
    found["brier"] = brier_score(cases.labels, probability)
    return found


def in_words(found: Mapping[str, Any]) -> str:
    """The main figures in a line."""
    parts = []
    for level in ("image", "case"):
        values = found[f"per_{level}"]
        low, high = values["auc_95"]
        if values["auc"] is None:
            parts.append(f"no AUC per {level}, as a class is missing, n = {values['n']}")
            continue
        interval = "" if low is None else f" ({low:.3f} to {high:.3f})"
        parts.append(f"AUC per {level} {values['auc']:.3f}{interval}, n = {values['n']}")
    return "; ".join([*parts, f"ECE {found['ece']:.3f}"])


def write_log(path: Path, logs: Mapping[str, Sequence[Epoch]]) -> None:
    """One line an epoch; `logs` are the epochs of each fit by its name."""
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("fit", "repeat", "epoch", "loss", "inside"))
        for name, epochs in logs.items():
            for entry in epochs:
                table.writerow([name, *("" if v is None else v for v in asdict(entry).values())])


def write_predictions(
    path: Path, cases: Labelled, answers: Answers, probability: np.ndarray, threshold: np.ndarray
) -> None:
    """One line a case that was predicted by a network that had not seen its patient."""
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        table = csv.writer(file, lineterminator="\n")
        names = ("identifier", "patient", "label", "partition", "logit", "probability", "threshold")
        table.writerow((*names, "points", "inside", "disagreement"))
        for row in zip(cases.records, cases.folds, answers.stacked().T, probability, threshold, strict=True):
            record, fold, (z, *more), p, t = row
            identity = (record.identifier, record.patient, record.label, fold)
            numbers = (z, p, t, *more)
            table.writerow((*identity, *("" if np.isnan(value) else f"{value:.6f}" for value in numbers)))
