"""A frame's result onto the disk: numbers and texts, and the map and the regions as images."""

from __future__ import annotations

from pathlib import Path

from ..core.explain import Explanation
from ..core.frame import Case
from ..core.regions import RELEVANT
from ..core.writing import RESULT_FILE
from ..readers.nrrd import write_nrrd
from .tables import extremes_markups, pointing_game_csv


def write_result(folder: Path, case: Case, explanation: Explanation) -> None:
    """Write ``result.json``, ``saliency.nrrd``, ``regions.nrrd``, ``extremes.mrk.json`` and ``pointing-game.csv``."""
    result = explanation.result
    texts = {
        RESULT_FILE: result.to_json(),
        "extremes.mrk.json": extremes_markups(result),
        "pointing-game.csv": pointing_game_csv(result),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    write_nrrd(folder / "saliency.nrrd", explanation.saliency, case.frame.spacing)
    names = dict(enumerate(RELEVANT, start=1))
    write_nrrd(folder / "regions.nrrd", explanation.labels, case.frame.spacing, names)
