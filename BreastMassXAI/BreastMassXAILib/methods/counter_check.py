"""The counter-check's question to the network: what it says of a frame of which a region is replaced."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ..core.classifier import NetworkOutput
from ..core.counter_check import Changes, replaced
from ..core.frame import Case
from ..network.bundle import Bundle


@torch.inference_mode()
def changes_of(bundle: Bundle, case: Case, output: NetworkOutput, labels: np.ndarray, fill: str = "inpaint") -> Changes:
    """Replace each region in turn and run the network on all of these frames at once: at most four passes.

    Parameters
    ----------
    output : NetworkOutput
        What the network said of the frame as it is.
    labels : ndarray of uint8, shape (rows, columns)
        Regions, from :func:`~..core.explain.partition`.
    fill : str
        Of :data:`~..core.infill.FILLS`.
    """
    images, reasons = replaced(case, labels, output.field, fill)
    logits = _logits(bundle, list(images.values()), output) if images else []
    changes = {name: output.logit - logit for name, logit in zip(images, logits, strict=True)}
    return Changes(fill, changes, reasons)


def _logits(bundle: Bundle, images: Sequence[np.ndarray], output: NetworkOutput) -> list[float]:
    return bundle.network(bundle.inputs((image, output.field) for image in images))[0].cpu().tolist()
