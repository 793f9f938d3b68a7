"""Training of outline decoders on a frozen trunk: fresh variants, pairs of masses, frames without one, random prompts.

All decoders of a cross-validation learn side by side: the trunk, which is the same for all and costs most, sees each
variant once, and a decoder learns from it unless the frame belongs to its own tested partition.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..core.errors import InputError
from ..core.progress import Progress, silent
from ..core.regions import mask_box
from .augmentation import VARIATIONS, draw, vary
from .frames import ahead
from .outline_decoder import STEP, OutlineDecoder, prompt_maps, trunk_features
from .outline_frames import OutlineFrames
from .preprocessing import Preprocessing
from .resnet import ScaledResNet

CLICKS = 4
"""Clicks that a prompt of the training has at most."""


@dataclass(frozen=True)
class OutlineSettings:
    """How decoders are trained; nothing of it is chosen by what is tested.

    Parameters
    ----------
    epochs, batch, size, seed : int
        `size`: rows and columns of the network's input.
    rate, decay : float
        AdamW's, with a linear rise over the first twentieth and a cosine fall.
    variation : str
        Of :data:`~.augmentation.VARIATIONS`.
    empty, pairs : float
        Shares of variants that show tissue without a mass, and two frames' masses side by side.
    unprompted, boxed : float
        Shares of variants without a prompt, and with a box instead of clicks.
    keep : float
        Of the running mean of the weights, which is what is used.

    Raises
    ------
    InputError
        When 16 does not divide the size, or a step has a single frame.
    """

    epochs: int = 10
    batch: int = 16
    size: int = 224
    seed: int = 0
    rate: float = 2e-3
    decay: float = 0.02
    variation: str = "strong"
    empty: float = 0.1
    pairs: float = 0.1
    unprompted: float = 0.5
    boxed: float = 0.15
    keep: float = 0.995

    def __post_init__(self) -> None:
        if self.size % 16 or not 64 <= self.size <= 1024:
            raise InputError(f"The outline network's input has a multiple of 16 from 64 to 1024, not {self.size}.")
        if self.batch < 2:
            raise InputError("A step needs at least two frames.")


@dataclass(eq=False)
class _Learner:
    """One decoder, what it learns with, and the running mean of its weights."""

    decoder: OutlineDecoder
    learns: np.ndarray
    optimizer: torch.optim.Optimizer = field(init=False)
    mean: dict[str, Tensor] = field(init=False)

    def __post_init__(self) -> None:
        self.mean = {name: value.clone() for name, value in self.decoder.state_dict().items()}

    def average(self, keep: float) -> None:
        for name, value in self.decoder.state_dict().items():
            if value.is_floating_point():
                self.mean[name].lerp_(value, 1 - keep)
            else:
                self.mean[name].copy_(value)


def train_decoders(
    frames: OutlineFrames,
    trunk: ScaledResNet,
    preprocessing: Preprocessing,
    learns: Sequence[np.ndarray],
    settings: OutlineSettings,
    progress: Progress = silent,
    each_epoch: Callable[[int, list[dict[str, Tensor]]], None] | None = None,
) -> list[OutlineDecoder]:
    """Train one decoder per entry of `learns`.

    Parameters
    ----------
    trunk : ScaledResNet
        Folded for inference; stays as it is.
    learns : sequence of ndarray of bool, shape (n,)
        Which frames a decoder learns from.
    each_epoch : callable, optional
        Called with the number of epochs done and the running means of the decoders' weights.

    Returns
    -------
    list of OutlineDecoder
        In evaluation mode, with the running mean of their weights.
    """
    torch.manual_seed(settings.seed)
    noise = torch.Generator().manual_seed(settings.seed)
    channels = tuple(f.shape[1] for f in _features(trunk, preprocessing.normalise(torch.zeros(1, 64, 64))))
    first = OutlineDecoder(channels)
    learners = []
    for chosen in learns:  # all begin with the same weights, so that they differ by what they saw only
        decoder = OutlineDecoder(channels)
        decoder.load_state_dict(first.state_dict())
        learner = _Learner(decoder.train().to(memory_format=torch.channels_last), chosen)  # type: ignore[call-overload]
        learner.optimizer = torch.optim.AdamW(decoder.parameters(), settings.rate, weight_decay=settings.decay)
        learners.append(learner)
    count = len(frames.crops)
    steps = math.ceil(count / settings.batch)
    total, done = settings.epochs * steps, 0
    for epoch in range(settings.epochs):
        numbers = draw(count, settings.seed, epoch)
        rng = np.random.default_rng((settings.seed, epoch, 1))
        order = rng.permutation(count)
        batches = [order[k * settings.batch : (k + 1) * settings.batch] for k in range(steps)]
        shown = [_Variants(frames, batch, rng, settings) for batch in batches]

        def make(k: int) -> tuple[Tensor, Tensor, Tensor]:
            return shown[k].made(numbers, noise, settings)  # noqa: B023 - used up within this epoch

        for k, (grey, target, prompts) in enumerate(ahead(make, range(steps), 1)):
            features = _features(trunk, preprocessing.normalise(grey))
            for learner in learners:
                mine = torch.from_numpy(np.flatnonzero(learner.learns[batches[k]] & learner.learns[shown[k].partner]))
                if len(mine) < 2:  # a batch norm needs two
                    continue
                for group in learner.optimizer.param_groups:
                    group["lr"] = settings.rate * _schedule(done / total)
                learner.optimizer.zero_grad(set_to_none=True)
                with torch.autocast("cpu", torch.bfloat16):
                    logits = learner.decoder([f[mine] for f in features], prompts[mine])
                outline_loss(logits.float(), target[mine]).backward()
                learner.optimizer.step()
                learner.average(min(settings.keep, (1 + done) / (10 + done)))
            done += 1
            progress(done, total, f"epoch {epoch + 1} of {settings.epochs}")
        if each_epoch is not None:
            each_epoch(epoch + 1, [learner.mean for learner in learners])
    for learner in learners:
        learner.decoder.load_state_dict(learner.mean)
    return [learner.decoder.eval().requires_grad_(False) for learner in learners]


def _features(trunk: ScaledResNet, x: Tensor) -> list[Tensor]:
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        return trunk_features(trunk, x)


def _schedule(done: float) -> float:
    return min(done / 0.05, 1.0) * (0.5 + 0.5 * math.cos(math.pi * done)) + 0.005


def outline_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy per cell, and 1 - Dice per frame that has a mass; shapes (n, h, w), targets 0..1."""
    cross = functional.binary_cross_entropy_with_logits(logits, target)
    probability = torch.sigmoid(logits)
    both, either = (probability * target).sum((1, 2)), (probability + target).sum((1, 2))
    present = target.sum((1, 2)) > 1
    if not present.any():
        return cross
    return cross + (1 - 2 * both[present] / either[present]).mean()


