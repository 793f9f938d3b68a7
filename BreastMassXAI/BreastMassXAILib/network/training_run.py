"""What ``train`` and ``cross-validate`` share: the data set, the network, the cached frames, and a run's folder."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from .. import __version__
from ..cohorts.datasets import CaseRecord, Cases, DataSet, Skipped, SpacingAssumption, read_dataset
from ..core.classifier import Classifier, NetworkOutput
from ..core.cohort import Cohort
from ..core.cohort_tables import classification
from ..core.errors import BreastMassXAIError, InputError
from ..core.explain import explain
from ..core.field import Field, FieldRule
from ..core.frame import Case
from ..core.partitions import check_folds, patient_folds
from ..core.progress import reporter
from ..core.recalibration import Answers, Calibration
from ..core.result import Settings
from ..core.statistics import brier_score, calibration_error
from ..core.writing import Unfinished, resumable_folder

if TYPE_CHECKING:
    from .fitting import Fit
    from .frames import TrainingFrames
    from .processes import Processes
    from .resnet import ScaledResNet
    from .training import Epoch, TrainingSettings

CITATIONS = {
    "BUS-BRA": "Gomez-Flores W, Gregorio-Calas MJ, Pereira WCA. BUS-BRA: A breast ultrasound dataset for assessing "
    "computer-aided diagnosis systems. Med Phys 2024; 51: 3110-3123.",
}
BUNDLE_FILES = (
    "model.json",
    "weights.safetensors",
    "backbone.safetensors",
    "training-images.txt",
    "predictions.csv",
    "training-log.csv",
)
LICENCE = "Apache-2.0; research use only, not a medical device"


@dataclass(frozen=True)
class TrainingRequest:
    """What the user asked for.

    Parameters
    ----------
    rule : FieldRule
        What the network sees of a frame.
    backbone, variant, last_stage, pooled_blocks
        See :func:`~..network.backbones.find_backbone`.
    size : int
        Rows and columns of the network's input.
    settings : mapping
        Fields of :class:`~..network.training.TrainingSettings`.
    folds : int, optional
        Cut the data anew into so many parts; by default its own partitions are taken, or five where it has none.
    leave_out : str, optional
        A column of the data set's table (device, hospital, ...): each of its values is a partition.
    """

    data: Path
    out: Path
    name: str
    rule: FieldRule
    backbone: str = "resnet50-v1-stage3"
    variant: str = "torchvision"
    last_stage: int | None = None
    pooled_blocks: int = 1
    size: int = 224
    settings: Mapping[str, Any] = field(default_factory=dict)
    assumption: SpacingAssumption = field(default_factory=SpacingAssumption)
    folds: int | None = None
    leave_out: str | None = None
    device: str = "auto"
    force: bool = False
    resume: bool = False
    command: str = ""


@dataclass(frozen=True)
class Labelled:
    """Cases with what training needs to know of them.

    Parameters
    ----------
    records : tuple of CaseRecord
    folds : ndarray of int, shape (n,)
        The partition of every case, counted from 1.
    names : tuple of str
        What partition 1, 2, ... is called, where it has a name: the device that is left out.
    """

    records: tuple[CaseRecord, ...]
    folds: np.ndarray
    names: tuple[str, ...] = ()

    @property
    def labels(self) -> np.ndarray:
        """True for malignant, shape (n,)."""
        return np.array([record.label == "malignant" for record in self.records], bool)

    @property
    def patients(self) -> list[str]:
        return [record.patient for record in self.records]

    def __len__(self) -> int:
        return len(self.records)

    def where(self, chosen: np.ndarray) -> Labelled:
        """Some of the cases, by a bool array or indices."""
        indices = np.arange(len(self))[chosen]
        return Labelled(tuple(self.records[k] for k in indices), self.folds[indices], self.names)

    def without(self, number: int) -> np.ndarray:
        """Indices of what may be learned from when a partition is kept for the test: no patient is on both sides."""
        tested = {self.patients[k] for k in np.flatnonzero(self.folds == number)}
        return np.array([k for k in np.flatnonzero(self.folds != number) if self.patients[k] not in tested], int)


@dataclass(frozen=True)
class ReadyFrames:
    """Readable cases, their fields cut out, and the pretrained network's pooled features where a fit starts there."""

    cases: Labelled
    frames: TrainingFrames
    pooled: np.ndarray | None


