"""The report of a cohort as one HTML file that needs nothing else: no network, no other file, no script."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from ..core.explain import Explanation
from ..core.findings import above_chance, pointing_against_quality, suspension_answers
from ..core.frame import Case
from ..core.regions import RELEVANT
from ..core.words import NAMES
from .figure import figure_pixels
from .plots import curves, models_plot

PICTURE_WIDTH = 1100
"""Pixels of an example's picture; 100 KB each as JPEG."""
_SHOWN_REASONS = 20
_NARROW = 4
"""Columns that a telephone shows."""
_REGION_NAMES = {**NAMES, "any": "at least one of the three"}
_POINTING_HEADS = (
    "Region",
    "n|Hit by one of the two",
    "n|By chance",
    "n|Hit by the maximum",
    "n|Hit by the minimum",
    "n|One point by chance",
    "n|Share of the whole scan area",
    "n|Two points by chance, whole scan area",
)
_STYLE = """
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


@dataclass(frozen=True)
class Picture:
    """An example to show: why it was chosen, which case it is, what the model said of it, and a JPEG file's bytes."""

    title: str
    identifier: str
    label: str
    probability: float
    jpeg: bytes


def draw_example(case: Case, explanation: Explanation) -> bytes:
    """An explanation's page as a JPEG file's bytes.

    Raises
    ------
    MissingPackageError
        When matplotlib is not installed.
    """
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(figure_pixels(case, explanation, PICTURE_WIDTH)).save(data, "JPEG", quality=85, optimize=True)
    return data.getvalue()


def write_report(path: Path, report: dict[str, Any], pictures: Sequence[Picture] = ()) -> None:
    """Write the report of what ``report.json`` holds.

    Parameters
    ----------
    path : Path
    report : dict
        As :mod:`..commands.evaluate` writes it; the first model is the one that is told in full.
    pictures : sequence of Picture

    Raises
    ------
    MissingPackageError
        When matplotlib is not installed.
    """
    models = report["models"]
    drawn = curves(models[0])
    parts = [
        _head(report),
        _seen_before(report),
        _in_short(models),
        _left_out(report["data"]),
        _table_1(models[0]),
        *_quality(models[0], drawn),
    ]
    if "table_2" in models[0]:
        parts += [_table_2(models[0], report["settings"]["ring_mm"]), _sweeps(drawn), _suspension(models[0], drawn)]
    if len(models) > 1:
        parts.append(_models(models))
    parts += [_examples(pictures), _provenance(report)]
    title = f"{report['data']['name']}: evaluation"
    path.write_text(
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(part for part in parts if part)
        + "\n</body></html>\n",
        encoding="utf-8",
        errors="backslashreplace",
        newline="\n",
    )


def _head(report: dict[str, Any]) -> str:
    data, model = report["data"], report["models"][0]
    image, case = model["table_1"]["image"], model["table_1"]["case"]
    keys = [
        ("AUC per image", _number(image["auc"], 3)),
        ("AUC per case, views averaged", _number(case["auc"], 3)),
        ("Calibration error (ECE)", f"{model['calibration']['ece']:.3f}"),
    ]
    if "table_2" in model:
        hit = model["table_2"]["correct"]["regions"]["any"]
        chance = hit["chance_in_field"]["either"]
        by_chance = "" if chance is None else f"<small>by chance {chance:.0%}</small>"
        keys.append(("Explanations that hit a region", f"{_percent(hit['either'])}{by_chance}"))
    boxes = "".join(
        f"<div>{escape(name)}<b>{value.partition('<small>')[0]}</b>{''.join(value.partition('<small>')[1:])}</div>"
        for name, value in keys
    )
    return (
        f"<h1>Breast masses on ultrasound: {escape(data['name'])}</h1>"
        f"<p class='lead'>The model <b>{escape(model['name'])}</b> looked at {data['evaluated']} images of "
        f"{data['patients']} patients ({data['malignant']} images show a malignant mass). This report says how well it "
        "tells malignant from benign masses, how far its probabilities can be trusted, and whether its explanations "
        "point at tissue in which a radiologist would look: the mass, the ring around it, and the tissue below it.</p>"
        f"<div class='key'>{boxes}</div>"
        "<p class='note'>Figures in small print are 95 % intervals. They take into account that several images may "
        "come from one patient. Research use only, not a medical device.</p>"
    )


