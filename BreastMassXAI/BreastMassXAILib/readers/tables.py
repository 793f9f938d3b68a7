"""Small text files of a result: the pointing game as CSV, the extreme points as Slicer markups."""

from __future__ import annotations

import csv
import io
import json

from ..core.regions import RELEVANT
from ..core.result import CaseResult

POINTING_GAME_COLUMNS = ("region", "maximum", "minimum", "area_fraction", "contribution_logit")


def pointing_game_rows(result: CaseResult) -> list[dict[str, object]]:
    """The pointing game (paper, Table 2, for one case), one row per region, with what chance and exact shares say.

    Returns
    -------
    list of dict
        Keys: region; maximum, minimum (1 where the extreme point lies in the region, else 0); area_fraction (share of
        the scan area); contribution_logit.
    """
    return [
        {
            "region": name,
            "maximum": int(result.extremes["max"].region == name),
            "minimum": int(result.extremes["min"].region == name),
            "area_fraction": result.area_fraction[name],
            "contribution_logit": result.contributions[name],
        }
        for name in (*RELEVANT, "elsewhere")
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
