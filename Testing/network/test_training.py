"""Training learns, sees fresh variants, guides the map, splits by patient and repeats itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from BreastMassXAILib.core.errors import BundleError, InputError, OutputError
from BreastMassXAILib.core.field import FieldRule
from BreastMassXAILib.core.frame import Case, Frame, Provenance, Spacing
from BreastMassXAILib.core.statistics import roc_auc
from BreastMassXAILib.network import training as training_room
from BreastMassXAILib.network.backbones import find_backbone
from BreastMassXAILib.network.checkpoint import Checkpoint
from BreastMassXAILib.network.fitting import fit
from BreastMassXAILib.network.frames import prepare_frames
from BreastMassXAILib.network.linear_probe import fit_linear_probe, set_linear_layer
from BreastMassXAILib.network.pooled_features import pooled_features
from BreastMassXAILib.network.preprocessing import Preprocessing
from BreastMassXAILib.network.resnet import Architecture, ScaledResNet, averages
from BreastMassXAILib.network.training import Training, frame_weights, head_weights
from BreastMassXAILib.network.training_settings import TrainingSettings

SETTINGS = TrainingSettings(first_stage=3, epochs=4, learning_rate=0.003)
GUIDED = replace(SETTINGS, method="fine-tune", first_stage=2, learning_rate=3e-4, energy=0.5, heads=3, repeats=2)
SMALL = Preprocessing(64)
RULE = FieldRule("square", 3.0)
CPU = torch.device("cpu")


def cases(count=48, spacing=None):
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
        found.append(Case(Frame(pixels, spacing or Spacing.unknown()), mass, label=label, patient=str(index // 4)))
    return found


def ready(data, regions=False):
    return prepare_frames(data, RULE, SMALL, CPU, regions=regions)


@pytest.fixture(scope="module")
def prepared():
    data = cases(spacing=Spacing(0.5, 0.5, Provenance.ASSUMED))
    labels = np.array([case.label == "malignant" for case in data])
    patients = np.array([case.patient for case in data])
    torch.manual_seed(0)
    network = ScaledResNet(Architecture(18, last_stage=3))
    return network.state_dict(), ready(data, regions=True), labels, patients


def fresh(prepared, heads=0):
    network = ScaledResNet(Architecture(18, last_stage=3, heads=heads))
    network.load_state_dict(prepared[0], strict=False)
    return network


LEARNED, HELD = np.arange(32), np.arange(32, 48)


def training(prepared, settings=SETTINGS, labels=None):
    _, frames, own, patients = prepared
    network = fresh(prepared, settings.heads)
    return Training(network, frames, own if labels is None else labels, patients, LEARNED, settings)


@torch.no_grad()
def predict(network, frames, indices):
    return network.eval()(frames.plain(indices))[0].numpy()


def test_a_frame_as_it_is_gives_the_network_what_preprocessing_gives(prepared):
    case = cases(3)[2]
    network = fresh(prepared).eval()
    with torch.inference_mode():
        direct = float(network(SMALL(case.frame.pixels, RULE.field(case.mass)))[0])
    spread = predict(network, prepared[1], np.arange(48)).std()
    # Resampled twice, the second time without a loss of more than a fraction of what frames differ by.
    assert predict(network, prepared[1], np.array([2]))[0] == pytest.approx(direct, abs=float(0.5 * spread))


class Damaged(list):
    """A data set whose second and fifth file do not open."""

    def __getitem__(self, index):
        if index in (1, 4):
            raise InputError(f"Frame {index} cannot be read.")
        return super().__getitem__(index)


def test_frames_that_cannot_be_read_cost_themselves_only():
    frames = ready(Damaged(cases(6)))
    assert frames.unreadable == {1: "Frame 1 cannot be read.", 4: "Frame 4 cannot be read."}
    assert frames.held(np.arange(6)).tolist() == [True, False, True, True, False, True]
    whole = ready(cases(6))
    assert torch.equal(frames.crops[frames.place[5]], whole.crops[whole.place[5]])


def test_guidance_needs_millimetres():
    with pytest.raises(InputError, match="give --assume-width"):
        ready(cases(4), regions=True)


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
    assert epochs[-1].loss < epochs[0].loss
    changed = {name for name, value in work.network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all(name.startswith(learning) for name in changed)


def test_every_epoch_and_every_frame_sees_another_variant(prepared, monkeypatch):
    seen = []
    work = training(prepared, replace(SETTINGS, epochs=3))
    original = type(work.frames).variants

    def watched(self, indices, numbers, noise, variation):
        seen.extend(map(bytes, numbers))
        return original(self, indices, numbers, noise, variation)

    monkeypatch.setattr(type(work.frames), "variants", watched)
    work.run()
    assert len(seen) == len(set(seen)) == 3 * len(LEARNED)


def test_the_same_seed_gives_the_same_network_and_another_seed_another(prepared):
    weights = []
    for seed in (0, 0, 1):
        work = training(prepared, replace(GUIDED, epochs=1, repeats=1, seed=seed, style=1.0, variation="strong"))
        work.run()
        weights.append(work.network.backbone.layer3[0].conv1.weight.detach().clone())
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_all_epochs_run_whatever_the_loss(prepared):
    noise = np.random.default_rng(3).random(48) < 0.5
    epochs = training(prepared, replace(SETTINGS, learning_rate=0.02, epochs=6), noise).run()
    assert [entry.epoch for entry in epochs] == [1, 2, 3, 4, 5, 6]


def test_repetitions_end_as_the_mean_of_their_weights(prepared):
    single = []
    for repeat in (1, 2):
        work = training(prepared, replace(GUIDED, repeats=1, seed=GUIDED.seed + 1000 * (repeat - 1), heads=0))
        work.run()
        single.append(work.network.backbone.layer3[0].conv1.weight.detach())
    both = training(prepared, replace(GUIDED, heads=0))
    log = both.run()
    assert [(entry.repeat, entry.epoch) for entry in log] == [(r, e) for r in (1, 2) for e in (1, 2, 3, 4)]
    torch.testing.assert_close(both.network.backbone.layer3[0].conv1.weight, (single[0] + single[1]) / 2)


def test_an_anchor_of_a_half_lies_half_way_to_the_pretrained_weights(prepared):
    free, held = (training(prepared, replace(GUIDED, anchor=share, epochs=1)) for share in (0.0, 0.5))
    free.run(), held.run()
    start = prepared[0]["backbone.layer3.0.conv1.weight"]
    expected = (start + free.network.backbone.layer3[0].conv1.weight) / 2
    torch.testing.assert_close(held.network.backbone.layer3[0].conv1.weight.detach(), expected.detach())


@pytest.mark.parametrize("settings", [GUIDED, replace(GUIDED, sparse=0.1, smooth=0.1, heads=0), SETTINGS])
def test_the_map_and_the_bias_are_the_logit_whatever_the_loss(prepared, settings):
    work = training(prepared, replace(settings, epochs=2))
    work.run()
    with torch.no_grad():
        logits, maps = work.network(prepared[1].plain(HELD))
    torch.testing.assert_close(maps.mean((1, 2)) + work.network.linear.bias, logits, atol=1e-4, rtol=0)


def test_guidance_moves_the_evidence_into_the_regions(prepared):
    shares = {}
    for energy in (0.0, 5.0):
        settings = replace(GUIDED, energy=energy, epochs=8, repeats=1, heads=0, learning_rate=1e-3)
        work = training(prepared, settings)
        log = work.run()
        with torch.no_grad():
            inputs, coverage = prepared[1].plain(HELD), prepared[1].regions[HELD]
            maps = work.network(inputs)[1].abs()
        middle = coverage[:, 12:52, 12:52]  # the field's part of the crop, which is 1.6 times as wide
        assert coverage.shape[1:] == (64, 64)
        inside = nn.functional.adaptive_avg_pool2d((middle > 0).float(), maps.shape[1:])
        shares[energy] = float(((maps * inside).sum((1, 2)) / maps.sum((1, 2))).mean())
        if energy:
            assert log[-1].inside > log[0].inside
    assert shares[5.0] > shares[0.0] + 0.05


def test_the_logit_is_the_mean_of_the_heads_and_their_disagreement_is_told(prepared):
    work = training(prepared, replace(GUIDED, epochs=2))
    work.run()
    network, inputs = work.network, prepared[1].plain(HELD)
    with torch.no_grad():
        logits, _, spread = network.answers(inputs)
        heads = network.head_logits(averages(network.pooled(network.stem(inputs), 1)))
    assert heads.shape == (len(HELD), 3)
    torch.testing.assert_close(heads.mean(1), logits, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(heads.std(1), spread)
    assert (spread > 0).all()
    assert torch.isnan(fresh(prepared).eval().answers(inputs)[2]).all()


def test_heads_draw_patients_not_frames():
    patients = np.array(["a", "a", "b", "b", "b", "c"])
    drawn = head_weights(patients, 50, 0)
    assert (drawn[:, 0] == drawn[:, 1]).all() and (drawn[:, 2] == drawn[:, 4]).all()
    assert len({tuple(row) for row in drawn}) > 20 and drawn.mean() == pytest.approx(1, abs=0.2)


def test_a_head_that_drew_nobody_learns_from_all_and_any_seed_will_do(prepared):
    few = np.flatnonzero(np.isin(prepared[3], ["0"]))  # one patient: a head draws nobody with probability 1/e
    network = fresh(prepared, 8)
    settings = replace(GUIDED, heads=8, epochs=1, repeats=1, seed=20261127)
    log = Training(network, prepared[1], prepared[2], prepared[3], few, settings).run()
    assert np.isfinite(log[-1].loss) and torch.isfinite(network.heads.weight).all()


def test_what_cannot_act_is_not_built():
    probe = replace(GUIDED, method="linear-probe").consistent()
    assert (probe.heads, probe.energy) == (0, 0) and not probe.needs_regions
    assert GUIDED.consistent() == GUIDED


class Killed(Exception):
    pass


@pytest.mark.parametrize("step", [4, 16])  # of three an epoch, twelve a repetition
@pytest.mark.parametrize("settings", [SETTINGS, replace(GUIDED, averaging=1.0, schedule="cosine", batch=12)])
def test_a_training_that_was_killed_in_an_epoch_ends_as_an_unbroken_one(
    prepared, tmp_path, settings, step, monkeypatch
):
    monkeypatch.setattr(training_room, "KEPT_EVERY_S", 0.0)
    unbroken = training(prepared, settings)
    expected = unbroken.run()

    def kill(done, total, what):
        if done == step:
            raise Killed

    if step < 3 * settings.epochs * settings.repeats:
        with pytest.raises(Killed):
            training(prepared, settings).run(tmp_path, progress=kill)
    resumed = training(prepared, settings)
    assert resumed.run(tmp_path) == expected
    for name, value in unbroken.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name
    assert training(prepared, settings).run(tmp_path, progress=kill) == expected  # nothing is left to do


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


def test_a_loss_that_is_no_number_ends_with_a_sentence(prepared):
    with pytest.raises(InputError, match="Lower --learning-rate"):
        training(prepared, replace(SETTINGS, learning_rate=1e30)).run()


def test_too_little_memory_names_a_batch_that_would_fit(prepared, monkeypatch):
    work = training(prepared)

    def full(*_):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(work, "_loss", full)
    with pytest.raises(InputError, match="batches of 12 frames: try --batch 6"):
        work.run()


def test_linear_layer_separates_what_can_be_separated(prepared):
    _, frames, labels, _ = prepared
    network = fresh(prepared)
    probe = fit_linear_probe(pooled_features(network, frames, SETTINGS), labels, LEARNED, 0.3)
    set_linear_layer(network, probe)
    logits = predict(network, frames, HELD)
    assert ((logits > 0) == labels[HELD]).mean() > 0.8


def test_a_fit_begins_with_the_probe_and_does_not_get_worse(prepared):
    _, frames, labels, patients = prepared
    pooled = pooled_features(fresh(prepared), frames, SETTINGS)
    losses = {}
    for method in ("linear-probe", "drs", "fine-tune"):
        network = fresh(prepared)
        settings = replace(SETTINGS, method=method, learning_rate=0.00002)
        found = fit(network, frames, pooled, labels, patients, LEARNED, settings)
        assert (found.epochs == []) == (method == "linear-probe")
        stored = network.backbone.conv1.weight if method != "fine-tune" else network.backbone.layer3[0].conv1.weight
        assert method != "fine-tune" or torch.equal(stored, stored.half().float())
        logits = predict(network, frames, HELD)
        losses[method] = np.logaddexp(0, np.where(labels[HELD], -logits, logits)).mean()
        assert roc_auc(labels[HELD], logits) > 0.8
    assert max(losses["drs"], losses["fine-tune"]) <= losses["linear-probe"] + 0.1


def test_the_penalty_of_the_probe_goes_on_while_scaling_layers_learn(prepared):
    """The probe is a minimum in the linear layer's weights: with the penalty they stay, without it they run away."""
    _, frames, labels, patients = prepared
    pooled = pooled_features(fresh(prepared), frames, SETTINGS)
    moved = {}
    for ridge in (True, False):
        network = fresh(prepared)
        probe = fit_linear_probe(pooled, labels, LEARNED, 1.0)
        set_linear_layer(network, probe)
        before = network.linear.weight.detach().clone()
        settings = replace(SETTINGS, method="linear-probe", epochs=80, batch=32)
        Training(network, frames, labels, patients, LEARNED, settings, ridge=probe.ridge if ridge else None).run()
        moved[ridge] = float((network.linear.weight.detach() - before).norm() / before.norm())
    assert moved[True] < moved[False] / 2


