"""Training learns, stops, splits by patient and repeats itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from BreastMassXAILib.core.errors import BundleError, InputError, OutputError
from BreastMassXAILib.core.field import FieldRule
from BreastMassXAILib.core.frame import Case, Frame, Spacing
from BreastMassXAILib.core.statistics import roc_auc
from BreastMassXAILib.network.augmentation import augment
from BreastMassXAILib.network.backbones import find_backbone
from BreastMassXAILib.network.checkpoint import Checkpoint
from BreastMassXAILib.network.fitting import fit
from BreastMassXAILib.network.linear_probe import fit_linear_probe, set_linear_layer
from BreastMassXAILib.network.preprocessing import Preprocessing
from BreastMassXAILib.network.resnet import Architecture, ScaledResNet
from BreastMassXAILib.network.stage_cache import cache_stages, pooled_features
from BreastMassXAILib.network.training import Training, TrainingSettings, frame_weights

SETTINGS = TrainingSettings(first_stage=3, variants=3, epochs=4, learning_rate=0.003)
SMALL = Preprocessing(64)


def cases(count=48):
    """Masses that differ in the coarseness of their texture: something that random convolutions can see."""
    generator = np.random.default_rng(0)
    found = []
    for index in range(count):
        malignant = index % 2 == 1
        grain = 2 if malignant else 8
        coarse = generator.uniform(0, 255, (72 // grain, 72 // grain))
        pixels = np.kron(coarse, np.ones((grain, grain))).astype(np.float32)
        mass = np.zeros(pixels.shape, bool)
        mass[25:45, 25:45] = True
        label = "malignant" if malignant else "benign"
        found.append(Case(Frame(pixels, Spacing.unknown()), mass, label=label, patient=str(index // 4)))
    return found


def cached(network, data, **changes):
    wanted = {"first_stage": SETTINGS.first_stage, "variants": SETTINGS.variants, "seed": SETTINGS.seed, **changes}
    return cache_stages(network, data, FieldRule("square", 3.0), SMALL, **wanted)


@pytest.fixture(scope="module")
def prepared():
    data = cases()
    labels = np.array([case.label == "malignant" for case in data])
    torch.manual_seed(0)
    network = ScaledResNet(Architecture(18, last_stage=3))
    cache = cached(network, data)
    training, validation = np.arange(32), np.arange(32, 48)
    return network.state_dict(), cache, labels, training, validation


def fresh(prepared):
    network = ScaledResNet(Architecture(18, last_stage=3))
    network.load_state_dict(prepared[0])
    return network


def training(prepared, settings=SETTINGS, labels=None):
    _, cache, own, learned, held = prepared
    return Training(fresh(prepared), cache, own if labels is None else labels, learned, held, settings)


def test_cached_outputs_are_those_of_the_network(prepared):
    network = fresh(prepared).eval()
    case = cases(3)[2]
    rule = FieldRule("square", 3.0)
    with torch.inference_mode():
        direct = network(SMALL(case.frame.pixels, rule.field(case.mass)))[0]
    assert training(prepared).predict(np.array([2]))[0] == pytest.approx(float(direct), abs=0.01)  # float16 in between


def test_variants_of_a_frame_do_not_depend_on_the_frames_before_it():
    network = ScaledResNet(Architecture(18, last_stage=3))
    whole, part = cached(network, cases(6)), cached(network, cases(3))
    assert torch.equal(whole.outputs[:, :3], part.outputs)


class Damaged(list):
    """A data set whose second and fifth file do not open."""

    def __getitem__(self, index):
        if index in (1, 4):
            raise InputError(f"Frame {index} cannot be read.")
        return super().__getitem__(index)


def test_frames_that_cannot_be_read_cost_themselves_only():
    network = ScaledResNet(Architecture(18, last_stage=3))
    cache = cached(network, Damaged(cases(6)))
    assert cache.unreadable == {1: "Frame 1 cannot be read.", 4: "Frame 4 cannot be read."}
    assert cache.held(np.arange(6)).tolist() == [True, False, True, True, False, True]
    whole = cached(network, cases(6))
    assert torch.equal(cache.outputs[:, cache.place[5]], whole.outputs[:, whole.place[5]])


@pytest.mark.parametrize(
    ("method", "learning"),
    [
        ("drs", ("scaling.stage3", "linear")),
        ("linear-probe", ("linear",)),
        ("fine-tune", ("backbone.layer3", "linear")),
    ],
)
def test_only_what_the_method_trains_changes(prepared, method, learning):
    work = training(prepared, replace(SETTINGS, method=method))
    before = {name: value.clone() for name, value in work.network.state_dict().items()}
    epochs = work.run()
    assert epochs[-1].training_loss < epochs[1].training_loss
    changed = {name for name, value in work.network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all(name.startswith(learning) for name in changed)


def test_the_same_seed_gives_the_same_network(prepared):
    logits = []
    for _ in range(2):
        work = training(prepared, replace(SETTINGS, epochs=1))
        work.run()
        logits.append(work.predict(work.validation))
    np.testing.assert_array_equal(*logits)


def test_training_stops_without_improvement_and_keeps_the_best_epoch(prepared):
    noise = np.random.default_rng(3).random(48) < 0.5
    work = training(prepared, replace(SETTINGS, learning_rate=0.05, patience=1, epochs=30), noise)
    epochs = work.run()
    assert len(epochs) < 30
    best = min(epoch.validation_loss for epoch in epochs)
    logits = work.predict(work.validation)
    loss = np.logaddexp(0, -np.where(noise[work.validation], logits, -logits)).mean()
    assert loss == pytest.approx(best, rel=1e-3)


def test_without_validation_frames_all_epochs_run_and_the_last_stays(prepared):
    _, cache, labels, learned, _ = prepared
    work = Training(fresh(prepared), cache, labels, learned, np.arange(0), replace(SETTINGS, epochs=2, patience=1))
    epochs = work.run()
    assert [entry.epoch for entry in epochs] == [1, 2] and np.isnan(epochs[-1].validation_loss)
    once = training(prepared, replace(SETTINGS, epochs=1))
    once.run()
    assert not torch.equal(once.network.linear.weight, work.network.linear.weight)


class Killed(Exception):
    pass


@pytest.mark.parametrize("step", [1, 4, 7])  # of three an epoch: in the first, second and third one
@pytest.mark.parametrize("method", ["drs", "fine-tune"])
def test_a_training_that_was_killed_in_an_epoch_ends_as_an_unbroken_one(prepared, tmp_path, method, step):
    settings = replace(SETTINGS, method=method)
    unbroken = training(prepared, settings)
    expected = unbroken.run()

    def kill(done, total, what):
        if done == step:
            raise Killed

    with pytest.raises(Killed):
        training(prepared, settings).run(tmp_path, progress=kill)
    resumed = training(prepared, settings)
    assert str(resumed.run(tmp_path)) == str(expected)  # NaN equals nothing, not even itself
    for name, value in unbroken.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name
    assert str(training(prepared, settings).run(tmp_path, progress=kill)) == str(expected)  # nothing is left to do


def test_a_damaged_checkpoint_is_told(prepared, tmp_path):
    (tmp_path / "state.safetensors").write_bytes(b"not one")
    with pytest.raises(InputError, match="damaged"):
        training(prepared).run(tmp_path)


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(tmp_path):
    file = tmp_path / "state.safetensors"
    Checkpoint({"a/b": torch.ones(2)}, {"n": 1}).save(file)
    (tmp_path / "state.writing").mkdir()  # in the way of the file that is written beside
    with pytest.raises(OutputError, match="cannot be kept"):
        Checkpoint({"a/b": torch.zeros(2)}, {"n": 2}).save(file)
    kept = Checkpoint.load(file)
    assert kept.facts == {"n": 1} and kept.part("a")["b"].tolist() == [1, 1]


def test_linear_layer_separates_what_can_be_separated(prepared):
    _, cache, labels, learned, held = prepared
    network = fresh(prepared)
    probe = fit_linear_probe(pooled_features(network, cache), labels, learned, held)
    set_linear_layer(network, probe)
    logits = Training(network, cache, labels, learned, held, SETTINGS).predict(held)
    assert probe.validation_loss < 0.6
    assert ((logits > 0) == labels[held]).mean() > 0.8
    loss = np.logaddexp(0, -np.where(labels[held], logits, -logits)).mean()
    assert loss == pytest.approx(probe.validation_loss, rel=0.02)


def test_a_fit_begins_with_the_probe_and_does_not_get_worse(prepared):
    _, cache, labels, learned, held = prepared
    pooled = pooled_features(fresh(prepared), cache)
    found = {}
    for method in ("linear-probe", "drs", "fine-tune"):
        network = fresh(prepared)
        settings = replace(SETTINGS, method=method, learning_rate=0.0005)
        found[method] = fit(network, cache, pooled, labels, learned, held, settings)
        stored = network.backbone.conv1.weight if method != "fine-tune" else network.backbone.layer3[0].conv1.weight
        assert method != "fine-tune" or torch.equal(stored, stored.half().float())
    assert found["linear-probe"].epochs == [] and found["linear-probe"].best_epoch == 0
    start = found["linear-probe"].probe.validation_loss
    for method in ("drs", "fine-tune"):
        log = found[method].epochs
        assert log[0].epoch == 0 and log[0].validation_loss == pytest.approx(start, rel=0.02)
        logits = found[method].validation_logits
        loss = np.logaddexp(0, np.where(labels[held], -logits, logits)).mean()
        assert loss <= start + 0.01 and roc_auc(labels[held], logits) > 0.8


def test_the_penalty_of_the_probe_goes_on_while_scaling_layers_learn(prepared):
    """The probe is a minimum in the linear layer's weights: with the penalty they stay, without it they run away."""
    _, cache, labels, learned, held = prepared
    pooled = pooled_features(fresh(prepared), cache)
    moved = {}
    for ridge in (True, False):
        network = fresh(prepared)
        probe = fit_linear_probe(pooled, labels, learned, held, penalty=1.0)
        set_linear_layer(network, probe)
        before = network.linear.weight.detach().clone()
        settings = replace(SETTINGS, method="linear-probe", epochs=20, patience=20, batch=32)
        work = Training(network, cache, labels, learned, held[:0], settings, ridge=probe.ridge if ridge else None)
        work.run()
        moved[ridge] = float((network.linear.weight.detach() - before).norm() / before.norm())
    assert moved[True] < moved[False] / 2


