"""Several methods' explanations of one decision side by side: a picture and a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.explain import Explanation
from ..core.frame import Case
from ..core.palette import symmetric_range
from ..core.regions import RELEVANT
from ..core.words import NAMES, headline, worth
from .canvas import blank_figure
from .figure import DPI, pixel_aspect, show_overlay, thinned

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURE, TABLE = "methods.png", "methods.csv"
_ACROSS = 5
"""Maps in a row."""
_REGIONS = (*RELEVANT, "elsewhere")


def write_methods(folder: Path, case: Case, explanations: Sequence[Explanation]) -> None:
    """Write ``methods.png`` and ``methods.csv``, the main method first.

    Raises
    ------
    MissingPackageError
        When matplotlib is not installed.
    """
    draw_methods(case, explanations).savefig(folder / PICTURE, metadata={"Software": None})
    (folder / TABLE).write_text(methods_csv(explanations), encoding="utf-8", newline="\n")


def methods_csv(explanations: Sequence[Explanation]) -> str:
    """One row a method.

    Columns: method; exact_sum (1 where the map and the bias add up to the logit); row, column, value and region of
    maximum and minimum; hit_*; contribution_* in logits, empty without an exact sum; energy_*, the region's share of
    the map's absolute values; chance_*, what a point thrown at random would hit.
    """
    rows = []
    for explanation in explanations:
        result = explanation.result
        row: dict[str, object] = {"method": result.method, "exact_sum": int(result.exact), "logit": result.logit}
        for which, word in (("max", "maximum"), ("min", "minimum")):
            point = result.extremes[which]
            row |= {f"{word}_{name}": getattr(point, name) for name in ("row", "column", "value", "region")}
        row |= {f"hit_{name}": int(hit) for name, hit in result.hits.items()}
        row |= {f"contribution_{name}": result.contributions.get(name, "") for name in _REGIONS}
        row |= {f"energy_{name}": (result.energy or {}).get(name, "") for name in _REGIONS}
        row |= {f"chance_{name}": result.chance[name] for name in _REGIONS}
        rows.append(row)
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def draw_methods(case: Case, explanations: Sequence[Explanation]) -> Figure:
    """The maps on the frame, each in its own colours' range, with its extreme points and what each region is worth.

    Raises
    ------
    MissingPackageError
        When matplotlib is not installed.
    """
    across = min(len(explanations), _ACROSS)
    down = -(-len(explanations) // across)
    figure = blank_figure(figsize=(3.6 * across + 0.4, 4.6 * down + 0.9), dpi=DPI)
    top = 1 - 0.85 / (4.6 * down + 0.9)
    grid = figure.add_gridspec(down, across, left=0.01, right=0.99, top=top, bottom=0.02, wspace=0.04, hspace=0.12)
    for number, explanation in enumerate(explanations):
        cell = grid[number // across, number % across].subgridspec(2, 1, height_ratios=(3, 1), hspace=0.02)
        thin_case, thin = thinned(case, explanation)
        limit = symmetric_range(thin.saliency)
        axes = figure.add_subplot(cell[0])
        show_overlay(axes, thin_case, thin, pixel_aspect(thin_case), limit, explanation.result.method)
        words = figure.add_subplot(cell[1])
        words.axis("off")
        words.text(0.02, 0.98, _words(explanation), va="top", ha="left", fontsize=8.5, linespacing=1.35)
    title = headline(explanations[0].result)
    figure.suptitle(title, x=0.01, y=1 - 0.12 / (4.6 * down + 0.9), ha="left", va="top", fontsize=12, fontweight="bold")
    figure.text(0.99, 0.005, "Research use only.", ha="right", fontsize=8)
    return figure


def _words(explanation: Explanation) -> str:
    result = explanation.result
    found = ", ".join(NAMES[name] for name in RELEVANT if result.hits[name]) or "none"
    lines = [f"hits: {found}", "contributions, logits" if result.exact else "shares of evidence, no exact sum"]
    return "\n".join([*lines, *(f"  {NAMES[name]} {worth(result, name)}" for name in _REGIONS)])
