"""A planted study as a table for people (markdown), one for programs (CSV), and a picture."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.classifier import NetworkOutput
from ..core.errors import MissingPackageError
from ..core.palette import DEAD_BAND, diverging, symmetric_range
from ..core.planted import IN_WORDS, WAYS
from ..core.regions import REGIONS
from ..core.saliency import extreme_points, to_frame_grid


@dataclass(frozen=True, eq=False)
class Example:
    """One phantom under one method.

    Parameters
    ----------
    grey : ndarray of uint8, shape (rows, columns)
    labels : ndarray of uint8, same shape
        Regions.
    planted : tuple of str
        Names of the regions that hold the evidence.
    output : NetworkOutput
    pointed : str
        The region that the map points at.
    right : bool
        Whether that is a planted one.
    """

    grey: np.ndarray
    labels: np.ndarray
    planted: tuple[str, ...]
    output: NetworkOutput
    pointed: str
    right: bool


def write_planted(folder: Path, report: Mapping[str, Any], examples: Mapping[tuple[str, str], Example]) -> None:
    """Write ``planted.csv``, ``planted.md`` and ``planted.png``.

    Raises
    ------
    MissingPackageError
        When matplotlib is not installed.
    """
    _write_table(folder / "planted.csv", report)
    (folder / "planted.md").write_text(markdown(report), encoding="utf-8", newline="\n")
    _draw(folder / "planted.png", report, examples)


def _write_table(path: Path, report: Mapping[str, Any]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(
            ["plant", "regions", "method", "way", "cases", "right", "low_95", "high_95", "chance"]
            + [f"named_{name}" for name in (*REGIONS, "none")]
        )
        for plant in report["plants"]:
            for method, row in plant["methods"].items():
                for way, found in row["ways"].items():
                    figures = [round(found[key], 4) for key in ("value", "low", "high", "chance")]
                    named = [found["instead"][name] for name in (*REGIONS, "none")]
                    table.writerow(
                        [plant["name"], " ".join(plant["regions"]), method, way, found["n"], *figures, *named]
                    )


def markdown(report: Mapping[str, Any]) -> str:
    """The table with a sentence on every network."""
    lines = [
        "# Planted evidence",
        "",
        f"Networks on the trunk of {report['model']['name']}, each of which learned to tell one thing apart that is to "
        "be seen in one region only. Shares of the correctly classified unseen phantoms whose explanation names that "
        "region, with 95 % intervals (Wilson); what chance would name in brackets.",
        "",
    ]
    for plant in report["plants"]:
        unseen = plant["unseen"]
        reached = "" if plant["reached"] else f" **Below the aim of {100 * report['request']['aim']:.0f} %.**"
        lines.append(
            f"- **{plant['name']}** ({plant['positive']} or {plant['negative']}; in {' and '.join(plant['regions'])}): "
            f"{_percent(unseen)} of {unseen['n']} unseen phantoms classified rightly "
            f"(learned: {plant['training']['how']}).{reached}"
        )
    ways = [way for way in WAYS if any(way in row["ways"] for p in report["plants"] for row in p["methods"].values())]
    heads = ["plant", "method", "cases", *(IN_WORDS[way] for way in ways)]
    lines += ["", f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for plant in report["plants"]:
        for method, row in plant["methods"].items():
            cells = [_cell(row["ways"].get(way)) for way in ways]
            lines.append(f"| {plant['name']} | {method} | {row['n']} | {' | '.join(cells)} |")
    lines += [
        "",
        "*Points at*: the map's maximum for a decision for the first of the two, its minimum for the other. *Most "
        "energy*: of the evidence for the decision. *Largest contribution*: in the direction of the decision, only for "
        "maps that add up to the logit. *Counter-check*: the region whose replacement by plausible tissue takes most "
        "from the decision.",
        "",
    ]
    return "\n".join(lines)


def _percent(found: Mapping[str, Any]) -> str:
    return f"{100 * found['value']:.0f} % ({100 * found['low']:.0f}-{100 * found['high']:.0f})"


def _cell(found: Mapping[str, Any] | None) -> str:
    return "-" if found is None else f"{_percent(found)} [{100 * found['chance']:.0f}]"


def _draw(path: Path, report: Mapping[str, Any], examples: Mapping[tuple[str, str], Example]) -> None:
    """A row a plant, a column a method: where the map fails, a phantom on which it does."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPackageError("The picture needs the package matplotlib: install it with pip.") from error
    plants: Sequence[Any] = report["plants"]
    methods = list(plants[0]["methods"])
    figure = Figure(figsize=(2.0 * len(methods) + 0.8, 2.35 * len(plants) + 0.6), dpi=110, facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(plants), len(methods), squeeze=False)
    for plant, row in zip(plants, grid, strict=True):
        for method, axes in zip(methods, row, strict=True):
            axes.set_xticks([])
            axes.set_yticks([])
            share = plant["methods"][method]["ways"].get("point")
            head = method if share is None else f"{method}, {100 * share['value']:.0f} %"
            axes.set_title(head, fontsize=8)
            if (plant["name"], method) in examples:
                _overlay(axes, examples[plant["name"], method])
        row[0].set_ylabel(f"{plant['name']}\n({' and '.join(plant['regions'])})", fontsize=9)
    figure.suptitle(
        "Share of correctly classified phantoms whose map points at the planted region (outlined),\n"
        "and a phantom on which it does not, where there is one. Red speaks for the decision, cross: the maximum.",
        fontsize=9,
    )
    figure.tight_layout(rect=(0, 0, 1, 0.97))
    figure.savefig(path, metadata={"Software": None})


def _overlay(axes: Any, example: Example) -> None:
    sign = 1.0 if example.output.logit > 0 else -1.0
    saliency = to_frame_grid(sign * example.output.cells, example.output.field, example.grey.shape)
    share = saliency / symmetric_range(saliency)
    alpha = np.where(np.abs(share) < DEAD_BAND, 0, 0.55 * np.abs(share) ** 0.5)[..., None]
    colour = alpha * diverging(share) + (1 - alpha) * (example.grey / 255)[..., None]
    axes.imshow(colour.clip(0, 1), interpolation="nearest")
    inside = np.isin(example.labels, [REGIONS.index(name) for name in example.planted])
    axes.contour(inside, [0.5], colors=["#ffe61a"], linewidths=0.9)
    point = extreme_points(saliency, example.output.field)[0]
    axes.plot(point.column, point.row, "x", color="black", markersize=8, markeredgewidth=2.6)
    axes.plot(point.column, point.row, "x", color="white", markersize=7, markeredgewidth=1.2)
    axes.set_xlabel(f"{'right' if example.right else 'wrong'}: {example.pointed}", fontsize=8)
