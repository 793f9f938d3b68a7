"""What the linear layer of the pretrained network sees: where a training starts that begins with the linear probe."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch

from ..core.progress import Progress, silent
from .augmentation import VARIATIONS, draw
from .frames import TrainingFrames
from .processes import Processes
from .resnet import ScaledResNet
from .training_settings import TrainingSettings


def batches(indices: np.ndarray, size: int = 64) -> Iterator[np.ndarray]:
    """Indices, a few at a time."""
    for part in np.array_split(indices, max(math.ceil(len(indices) / size), 1)):
        if len(part):
            yield part


@torch.no_grad()
def pooled_features(
    network: ScaledResNet,
    frames: TrainingFrames,
    settings: TrainingSettings,
    passes: int = 3,
    processes: Processes | None = None,
    progress: Progress = silent,
) -> np.ndarray:
    """What the linear layer of the pretrained network sees of every frame, of its mirror image and of fresh variants.

    Returns
    -------
    ndarray of float32, shape (passes, n, channels)
        Pass 0 is the frame itself, pass 1 its mirror image; zero for frames that nobody could read.
    """
    processes = processes or Processes()
    network.eval()
    device = network.linear.weight.device
    indices = np.flatnonzero(frames.place >= 0)
    pooled = np.zeros((passes, len(frames.place), network.linear.in_features), np.float32)
    parts = list(batches(indices))
    for number in range(passes):
        numbers = draw(len(frames.place), settings.seed, -1 - number + 1_000_000)
        for step, part in enumerate(parts):
            if number < 2:
                inputs = frames.plain(part, mirrored=number == 1)
            else:
                noise = torch.Generator(device).manual_seed(
                    (settings.seed * 1_000_003 + number * 10_007 + step) % 2**63
                )
                inputs = frames.variants(part, numbers[part], noise, VARIATIONS[settings.variation])[0]
            found = network.averaged(inputs.contiguous(memory_format=torch.channels_last))
            pooled[number, part] = found.cpu().numpy()
            progress(number * len(parts) + step + 1, passes * len(parts), "pooled features")
    return processes.add(pooled) if processes.count > 1 else pooled
