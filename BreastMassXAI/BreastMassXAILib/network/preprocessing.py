"""From a frame and its field to the network's input. The way back is the field itself (``core.field``)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from ..core.field import Field

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocessing:
    """Field resized to ``size`` x ``size`` (antialiased bilinear), grey repeated in three channels, normalised.

    Parameters
    ----------
    size : int
    mean, std : three floats each
        Of the images (scaled to 0..1) that the backbone was trained on.
    """

    size: int = 224
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def normalise(self, grey: torch.Tensor) -> torch.Tensor:
        """Grey images (n, height, width) with values 0..255 to the network's input (n, 3, height, width)."""
        mean, std = torch.tensor(self.mean, device=grey.device), torch.tensor(self.std, device=grey.device)
        # Channels last in memory, as the network wants them.
        return (((grey / 255)[..., None] - mean).div_(std)).permute(0, 3, 1, 2)

    def __call__(self, pixels: np.ndarray, field: Field) -> torch.Tensor:
        """The network's input, shape (1, 3, size, size), for the field of a frame (rows, columns) of grey 0..255."""
        return self.batch([(pixels, field)])

    def batch(self, fields: Iterable[tuple[np.ndarray, Field]]) -> torch.Tensor:
        """The network's input, shape (n, 3, size, size), for n frames, each with its own field."""
        grey = np.stack([resample_field(pixels, field, self.size) for pixels, field in fields])
        return self.normalise(torch.from_numpy(grey))


def resample_field(pixels: np.ndarray, field: Field, size: int) -> np.ndarray:
    """The field of a frame on a grid of `size` x `size`; what lies outside the frame is black.

    Each output pixel is a weighted mean of the input pixels in its stretch of the field (triangle filter that widens
    when shrinking), so that speckle does not alias.
    """
    first = math.floor(field.row), math.floor(field.column)
    last = math.ceil(field.row + field.height), math.ceil(field.column + field.width)
    kept = [slice(max(a, 0), min(b, n)) for a, b, n in zip(first, last, pixels.shape, strict=True)]
    padding = [(k.start - a, b - k.stop) for a, b, k in zip(first, last, kept, strict=True)]
    part = pixels[kept[0], kept[1]]
    if any(sum(pair) for pair in padding):
        part = np.pad(part, padding)
    row, column = field.row - first[0], field.column - first[1]
    box = (column, row, min(column + field.width, part.shape[1]), min(row + field.height, part.shape[0]))
    return np.array(
        Image.fromarray(np.ascontiguousarray(part)).resize((size, size), Image.Resampling.BILINEAR, box=box)
    )
