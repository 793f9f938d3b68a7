from __future__ import annotations

import numpy as np
import pytest
import torch

from BreastMassXAILib.core.classifier import Classifier
from BreastMassXAILib.core.field import FieldRule
from BreastMassXAILib.core.frame import Case, Frame, Provenance, Spacing
from BreastMassXAILib.network.bundle import Bundle
from BreastMassXAILib.network.preprocessing import Preprocessing
from BreastMassXAILib.network.resnet import Architecture, ChannelScale, ScaledResNet

SIZE = 64


def made(architecture: Architecture) -> ScaledResNet:
    """A small network with weights far from their initial values, folded as a bundle's network is."""
    torch.manual_seed(3)
    network = ScaledResNet(architecture)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.3, 0.9)
            torch.nn.init.normal_(module.bias, 0, 0.2)
        elif isinstance(module, ChannelScale):
            torch.nn.init.normal_(module.scale, 1, 0.2)
    torch.nn.init.normal_(network.linear.weight, 0, 1.0)
    network.linear.bias.data.fill_(0.3)
    return network.fold_for_inference()


@pytest.fixture(scope="session")
def network() -> ScaledResNet:
    """Two blocks' outputs enter pooling, as several do in the shipped models."""
    return made(Architecture(18, last_stage=3, pooled_blocks=2))


@pytest.fixture(scope="session")
def images() -> torch.Tensor:
    """Two images as a frame becomes one: the same in all three channels."""
    grey = torch.randn(2, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(4))
    return grey.repeat(1, 3, 1, 1).contiguous(memory_format=torch.channels_last)


@pytest.fixture(scope="session")
def bundle(network: ScaledResNet) -> Bundle:
    return Bundle(Classifier("tiny", "0" * 64), network, FieldRule("square", 2.0), Preprocessing(SIZE), {})


@pytest.fixture
def case() -> Case:
    pixels = np.random.default_rng(5).integers(0, 256, (90, 120)).astype(np.float32)
    row, column = np.mgrid[:90, :120]
    mass = ((row - 40) / 12) ** 2 + ((column - 60) / 18) ** 2 < 1
    return Case(Frame(pixels, Spacing(0.3, 0.25, Provenance.DICOM_REGION)), mass)
