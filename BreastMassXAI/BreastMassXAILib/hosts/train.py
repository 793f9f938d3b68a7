"""``train``: from a folder of labelled frames to a bundle with its numbers on frames that it was not trained on."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__
from ..core.errors import InputError
from ..core.field import FieldRule
from ..core.statistics import bootstrap_interval, operating_point, rates_at, roc_auc
from ..readers.datasets import CaseRecord, Cases, read_busbra
from ..readers.results import atomic_folder
from ..resources import resource
from .progress import reporter

if TYPE_CHECKING:
    from ..network.training import TrainingSettings

BUSBRA = {
    "name": "BUS-BRA",
    "citation": "Gomez-Flores W, Gregorio-Calas MJ, Pereira WCA. BUS-BRA: A breast ultrasound dataset for assessing "
    "computer-aided diagnosis systems. Med Phys 2024; 51: 3110-3123.",
}


@dataclass(frozen=True)
class TrainRequest:
    """What the user asked for. `fold` is the partition that is kept for the test."""

    data: Path
    out: Path
    name: str
    fold: int
    rule: FieldRule
    backbone: str = "resnet50-v1-stage3"
    settings: dict[str, Any] = field(default_factory=dict)
    force: bool = False
    command: str = ""


def train_bundle(request: TrainRequest, progress_kind: str = "auto") -> None:
    """Train on all partitions but one, report on that one, write the bundle.

    Writes ``model.json``, ``weights.safetensors``, ``training-log.csv`` and ``predictions.csv`` (the test frames).

    Raises
    ------
    BreastMassXAIError
        With one sentence; then nothing is written.
    """
    import torch

    from ..network.bundle import load_backbone, save_bundle
    from ..network.preprocessing import Preprocessing
    from ..network.resnet import Architecture, ScaledResNet
    from ..network.training import (
        Epoch,
        TrainingSettings,
        cache_stage_outputs,
        fit_linear_layer,
        fit_temperature,
        predict_cached,
        split_patients,
        train,
    )

    settings = TrainingSettings(**request.settings)
    records = read_busbra(request.data)
    test = [record for record in records if record.partition == request.fold]
    rest = [record for record in records if record.partition != request.fold]
    if not test or not rest:
        raise InputError(f"The data set has no partition {request.fold}, or no other one.")
    with atomic_folder(request.out, request.force, marker="model.json") as folder:
        progress = reporter(progress_kind)
        torch.manual_seed(settings.seed)
        network = ScaledResNet(Architecture(50, "v1", 3))
        backbone = resource("Models", "backbones") / f"{request.backbone}.safetensors"
        load_backbone(network, backbone)
        preprocessing = Preprocessing()
        cached = cache_stage_outputs(network, Cases(rest), request.rule, preprocessing, settings, progress)
        labels = _labels(rest)
        training, validation = split_patients(
            labels, [record.patient for record in rest], settings.validation_share, settings.seed
        )
        probe_loss = fit_linear_layer(network, cached, labels, training, validation, settings, reporter(progress_kind))
        epochs: list[Epoch] = []
        train(network, cached, labels, training, validation, settings, epochs.append, reporter(progress_kind))
        held = predict_cached(network, cached[0], validation, settings)
        del cached
        temperature = fit_temperature(held, labels[validation])
        point = operating_point(labels[validation], _probability(held, temperature))
        threshold = float(np.clip(point.threshold, 1e-6, 1 - 1e-6))  # logits may saturate
        logits = _predict(network, test, request.rule, preprocessing, settings, reporter(progress_kind))
        save_bundle(
            folder,
            network,
            name=request.name,
            backbone=backbone,
            rule=request.rule,
            preprocessing=preprocessing,
            threshold=threshold,
            temperature=temperature,
            facts={
                "training": {
                    "data": BUSBRA,
                    "frames": len(training),
                    "validation_frames": len(validation),
                    "test_partition": request.fold,
                    "command": request.command,
                    "software": f"breast-mass-xai {__version__}, torch {torch.__version__}",
                    "settings": asdict(settings),
                    "linear_probe_validation_loss": probe_loss,
                    "best_epoch": min(epochs, key=lambda epoch: epoch.validation_loss).epoch,
                },
                "metrics": _metrics(test, logits, temperature, threshold),
                "licence": "Apache-2.0; research use only, not a medical device",
            },
        )
        _write_log(folder / "training-log.csv", epochs)
        _write_predictions(folder / "predictions.csv", test, logits, temperature)
    print(f"{request.name}: {_in_words(_metrics(test, logits, temperature, threshold))}")
    print(f"Model: {request.out}")


def _labels(records: Sequence[CaseRecord]) -> np.ndarray:
    return np.array([record.label == "malignant" for record in records])


def _probability(logits: np.ndarray, temperature: float) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(logits, float) / temperature))


def _predict(network, records, rule, preprocessing, settings: TrainingSettings, progress) -> np.ndarray:
    """Logits of frames that are seen as they are, without augmentation."""
    import torch

    logits = np.empty(len(records))
    with torch.inference_mode():
        for index, case in enumerate(Cases(records)):
            inputs = preprocessing(case.frame.pixels, rule.field(case.mass))
            logits[index] = float(network(inputs.contiguous(memory_format=torch.channels_last))[0])
            progress(index + 1, len(records), "test frames")
    return logits


def _metrics(
    records: Sequence[CaseRecord], logits: np.ndarray, temperature: float, threshold: float
) -> dict[str, object]:
    """Per image, and per case (the logits of a patient's frames averaged), with 95 % intervals over patients."""
    labels, patients = _labels(records), np.array([record.patient for record in records])
    names, member = np.unique(patients, return_inverse=True)
    counts = np.bincount(member)
    case_logits = np.bincount(member, logits) / counts
    case_labels = np.bincount(member, labels) > 0
    found: dict[str, object] = {}
    for level, y, z, groups in (("image", labels, logits, patients), ("case", case_labels, case_logits, names)):
        point = rates_at(y, _probability(z, temperature), threshold)

        def auc(k: np.ndarray, y: np.ndarray = y, z: np.ndarray = z) -> float:
            return roc_auc(y[k], z[k])

        found[f"per_{level}"] = {
            "n": len(y),
            "malignant": int(y.sum()),
            "auc": roc_auc(y, z),
            "auc_95": bootstrap_interval(auc, groups),
            "accuracy": point.accuracy,
            "sensitivity": point.sensitivity,
            "specificity": point.specificity,
        }
    return found


def _in_words(metrics: dict[str, Any]) -> str:
    parts = []
    for level, values in metrics.items():
        low, high = values["auc_95"]
        parts.append(f"AUC {level.replace('_', ' ')} {values['auc']:.3f} ({low:.3f} to {high:.3f}), n = {values['n']}")
    return "; ".join(parts)


def _write_log(path: Path, epochs: Sequence[Any]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(entry.name for entry in fields(epochs[0]))
        table.writerows(asdict(epoch).values() for epoch in epochs)


def _write_predictions(path: Path, records: Sequence[CaseRecord], logits: np.ndarray, temperature: float) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("identifier", "patient", "label", "logit", "probability"))
        for record, logit, probability in zip(records, logits, _probability(logits, temperature), strict=True):
            table.writerow((record.identifier, record.patient, record.label, f"{logit:.6f}", f"{probability:.6f}"))
