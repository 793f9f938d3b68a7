"""What the sanity tests do to a network and to a case before they ask a method again."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt, gaussian_filter
from scipy.ndimage import shift as shifted
from torch import nn

from ..core.classifier import NetworkOutput
from ..core.errors import InputError
from ..core.field import Field
from ..core.frame import Case
from ..core.sanity import removal_order
from ..network.bundle import Bundle
from ..network.linear_probe import fit_linear_probe, set_linear_layer
from ..network.preprocessing import resample_field
from ..network.resnet import ScaledResNet
from .maps import logits_in_batches

PENALTY = 0.3
"""Ridge penalty of linear layers that are trained again, on standardised features."""
FRACTIONS = (0.1, 0.3, 0.5)
"""Shares of the cells that are removed, or left."""
BLUR = 0.08
"""Width of the blur that stands for nothing, as a share of the image's side (standard deviation)."""
GAIN, NOISE, SHIFT = 1.15, 8.0, 0.04
"""Jitter of a frame: factor of its grey values, standard deviation added to them, and of the field, as a share of its
side."""
OUTLINE_MM = 2.0
"""Jitter of an outline."""


def layers_of(network: ScaledResNet) -> dict[str, list[nn.Module]]:
    """The network's layers from the answer down: linear layer, stages from the last to the first, stem."""
    backbone = network.backbone
    found: dict[str, list[nn.Module]] = {"linear layer": [network.linear]}
    for stage in range(network.architecture.last_stage, 0, -1):
        found[f"stage {stage}"] = [getattr(backbone, f"layer{stage}"), network.scaling[f"stage{stage}"]]
    found["stem"] = [backbone.conv1, backbone.bn1]
    return found


@torch.no_grad()
def shuffled(bundle: Bundle, layers: Sequence[str], seed: int) -> Bundle:
    """A model some of whose layers have their weights in random order.

    What was learned is gone, but every tensor keeps its distribution, so that the signal neither dies nor bursts on its
    way through a network whose batch norms are folded away.

    Parameters
    ----------
    layers : sequence of str
        From :func:`layers_of`.
    """
    network = copy.deepcopy(bundle.network)
    generator = torch.Generator().manual_seed(seed)
    of = layers_of(network)
    for name in layers:
        for module in of[name]:
            for value in (*module.parameters(), *(b for b in module.buffers() if b.is_floating_point())):
                order = torch.randperm(value.numel(), generator=generator)
                value.copy_(value.flatten()[order].view_as(value))
    return _with_network(bundle, network, f"{', '.join(layers)} shuffled")


def with_linear_layer(bundle: Bundle, features: np.ndarray, labels: np.ndarray, what: str) -> Bundle:
    """A model whose linear layer is trained again, as a logistic regression on what its trunk sees of some cases.

    Parameters
    ----------
    features : ndarray, shape (n, channels)
        From :func:`features_of_cases`.
    labels : ndarray of bool, shape (n,)
        Of both kinds.
    """
    network = copy.deepcopy(bundle.network)
    set_linear_layer(network, fit_linear_probe(features[None], labels, np.arange(len(labels)), PENALTY))
    return _with_network(bundle, network, what)


def with_head(bundle: Bundle, number: int) -> Bundle:
    """A model that decides by one of its heads instead of by their mean."""
    network = copy.deepcopy(bundle.network)
    if network.heads is None:
        raise InputError(f"The model {bundle.classifier.name} has one head only.")
    with torch.no_grad():
        for name in ("weight", "bias"):
            mean, heads = getattr(network.linear, name), getattr(network.heads, name)
            mean += heads[number] - heads.mean(0)
    return _with_network(bundle, network, f"head {number + 1}")


def _with_network(bundle: Bundle, network: ScaledResNet, what: str) -> Bundle:
    network.heads = None  # they are differences from the mean, which is another one now
    classifier = replace(bundle.classifier, name=f"{bundle.classifier.name}, {what}")
    return replace(bundle, network=network.eval().requires_grad_(False), classifier=classifier)


@torch.inference_mode()
def features_of_cases(bundle: Bundle, cases: Sequence[Case]) -> np.ndarray:
    """What the linear layer sees of each case, shape (n, channels), float32."""
    return bundle.network.averaged(bundle.inputs((c.frame.pixels, bundle.field_of(c)) for c in cases)).cpu().numpy()


def louder(case: Case, seed: int) -> Case:
    """The frame at another gain."""
    return _with_pixels(case, np.clip(case.frame.pixels * GAIN, 0, 255))


def noisier(case: Case, seed: int) -> Case:
    """The frame with noise."""
    noise = np.random.default_rng(seed).normal(0, NOISE, case.frame.shape)
    return _with_pixels(case, np.clip(case.frame.pixels + noise, 0, 255))


