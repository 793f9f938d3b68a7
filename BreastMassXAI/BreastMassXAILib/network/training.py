"""Transfer learning on labelled frames, every epoch on fresh variants of all of them, for a fixed number of epochs.

The defaults are the paper's (binary cross-entropy, Adam with learning rate 0.001, batches of 12, 224 x 224), but for
the early stop: the paper watches the loss on its test set, which leaks. Here the number of epochs is fixed beforehand
and no epoch is chosen.

What goes beyond the paper, each by a setting of its own: AdamW with warm-up and cosine, label smoothing, averages of
the weights over steps and over repetitions, several heads, mixed styles, and two penalties on the class activation map
itself: sparseness (SoftCAM, arXiv 2505.17748) and evidence outside the three regions (Rao et al., arXiv 2303.11932).
``mean(CAM) + b == logit`` holds with all of them.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..core.errors import InputError
from ..core.progress import Progress, silent
from .augmentation import VARIATIONS, draw, mix_styles
from .checkpoint import Checkpoint, optimizer_tensors, restore_optimizer, with_prefix
from .frames import TrainingFrames, cells_of
from .processes import Processes
from .resnet import ScaledResNet, averages
from .training_settings import TrainingSettings

STATE_FILE = "state.safetensors"
KEPT_EVERY_S = 20.0
"""An unfinished training is kept after its first epoch, then not more often than this: a state is some hundred
megabytes."""
WARM_UP = 0.05
"""Share of all steps in which a cosine schedule warms up."""


@dataclass(frozen=True)
class Epoch:
    """One line of the training log.

    Parameters
    ----------
    repeat, epoch : int
        Counted from 1.
    loss : float
        Cross-entropy, mean over the frames.
    inside : float, optional
        Share of the map's absolute values inside mass, ring and tissue below, mean over the frames; None where the
        training does not look at it.
    """

    repeat: int
    epoch: int
    loss: float
    inside: float | None


def frame_weights(labels: np.ndarray, training: np.ndarray, class_weights: str) -> np.ndarray:
    """How much each frame counts in the loss, shape (n,), with mean 1 over the training frames."""
    if class_weights == "none":
        return np.ones(len(labels))
    malignant = labels[training].mean()
    return np.where(labels, 0.5 / malignant, 0.5 / (1 - malignant))


def head_weights(patients: np.ndarray, heads: int, seed: int) -> np.ndarray:
    """How much each head sees of each frame, shape (heads, n): a patient's frames come 0, 1, 2 ... times (Poisson)."""
    names, member = np.unique(patients, return_inverse=True)
    drawn = np.random.default_rng((seed, 7)).poisson(1.0, (heads, len(names)))
    return drawn[:, member].astype(float)


