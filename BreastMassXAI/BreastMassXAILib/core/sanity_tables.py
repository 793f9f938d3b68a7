"""What the sanity tests found of single cases, as means with intervals by patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .energy import UNSEARCHED, unpacked
from .regions import MASS, RELEVANT
from .resampling import bootstrap_means
from .sanity import EXPOSED, centre_strength, chance_overlap, on_picture, strongest_overlap

Place = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class CohortMaps:
    """All cases under one method.

    Parameters
    ----------
    values : tuple of dict, one a case
        Figures by their place in the table; a case may lack some.
    patients : ndarray of str, shape (n,)
    pictures : tuple of bytes
        Of the regions in the field, from :func:`~.energy.field_picture`.
    cells : tuple of ndarray
        The maps.
    """

    values: tuple[Mapping[Place, float], ...]
    patients: np.ndarray
    pictures: tuple[bytes, ...]
    cells: tuple[np.ndarray, ...]


def table(tested: CohortMaps) -> dict[str, dict[str, dict[str, Any]]]:
    """Means over cases with 95 % intervals over bootstraps of the patients, by test, by what was done, by measure."""
    places = list(dict.fromkeys(place for values in tested.values for place in values if place[0] != "decision"))
    columns = np.array([[values.get(place, np.nan) for place in places] for values in tested.values], float)
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for place, estimate, column in zip(places, bootstrap_means(columns, tested.patients), columns.T, strict=True):
        test, what, measure = place if len(place) == 3 else (place[0], place[1], "mean")
        entry = _plain(estimate)
        if test == "completeness":
            known = column[~np.isnan(column)]
            entry["largest"] = float(known.max()) if len(known) else None
        found.setdefault(test, {}).setdefault(what, {})[measure] = entry
    return found


def _plain(estimate: Any) -> dict[str, Any]:
    return {key: None if isinstance(v, float) and np.isnan(v) else v for key, v in estimate._asdict().items()}


def exposed(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Whether the map stays what it was when all weights are shuffled, and so cannot show what was learned."""
    steps = figures.get("cascading")
    if not steps:
        return {"kept": None, "exposed": None}
    last = steps[list(steps)[-1]]["rank"]
    return {"kept": last, "exposed": None if last["value"] is None else bool(last["value"] >= EXPOSED)}


def localisation(tested: CohortMaps) -> dict[str, dict[str, Any]]:
    """How well maps find the mass, beside what knows nothing of the image.

    Returns
    -------
    dict
        ``hit``: share of cases whose map's strongest point towards the decision lies in the mass (``mass``) or in one
        of the three regions (``any``). ``overlap``: intersection over union of the mass and of the map's strongest
        pixels, as many as the mass has. Each for the ``map``, for ``chance``, for the field's ``centre`` and for the
        ``average mask`` of all other patients, and the differences to these.
    """
    pictures = np.stack([unpacked(picture) for picture in tested.pictures])
    total = (pictures == MASS).sum(axis=0).astype(float)
    centre = centre_strength()
    rows: list[dict[tuple[str, str], float]] = []
    for values, patient, picture, cells in zip(tested.values, tested.patients, pictures, tested.cells, strict=True):
        own = pictures[tested.patients == patient]
        others = len(pictures) - len(own)
        average = (total - (own == MASS).sum(axis=0)) / others if others else None
        strength = on_picture(values["decision", "sign"] * cells)
        row: dict[tuple[str, str], float] = {}
        searched = picture != UNSEARCHED
        for what, strengths in (("map", strength), ("centre", centre), ("average mask", average)):
            if strengths is None or not searched.any():
                continue
            point = int(np.where(searched, strengths, -np.inf).argmax())
            region = int(picture.ravel()[point])
            row["hit, mass", what] = float(region == MASS)
            row["hit, any region", what] = float(0 < region <= len(RELEVANT))
            row["overlap", what] = strongest_overlap(strengths, picture)
        count = max(int(searched.sum()), 1)
        row["hit, mass", "chance"] = float((picture == MASS).sum()) / count
        inside = (picture > 0) & searched
        row["hit, any region", "chance"] = float(inside.sum()) / count
        row["overlap", "chance"] = chance_overlap(picture)
        for measure in ("hit, mass", "hit, any region", "overlap"):
            for what in ("chance", "centre", "average mask"):
                if (measure, what) in row and (measure, "map") in row:
                    row[measure, f"map - {what}"] = row[measure, "map"] - row[measure, what]
        rows.append(row)
    places = list(dict.fromkeys(place for row in rows for place in row))
    columns = np.array([[row.get(place, np.nan) for place in places] for row in rows], float)
    found: dict[str, dict[str, Any]] = {}
    for (measure, what), estimate in zip(places, bootstrap_means(columns, tested.patients), strict=True):
        found.setdefault(measure, {})[what] = _plain(estimate)
    return found


def lines(figures: Sequence[tuple[str, Mapping[str, Any]]]) -> list[tuple[str, str, str, str, Mapping[str, Any]]]:
    """All figures of several methods, one a line: method, test, what was done, measure, estimate."""
    return [
        (method, test, what, measure, estimate)
        for method, found in figures
        for test, parts in {
            **found["tests"],
            **{name: {what: {"mean": e} for what, e in part.items()} for name, part in found["localisation"].items()},
        }.items()
        for what, measures in parts.items()
        for measure, estimate in measures.items()
    ]
