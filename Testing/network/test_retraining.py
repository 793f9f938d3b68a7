"""A trunk that learns another question."""

import numpy as np
import pytest
import torch

from BreastMassXAILib.network import retraining
from BreastMassXAILib.network.preprocessing import Preprocessing
from BreastMassXAILib.network.resnet import Architecture, ScaledResNet
from BreastMassXAILib.network.retraining import averaged_features, grey_inputs, retrained

PREPARE = Preprocessing(64)


@pytest.fixture(scope="module")
def trunk():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ScaledResNet(Architecture(18, last_stage=3, heads=2)).fold_for_inference()


@pytest.fixture(scope="module")
def images():
    """Half of them with a bright square, in places that vary; noise in all."""
    rng = np.random.default_rng(0)
    grey = rng.integers(60, 120, (60, 64, 64)).astype(np.uint8)
    labels = np.arange(60) % 2 == 1
    for number in np.flatnonzero(labels):
        row, column = rng.integers(4, 40, 2)
        grey[number, row : row + 16, column : column + 16] += 100
    return grey, labels


def learned(trunk, images, aim, features=None, depth="linear"):
    grey, labels = images
    features = averaged_features(trunk, grey, PREPARE) if features is None else features
    ask = lambda indices: grey_inputs(grey[indices], PREPARE)  # noqa: E731
    return retrained(trunk, features, labels, np.arange(40), np.arange(40, 60), ask, aim, 0, depth)


def test_a_linear_layer_is_enough_for_what_the_trunk_sees(trunk, images):
    before = {name: value.clone() for name, value in trunk.state_dict().items()}
    found = learned(trunk, images, 0.9)
    assert found.how == "linear layer"
    assert found.accuracy >= 0.9
    assert all(torch.equal(value, before[name]) for name, value in trunk.state_dict().items())
    with torch.no_grad():
        logits, maps = found.network(grey_inputs(images[0][:4], PREPARE))
    assert torch.allclose(maps.mean((1, 2)) + found.network.linear.bias, logits, atol=1e-4)


def test_the_last_stage_learns_where_the_linear_layer_is_not_enough(trunk, images, monkeypatch):
    monkeypatch.setattr(retraining, "EPOCHS", 4)
    nothing = np.random.default_rng(1).normal(size=(60, 256)).astype(np.float32)  # from this no layer can learn
    found = learned(trunk, images, 0.99, nothing)
    assert found.how == "last stage"
    assert found.accuracy > 0.7
    changed = {n for n, v in found.network.state_dict().items() if n.startswith("backbone") and "layer3" in n}
    own = trunk.state_dict()
    assert any(not torch.equal(found.network.state_dict()[name], own[name]) for name in changed)
    assert torch.equal(found.network.state_dict()["backbone.conv1.weight"], own["backbone.conv1.weight"])


def test_the_last_stage_learns_for_a_fixed_number_of_epochs_where_it_shall(trunk, images, monkeypatch):
    monkeypatch.setattr(retraining, "EPOCHS", 1)
    found = learned(trunk, images, 0.5, depth="last-stage")
    assert (found.how, found.epochs) == ("last stage", 1)
