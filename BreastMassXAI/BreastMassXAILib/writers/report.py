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
from ..core.findings import above_chance, pointing_against_quality
from ..core.frame import Case
from .figure import figure_pixels
from .plots import curves, models_plot
from .report_check import counter_checks
from .report_descriptors import descriptors
from .report_evidence import evidence
from .report_methods import beside_each_other
from .report_page import STYLE, html_figure, html_table, number, percent, plain
from .report_pointing import suspension, sweeps, table_2

PICTURE_WIDTH = 1100
"""Pixels of an example's picture; 100 KB each as JPEG."""
_SHOWN_REASONS = 20


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
        parts += [table_2(models[0], report["settings"]["ring_mm"]), sweeps(drawn), evidence(models)]
        parts.append(beside_each_other(models[0].get("methods", ())))
        parts.append(counter_checks(models[0], report["settings"].get("check")))
        parts.append(suspension(models[0], drawn))
    parts.append(descriptors(models[0]))
    if len(models) > 1:
        parts.append(_models(models))
    parts += [_examples(pictures), _provenance(report)]
    title = f"{report['data']['name']}: evaluation"
    path.write_text(
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>\n"
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
        ("AUC per image", number(image["auc"], 3)),
        ("AUC per case, views averaged", number(case["auc"], 3)),
        ("Calibration error (ECE)", f"{model['calibration']['ece']:.3f}"),
    ]
    if "table_2" in model:
        hit = model["table_2"]["correct"]["regions"]["any"]
        chance = hit["chance_in_field"]["either"]
        by_chance = "" if chance is None else f"<small>by chance {chance:.0%}</small>"
        keys.append(("Explanations that hit a region", f"{percent(hit['either'])}{by_chance}"))
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
        text += html_table(["n|Images", "Reason", "Which"], rows)
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
                        ("n", number(table["auc"], 3)) if choice == "model" else "",
                        f"{at['threshold']:.3f}, {name}",
                        *(("n", number(at[key], 3)) for key in ("accuracy", "sensitivity", "specificity")),
                    ]
                )
    heads = ["", "n|Cases (malignant)", "n|AUC", "Threshold", "n|Accuracy", "n|Sensitivity", "n|Specificity"]
    warning = ""
    if model["table_1"]["image"]["auc"]["value"] is None:
        warning = "<p class='warn'>Only one class is present: neither an AUC nor a threshold can be found.</p>"
    return (
        "<h2>Table 1. How well malignant and benign are told apart</h2>"
        + warning
        + html_table(heads, rows)
        + "<p class='note'>AUC with DeLong's interval, shares with Wilson's. The model's own threshold came with "
        "the model. The threshold closest to the upper left corner of the ROC curve is chosen on the very data it is "
        "judged by, as the paper did; it flatters a little. A case is a patient's masses of one label.</p>"
    )


def _quality(model: dict[str, Any], drawn: dict[str, str]) -> Iterable[str]:
    found = model["calibration"]
    yield "<h2>Curves</h2><div class='two'>"
    if "roc" in drawn:
        yield html_figure(drawn["roc"], "<b>ROC curve.</b> The further towards the upper left corner, the better.")
    yield html_figure(
        drawn["calibration"],
        "<b>Calibration.</b> Where the model says 80 %, are 80 % malignant? The mean gap (expected calibration error, "
        f"ten equal bins) is {found['ece']:.3f}; the Brier score is {found['brier']:.3f}, where always saying the "
        f"share of malignant images would score {found['brier_of_the_base_rate']:.3f} (lower is better).",
    )
    yield "</div>"


def _models(models: Sequence[dict[str, Any]]) -> str:
    rows = []
    for model in models:
        hit = model.get("table_2", {}).get("all", {}).get("regions", {}).get("any")
        rows.append(
            [
                model["name"],
                ("n", number(model["table_1"]["image"]["auc"], 3)),
                ("n", number(model["table_1"]["case"]["auc"], 3)),
                ("n", f"{model['calibration']['ece']:.3f}"),
                ("n", percent(hit["either"]) if hit else ""),
                ("n", plain(hit["chance_in_field"]["either"]) if hit else ""),
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
        + html_table(heads, rows)
        + f"<p><b>{escape(pointing_against_quality(models))}</b></p><div class='two'>"
        + html_figure(models_plot(models), "Pointing against classifying; bars are 95 % intervals, dashes chance.")
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
