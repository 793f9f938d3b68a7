"""The agreement of two sets of outlines as a table and a picture."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..core.agreement import Agreement
from ..core.cohort import Skipped
from .canvas import blank_figure


def write_table(path: Path, pairs: Sequence[Agreement], skipped: Sequence[Skipped]) -> None:
    """One row a pair, and one for each that was left out, with the reason."""
    names = [*asdict(pairs[0]), "diameter_difference_mm", "logit_difference", "left_out_because"]
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        table = csv.DictWriter(file, names, restval="", lineterminator="\n")
        table.writeheader()
        for pair in pairs:
            derived = {name: getattr(pair, name) for name in ("diameter_difference_mm", "logit_difference")}
            row = {**asdict(pair), **derived}
            table.writerow({name: "" if value is None else value for name, value in row.items()})
        for entry in skipped:
            table.writerow({"identifier": entry.identifier, "left_out_because": entry.reason})


def write_picture(path: Path, pairs: Sequence[Agreement], found: dict[str, Any], names: tuple[str, str]) -> None:
    """Dice's distribution, Bland-Altman of the largest diameter and, where there are any, of the logits.

    Raises
    ------
    MissingPackageError
        When matplotlib is not installed.
    """
    panels = 2 + ("logit" in found)
    figure = blank_figure(figsize=(5 * panels, 4.6), dpi=110, layout="constrained")
    axes = figure.subplots(1, panels)
    axes[0].hist([pair.dice for pair in pairs], bins=np.linspace(0, 1, 21).tolist(), color="0.45")
    axes[0].set_xlabel("Dice")
    axes[0].set_ylabel("pairs")
    axes[0].set_title(f"Median {found['dice']['median']:.3f}", fontsize=10)
    sized = [(p.diameter_a_mm, p.diameter_b_mm) for p in pairs if p.diameter_a_mm is not None]
    _bland_altman(axes[1], sized, found["largest_diameter_mm"], "largest diameter (mm)")
    if panels > 2:
        told = [(p.logit_a, p.logit_b) for p in pairs if p.logit_a is not None]
        _bland_altman(axes[2], told, found["logit"], "logit")
    figure.suptitle(f"A: {names[0]}   B: {names[1]}", fontsize=11)
    figure.savefig(path, metadata={"Software": None})


def _bland_altman(axes: Any, values: Sequence[tuple[Any, Any]], found: dict[str, Any], what: str) -> None:
    axes.set_xlabel(f"mean of both: {what}")
    axes.set_ylabel("B minus A")
    if not values:
        axes.text(0.5, 0.5, "pixel size unknown", ha="center", va="center", transform=axes.transAxes)
        return
    a, b = np.array(values, float).T
    axes.plot((a + b) / 2, b - a, ".", color="0.3", markersize=5)
    axes.axhline(found["bias"], color="black", linewidth=1)
    for limit in (found["low"], found["high"]):
        if limit is not None:
            axes.axhline(limit, color="black", linewidth=1, linestyle="--")
    axes.set_title(f"Bias {found['bias']:+.2f}", fontsize=10)
