"""Pretrained backbones: the shipped one, torchvision's own where the user is online, or a file of weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..core.errors import BundleError
from ..resources import resource
from .resnet import Architecture, ScaledResNet
from .tensor_files import are_numbers, read_tensors, with_counters

SHIPPED = {"resnet50-v1-stage3": Architecture(50, "v1", 3)}
TORCHVISION = {"resnet18": 18, "resnet34": 34, "resnet50": 50}
"""Downloaded by torchvision on first use."""


@dataclass(frozen=True, eq=False)
class Backbone:
    """The frozen part of a network.

    Parameters
    ----------
    name : str
    architecture : Architecture
    state : dict of name to Tensor
        torchvision's names; convolutions are rounded to float16, as they are stored, so that what is trained on is what
        a bundle holds.
    file : Path, optional
        Where it lies when it ships with this software.
    """

    name: str
    architecture: Architecture
    state: dict[str, Tensor]
    file: Path | None = None

    def sha256(self) -> str:
        """Of the weights, whatever file they came from."""
        digest = hashlib.sha256()
        for name, value in sorted(self.state.items()):
            digest.update(name.encode() + value.contiguous().numpy().tobytes())
        return digest.hexdigest()

    def network(self, seed: int) -> ScaledResNet:
        """A network with this backbone, scaling layers that do nothing yet and a random linear layer."""
        torch.manual_seed(seed)
        network = ScaledResNet(self.architecture)
        network.backbone.load_state_dict(self.state)
        return network


def find_backbone(
    name: str, variant: str = "torchvision", last_stage: int | None = None, pooled_blocks: int = 1
) -> Backbone:
    """A backbone by name or from a file.

    Parameters
    ----------
    name : str
        ``resnet50-v1-stage3`` (shipped), ``resnet18``, ``resnet34``, ``resnet50`` (torchvision's ImageNet weights), or
        the path of a ``.safetensors`` file with torchvision's key names.
    variant : {"torchvision", "v1"}
        Of a file with bottlenecks: where their stride sits (see :class:`~.resnet.Architecture`).
    last_stage : {3, 4}, optional
        Stage that enters global average pooling; the last one there is, by default.
    pooled_blocks : int
        See :class:`~.resnet.Architecture`.

    Raises
    ------
    BundleError
        When there is no such backbone, it cannot be downloaded, it has not the stage that is asked for, or its weights
        do not fit the network that they seem to belong to or are no numbers.
    """
    if name in SHIPPED:
        if last_stage not in (None, SHIPPED[name].last_stage):
            raise BundleError(f"{name} ends with stage {SHIPPED[name].last_stage}.")
        file = resource("Models", "backbones") / f"{name}.safetensors"
        return Backbone(name, replace(SHIPPED[name], pooled_blocks=pooled_blocks), read_tensors(file), file)
    if name in TORCHVISION:
        state, variant = _downloaded(name), "torchvision"
    elif name.endswith(".safetensors"):
        state, name = read_tensors(Path(name)), Path(name).stem
    else:
        known = ", ".join([*SHIPPED, *TORCHVISION])
        raise BundleError(f"The backbone {name} is none of {known} and no .safetensors file.")
    stages = [stage for stage in (1, 2, 3, 4) if any(key.startswith(f"layer{stage}.") for key in state)]
    last_stage = last_stage or max(stages, default=0)
    architecture = Architecture(_depth(state, name), variant, last_stage, pooled_blocks)
    dropped = ("fc.", *(f"layer{number}." for number in range(last_stage + 1, 5)))
    kept = {key: value for key, value in state.items() if not key.startswith(dropped)}
    return _checked(Backbone(name, architecture, rounded(with_counters(kept))))


def _checked(backbone: Backbone) -> Backbone:
    """Before anything is begun with it."""
    with torch.device("meta"):
        expected = ScaledResNet(backbone.architecture).backbone.state_dict()
    strange = sorted(
        key
        for key in backbone.state.keys() | expected.keys()
        if key not in backbone.state or key not in expected or backbone.state[key].shape != expected[key].shape
    )
    if strange:
        more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
        raise BundleError(
            f"The weights of {backbone.name} do not fit a ResNet-{backbone.architecture.depth}: {strange[0]}{more} "
            "would be missing, left over or of another size."
        )
    if not are_numbers(backbone.state):
        raise BundleError(
            f"The weights of {backbone.name} contain values that are not numbers, or that float16 cannot hold."
        )
    return backbone


def rounded(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights as they are after being stored: convolutions in float16, the rest in float32."""
    return {key: value.half().float() if value.ndim == 4 else value for key, value in state.items()}


def _depth(state: Mapping[str, Tensor], name: str) -> int:
    if "layer3.0.conv1.weight" not in state:
        raise BundleError(f"The weights of {name} are none of a ResNet with torchvision's names.")
    if "layer3.0.conv3.weight" in state:
        return 50
    return 34 if "layer3.5.conv1.weight" in state else 18


def _downloaded(name: str) -> dict[str, Tensor]:
    from urllib.error import URLError

    from torchvision.models import get_model_weights

    try:
        return get_model_weights(name).IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        raise BundleError(
            f"The weights of {name} cannot be downloaded from torchvision: {error}. Use the shipped backbone or a file."
        ) from error
