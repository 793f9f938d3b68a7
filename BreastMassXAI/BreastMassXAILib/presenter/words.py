"""A result as the panel's table, bars, gauge and sentence."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.descriptors import BY_NAME, DEFINITIONS
from ..core.frame import MaskOrigin
from ..core.lexicon import FEATURE_NAMES, WORDS
from ..core.palette import REGION_COLORS
from ..core.regions import ELSEWHERE, REGIONS, RELEVANT
from ..core.result import CaseResult
from ..core.words import NAMES, check_disagrees, check_lines, check_sentence, no_sum, suspension_lines, worth
from ..methods import method_of

_PLAIN, _SUM = (0.6, 0.6, 0.6), (0.5, 0.5, 0.5)
_TERM = (0.85, 0.65, 0.13)


@dataclass(frozen=True)
class TableRow:
    """A region's row of the pointing-game table.

    `hit` is "", "max", "min" or "max, min". `area` is the region's share of the scan area, `chance` what a point thrown
    at random would hit it with, both 0..1; `contribution` is in logits, None where the method's values do not add up;
    `worth` is it in words, or the region's share of the evidence. `region` is the name in `core.regions`, `name` the
    word to show. What the outline adds to the logit has rows without region, area and chance.
    """

    region: str
    name: str
    hit: str
    area: float | None
    chance: float | None
    contribution: float | None
    worth: str

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """The row's text."""
        area, chance = (
            ("" if self.area is None else f"{self.area:.1%}"),
            ("" if self.chance is None else f"{self.chance:.0%}"),
        )
        return self.name, self.hit, area, chance, self.worth


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
    """One row a region, `elsewhere` last; then one a term of the outline, where the model has any."""
    pointed = {name: [which for which, point in result.extremes.items() if point.region == name] for name in _ROWS}
    regions = [
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
    return regions + [
        TableRow("", BY_NAME[name].label, "", None, None, share, f"{share:+.3f}")
        for name, share in result.terms.items()
    ]


def bars_of(result: CaseResult) -> list[Bar]:
    """The contributions of the regions and of the outline's terms, the bias, and their sum, the logit; of a method
    without a sum the regions' shares of evidence."""
    if not result.exact:
        shares = result.energy or {}
        return [_bar(name, shares.get(name, 0.0), f"{shares.get(name, 0.0):.0%}") for name in _ROWS]
    regions = [_bar(name, result.contributions[name], f"{result.contributions[name]:+.2f}") for name in _ROWS]
    terms = [(BY_NAME[name].label, share, _TERM) for name, share in result.terms.items()]
    sums = (*terms, ("bias", result.bias, _PLAIN), ("logit", result.logit, _SUM))
    return [*regions, *(Bar(name, value, color, f"{value:+.2f}") for name, value, color in sums)]


def _bar(region: str, value: float, text: str) -> Bar:
    return Bar(NAMES[region], value, REGION_COLORS.get(region, _PLAIN), text)


def method_help(name: str) -> str:
    """What a method does, in a sentence or two, and where it comes from."""
    method = method_of(name)
    sums = {"always": "Exact: map and bias add up to the logit.", "never": "Its values do not add up to the logit."}
    exact = sums.get(method.kind.sums, "Exact at the network's last stage: map and bias add up to the logit.")
    return f"{method.label}: {method.kind.in_words}. {exact} {method.kind.source}."


@dataclass(frozen=True)
class WordRow:
    """A feature of the lexicon: `choices` are its words, the first entry stands for the proposal and takes a reader's
    word back; `chosen` is the index of the one in force, `because` the numbers behind the proposal."""

    feature: str
    name: str
    choices: tuple[str, ...]
    chosen: int
    because: str


@dataclass(frozen=True)
class NumberRow:
    """A descriptor: its name, value and unit to show, and what it is (or why there is none) for who asks."""

    name: str
    value: str
    explanation: str


def words_of(result: CaseResult) -> list[WordRow]:
    """The lexicon's features with the words proposed, and what a reader chose."""
    rows = []
    for feature, word in result.lexicon.items():
        choices = (f"proposed: {word.proposed or 'none'}", *WORDS[feature])
        chosen = 0 if word.reader is None else choices.index(word.reader, 1)
        rows.append(WordRow(feature, FEATURE_NAMES[feature], choices, chosen, word.because))
    return rows


def word_at(feature: str, index: int) -> str | None:
    """The word behind a choice of :class:`WordRow`; None for the proposal."""
    return WORDS[feature][index - 1] if index > 0 else None


def numbers_of(result: CaseResult) -> list[NumberRow]:
    """The descriptors in their order; none for results of earlier versions."""
    if not result.descriptors:
        return []
    why = " ".join(result.descriptors_missing)
    return [
        NumberRow(
            definition.label,
            definition.shown(value := result.descriptors.get(definition.name)),
            f"{definition.text} Source: {definition.source}." + (f" Missing. {why}" if value is None else ""),
        )
        for definition in DEFINITIONS
    ]


def gauge_of(result: CaseResult) -> Gauge:
    low, high = max(result.threshold - result.grey_zone, 0.0), min(result.threshold + result.grey_zone, 1.0)
    return Gauge(result.probability, result.threshold, low, high)


def decision_of(result: CaseResult) -> str:
    """One sentence; before it another where the counter-check disagrees."""
    joint = ", because " if result.decision == "suspended" else ": "
    first = f"{check_sentence(result)}\n" if check_disagrees(result) else ""
    return f"{first}{result.decision.capitalize()}{joint}{result.reason}."


def notes_of(result: CaseResult, check: bool = False) -> tuple[str, ...]:
    """What a reader should know: the operating point, what suspension is worth, and the result's warnings; whether a
    counter-check that is asked for is still to be made."""
    point = f"The threshold {result.threshold:.2f} is the model's operating point '{result.operating_point}'."
    mask = f"Mask: {result.mask['origin']}."
    sums = () if result.exact else (f"{no_sum(result).capitalize()}.",)
    checked = ("\n".join(check_lines(result)),) if result.check else ()
    if check and not result.check:
        checked = ("The counter-check has not been made of this mass and ring: press Explain.",)
    return (point, mask, *sums, *checked, *suspension_lines(result), *result.warnings)


_ORIGIN_WORDS = {
    MaskOrigin.DRAWN: "Outline: drawn.",
    MaskOrigin.IMPORTED: "Outline: imported from a file.",
    MaskOrigin.AUTOMATIC: "Outline: automatic. Accept it or edit it; until then every result says so.",
    MaskOrigin.ACCEPTED: "Outline: suggested, and accepted.",
    MaskOrigin.EDITED: "Outline: edited.",
}


def origin_words(origin: MaskOrigin | None) -> str:
    """Who outlined the mass, in a sentence; empty where there is none."""
    return "" if origin is None else _ORIGIN_WORDS[origin]


RESEARCH_USE = "Research use only"


def note_of(result: CaseResult, earlier: bool) -> str:
    """A result in the corner of the view that shows its explanation: a few short lines.

    Parameters
    ----------
    result : CaseResult
    earlier : bool
        Whether it no longer fits what is shown.
    """
    warning = ["Counter-check disagrees: see the panel"] if check_disagrees(result) else []
    lines = [*warning, f"{result.decision.capitalize()}, probability of malignancy {result.probability:.2f}"]
    if earlier:
        lines.append("Earlier result: it does not fit the image, mass or settings as they are now")
    if result.mask["origin"] == MaskOrigin.AUTOMATIC.value:
        lines.append("Mask: automatic, neither accepted nor edited")
    return "\n".join([*lines, RESEARCH_USE])
