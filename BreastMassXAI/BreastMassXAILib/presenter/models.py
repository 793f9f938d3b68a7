"""The models that a user can choose from: the shipped ones and folders of the user's own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Model:
    """A bundle that is known by its description only; its weights are not read yet.

    Parameters
    ----------
    folder : Path
    name : str
    sha256 : str
        Of ``model.json``, as results name it.
    """

    folder: Path
    name: str
    sha256: str


def shipped_models() -> list[Model]:
    """The shipped models, the default one first."""
    raise NotImplementedError


def model_at(folder: Path) -> Model:
    """The model in a folder. Needs no torch.

    Raises
    ------
    BundleError
        When there is none.
    """
    raise NotImplementedError


def models_in(folders: Iterable[Path]) -> tuple[list[Model], list[str]]:
    """Shipped and user's models, and a sentence for each folder that holds none.

    A folder may be a bundle or hold bundles.
    """
    raise NotImplementedError
