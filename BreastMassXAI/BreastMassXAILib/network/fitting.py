"""One fit from start to end: the linear probe, then what the method trains."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ..core.progress import Progress, silent
from .frames import TrainingFrames
from .linear_probe import LinearProbe, fit_linear_probe, set_linear_layer
from .processes import Processes
from .resnet import ScaledResNet
from .training import Epoch, Training, frame_weights
from .training_settings import TrainingSettings


@dataclass(frozen=True)
class Fit:
    """What became of a fit.

    Parameters
    ----------
    probe : LinearProbe, optional
        Where the linear layer started; None when it started at random.
    epochs : list of Epoch
        Empty where the linear probe is all there is to train.
    """

    probe: LinearProbe | None
    epochs: list[Epoch]


def fit(
    network: ScaledResNet,
    frames: TrainingFrames,
    pooled: np.ndarray | None,
    labels: np.ndarray,
    patients: np.ndarray,
    training: np.ndarray,
    settings: TrainingSettings,
    *,
    processes: Processes | None = None,
    checkpoints: Path | None = None,
    progress: Progress = silent,
) -> Fit:
    """Train a pretrained network in place, as the settings say.

    Parameters
    ----------
    pooled : ndarray, shape (passes, n, channels), optional
        Of the pretrained network, from :func:`~.pooled_features.pooled_features`; only needed for a start at the probe.
    labels : ndarray of bool, shape (n,)
    patients : ndarray of str, shape (n,)
    training : ndarray of int
        Indices into the frames.
    checkpoints, progress
        See :meth:`~.training.Training.run`.
    """
    processes = processes or Processes()
    probe = None
    if settings.start == "probe":
        assert pooled is not None
        weights = frame_weights(labels, training, settings.class_weights)
        device = network.linear.weight.device
        probe = fit_linear_probe(pooled, labels, training, settings.penalty, weights, device)
        set_linear_layer(network, probe)
        processes.share(tensor.detach() for tensor in network.linear.parameters())
    epochs: list[Epoch] = []
    if (probe is None or settings.method != "linear-probe") and settings.epochs > 0:
        # Fine-tuned features have other scales than those that the probe's penalty was made for.
        ridge = None if probe is None or settings.method == "fine-tune" else probe.ridge
        work = Training(network, frames, labels, patients, training, settings, processes, ridge)
        epochs = work.run(checkpoints, progress)
    if settings.method == "fine-tune":
        round_convolutions(network)
    return Fit(probe, epochs)


@torch.no_grad()
def round_convolutions(network: ScaledResNet) -> None:
    """Round the backbone's convolutions to float16, as a bundle stores them: what is evaluated is what is kept."""
    for module in network.backbone.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.copy_(module.weight.half().float())
