"""What a report's page is made of: its style, tables, figures, and numbers in words."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from ..core.words import NAMES

REGION_NAMES = {**NAMES, "any": "at least one of the three"}
STYLE = """
body{font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;color:#1a1a1a;max-width:1080px;margin:0 auto;
padding:24px 32px 60px;background:#fff}
h1{font-size:28px;margin:0 0 4px}h2{font-size:21px;margin:44px 0 6px;border-bottom:2px solid #1f5fa8;padding-bottom:4px}
h3{font-size:17px;margin:24px 0 4px}p{margin:8px 0}.lead{font-size:17px}
.note{color:#555;font-size:14.5px}table{border-collapse:collapse;margin:12px 0;font-variant-numeric:tabular-nums}
th,td{padding:5px 14px 5px 0;text-align:left;border-bottom:1px solid #ddd;vertical-align:top}
th{font-weight:600;border-bottom:2px solid #888}td.n,th.n{text-align:right}
tbody th{padding-top:14px}td.n small,.key small{display:block}
tr.sum td{font-weight:600;border-top:1px solid #888}small{color:#666;white-space:nowrap}
.warn{background:#fff4e0;border-left:4px solid #c8500a;padding:8px 14px;margin:12px 0}
.key{display:flex;flex-wrap:wrap;gap:14px;margin:18px 0}
.key div{background:#f2f5f9;border-radius:6px;padding:10px 16px;min-width:150px}
.key b{display:block;font-size:25px;line-height:1.2}.two{display:flex;flex-wrap:wrap;gap:28px}
figure{margin:10px 0;flex:1 1 440px;max-width:520px}figure.wide{max-width:none}
figcaption{font-size:14.5px;color:#333}svg{width:100%;height:auto}
img{width:100%;height:auto;border:1px solid #ccc}code{background:#f2f2f2;padding:1px 4px;overflow-wrap:anywhere}
.table{overflow-x:auto}ul{padding-left:22px;margin:8px 0}li{margin:4px 0}
@media (max-width:700px){body{padding:14px 14px 40px;font-size:15px}th,td{padding-right:9px}figure{flex-basis:100%}
th{font-size:14px}h1{font-size:23px}
.wide::before{content:"Wide table: move it sideways.";color:#555;font-size:13px}}
@media print{body{max-width:none;padding:0;font-size:11pt}h2,h3{break-after:avoid}figure,table{break-inside:avoid}
.table{overflow:visible}.wide::before{content:none}table{font-size:8.5pt}th,td{padding:3px 7px 3px 0}
.key div,.warn{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""

NARROW = 4
"""Columns that a telephone shows."""


def html_table(heads: Sequence[str], rows: Sequence[Sequence[Any]], sums: bool = False, raw_first: bool = False) -> str:
    """A table; wide ones can be scrolled.

    Parameters
    ----------
    heads : sequence of str
        ``n|`` before the words of columns of figures, which go to the right.
    rows : sequence of sequences
        Cells are text (escaped), ``("n", html)``, or alone in their row ``("group", text)`` for what follows.
    sums : bool
        Rows that tell of all regions together are set apart.
    raw_first : bool
        The first cells are HTML already.
    """

    def head(text: str) -> str:
        return f"<th class='n'>{escape(text[2:])}</th>" if text.startswith("n|") else f"<th>{escape(text)}</th>"

    def cell(entry: Any, raw: bool) -> str:
        if not isinstance(entry, tuple):
            return f"<td>{entry if raw else escape(entry)}</td>"
        kind, words = entry
        return f"<td class='n'>{words}</td>" if kind == "n" else f"<th colspan='{len(heads)}'>{escape(words)}</th>"

    lines = []
    for row in rows:
        mark = " class='sum'" if sums and row[0] == REGION_NAMES["any"] else ""
        cells = "".join(cell(entry, raw_first and place == 0) for place, entry in enumerate(row))
        lines.append(f"<tr{mark}>{cells}</tr>")
    top = f"<thead><tr>{''.join(map(head, heads))}</tr></thead>"
    kind = "table wide" if len(heads) > NARROW else "table"
    return f"<div class='{kind}'><table>{top}<tbody>{''.join(lines)}</tbody></table></div>"


def html_figure(svg: str, caption: str) -> str:
    return f"<figure>{svg}<figcaption>{caption}</figcaption></figure>"


def number(found: dict[str, Any], digits: int) -> str:
    if found["value"] is None:
        return "-"
    interval = ""
    if found["low"] is not None:
        interval = f" <small>{found['low']:.{digits}f} to {found['high']:.{digits}f}</small>"
    return f"{found['value']:.{digits}f}{interval}"


def percent(found: dict[str, Any]) -> str:
    if found["value"] is None:
        return "-"
    return f"{found['value']:.0%} <small>{100 * found['low']:.0f} to {100 * found['high']:.0f}</small>"


def plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
