"""A trained model as an explanation knows it: its identity and threshold, and its answer for a frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .field import Field


@dataclass(frozen=True, eq=False)
class NetworkOutput:
    """What one forward pass says of a frame.

    Parameters
    ----------
    logit, bias : float
    cells : ndarray, shape (n, m), float32
        Signed map in logit units; ``cells.mean() + bias == logit``.
    field : Field
        The rectangle of the frame that the cells divide.
    """

    logit: float
    bias: float
    cells: np.ndarray
    field: Field


@dataclass(frozen=True)
class Classifier:
    """What the explanation must know of a trained model: its identity, threshold and temperature."""

    name: str
    sha256: str
    threshold: float = 0.5
    temperature: float = 1.0

    @property
    def threshold_logit(self) -> float:
        """The logit whose probability is the threshold."""
        inside = min(max(self.threshold, 1e-9), 1 - 1e-9)
        return self.temperature * math.log(inside / (1 - inside))

    def probability(self, logit: float) -> float:
        """Calibrated probability of malignancy."""
        scaled = logit / self.temperature
        return 1 / (1 + math.exp(-scaled)) if scaled >= 0 else math.exp(scaled) / (1 + math.exp(scaled))
