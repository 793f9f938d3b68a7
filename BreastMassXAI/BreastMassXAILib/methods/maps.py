"""What a method answers, and what all of them need of the network."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.errors import InputError
from ..network.resnet import ScaledResNet

BATCH = 16
"""Images in one pass, where a method needs many."""


@dataclass(frozen=True, eq=False)
class SaliencyMaps:
    """Signed maps of several images: positive towards malignant, negative towards benign.

    Parameters
    ----------
    cells : Tensor, shape (n, h, w)
        In logit units where the method has them: a region's contribution is the sum of its cells, each divided by their
        number.
    biases : Tensor, shape (n,)
        What of the logit no place has a share in.
    exact : bool
        Whether ``cells.mean() + bias`` is meant to be the logit.
    """

    cells: Tensor
    biases: Tensor
    exact: bool


def stage_of(network: ScaledResNet, number: int | None) -> int:
    """The stage of this number, the last one for None.

    Raises
    ------
    InputError
        When the network has no stages, or not this one.
    """
    if not isinstance(network, ScaledResNet):
        raise InputError("This network has no residual stages: choose a method that needs none, such as occlusion.")
    last = network.architecture.last_stage
    if number is not None and not 1 <= number <= last:
        raise InputError(f"The network of this model has the stages 1 to {last}, and no stage {number}.")
    return last if number is None else number


def features_of(network: ScaledResNet, inputs: Tensor, stage: int) -> list[Tensor]:
    """A stage's output, shape (n, channels, h, w); of the last one everything that enters pooling, block by block."""
    stem = network.stem(inputs)
    if stage == network.architecture.last_stage:
        return network.pooled(stem, 1)
    return [network.stages(stem, 1, stage)]


def logits_of(network: ScaledResNet, features: list[Tensor], stage: int) -> Tensor:
    """The logits, shape (n,), of what :func:`features_of` gave."""
    if stage < network.architecture.last_stage:
        features = network.pooled(features[0], stage + 1)
    return network.head(features)[0]


def features_and_gradients(network: ScaledResNet, inputs: Tensor, stage: int) -> list[tuple[Tensor, Tensor]]:
    """What a stage says and the gradient of each image's logit with respect to it; the weights need no gradient."""
    with torch.no_grad():
        features = features_of(network, inputs, stage)
    with torch.enable_grad():
        features = [each.detach().requires_grad_() for each in features]
        gradients = torch.autograd.grad(logits_of(network, features, stage).sum(), features)
    return [(each.detach(), gradient) for each, gradient in zip(features, gradients, strict=True)]


def logits_in_batches(network: ScaledResNet, images: Tensor) -> Tensor:
    """Logits of many images, shape (n,), a few at a time."""
    with torch.no_grad():
        return torch.cat([network(_layout(part))[0] for part in images.split(BATCH)])


def input_gradients(network: ScaledResNet, images: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (n,), and the gradient of each with respect to its own image (n, 3, height, width), a few at a time."""
    logits, gradients = [], []
    for part in images.split(BATCH):
        with torch.enable_grad():
            leaf = _layout(part.detach()).requires_grad_()
            answer = network(leaf)[0]
            gradients.append(torch.autograd.grad(answer.sum(), leaf)[0])
        logits.append(answer.detach())
    return torch.cat(logits), torch.cat(gradients)


def even_image(inputs: Tensor) -> Tensor:
    """Images of the inputs' mean grey, shape (n, 3, 1, 1).

    A black baseline would say that nothing black matters, and many a mass is black.
    """
    return inputs.mean((2, 3), keepdim=True)


def _layout(images: Tensor) -> Tensor:
    return images.contiguous(memory_format=torch.channels_last)