class TrainingRun:
    """One run of ``train`` or ``cross-validate`` in one of its processes."""

    def __init__(self, request: TrainingRequest, processes: Processes, progress_kind: str) -> None:
        import torch

        from .backbones import find_backbone
        from .device import device_for
        from .preprocessing import Preprocessing
        from .training import TrainingSettings

        self.request = request
        self.processes = processes
        self.settings: TrainingSettings = TrainingSettings(**request.settings).consistent()
        self.preprocessing = Preprocessing(request.size)
        self.data: DataSet = read_dataset(request.data)
        self.left_out: list[Skipped] = list(self.data.skipped)
        self._refuse_other_fields()
        self.backbone = find_backbone(request.backbone, request.variant, request.last_stage, request.pooled_blocks)
        architecture = replace(self.backbone.architecture, heads=self.settings.heads)
        self.backbone = replace(self.backbone, architecture=architecture)
        if self.settings.first_stage > self.backbone.architecture.last_stage:
            last = self.backbone.architecture.last_stage
            raise InputError(f"The network ends with stage {last}: --first-stage can be {last} at most.")
        device = device_for(request.device)
        self.device = processes.accelerator if device.type == "cuda" else device
        if device.type == "cuda":
            torch.backends.cudnn.benchmark = True
            torch.backends.cudnn.allow_tf32 = False  # predictions are those of full precision
        self._progress_kind = progress_kind if processes.first else "none"

    def _refuse_other_fields(self) -> None:
        """Crops that were packed for one field hold too little of a frame for another."""
        from ..cohorts.packs import SUFFIX, packed_field

        if self.request.data.suffix.lower() != SUFFIX:
            return
        packed = packed_field(self.request.data)
        if packed is not None and packed != self.request.rule:
            raise InputError(
                f"The pack {self.request.data.name} holds crops for the field {packed.in_words()}, not for "
                f"{self.request.rule.in_words()}: pack the whole frames, or ask for that field."
            )

    def cases(self, folded: bool = True) -> Labelled:
        """The data set's usable cases with their partitions; all in partition 1 if not `folded`.

        Raises
        ------
        InputError
            When there are none, only some have a partition, or the partitions would mislead.
        """
        records = self.data.records
        if not records:
            reasons = "; ".join(sorted({entry.reason for entry in self.data.skipped})[:3])
            raise InputError(f"The data set {self.data.name} has no case that can be used: {reasons or 'it is empty'}.")
        cases = Labelled(records, np.ones(len(records), int))
        if not folded:
            return cases
        if self.request.leave_out is not None:
            return self._by_column(records, self.request.leave_out)
        given = [record.partition for record in records if record.partition is not None]
        if self.request.folds is None and 0 < len(given) < len(records):
            raise InputError(
                f"{len(records) - len(given)} of {len(records)} cases of {self.data.name} have no partition: give "
                "all of them one, or cut anew with --folds."
            )
        if self.request.folds is None and given:
            folds = np.array(given)
        else:
            folds = patient_folds(cases.labels, cases.patients, self.request.folds or 5, self.settings.seed)
        check_folds(cases.labels, cases.patients, folds)
        return Labelled(records, folds)

    def _by_column(self, records: tuple[CaseRecord, ...], column: str) -> Labelled:
        """Each value of a column is a partition."""
        values = [record.fact(column) for record in records]
        if lacking := sum(value is None for value in values):
            known = ", ".join(dict.fromkeys(name for record in records for name, _ in record.facts)) or "none"
            raise InputError(
                f"{lacking} of {len(records)} cases of {self.data.name} have no '{column}' to leave out; there are the "
                f"columns {known}."
            )
        names = tuple(sorted({value for value in values if value is not None}))
        cases = Labelled(records, np.array([names.index(value) + 1 for value in values if value is not None]), names)
        self.check_columns(cases)
        return cases

    def check_columns(self, cases: Labelled) -> None:
        """Refuse partitions by a column that cannot be judged or learned without.

        Raises
        ------
        InputError
            When there is one value only, or a class is missing with or without one.
        """
        column, numbers = self.request.leave_out, np.unique(cases.folds).tolist()
        if len(numbers) < 2:
            raise InputError(f"All cases have the same '{column}': nothing would be left to train on.")
        for number in numbers:
            for what, chosen in (("tested", cases.folds == number), ("left", cases.without(number))):
                labels = cases.labels[chosen]
                if labels.all() or not labels.any():
                    raise InputError(
                        f"Without {column} {cases.names[number - 1]!r} there are not cases of both classes {what}."
                    )

    @contextmanager
    def folder(
        self, marker: str, parts: Sequence[str], cases: Labelled, facts: Mapping[str, Any]
    ) -> Iterator[Unfinished]:
        """The run's folders; see :func:`~..writers.results.resumable_folder`. Only the first process makes them."""
        request = self.request
        begun = {
            "data": _fingerprint(cases),
            "name": request.name,
            "field": asdict(request.rule),
            "backbone": [self.backbone.name, asdict(self.backbone.architecture), self.backbone.sha256()],
            "size": request.size,
            "settings": asdict(self.settings),
            "spacing": asdict(request.assumption),
            "leave_out": request.leave_out,
            **facts,
        }
        with ExitStack() as stack:
            places, problem = Unfinished.beside(request.out), None
            if self.processes.first:
                wanted = resumable_folder(
                    request.out, begun, parts, resume=request.resume, force=request.force, marker=marker
                )
                try:
                    places = stack.enter_context(wanted)
                except BreastMassXAIError as error:
                    problem = error
            self.processes.agree(problem)
            yield places

    def network(self) -> ScaledResNet:
        """A fresh pretrained network on the device."""
        import torch

        network = self.backbone.network(self.settings.seed)
        return network.to(self.device).to(memory_format=torch.channels_last)

    def ready(self, cases: Labelled) -> ReadyFrames:
        """Read the cases and cut out their fields; unreadable ones are left out with their reason."""
        from .frames import prepare_frames
        from .training import pooled_features

        frames = prepare_frames(
            Cases(cases.records, self.request.assumption),
            self.request.rule,
            self.preprocessing,
            self.device,
            regions=self.settings.needs_regions,
            processes=self.processes,
            progress=self.progress(),
        )
        if frames.unreadable:
            self._leave_out(cases, frames.unreadable)
            kept = np.setdiff1d(np.arange(len(cases)), list(frames.unreadable))
            cases = cases.where(kept)
            frames = replace(frames, place=frames.place[kept], unreadable={})
        pooled = None
        if self.settings.start == "probe":
            pooled = pooled_features(
                self.network(), frames, self.settings, processes=self.processes, progress=self.progress()
            )
        return ReadyFrames(cases, frames, pooled)

    def _leave_out(self, cases: Labelled, reasons: Mapping[int, str]) -> None:
        self.left_out += [Skipped(cases.records[k].identifier, reason) for k, reason in sorted(reasons.items())]

    def fit(
        self, network: ScaledResNet, ready: ReadyFrames, training: np.ndarray, checkpoints: Path, *, what: str = ""
    ) -> Fit:
        """Train a network on some of the frames, going on from the checkpoints where there are any."""
        from .fitting import fit

        if self.processes.first:
            checkpoints.mkdir(parents=True, exist_ok=True)
        return fit(
            network,
            ready.frames,
            ready.pooled,
            ready.cases.labels,
            np.array(ready.cases.patients),
            training,
            self.settings,
            processes=self.processes,
            checkpoints=checkpoints,
            progress=self.progress(what),
        )

    def predict(self, network: ScaledResNet, cases: Labelled) -> tuple[Answers, Labelled]:
        """Answers to frames that are seen as they are, with the cases that could be read.

        Regions have a ring of the usual width; frames of unknown pixel size have none.
        """
        import torch

        from .frames import RING_MM, ahead

        found = np.zeros((4, len(cases)))
        reasons: dict[int, str] = {}
        progress, read = self.progress(), Cases(cases.records, self.request.assumption)
        network.eval()
        own = list(range(self.processes.rank, len(cases), self.processes.count))
        waiting: list[tuple[int, Case, Field, torch.Tensor]] = []
        plain = Classifier("", "")

        def prepare(index: int) -> tuple[Case, Field, torch.Tensor] | str:
            try:
                case = read[index]
                seen = self.request.rule.field(case.mass, case.frame.scan_area, case.frame.spacing)
            except InputError as error:
                return str(error)
            return case, seen, self.preprocessing(case.frame.pixels, seen)

        def judge() -> None:
            inputs = torch.cat([made for *_, made in waiting]).to(self.device)
            answers = network.answers(inputs.contiguous(memory_format=torch.channels_last))
            bias = float(network.linear.bias[0])
            for (index, case, seen, _), z, cells, spread in zip(
                waiting, *(answer.cpu().numpy() for answer in answers), strict=True
            ):
                settings = Settings(ring_mm=RING_MM if case.frame.spacing.known else 0.0)
                points = inside = np.nan
                with suppress(InputError):  # the mass outside the scan area: an answer, and nothing to explain it with
                    result = explain(case, NetworkOutput(float(z), bias, cells, seen), plain, settings, {}).result
                    points = sum(point.region != "elsewhere" for point in result.extremes.values())
                    inside = cast(float, result.evidence_inside)
                found[:, index] = z, points, inside, spread
            waiting.clear()

        with torch.inference_mode():
            for done, (index, made) in enumerate(zip(own, ahead(prepare, own, 2), strict=True)):
                progress(done + 1, len(own), "test frames")
                if isinstance(made, str):
                    reasons[index] = made
                    continue
                waiting.append((index, *made))
                if len(waiting) == 16:
                    judge()
            if waiting:
                judge()
        found, reasons = self.processes.add(found), self.processes.union(reasons)
        self._leave_out(cases, reasons)
        kept = np.setdiff1d(np.arange(len(cases)), list(reasons))
        return Answers(*found[:, kept]), cases.where(kept)

    def save(
        self,
        folder: Path,
        network: ScaledResNet,
        *,
        name: str,
        calibration: Calibration | None,
        trained_on: Labelled,
        training: Mapping[str, Any],
        metrics: Mapping[str, Any],
    ) -> None:
        """Write a bundle.

        Parameters
        ----------
        calibration : Calibration, optional
            None where it is not known yet, see :func:`~.bundle.recalibrate`.
        trained_on : Labelled
            Their images are listed by hash.
        """
        import torch

        from ..cohorts.cases import image_digest
        from .bundle import save_bundle, write_training_images

        own = self.backbone.file is None or self.settings.method == "fine-tune"
        data = {"name": self.data.name}
        if self.data.name in CITATIONS:
            data["citation"] = CITATIONS[self.data.name]
        save_bundle(
            folder,
            network.cpu(),
            name=name,
            backbone=self.backbone.name if own else cast(Path, self.backbone.file),
            rule=self.request.rule,
            preprocessing=self.preprocessing,
            threshold=0.5 if calibration is None else calibration.threshold,
            temperature=1.0 if calibration is None else calibration.temperature,
            facts={
                **({} if calibration is None else calibration.facts()),
                "training": {
                    "data": data,
                    "images": write_training_images(folder, map(image_digest, trained_on.records)),
                    **training,
                    "command": self.request.command,
                    "software": f"breast-mass-xai {__version__}, torch {torch.__version__}",
                    "settings": asdict(self.settings),
                },
                "metrics": metrics,
                "licence": LICENCE,
            },
        )

    def progress(self, what: str = ""):
        """A progress bar of its own for one stretch of work; `what` goes before what the work says."""
        report = reporter(self._progress_kind)
        return lambda done, total, step: report(done, total, f"{what}{step}")


def _fingerprint(cases: Labelled) -> str:
    """Changes with any file, label, patient or partition of the data."""
    from ..cohorts.packs import index_digest

    lines: list[str] = []
    packs: dict[Path, str] = {}
    for record, fold in zip(cases.records, cases.folds.tolist(), strict=True):
        if record.pack is not None:
            packs[record.pack] = packs.get(record.pack) or index_digest(record.pack)
        files = [path.stat() for path in (record.image, record.mask, *record.more_masks) if path.exists()]
        known = [record.identifier, record.label, record.patient, fold, str(record.spacing)]
        lines.append(repr([*known, *((file.st_size, file.st_mtime_ns) for file in files)]))
    return hashlib.sha256("\n".join([*lines, *packs.values()]).encode()).hexdigest()


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
