"""The report's section on descriptors."""

from __future__ import annotations

from typing import Any

from ..core.descriptors import BY_NAME
from .report_page import html_table, number


def descriptors(model: dict[str, Any]) -> str:
    """A table of what single descriptors separate; nothing where there are none.

    Parameters
    ----------
    model : dict
        As ``report.json`` has it.
    """
    entries = model.get("descriptors")
    if not entries:
        return ""
    rows = [
        [
            BY_NAME[entry["name"]].label,
            BY_NAME[entry["name"]].feature,
            ("n", BY_NAME[entry["name"]].shown(entry["benign"])),
            ("n", BY_NAME[entry["name"]].shown(entry["malignant"])),
            ("n", number(entry["auc"], 3)),
            ("n", str(entry["n"])),
        ]
        for entry in entries
    ]
    heads = ["Descriptor", "Feature", "n|Median, benign", "n|Median, malignant", "n|AUC alone", "n|Images"]
    return (
        "<h2>What outline and grey values say, without any network</h2>"
        "<p>An AUC above 0.5: malignant masses have the larger values; below: the smaller ones. These figures are as "
        "good as the outlines: an expert's outline carries the expert's judgement.</p>" + html_table(heads, rows)
    )
