"""Fresh random variants of frames, made in batches on the network's own device.

A variant is what another placement of the probe, another scanner or another setting could have shown of the same
tissue: geometry (mirror, scale, aspect, rotation, shift), grey levels (gain, contrast, gamma, gain over depth), grain
(speckle, blur or sharpening) and what people and machines put on top (caliper marks, missing patches). Never upside
down: shadow and enhancement lie below a mass. Regions follow their frame through the geometry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

MARKS = 4
"""Caliper marks that a variant may get."""
DEPTHS = 4
"""Control points of the gain over depth."""


@dataclass(frozen=True)
class Variation:
    """How far variants may go from their frame. All zero: the frame as it is.

    Parameters
    ----------
    mirror : float
        Probability of the mirror image.
    zoom_in, zoom_out : float
        The field's side is multiplied by 1 - `zoom_in` to 1 + `zoom_out`.
    aspect : float
        Width : height by a factor of up to ``exp(+-aspect)``.
    rotation : float
        Degrees, to either side.
    shift : float
        Of half the field's side, in each direction.
    gamma, gain, contrast, depth_gain : float
        Spread of the logarithm of the exponent, of the gain, of the contrast, and of the gain along depth.
    speckle : float
        Largest standard deviation of multiplicative noise of random grain.
    blur : float
        Largest share of a blurred image that is mixed in; half of it at most is taken away instead (sharpening).
    marks, patches : float
        Probability of burnt-in caliper marks, and of a missing patch.
    """

    mirror: float = 0.5
    zoom_in: float = 0.1
    zoom_out: float = 0.1
    aspect: float = 0.0
    rotation: float = 0.0
    shift: float = 0.12
    gamma: float = 0.25
    gain: float = 0.15
    contrast: float = 0.0
    depth_gain: float = 0.0
    speckle: float = 0.0
    blur: float = 0.0
    marks: float = 0.0
    patches: float = 0.0


VARIATIONS = {
    "none": Variation(0, 0, 0, 0, 0, 0, 0, 0),
    "mild": Variation(),
    "strong": Variation(0.5, 0.25, 0.25, 0.15, 11, 0.15, 0.35, 0.2, 0.2, 0.2, 0.25, 0.7, 0.15, 0.25),
    "wide": Variation(0.5, 0.45, 0.25, 0.25, 15, 0.25, 0.5, 0.3, 0.3, 0.3, 0.35, 1.0, 0.25, 0.4),
}
"""By name: ``mild`` as such trainings usually do, ``strong`` imitates another scanner, ``wide`` goes further still."""

NUMBERS = 20 + DEPTHS + 4 * MARKS
"""Random numbers of one variant."""


def draw(count: int, seed: int, epoch: int) -> np.ndarray:
    """The random numbers of one epoch's variants, shape (count, numbers), uniform in 0..1.

    They depend on seed, epoch and a frame's place only: however the frames are shared out among processes, and wherever
    a training was broken off, a frame gets the same variant.
    """
    return np.random.default_rng((seed, epoch)).random((count, NUMBERS), np.float32)


def vary(
    crops: Tensor,
    regions: Tensor | None,
    room: float,
    size: int,
    variation: Variation,
    numbers: Tensor,
    noise: torch.Generator,
    step: int = 4,
) -> tuple[Tensor, Tensor | None]:
    """Random variants of a batch of frames.

    Parameters
    ----------
    crops : Tensor of uint8, shape (n, rows, columns)
        The field in the middle, with tissue around it where the frame has some; black beyond.
    regions : Tensor of uint8, shape (n, h, w), optional
        Region labels of the same rectangles.
    room : float
        Side of the crop : side of the field.
    size : int
        Rows and columns of the network's input.
    numbers : Tensor, shape (n, numbers)
        From :func:`draw`, on the crops' device.
    noise : Generator
        On the crops' device.
    step : int
        Pixels of the input per point of the coverage.

    Returns
    -------
    grey : Tensor, shape (n, size, size)
        0..255.
    coverage : Tensor, shape (n, 4, size // step, size // step), or None
        Which region each point belongs to, as a smooth 0..1; what lies outside the frame is `elsewhere`.
    """
    u = iter(numbers.T)

    def spread(width: float) -> Tensor:
        return (2 * next(u) - 1) * width

    flip = torch.where(next(u) < variation.mirror, -1.0, 1.0)
    zoom = next(u)
    scale = 1 - variation.zoom_in + zoom * (variation.zoom_in + variation.zoom_out)
    stretch = torch.exp(spread(variation.aspect) / 2)
    angle = spread(variation.rotation) * torch.pi / 180
    aside, down = spread(variation.shift), spread(variation.shift)
    wide, high = scale * stretch, scale / stretch
    cos, sin = torch.cos(angle), torch.sin(angle)
    places = torch.stack(
        [
            torch.stack([flip * wide * cos, -high * sin, aside], 1),
            torch.stack([flip * wide * sin, high * cos, down], 1),
        ],
        1,
    )
    places = places / room
    grid = functional.affine_grid(places, [len(crops), 1, size, size], align_corners=False)
    grey = functional.grid_sample(crops[:, None].float() / 255, grid, align_corners=False)[:, 0]
    coverage = None
    if regions is not None:
        coarse = functional.affine_grid(places, [len(crops), 1, size // step, size // step], align_corners=False)
        one_hot = torch.stack([(regions == label).float() for label in (1, 2, 3)], 1)
        inside = functional.grid_sample(one_hot, coarse, align_corners=False)
        coverage = torch.cat([1 - inside.sum(1, keepdim=True), inside], 1)
    return 255 * _grey_levels(grey, variation, u, noise), coverage


def _grey_levels(grey: Tensor, variation: Variation, u, noise: torch.Generator) -> Tensor:
    """Another scanner's idea of the same tissue; `grey` (n, size, size) in 0..1."""
    n, size = grey.shape[0], grey.shape[-1]

    def number(width: float = 1.0) -> Tensor:
        return ((2 * next(u) - 1) * width)[:, None, None]

    grey = grey.clamp(min=1e-4) ** torch.exp(number(variation.gamma) * 1.5)
    grey = grey * torch.exp(number(variation.gain) * 1.5)
    mean = grey.mean((1, 2), keepdim=True)
    grey = mean + (grey - mean) * torch.exp(number(variation.contrast) * 1.5)
    depths = torch.stack([next(u) for _ in range(DEPTHS)], 1)[:, None]
    if variation.depth_gain:
        curve = functional.interpolate((2 * depths - 1) * 1.5 * variation.depth_gain, size, mode="linear")
        grey = grey * torch.exp(curve[:, 0, :, None])
    strength, grain = next(u)[:, None, None] * variation.speckle, next(u)[:, None, None]
    if variation.speckle:
        fine = torch.randn(n, 1, size, size, generator=noise, device=grey.device)
        coarse = torch.randn(n, 1, size // 3, size // 3, generator=noise, device=grey.device)
        coarse = functional.interpolate(coarse, (size, size), mode="bilinear", align_corners=False)
        grey = grey * (1 + strength * (grain * fine + (1 - grain) * coarse)[:, 0])
    mixed = next(u)[:, None, None]
    if variation.blur:
        soft = _blurred(grey)
        share = torch.where(mixed < 0.5, (0.5 - mixed) * 2 * variation.blur, (0.5 - mixed) * variation.blur)
        grey = grey + share * (soft - grey)
    row = torch.linspace(-1, 1, size, device=grey.device)[None, :, None]
    column = torch.linspace(-1, 1, size, device=grey.device)[None, None, :]
    present, level = next(u)[:, None, None] < variation.patches, next(u)[:, None, None]
    top, left, height, width = (next(u)[:, None, None] for _ in range(4))
    if variation.patches:
        inside = ((row - (2 * top - 1)).abs() < 0.05 + 0.2 * height) & (
            (column - (2 * left - 1)).abs() < 0.05 + 0.2 * width
        )
        grey = torch.where(inside & present, grey.mean((1, 2), keepdim=True) * 2 * level, grey)
    present, level = next(u)[:, None, None] < variation.marks, 0.7 + 0.3 * next(u)[:, None, None]
    places = [tuple(next(u)[:, None, None] for _ in range(4)) for _ in range(MARKS)]
    if variation.marks:
        for y, x, length, kind in places:
            away_y, away_x = (row - (2 * y - 1)).abs(), (column - (2 * x - 1)).abs()
            long, thin = 0.02 + 0.03 * length, 0.008
            cross = ((away_y < long) & (away_x < thin)) | ((away_x < long) & (away_y < thin))
            grey = torch.where(cross & present & (kind < 0.6), level, grey)
    return grey.clamp(0, 1)


def _blurred(grey: Tensor) -> Tensor:
    """A 5 x 5 binomial blur, (n, rows, columns)."""
    kernel = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], device=grey.device) / 16
    image = functional.pad(grey[:, None], (2, 2, 2, 2), mode="replicate")
    image = functional.conv2d(image, kernel[None, None, :, None])
    return functional.conv2d(image, kernel[None, None, None, :])[:, 0]


