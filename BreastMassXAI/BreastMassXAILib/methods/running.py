"""From cases to signed maps by any of the methods; the decision is the same whichever explains it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..core.classifier import NetworkOutput
from ..core.errors import BreastMassXAIError, BundleError
from ..core.frame import Case
from ..network.bundle import Bundle
from ..network.cam import class_activation_maps
from ..network.resnet import ScaledResNet
from . import gradients_of_features, gradients_of_pixels, perturbations
from .catalogue import DEFAULT, Method, method_of
from .maps import SaliencyMaps

TOLERANCE = 0.02
"""Largest gap, in logits or as a share of the logit without its bias, at which a sum still counts as right."""
FUNCTIONS: dict[str, Callable[[ScaledResNet, Tensor, int | None], SaliencyMaps]] = {
    "grad-cam": gradients_of_features.grad_cam,
    "grad-cam++": gradients_of_features.grad_cam_plus_plus,
    "layer-cam": gradients_of_features.layer_cam,
    "hires-cam": gradients_of_features.hires_cam,
    "cameras": gradients_of_features.cameras,
    "score-cam": perturbations.score_cam,
    "occlusion": perturbations.occlusion,
    "integrated-gradients": gradients_of_pixels.integrated_gradients,
    "smooth-grad": gradients_of_pixels.smooth_grad,
}


def saliency_map(bundle: Bundle, case: Case, method: Method | None = None) -> NetworkOutput:
    """One case's map; see :func:`saliency_maps`."""
    return saliency_maps(bundle, [case], method)[0]


def saliency_maps(bundle: Bundle, cases: Sequence[Case], method: Method | None = None) -> list[NetworkOutput]:
    """Classify cases and explain each by a method.

    Parameters
    ----------
    bundle : Bundle
    cases : sequence of Case
        All of them are in memory at once: choose the number to suit.
    method : Method, optional
        Class activation mapping by default: then this is :func:`~..network.cam.class_activation_maps`.

    Returns
    -------
    list of NetworkOutput
        Logit and disagreement are those of the decision's own forward pass, whatever the method. `exact` says whether
        ``cells.mean() + bias == logit`` within ``TOLERANCE``.

    Raises
    ------
    InputError
        When the network lacks the stage that is asked for.
    BundleError
        When the model's weights lead to values that are not numbers.
    BreastMassXAIError
        When the device's memory is too small for the method.
    """
    method = method or method_of(DEFAULT)
    outputs = class_activation_maps(bundle, cases)
    if method.kind.name == DEFAULT:
        return outputs
    inputs = bundle.inputs((case.frame.pixels, output.field) for case, output in zip(cases, outputs, strict=True))
    found = maps_of(bundle.network, inputs, method)
    cells, biases = found.cells.float().cpu().numpy(), found.biases.cpu()
    if not bool(torch.isfinite(found.cells).all()):
        raise BundleError(f"The model {bundle.classifier.name!r} gives {method.label} values that are not numbers.")
    answers = []
    for output, cell, bias in zip(outputs, cells, biases.tolist(), strict=True):
        gap = abs(float(cell.astype("float64").mean()) + bias - output.logit)
        exact = found.exact and gap <= TOLERANCE * max(abs(output.logit - bias), 1.0)
        answers.append(
            NetworkOutput(output.logit, bias, cell.copy(), output.field, output.disagreement, method.name, exact)
        )
    return answers


def maps_of(network: ScaledResNet, inputs: Tensor, method: Method) -> SaliencyMaps:
    """A method's maps of images that are ready for the network, shape (n, 3, height, width).

    Raises
    ------
    InputError
        When the network lacks the stage that is asked for.
    BreastMassXAIError
        When the device's memory is too small for the method.
    """
    try:
        with torch.inference_mode(False):
            images = (inputs.clone() if inputs.is_inference() else inputs).contiguous(memory_format=torch.channels_last)
            if method.kind.name == DEFAULT:
                with torch.no_grad():
                    cells = network(images)[1]
                return SaliencyMaps(cells, network.linear.bias.detach().expand(len(images)), True)
            found = FUNCTIONS[method.kind.name](network, images, method.number)
            return SaliencyMaps(found.cells.detach(), found.biases.detach(), found.exact)
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        raise BreastMassXAIError(
            f"The memory of the device '{network.linear.weight.device.type}' is too small for {method.label}: choose "
            f"{DEFAULT}, which needs no gradient, a smaller number after the method's name, or another device."
        ) from error


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device has no memory left; torch has several ways to say it."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    words = str(error)
    return isinstance(error, RuntimeError) and ("alloc" in words.lower() and "memory" in words.lower())
