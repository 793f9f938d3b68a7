"""The sanity tests as one table for people (markdown), one for programs (CSV), and one figure."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.errors import MissingPackageError
from ..core.sanity import EXPOSED
from ..core.sanity_tables import lines
from .plots import BLUE, GREEN, GREY, ORANGE, PURPLE

TITLES = {
    "cascading": "Weights shuffled from the answer down to this layer",
    "independent": "Weights of this layer alone shuffled",
    "labels": "Linear layer learned again, on permuted and on true labels",
    "seeds": "Other heads, each trained on another draw of the patients",
    "frame": "The same frame, a little otherwise",
    "outline": "The same mass, outlined otherwise",
    "models": "Other models",
}
_HEADS = {"rank": "rank correlation", "cosine": "cosine", "same region": "points at the same region"}
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, GREY)


def write_sanity(folder: Path, report: Mapping[str, Any]) -> None:
    """Write ``sanity.csv``, ``sanity.md`` and ``sanity.png``.

    Raises
    ------
    MissingPackageError
        When matplotlib is not installed.
    """
    with (folder / "sanity.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("method", "test", "what", "measure", "mean", "low_95", "high_95", "cases"))
        for method, test, what, measure, found in lines(list(report["methods"].items())):
            figures = ["" if found[key] is None else round(found[key], 5) for key in ("value", "low", "high")]
            rows.writerow([method, test, what, measure, *figures, found["n"]])
    (folder / "sanity.md").write_text(markdown(report), encoding="utf-8", newline="\n")
    _draw(folder / "sanity.png", report)


def markdown(report: Mapping[str, Any]) -> str:
    """The table, after the sentences that say what was found and what was left out."""
    data = report["data"]
    how = ", each by the model that was not trained on it" if report["out_of_fold"] else ""
    found = [
        "# Sanity of the maps",
        "",
        f"{data['used']} frames of {data['patients']} patients of {data['name']}{how}. Means with 95 % intervals over "
        "bootstraps of the patients. Maps are compared cell by cell, signs included: 1 is the same map, 0 a map that "
        "has nothing to do with it.",
        "",
        *sentences(report),
        "",
        "| method | test | what was done | rank correlation | cosine | points at the same region |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for method, entry in report["methods"].items():
        for test, title in TITLES.items():
            for what, measures in entry["tests"].get(test, {}).items():
                cells = " | ".join(_number(measures.get(name)) for name in _HEADS)
                found.append(f"| {method} | {title} | {what} | {cells} |")
    found += ["", "| method | finds the mass by | map | chance | centre | average mask | map - average mask |"]
    found.append("|" + " --- |" * 7)
    for method, entry in report["methods"].items():
        for measure, parts in entry["localisation"].items():
            columns = ("map", "chance", "centre", "average mask", "map - average mask")
            found.append(f"| {method} | {measure} | {' | '.join(_number(parts.get(c)) for c in columns)} |")
    found += ["", "| method | logits towards the decision | map | random order | map - random |"]
    found.append("|" + " --- |" * 5)
    for method, entry in report["methods"].items():
        for test, words in (
            ("deletion", "after deletion (low is faithful)"),
            ("insertion", "after insertion (high is faithful)"),
        ):
            parts = entry["tests"][test]
            orders = ("map", "random", "map - random")
            found.append(f"| {method} | {words} | {' | '.join(_number(parts[c]['mean']) for c in orders)} |")
    found += ["", "| method | largest gap of map and logit | of regions and logit | likeness to the image's edges |"]
    found.append("|" + " --- |" * 4)
    for method, entry in report["methods"].items():
        gaps = entry["tests"]["completeness"]
        largest = [f"{gaps[w]['mean']['largest']:.1e}" if w in gaps else "no exact sum" for w in ("gap", "regions")]
        found.append(f"| {method} | {' | '.join(largest)} | {_number(entry['tests']['edges']['rank']['mean'])} |")
    return "\n".join([*found, ""])


def sentences(report: Mapping[str, Any]) -> list[str]:
    """What was found, and what was left out, one a line."""
    said = []
    for method, entry in report["methods"].items():
        kept, verdict = entry["exposed"]["kept"], entry["exposed"]["exposed"]
        if verdict is None:
            said.append(f"- **{method}**: its maps are flat, so that nothing can be compared.")
        elif verdict:
            said.append(
                f"- **{method} is exposed**: with all weights shuffled it keeps a rank correlation of {_number(kept)} "
                f"(from {EXPOSED:g} on a map does not show what the network has learned)."
            )
        else:
            said.append(f"- **{method}** depends on the weights: with all of them shuffled {_number(kept)} is left.")
    return [*said, *(f"- {note}" for note in report["notes"])]


def _number(found: Mapping[str, Any] | None) -> str:
    if found is None or found["value"] is None:
        return "-"
    return f"{found['value']:.2f} ({found['low']:.2f} to {found['high']:.2f})"


def _draw(path: Path, report: Mapping[str, Any]) -> None:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPackageError("The figure needs the package matplotlib: install it with pip.") from error
    methods = report["methods"]
    figure = Figure(figsize=(13, 8), dpi=110, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, 2)
    for axes, tests, title in (
        (panels[0, 0], ("cascading",), "Shuffled from the answer down: should fall to 0"),
        (panels[0, 1], ("labels", "seeds"), "Labels and draws: permuted should be near 0, the others high"),
        (panels[1, 0], ("frame", "outline", "models"), "A little otherwise, and other models: should be high"),
    ):
        for number, (method, entry) in enumerate(methods.items()):
            parts = {what: m["rank"] for test in tests for what, m in entry["tests"].get(test, {}).items()}
            _points(axes, parts, method, number, len(methods))
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("rank correlation with the original map")
        axes.set_xlim(-0.6, 1.05)
        axes.axvline(0, color="#999999", linewidth=0.8)
    for number, (method, entry) in enumerate(methods.items()):
        found = entry["localisation"]
        parts = {
            f"{measure}, {what}": found[measure][what]
            for measure in found
            for what in ("map", "chance", "centre", "average mask")
            if what in found[measure]
        }
        _points(panels[1, 1], parts, method, number, len(methods))
    panels[1, 1].set_title("Finding the mass, beside what knows nothing of the image", fontsize=10)
    panels[1, 1].set_xlim(-0.02, 1.02)
    panels[0, 0].legend(fontsize=8, loc="lower right")
    figure.suptitle(
        f"{report['data']['used']} frames of {report['data']['patients']} patients of "
        f"{report['data']['name']}; means with 95 % intervals by patient",
        fontsize=11,
    )
    figure.savefig(path, metadata={"Software": None})


def _points(axes: Any, parts: Mapping[str, Any], method: str, number: int, count: int) -> None:
    names = list(parts)
    offset = (number - (count - 1) / 2) * 0.7 / max(count, 1)
    for place, name in enumerate(names):
        found = parts[name]
        if found["value"] is None:
            continue
        label = method if place == 0 else None
        colour = COLOURS[number % len(COLOURS)]
        axes.plot([found["low"], found["high"]], [place + offset] * 2, color=colour, linewidth=2)
        axes.plot(found["value"], place + offset, "o", color=colour, markersize=5, label=label)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
