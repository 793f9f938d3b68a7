"""Temperature, operating points and rule of suspension from a model's answers to cases that it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit

from .operating_points import DEFAULT_POINT, POINTS, operating_points, rates
from .statistics import fit_temperature
from .suspension import trusts
from .suspension_worth import measured_rules


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network, or networks of several folds, said of cases.

    Parameters
    ----------
    logits : ndarray, shape (n,)
    points : ndarray, shape (n,)
        How many of the two extreme points of the map lie in one of the three regions; NaN where that is unknown.
    inside : ndarray, shape (n,)
        Share of the map's absolute values in the three regions; NaN where unknown.
    disagreement : ndarray, shape (n,)
        Standard deviation of the logits of the network's heads; NaN where it has one.
    """

    logits: np.ndarray
    points: np.ndarray
    inside: np.ndarray
    disagreement: np.ndarray

    @classmethod
    def of_logits(cls, logits: np.ndarray) -> Answers:
        """Answers of which only the logits are known."""
        unknown = np.full(len(logits), np.nan)
        return cls(np.asarray(logits, float), unknown, unknown, unknown)

    @classmethod
    def joined(cls, parts: Sequence[Answers], places: Sequence[np.ndarray]) -> Answers:
        """Several answers as one; `places` are the indices of each part's cases."""
        whole = np.full((4, sum(len(place) for place in places)), np.nan)
        for part, place in zip(parts, places, strict=True):
            whole[:, place] = part.stacked()
        return cls(*whole)

    def stacked(self) -> np.ndarray:
        """All as one array, shape (4, n)."""
        return np.stack([self.logits, self.points, self.inside, self.disagreement])

    def where(self, chosen: np.ndarray) -> Answers:
        """Some of the cases, by a bool array or indices."""
        return Answers(*self.stacked()[:, chosen])


@dataclass(frozen=True)
class Calibration:
    """What a bundle says of its answers' use.

    Parameters
    ----------
    temperature : float
    operating_points : dict
        See :func:`~.operating_points.operating_points`.
    suspension : dict
        See :func:`~.suspension_worth.measured_rules`.
    """

    temperature: float
    operating_points: dict[str, dict[str, Any]]
    suspension: dict[str, Any]

    @property
    def threshold(self) -> float:
        return self.operating_points[DEFAULT_POINT]["threshold"]

    def facts(self) -> dict[str, Any]:
        """For ``model.json``, beside threshold and temperature."""
        return {"operating_points": self.operating_points, "suspension": self.suspension}


def calibration(
    answers: Answers, malignant: np.ndarray, patients: np.ndarray, on: str, folds: np.ndarray | None = None
) -> Calibration:
    """Fit temperature and operating points, and measure points and rules of suspension.

    Parameters
    ----------
    malignant : ndarray of bool, shape (n,)
    patients : ndarray, shape (n,)
    on : str
        On which cases, for the sentences: "out of fold".
    folds : ndarray of int, shape (n,), optional
        Every figure is then measured with temperature and thresholds from the other folds; else on the very cases that
        they were fitted on, which flatters a little.

    Raises
    ------
    InputError
        When a class is missing.
    """
    temperature = fit_temperature(answers.logits, malignant)
    points = operating_points(malignant, expit(answers.logits / temperature), patients)
    if folds is None:
        temperatures = np.full(len(malignant), temperature)
        thresholds = {name: np.full(len(malignant), entry["threshold"]) for name, entry in points.items()}
    else:
        temperatures, thresholds = cross_fitted(answers.logits, malignant, patients, folds)
        measured = {
            name: rates(malignant, expit(answers.logits / temperatures), patients, thresholds[name]) for name in POINTS
        }
        points = {name: {**measured[name], "threshold": points[name]["threshold"]} for name in POINTS}
    rules = suspension_of(answers, malignant, patients, temperatures, thresholds, on)
    return Calibration(temperature, points, rules)


def cross_fitted(
    logits: np.ndarray, malignant: np.ndarray, patients: np.ndarray, folds: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Temperature and thresholds of every case, from the folds that it is not in."""
    temperatures = np.empty(len(logits))
    thresholds = {name: np.empty(len(logits)) for name in POINTS}
    for number in np.unique(folds):
        inside, others = folds == number, folds != number
        temperature = fit_temperature(logits[others], malignant[others])
        found = operating_points(malignant[others], expit(logits[others] / temperature), patients[others])
        temperatures[inside] = temperature
        for name in POINTS:
            thresholds[name][inside] = found[name]["threshold"]
    return temperatures, thresholds


def suspension_of(
    answers: Answers,
    malignant: np.ndarray,
    patients: np.ndarray,
    temperatures: np.ndarray,
    thresholds: Mapping[str, np.ndarray],
    on: str,
) -> dict[str, Any]:
    """What :func:`~.suspension_worth.measured_rules` finds for these answers; cases whose explanation is unknown are
    left out unless it is of all."""
    known = ~np.isnan(answers.points)
    chosen = known if known.any() else np.ones(len(known), bool)
    found, z = answers.where(chosen), answers.logits[chosen] / temperatures[chosen]
    wrong, trust = {}, {}
    for name, at in thresholds.items():
        wrong[name] = (expit(z) >= at[chosen]) != malignant[chosen]
        distance = np.abs(z - logit(at[chosen]))
        trust[name] = trusts(found.points, distance, found.disagreement / temperatures[chosen], found.inside)
    return measured_rules(wrong, trust, patients[chosen], on)
