"""The three named operating points of a model, from probabilities of cases that it was not trained on."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import InputError
from .statistics import operating_point, share

POINTS = ("sensitive", "balanced", "specific")
DEFAULT_POINT = "balanced"
TARGET = 0.95
"""What *sensitive* asks of the sensitivity and *specific* of the specificity."""


def operating_points(malignant: np.ndarray, probability: np.ndarray, patients: np.ndarray) -> dict[str, dict[str, Any]]:
    """Thresholds with what they gave.

    *sensitive* is the highest threshold whose sensitivity is at least `TARGET`, *specific* the lowest whose specificity
    is, *balanced* the point of the ROC curve closest to its upper left corner (paper). Where the classes are so far
    apart that *sensitive* would come to lie above *balanced*, it is lowered to it; *specific* likewise.

    Parameters
    ----------
    malignant : ndarray of bool, shape (n,)
        Of both classes.
    probability : ndarray, shape (n,)
    patients : ndarray, shape (n,)
        Whose case it is; the intervals are over patients.

    Returns
    -------
    dict
        For each of `POINTS`: ``threshold`` (the lowest probability that is called malignant), ``sensitivity`` and
        ``specificity`` with their 95 % intervals, ``n``.

    Raises
    ------
    InputError
        When a class is missing.
    """
    malignant, probability = np.asarray(malignant, bool), np.asarray(probability, float)
    if malignant.all() or not malignant.any():
        raise InputError("An operating point needs malignant and benign cases; these are of one class.")
    thresholds = np.unique(probability)
    sensitivity = 1 - np.searchsorted(np.sort(probability[malignant]), thresholds) / malignant.sum()
    specificity = np.searchsorted(np.sort(probability[~malignant]), thresholds) / (~malignant).sum()
    balanced = operating_point(malignant, probability).threshold
    # The lowest threshold always has the sensitivity 1; where the highest still calls too many benign cases malignant,
    # only a threshold above all of them is specific enough.
    sensitive = float(thresholds[sensitivity >= TARGET].max())
    enough = thresholds[specificity >= TARGET]
    specific = float(enough.min()) if len(enough) else float(np.nextafter(thresholds[-1], 2))
    chosen = {"sensitive": min(sensitive, balanced), "balanced": balanced, "specific": max(specific, balanced)}
    return {name: rates(malignant, probability, patients, usable(at)) for name, at in chosen.items()}


def usable(threshold: float) -> float:
    """A threshold whose logit is finite: probabilities may saturate."""
    return float(np.clip(threshold, 1e-6, 1 - 1e-6))


def rates(
    malignant: np.ndarray, probability: np.ndarray, patients: np.ndarray, threshold: float | np.ndarray
) -> dict[str, Any]:
    """Sensitivity and specificity at a threshold, or at each case's own, with 95 % intervals over patients."""
    positive, patients = probability >= threshold, np.asarray(patients)
    found: dict[str, Any] = {"threshold": float(np.median(threshold)), "n": len(malignant)}
    for name, right in (
        ("sensitivity", share(positive[malignant], patients[malignant])),
        ("specificity", share(~positive[~malignant], patients[~malignant])),
    ):
        found[name] = right.value
        found[f"{name}_95"] = [right.low, right.high]
    return found


def in_words(points: dict[str, dict[str, Any]]) -> list[str]:
    """One line a point."""
    return [
        f"{name}: threshold {found['threshold']:.3f}, "
        + ", ".join(
            f"{what} {found[what]:.1%} (95 % interval {found[f'{what}_95'][0]:.1%} to {found[f'{what}_95'][1]:.1%})"
            for what in ("sensitivity", "specificity")
        )
        for name, found in points.items()
    ]
