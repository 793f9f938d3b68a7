"""The same network with random weights: what its maps show, a trained network must not be praised for."""

from __future__ import annotations

from dataclasses import replace

import torch

from .bundle import Bundle
from .resnet import ScaledResNet


def with_random_weights(bundle: Bundle, seed: int) -> Bundle:
    """A model like another one, but for all its weights, which are drawn as they are before any training.

    Field and preprocessing stay (Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018: all layers at once).

    Parameters
    ----------
    bundle : Bundle
    seed : int
        Of torch's generator, whose state is left as it was.

    Returns
    -------
    Bundle
        Its name says what it is; threshold and temperature mean nothing.
    """
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        network = ScaledResNet(bundle.network.architecture).fold_for_inference()
    classifier = replace(bundle.classifier, name=f"{bundle.classifier.name} with random weights")
    return replace(bundle, classifier=classifier, network=network)
