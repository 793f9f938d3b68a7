"""Transfer learning on labelled frames: deep representation scaling (DRS), with the paper's settings as defaults.

Paper: binary cross-entropy, Adam with learning rate 0.001, batches of 12, 224 x 224, augmentation, early stop after 8
epochs without improvement. The paper watches the loss on its test set, which leaks; here it is watched on validation
patients taken out of the training part.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..core.errors import InputError
from ..core.progress import Progress, silent
from ..core.statistics import roc_auc
from .checkpoint import Checkpoint, optimizer_tensors, restore_optimizer, with_prefix
from .processes import Processes
from .resnet import METHODS, ScaledResNet, averages
from .stage_cache import StageCache

STARTS = ("probe", "random")
CLASS_WEIGHTS = ("none", "balanced")
PRECISIONS = ("full", "mixed")
STATE_FILE = "state.safetensors"


@dataclass(frozen=True)
class TrainingSettings:
    """Hyperparameters; those that the paper names have its values.

    Parameters
    ----------
    method : {"drs", "fine-tune", "linear-probe"}
    first_stage : {1, 2, 3, 4}
        What learns begins with this stage; the stages before are frozen and cached. 1 leaves only the stem out.
    start : {"probe", "random"}
        Whether the linear layer starts as the logistic regression on the pretrained features or, as in the paper, at
        random.
    variants : int
        Augmented variants of each frame that are kept: the frame, its mirror image, then random ones.
    validation_share : float
        Share of the training patients whose loss decides when to stop.
    class_weights : {"none", "balanced"}
        ``balanced``: both classes count the same in the loss, however many frames they have.
    precision : {"full", "mixed"}
        ``mixed``: the network's sums in bfloat16, for accelerators.

    Raises
    ------
    InputError
        When a word is unknown or a number makes no sense.
    """

    method: str = "drs"
    first_stage: int = 3
    start: str = "probe"
    learning_rate: float = 0.001
    weight_decay: float = 0.0
    batch: int = 12
    patience: int = 8
    epochs: int = 60
    variants: int = 5
    validation_share: float = 0.125
    class_weights: str = "none"
    precision: str = "full"
    seed: int = 0

    def __post_init__(self) -> None:
        words = (
            ("method", METHODS),
            ("start", STARTS),
            ("class_weights", CLASS_WEIGHTS),
            ("precision", PRECISIONS),
            ("first_stage", (1, 2, 3, 4)),
        )
        for name, known in words:
            if getattr(self, name) not in known:
                options = ", ".join(map(str, known))
                raise InputError(f"{name.replace('_', ' ')} must be one of {options}, not {getattr(self, name)!r}.")
        if min(self.batch, self.patience, self.epochs + 1, self.variants) < 1 or not 0 < self.validation_share < 1:
            raise InputError("Batch, patience and variants start at 1, epochs at 0; the validation share lies in 0..1.")


@dataclass(frozen=True)
class Epoch:
    """One line of the training log; 0 is the network before training.

    What validation frames say is not a number (NaN) where there are none, and the training loss of epoch 0 is not.
    """

    epoch: int
    training_loss: float
    validation_loss: float
    validation_auc: float


def frame_weights(labels: np.ndarray, training: np.ndarray, class_weights: str) -> np.ndarray:
    """How much each frame counts in the loss, shape (n,), with mean 1 over the training frames."""
    if class_weights == "none":
        return np.ones(len(labels))
    malignant = labels[training].mean()
    return np.where(labels, 0.5 / malignant, 0.5 / (1 - malignant))


@dataclass
class Training:
    """A network and the cached frames that it learns from.

    Parameters
    ----------
    cache : StageCache
    labels : ndarray of bool, shape (n,)
        True for malignant.
    training, validation : ndarray of int
        Indices into the frames. Without validation frames all epochs are run and the last one stays.
    ridge : ndarray, shape (channels,), optional
        The penalty of the linear probe that the linear layer started from. It goes on: without it the linear layer
        would unlearn, within an epoch, what kept it from overfitting.
    """

    network: ScaledResNet
    cache: StageCache
    labels: np.ndarray
    training: np.ndarray
    validation: np.ndarray
    settings: TrainingSettings
    processes: Processes = field(default_factory=Processes)
    ridge: np.ndarray | None = None

    def run(
        self,
        checkpoints: Path | None = None,
        progress: Progress = silent,
    ) -> list[Epoch]:
        """Train; the network is left in the state of the epoch with the smallest validation loss.

        Parameters
        ----------
        checkpoints : Path, optional
            A folder that keeps the state after every epoch. A training that finds one there goes on from it and ends
            as it would have ended unbroken.

        Returns
        -------
        list of Epoch
            All epochs, those before an interruption too.
        """
        settings, network = self.settings, self.network
        torch.manual_seed(settings.seed)
        self._generator = np.random.default_rng(settings.seed + 1)
        network.set_trainable(settings.method, settings.first_stage)
        network.to(memory_format=torch.channels_last)
        self.processes.share(self._learning().values())
        optimizer = torch.optim.Adam(
            self._learning().values(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        epochs: list[Epoch] = []
        best, best_state = math.inf, self._copy()
        path = None if checkpoints is None else checkpoints / STATE_FILE
        kept = self.processes.from_first(Checkpoint.load(path) if path is not None and self.processes.first else None)
        if kept is not None:
            epochs = [Epoch(**entry) for entry in kept.facts["epochs"]]
            best, best_state = kept.facts["best"], kept.part("best")
            self._generator.bit_generator.state = kept.facts["generator"]
            network.load_state_dict(kept.part("network"), strict=False)
            restore_optimizer(optimizer, kept.part("optimizer"))
        elif len(self.validation) and settings.start == "probe":  # a random linear layer is no network to keep
            epochs = [self._judged(0, math.nan)]
            best = epochs[0].validation_loss
        while not self._finished(epochs):
            epochs.append(self._epoch(epochs[-1].epoch + 1 if epochs else 1, optimizer, progress))
            if not len(self.validation) or epochs[-1].validation_loss < best:
                best, best_state = epochs[-1].validation_loss, self._copy()
            if path is not None and self.processes.first:
                state = Checkpoint(
                    {
                        **with_prefix("network", self._learning()),
                        **with_prefix("best", best_state),
                        **with_prefix("optimizer", optimizer_tensors(optimizer)),
                    },
                    {
                        "epochs": [asdict(epoch) for epoch in epochs],
                        "best": best,
                        "generator": self._generator.bit_generator.state,
                    },
                )
                state.save(path)
        network.load_state_dict(best_state, strict=False)
        network.eval()
        return epochs

    def _learning(self) -> dict[str, nn.Parameter]:
        return {name: value for name, value in self.network.named_parameters() if value.requires_grad}

    def _copy(self) -> dict[str, Tensor]:
        return copy.deepcopy({name: value.detach() for name, value in self._learning().items()})

    def _finished(self, epochs: Sequence[Epoch]) -> bool:
        if not epochs:
            return False
        last = epochs[-1].epoch
        if last >= self.settings.epochs:
            return True
        return len(self.validation) > 0 and last - best_epoch(epochs) >= self.settings.patience

    def _epoch(self, number: int, optimizer: torch.optim.Optimizer, progress: Progress) -> Epoch:
        network, settings, cache = self.network, self.settings, self.cache
        network.train()
        weights = frame_weights(self.labels, self.training, settings.class_weights)
        ridge = None if self.ridge is None else self._tensor(self.ridge)
        steps = math.ceil(len(self.training) / settings.batch)
        total = 0.0
        for step, batch in enumerate(np.array_split(self._generator.permutation(self.training), steps)):
            variant = self._generator.integers(len(cache.outputs), size=len(batch))
            held = cache.held(batch)
            optimizer.zero_grad()
            if held.any():
                logits = self._logits(variant[held], batch[held])
                target, weight = self.labels[batch[held]], weights[batch[held]]
                loss = nn.functional.binary_cross_entropy_with_logits(
                    logits, self._tensor(target), self._tensor(weight), reduction="sum"
                )
                (loss / len(batch)).backward()
                total += float(loss.detach())
            if ridge is not None and self.processes.first:  # once, as gradients are summed over the processes
                (ridge @ network.linear.weight[0].square() / 2).backward()
            self.processes.add_gradients(self._learning().values())
            optimizer.step()
            progress((number - 1) * steps + step + 1, settings.epochs * steps, f"epoch {number}")
        training_loss = float(self.processes.add(np.array([total]))[0]) / len(self.training)
        if not math.isfinite(training_loss):
            raise InputError("The training has run away: its loss is no number any more. Lower --learning-rate.")
        return self._judged(number, training_loss)

    def _judged(self, number: int, training_loss: float) -> Epoch:
        if not len(self.validation):
            return Epoch(number, training_loss, math.nan, math.nan)
        held_logits, malignant = self.predict(self.validation), self.labels[self.validation]
        validation_loss = float(np.logaddexp(0, np.where(malignant, -held_logits, held_logits)).mean())
        return Epoch(number, training_loss, validation_loss, roc_auc(malignant, held_logits))

    @torch.no_grad()
    def predict(self, indices: np.ndarray, variant: int = 0) -> np.ndarray:
        """Logits (float64) of some frames; in every process those of all."""
        self.network.eval()
        logits = np.zeros(len(indices))
        own = np.flatnonzero(self.cache.held(indices))
        for part in np.array_split(own, max(math.ceil(len(own) / 24), 1)):
            if len(part):
                logits[part] = self._logits(variant, indices[part]).cpu().numpy()
        return self.processes.add(logits)

    def _logits(self, variants: np.ndarray | int, indices: np.ndarray) -> Tensor:
        network, device = self.network, self.network.linear.weight.device
        outputs = self.cache.batch(variants, indices, device)
        with torch.autocast(device.type, torch.bfloat16, enabled=self.settings.precision == "mixed"):
            pooled = network.pooled(outputs, self.cache.first_stage)
        return network.linear(averages([features.float() for features in pooled]))[:, 0]

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(self.network.linear.weight.device)


def best_epoch(epochs: Sequence[Epoch]) -> int:
    """Number of the epoch whose state a network is left in."""
    judged = [epoch for epoch in epochs if math.isfinite(epoch.validation_loss)]
    return min(judged, key=lambda epoch: epoch.validation_loss).epoch if judged else epochs[-1].epoch
