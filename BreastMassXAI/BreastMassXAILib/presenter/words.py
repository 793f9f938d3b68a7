"""A result as the panel's table, bars, gauge and sentence."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.palette import REGION_COLORS
from ..core.regions import ELSEWHERE, REGIONS, RELEVANT
from ..core.result import CaseResult
from ..core.words import NAMES, suspension_lines

_PLAIN, _SUM = (0.6, 0.6, 0.6), (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class TableRow:
    """A region's row of the pointing-game table.

    `hit` is "", "max", "min" or "max, min". `area` is the region's share of the scan area, `chance` what a point thrown
    at random would hit it with, both 0..1; `contribution` is in logits. `region` is the name in `core.regions`, `name`
    the word to show.
    """

    region: str
    name: str
    hit: str
    area: float
    chance: float
    contribution: float


@dataclass(frozen=True)
class Bar:
    """A bar of the contributions' chart: a region's, the bias', and the logit as their sum; `color` is RGB 0..1."""

    name: str
    value: float
    color: tuple[float, float, float]


@dataclass(frozen=True)
class Gauge:
    """Probability of malignancy with the operating point and the grey zone around it, all 0..1."""

    probability: float
    threshold: float
    grey_low: float
    grey_high: float


_ROWS = (*RELEVANT, REGIONS[ELSEWHERE])


def table_of(result: CaseResult) -> list[TableRow]:
    """One row a region, `elsewhere` last."""
    pointed = {name: [which for which, point in result.extremes.items() if point.region == name] for name in _ROWS}
    return [
        TableRow(
            name,
            NAMES[name],
            ", ".join(pointed[name]),
            result.area_fraction[name],
            result.chance[name],
            result.contributions[name],
        )
        for name in _ROWS
    ]


def bars_of(result: CaseResult) -> list[Bar]:
    """The regions' contributions, the bias, and their sum, the logit."""
    regions = [Bar(NAMES[name], result.contributions[name], REGION_COLORS.get(name, _PLAIN)) for name in _ROWS]
    return [*regions, Bar("bias", result.bias, _PLAIN), Bar("logit", result.logit, _SUM)]


def gauge_of(result: CaseResult) -> Gauge:
    low, high = max(result.threshold - result.grey_zone, 0.0), min(result.threshold + result.grey_zone, 1.0)
    return Gauge(result.probability, result.threshold, low, high)


def decision_of(result: CaseResult) -> str:
    """One sentence."""
    joint = ", because " if result.decision == "suspended" else ": "
    return f"{result.decision.capitalize()}{joint}{result.reason}."


def notes_of(result: CaseResult) -> tuple[str, ...]:
    """What a reader should know: the operating point, what suspension is worth, and the result's warnings."""
    point = f"The threshold {result.threshold:.2f} is the model's operating point '{result.operating_point}'."
    return (point, *suspension_lines(result), *result.warnings)


RESEARCH_USE = "Research use only"


def note_of(result: CaseResult, earlier: bool) -> str:
    """A result in the corner of the view that shows its explanation: a few short lines.

    Parameters
    ----------
    result : CaseResult
    earlier : bool
        Whether it no longer fits what is shown.
    """
    lines = [f"{result.decision.capitalize()}, probability of malignancy {result.probability:.2f}"]
    if earlier:
        lines.append("Earlier result: it does not fit the image, mass or settings as they are now")
    return "\n".join([*lines, RESEARCH_USE])
