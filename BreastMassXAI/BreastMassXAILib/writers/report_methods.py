"""The report's section on several methods that explain the same decisions."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from ..core.findings import method_findings
from ..core.regions import RELEVANT
from .report_evidence import points, share
from .report_page import REGION_NAMES, html_table, plain

_SUBSETS = (("correct", "Correctly classified images"), ("all", "All images"))


def beside_each_other(methods: Sequence[dict[str, Any]]) -> str:
    """Table 2 and energies of each method; nothing where there is one only.

    Parameters
    ----------
    methods : sequence of dict
        As ``report.json`` has them for a model.
    """
    if len(methods) < 2:
        return ""
    parts = [
        "<h2>Other methods, the same decisions</h2><p>The decision is the network's; these methods explain it. Hits "
        "are the paper's pointing game, the energy is the share of the map's absolute values in a region. A method is "
        "worth no more than what exceeds chance.</p>"
    ]
    rows = [
        [method["label"], _sums(method), "logits" if method["units"] == "logit" else "relative", method["in_words"]]
        for method in methods
    ]
    parts.append(html_table(["Method", "Adds up to the logit", "Units", "What it does"], rows))
    for which, words in _SUBSETS:
        count = methods[0]["evidence"][which]["n"]
        parts.append(f"<h3>Hits by maximum or minimum. {words}: {count}</h3>" + _table(which, methods, "hits"))
        parts.append(f"<h3>Energy of either sign. {words}: {count}</h3>" + _table(which, methods, "energy"))
    parts += [f"<p><b>{escape(sentence)}</b></p>" for sentence in method_findings(methods)]
    sources = "; ".join(f"{escape(method['label'])}: {escape(method['source'])}" for method in methods)
    return "".join([*parts, f"<p class='note'>{sources}.</p>"])


def _table(which: str, methods: Sequence[dict[str, Any]], what: str) -> str:
    chance = "Chance" if what == "hits" else "Share of the field"
    heads = ["Method", f"n|{chance}", "n|Share", "n|Above chance", *["n|Random weights"] * _random(methods)]
    rows: list[list[Any]] = []
    for region in (*RELEVANT, "any"):
        rows.append([("group", REGION_NAMES[region])])
        for method in methods:
            entry = method["evidence"][which]["regions"][region]
            level = entry["chance"]["either"] if what == "hits" else entry["field_share"]
            beyond = entry["hits_minus_chance" if what == "hits" else "energy_minus_share"]["either"]
            cells = [plain(level), share(entry[what]["either"]), points(beyond)]
            if _random(methods):
                cells.append(share(entry[f"random_{what}"]["either"]))
            rows.append([method["label"], *(("n", cell) for cell in cells)])
    return html_table(heads, rows)


def _random(methods: Sequence[dict[str, Any]]) -> bool:
    return bool(methods[0]["evidence"]["random"])


def _sums(method: dict[str, Any]) -> str:
    if method["exact"] in (0, 1):
        return "yes" if method["exact"] else "no"
    return f"in {method['exact']:.0%} of the images"