def _in_short(models: Sequence[dict[str, Any]]) -> str:
    parts = ["<h2>In short</h2>"]
    for model in models:
        name = f"<h3>{escape(model['name'])}</h3>" if len(models) > 1 else ""
        parts.append(name + "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in model["findings"]) + "</ul>")
    return "".join(parts)


def _seen_before(report: dict[str, Any]) -> str:
    """A warning where the model learned from the very data that it is judged by."""
    data = report["data"]["name"]
    learned = [model["name"] for model in report["models"] if _trained_on(model) == data and not model["out_of_fold"]]
    if not learned:
        return ""
    return (
        f"<p class='warn'>{escape(', '.join(learned))}: trained on images of {escape(data)} itself. Figures on images "
        "that a model has seen are too good; judge it by other data, or fold by fold (--out-of-fold).</p>"
    )


def _trained_on(model: dict[str, Any]) -> str:
    trained = model["training"].get("data")
    return str(trained.get("name", "") if isinstance(trained, dict) else trained or "")


def _left_out(data: dict[str, Any]) -> str:
    left = data["left_out"]
    words = f"{data['listed']} images are listed: {data['evaluated']} were evaluated, {len(left)} were left out"
    text = f"<h2>Which images</h2><p>{words}{'.' if not left else ', for these reasons:'}</p>"
    if left:
        alike = Counter(entry["reason"] for entry in left)
        rows = []
        for reason, count in alike.most_common(_SHOWN_REASONS):
            names = [entry["identifier"] for entry in left if entry["reason"] == reason]
            shown = ", ".join(names[:4]) + (" ..." if count > 4 else "")
            rows.append([("n", str(count)), reason, shown])
        text += _table(["n|Images", "Reason", "Which"], rows)
        if len(alike) > _SHOWN_REASONS:
            text += "<p class='note'>Further reasons are in cases.csv and report.json.</p>"
    return text + "".join(f"<p class='warn'>{escape(note)}</p>" for note in data["notes"])


def _table_1(model: dict[str, Any]) -> str:
    rows = []
    for level, words in (("image", "Per image"), ("case", "Per case (views of a mass averaged)")):
        table = model["table_1"][level]
        for choice, name in (("model", "of the model"), ("corner", "closest to the corner, on these data")):
            if choice in table:
                at = table[choice]
                rows.append(
                    [
                        words if choice == "model" else "",
                        ("n", f"{table['n']} ({table['malignant']})") if choice == "model" else "",
                        ("n", _number(table["auc"], 3)) if choice == "model" else "",
                        f"{at['threshold']:.3f}, {name}",
                        *(("n", _number(at[key], 3)) for key in ("accuracy", "sensitivity", "specificity")),
                    ]
                )
    heads = ["", "n|Cases (malignant)", "n|AUC", "Threshold", "n|Accuracy", "n|Sensitivity", "n|Specificity"]
    warning = ""
    if model["table_1"]["image"]["auc"]["value"] is None:
        warning = "<p class='warn'>Only one class is present: neither an AUC nor a threshold can be found.</p>"
    return (
        "<h2>Table 1. How well malignant and benign are told apart</h2>"
        + warning
        + _table(heads, rows)
        + "<p class='note'>AUC with DeLong's interval, shares with Wilson's. The model's own threshold came with "
        "the model. The threshold closest to the upper left corner of the ROC curve is chosen on the very data it is "
        "judged by, as the paper did; it flatters a little. A case is a patient's masses of one label.</p>"
    )


def _quality(model: dict[str, Any], drawn: dict[str, str]) -> Iterable[str]:
    found = model["calibration"]
    yield "<h2>Curves</h2><div class='two'>"
    if "roc" in drawn:
        yield _figure(drawn["roc"], "<b>ROC curve.</b> The further towards the upper left corner, the better.")
    yield _figure(
        drawn["calibration"],
        "<b>Calibration.</b> Where the model says 80 %, are 80 % malignant? The mean gap (expected calibration error, "
        f"ten equal bins) is {found['ece']:.3f}; the Brier score is {found['brier']:.3f}, where always saying the "
        f"share of malignant images would score {found['brier_of_the_base_rate']:.3f} (lower is better).",
    )
    yield "</div>"


def _table_2(model: dict[str, Any], ring_mm: float) -> str:
    parts = [
        "<h2>Table 2. Where the explanations point</h2>"
        "<p>Each explanation is a map of what pushed the decision towards malignant and towards benign. Its "
        "strongest point of each kind, the maximum and the minimum, is looked up: a region is hit when one of the two "
        f"lies in it, so one image may score two hits. The ring is {ring_mm:g} mm wide. <b>Chance</b> is what two "
        "points thrown at random into the part of the image that the network sees would hit; a map is worth no more "
        "than what it exceeds that by. The last two columns say the same of the whole scan area, where most networks "
        "cannot point. All figures are shares of the images named above each table.</p>"
    ]
    for subset, words in (("correct", "Correctly classified images (as in the paper)"), ("all", "All images")):
        table = model["table_2"][subset]
        parts.append(f"<h3>{words}: {table['n']}</h3>" + _table(_POINTING_HEADS, _pointing_rows(table), sums=True))
        rows: list[list[Any]] = []
        for label in ("malignant", "benign"):
            table = model["table_2"][label if subset == "all" else f"{subset} {label}"]
            rows += [[("group", f"{label.capitalize()}: {table['n']}")], *_pointing_rows(table)]
        parts.append(f"<h3>{words}, by class</h3>" + _table(_POINTING_HEADS, rows, sums=True))
    return "".join(parts)


def _pointing_rows(table: dict[str, Any]) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for region in (*RELEVANT, "any"):
        entry = table["regions"][region]
        inside, whole = entry["chance_in_field"], entry["chance_in_scan_area"]
        rows.append(
            [
                _REGION_NAMES[region],
                ("n", _percent(entry["either"])),
                ("n", _plain(inside["either"])),
                ("n", _percent(entry["max"])),
                ("n", _percent(entry["min"])),
                ("n", _plain(inside["one"])),
                ("n", _plain(whole["one"])),
                ("n", _plain(whole["either"])),
            ]
        )
    return rows


def _sweeps(drawn: dict[str, str]) -> str:
    if "ring_sweep" not in drawn:
        return ""
    return (
        "<h3>Do these figures hang on the ring's width, or on a narrow miss?</h3><div class='two'>"
        + _figure(
            drawn["ring_sweep"],
            "<b>Ring width.</b> A wider ring is hit more often, by chance too: the gap between the blue and the dotted "
            "line is what counts.",
        )
        + _figure(
            drawn["tolerance_sweep"],
            "<b>Tolerance.</b> Hits when a point may miss the nearest region by so many millimetres.",
        )
        + "</div>"
    )


def _suspension(model: dict[str, Any], drawn: dict[str, str]) -> str:
    found = model["suspension"]
    kept, away, everyone = found["risk_of_kept"], found["risk_of_suspended"], found["risk_of_all"]
    text = (
        "<h2>Is it worth suspending decisions whose explanation points nowhere?</h2>"
        "<p>The paper proposes to suspend a decision when neither extreme point lies in one of the regions. "
        f"Here this suspends <b>{found['suspended']} of {found['n']}</b> decisions. If the rule is any good, the "
        "suspended decisions are wrong more often than the others, and more is gained than by suspending as many of "
        "the least confident decisions, or as many at random.</p>"
    )
    rows = [
        ["None suspended", ("n", _percent(everyone)), ""],
        ["Suspended by the explanation", ("n", _percent(kept)), ""],
        ["&nbsp; the suspended ones themselves", ("n", _percent(away)), ""],
    ]
    if found["risk_by_confidence_at_same_coverage"] is not None:
        for name, words in (("confidence", "As many suspended by low confidence"), ("random", "As many at random")):
            difference = found[f"risk_by_{name}_minus_by_explanation"]
            risk = difference["value"] + kept["value"]
            interval = (
                f" <small>{100 * difference['low']:+.1f} to {100 * difference['high']:+.1f}</small>"
                if difference["low"] is not None and difference["high"] is not None
                else ""
            )
            rows.append([words, ("n", _plain(risk)), ("n", f"{100 * difference['value']:+.1f}{interval}")])
    heads = ["Rule", "n|Wrong decisions among those kept", "n|Difference to the explanation rule, in points"]
    areas = found["area_under_risk_coverage"]
    shown = ", ".join(
        f"{words} {areas[name]:.3f}"
        for name, words in (
            ("explanation", "by explanation"),
            ("confidence", "by confidence"),
            ("both", "by both"),
            ("random", "at random"),
        )
    )
    text += _table(heads, rows, raw_first=True)
    text += "".join(f"<p><b>{escape(answer)}</b></p>" for answer in suspension_answers(found))
    return text + (
        "<div class='two'>"
        + _figure(
            drawn["risk_coverage"],
            "<b>Risk and coverage.</b> From right to left more and more decisions are suspended; a good rule makes the "
            f"line fall. Area under the line, lower is better: {shown}.",
        )
        + "</div>"
    )


def _models(models: Sequence[dict[str, Any]]) -> str:
    rows = []
    for model in models:
        hit = model.get("table_2", {}).get("all", {}).get("regions", {}).get("any")
        rows.append(
            [
                model["name"],
                ("n", _number(model["table_1"]["image"]["auc"], 3)),
                ("n", _number(model["table_1"]["case"]["auc"], 3)),
                ("n", f"{model['calibration']['ece']:.3f}"),
                ("n", _percent(hit["either"]) if hit else ""),
                ("n", _plain(hit["chance_in_field"]["either"]) if hit else ""),
                ("n", f"{100 * above:+.0f}" if (above := above_chance(model)) is not None else ""),
            ]
        )
    heads = [
        "Model",
        "n|AUC per image",
        "n|AUC per case",
        "n|ECE",
        "n|At least one region hit",
        "n|By chance",
        "n|Above chance, points",
    ]
    return (
        "<h2>Do better classifiers point better?</h2><p>The paper leaves open whether the pointing game grows with the "
        "classifier's quality. The same images under several models:</p>"
        + _table(heads, rows)
        + f"<p><b>{escape(pointing_against_quality(models))}</b></p><div class='two'>"
        + _figure(models_plot(models), "Pointing against classifying; bars are 95 % intervals, dashes chance.")
        + "</div>"
    )


def _examples(pictures: Sequence[Picture]) -> str:
    if not pictures:
        return ""
    parts = [
        "<h2>Examples: the best and the worst</h2><p>Red tissue pushed the decision towards malignant, blue towards "
        "benign; crosses are the extreme points; lines show the mass, the ring and the tissue below.</p>"
    ]
    title = ""
    for picture in pictures:
        if picture.title != title:
            title = picture.title
            parts.append(f"<h3>{escape(title)}</h3>")
        data = base64.b64encode(picture.jpeg).decode()
        words = f"{picture.identifier}: truly {picture.label}, probability {picture.probability:.2f}"
        parts.append(
            f"<figure class='wide'><img alt='{escape(words)}' src='data:image/jpeg;base64,{data}'>"
            f"<figcaption>{escape(words)}</figcaption></figure>"
        )
    return "".join(parts)


def _provenance(report: dict[str, Any]) -> str:
    rows = [["Command", f"<code>{escape(report['command'])}</code>"]]
    for model in report["models"]:
        name = _trained_on(model)
        words = (
            f"SHA-256 of model.json <code>{escape(model['sha256'])}</code>" if model["sha256"] else "predictions only"
        )
        rows.append([f"Model {escape(model['name'])}", words + (f"; trained on {escape(name)}" if name else "")])
    rows += [
        ["Pixel size", escape(report["data"]["spacing"])],
        ["Software", escape(", ".join(f"{name} {version}" for name, version in report["software"].items()))],
        ["Finished", f"{escape(report['finished'])}, after {report['seconds']:g} s"],
    ]
    table = "".join(f"<tr><td>{name}</td><td>{value}</td></tr>" for name, value in rows)
    return (
        f"<h2>How this was made</h2><table>{table}</table><p class='note'>The figures are in report.json, every "
        "case in cases.csv. Method: Byra et al., J Ultrason 2022; 22: e70-e75.</p>"
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[Any]], sums: bool = False, raw_first: bool = False) -> str:
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
        mark = " class='sum'" if sums and row[0] == _REGION_NAMES["any"] else ""
        cells = "".join(cell(entry, raw_first and place == 0) for place, entry in enumerate(row))
        lines.append(f"<tr{mark}>{cells}</tr>")
    top = f"<thead><tr>{''.join(map(head, heads))}</tr></thead>"
    kind = "table wide" if len(heads) > _NARROW else "table"
    return f"<div class='{kind}'><table>{top}<tbody>{''.join(lines)}</tbody></table></div>"


def _figure(svg: str, caption: str) -> str:
    return f"<figure>{svg}<figcaption>{caption}</figcaption></figure>"


def _number(found: dict[str, Any], digits: int) -> str:
    if found["value"] is None:
        return "-"
    interval = ""
    if found["low"] is not None:
        interval = f" <small>{found['low']:.{digits}f} to {found['high']:.{digits}f}</small>"
    return f"{found['value']:.{digits}f}{interval}"


def _percent(found: dict[str, Any]) -> str:
    if found["value"] is None:
        return "-"
    return f"{found['value']:.0%} <small>{100 * found['low']:.0f} to {100 * found['high']:.0f}</small>"


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
