"""Small text files: a case's pointing game as CSV, its extreme points as Slicer markups, a cohort's cases as CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..core.cohort import Skipped
from ..core.regions import RELEVANT
from ..core.result import CaseResult

POINTING_GAME_COLUMNS = ("region", "maximum", "minimum", "area_fraction", "contribution_logit")


def pointing_game_rows(result: CaseResult) -> list[dict[str, object]]:
    """The pointing game (paper, Table 2, for one case), one row per region, with what chance and exact shares say.

    Returns
    -------
    list of dict
        Also the outline's terms, where the model has any: `region` is then ``outline: `` and the descriptor's name.
        Keys: region; maximum, minimum (1 where the extreme point lies in the region, else 0); area_fraction (share of
        the scan area); contribution_logit (empty where the method's values do not add up).
    """
    regions: list[dict[str, object]] = [
        {
            "region": name,
            "maximum": int(result.extremes["max"].region == name),
            "minimum": int(result.extremes["min"].region == name),
            "area_fraction": result.area_fraction[name],
            "contribution_logit": result.contributions.get(name, ""),
        }
        for name in (*RELEVANT, "elsewhere")
    ]
    return regions + [
        {
            "region": f"outline: {name}",
            "maximum": 0,
            "minimum": 0,
            "area_fraction": 0.0,
            "contribution_logit": share,
        }
        for name, share in result.terms.items()
    ]


def pointing_game_csv(result: CaseResult) -> str:
    """:func:`pointing_game_rows` as CSV text."""
    text = io.StringIO()
    table = csv.DictWriter(text, POINTING_GAME_COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(pointing_game_rows(result))
    return text.getvalue()


def extremes_markups(result: CaseResult) -> str:
    """The extreme points as a Slicer markups file (``.mrk.json``), in the geometry of ``saliency.nrrd``.

    Positions are in LPS millimetres; a frame of unknown spacing has pixels of 1 mm, as its NRRD files do.
    """
    row_mm, column_mm = result.spacing_mm or (1.0, 1.0)
    points = [
        {
            "id": str(number),
            "label": which,
            "description": f"{point.value:+.4f} logit, {point.region}",
            "position": [point.column * column_mm, point.row * row_mm, 0.0],
            "selected": True,
            "locked": True,
            "visibility": True,
            "positionStatus": "defined",
        }
        for number, (which, point) in enumerate(result.extremes.items(), start=1)
    ]
    markup = {
        "type": "Fiducial",
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": True,
        "fixedNumberOfControlPoints": True,
        "labelFormat": "%N-%d",
        "lastUsedControlPointNumber": len(points),
        "controlPoints": points,
        "display": {
            "visibility": True,
            "color": [1.0, 1.0, 1.0],
            "selectedColor": [1.0, 1.0, 1.0],
            "glyphType": "Cross2D",
            "glyphScale": 3.0,
            "textScale": 3.0,
            "pointLabelsVisibility": True,
        },
    }
    schema = "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/markups-schema-v1.0.3.json#"
    return json.dumps({"@schema": schema, "markups": [markup]}, indent=2) + "\n"


class CaseTable:
    """A CSV file that is written row by row; its columns are those of the first row."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", newline="", encoding="utf-8", errors="backslashreplace")
        self._writer: csv.DictWriter[str] | None = None

    def write(self, row: dict[str, Any]) -> None:
        if self._writer is None:
            names = ["identifier", "status", *(name for name in row if name != "identifier"), "left_out_because"]
            self._writer = csv.DictWriter(self._file, names, restval="", extrasaction="ignore", lineterminator="\n")
            self._writer.writeheader()
        shown = {name: "" if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}
        self._writer.writerow({"status": "evaluated", **shown})

    def close(self, skipped: Iterable[Skipped]) -> None:
        """One row for each case that was left out, so that the table accounts for all of them."""
        if self._writer is not None:
            for entry in skipped:
                self._writer.writerow(
                    {"identifier": entry.identifier, "status": "left out", "left_out_because": entry.reason}
                )
        self._file.close()
