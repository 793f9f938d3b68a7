"""Where shipped models and samples lie: beside the library in Slicer and a checkout, inside it in a pip package."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from .core.errors import MissingPackageError

_HERE = Path(__file__).resolve().parent
DEFAULT_MODEL = "busbra"
SHIPPED_OUTLINER = "outline"
SHIPPED_MODELS = (DEFAULT_MODEL, "busbra-outline", "busbra-paper", "busbra-square", "busbra-frame")


def resource(*parts: str) -> Path:
    """Path of a shipped file or folder, for instance ``resource("Models", "busbra")``.

    Raises
    ------
    MissingPackageError
        When it is not there.
    """
    for root in (_HERE.parent / "Resources", _HERE / "Resources"):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise MissingPackageError(f"{'/'.join(parts)} is missing from this installation: install BreastMassXAI again.")


def model_folder(name: str | PathLike[str]) -> Path:
    """A model's folder, or that of a shipped one by its name."""
    if not Path(name).exists() and str(name) in SHIPPED_MODELS:
        return resource("Models", str(name))
    return Path(name)