def test_a_step_on_folded_batch_norms_is_the_step_on_the_blocks_themselves(monkeypatch):
    """Gradients of convolutions and of batch norms, on a bottleneck with the stride of v1 and on a basic block."""
    from BreastMassXAILib.network import resnet

    for architecture in (Architecture(50, "v1", 3), Architecture(18, last_stage=3)):
        torch.manual_seed(1)
        network = ScaledResNet(architecture)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.running_mean, -0.5, 0.5)
                nn.init.uniform_(module.running_var, 0.5, 2)
        network.set_trainable("fine-tune", 2)
        network.train().double()  # equal but for rounding, which dozens of layers blow up in single precision
        inputs, found = torch.randn(2, 3, 64, 64, dtype=torch.float64), []
        for block in (resnet._folded, lambda block, x: block(x)):
            monkeypatch.setattr(resnet, "_folded", block)
            network.zero_grad()
            logits = network(inputs)[0]
            logits.sum().backward()
            layer = network.backbone.layer3[0]
            found.append((logits.detach(), layer.conv1.weight.grad.clone(), layer.bn2.weight.grad.clone()))
            monkeypatch.undo()
        for one, two in zip(*found, strict=True):
            torch.testing.assert_close(one, two, atol=1e-9 * float(two.abs().max()), rtol=1e-7)


def test_balanced_classes_count_the_same():
    labels = np.array([True] * 3 + [False] * 9)
    weights = frame_weights(labels, np.arange(12), "balanced")
    assert weights[labels].sum() == pytest.approx(weights[~labels].sum()) and weights.mean() == pytest.approx(1)
    assert (frame_weights(labels, np.arange(12), "none") == 1).all()


def test_mixed_precision_learns_too(prepared):
    epochs = training(prepared, replace(SETTINGS, precision="mixed")).run()
    assert epochs[-1].loss < epochs[0].loss
    assert epochs[-1].loss == pytest.approx(training(prepared).run()[-1].loss, abs=0.1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "dsr"},
        {"start": "warm"},
        {"first_stage": 5},
        {"batch": 0},
        {"energy": -1},
        {"label_smoothing": 0.5},
        {"seed": -1},
        {"seed": 2**32},
    ],
)
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
