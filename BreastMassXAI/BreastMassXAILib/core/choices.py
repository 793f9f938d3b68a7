"""What a model offers to choose from, as its ``model.json`` states it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .classifier import Classifier
from .operating_points import DEFAULT_POINT, POINTS
from .suspension import RULES, SuspensionRule
from .terms import terms_of


def classifier_of(description: Mapping[str, Any], sha256: str) -> Classifier:
    """The classifier that a ``model.json`` describes.

    Parameters
    ----------
    description : mapping
    sha256 : str
        Of ``model.json``.

    Raises
    ------
    KeyError, TypeError, ValueError, InputError
        When something is missing or misstated.
    """
    threshold = number(description["threshold"], 0, 1)
    points = {name: number(entry["threshold"], 0, 1) for name, entry in description.get("operating_points", {}).items()}
    if unknown := set(points) - set(POINTS):
        raise ValueError(f"operating points {', '.join(POINTS)}: {', '.join(sorted(unknown))}")
    if points.get(DEFAULT_POINT, threshold) != threshold:
        raise ValueError(f"a threshold that is that of the operating point '{DEFAULT_POINT}': {threshold}")
    suspension = description.get("suspension")
    if suspension is not None:
        _check(suspension)
    name = description["name"]
    if not isinstance(name, str) or not name:
        raise ValueError(f"a name: {name}")
    temperature = number(description["temperature"], 0, math.inf)
    terms = terms_of(description.get("terms"))
    return Classifier(name, sha256, threshold, temperature, points, suspension, terms=terms)


def _check(suspension: Mapping[str, Any]) -> None:
    """Every rule that a user may ask for must be one that speaks."""
    if suspension["rule"] not in RULES:
        raise ValueError(f"a rule of suspension: {suspension['rule']}")
    measured = suspension["measured"]
    if not isinstance(measured["on"], str):
        raise ValueError(f"cases on which suspension was measured: {measured['on']}")
    for point in POINTS:
        for kind, figures in measured.get(point, {}).items():
            SuspensionRule(kind, figures["limit"])
            for name in ("suspended", "risk_of_all"):
                number(figures[name], -1e-9, 1 + 1e-9)
            if figures["risk_of_kept"] is not None:
                number(figures["risk_of_kept"], -1e-9, 1 + 1e-9)
            if figures["gain_over_random"]["low"] is not None:
                number(figures["gain_over_random"]["low"], -math.inf, math.inf)


def number(value: Any, low: float, high: float) -> float:
    """A number between two others, both excluded.

    Raises
    ------
    ValueError
        When it is none.
    """
    found = float(value)
    if not low < found < high:
        raise ValueError(f"a number between {low} and {high}: {value}")
    return found