class _Variants:
    """What one batch shows, decided by its own numbers before it is made."""

    def __init__(
        self, frames: OutlineFrames, batch: np.ndarray, rng: np.random.Generator, settings: OutlineSettings
    ) -> None:
        self.frames, self.batch = frames, batch
        u = rng.random((len(batch), 3))
        self.empty = (u[:, 0] < settings.empty) & frames.has_empty[batch]
        self.pair = ~self.empty & (u[:, 1] < settings.pairs)
        self.partner = np.where(self.pair, rng.integers(0, len(frames.crops), len(batch)), batch)
        self.swapped = u[:, 2] < 0.5
        self.seed = int(rng.integers(2**31))

    def made(
        self, numbers: np.ndarray, noise: torch.Generator, settings: OutlineSettings
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Grey (n, size, size), the mass that is asked for (n, h, w) and prompts (n, 3, h, w)."""
        rng = np.random.default_rng(self.seed)
        crops, masses = self.frames.crops[self.batch].clone(), self.frames.masses[self.batch].clone()
        for k in np.flatnonzero(self.empty):
            crops[k], masses[k] = self.frames.empty[self.batch[k]], 0
        for k in np.flatnonzero(self.pair):
            crops[k], masses[k] = self._pair(self.batch[k], self.partner[k], bool(self.swapped[k]))
        grey, coverage = vary(
            crops,
            masses,
            1.0,
            settings.size,
            VARIATIONS[settings.variation],
            torch.from_numpy(numbers[self.batch]),
            noise,
            step=STEP,
        )
        assert coverage is not None
        own, other = coverage[:, 1], coverage[:, 2]
        prompts = [_drawn(a.numpy() > 0.5, b.numpy() > 0.5, rng, settings) for a, b in zip(own, other, strict=True)]
        clicks, kinds, boxes = (torch.from_numpy(np.stack(part)) for part in zip(*prompts, strict=True))
        said = ((kinds > 0).any(1) | ~boxes[:, 0].isnan())[:, None, None]
        target = torch.where(said, own, own + other)  # nobody pointed: every mass is one
        return grey, target.clamp(0, 1), prompt_maps(clicks, kinds, boxes, settings.size // STEP)

    def _pair(self, one: int, two: int, swapped: bool) -> tuple[Tensor, Tensor]:
        """Half of either frame, its mass in the middle where there is room; that of the second is labelled 2."""
        halves = [self._half(one, 1), self._half(two, 2)]
        if swapped:
            halves.reverse()
        return torch.cat([h[0] for h in halves], 1), torch.cat([h[1] for h in halves], 1)

    def _half(self, index: int, label: int) -> tuple[Tensor, Tensor]:
        crop, mass = self.frames.crops[index], self.frames.masses[index]
        side = crop.shape[1]
        across = mass.amax(0).nonzero()[:, 0]
        middle = side // 2 if not len(across) else int(across[0] + across[-1]) // 2
        first = min(max(middle - side // 4, 0), side - side // 2)
        kept = slice(first, first + side // 2)
        return crop[:, kept], mass[:, kept] * label


def _drawn(
    own: np.ndarray, other: np.ndarray, rng: np.random.Generator, settings: OutlineSettings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a person might point at for this mass: clicks (k, 2), kinds (k,) and box (4,), see :func:`prompt_maps`."""
    clicks, kinds = np.zeros((CLICKS, 2), np.float32), np.zeros(CLICKS, np.int64)
    box = np.full(4, np.nan, np.float32)
    inside = np.argwhere(own)
    kind = rng.random()
    if not len(inside) or kind < settings.unprompted:
        return clicks, kinds, box
    cells = np.array(own.shape, np.float32)
    if kind < settings.unprompted + settings.boxed:
        low, high = inside.min(0) / cells, (inside.max(0) + 1) / cells
        slack = rng.normal(0.03, 0.06, 4) * np.tile(high - low, 2)
        box[:] = np.concatenate([low - slack[:2], high + slack[2:]])
        return clicks, kinds, box
    middle = inside.mean(0)
    spots = inside[rng.integers(len(inside), size=CLICKS)]
    spots[0] = inside[np.abs(inside - (middle + (spots[0] - middle) * 0.7)).sum(1).argmin()]  # people aim at the middle
    further = int(rng.integers(0, CLICKS)) if rng.random() < 0.35 else 0
    around = np.argwhere(other) if other.any() and rng.random() < 0.7 else _around(own)
    for number in range(1 + further):
        outside = number > 0 and rng.random() < 0.5 and len(around)
        place = around[rng.integers(len(around))] if outside else spots[number]
        clicks[number], kinds[number] = (place + 0.5) / cells, -1 if outside else 1
    return clicks, kinds, box


def _around(mass: np.ndarray) -> np.ndarray:
    """Cells near a mass that do not belong to it."""
    rows, columns = mask_box(mass)
    high, wide = rows.stop - rows.start, columns.stop - columns.start
    near = np.zeros_like(mass)
    near[
        max(rows.start - high // 3, 0) : rows.stop + high // 3,
        max(columns.start - wide // 3, 0) : columns.stop + wide // 3,
    ] = True
    return np.argwhere(near & ~mass)
