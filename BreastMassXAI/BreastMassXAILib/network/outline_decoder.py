"""From a trunk's features, and what a person pointed at, to the logit of belonging to the mass.

The trunk is a frozen ResNet; the decoder goes from its coarse features to its fine ones (Ronneberger et al., U-Net,
MICCAI 2015), with the prompt beside the features at every scale (as Mahadevan et al., BMVC 2018, for one scale).
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..core.field import FieldRule
from .resnet import ScaledResNet

FIELD = FieldRule("scan-area")
"""What the outline network sees of a frame: it must find the mass, so that no field can lie around that."""
PROMPTS = 3
"""Channels of a prompt: clicks inside, clicks outside, the box."""
CLICK_SIGMA = 1.5
"""Spread of a click in cells."""
STEP = 4
"""The input's pixels per cell of what the decoder answers."""


def trunk_features(network: ScaledResNet, x: Tensor) -> list[Tensor]:
    """The outputs of the trunk's stages 1 to 3, of images (n, 3, size, size); 16 divides `size`.

    They have a quarter, an eighth and a sixteenth of the input's rows and columns.
    """
    features = [network.stages(network.stem(x), 1, 1)]
    for stage in (2, 3):
        features.append(network.stages(features[-1], stage, stage))
    return features


class OutlineDecoder(nn.Module):
    """Logits (n, size / 4, size / 4) from :func:`trunk_features` and prompts (n, 3, size / 4, size / 4).

    Parameters
    ----------
    channels : three ints
        Of the trunk's features, fine to coarse.
    widths : three ints
        Of the decoder at these scales.
    """

    def __init__(self, channels: tuple[int, ...], widths: tuple[int, ...] = (32, 64, 128)) -> None:
        super().__init__()
        self.channels, self.widths = tuple(channels), tuple(widths)
        fine, middle, coarse = widths
        self.lateral = nn.ModuleList(_step(c, w, 1) for c, w in zip(channels, widths, strict=True))
        # Spread over the coarsest scale, so that a large mass is seen as a whole.
        self.far = nn.ModuleList(
            [_step(coarse + PROMPTS, coarse, 3), _step(coarse, coarse, 3, 2), _step(coarse, coarse, 3, 4)]
        )
        self.context = nn.Linear(coarse, coarse)
        self.merge = nn.ModuleList(
            [_step(fine + middle + PROMPTS, fine, 3), _step(middle + coarse + PROMPTS, middle, 3)]
        )
        self.answer = nn.Conv2d(fine, 1, 3, padding=1)
        nn.init.constant_(cast(Tensor, self.answer.bias), -2.0)  # most of a frame is no mass

    def forward(self, features: list[Tensor], prompts: Tensor) -> Tensor:
        near = [step(f) for step, f in zip(self.lateral, features, strict=True)]
        said = [prompts, functional.max_pool2d(prompts, 2), functional.max_pool2d(prompts, 4)]
        x = self.far[0](torch.cat([near[2], said[2]], 1))
        for step in self.far[1:]:
            x = x + step(x)
        x = x + self.context(x.mean((2, 3)))[:, :, None, None]
        for scale in (1, 0):
            x = functional.interpolate(x, near[scale].shape[2:], mode="bilinear", align_corners=False)
            x = self.merge[scale](torch.cat([near[scale], x, said[scale]], 1))
        return self.answer(x)[:, 0]


def _step(channels: int, width: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(channels, width, kernel, padding=dilation * (kernel // 2), dilation=dilation, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True))


def prompt_maps(clicks: Tensor, kinds: Tensor, boxes: Tensor, cells: int) -> Tensor:
    """What was pointed at, as images.

    Parameters
    ----------
    clicks : Tensor, shape (n, k, 2)
        Row and column, 0..1 of the field.
    kinds : Tensor of int, shape (n, k)
        1 inside, -1 outside, 0 none.
    boxes : Tensor, shape (n, 4)
        Top, left, bottom, right, 0..1 of the field; NaN for none.
    cells : int
        Rows and columns.

    Returns
    -------
    Tensor, shape (n, 3, cells, cells)
        0..1.
    """
    middle = (torch.arange(cells, device=clicks.device) + 0.5) / cells
    far = ((middle[None, None, :, None] - clicks[:, :, 0, None, None]) ** 2) + (
        (middle[None, None, None, :] - clicks[:, :, 1, None, None]) ** 2
    )
    spots = torch.exp(-far * (cells / CLICK_SIGMA) ** 2 / 2)
    inside, outside = (
        torch.where((kinds == kind)[:, :, None, None], spots, torch.zeros_like(spots)).amax(1) for kind in (1, -1)
    )
    top, left, bottom, right = (boxes[:, k, None, None] for k in range(4))
    rows, columns = middle[None, :, None], middle[None, None, :]
    box = (rows >= top) & (rows <= bottom) & (columns >= left) & (columns <= right)  # nothing compares with NaN
    return torch.stack([inside, outside, box.float()], 1)
