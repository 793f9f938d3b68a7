"""The curves of a cohort's report, as SVG text without anything that is loaded from elsewhere."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..core.errors import MissingPackageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE, GREY, GREEN, PURPLE = "#1f5fa8", "#c8500a", "#777777", "#2a7f3e", "#7b3fa0"


def curves(model: dict[str, Any]) -> dict[str, str]:
    """SVG texts of one model's curves, by name: roc, calibration, risk_coverage, ring_sweep, tolerance_sweep."""
    found = {}
    if "roc" in model["table_1"]["image"]:
        found["roc"] = _svg(lambda axes: _roc(axes, model["table_1"]))
    found["calibration"] = _svg(lambda axes: _calibration(axes, model["calibration"]))
    if "suspension" in model:
        found["risk_coverage"] = _svg(lambda axes: _risk_coverage(axes, model["suspension"]))
    if "ring_sweep" in model:
        found["ring_sweep"] = _svg(lambda axes: _sweep(axes, model["ring_sweep"], "ring_mm", "Ring width in mm"))
        found["tolerance_sweep"] = _svg(
            lambda axes: _sweep(axes, model["tolerance_sweep"], "tolerance_mm", "Allowed miss in mm")
        )
    return found


def models_plot(models: Sequence[dict[str, Any]]) -> str:
    """SVG text: share of cases whose explanation hits a region, against the AUC, one point a model."""
    return _svg(lambda axes: _models(axes, models))


def _svg(draw: Callable[[Axes], None]) -> str:
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPackageError("The report needs the package matplotlib: install it with pip.") from error
    # A fixed salt: the same numbers give the same bytes.
    with mpl.rc_context({"svg.hashsalt": "breast-mass-xai", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = Figure(figsize=(5.2, 4.2), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        axes.grid(color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        draw(axes)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    return re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg[svg.index("<svg") :]).replace('height="302.4pt" ', "", 1)


def _share_axis(axes: Axes, which: str, top: float = 1.0) -> None:
    from matplotlib.ticker import PercentFormatter

    (axes.xaxis if which == "x" else axes.yaxis).set_major_formatter(PercentFormatter(1, decimals=None))
    (axes.set_xlim if which == "x" else axes.set_ylim)(-0.02 * top, 1.02 * top)


def _roc(axes: Axes, table: dict[str, Any]) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":", label="guessing")
    for level, colour in (("case", GREEN), ("image", BLUE)):
        roc, auc = table[level]["roc"], table[level]["auc"]["value"]
        x, y = roc["false_positive_rate"], roc["true_positive_rate"]
        axes.step(x, y, where="post", color=colour, linewidth=1.3, label=f"per {level}, AUC {auc:.3f}")
    image = table["image"]
    for name, marker, label in (("model", "o", "threshold of the model"), ("corner", "s", "closest to the corner")):
        if name in image and image[name]["specificity"]["value"] is not None:
            place = (1 - image[name]["specificity"]["value"], image[name]["sensitivity"]["value"])
            axes.plot(*place, marker, color=ORANGE, markersize=8, markerfacecolor="none", label=label)
    axes.set_xlabel("Benign called malignant (1 - specificity)")
    axes.set_ylabel("Malignant found (sensitivity)")
    _share_axis(axes, "x")
    _share_axis(axes, "y")
    axes.set_aspect("equal")
    axes.legend(loc="lower right", fontsize=8.5, frameon=False)


def _calibration(axes: Axes, found: dict[str, Any]) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":", label="perfectly calibrated")
    bins = found["bins"]
    x, y = [b["probability"] for b in bins], [b["value"] for b in bins]
    reach = [[b["value"] - b["low"] for b in bins], [b["high"] - b["value"] for b in bins]]
    axes.errorbar(x, y, reach, fmt="o-", color=BLUE, capsize=2, linewidth=1.2, label="observed, 95 % interval")
    for place, entry in zip(zip(x, y, strict=True), bins, strict=True):
        axes.annotate(str(entry["n"]), place, xytext=(5, -11), textcoords="offset points", fontsize=8, color=GREY)
    axes.set_xlabel("Probability of malignancy that the model says")
    axes.set_ylabel("Share that is malignant (small: cases)")
    _share_axis(axes, "x")
    _share_axis(axes, "y")
    axes.legend(loc="upper left", fontsize=8.5, frameon=False)


def _risk_coverage(axes: Axes, found: dict[str, Any]) -> None:
    looks = {
        "random": (GREY, ":", "at random"),
        "confidence": (BLUE, "-", "least confident first"),
        "explanation": (ORANGE, "-", "fewest extreme points in a region first"),
        "both": (GREEN, "--", "explanation, then confidence"),
    }
    highest = 0.0
    for name, (colour, style, label) in looks.items():
        curve = found["curves"][name]
        shown = [(c, r) for c, r in zip(curve["coverage"], curve["risk"], strict=True) if c >= 0.1]
        axes.plot(*zip(*shown, strict=True), color=colour, linestyle=style, label=label)
        highest = max(highest, *(risk for _, risk in shown))
    kept = found["risk_of_kept"]
    if kept["value"] is not None:
        axes.plot(found["coverage"], kept["value"], "o", color=ORANGE, label="the rule: no extreme point in a region")
    axes.set_xlabel("Coverage: share of cases that are decided")
    axes.set_ylabel("Risk: share of these decisions that is wrong")
    _share_axis(axes, "x")
    _share_axis(axes, "y", max(highest * 1.45, 0.05))
    axes.legend(loc="upper left", fontsize=8, frameon=False)


def _sweep(axes: Axes, rows: list[dict[str, Any]], key: str, words: str) -> None:
    x = [row[key] for row in rows]
    named = [("any", BLUE, "at least one region")]
    if "peritumoral" in rows[0]:
        named.append(("peritumoral", PURPLE, "the ring"))
    for name, colour, label in named:
        entries = [row[name] for row in rows]
        if any(entry["value"] is None for entry in entries):
            continue
        axes.plot(x, [entry["value"] for entry in entries], "o-", color=colour, markersize=4, label=f"{label} is hit")
        axes.fill_between(
            x, [entry["low"] for entry in entries], [entry["high"] for entry in entries], color=colour, alpha=0.15
        )
    axes.plot(x, [row["chance_any"] for row in rows], color=GREY, linestyle=":", label="at least one, by chance")
    axes.set_xlabel(words)
    axes.set_ylabel("Share of all cases")
    _share_axis(axes, "y")
    axes.legend(loc="lower right", fontsize=8.5, frameon=False)


def _models(axes: Axes, models: Sequence[dict[str, Any]]) -> None:
    for number, model in enumerate(models):
        auc, hit = model["table_1"]["image"]["auc"], model["table_2"]["all"]["regions"]["any"]
        either, chance = hit["either"], hit["chance_in_field"]["either"]
        if auc["value"] is None or auc["low"] is None or either["value"] is None:
            continue
        colour = (BLUE, ORANGE, GREEN, PURPLE, GREY)[number % 5]
        axes.errorbar(
            auc["value"],
            either["value"],
            [[either["value"] - either["low"]], [either["high"] - either["value"]]],
            [[auc["value"] - auc["low"]], [auc["high"] - auc["value"]]],
            fmt="o",
            color=colour,
            capsize=2,
            label=model["name"],
        )
        axes.plot(auc["value"], chance, "_", color=colour, markersize=14)
    axes.set_xlabel("AUC per image")
    axes.set_ylabel("At least one region hit (dash: by chance)")
    _share_axis(axes, "y")
    axes.legend(loc="lower left", fontsize=8.5, frameon=False)
