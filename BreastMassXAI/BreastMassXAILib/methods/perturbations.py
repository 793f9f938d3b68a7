"""Maps from what the network answers to changed images: occlusion and Score-CAM. No gradient is needed."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ..network.resnet import ScaledResNet
from .maps import BATCH, SaliencyMaps, even_image, features_of, logits_in_batches, stage_of

OVERLAP = 2
"""Tiles overlap by this factor along either axis."""


def occlusion(network: ScaledResNet, inputs: Tensor, number: int | None) -> SaliencyMaps:
    """``z(x) - z(x with a tile of its mean grey)``, divided by the tile's share of the image.

    Tiles lie half over each other; a cell has the mean of the tiles that cover it. For a network that is linear in the
    pixels, disjoint tiles' values would add up to ``z(x) - z(even image)``.
    """
    assert number is not None
    height, width = inputs.shape[2:]
    tile = max(round(height / number), 1), max(round(width / number), 1)
    rows, columns = _starts(height, tile[0]), _starts(width, tile[1])
    cells = min(number * OVERLAP, height), min(number * OVERLAP, width)
    found = []
    for image in inputs:
        even = even_image(image[None])[0]
        places = [(row, column) for row in rows for column in columns]
        whole = logits_in_batches(network, image[None])[0]
        total, covered = image.new_zeros(height, width), image.new_zeros(height, width)
        for first in range(0, len(places), BATCH):
            part = places[first : first + BATCH]
            images = image.repeat(len(part), 1, 1, 1)
            for changed, (row, column) in zip(images, part, strict=True):
                changed[:, row : row + tile[0], column : column + tile[1]] = even
            falls = (whole - logits_in_batches(network, images)) * (height * width / (tile[0] * tile[1]))
            for fall, (row, column) in zip(falls, part, strict=True):
                total[row : row + tile[0], column : column + tile[1]] += fall
                covered[row : row + tile[0], column : column + tile[1]] += 1
        found.append(functional.adaptive_avg_pool2d((total / covered)[None], cells)[0])
    return SaliencyMaps(torch.stack(found), network.linear.bias.expand(len(inputs)), False)


def _starts(size: int, tile: int) -> list[int]:
    """Where tiles begin, half a tile apart, the last one at the border."""
    step = max(tile // OVERLAP, 1)
    return sorted({*range(0, size - tile, step), size - tile})


def score_cam(network: ScaledResNet, inputs: Tensor, number: int | None) -> SaliencyMaps:
    """``sum_k (z(x' + H_k (x - x')) - z(x')) A_k``: `H_k` is the channel `A_k` on the image's grid, from 0 to 1, `x'`
    an even image of the mean grey.

    Its paper weights channels by the softmax of these differences, which forgets their sign and their size; here they
    are taken as they are. Only the `number` channels of largest variance over the map are asked, as in Faster Score-CAM
    (Li et al. 2020); flat ones say nothing.
    """
    assert number is not None
    stage = stage_of(network, None)
    with torch.no_grad():
        features = torch.cat(features_of(network, inputs, stage), 1)
    found = []
    for image, channels in zip(inputs, features, strict=True):
        even = even_image(image[None])
        zero = logits_in_batches(network, even.expand_as(image[None]).contiguous())[0]
        chosen = channels.var((1, 2), correction=0).argsort(descending=True, stable=True)[:number].sort().values
        channels = channels[chosen]
        low, high = channels.amin((1, 2), keepdim=True), channels.amax((1, 2), keepdim=True)
        channels, low, high = (each[(high > low)[:, 0, 0]] for each in (channels, low, high))
        total = image.new_zeros(channels.shape[1:])
        for part, least, most in zip(channels.split(BATCH), low.split(BATCH), high.split(BATCH), strict=True):
            size = tuple(image.shape[1:])
            veil = functional.interpolate((part - least)[:, None] / (most - least)[:, None], size, mode="bilinear")
            weights = logits_in_batches(network, even + veil * (image - even)) - zero
            total += torch.einsum("k,khw->hw", weights, part)
        found.append(total)
    return SaliencyMaps(torch.stack(found), network.linear.bias.expand(len(inputs)), False)
