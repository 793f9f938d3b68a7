"""Methods that ask for gradients, against their formulas, against CAM, and against the sums that they promise."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.methods import method_of
from BreastMassXAILib.methods.maps import features_and_gradients, input_gradients, stage_of
from BreastMassXAILib.methods.running import maps_of
from BreastMassXAILib.network.resnet import Architecture

from .conftest import made


def cam_of(network, images):
    with torch.no_grad():
        return network(images)


@pytest.mark.parametrize("name", ["grad-cam", "hires-cam", "grad-cam:3", "hires-cam:3", "layer-cam:3"])
def test_at_the_last_stage_the_map_is_the_class_activation_map(network, images, name):
    """The gradient there is the linear layer's weight divided by the number of cells, by which maps are multiplied."""
    logits, cam = cam_of(network, images)
    found = maps_of(network, images, method_of(name))
    torch.testing.assert_close(found.cells, cam, atol=1e-5, rtol=1e-4)
    assert found.exact
    torch.testing.assert_close(found.cells.mean((1, 2)) + found.biases, logits, atol=1e-4, rtol=0)


def test_grad_cam_without_the_factor_is_cam_divided_by_the_number_of_cells(network, images):
    """As its paper writes it: weights are mean gradients, and nothing is multiplied."""
    _, cam = cam_of(network, images)
    pairs = features_and_gradients(network, images, 3)
    plain = sum((g.mean((2, 3), keepdim=True) * a).sum(1) for a, g in pairs)
    torch.testing.assert_close(plain * cam[0].numel(), cam, atol=1e-5, rtol=1e-4)
    assert cam[0].numel() == 16


@pytest.mark.parametrize("stage", [1, 2])
def test_an_earlier_stage_agrees_with_gradients_taken_through_hooks(network, images, stage):
    """Autograd's own answer at the module, whose output this library never touches."""
    kept = {}
    last = network.scaling[f"stage{stage}"][-1]
    handle = last.register_forward_hook(lambda module, given, output: kept.update(a=output))
    try:
        leaf = images.clone().requires_grad_()
        logits = network(leaf)[0]
    finally:
        handle.remove()
    gradient = torch.autograd.grad(logits.sum(), kept["a"])[0]
    cells = kept["a"].shape[2] * kept["a"].shape[3]
    grad_cam = (gradient.mean((2, 3), keepdim=True) * kept["a"]).sum(1) * cells
    hires = (gradient * kept["a"]).sum(1) * cells
    for name, expected in (("grad-cam", grad_cam), ("hires-cam", hires), ("layer-cam", hires)):
        found = maps_of(network, images, method_of(f"{name}:{stage}"))
        torch.testing.assert_close(found.cells, expected.detach(), atol=1e-5, rtol=1e-4)
        assert not found.exact


def test_grad_cam_plus_plus_is_its_papers_map_of_the_logit_minus_that_of_the_negative_logit(network, images):
    pairs = features_and_gradients(network, images, 2)

    def papers(sign):
        """Chattopadhay 2018, equations 10, 11 and 19, written out for one image at a time."""
        total = []
        for n in range(len(images)):
            cells = 0.0
            for k in range(pairs[0][0].shape[1]):
                a, g = pairs[0][0][n, k].double(), sign * pairs[0][1][n, k].double()
                below = 2 * g**2 + a.sum() * g**3
                alpha = torch.where(g > 0, g**2 / torch.where(g > 0, below, 1), 0)
                cells = cells + (alpha * g.relu()).sum() * a
            total.append(cells)
        return torch.stack(total)

    found = maps_of(network, images, method_of("grad-cam++:2")).cells
    torch.testing.assert_close(found.double(), papers(1) - papers(-1), atol=1e-6, rtol=1e-3)


def test_layer_cam_fuses_stages_by_their_strongest_value(network, images):
    stages = [maps_of(network, images, method_of(f"hires-cam:{stage}")).cells for stage in (1, 2, 3)]
    scaled = [torch.tanh(2 * m / m.abs().amax((1, 2), keepdim=True)) for m in stages]
    size = stages[0].shape[1:]
    large = torch.stack([functional.interpolate(m[:, None], size, mode="bilinear")[:, 0] for m in scaled]).numpy()
    strongest = np.abs(large).max(axis=0)
    found = maps_of(network, images, method_of("layer-cam")).cells.numpy()
    np.testing.assert_allclose(np.abs(found), strongest, atol=1e-6)
    assert (np.isclose(large, found[None], atol=1e-6)).any(axis=0).all()  # with the sign that it had


def test_cameras_is_its_formula_with_whole_gradients(network, images):
    """Jalwana 2021, equations 3 to 5: mean activations times mean gradients, over the input's resolutions."""
    grid, features, gradients = (16, 16), [], []
    for side in (64, 164, 264):
        larger = functional.interpolate(images, (side, side), mode="bilinear")
        pairs = features_and_gradients(network, larger, 3)
        cells = pairs[0][0].shape[2] * pairs[0][0].shape[3]
        for store, place, factor in ((features, 0, 1), (gradients, 1, cells)):
            joined = torch.cat([pair[place] for pair in pairs], 1) * factor
            store.append(functional.interpolate(joined, grid, mode="bilinear"))
    expected = (torch.stack(features).mean(0) * torch.stack(gradients).mean(0)).sum(1)
    found = maps_of(network, images, method_of("cameras:3"))
    torch.testing.assert_close(found.cells, expected, atol=1e-5, rtol=1e-4)
    assert not found.exact


