"""Our maps as other toolkits take them; Quantus' and Captum's own metrics run where they are installed."""

import numpy as np
import pytest
import torch

from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.methods.outside import as_captum, as_quantus
from BreastMassXAILib.network.resnet import Architecture, ScaledResNet


@pytest.fixture(scope="module")
def network():
    """Without a bias anywhere but in the linear layer: an image of zeros has the bias as its logit."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        return ScaledResNet(Architecture(18, last_stage=3)).eval()


@pytest.fixture(scope="module")
def images():
    return torch.randn(6, 3, 70, 64, generator=torch.Generator().manual_seed(5))


def test_attributions_add_up_to_the_logit_for_either_class(network, images):
    classes, explain = as_captum(network)
    with torch.no_grad():
        outputs = classes(images)
    bias = float(network.linear.bias.detach())
    for target, sign in ((1, 1), (0, -1)):
        found = explain(images, target)
        assert found.shape == (6, 1, 70, 64)
        assert torch.allclose(found.sum((1, 2, 3)), sign * (outputs[:, 1] - bias), atol=1e-4)
    mixed = explain(images, [0, 1, 0, 1, 0, 1])
    assert torch.allclose(mixed[1], explain(images, 1)[1])
    assert torch.allclose(mixed[0], explain(images, 0)[0])
    assert torch.allclose(outputs.softmax(1)[:, 1], torch.sigmoid(outputs[:, 1]))


def test_other_networks_and_classes_are_refused(network, images):
    with pytest.raises(InputError, match="0 \\(benign\\) and 1"):
        as_captum(network)[1](images, 2)
    with pytest.raises(InputError, match="as_quantus"):
        as_quantus(network)[1](torch.nn.Identity(), images.numpy(), [1] * 6)
    with pytest.raises(InputError, match="There is no method"):
        as_quantus(network, "magic")


def test_completeness_of_quantus(network, images):
    """An image of zeros has the bias as its logit, so that a map which adds up satisfies Quantus, and others do not."""
    quantus = pytest.importorskip("quantus")

    def verdicts(method):
        classes, explain = as_quantus(network, method)
        x, y = images.numpy(), np.ones(6, int)
        # Quantus blanks as many values as there are attributions: all three channels only where each has its own.
        attributions = np.repeat(explain(classes, x, y) / 3, 3, axis=1)
        sums = attributions.reshape(6, -1).sum(axis=-1)

        def rounded(difference):  # Quantus asks for equality to the last bit
            return np.where(np.abs(difference - sums) < 1e-4, sums, difference)

        metric = quantus.Completeness(
            abs=False, normalise=False, output_func=rounded, disable_warnings=True, perturb_baseline=0.0
        )
        return metric(model=classes, x_batch=x, y_batch=y, a_batch=attributions, device="cpu", softmax=False)

    assert all(verdicts("cam"))
    assert not any(verdicts("grad-cam:2"))


def test_pointing_game_of_quantus(network, images):
    """Its verdict is that of the map's own maximum."""
    quantus = pytest.importorskip("quantus")
    classes, explain = as_quantus(network)
    x, y = images.numpy(), np.ones(6, int)
    masks = np.zeros((6, 1, 70, 64), bool)
    masks[:, :, :, 32:] = True
    metric = quantus.PointingGame(abs=False, normalise=False, disable_warnings=True)
    scores = metric(model=classes, x_batch=x, y_batch=y, s_batch=masks, explain_func=explain, device="cpu")
    columns = explain(classes, x, y).reshape(6, -1).argmax(1) % 64
    assert [bool(score) for score in scores] == (columns >= 32).tolist()


def test_infidelity_and_sensitivity_of_captum(network, images):
    metrics = pytest.importorskip("captum.metrics")
    classes, explain = as_captum(network)

    def perturb(inputs):
        noise = 0.01 * torch.randn_like(inputs)
        return noise, inputs - noise

    full = explain(images, 1).expand_as(images) / 3
    found = metrics.infidelity(classes, perturb, images, full, target=1, n_perturb_samples=2)
    assert found.shape == (6,)
    assert torch.isfinite(found).all()
    assert (found >= 0).all()
    moved = metrics.sensitivity_max(lambda x, target: (explain(x[0], target),), (images,), target=1)
    assert torch.isfinite(moved).all()
    assert (moved > 0).all()