def test_balanced_classes_count_the_same():
    labels = np.array([True] * 3 + [False] * 9)
    weights = frame_weights(labels, np.arange(12), "balanced")
    assert weights[labels].sum() == pytest.approx(weights[~labels].sum()) and weights.mean() == pytest.approx(1)
    assert (frame_weights(labels, np.arange(12), "none") == 1).all()


def test_mixed_precision_learns_too(prepared):
    work = training(prepared, replace(SETTINGS, precision="mixed"))
    epochs = work.run()
    assert epochs[-1].training_loss < epochs[1].training_loss
    plain = training(prepared)
    plain.run()
    assert epochs[-1].training_loss == pytest.approx(plain.run()[-1].training_loss, abs=0.1)


@pytest.mark.parametrize("wrong", [{"method": "dsr"}, {"start": "warm"}, {"first_stage": 5}, {"batch": 0}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError):
        TrainingSettings(**wrong)


def test_a_backbone_comes_from_a_file_with_the_stages_that_are_wanted(tmp_path):
    from safetensors.torch import save_file

    for depth in (18, 34, 50):
        network = ScaledResNet(Architecture(depth, last_stage=4))
        save_file(network.backbone.state_dict(), tmp_path / "weights.safetensors")
        whole = find_backbone(str(tmp_path / "weights.safetensors"))
        assert whole.architecture == Architecture(depth, "torchvision", 4) and whole.file is None
        cut = find_backbone(str(tmp_path / "weights.safetensors"), last_stage=3).network(seed=0)
        assert cut.architecture.last_stage == 3
        stored = network.backbone.layer3[0].conv1.weight
        assert torch.equal(cut.backbone.layer3[0].conv1.weight, stored.half().float())


def saved(path, change=lambda state: state):
    from safetensors.torch import save_file

    torch.manual_seed(3)
    save_file(change(ScaledResNet(Architecture(18, last_stage=4)).backbone.state_dict()), path)
    return str(path)


def test_weights_of_before_torch_0_4_1_are_completed_as_torch_does_it(tmp_path):
    def without_counters(state):
        return {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}

    old, new = (saved(tmp_path / f"{n}.safetensors", f) for n, f in enumerate((without_counters, lambda state: state)))
    theirs = ScaledResNet(Architecture(18, last_stage=4)).backbone
    theirs.load_state_dict(without_counters(find_backbone(new).state))  # torch completes what it reads
    assert find_backbone(old).state.keys() == theirs.state_dict().keys()
    assert find_backbone(old).sha256() == find_backbone(new).sha256()
    find_backbone(old).network(seed=0)


@pytest.mark.parametrize("number", [np.nan, np.inf, 7e4], ids=["NaN", "infinity", "beyond float16"])
@pytest.mark.parametrize("name", ["layer1.0.conv1.weight", "layer2.0.bn1.running_mean"])
def test_weights_that_are_no_numbers_are_refused_before_anything_is_begun(tmp_path, name, number):
    def spoilt(state):
        state[name].view(-1)[0] = number
        return state

    file = saved(tmp_path / "bad.safetensors", spoilt)
    if number == 7e4 and "conv" not in name:  # kept in float32
        find_backbone(file)
        return
    with pytest.raises(BundleError, match="bad contain values that are not numbers"):
        find_backbone(file)


def test_a_negative_variance_is_no_number(tmp_path):
    def spoilt(state):
        state["layer2.0.bn1.running_var"][4] = -1
        return state

    with pytest.raises(BundleError, match="not numbers"):
        find_backbone(saved(tmp_path / "bad.safetensors", spoilt))


def test_weights_of_another_network_are_refused_by_the_name_that_does_not_fit(tmp_path):
    def lacking(state):
        del state["layer1.0.conv2.weight"]
        return state

    with pytest.raises(BundleError, match=r"do not fit a ResNet-18: layer1\.0\.conv2\.weight would"):
        find_backbone(saved(tmp_path / "bad.safetensors", lacking))


def test_unknown_backbones_are_told(tmp_path):
    for name, word in (("resnet99", "none of"), (str(tmp_path / "none.safetensors"), "no readable")):
        with pytest.raises(BundleError, match=word):
            find_backbone(name)
    with pytest.raises(BundleError, match="ends with stage 3"):
        find_backbone("resnet50-v1-stage3", last_stage=4)


def test_augmentation_never_turns_a_frame_upside_down():
    pixels = np.linspace(10, 240, 80, dtype=np.float32)[:, None] + np.zeros((1, 60), np.float32)
    mass = np.zeros(pixels.shape, bool)
    mass[30:50, 20:40] = True
    field = FieldRule("square", 1.5).field(mass)
    generator = np.random.default_rng(0)
    for _ in range(50):
        grey = augment(pixels, field, 32, generator)
        assert grey.shape == (32, 32) and grey.min() >= 0 and grey.max() <= 255
        assert grey[-4:].mean() > grey[:4].mean()
