"""A bundle: a trained model with everything needed to use it rightly. Two files, hash checked, never pickle.

``model.json`` says what the model is; ``weights.safetensors`` holds the part that DRS trained (scaling layers and
linear layer, some 100 KB). The frozen backbone is stored once beside the bundles, in ``backbones/<name>.safetensors``;
a fine-tuned bundle carries its own ``backbone.safetensors``.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..core.choices import classifier_of
from ..core.classifier import Classifier
from ..core.errors import BundleError, InputError
from ..core.field import Field, FieldRule
from ..core.frame import Case
from ..core.recalibration import Calibration
from ..core.writing import write_whole
from ..resources import DEFAULT_MODEL, resource
from .preprocessing import Preprocessing
from .resnet import Architecture, ScaledResNet
from .tensor_files import are_numbers, read_bytes, read_tensors, same_shapes, save_tensors, sha256_of, with_counters

SCHEMA_VERSION = 1
OWN_BACKBONE = "backbone.safetensors"
TRAINING_IMAGES = "training-images.txt"
DIGITS = 12
"""Hexadecimal digits of a SHA-256 by which a training image is known: enough to tell a million images apart."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """A model that is ready to explain frames.

    Parameters
    ----------
    classifier : Classifier
        Name, threshold, temperature, and the SHA-256 of ``model.json``, which names those of all weights.
    network : ScaledResNet
        In evaluation mode, folded for inference.
    rule : FieldRule
    preprocessing : Preprocessing
    description : dict
        All of ``model.json``.
    """

    classifier: Classifier
    network: ScaledResNet
    rule: FieldRule
    preprocessing: Preprocessing
    description: dict[str, Any]

    def field_of(self, case: Case) -> Field:
        """The rectangle of a case's frame that the network looks at."""
        return self.rule.field(case.mass, case.frame.scan_area, case.frame.spacing)

    def inputs(self, fields: Iterable[tuple[np.ndarray, Field]]) -> torch.Tensor:
        """Fields of frames of grey 0..255 as the network takes them, on its device: shape (n, 3, size, size)."""
        images = self.preprocessing.batch(fields).to(self.network.linear.weight.device)
        return images.contiguous(memory_format=torch.channels_last)


def load_bundle(folder: Path | None = None) -> Bundle:
    """Read a bundle; the shipped default one when no folder is given.

    Raises
    ------
    BundleError
        When a file is missing, altered (its SHA-256 differs), of another schema, or does not fit the network it names.
    """
    folder = resource("Models", DEFAULT_MODEL) if folder is None else folder
    description, text = described(folder)
    try:
        architecture = Architecture(**description["architecture"])
        rule = FieldRule(**description["field"])
        prepare = preprocessing_of(description["preprocessing"])
        classifier = classifier_of(description, hashlib.sha256(text).hexdigest())
        backbone_name, backbone_hash = (
            _text(description["backbone"]["name"]),
            _sha256(description["backbone"]["sha256"]),
        )
        weights_hash = _sha256(description["weights"]["sha256"])
    except (KeyError, TypeError, ValueError, AttributeError, InputError) as error:
        raise BundleError(f"The model.json of '{folder.name}' lacks or misstates {error}.") from error
    network = ScaledResNet(architecture)
    backbone = read_tensors(_backbone_path(folder, backbone_name), backbone_hash)
    adapter = read_tensors(folder / "weights.safetensors", weights_hash)
    state = {**{f"backbone.{name}": value for name, value in with_counters(backbone).items()}, **adapter}
    if not same_shapes(state, network.state_dict()):
        raise BundleError(f"The weights of '{folder.name}' do not fit the network that its model.json describes.")
    if not are_numbers(state):
        raise BundleError(f"The weights of '{folder.name}' contain values that are not numbers.")
    network.load_state_dict(state)
    return Bundle(classifier, network.fold_for_inference(), rule, prepare, description)


