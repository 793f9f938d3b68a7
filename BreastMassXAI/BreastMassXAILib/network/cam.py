"""Class activation mapping (paper, Fig. 2): a decision's signed map, from the decision's own forward pass."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..core.classifier import NetworkOutput
from ..core.errors import BundleError
from ..core.frame import Case
from .bundle import Bundle


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
    return class_activation_maps(bundle, [case])[0]


@torch.inference_mode()
def class_activation_maps(bundle: Bundle, cases: Sequence[Case]) -> list[NetworkOutput]:
    """Run the network once on the fields of several cases; the answers are those of single passes.

    Parameters
    ----------
    bundle : Bundle
    cases : sequence of Case
        Their frames and fields may differ in size. All of them are in memory at once: choose the number to suit.

    Returns
    -------
    list of NetworkOutput
        In the order of the cases.

    Raises
    ------
    BundleError
        When the model's weights lead to values that are not numbers.
    """
    fields = [bundle.field_of(case) for case in cases]
    answers = bundle.network.answers(bundle.inputs((c.frame.pixels, f) for c, f in zip(cases, fields, strict=True)))
    logits, cells, spreads = (answer.cpu() for answer in answers)
    if not bool(torch.isfinite(cells).all()):
        raise BundleError(f"The model {bundle.classifier.name!r} answers with values that are not numbers.")
    bias = float(bundle.network.linear.bias[0])
    return [
        NetworkOutput(float(z), bias, cell.numpy().copy(), field, None if torch.isnan(spread) else float(spread))
        for z, cell, spread, field in zip(logits, cells, spreads, fields, strict=True)
    ]
