"""A result as the panel's table, bars, gauge and sentence."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.palette import REGION_COLORS
from ..core.regions import ELSEWHERE, REGIONS, RELEVANT
from ..core.result import CaseResult
from ..core.words import NAMES, no_sum, suspension_lines, worth
from ..methods import method_of

_PLAIN, _SUM = (0.6, 0.6, 0.6), (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class TableRow:
    """A region's row of the pointing-game table.

    `hit` is "", "max", "min" or "max, min". `area` is the region's share of the scan area, `chance` what a point thrown
    at random would hit it with, both 0..1; `contribution` is in logits, None where the method's values do not add up;
    `worth` is it in words, or the region's share of the evidence. `region` is the name in `core.regions`, `name`
    the word to show.
    """

    region: str
    name: str
    hit: str
    area: float
    chance: float
    contribution: float | None
    worth: str


@dataclass(frozen=True)
class Bar:
    """A bar of the contributions' chart: a region's, the bias', and the logit as their sum; `color` is RGB 0..1, `text`
    what stands beside it."""

    name: str
    value: float
    color: tuple[float, float, float]
    text: str


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
            result.contributions.get(name),
            worth(result, name),
        )
        for name in _ROWS
    ]


def bars_of(result: CaseResult) -> list[Bar]:
    """The regions' contributions, the bias, and their sum, the logit; without a sum the regions' shares of evidence."""
    if not result.exact:
        shares = result.energy or {}
        return [_bar(name, shares.get(name, 0.0), f"{shares.get(name, 0.0):.0%}") for name in _ROWS]
    regions = [_bar(name, result.contributions[name], f"{result.contributions[name]:+.2f}") for name in _ROWS]
    sums = (("bias", result.bias, _PLAIN), ("logit", result.logit, _SUM))
    return [*regions, *(Bar(name, value, color, f"{value:+.2f}") for name, value, color in sums)]


def _bar(region: str, value: float, text: str) -> Bar:
    return Bar(NAMES[region], value, REGION_COLORS.get(region, _PLAIN), text)


def method_help(name: str) -> str:
    """What a method does, in a sentence or two, and where it comes from."""
    method = method_of(name)
    sums = {"always": "Exact: map and bias add up to the logit.", "never": "Its values do not add up to the logit."}
    exact = sums.get(method.kind.sums, "Exact at the network's last stage: map and bias add up to the logit.")
    return f"{method.label}: {method.kind.in_words}. {exact} {method.kind.source}."


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
    sums = () if result.exact else (f"{no_sum(result).capitalize()}.",)
    return (point, *sums, *suspension_lines(result), *result.warnings)


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