def save_bundle(
    folder: Path,
    network: ScaledResNet,
    *,
    name: str,
    backbone: Path | str,
    rule: FieldRule,
    preprocessing: Preprocessing,
    threshold: float,
    temperature: float,
    facts: Mapping[str, Any],
) -> None:
    """Write the trained part of an unfolded network and its description.

    Parameters
    ----------
    backbone : Path or str
        The shipped ``.safetensors`` file that the network's frozen part was loaded from; or the name of another
        backbone, which the bundle then carries itself, convolutions in float16.
    facts : mapping
        What else ``model.json`` shall say: training, data and citation, metrics, licence.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / "weights.safetensors"
    save_tensors({key: value.contiguous() for key, value in network.adapter_state().items()}, weights)
    if isinstance(backbone, str):
        file = folder / OWN_BACKBONE
        state = network.backbone.state_dict()
        save_tensors({k: (v.half() if v.ndim == 4 else v).contiguous() for k, v in state.items()}, file)
    else:
        file, backbone = backbone, backbone.stem
    write_description(
        folder,
        {
            "schema_version": SCHEMA_VERSION,
            "name": name,
            "architecture": asdict(network.architecture),
            "backbone": {"name": backbone, "sha256": sha256_of(file)},
            "weights": {"sha256": sha256_of(weights)},
            "field": {key: value for key, value in asdict(rule).items() if value is not None},
            "preprocessing": asdict(preprocessing),
            "threshold": threshold,
            "temperature": temperature,
            **facts,
        },
    )


def recalibrate(folder: Path, calibration: Calibration, facts: Mapping[str, Any]) -> None:
    """Give a bundle another calibration, and add to what its ``model.json`` says.

    Raises
    ------
    BundleError
        When the bundle has no readable ``model.json``.
    """
    description = _parse(read_bytes(folder / "model.json"), folder.name)
    own = {"threshold": calibration.threshold, "temperature": calibration.temperature}
    write_description(folder, {**description, **own, **calibration.facts(), **facts})


def write_training_images(folder: Path, digests: Iterable[str]) -> dict[str, Any]:
    """List the images that a bundle was trained on, by the first digits of their files' SHA-256.

    Returns
    -------
    dict
        What ``model.json`` says of the list.
    """
    known = sorted({digest[:DIGITS] for digest in digests})
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / TRAINING_IMAGES, "".join(f"{digest}\n" for digest in known))
    return {"file": TRAINING_IMAGES, "sha256": sha256_of(folder / TRAINING_IMAGES), "count": len(known)}


def training_images(folder: Path, description: Mapping[str, Any]) -> frozenset[str] | None:
    """What :func:`write_training_images` listed; None for bundles that do not say it.

    Raises
    ------
    BundleError
        When the list is missing or altered.
    """
    images = description.get("training", {}).get("images")
    if images is None:
        return None
    content = read_bytes(folder / TRAINING_IMAGES)
    if hashlib.sha256(content).hexdigest() != images.get("sha256"):
        raise BundleError(
            f"The file {TRAINING_IMAGES} of the model '{folder.name}' has been altered: its SHA-256 is not the one in "
            "model.json."
        )
    return frozenset(content.decode("ascii").split())


def copy_recalibrated(
    source: Path, folder: Path, name: str, calibration: Calibration, facts: Mapping[str, Any]
) -> None:
    """A complete copy of a bundle, weights and backbone byte for byte, with another calibration.

    Parameters
    ----------
    folder : Path
        An existing one.
    name : str
        Of the new model.
    facts : mapping
        What else its ``model.json`` says.

    Raises
    ------
    BundleError
        When a file of the bundle is missing.
    """
    description = _parse(read_bytes(source / "model.json"), source.name)
    files = {
        "weights.safetensors": source / "weights.safetensors",
        OWN_BACKBONE: _backbone_path(source, description["backbone"]["name"]),
    }
    if (source / TRAINING_IMAGES).is_file():
        files[TRAINING_IMAGES] = source / TRAINING_IMAGES
    for file, original in files.items():
        (folder / file).write_bytes(read_bytes(original))
    own = {"name": name, "threshold": calibration.threshold, "temperature": calibration.temperature}
    write_description(folder, {**description, **own, **calibration.facts(), **facts})


def write_description(folder: Path, description: Mapping[str, Any]) -> None:
    """Write ``model.json``; the schema's version is added where it is missing."""
    description = {"schema_version": SCHEMA_VERSION, **description}
    write_whole(folder / "model.json", json.dumps(description, indent=2, allow_nan=False) + "\n")


