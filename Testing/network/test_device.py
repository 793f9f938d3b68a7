import pytest

pytest.importorskip("torch")

import numpy as np
import torch

from BreastMassXAILib.core.errors import BundleError
from BreastMassXAILib.core.frame import Case, Frame, Provenance, Spacing
from BreastMassXAILib.network.bundle import load_bundle
from BreastMassXAILib.network.cam import class_activation_map
from BreastMassXAILib.network.device import on_device


@pytest.fixture
def bundle():
    return load_bundle()


@pytest.fixture
def case():
    row, column = np.mgrid[:120, :160]
    pixels = np.random.default_rng(0).integers(0, 256, row.shape).astype(np.float32)
    return Case(Frame(pixels, Spacing(0.1, 0.1, Provenance.HEADER)), (row - 60) ** 2 + (column - 80) ** 2 < 900)


def test_every_machine_has_a_device(bundle, case):
    """`auto` never fails, and its answer is the one of the CPU within what devices round differently."""
    there = class_activation_map(on_device(bundle, "auto"), case)
    here = class_activation_map(on_device(bundle, "cpu"), case)
    assert there.logit == pytest.approx(here.logit, abs=0.01)
    np.testing.assert_allclose(there.cells, here.cells, atol=0.05)
    assert bundle.network.linear.weight.device.type == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA graphics card")
def test_a_missing_card_is_said(bundle):
    with pytest.raises(BundleError, match="no CUDA graphics card"):
        on_device(bundle, "cuda")
    assert bundle.network.linear.weight.device.type == "cpu"


def test_an_unknown_device_is_said(bundle):
    with pytest.raises(BundleError, match="There is no device 'abacus'"):
        on_device(bundle, "abacus")