def _with_pixels(case: Case, pixels: np.ndarray) -> Case:
    return replace(case, frame=replace(case.frame, pixels=pixels.astype(np.float32)))


def moved_field(bundle: Bundle, case: Case, seed: int) -> Bundle:
    """A model whose field of this case is moved by ``SHIFT`` of its side, in a random direction."""
    field = bundle.field_of(case)
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi)
    moved = Field(
        field.row + SHIFT * field.height * float(np.sin(angle)),
        field.column + SHIFT * field.width * float(np.cos(angle)),
        field.height,
        field.width,
    )
    return replace(bundle, rule=_FixedField(moved))  # type: ignore[arg-type]


class _FixedField:
    """Stands for a rule, where a field is given."""

    kind, scale, margin_mm = "frame", None, None

    def __init__(self, field: Field) -> None:
        self._field = field

    def field(self, mass: object, scan_area: object = None, spacing: object = None) -> Field:
        return self._field


def wider(case: Case, seed: int) -> Case:
    """The outline drawn ``OUTLINE_MM`` farther out."""
    return _outlined(case, _distance_mm(~case.mass, case) <= OUTLINE_MM)


def narrower(case: Case, seed: int) -> Case:
    """The outline drawn ``OUTLINE_MM`` farther in, or as far as half the mass is left."""
    inside = _distance_mm(case.mass, case)
    limit = min(OUTLINE_MM, float(np.quantile(inside[case.mass], 0.5)))
    return _outlined(case, inside > limit - 1e-9)


def displaced(case: Case, seed: int) -> Case:
    """The outline drawn ``OUTLINE_MM`` aside, in a random direction."""
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi)
    row_mm, column_mm = case.frame.spacing.mm()
    by = OUTLINE_MM * np.sin(angle) / row_mm, OUTLINE_MM * np.cos(angle) / column_mm
    return _outlined(case, shifted(case.mass.astype(np.uint8), np.round(by), order=0).astype(bool))


def _distance_mm(inside: np.ndarray, case: Case) -> np.ndarray:
    """Distance to the nearest pixel outside."""
    return distance_transform_edt(inside, sampling=case.frame.spacing.mm())


def _outlined(case: Case, mass: np.ndarray) -> Case:
    scan_area = case.frame.scan_area
    if not (mass if scan_area is None else mass & scan_area).any():  # it would leave the frame: then it stays
        return case
    return replace(case, mass=mass)


OUTLINES: dict[str, Callable[[Case, int], Case]] = {
    "outline 2 mm out": wider,
    "outline 2 mm in": narrower,
    "outline 2 mm aside": displaced,
}
FRAMES: dict[str, Callable[[Case, int], Case]] = {"gain 1.15": louder, "noise of 8 grey values": noisier}


@torch.inference_mode()
def deletion_and_insertion(
    bundle: Bundle, case: Case, output: NetworkOutput, threshold_logit: float, orders: Sequence[np.ndarray] = ()
) -> list[tuple[float, float]]:
    """How a decision fares when what speaks for it goes first, and when that is all that is left.

    Parameters
    ----------
    bundle, case : Bundle, Case
    output : NetworkOutput
        Whose cells are removed, those that speak most for the decision first.
    threshold_logit : float
        Above it the decision is malignant.
    orders : sequence of ndarray, optional
        Further orders of the cells to compare with.

    Returns
    -------
    list of (deletion, insertion)
        For the map's order and for each of `orders`: the mean over ``FRACTIONS`` of the logit towards the decision,
        beyond what the wholly blurred image gives, when that share of the cells is blurred, and when all but that
        share is. A faithful order has a low deletion and a high insertion.
    """
    sign = 1.0 if output.logit > threshold_logit else -1.0
    grey = resample_field(case.frame.pixels, output.field, bundle.preprocessing.size)
    blurred = gaussian_filter(grey, BLUR * len(grey), mode="nearest")
    images, count = [blurred], output.cells.size
    for order in (removal_order(output.cells, sign), *orders):
        for fraction in FRACTIONS:
            chosen = np.zeros(count, bool)
            chosen[order[: round(fraction * count)]] = True
            size = len(grey)
            rows, columns = (np.minimum(np.arange(size) * n // size, n - 1) for n in output.cells.shape)
            gone = chosen.reshape(output.cells.shape)[np.ix_(rows, columns)]
            images += [np.where(gone, blurred, grey), np.where(gone, grey, blurred)]
    inputs = bundle.preprocessing.normalise(torch.from_numpy(np.stack(images).astype(np.float32)))
    logits = logits_in_batches(bundle.network, inputs.to(bundle.network.linear.weight.device)).cpu().numpy()
    towards = sign * (logits[1:] - logits[0]).reshape(-1, len(FRACTIONS), 2)
    return [(float(pair[:, 0].mean()), float(pair[:, 1].mean())) for pair in towards]