def mean_weights(folders: Sequence[Path]) -> dict[str, torch.Tensor]:
    """The mean of several bundles' weights, convolutions rounded to float16 as a bundle stores them.

    Networks of one start and one recipe lie in one basin: their mean is a network of its own that tends to bear other
    scanners better than each of them (Wortsman et al., Model soups, 2022).

    Raises
    ------
    BundleError
        When a file is missing, or the bundles' networks differ.
    """
    total: dict[str, torch.Tensor] = {}
    for number, folder in enumerate(folders):
        description = _parse(read_bytes(folder / "model.json"), folder.name)
        backbone = read_tensors(_backbone_path(folder, description["backbone"]["name"]))
        state = {f"backbone.{name}": value for name, value in backbone.items()}
        state |= read_tensors(folder / "weights.safetensors")
        if number and not same_shapes(state, total):
            raise BundleError(f"The network of '{folder.name}' differs from the others: their mean means nothing.")
        for name, value in state.items():
            total[name] = value + total[name] if number and value.is_floating_point() else value
    mean = {name: value / len(folders) if value.is_floating_point() else value for name, value in total.items()}
    return {name: value.half().float() if value.ndim == 4 else value for name, value in mean.items()}


def described(folder: Path) -> tuple[dict[str, Any], bytes]:
    """What a model's ``model.json`` says, and its bytes.

    Raises
    ------
    BundleError
        When it is missing, no JSON, or of another schema.
    """
    if not folder.is_dir():
        raise BundleError(f"There is no model folder '{folder.name}'.")
    text = read_bytes(folder / "model.json")
    return _parse(text, folder.name), text


def _parse(text: bytes, name: str) -> dict[str, Any]:
    try:
        description = json.loads(text)
    except ValueError as error:
        raise BundleError(f"The model.json of '{name}' is not valid JSON.") from error
    version = description.get("schema_version") if isinstance(description, dict) else None
    if version != SCHEMA_VERSION:
        raise BundleError(
            f"The model '{name}' has the schema version {version}; this software reads version {SCHEMA_VERSION}."
        )
    return description


def preprocessing_of(values: Mapping[str, Any]) -> Preprocessing:
    """The preprocessing that a ``model.json`` describes.

    Raises
    ------
    KeyError, TypeError, ValueError
        When it is incomplete or makes no sense.
    """
    mean, std = tuple(map(float, values["mean"])), tuple(map(float, values["std"]))
    if (
        len(mean) != 3
        or len(std) != 3
        or not all(map(math.isfinite, mean))
        or not all(0 < value < 1e6 for value in std)
    ):
        raise ValueError("three means and three positive standard deviations")
    size = values["size"]
    if not isinstance(size, int) or not 32 <= size <= 1024:
        raise ValueError(f"an input size from 32 to 1024: {size}")
    return Preprocessing(size, mean, std)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"a name: {value}")
    return value


def _sha256(value: Any) -> str:
    if not isinstance(value, str) or len(value) != 64:
        raise ValueError(f"a SHA-256: {value}")
    return value


def _backbone_path(folder: Path, name: str) -> Path:
    own = folder / OWN_BACKBONE
    if own.is_file():
        return own
    if Path(name).name != name:
        raise BundleError(f"The model '{folder.name}' names a backbone outside its own folders.")
    beside = folder.parent / "backbones" / f"{name}.safetensors"
    return beside if beside.is_file() else resource("Models", "backbones") / f"{name}.safetensors"
