"""The models that a user can choose from: the shipped ones and folders of the user's own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.choices import classifier_of
from ..core.classifier import Classifier
from ..core.errors import BreastMassXAIError, BundleError
from ..core.result import Settings
from ..pipeline import check_choices, load_model
from ..resources import DEFAULT_MODEL, resource

if TYPE_CHECKING:
    from ..network.bundle import Bundle

DESCRIPTION = "model.json"


@dataclass(frozen=True)
class Model:
    """A bundle that is known by its description only; its weights are not read yet.

    Parameters
    ----------
    folder : Path
    name : str
    sha256 : str
        Of ``model.json``, as results name it.
    device : str
        Where it is to run: ``auto``, ``cpu`` or ``cuda``. The same model on another device is the same model.
    classifier : Classifier, optional
        Its operating points and its rule of suspension, where the description states them well.
    """

    folder: Path
    name: str
    sha256: str
    device: str = field(default="auto", compare=False)
    classifier: Classifier | None = field(default=None, compare=False)

    def check(self, settings: Settings) -> None:
        """Refuse what the model does not offer.

        Raises
        ------
        InputError
            When it lacks the operating point or the rule of suspension.
        """
        if self.classifier is not None:
            check_choices(self.classifier, settings)


def shipped_models() -> list[Model]:
    """The shipped models, the default one first.

    Raises
    ------
    BreastMassXAIError
        When this installation is not complete.
    """
    found = [model_at(folder) for folder in _bundles_in(resource("Models"))]
    return sorted(found, key=lambda model: (model.folder.name != DEFAULT_MODEL, model.name))


def model_at(folder: Path) -> Model:
    """The model in a folder. Needs no torch.

    Raises
    ------
    BundleError
        When there is none.
    """
    try:
        text = (folder / DESCRIPTION).read_bytes()
    except OSError as error:
        raise BundleError(f"There is no model in the folder '{folder.name}': it holds no {DESCRIPTION}.") from error
    try:
        description = json.loads(text)
        name = description["name"]
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"The {DESCRIPTION} in the folder '{folder.name}' does not describe a model.") from error
    sha256 = hashlib.sha256(text).hexdigest()
    classifier = None
    with suppress(KeyError, TypeError, ValueError, AttributeError, BreastMassXAIError):  # loading says what is wrong
        classifier = classifier_of(description, sha256)
    return Model(folder, str(name), sha256, classifier=classifier)


def models_in(folders: Iterable[Path]) -> tuple[list[Model], list[str]]:
    """Shipped and user's models, and a sentence for each folder that holds none.

    A folder may be a bundle or hold bundles. A model that is found twice is listed once.
    """
    found, problems = shipped_models(), []
    for folder in folders:
        bundles = [folder] if (folder / DESCRIPTION).is_file() else _bundles_in(folder)
        if not bundles:
            problems.append(
                f"There is no model in the folder '{folder.name}': neither it nor a folder in it holds one."
            )
        for bundle in bundles:
            try:
                model = model_at(bundle)
            except BundleError as error:
                problems.append(str(error))
                continue
            if model.sha256 not in {known.sha256 for known in found}:
                found.append(model)
    return found, problems


def _bundles_in(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob(f"*/{DESCRIPTION}"))


@lru_cache(maxsize=2)
def loaded(model: Model) -> Bundle:
    """The bundle of a model; the last ones are kept.

    Raises
    ------
    BreastMassXAIError
        When it cannot be loaded, or a package that the network needs is not installed.
    """
    bundle = load_model(model.folder)
    if bundle.classifier.sha256 != model.sha256:
        raise BundleError(f"The model '{model.name}' was changed on the disk since it was chosen: choose it again.")
    return bundle
