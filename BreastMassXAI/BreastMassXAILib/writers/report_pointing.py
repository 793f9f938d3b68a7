"""The report's sections on where the network looked, and on what suspending decisions is worth."""

from __future__ import annotations

from html import escape
from typing import Any

from ..core.findings import suspension_answers
from ..core.regions import RELEVANT
from .report_page import REGION_NAMES, html_figure, html_table, percent, plain

_HEADS = (
    "Region",
    "n|Hit by one of the two",
    "n|By chance",
    "n|Hit by the maximum",
    "n|Hit by the minimum",
    "n|One point by chance",
    "n|Share of the whole scan area",
    "n|Two points by chance, whole scan area",
)


def table_2(model: dict[str, Any], ring_mm: float) -> str:
    parts = [
        "<h2>Table 2. Where the explanations point</h2>"
        "<p>Each explanation is a map of what pushed the decision towards malignant and towards benign. Its "
        "strongest point of each kind, the maximum and the minimum, is looked up: a region is hit when one of the two "
        f"lies in it, so one image may score two hits. The ring is {ring_mm:g} mm wide. <b>Chance</b> is what two "
        "points thrown at random into the part of the image that the network sees would hit; a map is worth no more "
        "than what it exceeds that by. The last two columns say the same of the whole scan area, where most networks "
        "cannot point. All figures are shares of the images named above each table.</p>"
    ]
    for subset, words in (("correct", "Correctly classified images (as in the paper)"), ("all", "All images")):
        table = model["table_2"][subset]
        parts.append(f"<h3>{words}: {table['n']}</h3>" + html_table(_HEADS, _pointing_rows(table), sums=True))
        rows: list[list[Any]] = []
        for label in ("malignant", "benign"):
            table = model["table_2"][label if subset == "all" else f"{subset} {label}"]
            rows += [[("group", f"{label.capitalize()}: {table['n']}")], *_pointing_rows(table)]
        parts.append(f"<h3>{words}, by class</h3>" + html_table(_HEADS, rows, sums=True))
    return "".join(parts)


def _pointing_rows(table: dict[str, Any]) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for region in (*RELEVANT, "any"):
        entry = table["regions"][region]
        inside, whole = entry["chance_in_field"], entry["chance_in_scan_area"]
        rows.append(
            [
                REGION_NAMES[region],
                ("n", percent(entry["either"])),
                ("n", plain(inside["either"])),
                ("n", percent(entry["max"])),
                ("n", percent(entry["min"])),
                ("n", plain(inside["one"])),
                ("n", plain(whole["one"])),
                ("n", plain(whole["either"])),
            ]
        )
    return rows


def sweeps(drawn: dict[str, str]) -> str:
    if "ring_sweep" not in drawn:
        return ""
    return (
        "<h3>Do these figures hang on the ring's width, or on a narrow miss?</h3><div class='two'>"
        + html_figure(
            drawn["ring_sweep"],
            "<b>Ring width.</b> A wider ring is hit more often, by chance too: the gap between the blue and the dotted "
            "line is what counts.",
        )
        + html_figure(
            drawn["tolerance_sweep"],
            "<b>Tolerance.</b> Hits when a point may miss the nearest region by so many millimetres.",
        )
        + "</div>"
    )


def suspension(model: dict[str, Any], drawn: dict[str, str]) -> str:
    found = model["suspension"]
    kept, away, everyone = found["risk_of_kept"], found["risk_of_suspended"], found["risk_of_all"]
    text = (
        "<h2>Is it worth suspending decisions whose explanation points nowhere?</h2>"
        "<p>The paper proposes to suspend a decision when neither extreme point lies in one of the regions. "
        f"Here this suspends <b>{found['suspended']} of {found['n']}</b> decisions. If the rule is any good, the "
        "suspended decisions are wrong more often than the others, and more is gained than by suspending as many of "
        "the least confident decisions, or as many at random.</p>"
    )
    rows = [
        ["None suspended", ("n", percent(everyone)), ""],
        ["Suspended by the explanation", ("n", percent(kept)), ""],
        ["&nbsp; the suspended ones themselves", ("n", percent(away)), ""],
    ]
    if found["risk_by_confidence_at_same_coverage"] is not None:
        for name, words in (("confidence", "As many suspended by low confidence"), ("random", "As many at random")):
            difference = found[f"risk_by_{name}_minus_by_explanation"]
            risk = difference["value"] + kept["value"]
            interval = (
                f" <small>{100 * difference['low']:+.1f} to {100 * difference['high']:+.1f}</small>"
                if difference["low"] is not None and difference["high"] is not None
                else ""
            )
            rows.append([words, ("n", plain(risk)), ("n", f"{100 * difference['value']:+.1f}{interval}")])
    heads = ["Rule", "n|Wrong decisions among those kept", "n|Difference to the explanation rule, in points"]
    areas = found["area_under_risk_coverage"]
    shown = ", ".join(
        f"{words} {areas[name]:.3f}"
        for name, words in (
            ("explanation", "by explanation"),
            ("confidence", "by confidence"),
            ("both", "by both"),
            ("random", "at random"),
        )
    )
    text += html_table(heads, rows, raw_first=True)
    text += "".join(f"<p><b>{escape(answer)}</b></p>" for answer in suspension_answers(found))
    text += _rules(found.get("rules", {}))
    return text + (
        "<div class='two'>"
        + html_figure(
            drawn["risk_coverage"],
            "<b>Risk and coverage.</b> From right to left more and more decisions are suspended; a good rule makes the "
            f"line fall. Area under the line, lower is better: {shown}.",
        )
        + "</div>"
    )


_RULES = {
    "paper": "Extreme points in a region (paper)",
    "confidence": "Distance to the threshold",
    "disagreement": "Disagreement of the network's heads",
    "outside": "Evidence inside the regions",
}


def _rules(rules: dict[str, Any]) -> str:
    """All rules at the same shares of kept decisions."""
    if not rules:
        return ""
    coverages = [entry["coverage"] for entry in next(iter(rules.values()))["at"]]
    rows = []
    for kind, found in rules.items():
        row: list[Any] = [_RULES[kind]]
        for entry in found["at"]:
            gain = entry["gain_over_random"]
            interval = f"{100 * gain['low']:+.1f} to {100 * gain['high']:+.1f}"
            row.append(("n", f"{plain(entry['risk']['value'])} ({100 * gain['value']:+.1f}) <small>{interval}</small>"))
        area, gain = found["area"], found["area_gain"]
        row.append(("n", f"{area['value']:.3f} <small>{area['low']:.3f} to {area['high']:.3f}</small>"))
        row.append(("n", f"{gain['value']:+.3f} <small>{gain['low']:+.3f} to {gain['high']:+.3f}</small>"))
        rows.append(row)
    heads = [
        "What a decision is trusted by",
        *(f"n|{coverage:.0%} kept" for coverage in coverages),
        "n|Area under the line",
        "n|Area gained over random",
    ]
    return (
        "<h3>All rules, suspending the same share</h3><p>Wrong decisions among those kept; in brackets the points "
        "gained over suspending as many at random, with the 95 % interval over patients. Decisions of equal trust are "
        "suspended in random order.</p>" + html_table(heads, rows)
    )
