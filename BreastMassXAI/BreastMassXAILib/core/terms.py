"""Descriptor terms: what an outline adds to the logit beside the network's map, as contributions of their own.

``logit = mean(CAM) + sum_k w_k d_k + b``, where ``d_k`` is a descriptor of the outline, standardised and clipped, so
that a wild outline cannot run away with the decision.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .descriptors import OUTLINE


@dataclass(frozen=True)
class Term:
    """One descriptor's share in a logit: ``weight * clip((value - mean) / sd, -limit, limit)``.

    Parameters
    ----------
    name : str
        One of :data:`~.descriptors.OUTLINE`.
    mean, sd : float
        Of the descriptor where the weights were learned.
    weight : float
        In logits.
    limit : float
        In standard deviations.
    """

    name: str
    mean: float
    sd: float
    weight: float
    limit: float = 3.0

    def contribution(self, value: float | None) -> float:
        """In logits; 0 where the descriptor is missing, as for an outline of mean shape."""
        if value is None:
            return 0.0
        return self.weight * min(max((value - self.mean) / self.sd, -self.limit), self.limit)


def term_contributions(terms: Sequence[Term], values: Mapping[str, float | None]) -> dict[str, float]:
    """Each term's contribution in logits, by the descriptor's name."""
    return {term.name: term.contribution(values.get(term.name)) for term in terms}


def terms_of(data: Any) -> tuple[Term, ...]:
    """The terms that a ``model.json`` states; none where it says nothing.

    Raises
    ------
    KeyError, TypeError, ValueError
        When something is missing or misstated.
    """
    terms = tuple(Term(**{**entry, "name": _name(entry["name"])}) for entry in data or ())
    for term in terms:
        for number in (term.mean, term.sd, term.weight, term.limit):
            if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
                raise ValueError(f"a finite number in the term {term.name}: {number}")
        if term.sd <= 0 or term.limit <= 0:
            raise ValueError(f"a positive sd and limit in the term {term.name}")
    if len({term.name for term in terms}) < len(terms):
        raise ValueError("one term for each descriptor")
    return terms


def _name(value: Any) -> str:
    if value not in OUTLINE:
        raise ValueError(f"terms of {', '.join(OUTLINE)}: {value}")
    return str(value)
