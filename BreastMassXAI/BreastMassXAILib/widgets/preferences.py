"""What is remembered on this computer, beyond a scene: Slicer's user settings, under the module's name."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import qt

_GROUP = "BreastMassXAI/"
REMEMBERED = (
    "device",
    "ringMm",
    "greyZone",
    "operatingPoint",
    "method",
    "counterCheck",
    "showSaliency",
    "showRegions",
    "showExtremes",
    "showLegend",
    "regionOutlines",
    "opacity",
    "deadBand",
    "fixedRange",
    "rangeLogit",
)
"""Parameters whose last value is the next scene's first one."""


def recall(name: str, default: Any) -> Any:
    """A remembered value of the default's type; the default where there is none or it is of another kind.

    Values are kept as JSON: QSettings gives numbers and truth values back as text on some systems.
    """
    try:
        value = json.loads(str(qt.QSettings().value(_GROUP + name, "")))
    except ValueError:
        return default
    if isinstance(default, float) and isinstance(value, int):
        return float(value)
    return value if isinstance(value, type(default)) else default


def remember(name: str, value: Any) -> None:
    qt.QSettings().setValue(_GROUP + name, json.dumps(value))


def forget(names: Iterable[str]) -> None:
    for name in names:
        qt.QSettings().remove(_GROUP + name)


def model_folders() -> list[Path]:
    """The user's folders with models."""
    return [Path(text) for text in recall("modelFolders", []) if isinstance(text, str)]


def remember_model_folders(folders: Iterable[Path]) -> None:
    remember("modelFolders", [str(folder) for folder in folders])
