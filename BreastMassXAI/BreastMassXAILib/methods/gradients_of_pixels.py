"""Maps from the gradient of the logit with respect to the image: integrated gradients and SmoothGrad.

Both multiply the gradient by the image's difference to its own mean grey, so that positive says what it says in all
other maps: what is seen there speaks for malignant. Values of single pixels are means over cells of ``FINE`` pixels, a
cell's value the sum over its pixels and the input's three channels, times the number of cells.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..network.resnet import ScaledResNet
from .gradients_of_features import FINE
from .maps import SaliencyMaps, even_image, input_gradients, logits_in_batches

COMPLETE = 0.01
"""Integration ends when its sum is off by at most this share of what it integrates, or by this many logits if that is
more."""
MOST_STEPS = 256
NOISE = 0.15
"""Standard deviation of SmoothGrad's noise, as a share of the range of the image's values."""
SEED = 0


def integrated_gradients(network: ScaledResNet, inputs: Tensor, number: int | None) -> SaliencyMaps:
    """``(x - x') * integral over t of dz/dx(x' + t (x - x'))``, which sums up to ``z(x) - z(x')``."""
    assert number is not None
    baseline = even_image(inputs)
    biases = logits_in_batches(network, baseline.expand_as(inputs).contiguous())
    logits = logits_in_batches(network, inputs)
    values = [
        _integral(network, image[None], even[None], float(z - z0), number)
        for image, even, z, z0 in zip(inputs, baseline, logits, biases, strict=True)
    ]
    return SaliencyMaps(cells_of_pixels(torch.cat(values)), biases, True)


def _integral(network: ScaledResNet, image: Tensor, even: Tensor, difference: float, steps: int) -> Tensor:
    """The attributions of one image, shape (1, 3, height, width)."""
    while True:
        places, weights = np.polynomial.legendre.leggauss(steps)
        t = image.new_tensor((places + 1) / 2).view(-1, 1, 1, 1)
        gradients = input_gradients(network, even + t * (image - even))[1]
        found = torch.einsum("s,schw->chw", image.new_tensor(weights / 2), gradients)[None] * (image - even)
        gap = abs(float(found.double().sum()) - difference)
        if gap <= COMPLETE * max(abs(difference), 1.0) or 2 * steps > MOST_STEPS:
            return found
        steps *= 2


def smooth_grad(network: ScaledResNet, inputs: Tensor, number: int | None) -> SaliencyMaps:
    """``(x - x') * mean over noisy copies of dz/dx``; the noise is the same whenever it is drawn, on any device."""
    assert number is not None
    even = even_image(inputs)
    draws = torch.randn((number, 1, *inputs.shape[2:]), generator=torch.Generator().manual_seed(SEED))
    found = []
    for image, grey in zip(inputs, even, strict=True):
        # One noise for all three channels, which are one grey image, each in its own range.
        spread = NOISE * (image.amax((1, 2), keepdim=True) - image.amin((1, 2), keepdim=True))
        copies = image + draws.to(image) * spread
        found.append(input_gradients(network, copies)[1].mean(0) * (image - grey))
    return SaliencyMaps(cells_of_pixels(torch.stack(found)), network.linear.bias.expand(len(inputs)), False)


def cells_of_pixels(values: Tensor) -> Tensor:
    """Values of pixels and channels (n, 3, height, width) as cells (n, height // FINE, width // FINE), whose mean is
    the sum of the values."""
    summed = values.sum(1, keepdim=True)
    size = tuple(max(side // FINE, 1) for side in values.shape[2:])
    if all(side % cells == 0 for side, cells in zip(values.shape[2:], size, strict=True)):
        cells = functional.avg_pool2d(summed, [side // n for side, n in zip(values.shape[2:], size, strict=True)])
        return cells[:, 0] * (values.shape[2] * values.shape[3])
    return summed[:, 0] * (values.shape[2] * values.shape[3])  # an odd size keeps its pixels