def mix_styles(features: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Give frames the channel statistics of a mixture with another frame of the batch (MixStyle).

    Zhou et al., Domain generalization with MixStyle, ICLR 2021: mean and standard deviation of a channel over a frame
    carry what a scanner makes of tissue more than what the tissue is.

    Parameters
    ----------
    features : Tensor, shape (n, channels, rows, columns)
    share : float
        Probability that a batch is mixed.
    """
    device = features.device
    chosen = torch.rand((), generator=generator, device=device) < share
    partner = torch.randperm(len(features), generator=generator, device=device)
    # Beta(0.1, 0.1) is almost a coin; a uniform number to a high power on either side comes near it.
    u = torch.rand(len(features), generator=generator, device=device)
    own = torch.where(u < 0.5, (2 * u) ** 6, 1 - (2 - 2 * u) ** 6)[:, None, None, None]
    own = torch.where(chosen, own, torch.ones_like(own)).to(features.dtype)
    mean = features.mean((2, 3), keepdim=True).detach()
    spread = (features.var((2, 3), keepdim=True) + 1e-6).sqrt().detach()
    mixed_mean = own * mean + (1 - own) * mean[partner]
    mixed_spread = own * spread + (1 - own) * spread[partner]
    return (features - mean) / spread * mixed_spread + mixed_mean
