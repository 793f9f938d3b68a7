"""Maps from the gradient of the logit at a stage of the network: Grad-CAM and its relatives, with both signs.

Their papers explain one class among many, so they drop what speaks against it (the final ReLU). One logit has two
directions: without the ReLU a map is positive where a stage speaks for malignant and negative where it speaks for
benign. All are multiplied by the number of cells, so that at the last stage, where the gradient is the linear layer's
weight divided by that number, Grad-CAM and HiResCAM *are* the class activation map.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ..network.resnet import ScaledResNet
from .maps import SaliencyMaps, features_and_gradients, stage_of

GAMMA = 2.0
"""By which LayerCAM strengthens the maps of single stages before it fuses them."""
RESOLUTION_STEP = 100
"""Pixels between the input resolutions of CAMERAS, as its authors have it."""
FINE = 4
"""Input pixels along a cell of the finer maps."""
CHUNK = 64
"""Channels of CAMERAS that are brought to the fine grid at once."""


def grad_cam(network: ScaledResNet, inputs: Tensor, number: int | None) -> SaliencyMaps:
    """``sum_k mean(dz/dA_k) A_k`` times the number of cells."""

    def weighted(features: Tensor, gradient: Tensor) -> Tensor:
        return torch.einsum("nk,nkhw->nhw", gradient.mean((2, 3)), features) * _cells(features)

    return _of_stage(network, inputs, number, weighted)


def hires_cam(network: ScaledResNet, inputs: Tensor, number: int | None) -> SaliencyMaps:
    """``sum_k dz/dA_k(y, x) A_k(y, x)`` times the number of cells."""
    return _of_stage(network, inputs, number, _product)


def grad_cam_plus_plus(network: ScaledResNet, inputs: Tensor, number: int | None) -> SaliencyMaps:
    """``sum_k w_k A_k`` with ``w_k = sum_yx alpha g``, ``alpha = g^2 / (2 g^2 + |g|^3 sum_yx A_k)``, ``g = dz/dA_k``.

    With the ReLU of its paper (``relu(g)`` in place of `g`) this would be the map of the logit alone; the negative
    gradients are those that the negative logit's map would keep, and its map is subtracted here.
    """

    def weighted(features: Tensor, gradient: Tensor) -> Tensor:
        total = features.sum((2, 3), keepdim=True)
        size = gradient.abs()
        below = 2 + size * total  # one factor g^2 shortened on either side
        alpha = torch.where((gradient != 0) & (below != 0), 1 / torch.where(below == 0, 1, below), 0)
        return torch.einsum("nk,nkhw->nhw", (alpha * gradient).sum((2, 3)), features)

    found = _of_stage(network, inputs, number, weighted)
    return SaliencyMaps(found.cells, found.biases, False)


def layer_cam(network: ScaledResNet, inputs: Tensor, number: int | None) -> SaliencyMaps:
    """One stage: ``sum_k relu(g) A`` of the logit minus the same of the negative logit, which is HiResCAM. All stages:
    each ``tanh(GAMMA M / max |M|)`` on the grid of the first, and of each place the value that is largest in magnitude.
    """
    if number is not None:
        return hires_cam(network, inputs, number)
    maps = []
    for stage in range(1, stage_of(network, None) + 1):
        cells = hires_cam(network, inputs, stage).cells
        strongest = cells.abs().amax((1, 2), keepdim=True)
        maps.append(torch.tanh(GAMMA * cells / torch.where(strongest > 0, strongest, 1)))
    size = maps[0].shape[1:]
    stacked = torch.stack([_to_grid(each[:, None], size)[:, 0] for each in maps])
    fused = stacked.gather(0, stacked.abs().argmax(0, keepdim=True))[0]
    return SaliencyMaps(fused, network.linear.bias.expand(len(inputs)), False)


def cameras(network: ScaledResNet, inputs: Tensor, number: int | None) -> SaliencyMaps:
    """``sum_k mean_t(A_k of resolution t) * mean_t(dz/dA_k of resolution t)`` on a grid of ``FINE`` pixels a cell.

    Gradients are multiplied by their resolution's number of cells, without which the coarse ones would outweigh the
    others. For a linear layer on averages this is the mean of the resolutions' class activation maps.
    """
    assert number is not None
    size, stage = inputs.shape[-1], stage_of(network, None)
    answers = []
    for step in range(number):
        side = size + step * RESOLUTION_STEP
        larger = inputs if step == 0 else _to_grid(inputs, (side, side))
        answers.append(features_and_gradients(network, larger, stage))
    grid = (size // FINE, size // FINE)
    total = inputs.new_zeros(len(inputs), *grid)
    for block in range(len(answers[0])):
        of_block = [answer[block] for answer in answers]
        for first in range(0, of_block[0][0].shape[1], CHUNK):
            part = slice(first, first + CHUNK)
            features = torch.stack([_to_grid(f[:, part], grid) for f, _ in of_block]).mean(0)
            gradients = torch.stack([_to_grid(g[:, part] * _cells(g), grid) for _, g in of_block]).mean(0)
            total += (features * gradients).sum(1)
    return SaliencyMaps(total, network.linear.bias.expand(len(inputs)), False)


def _of_stage(network: ScaledResNet, inputs: Tensor, number: int | None, weighted) -> SaliencyMaps:
    stage = stage_of(network, number)
    cells = torch.stack([weighted(*pair) for pair in features_and_gradients(network, inputs, stage)]).sum(0)
    # Before the last stage a ReLU or a bias of a later layer has its share, which no place of this one has.
    exact = stage == network.architecture.last_stage
    return SaliencyMaps(cells, network.linear.bias.expand(len(inputs)), exact)


def _product(features: Tensor, gradient: Tensor) -> Tensor:
    return (features * gradient).sum(1) * _cells(features)


def _cells(features: Tensor) -> int:
    return features.shape[2] * features.shape[3]


def _to_grid(images: Tensor, size: tuple[int, int] | torch.Size) -> Tensor:
    return functional.interpolate(images, tuple(size), mode="bilinear", align_corners=False)