def test_cameras_of_one_resolution_is_the_class_activation_map_on_a_finer_grid(network, images):
    _, cam = cam_of(network, images)
    fine = functional.interpolate(cam[:, None], (16, 16), mode="bilinear")[:, 0]
    torch.testing.assert_close(maps_of(network, images, method_of("cameras:1")).cells, fine, atol=1e-5, rtol=1e-4)


def test_integrated_gradients_add_up_to_what_the_mean_grey_does_not_say(network, images):
    logits, _ = cam_of(network, images)
    even, _ = cam_of(network, images.mean((2, 3), keepdim=True).expand_as(images).contiguous())
    found = maps_of(network, images, method_of("integrated-gradients"))
    assert found.exact and (logits - even).abs().min() > 0.05  # else nothing was integrated
    torch.testing.assert_close(found.biases, even, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.cells.mean((1, 2)) + found.biases, logits, atol=0.011, rtol=0.01)


def test_integrated_gradients_are_a_fine_riemann_sum(network, images):
    """Of one image, with far more steps than the method takes."""
    image = images[:1]
    even = image.mean((2, 3), keepdim=True)
    t = ((torch.arange(300) + 0.5) / 300).view(-1, 1, 1, 1)
    mean = torch.cat([input_gradients(network, even + part * (image - even))[1] for part in t.split(60)]).mean(0)
    cells = ((image - even) * mean).sum(1)[0].reshape(16, 4, 16, 4).mean((1, 3)) * 64 * 64
    found = maps_of(network, image, method_of("integrated-gradients:48")).cells[0]
    assert float((found - cells).abs().max()) < 0.03 * float(cells.abs().max())


def test_smooth_grad_of_a_linear_network_is_the_gradient_times_the_difference_to_the_mean(images):
    """Noise does not matter where the gradient is the same everywhere."""
    network, kernel = linear_network()
    found = maps_of(network, images, method_of("smooth-grad:3")).cells
    expected = (kernel * (images - images.mean((2, 3), keepdim=True))).sum(1)
    expected = expected.reshape(2, 16, 4, 16, 4).mean((2, 4)) * 64 * 64
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-4)


def test_smooth_grad_repeats_and_averages_noisy_gradients(network, images):
    first, again = (maps_of(network, images, method_of("smooth-grad:4")).cells for _ in range(2))
    torch.testing.assert_close(first, again, atol=0, rtol=0)
    noise = torch.randn((4, 1, 64, 64), generator=torch.Generator().manual_seed(0))
    image = images[1]
    spread = 0.15 * float(image.max() - image.min())
    gradient = torch.stack([input_gradients(network, image[None] + spread * n)[1][0] for n in noise]).mean(0)
    expected = (gradient * (image - image.mean())).sum(0).reshape(16, 4, 16, 4).mean((1, 3)) * 64 * 64
    torch.testing.assert_close(first[1], expected, atol=1e-3, rtol=1e-3)


def test_a_stage_that_is_not_there_is_refused_in_a_sentence(network, images):
    with pytest.raises(InputError, match="has the stages 1 to 3, and no stage 4"):
        maps_of(network, images, method_of("grad-cam:4"))
    four = made(Architecture(18, last_stage=4))
    assert maps_of(four, images, method_of("grad-cam:4")).exact
    with pytest.raises(InputError, match="no residual stages"):
        stage_of(torch.nn.Linear(2, 1), None)


def linear_network():
    """A stand-in for the trunk that is linear in the pixels: ``z = sum(kernel * x) + 0.3``."""

    class Linear(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(1, 1)
            self.linear.bias.data.fill_(0.3)
            generator = torch.Generator().manual_seed(6)
            self.kernel = torch.nn.Parameter(torch.randn(3, 64, 64, generator=generator) / 100)

        def forward(self, x):
            return (x * self.kernel).sum((1, 2, 3)) + self.linear.bias[0], None

    network = Linear().requires_grad_(False)
    return network, network.kernel


def test_integrated_gradients_are_captums(network, images):
    """The same steps from the same baseline, where captum is installed: pip install breast-mass-xai[toolkits]."""
    attr = pytest.importorskip("captum.attr", reason="captum is not installed")
    image = images[:1]
    even = image.mean((2, 3), keepdim=True).expand_as(image).contiguous()
    whole = attr.IntegratedGradients(lambda x: network(x)[0]).attribute(image, even, n_steps=128)
    cells = whole.sum(1)[0].reshape(16, 4, 16, 4).mean((1, 3)).float() * 64 * 64
    found = maps_of(network, image, method_of("integrated-gradients:128")).cells[0]
    torch.testing.assert_close(found, cells, atol=1e-3 * float(cells.abs().max()), rtol=1e-3)
