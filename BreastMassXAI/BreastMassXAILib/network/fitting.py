"""One fit from start to end: the linear probe, then what the method trains."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ..core.progress import Progress, silent
from .linear_probe import LinearProbe, fit_linear_probe, set_linear_layer
from .processes import Processes
from .resnet import ScaledResNet
from .stage_cache import StageCache
from .training import Epoch, Training, TrainingSettings, best_epoch, frame_weights


@dataclass(frozen=True)
class Fit:
    """What became of a fit.

    Parameters
    ----------
    probe : LinearProbe, optional
        Where the linear layer started; None when it started at random.
    epochs : list of Epoch
        Empty where the linear probe is all there is to train.
    validation_logits : ndarray, shape (n validation,)
    """

    probe: LinearProbe | None
    epochs: list[Epoch]
    validation_logits: np.ndarray

    @property
    def best_epoch(self) -> int:
        """Number of the epoch that was kept; 0 where there was none."""
        return best_epoch(self.epochs) if self.epochs else 0

    @property
    def penalty(self) -> float | None:
        """The ridge penalty of the linear probe."""
        return None if self.probe is None else self.probe.penalty


def fit(
    network: ScaledResNet,
    cache: StageCache,
    pooled: np.ndarray,
    labels: np.ndarray,
    training: np.ndarray,
    validation: np.ndarray,
    settings: TrainingSettings,
    *,
    penalty: float | None = None,
    processes: Processes | None = None,
    checkpoints: Path | None = None,
    progress: Progress = silent,
) -> Fit:
    """Train a pretrained network in place, as the settings say.

    Parameters
    ----------
    pooled : ndarray, shape (variants, n, channels)
        Of the pretrained network, from :func:`~.stage_cache.pooled_features`.
    labels : ndarray of bool, shape (n,)
    training, validation : ndarray of int
        Indices into the frames. Without validation frames the penalty must be given and all epochs are run.
    checkpoints, progress
        See :meth:`~.training.Training.run`.
    """
    processes = processes or Processes()
    probe = None
    if settings.start == "probe":
        weights = frame_weights(labels, training, settings.class_weights)
        probe = fit_linear_probe(pooled, labels, training, validation, weights, penalty)
        set_linear_layer(network, probe)
        processes.share(tensor.detach() for tensor in network.linear.parameters())
    ridge = None if probe is None else probe.ridge
    work = Training(network, cache, labels, training, validation, settings, processes, ridge)
    epochs = []
    if (probe is None or settings.method != "linear-probe") and settings.epochs > 0:
        epochs = work.run(checkpoints, progress)
    if settings.method == "fine-tune":
        round_convolutions(network)
    return Fit(probe, epochs, work.predict(validation))


@torch.no_grad()
def round_convolutions(network: ScaledResNet) -> None:
    """Round the backbone's convolutions to float16, as a bundle stores them: what is evaluated is what is kept."""
    for module in network.backbone.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.copy_(module.weight.half().float())
