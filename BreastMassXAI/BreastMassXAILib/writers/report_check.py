"""The report's section on counter-checks."""

from __future__ import annotations

from typing import Any

from ..core.regions import RELEVANT
from ..core.words import FILL_WORDS
from .report_evidence import share
from .report_page import REGION_NAMES, html_table, number

_SUBSETS = (("correct", "Correctly classified images"), ("all", "All images"))
_NAMES = {**REGION_NAMES, "elsewhere": "Elsewhere"}


def counter_checks(model: dict[str, Any], fill: str | None) -> str:
    """Agreement of counter-check and map; nothing where no check was asked for.

    Parameters
    ----------
    model : dict
        As ``report.json`` has it.
    fill : str, optional
        What regions were replaced by.
    """
    found = model.get("check")
    if found is None or fill is None:
        return ""
    parts = [
        f"<h2>Counter-check: the network asked again</h2><p>Each region was replaced by {FILL_WORDS[fill]}, and the "
        "network was run on what was left. The logit that is lost stands beside what the map says of the region. A map "
        "counts from nothing and a replacement from what is filled in, so the sizes differ; their signs should not."
        "</p>"
    ]
    for which, words in _SUBSETS:
        table = found[which]
        rows: list[list[Any]] = []
        for region in (*RELEVANT, "elsewhere"):
            entry, decided = table["regions"][region], table["decided"][region]
            cells = (
                str(entry["change"]["n"]),
                number(entry["evidence"], 2),
                number(entry["change"], 2),
                share(entry["same_sign"]),
                share(decided["share"]),
                share(decided["agrees"]),
            )
            rows.append([_NAMES[region], *(("n", cell) for cell in cells)])
        heads = ["Region", "n|Images", "n|Map, logits", "n|Lost when replaced, logits", "n|Same sign", "n|Decides in"]
        parts.append(
            f"<h3>{words}: {table['n']}</h3>"
            f"<p>The region that decided changes the logit as its map says in <b>{share(table['agrees'])}</b>; mean "
            f"rank correlation over a case's regions {number(table['rank'], 2)}.</p>"
            + html_table([*heads, "n|Agrees where it decides"], rows)
        )
    return "".join([*parts, "<p class='note'>Small print: 95 % intervals over bootstraps of the patients.</p>"])
