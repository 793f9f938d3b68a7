"""Outputs of the frozen stages, computed once: an epoch then costs the trained stages only.

Stages below the first trained one never change, so their outputs for a few augmented variants of every frame are kept
in memory, in float16.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from ..core.errors import InputError
from ..core.field import FieldRule
from ..core.frame import Case
from ..core.progress import Progress, silent
from .augmentation import variants_of
from .preprocessing import Preprocessing
from .processes import Processes
from .resnet import ScaledResNet, averages

Prepared = TypeVar("Prepared")


@dataclass(frozen=True)
class StageCache:
    """Outputs of the stage before `first_stage` for the frames that this process holds.

    Parameters
    ----------
    first_stage : int
        The first stage that is trained.
    outputs : Tensor, shape (variants, n held, channels, height, width), float16
        Variant 0 is the frame itself, variant 1 its mirror image, the others are random.
    place : ndarray of int, shape (n,)
        Where in `outputs` a frame lies; -1 for frames that another process holds.
    unreadable : mapping of index to reason
        Frames that could not be read, in the same words in every process.
    """

    first_stage: int
    outputs: Tensor
    place: np.ndarray
    unreadable: dict[int, str]

    def held(self, indices: np.ndarray) -> np.ndarray:
        """Which of some frames this process holds, bool."""
        return self.place[indices] >= 0

    def batch(self, variants: np.ndarray | int, indices: np.ndarray, device: torch.device) -> Tensor:
        """Outputs of frames that are held here, float32, on a device, channels last."""
        chosen = self.outputs[variants, torch.from_numpy(self.place[indices])]
        return chosen.to(device).float().contiguous(memory_format=torch.channels_last)


def _room(shape: tuple[int, ...]) -> Tensor:
    try:
        return torch.empty(shape, dtype=torch.float16)
    except RuntimeError as error:
        raise MemoryError from error


def ahead(function: Callable[[int], Prepared], arguments: Sequence[int]) -> Iterator[Prepared]:
    """``map(function, arguments)``, with the next result being made while the one before is used."""
    with ThreadPoolExecutor(1) as executor:
        waiting: deque[Future[Prepared]] = deque()
        for argument in arguments:
            waiting.append(executor.submit(function, argument))
            if len(waiting) > 2:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@torch.no_grad()
def cache_stages(
    network: ScaledResNet,
    cases: Sequence[Case],
    rule: FieldRule,
    preprocessing: Preprocessing,
    *,
    first_stage: int,
    variants: int,
    seed: int,
    processes: Processes | None = None,
    progress: Progress = silent,
) -> StageCache:
    """Run the frozen stages on every frame of this process's share.

    The variants of a frame depend on the seed and on its place among the cases, not on the number of processes.

    Raises
    ------
    InputError
        When no frame can be read, or a process has none.
    MemoryError
        When the outputs do not fit into memory.
    """
    processes = processes or Processes()
    network.eval()
    device = network.linear.weight.device
    shares = range(processes.rank, len(cases), processes.count)
    outputs: Tensor | None = None
    place = np.full(len(cases), -1)
    reasons: dict[int, str] = {}

    def prepare(index: int) -> np.ndarray | str:
        try:
            case = cases[index]
            field = rule.field(case.mass, case.frame.scan_area, case.frame.spacing)
        except InputError as error:
            return str(error)
        generator = np.random.default_rng((seed, index))
        return variants_of(case.frame.pixels, field, preprocessing.size, variants, generator)

    for done, (index, grey) in enumerate(zip(shares, ahead(prepare, shares), strict=True)):
        if isinstance(grey, str):
            reasons[index] = grey
            continue
        inputs = preprocessing.normalise(torch.from_numpy(grey).to(device))
        found = network.stages(network.stem(inputs.contiguous(memory_format=torch.channels_last)), 1, first_stage - 1)
        if outputs is None:
            outputs = _room((variants, len(shares), *found.shape[1:]))
        outputs[:, done] = found.half().cpu()
        place[index] = done
        progress(done + 1, len(shares), "frozen stages")
    unreadable = processes.union(reasons)
    if len(unreadable) == len(cases):
        raise InputError(f"There is no frame to train on: {next(iter(unreadable.values()), 'the data set is empty')}")
    lacking = InputError(f"One of the {processes.count} processes has no readable frame: start fewer.")
    processes.agree(lacking if outputs is None else None)
    assert outputs is not None
    return StageCache(first_stage, outputs, place, unreadable)


@torch.no_grad()
def pooled_features(
    network: ScaledResNet, cache: StageCache, processes: Processes | None = None, progress: Progress = silent
) -> np.ndarray:
    """What the linear layer sees, shape (variants, n, channels), float64; zero for frames that nobody could read."""
    processes = processes or Processes()
    network.eval()
    device = network.linear.weight.device
    indices = np.flatnonzero(cache.place >= 0)
    pooled = np.zeros((len(cache.outputs), len(cache.place), network.linear.in_features))
    batches = np.array_split(indices, max(len(indices) // 24, 1))
    for variant in range(len(pooled)):
        for number, batch in enumerate(batches):
            features = network.pooled(cache.batch(variant, batch, device), cache.first_stage)
            pooled[variant, batch] = averages(features).cpu().numpy()
            progress(variant * len(batches) + number + 1, len(pooled) * len(batches), "pooled features")
    return processes.add(pooled)