@dataclass
class Training:
    """A network and the frames that it learns from.

    Parameters
    ----------
    frames : TrainingFrames
    labels : ndarray of bool, shape (n,)
        True for malignant.
    patients : ndarray of str, shape (n,)
    training : ndarray of int
        Indices into the frames.
    ridge : ndarray, shape (channels,), optional
        The penalty of the linear probe that the linear layer started from. It goes on while the scaling layers learn:
        without it the linear layer would unlearn, within an epoch, what kept it from overfitting.
    """

    network: ScaledResNet
    frames: TrainingFrames
    labels: np.ndarray
    patients: np.ndarray
    training: np.ndarray
    settings: TrainingSettings
    processes: Processes = field(default_factory=Processes)
    ridge: np.ndarray | None = None

    def __post_init__(self) -> None:
        self._device = self.network.linear.weight.device
        settings, n = self.settings, len(self.labels)
        weights = frame_weights(self.labels, self.training, settings.class_weights)
        if self.network.heads is not None:
            heads = head_weights(self.patients, self.network.architecture.heads, settings.seed)
            heads[heads[:, self.training].sum(1) == 0] = 1  # a head that drew nobody learns from all
            weights = weights * heads / heads[:, self.training].mean(1, keepdims=True)
        self._weights = self._tensor(weights.reshape(-1, n))
        smoothing = settings.label_smoothing
        self._targets = self._tensor(np.where(self.labels, 1 - smoothing, smoothing))
        self._ridge = None if self.ridge is None else self._tensor(self.ridge)
        self._steps = math.ceil(len(self.training) / settings.batch)

    def run(self, checkpoints: Path | None = None, progress: Progress = silent) -> list[Epoch]:
        """Train; the network is left with the averaged weights, its convolutions not rounded yet.

        Parameters
        ----------
        checkpoints : Path, optional
            A folder that keeps the state after every epoch. A training that finds one there goes on from it and ends
            as it would have ended unbroken.

        Returns
        -------
        list of Epoch
            All epochs, those before an interruption too.

        Raises
        ------
        InputError
            When the loss is no number any more, or the device has too little memory for a batch.
        """
        settings, network = self.settings, self.network
        network.set_trainable(settings.method, settings.first_stage)
        network.to(memory_format=torch.channels_last)
        self.processes.share(self._learning().values())
        start = self._copy()
        path = None if checkpoints is None else checkpoints / STATE_FILE
        kept = self.processes.from_first(Checkpoint.load(path) if path is not None and self.processes.first else None)
        epochs = [] if kept is None else [Epoch(**entry) for entry in kept.facts["epochs"]]
        total = {name: torch.zeros_like(value) for name, value in start.items()} if kept is None else kept.part("total")
        saved = -math.inf
        for repeat in range(1, settings.repeats + 1):
            done = [entry for entry in epochs if entry.repeat == repeat]
            if len(done) == settings.epochs:
                continue
            network.load_state_dict(start, strict=False)
            optimizer = self._optimizer()
            average = self._copy()
            if done and kept is not None:
                network.load_state_dict(kept.part("network"), strict=False)
                average = {name: value.to(self._device) for name, value in kept.part("average").items()}
                restore_optimizer(optimizer, kept.part("optimizer"))
            for number in range(len(done) + 1, settings.epochs + 1):
                epochs.append(self._epoch(repeat, number, optimizer, average, progress))
                if number == settings.epochs:
                    total = {name: value.to(self._device) + average[name] for name, value in total.items()}
                if path is not None and self.processes.first and time.monotonic() - saved >= KEPT_EVERY_S:
                    self._checkpoint(optimizer, average, total, epochs).save(path)
                    saved = time.monotonic()
        if epochs:
            network.load_state_dict({name: value / settings.repeats for name, value in total.items()}, strict=False)
        self._mix_in_the_pretrained(start)
        network.eval()
        return epochs

    def _optimizer(self) -> torch.optim.Optimizer:
        settings, learning = self.settings, self._learning()
        # Neither biases nor per-channel factors are pulled towards 0, and the linear layer has its ridge.
        pulled = [value for value in learning.values() if value.ndim == 4]
        others = [value for value in learning.values() if value.ndim != 4]
        groups = [{"params": pulled, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
        return torch.optim.AdamW([g for g in groups if g["params"]], lr=settings.learning_rate)

    def _mix_in_the_pretrained(self, start: Mapping[str, Tensor]) -> None:
        """Weights between the pretrained and the trained ones (WiSE-FT, Wortsman et al. 2022)."""
        if self.settings.anchor:
            share = self.settings.anchor
            state = {name: share * start[name] + (1 - share) * value for name, value in self._copy().items()}
            self.network.load_state_dict(state, strict=False)

    def _checkpoint(
        self,
        optimizer: torch.optim.Optimizer,
        average: Mapping[str, Tensor],
        total: Mapping[str, Tensor],
        epochs: list[Epoch],
    ) -> Checkpoint:
        return Checkpoint(
            {
                **with_prefix("network", self._learning()),
                **with_prefix("average", average),
                **with_prefix("total", total),
                **with_prefix("optimizer", optimizer_tensors(optimizer)),
            },
            {"epochs": [asdict(entry) for entry in epochs]},
        )

    def _learning(self) -> dict[str, nn.Parameter]:
        return {name: value for name, value in self.network.named_parameters() if value.requires_grad}

    def _copy(self) -> dict[str, Tensor]:
        return copy.deepcopy({name: value.detach() for name, value in self._learning().items()})

    def _epoch(
        self,
        repeat: int,
        number: int,
        optimizer: torch.optim.Optimizer,
        average: dict[str, Tensor],
        progress: Progress,
    ) -> Epoch:
        settings, frames = self.settings, self.frames
        self.network.train()
        variation = VARIATIONS[settings.variation]
        seed = settings.seed + 1000 * repeat
        order = np.random.default_rng((seed, number, 1)).permutation(self.training)
        numbers = draw(len(self.labels), seed, number)
        sums = torch.zeros(3, dtype=torch.float64, device=self._device)
        for step, batch in enumerate(np.array_split(order, self._steps)):
            self._set_rate(optimizer, (number - 1) * self._steps + step)
            noise = torch.Generator(self._device).manual_seed(((seed * 1_000_003 + number) * 1_000_003 + step) % 2**63)
            optimizer.zero_grad()
            held = frames.held(batch)
            if held.any():
                try:
                    inputs, coverage = frames.variants(batch[held], numbers[batch[held]], noise, variation)
                    loss, parts = self._loss(inputs, coverage, batch[held], len(batch), noise)
                    loss.backward()
                except torch.cuda.OutOfMemoryError as error:
                    raise InputError(
                        f"The device has too little memory for batches of {settings.batch} frames: try --batch "
                        f"{max(settings.batch // 2, 1)}, or --precision mixed."
                    ) from error
                sums += parts
            if self._ridge is not None and self.processes.first:  # once: gradients are summed over the processes
                (self._ridge @ self.network.linear.weight[0].square() / 2).backward()
            self.processes.add_gradients(self._learning().values())
            if settings.clip:
                nn.utils.clip_grad_norm_(self._learning().values(), settings.clip)
            optimizer.step()
            self._follow(average, number, step)
            done = ((repeat - 1) * settings.epochs + number - 1) * self._steps + step + 1
            progress(done, settings.repeats * settings.epochs * self._steps, f"epoch {number}")
        loss_sum, inside_sum, seen = self.processes.add(sums.cpu().numpy())
        if not math.isfinite(loss_sum):
            raise InputError("The training has run away: its loss is no number any more. Lower --learning-rate.")
        inside = float(inside_sum / seen) if settings.needs_regions else None
        return Epoch(repeat, number, float(loss_sum / seen), inside)

    def _loss(
        self, inputs: Tensor, coverage: Tensor | None, indices: np.ndarray, whole: int, noise: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """The loss of the frames that are held here, and the sums of cross-entropy, of shares inside, and of frames."""
        settings, network = self.settings, self.network
        chosen = torch.from_numpy(indices).to(self._device)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=settings.precision == "mixed"):
            features = self._features(inputs.contiguous(memory_format=torch.channels_last), noise)
        features = [found.float() for found in features]
        pooled = averages(features)
        logits = network.head_logits(pooled)
        targets, weights = self._targets[chosen], self._weights[:, chosen].T
        losses = nn.functional.binary_cross_entropy_with_logits(
            logits, targets[:, None].expand_as(logits), reduction="none"
        )
        entropy = (losses * weights).mean(1).sum()
        loss, inside = entropy, torch.zeros((), device=self._device)
        if settings.energy or settings.sparse or settings.smooth:
            maps = network.head(features)[1]
            strength = maps.abs()
            if coverage is not None:
                relevant = 1 - cells_of(coverage, (maps.shape[1], maps.shape[2]))[:, 0]
                shares = (strength * relevant).sum((1, 2)) / strength.sum((1, 2)).clamp(min=1e-6)
                inside = shares.sum()
                loss = loss + settings.energy * (1 - shares).sum()
            loss = loss + settings.sparse * strength.mean((1, 2)).sum()
            loss = loss + settings.smooth * maps.square().mean((1, 2)).sum()
        parts = torch.stack([entropy.detach(), inside.detach(), torch.full_like(entropy, len(indices))]).double()
        return loss / whole, parts

    def _features(self, inputs: Tensor, noise: torch.Generator) -> list[Tensor]:
        """What enters pooling, with mixed styles where they are asked for; no gradients through frozen stages."""
        network, settings = self.network, self.settings
        first = settings.first_stage if settings.method != "linear-probe" else network.architecture.last_stage + 1
        last = network.architecture.last_stage
        with torch.no_grad():
            x = network.stem(inputs)
            for stage in range(1, min(first, last)):
                x = self._mixed(network.stages(x, stage, stage), stage, noise)
        if first > last:
            with torch.no_grad():
                return network.pooled(x, last)
        for stage in range(first, last):
            x = self._mixed(network.stages(x, stage, stage), stage, noise)
        return network.pooled(x, max(first, last))

    def _mixed(self, x: Tensor, stage: int, noise: torch.Generator) -> Tensor:
        if not self.settings.style or stage > 2:
            return x
        return mix_styles(x, self.settings.style, noise)

    def _set_rate(self, optimizer: torch.optim.Optimizer, step: int) -> None:
        settings = self.settings
        rate = settings.learning_rate
        if settings.schedule == "cosine":
            total = settings.epochs * self._steps
            warm = max(round(WARM_UP * total), 1)
            rate *= (step + 1) / warm if step < warm else 0.5 * (1 + math.cos(math.pi * (step - warm) / (total - warm)))
        for group in optimizer.param_groups:
            group["lr"] = rate

    @torch.no_grad()
    def _follow(self, average: dict[str, Tensor], number: int, step: int) -> None:
        """Move the average of the weights on by a step; its horizon grows from nothing, so that the start fades."""
        done = (number - 1) * self._steps + step + 1
        horizon = min(self.settings.averaging * self._steps, done / 5)
        share = 1 / (1 + horizon) if self.settings.averaging else 1.0
        learning = self._learning()
        torch._foreach_lerp_(list(average.values()), [learning[name].detach() for name in average], share)

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(self._device)
