"""The network's identities: CAM is the logit, DRS starts as the pretrained network, folding changes nothing."""

import pytest
import torch
import torchvision

from BreastMassXAILib.core.errors import BundleError
from BreastMassXAILib.network.resnet import Architecture, ChannelScale, ScaledResNet

ALL = [
    Architecture(18),
    Architecture(34, last_stage=3),
    Architecture(50),
    Architecture(50, "v1", 3),
    Architecture(50, "v1", 4),
    Architecture(50, "v1", 3, pooled_blocks=3),
    Architecture(18, pooled_blocks=2),
]


def randomised(architecture, scaled=True):
    """A network whose batch norms and (if asked) scaling layers are far from their initial values."""
    torch.manual_seed(1)
    network = ScaledResNet(architecture)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.2)
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)
        elif scaled and isinstance(module, ChannelScale):
            torch.nn.init.normal_(module.scale, 1, 0.2)
            torch.nn.init.normal_(module.shift, 0, 0.2)
    with torch.inference_mode():
        logits, _ = network.eval()(images())
    network.linear.weight.data /= float(logits.abs().max())  # logits of the size that a trained network has
    return network


def images(size=96):
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("architecture", ALL, ids=str)
@torch.inference_mode()
def test_mean_of_the_map_and_bias_are_the_logit(architecture):
    network = randomised(architecture)
    logits, cams = network(images())
    assert cams.shape == (2, 96 // 2 ** (architecture.last_stage + 1), 96 // 2 ** (architecture.last_stage + 1))
    torch.testing.assert_close(cams.double().mean((1, 2)) + network.linear.bias, logits.double(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("depth", [18, 34, 50])
@torch.inference_mode()
def test_untrained_scaling_leaves_the_pretrained_network_as_it_is(depth):
    network = randomised(Architecture(depth), scaled=False)
    plain = torchvision.models.get_model(f"resnet{depth}")
    plain.fc = torch.nn.Linear(network.linear.in_features, 1)
    plain.load_state_dict(
        {**network.backbone.state_dict(), **{f"fc.{k}": v for k, v in network.linear.state_dict().items()}}
    )
    assert torch.equal(network(images())[0], plain.eval()(images())[:, 0])


@torch.inference_mode()
def test_v1_has_its_stride_on_the_first_convolution():
    """A feature map of the strided block must depend on every second pixel only where the 1x1 convolution strides."""
    for variant, other_pixels_matter in (("torchvision", True), ("v1", False)):
        block = randomised(Architecture(50, variant)).backbone.layer2[0]
        x = torch.randn(1, 256, 8, 8)
        changed = x.clone()
        changed[..., 1::2, 1::2] += 1
        assert torch.equal(block(x), block(changed)) is not other_pixels_matter


@pytest.mark.parametrize("architecture", ALL, ids=str)
@torch.inference_mode()
def test_folding_keeps_the_function(architecture):
    network = randomised(architecture)
    logits, cams = network(images())
    folded_logits, folded_cams = network.fold_for_inference()(images())
    scale = float(cams.abs().max())
    torch.testing.assert_close(folded_logits, logits, atol=1e-4 * scale, rtol=1e-4)
    torch.testing.assert_close(folded_cams, cams, atol=1e-4 * scale, rtol=1e-4)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())


@pytest.mark.parametrize(
    ("method", "trained"),
    [("drs", ("scaling", "linear")), ("linear-probe", ("linear",)), ("fine-tune", ("backbone", "linear"))],
)
def test_methods_train_what_they_say(method, trained):
    network = ScaledResNet(Architecture(18))
    network.set_trainable(method)
    assert {name.split(".")[0] for name, p in network.named_parameters() if p.requires_grad} == set(trained)


@pytest.mark.parametrize("method", ["drs", "fine-tune"])
def test_batch_norms_keep_their_statistics_while_training(method):
    network = randomised(Architecture(18))
    before = network.backbone.bn1.running_mean.clone()
    network.set_trainable(method)
    network.train()
    network(images())
    assert torch.equal(network.backbone.bn1.running_mean, before)


def test_stages_before_the_first_one_do_not_learn():
    network = ScaledResNet(Architecture(18))
    for method, part in (("drs", "scaling.stage"), ("fine-tune", "backbone.layer")):
        network.set_trainable(method, first_stage=3)
        learning = {name for name, p in network.named_parameters() if p.requires_grad}
        assert all(name.startswith((f"{part}3", f"{part}4", "linear")) for name in learning)


def test_unknown_networks_and_methods_are_refused():
    with pytest.raises(BundleError, match="not by 'dsr'"):
        ScaledResNet(Architecture(18)).set_trainable("dsr")
    for bad in ({"depth": 51}, {"variant": "v2"}, {"last_stage": 1}):
        with pytest.raises(BundleError):
            Architecture(**bad)
