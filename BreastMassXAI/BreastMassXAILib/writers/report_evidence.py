"""The report's section on hits and energy beside what knows nothing of the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.regions import RELEVANT
from .report_page import REGION_NAMES, html_table, plain

_KIND_NAMES = {
    "positive": "evidence for malignant",
    "negative": "evidence for benign",
    "either": "evidence of either sign",
}
_POINT_NAMES = {"max": "Maximum", "min": "Minimum", "either": "Maximum or minimum"}
_SUBSETS = (("correct", "Correctly classified images"), ("all", "All images"))


def evidence(models: Sequence[dict[str, Any]]) -> str:
    """Tables of the first model, beside whatever other models have such tables.

    Parameters
    ----------
    models : sequence of dict
        As ``report.json`` has them.
    """
    model = models[0]
    if "evidence" not in model:
        return ""
    found = model["evidence"]
    others = [other for other in models[1:] if "evidence" in other]
    parts = [
        "<h2>Where the evidence lies, beside what knows nothing of the image</h2>"
        "<p>A map can hit the mass without having looked at the image: masses lie in the middle of what the network is "
        "shown. So each figure stands beside others that need no look: <b>chance</b> (points thrown at random into the "
        "part of the image that the network sees, or an even map), the <b>centre</b> of that part, and the <b>average "
        "mask</b> (the mean of all other patients' masses laid over it: its maximum is the point, its weight the "
        "share)"
        + (
            ", the same network with <b>random weights</b>"
            if found["random"]
            else "; --with-random adds the same network with random weights"
        )
        + ". The <b>energy</b> of a kind of evidence is the share of the map's positive part, of its negative part, or "
        "of its absolute value that lies in a region; other than two points it uses the whole map.</p>"
    ]
    for which, words in _SUBSETS:
        n = f"{found[which]['n']} of {found[which]['patients']} patients"
        parts.append(f"<h3>Hits. {words}: {n}</h3>" + html_table(*_hits(which, model, others), sums=True))
        parts.append(f"<h3>Energy. {words}: {n}</h3>" + html_table(*_energy(which, model, others), sums=True))
    for name, words, unit in (
        ("by_size", "By the size of the mass", "mm&sup2;"),
        ("by_confidence", "By confidence (distance of the probability from the threshold, in logits)", ""),
    ):
        if found.get(name, {}).get("all"):
            parts.append(
                f"<h3>{words}: thirds of all images</h3>"
                + html_table(*_thirds(found[name]["all"], unit), raw_first=True)
            )
    parts.append(
        f"<p class='note'>Means over images; small print: 95 % percentile intervals over {found['resamples']} "
        "bootstraps of the patients; where all images agree the interval has no width. The columns that say "
        "&quot;above&quot; are differences image by image, in points; a map is worth no more. A field that is laid "
        "around the mass knows where it is, and so do its centre and the average mask: they tell how much of a hit "
        "comes with the field. Both give one point each, maximum and minimum two. Images whose map has no evidence of "
        "a kind are left out of that kind's energy. "
        "After Saporta et al., Nat Mach Intell 2022; 4: 867-878.</p>"
    )
    return "".join(parts)


def _hits(which: str, model: dict[str, Any], others: Sequence[dict[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    regions, random = model["evidence"][which]["regions"], model["evidence"]["random"]
    heads = ["Region", "n|Hit", "n|Chance", "n|Above chance", "n|Centre", "n|Average mask", "n|Above the average mask"]
    heads += ["n|Random weights"] * random + [f"n|{other['name']}" for other in others]
    rows: list[list[Any]] = []
    for point, title in _POINT_NAMES.items():
        rows.append([("group", title)])
        for region in (*RELEVANT, "any"):
            entry = regions[region]
            row = [
                share(entry["hits"][point]),
                plain(entry["chance"]["either" if point == "either" else "one"]),
                points(entry["hits_minus_chance"][point]),
                plain(entry["centre"]["value"]),
                plain(entry["average_mask"]["value"]),
                points(entry["hits_minus_average_mask"][point]),
            ]
            if random:
                row.append(share(entry["random_hits"][point]))
            for other in others:
                theirs = other["evidence"][which]["regions"][region]
                chance = theirs["chance"]["either" if point == "either" else "one"]
                row.append(f"{share(theirs['hits'][point])}<small>by chance {plain(chance)}</small>")
            rows.append([REGION_NAMES[region], *(("n", words) for words in row)])
    return heads, rows


def _energy(which: str, model: dict[str, Any], others: Sequence[dict[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    regions, random = model["evidence"][which]["regions"], model["evidence"]["random"]
    heads = ["Region", "n|Energy", "n|Share of the field", "n|Above the share", "n|Average mask"]
    heads += ["n|Above the average mask", *["n|Random weights"] * random, *(f"n|{other['name']}" for other in others)]
    rows: list[list[Any]] = []
    for kind, title in _KIND_NAMES.items():
        rows.append([("group", title.capitalize())])
        for region in (*RELEVANT, "any"):
            entry = regions[region]
            row = [
                share(entry["energy"][kind]),
                plain(entry["field_share"]),
                points(entry["energy_minus_share"][kind]),
                plain(entry["average_mask_energy"]["value"]),
                points(entry["energy_minus_average_mask"][kind]),
            ]
            if random:
                row.append(share(entry["random_energy"][kind]))
            for other in others:
                theirs = other["evidence"][which]["regions"][region]
                row.append(f"{share(theirs['energy'][kind])}<small>of {plain(theirs['field_share'])}</small>")
            rows.append([REGION_NAMES[region], *(("n", words) for words in row)])
    return heads, rows


def _thirds(parts: Sequence[dict[str, Any]], unit: str) -> tuple[list[str], list[list[Any]]]:
    heads = ["Third", "n|Images"]
    heads += ["n|Mass hit by one of the two", "n|Chance", "n|Above chance"]
    heads += ["n|At least one region hit", "n|Above chance", "n|Energy in the three", "n|Above their share"]
    rows: list[list[Any]] = []
    for part in parts:
        mass, together = part["regions"].get("mass"), part["regions"].get("any")
        if not part["n"] or mass is None or together is None:
            continue
        words = (
            str(part["n"]),
            share(mass["hits"]["either"]),
            plain(mass["chance"]["either"]),
            points(mass["hits_minus_chance"]["either"]),
            share(together["hits"]["either"]),
            points(together["hits_minus_chance"]["either"]),
            share(together["energy"]["either"]),
            points(together["energy_minus_share"]["either"]),
        )
        rows.append([f"{part['low']:.3g} to {part['high']:.3g} {unit}", *(("n", entry) for entry in words)])
    return heads, rows


def share(found: dict[str, Any]) -> str:
    """A share with its interval, in per cent."""
    if found["value"] is None:
        return "-"
    return f"{found['value']:.0%}" + _interval(found, "{:d}")


def points(found: dict[str, Any]) -> str:
    """A difference with its interval, in percentage points."""
    if found["value"] is None:
        return "-"
    return f"{round(100 * found['value']):+d}" + _interval(found, "{:+d}")


def _interval(found: dict[str, Any], form: str) -> str:
    if found["low"] is None:
        return ""
    low, high = (form.format(round(100 * found[end])) for end in ("low", "high"))
    return f" <small>{low} to {high}</small>"
