"""Random variants of a frame that ultrasound could have produced."""

from __future__ import annotations

import numpy as np

from ..core.field import Field
from .preprocessing import resample_field


def augment(pixels: np.ndarray, field: Field, size: int, generator: np.random.Generator) -> np.ndarray:
    """A random variant that ultrasound could have produced: mirrored, shifted, scaled, other gain and contrast.

    Never upside down: shadow and enhancement lie below a mass.

    Returns
    -------
    ndarray, shape (size, size), float32
        Grey 0..255.
    """
    scale = generator.uniform(0.9, 1.1)
    down, aside = generator.uniform(-0.06, 0.06, size=2)
    height, width = field.height * scale, field.width * scale
    row = field.row + (field.height - height) / 2 + down * field.height
    column = field.column + (field.width - width) / 2 + aside * field.width
    grey = resample_field(pixels, Field(row, column, height, width), size)
    if generator.random() < 0.5:
        grey = grey[:, ::-1]
    grey = 255 * (grey / 255) ** np.exp(generator.uniform(-0.25, 0.25))
    return np.clip(grey * generator.uniform(0.85, 1.15), 0, 255).astype(np.float32)


def variants_of(pixels: np.ndarray, field: Field, size: int, count: int, generator: np.random.Generator) -> np.ndarray:
    """The field as it is, its mirror image, then random variants.

    Returns
    -------
    ndarray, shape (count, size, size), float32
        Grey 0..255.
    """
    grey = resample_field(pixels, field, size)
    variants = [grey, np.ascontiguousarray(grey[:, ::-1])][:count]
    variants += [augment(pixels, field, size, generator) for _ in range(count - len(variants))]
    return np.stack(variants)
