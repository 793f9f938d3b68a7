"""Bundles: whole, unaltered, or refused with a sentence."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from BreastMassXAILib.core.errors import BundleError
from BreastMassXAILib.core.field import FieldRule
from BreastMassXAILib.core.recalibration import Answers, calibration
from BreastMassXAILib.network.bundle import load_bundle, recalibrate, save_bundle
from BreastMassXAILib.network.fitting import round_convolutions
from BreastMassXAILib.network.preprocessing import Preprocessing
from BreastMassXAILib.network.resnet import Architecture, ScaledResNet
from BreastMassXAILib.network.tensor_files import pack_backbone, read_tensors, sha256_of


@pytest.fixture
def models(tmp_path):
    """A folder of models with a small packed backbone and one bundle, `tiny`."""
    torch.manual_seed(0)
    architecture = Architecture(18, last_stage=3)
    source = tmp_path / "imagenet.safetensors"
    save_file(ScaledResNet(Architecture(18)).backbone.state_dict(), source)
    backbone = tmp_path / "backbones" / "resnet18-stage3.safetensors"
    pack_backbone(source, backbone, 3)
    network = ScaledResNet(architecture)
    network.backbone.load_state_dict(read_tensors(backbone))
    for stage in network.scaling.values():
        for scale in stage:
            torch.nn.init.normal_(scale.scale, 1, 0.1)
    save_bundle(
        tmp_path / "tiny",
        network,
        name="tiny",
        backbone=backbone,
        rule=FieldRule("square", 2.0),
        preprocessing=Preprocessing(64),
        threshold=0.4,
        temperature=1.3,
        facts={"licence": "none"},
    )
    return tmp_path


def edit(models, **changes):
    path = models / "tiny" / "model.json"
    description = json.loads(path.read_text())
    description.update(changes)
    path.write_text(json.dumps({key: value for key, value in description.items() if value is not None}))


@torch.inference_mode()
def test_what_is_saved_is_what_is_loaded(models):
    bundle = load_bundle(models / "tiny")
    assert bundle.classifier.name == "tiny"
    assert (bundle.classifier.threshold, bundle.classifier.temperature) == (0.4, 1.3)
    assert bundle.classifier.sha256 == sha256_of(models / "tiny" / "model.json")
    assert bundle.rule == FieldRule("square", 2.0) and bundle.preprocessing == Preprocessing(64)
    network = ScaledResNet(Architecture(18, last_stage=3))
    network.backbone.load_state_dict(read_tensors(models / "backbones" / "resnet18-stage3.safetensors"))
    network.load_state_dict(load_file(models / "tiny" / "weights.safetensors"), strict=False)
    x = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(bundle.network(x)[0], network.eval()(x)[0], atol=1e-4, rtol=1e-4)


def test_the_trained_part_is_small_and_the_backbone_is_packed(models):
    assert (models / "tiny" / "weights.safetensors").stat().st_size < 100_000
    packed = load_file(models / "backbones" / "resnet18-stage3.safetensors")
    assert packed["conv1.weight"].dtype == torch.float16 and packed["bn1.weight"].dtype == torch.float32
    assert not any(name.startswith(("layer4", "fc")) for name in packed)


def test_one_altered_byte_is_noticed(models):
    for path in (models / "tiny" / "weights.safetensors", models / "backbones" / "resnet18-stage3.safetensors"):
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(BundleError, match="altered"):
            load_bundle(models / "tiny")
        path.write_bytes(content)
    load_bundle(models / "tiny")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"schema_version": 7}, "schema version 7"),
        ({"threshold": None}, "threshold"),
        ({"temperature": -1}, "between 0 and inf"),
        ({"threshold": 7}, "between 0 and 1"),
        ({"name": None}, "name"),
        ({"weights": {"sha256": None}}, "SHA-256"),
        ({"preprocessing": {"size": 0, "mean": [0, 0, 0], "std": [1, 1, 1]}}, "32 to 1024"),
        ({"preprocessing": {"size": 64, "mean": [0], "std": [1, 1, 1]}}, "three means"),
        ({"preprocessing": {"size": 64, "mean": [0, 0, 0], "std": [0, 0, 0]}}, "positive standard"),
        ({"architecture": {"depth": 18, "layers": 3}}, "model.json"),
        ({"architecture": {"depth": 34, "last_stage": 3}}, "do not fit"),
        ({"field": {"kind": "circle"}}, "circle"),
        ({"backbone": {"name": "../secret", "sha256": "0" * 64}}, "outside"),
        ({"backbone": {"name": "absent", "sha256": "0" * 64}}, "absent.safetensors"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(models, changes, word):
    edit(models, **changes)
    with pytest.raises(BundleError, match=word):
        load_bundle(models / "tiny")


def test_missing_and_broken_files_are_named(models):
    with pytest.raises(BundleError, match="no model folder"):
        load_bundle(models / "nothing")
    weights = models / "tiny" / "weights.safetensors"
    weights.write_bytes(b"not tensors")
    edit(models, weights={"sha256": sha256_of(weights)})
    with pytest.raises(BundleError, match="not a safetensors file"):
        load_bundle(models / "tiny")
    weights.unlink()
    with pytest.raises(BundleError, match=r"weights\.safetensors"):
        load_bundle(models / "tiny")
    (models / "tiny" / "model.json").write_text("{")
    with pytest.raises(BundleError, match="valid JSON"):
        load_bundle(models / "tiny")


def test_weights_that_are_not_numbers_are_refused(models):
    path = models / "tiny" / "weights.safetensors"
    tensors = load_file(path)
    tensors["linear.bias"][0] = np.nan
    save_file(tensors, path)
    edit(models, weights={"sha256": sha256_of(path)})
    with pytest.raises(BundleError, match="not numbers"):
        load_bundle(models / "tiny")


def test_a_backbone_that_is_no_numbers_is_refused_and_one_without_counters_is_read(models):
    path = models / "backbones" / "resnet18-stage3.safetensors"
    tensors = load_file(path)
    shape, fixed = torch.zeros(1, 3, 64, 64), load_bundle(models / "tiny").network
    save_file({name: value for name, value in tensors.items() if "num_batches" not in name}, path)
    edit(models, backbone={"name": path.stem, "sha256": sha256_of(path)})
    assert torch.equal(load_bundle(models / "tiny").network(shape)[0], fixed(shape)[0])
    tensors["layer2.1.bn2.running_mean"][3] = np.inf
    save_file(tensors, path)
    edit(models, backbone={"name": path.stem, "sha256": sha256_of(path)})
    with pytest.raises(BundleError, match="not numbers"):
        load_bundle(models / "tiny")


@torch.inference_mode()
def test_a_fine_tuned_bundle_carries_its_own_backbone(models):
    network = ScaledResNet(Architecture(18, last_stage=3))
    round_convolutions(network)
    facts = {"name": "own", "rule": FieldRule("roi", margin_mm=6.0), "preprocessing": Preprocessing(64)}
    save_bundle(models / "own", network, backbone="mine", threshold=0.5, temperature=1.0, facts={}, **facts)
    bundle = load_bundle(models / "own")
    assert bundle.description["backbone"]["name"] == "mine" and bundle.rule == FieldRule("roi", margin_mm=6.0)
    x = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(bundle.network(x)[0], network.eval()(x)[0], atol=1e-4, rtol=1e-4)


def test_a_bundle_can_be_calibrated_anew(models):
    logits = np.linspace(-3, 3, 40)
    found = calibration(Answers.of_logits(logits), np.arange(40) % 3 + logits > 0.7, np.arange(40), "here")
    recalibrate(models / "tiny", found, {"metrics": {"n": 5}})
    bundle = load_bundle(models / "tiny")
    assert (bundle.classifier.threshold, bundle.classifier.temperature) == (found.threshold, found.temperature)
    assert bundle.classifier.points.keys() == {"sensitive", "balanced", "specific"}
    assert bundle.description["metrics"] == {"n": 5} and bundle.description["licence"] == "none"
