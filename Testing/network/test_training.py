"""Training learns, stops, splits by patient and repeats itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.field import FieldRule
from BreastMassXAILib.core.frame import Case, Frame, Spacing
from BreastMassXAILib.network.preprocessing import Preprocessing
from BreastMassXAILib.network.resnet import Architecture, ScaledResNet
from BreastMassXAILib.network.training import (
    TrainingSettings,
    augment,
    cache_stage_outputs,
    fit_linear_layer,
    fit_temperature,
    predict_cached,
    split_patients,
    train,
)

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


@pytest.fixture(scope="module")
def prepared():
    data = cases()
    labels = np.array([case.label == "malignant" for case in data])
    torch.manual_seed(0)
    network = ScaledResNet(Architecture(18, last_stage=3))
    cached = cache_stage_outputs(network, data, FieldRule("square", 3.0), SMALL, SETTINGS)
    training, validation = np.arange(32), np.arange(32, 48)
    return network.state_dict(), cached, labels, training, validation


def fresh(prepared):
    network = ScaledResNet(Architecture(18, last_stage=3))
    network.load_state_dict(prepared[0])
    return network


def test_cached_outputs_are_those_of_the_network(prepared):
    network = fresh(prepared).eval()
    case = cases(3)[2]
    rule = FieldRule("square", 3.0)
    with torch.inference_mode():
        direct = network(SMALL(case.frame.pixels, rule.field(case.mass)))[0]
    cached = predict_cached(network, prepared[1][0], np.array([2]), SETTINGS)
    assert cached[0] == pytest.approx(float(direct), abs=0.01)  # float16 in between


def test_scaling_layers_learn_and_the_backbone_does_not(prepared):
    _, cached, labels, training, validation = prepared
    network = fresh(prepared)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    epochs = train(network, cached, labels, training, validation, SETTINGS)
    assert epochs[-1].training_loss < epochs[0].training_loss
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all(name.startswith(("scaling.stage3", "linear")) for name in changed)


def test_the_same_seed_gives_the_same_network(prepared):
    _, cached, labels, training, validation = prepared
    short = replace(SETTINGS, epochs=1)
    logits = []
    for _ in range(2):
        network = fresh(prepared)
        train(network, cached, labels, training, validation, short)
        logits.append(predict_cached(network, cached[0], validation, short))
    np.testing.assert_array_equal(*logits)


def test_training_stops_without_improvement_and_keeps_the_best_epoch(prepared):
    _, cached, _, training, validation = prepared
    noise = np.random.default_rng(3).random(48) < 0.5
    network = fresh(prepared)
    hasty = replace(SETTINGS, learning_rate=0.05, patience=1, epochs=30)
    epochs = train(network, cached, noise, training, validation, hasty)
    assert len(epochs) < 30
    best = min(epoch.validation_loss for epoch in epochs)
    logits = predict_cached(network, cached[0], validation, hasty)
    loss = np.logaddexp(0, -np.where(noise[validation], logits, -logits)).mean()
    assert loss == pytest.approx(best, rel=1e-3)


def test_linear_layer_separates_what_can_be_separated(prepared):
    _, cached, labels, training, validation = prepared
    network = fresh(prepared)
    loss = fit_linear_layer(network, cached, labels, training, validation, SETTINGS)
    logits = predict_cached(network, cached[0], validation, SETTINGS)
    assert loss < 0.6
    assert ((logits > 0) == labels[validation]).mean() > 0.8
    assert np.logaddexp(0, -np.where(labels[validation], logits, -logits)).mean() == pytest.approx(loss, rel=0.02)


@given(st.integers(0, 20), st.sampled_from([0.1, 0.2, 0.5]))
@settings(max_examples=30, deadline=None)
def test_no_patient_is_on_both_sides(seed, share):
    generator = np.random.default_rng(seed)
    patients = [str(k) for k in generator.integers(0, 40, 120)]
    malignant = dict(zip(sorted(set(patients)), generator.random(40) < 0.4, strict=False))
    labels = np.array([malignant[name] for name in patients])
    training, validation = split_patients(labels, patients, share, seed)
    assert not {patients[k] for k in training} & {patients[k] for k in validation}
    assert sorted([*training, *validation]) == list(range(120))


def test_too_few_patients_are_refused():
    with pytest.raises(InputError, match="too few"):
        split_patients(np.array([True, False, False]), ["a", "b", "c"], 0.3, 0)


def test_temperature_undoes_overconfidence():
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, 20000)
    labels = generator.random(20000) < 1 / (1 + np.exp(-logits))
    assert fit_temperature(3 * logits, labels) == pytest.approx(3, rel=0.05)


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
