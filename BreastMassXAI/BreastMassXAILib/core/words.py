"""A result in words, for the terminal, the panel and the picture."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from .cine_result import CineResult
from .descriptors import BY_NAME
from .lexicon import FEATURE_NAMES
from .operating_points import DEFAULT_POINT
from .regions import RELEVANT
from .result import CaseResult

NAMES = {"mass": "mass", "peritumoral": "peritumoral", "below": "below the mass", "elsewhere": "elsewhere"}
_EXTREMES = {"max": "maximum", "min": "minimum"}


def headline(result: CaseResult) -> str:
    """The decision in one line; after the warning that the counter-check disagrees."""
    numbers = f"probability of malignancy {result.probability:.2f} (threshold {result.threshold:.2f}{_point(result)})"
    first = f"{CHECK_DISAGREES}  " if check_disagrees(result) else ""
    return f"{first}Decision: {result.decision.upper()}  -  {numbers}"


def _point(result: CaseResult) -> str:
    return "" if result.operating_point == DEFAULT_POINT else f", {result.operating_point}"


def suspension_lines(result: CaseResult) -> list[str]:
    """What the rule that suspends decisions was measured to be worth; nothing where nobody measured it."""
    measured = result.suspension["measured"]
    return [f"Suspension by {result.suspension['rule']}: {measured}."] if measured else []


def summary(result: CaseResult) -> str:
    """The result as a few lines of text in columns."""
    lines = [
        *([check_sentence(result)] if check_disagrees(result) else []),
        f"{result.decision.upper()}: probability of malignancy {result.probability:.3f}, logit {result.logit:+.3f} "
        f"(model {result.model['name']}, operating point {result.operating_point})",
        f"  because {result.reason}",
        *(f"  {line}" for line in suspension_lines(result)),
        f"  mask: {result.mask['origin']}",
    ]
    for which, name in _EXTREMES.items():
        point = result.extremes[which]
        lines.append(
            f"  {name} {point.value:+.3f} logit at row {point.row}, column {point.column}: {NAMES[point.region]}"
        )
    lines.append(
        f"  region          hit  share of area  {'contribution (logit)' if result.exact else 'share of evidence'}"
    )
    for name in (*RELEVANT, "elsewhere"):
        hit = "yes" if result.hits.get(name) else "-"
        lines.append(f"  {NAMES[name]:14}  {hit:3}  {result.area_fraction[name]:13.1%}  {worth(result, name)}")
    for name, share in result.terms.items():
        lines.append(f"  outline: {BY_NAME[name].label:38} {share:+.3f}")
    if result.exact:
        lines.append(f"  {'bias':14}  {'':3}  {'':13}  {result.bias:+.3f}")
    else:
        lines.append(f"  note: {no_sum(result)}")
    lines += [f"  {line}" for line in check_lines(result)]
    lines += [f"  {line}" for line in descriptor_lines(result)]
    lines += [f"  note: {text}" for text in result.warnings]
    return "\n".join(lines)


def methods_table(results: Sequence[CaseResult]) -> str:
    """Several methods' explanations of one decision, a line each: where they point, and what each region is worth."""
    names = (*RELEVANT, "elsewhere")
    heads = ("method", "maximum in", "minimum in", *(NAMES[name] for name in names))
    rows = [heads]
    for result in results:
        pointed = (NAMES[result.extremes[which].region] for which in _EXTREMES)
        rows.append((result.method, *pointed, *(worth(result, name) for name in names)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    lines = [
        "  " + "  ".join(f"{cell:{'<' if k < 3 else '>'}{widths[k]}}" for k, cell in enumerate(row)).rstrip()
        for row in rows
    ]
    first = results[0]
    chance = ", ".join(f"{NAMES[name]} {first.chance[name]:.0%}" for name in RELEVANT)
    return "\n".join([*lines, f"  A point at random would hit: {chance}. Logits, or shares of evidence in per cent."])


CHECK_DISAGREES = "COUNTER-CHECK DISAGREES."
FILL_WORDS = {"inpaint": "tissue like its surroundings", "blur": "a blur of itself", "mean": "even grey"}
"""What a region is replaced by."""


def check_disagrees(result: CaseResult) -> bool:
    """Whether replacing the region that decided changes the logit against what the map says of that region."""
    return result.check is not None and result.check["agrees"] is False


def check_sentence(result: CaseResult) -> str:
    """What the counter-check says of the region that decided; empty where there was none."""
    check = result.check
    if check is None:
        return ""
    name = check["decided"]
    evidence, change = check["evidence"][name], check["change"][name]
    said = f"{NAMES[name]} speaks most for the decision by the map ({evidence:+.2f})"
    if change is None:
        return f"The counter-check cannot tell: {said}, but {check['reasons'][name]}."
    verdict = "The counter-check agrees" if check["agrees"] else CHECK_DISAGREES[:-1]
    moved = f"{'falls' if change >= 0 else 'rises'} by {abs(change):.2f}"
    return f"{verdict}: {said}; with {FILL_WORDS[check['fill']]} in its place the logit {moved}."


def check_lines(result: CaseResult) -> list[str]:
    """The counter-check region by region, and its sentence; empty where there was none."""
    check = result.check
    if check is None:
        return []
    lines = [f"counter-check: logit lost with {FILL_WORDS[check['fill']]} in the region's place, beside the map"]
    for name in (*RELEVANT, "elsewhere"):
        change, same = check["change"][name], check["same_sign"][name]
        told = f"{change:+.3f}" if change is not None else f"not replaced: {check['reasons'][name]}"
        sign = "" if same is None else "same sign" if same else "other sign"
        lines.append(f"  {NAMES[name]:14}  map {check['evidence'][name]:+.3f}  replaced {told}  {sign}".rstrip())
    if check["rank"] is not None:
        lines.append(f"  rank correlation over the regions {check['rank']:+.2f}")
    return [*lines, check_sentence(result)]


def worth(result: CaseResult, region: str) -> str:
    """A region's contribution in logits; its share of the map's absolute values where a method has no exact sum."""
    if result.exact:
        return f"{result.contributions[region]:+.3f}"
    return f"{(result.energy or {}).get(region, 0.0):.0%}"


def no_sum(result: CaseResult) -> str:
    """Why there are no contributions."""
    return (
        f"the values of the method {result.method} do not add up to the logit, so regions have shares of its evidence "
        "and no contributions"
    )


def in_words(result: CaseResult, width: int = 44) -> str:
    """Decision, pointing game and provenance in short lines, for a reader without the manual."""
    lines = [*textwrap.wrap(f"Logit {result.logit:+.2f}; {result.reason}.", width), "", "Pointing game"]
    for which, name in _EXTREMES.items():
        point = result.extremes[which]
        lines.append(f"  {name} {point.value:+.2f} logit: {NAMES[point.region]}")
    found = [NAMES[name] for name in RELEVANT if result.hits[name]]
    lines += [f"  hits: {', '.join(found) if found else 'none of the three regions'}", ""]
    if result.spacing_mm is None:
        lines.append("Pixel size unknown: no ring in millimetres.")
    else:
        row_mm, column_mm = result.spacing_mm
        lines += [
            f"Pixel {row_mm:.3g} x {column_mm:.3g} mm ({result.spacing_provenance})",
            f"Ring {result.ring_mm:g} mm",
        ]
    lines.append(f"Model {result.model['name']}, mask {result.mask['origin']}")
    for line in (check_sentence(result), *descriptor_lines(result)):
        lines += textwrap.wrap(line, width)
    for line in suspension_lines(result):
        lines += textwrap.wrap(line, width)
    if result.warnings:
        lines += ["", "Please note"]
        for text in result.warnings:
            lines += textwrap.wrap(text, width, initial_indent="- ", subsequent_indent="  ")
    return "\n".join(lines)


def descriptor_lines(result: CaseResult) -> list[str]:
    """The mass in words of the lexicon, and its size; nothing for results that have none."""
    said = [
        f"{FEATURE_NAMES[feature]} {word.word or 'not told'}{' (reader)' if word.reader else ''}"
        for feature, word in result.lexicon.items()
    ]
    lines = []
    if said:
        by_numbers = any(word.reader is None for word in result.lexicon.values())
        lines.append(f"BI-RADS words{' (proposed)' if by_numbers else ''}: {', '.join(said)}")
    largest, across = (result.descriptors.get(f"{name}_diameter_mm") for name in ("largest", "perpendicular"))
    if largest is not None and across is not None:
        lines.append(f"Size {largest:.1f} x {across:.1f} mm")
    return lines


def cine_summary(result: CineResult) -> str:
    """The result of a loop as a few lines of text."""
    first, strongest = result.frames[0].result, result.at(result.strongest)
    assert strongest is not None
    shares = ", ".join(f"{word} {share:.0%}" for word, share in result.shares.items())
    hits = ", ".join(f"{NAMES[name]} {result.hit_shares[name]:.0%}" for name in RELEVANT)
    moment = "" if strongest.time_s is None else f" at {strongest.time_s:.2f} s"
    lines = [
        f"{result.decision.upper()}: median probability of malignancy {result.median_probability:.3f} over "
        f"{len(result.frames)} of {result.count} frames (model {first.model['name']}, operating point "
        f"{first.operating_point})",
        f"  because {result.reason}",
        *(f"  {line}" for line in suspension_lines(first)),
        f"  frames: {shares}",
        f"  hits: {hits}",
        f"  strongest evidence on frame {result.strongest + 1}{moment}: probability {strongest.result.probability:.3f}",
    ]
    lines += [f"  skipped, {reason}: {len(indices)} frames" for reason, indices in result.skipped.items()]
    return "\n".join([*lines, *(f"  note: {text}" for text in result.warnings)])
