"""What results show of themselves in a notebook: picture, decision, table. Nothing is fetched from anywhere."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ..core.cine_result import CineResult
from ..core.errors import MissingPackageError
from ..core.explain import Explanation
from ..core.frame import Case
from ..core.words import NAMES, headline, worth
from ..writers.figure import draw
from ..writers.tables import pointing_game_rows

FRAMES_SHOWN = 12
"""Of a loop, about so many rows."""
DPI = 64
"""Of a picture in a notebook, which is 16 x 8 inches on paper."""
_CELL = "padding: 2px 10px; text-align: {}; white-space: nowrap"


def explained_page(case: Case, explanation: Explanation) -> str:
    """Picture, decision with its reason, pointing game and warnings."""
    result = explanation.result
    heads = (
        "region",
        "maximum",
        "minimum",
        "share of area",
        "contribution (logit)" if result.exact else "share of evidence",
    )
    rows = [
        (
            NAMES.get(str(row["region"]), str(row["region"])),
            "hit" if row["maximum"] else "",
            "hit" if row["minimum"] else "",
            f"{row['area_fraction']:.1%}",
            worth(result, str(row["region"])) if row["region"] in NAMES else f"{row['contribution_logit']:+.3f}",
        )
        for row in pointing_game_rows(result)
    ]
    if result.exact:
        rows += [("bias", "", "", "", f"{result.bias:+.3f}"), ("logit", "", "", "", f"{result.logit:+.3f}")]
    return _page(
        headline(result),
        f"because {result.reason}; model {result.model['name']}; mask {result.mask['origin']}",
        _picture(case, explanation) + _table(heads, rows),
        result.warnings,
    )


def cine_page(result: CineResult, case: Case, explanation: Explanation) -> str:
    """The decision of the whole loop, its strongest frame's picture, and how its frames were decided."""
    heads = ("frame", "probability", "decision", "maximum in", "minimum in")
    shown = result.frames[:: max(len(result.frames) // FRAMES_SHOWN, 1)]
    rows = [
        (
            str(frame.index + 1),
            f"{frame.result.probability:.3f}",
            frame.result.decision,
            *(NAMES[frame.result.extremes[which].region] for which in ("max", "min")),
        )
        for frame in shown
    ]
    return _page(
        f"Decision: {result.decision.upper()}  -  median probability of malignancy {result.median_probability:.2f} "
        f"over {len(result.frames)} of {result.count} frames",
        f"because {result.reason}; the picture is frame {result.strongest + 1}, the strongest",
        _picture(case, explanation) + _table(heads, rows),
        result.warnings,
    )


def evaluation_page(folder: str, report: Mapping[str, Any]) -> str:
    """What was found out under each model, in sentences, and its figures with their intervals."""
    data = report["data"]
    heads = ("model", "level", "n", "AUC", "accuracy", "sensitivity", "specificity")
    rows = []
    for model in report["models"]:
        for level, entry in model["table_1"].items():
            figures = [entry["auc"], *(entry["model"][name] for name in heads[4:])]
            rows.append((model["name"], level, str(entry["n"]), *map(_estimate, figures)))
    sentences = [f"{model['name']}: {text}" for model in report["models"] for text in model["findings"]]
    return _page(
        f"{data['name']}: {data['evaluated']} of {data['listed']} cases evaluated",
        f"{len(data['left_out'])} left out; {folder}/report.html has all of it",
        _table(heads, rows),
        sentences,
    )


def _estimate(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return "-"
    interval = "" if figure["low"] is None else f" ({figure['low']:.3f} to {figure['high']:.3f})"
    return f"{figure['value']:.3f}{interval}"


def _page(title: str, subtitle: str, body: str, notes: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in notes)
    return (
        f"<div><p><b>{escape(title)}</b><br>{escape(subtitle)}</p>{body}"
        f"{f'<ul>{items}</ul>' if items else ''}<p><small>Research use only; not for diagnosis.</small></p></div>"
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        sides = ("left", *["right"] * (len(cells) - 1))
        return "".join(
            f'<{tag} style="{_CELL.format(side)}">{escape(cell)}</{tag}>'
            for side, cell in zip(sides, cells, strict=True)
        )

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return f'<table style="border-collapse: collapse"><tr>{line(heads, "th")}</tr>{body}</table>'


def _picture(case: Case, explanation: Explanation) -> str:
    try:
        page = draw(case, explanation)
    except MissingPackageError as error:
        return f"<p>{escape(str(error))}</p>"
    data = io.BytesIO()
    page.savefig(data, format="png", dpi=DPI)
    text = base64.b64encode(data.getvalue()).decode()
    alt = "Frame, regions, saliency map and contributions"
    return f'<img style="max-width: 100%" alt="{alt}" src="data:image/png;base64,{text}">'
