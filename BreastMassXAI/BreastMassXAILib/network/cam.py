"""Class activation mapping (paper, Fig. 2): a decision's signed map, from the decision's own forward pass."""

from __future__ import annotations

import torch

from ..core.errors import BundleError
from ..core.explain import NetworkOutput
from ..core.frame import Case
from .bundle import Bundle


@torch.inference_mode()
def class_activation_map(bundle: Bundle, case: Case) -> NetworkOutput:
    """Run the network on a case's field.

    Returns
    -------
    NetworkOutput
        ``cells.mean() + bias == logit``; never rescaled.

    Raises
    ------
    BundleError
        When the model's weights lead to values that are not numbers.
    """
    field = bundle.rule.field(case.mass, case.frame.scan_area)
    inputs = bundle.preprocessing(case.frame.pixels, field)
    logit, cells = bundle.network(inputs.contiguous(memory_format=torch.channels_last))
    if not bool(torch.isfinite(cells).all()):
        raise BundleError(f"The model {bundle.classifier.name!r} answers with values that are not numbers.")
    return NetworkOutput(float(logit[0]), float(bundle.network.linear.bias[0]), cells[0].numpy(), field)
