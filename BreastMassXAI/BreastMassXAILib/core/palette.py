"""The colours that every picture of an explanation shares, in Slicer, in the browser and on paper."""

from __future__ import annotations

import numpy as np

REGION_COLORS = {"mass": (1.0, 0.9, 0.1), "peritumoral": (0.0, 0.9, 0.4), "below": (0.2, 0.6, 1.0)}
"""RGB 0..1; `elsewhere` has no colour."""

DEAD_BAND = 0.1
"""Share of the range around zero in which the overlay is transparent: there the map says nothing."""


def diverging(t: np.ndarray) -> np.ndarray:
    """Blue (towards benign) over white to red (towards malignant).

    Parameters
    ----------
    t : ndarray
        Saliency as a share of the symmetric range, -1..1.

    Returns
    -------
    ndarray, shape ``(*t.shape, 3)``
        RGB 0..1.
    """
    t = np.clip(t, -1, 1)
    fade = 1 - np.abs(t)
    return np.stack([np.where(t > 0, 1.0, fade), fade, np.where(t < 0, 1.0, fade)], axis=-1)


def symmetric_range(saliency: np.ndarray) -> float:
    """The range that shows a map whole with zero in its middle: the largest magnitude, in logits; never 0."""
    return float(np.abs(saliency).max()) or 1.0
