"""A trained model as an explanation knows it: its identity and threshold, and its answer for a frame."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .errors import InputError
from .field import Field
from .operating_points import DEFAULT_POINT, POINTS
from .suspension import SuspensionRule, rule_of
from .terms import Term


@dataclass(frozen=True, eq=False)
class NetworkOutput:
    """What one forward pass says of a frame.

    Parameters
    ----------
    logit, bias : float
    cells : ndarray, shape (n, m), float32
        Signed map in logit units; where it is `exact`, ``cells.mean() + bias == logit``.
    field : Field
        The rectangle of the frame that the cells divide.
    disagreement : float, optional
        Standard deviation of the logits of the network's heads; None where it has one.
    method : str
        That made the map, by its name, ``cam`` or ``grad-cam:2``.
    exact : bool
        Whether the map and the bias add up to the logit, so that regions have contributions.
    """

    logit: float
    bias: float
    cells: np.ndarray
    field: Field
    disagreement: float | None = None
    method: str = "cam"
    exact: bool = True


@dataclass(frozen=True)
class Classifier:
    """What the explanation must know of a trained model.

    Parameters
    ----------
    name, sha256 : str
    threshold : float
        Of the operating point that is in force: at first *balanced*.
    temperature : float
    points : mapping of str to float
        Thresholds of the named operating points; older models have none but *balanced*.
    suspension : mapping, optional
        What :func:`~.suspension_worth.measured_rules` found; None for older models.
    point : str
        The operating point that is in force.
    terms : tuple of Term
        What the outline adds to the network's logit.
    """

    name: str
    sha256: str
    threshold: float = 0.5
    temperature: float = 1.0
    points: Mapping[str, float] = field(default_factory=dict)
    suspension: Mapping[str, Any] | None = None
    point: str = DEFAULT_POINT
    terms: tuple[Term, ...] = ()

    def at(self, point: str) -> Classifier:
        """The same model at another of its operating points.

        Raises
        ------
        InputError
            When it has no such point.
        """
        if point == self.point:
            return self
        if point not in POINTS:
            raise InputError(f"An operating point is {', '.join(POINTS)}, not {point!r}.")
        if point not in self.points:
            raise InputError(
                f"The model '{self.name}' has no operating point '{point}', only '{DEFAULT_POINT}': calibrate it on "
                "labelled cases (breast-mass-xai calibrate), or choose another model."
            )
        return replace(self, threshold=self.points[point], point=point)

    def suspended_by(self, kind: str | None) -> SuspensionRule:
        """The rule that suspends decisions: the one that is asked for, or the model's own.

        Raises
        ------
        InputError
            When the model has no limit for it.
        """
        return rule_of(self.suspension, kind, self.point, self.name)

    def distance(self, logit: float) -> float:
        """How far a logit is from the threshold's, both calibrated."""
        return abs(logit - self.threshold_logit) / self.temperature

    @property
    def threshold_logit(self) -> float:
        """The logit whose probability is the threshold."""
        inside = min(max(self.threshold, 1e-9), 1 - 1e-9)
        return self.temperature * math.log(inside / (1 - inside))

    def probability(self, logit: float) -> float:
        """Calibrated probability of malignancy."""
        scaled = logit / self.temperature
        return 1 / (1 + math.exp(-scaled)) if scaled >= 0 else math.exp(scaled) / (1 + math.exp(scaled))
