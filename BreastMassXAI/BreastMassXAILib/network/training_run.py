"""What ``train`` and ``cross-validate`` share: the data set, the network, the cached frames, and a run's folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from .. import __version__
from ..cohorts.datasets import Cases, DataSet, Skipped, SpacingAssumption, read_dataset
from ..core.errors import BreastMassXAIError, InputError
from ..core.field import FieldRule
from ..core.progress import NewProgress, Progress, unheard
from ..core.recalibration import Answers, Calibration
from ..core.resuming import Unfinished, resumable_folder
from .labelled_cases import Labelled, fingerprint, labelled_cases, partitioned, partitioned_by

if TYPE_CHECKING:
    from .fitting import Fit
    from .frames import TrainingFrames
    from .processes import Processes
    from .resnet import ScaledResNet
    from .training_settings import TrainingSettings

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
        Fields of :class:`~..network.training_settings.TrainingSettings`.
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
class ReadyFrames:
    """Readable cases, their fields cut out, and the pretrained network's pooled features where a fit starts there."""

    cases: Labelled
    frames: TrainingFrames
    pooled: np.ndarray | None


class TrainingRun:
    """One run of ``train`` or ``cross-validate`` in one of its processes."""

    def __init__(self, request: TrainingRequest, processes: Processes, progress: NewProgress) -> None:
        import torch

        from .backbones import find_backbone
        from .device import device_for
        from .preprocessing import Preprocessing
        from .training_settings import TrainingSettings

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
        self._new_progress = progress if processes.first else unheard

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
        if not folded:
            return labelled_cases(self.data)
        if self.request.leave_out is not None:
            return partitioned_by(self.data, self.request.leave_out)
        return partitioned(self.data, self.request.folds, self.settings.seed)

    @contextmanager
    def folder(
        self, marker: str, parts: Sequence[str], cases: Labelled, facts: Mapping[str, Any]
    ) -> Iterator[Unfinished]:
        """The run's folders; see :func:`~..writers.results.resumable_folder`. Only the first process makes them."""
        request = self.request
        begun = {
            "data": fingerprint(cases),
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
        from .pooled_features import pooled_features

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
        """Answers to frames that are seen as they are, with the cases that could be read; see :mod:`~.predicting`."""
        from .predicting import predict

        answers, reasons = predict(
            network,
            Cases(cases.records, self.request.assumption),
            self.request.rule,
            self.preprocessing,
            self.processes,
            self.progress(),
        )
        self._leave_out(cases, reasons)
        return answers, cases.where(np.setdiff1d(np.arange(len(cases)), list(reasons)))

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

    def progress(self, what: str = "") -> Progress:
        """A progress bar of its own for one stretch of work; `what` goes before what the work says."""
        report = self._new_progress()
        return lambda done, total, step: report(done, total, f"{what}{step}")


@contextmanager
def training_run(request: TrainingRequest, progress: NewProgress) -> Iterator[TrainingRun]:
    """A run in as many processes as were launched.

    Raises
    ------
    BreastMassXAIError
        As :class:`TrainingRun`; in all processes.
    """
    from .processes import launched

    with launched() as processes:
        yield TrainingRun(request, processes, progress)
