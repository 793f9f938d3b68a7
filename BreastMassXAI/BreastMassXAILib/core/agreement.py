"""How two outlines of the same masses agree: overlap, distance, size, and what it does to the decision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .overlap import dice, hausdorff
from .result import CaseResult
from .suggested import largest_diameter


@dataclass(frozen=True)
class Agreement:
    """Two outlines, A and B, of one mass.

    Parameters
    ----------
    identifier : str
    dice : float
    hd95_mm, diameter_a_mm, diameter_b_mm : float, optional
        95 % Hausdorff distance and largest diameters; None where the pixel size is unknown.
    area_difference : float
        B minus A, as a share of A.
    logit_a, logit_b : float, optional
        These and what follows: of a model's analyses with either outline, where one was asked for.
    decision_a, decision_b : str, optional
    hits_a, hits_b : str, optional
        The regions that are hit, joined by ``+``; empty for none.
    """

    identifier: str
    dice: float
    hd95_mm: float | None
    area_difference: float
    diameter_a_mm: float | None
    diameter_b_mm: float | None
    logit_a: float | None = None
    logit_b: float | None = None
    decision_a: str | None = None
    decision_b: str | None = None
    hits_a: str | None = None
    hits_b: str | None = None

    @property
    def diameter_difference_mm(self) -> float | None:
        """B minus A."""
        return _difference(self.diameter_a_mm, self.diameter_b_mm)

    @property
    def logit_difference(self) -> float | None:
        """B minus A."""
        return _difference(self.logit_a, self.logit_b)


def compare(
    identifier: str,
    a: np.ndarray,
    b: np.ndarray,
    pixel_mm: tuple[float, float] | None,
    results: tuple[CaseResult, CaseResult] | None = None,
) -> Agreement:
    """Compare two masks.

    Parameters
    ----------
    a, b : ndarray of bool, the same shape, not empty
    pixel_mm : (row, column), optional
    results : (CaseResult, CaseResult), optional
        Of the analyses with A and with B.
    """
    diameters = (None, None) if pixel_mm is None else (largest_diameter(a, pixel_mm), largest_diameter(b, pixel_mm))
    areas = int(a.sum()), int(b.sum())
    found = Agreement(
        identifier,
        dice(a, b),
        None if pixel_mm is None else hausdorff(a, b, pixel_mm),
        (areas[1] - areas[0]) / areas[0],
        *diameters,
    )
    if results is None:
        return found
    one, two = results
    return replace(
        found,
        logit_a=one.logit,
        logit_b=two.logit,
        decision_a=one.decision,
        decision_b=two.decision,
        hits_a=_hits(one),
        hits_b=_hits(two),
    )


def bland_altman(a: np.ndarray, b: np.ndarray) -> dict[str, float | int | None]:
    """Bias (mean of B minus A) and limits of agreement, bias +- 1.96 SD (Bland & Altman, Lancet 1986; 327: 307-310).

    Parameters
    ----------
    a, b : ndarray, shape (n,)

    Returns
    -------
    dict
        n, bias, low, high; the limits are None for fewer than two pairs.
    """
    difference = np.asarray(b, float) - np.asarray(a, float)
    n = len(difference)
    bias = float(difference.mean()) if n else None
    if n < 2 or bias is None:
        return {"n": n, "bias": bias, "low": None, "high": None}
    spread = 1.96 * float(difference.std(ddof=1))
    return {"n": n, "bias": bias, "low": bias - spread, "high": bias + spread}


def summary_of(pairs: Sequence[Agreement]) -> dict[str, Any]:
    """Means, medians and Bland-Altman figures of at least one pair, as plain data."""
    overlap = np.array([pair.dice for pair in pairs])
    distances = np.array([pair.hd95_mm for pair in pairs if pair.hd95_mm is not None])
    sized = [pair for pair in pairs if pair.diameter_a_mm is not None]
    found: dict[str, Any] = {
        "pairs": len(pairs),
        "dice": _spread(overlap),
        "below_half": float(np.mean(overlap < 0.5)),
        "hd95_mm": _spread(distances) if len(distances) else None,
        "area_difference": _spread(np.array([pair.area_difference for pair in pairs])),
        "largest_diameter_mm": bland_altman(
            np.array([pair.diameter_a_mm for pair in sized]), np.array([pair.diameter_b_mm for pair in sized])
        ),
    }
    told = [pair for pair in pairs if pair.logit_a is not None]
    if told:
        found["logit"] = bland_altman(
            np.array([pair.logit_a for pair in told]), np.array([pair.logit_b for pair in told])
        )
        found["same_decision"] = float(np.mean([pair.decision_a == pair.decision_b for pair in told]))
        found["same_hits"] = float(np.mean([pair.hits_a == pair.hits_b for pair in told]))
    return found


def in_words(found: dict[str, Any]) -> str:
    """What :func:`summary_of` gives, in a few lines."""
    pairs = found["pairs"]
    lines = [
        f"{pairs} pair{'s' if pairs != 1 else ''} of outlines: Dice {found['dice']['mean']:.3f} on average, median "
        f"{found['dice']['median']:.3f}; {found['below_half']:.1%} below 0.5"
    ]
    if found["hd95_mm"] is None:
        lines.append("  the pixel size is unknown: no millimetres")
    else:
        lines.append(f"  HD95 {found['hd95_mm']['mean']:.2f} mm on average, median {found['hd95_mm']['median']:.2f} mm")
        lines.append(f"  largest diameter, B minus A: {_limits(found['largest_diameter_mm'], 'mm')}")
    lines.append(f"  area, B against A: {found['area_difference']['mean']:+.1%} on average")
    if "logit" in found:
        lines.append(f"  logit, B minus A: {_limits(found['logit'], '')}")
        lines.append(f"  same decision {found['same_decision']:.0%}, same hits {found['same_hits']:.0%}")
    return "\n".join(lines)


def _limits(found: dict[str, Any], unit: str) -> str:
    words = f"{found['bias']:+.2f} {unit}".strip()
    if found["low"] is None:
        return words
    return f"{words}, 95 % limits of agreement {found['low']:+.2f} to {found['high']:+.2f} {unit}".strip()


def _spread(values: np.ndarray) -> dict[str, float]:
    low, median, high = (float(value) for value in np.quantile(values, (0.05, 0.5, 0.95)))
    return {"mean": float(values.mean()), "p5": low, "median": median, "p95": high}


def _hits(result: CaseResult) -> str:
    return "+".join(name for name, hit in result.hits.items() if hit and name != "any")


def _difference(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None or not math.isfinite(b - a) else b - a
