"""The outline network: a frame, and what a person pointed at, to a suggested mass."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.errors import BundleError
from ..core.field import Field
from ..core.frame import Frame
from ..core.outline import Prompt, Suggestion, checked_prompt, suggestion, to_frame
from ..resources import SHIPPED_OUTLINER, resource
from .backbones import find_backbone
from .bundle import described, preprocessing_of, write_description
from .outline_decoder import FIELD, STEP, OutlineDecoder, prompt_maps, trunk_features
from .preprocessing import Preprocessing
from .resnet import ScaledResNet
from .tensor_files import are_numbers, read_tensors, same_shapes, save_tensors, sha256_of

WEIGHTS = "weights.safetensors"


@dataclass(frozen=True, eq=False)
class Seen:
    """What the trunk saw of a frame; kept while a person points at one thing after another.

    Parameters
    ----------
    features : list of Tensor, shapes (2, channels, h, w)
        Of the field and of its mirror image, whose answers are averaged.
    field : Field
    shape : (rows, columns) of the frame
    scan_area : ndarray of bool, shape (rows, columns), or None
    """

    features: list[Tensor]
    field: Field
    shape: tuple[int, int]
    scan_area: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Outliner:
    """A trained decoder on its trunk.

    Parameters
    ----------
    name : str
    sha256 : str
        Of ``model.json``, which names those of the weights.
    trunk : ScaledResNet
    decoder : OutlineDecoder
    preprocessing : Preprocessing
    least_confidence : float
        Below it, no outline is suggested.
    description : dict
        All of ``model.json``.
    """

    name: str
    sha256: str
    trunk: ScaledResNet
    decoder: OutlineDecoder
    preprocessing: Preprocessing
    least_confidence: float
    description: dict[str, Any]

    def look(self, frame: Frame) -> Seen:
        """Run the trunk over a frame's scan area, which is the whole frame where it has none."""
        nothing = np.zeros(frame.shape, bool)
        field = FIELD.field(nothing, frame.scan_area, frame.spacing)
        x = self.preprocessing(frame.pixels, field)
        with torch.inference_mode():
            both = torch.cat([x, x.flip(3)]).contiguous(memory_format=torch.channels_last)
            features = trunk_features(self.trunk, both)
        return Seen(features, field, frame.shape, frame.scan_area)

    def suggest(self, seen: Seen, prompt: Prompt | None = None) -> Suggestion:
        """The mass that a prompt asks for; with nothing pointed at, the largest one; none where confidence is too low.

        Raises
        ------
        InputError
            When the prompt does not fit the frame (see :func:`~..core.outline.checked_prompt`).
        """
        area = np.ones(seen.shape, bool) if seen.scan_area is None else seen.scan_area
        prompt = checked_prompt(prompt or Prompt(), area)
        cells = self.preprocessing.size // STEP
        with torch.inference_mode():
            maps = prompt_maps(*_said(prompt, seen.field), cells)
            logits = self.decoder(seen.features, torch.cat([maps, maps.flip(3)]))
        mean = ((logits[0] + logits[1].flip(1)) / 2).numpy()
        found = suggestion(to_frame(mean, seen.field, seen.shape, seen.scan_area), prompt)
        if found.confidence >= self.least_confidence:
            return found
        return replace(found, mass=np.zeros_like(found.mass), found=0)


def _said(prompt: Prompt, field: Field) -> tuple[Tensor, Tensor, Tensor]:
    """A prompt in parts of the field, as :func:`~.outline_decoder.prompt_maps` takes it."""
    origin, size = np.array([field.row, field.column]), np.array([field.height, field.width])
    points = np.array([(click.row, click.column) for click in prompt.clicks], float).reshape(-1, 2)
    kinds = np.array([1 if click.inside else -1 for click in prompt.clicks], np.int64)
    if not len(points):
        points, kinds = np.zeros((1, 2)), np.zeros(1, np.int64)
    clicks = (points + 0.5 - origin) / size
    box = np.full(4, np.nan)
    if prompt.box is not None:
        corners = [(prompt.box.top, prompt.box.left), (prompt.box.bottom + 1, prompt.box.right + 1)]
        box = ((np.array(corners) - origin) / size).ravel()
    return (
        torch.from_numpy(clicks.astype(np.float32))[None],
        torch.from_numpy(kinds)[None],
        torch.from_numpy(box.astype(np.float32))[None],
    )


def load_outliner(folder: Path | None = None) -> Outliner:
    """Read an outline network; the shipped one when no folder is given.

    Raises
    ------
    BundleError
        When a file is missing, altered (its SHA-256 differs), of another schema, or does not fit the network it names.
    """
    folder = resource("Models", SHIPPED_OUTLINER) if folder is None else folder
    description, text = described(folder)
    try:
        if description["kind"] != "outline":
            raise BundleError(f"The model '{folder.name}' is no outline network.")
        name = str(description["name"])
        preprocessing = preprocessing_of(description["preprocessing"])
        channels, widths = (tuple(int(n) for n in description["decoder"][key]) for key in ("channels", "widths"))
        trunk_name, trunk_hash = description["trunk"]["name"], description["trunk"]["sha256"]
        weights_hash = description["weights"]["sha256"]
        least = float(description["least_confidence"])
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"The model.json of '{folder.name}' lacks or misstates {error}.") from error
    if preprocessing.size % 16:
        raise BundleError(f"The model.json of '{folder.name}' misstates the input's size: 16 must divide it.")
    trunk = find_backbone(trunk_name)
    if trunk.file is None or sha256_of(trunk.file) != trunk_hash:
        raise BundleError(f"The trunk {trunk_name} is not the one that '{folder.name}' was trained on.")
    state = read_tensors(folder / WEIGHTS, weights_hash)
    decoder = OutlineDecoder(channels, widths)
    if not same_shapes(state, decoder.state_dict()):
        raise BundleError(f"The weights of '{folder.name}' do not fit the network that its model.json describes.")
    if not are_numbers(state):
        raise BundleError(f"The weights of '{folder.name}' contain values that are not numbers.")
    decoder.load_state_dict(state)
    return Outliner(
        name,
        hashlib.sha256(text).hexdigest(),
        trunk.network(0).fold_for_inference(),
        ready(decoder),
        preprocessing,
        least,
        description,
    )


def ready(decoder: OutlineDecoder) -> OutlineDecoder:
    """In evaluation mode, not trainable, laid out as a trunk's features are."""
    return decoder.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def save_outliner(
    folder: Path,
    decoder: OutlineDecoder,
    *,
    name: str,
    trunk: str,
    preprocessing: Preprocessing,
    least_confidence: float,
    facts: Mapping[str, Any],
) -> None:
    """Write a decoder, convolutions in float16, and its description.

    Parameters
    ----------
    trunk : str
        Name of the shipped backbone that it stands on.
    facts : mapping
        What else ``model.json`` shall say: training, data and citation, metrics, licence.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_tensors(
        {key: (v.half() if v.ndim == 4 else v).contiguous() for key, v in decoder.state_dict().items()},
        folder / WEIGHTS,
    )
    backbone = find_backbone(trunk)
    if backbone.file is None:
        raise BundleError(f"The trunk {trunk} does not ship with this software.")
    write_description(
        folder,
        {
            "kind": "outline",
            "name": name,
            "trunk": {"name": trunk, "sha256": sha256_of(backbone.file)},
            "decoder": {"channels": list(decoder.channels), "widths": list(decoder.widths)},
            "weights": {"sha256": sha256_of(folder / WEIGHTS)},
            "preprocessing": asdict(preprocessing),
            "least_confidence": least_confidence,
            **facts,
        },
    )
