"""Our maps as functions that other toolkits for explanations take: Quantus and Captum's metrics. Neither is needed.

    network, explain = as_quantus(bundle)
    quantus.PointingGame()(model=network, x_batch=x, y_batch=y, s_batch=masks, explain_func=explain)

Both toolkits know classes; our network has one logit `z`. It is shown to them as two classes of the logits ``(0, z)``,
benign and malignant: a softmax of these is the network's own probability. A map of the class benign is the map with
its sign turned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..core.errors import InputError
from ..network.bundle import Bundle
from ..network.resnet import ScaledResNet
from .catalogue import DEFAULT, method_of
from .running import maps_of


class TwoClasses(nn.Module):
    """The network with the logits of two classes, ``(0, z)``, shape (n, 2); images of shape (n, 3, height, width)."""

    def __init__(self, network: ScaledResNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        logits = self.network(images)[0]
        return torch.stack([torch.zeros_like(logits), logits], dim=1)


def as_captum(model: Bundle | ScaledResNet, method: str = DEFAULT) -> tuple[TwoClasses, Callable[..., Tensor]]:
    """The network, and a function from images to attributions, as ``captum.metrics`` takes them.

    Parameters
    ----------
    model : Bundle or ScaledResNet
    method : str
        Name, or ``name:number``.

    Returns
    -------
    TwoClasses
    callable
        ``explain(images, target=1)`` gives attributions of the images' shape in their height and width and one channel,
        (n, 1, height, width). For a map that adds up to the logit, their sum over an image is the logit less the
        bias; for the target 0 the same with its sign turned.

    Raises
    ------
    InputError
        When there is no such method; from the function, when a target is neither 0 nor 1.
    """
    network = model.network if isinstance(model, Bundle) else model
    chosen = method_of(method)

    def explain(images: Tensor, target: Any = 1) -> Tensor:
        device = network.linear.weight.device
        found = maps_of(network, images.detach().to(device, torch.float32), chosen)
        size = images.shape[2], images.shape[3]
        cells = functional.interpolate(found.cells[:, None], size, mode="bilinear", align_corners=False)
        # Resizing keeps the mean only about: what is missing is spread evenly, so that the sum stays exact.
        cells = cells + (found.cells.mean((1, 2)) - cells.mean((1, 2, 3)))[:, None, None, None]
        return cells * _signs(target, len(images)).to(cells)[:, None, None, None] / (size[0] * size[1])

    return TwoClasses(network).eval(), explain


def as_quantus(model: Bundle | ScaledResNet, method: str = DEFAULT) -> tuple[TwoClasses, Callable[..., np.ndarray]]:
    """The network, and an ``explain_func`` as Quantus takes it.

    Parameters
    ----------
    model : Bundle or ScaledResNet
    method : str
        Name, or ``name:number``.

    Returns
    -------
    TwoClasses
    callable
        ``explain(model, inputs, targets)`` gives an array (n, 1, height, width), as :func:`as_captum` says. The
        network that Quantus passes is explained, so that its own tests of randomised weights see what they randomise.
    """
    wrapped = as_captum(model, method)[0]

    def explain(model: nn.Module, inputs: Any, targets: Any, **_: Any) -> np.ndarray:
        network = getattr(model, "network", None)
        if not isinstance(network, ScaledResNet):
            raise InputError("This function explains the network that as_quantus gives beside it, and no other.")
        images = torch.as_tensor(np.asarray(inputs))
        return as_captum(network, method)[1](images, targets).cpu().numpy()

    return wrapped, explain


def _signs(target: Any, count: int) -> Tensor:
    targets = torch.as_tensor(np.asarray(target)).reshape(-1)
    if not bool(((targets == 0) | (targets == 1)).all()):
        raise InputError("The classes are 0 (benign) and 1 (malignant).")
    return (2.0 * targets.float() - 1).expand(count) if len(targets) == 1 else 2.0 * targets.float() - 1
