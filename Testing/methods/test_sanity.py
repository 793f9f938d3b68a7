"""What the sanity tests do to networks and cases, on small ones."""

import numpy as np
import pytest
import torch

from BreastMassXAILib.core.classifier import Classifier, NetworkOutput
from BreastMassXAILib.core.field import Field, FieldRule
from BreastMassXAILib.core.frame import Case, Frame, Provenance, Spacing
from BreastMassXAILib.methods import sanity
from BreastMassXAILib.network.bundle import Bundle
from BreastMassXAILib.network.cam import class_activation_map
from BreastMassXAILib.network.preprocessing import Preprocessing
from BreastMassXAILib.network.resnet import Architecture, ScaledResNet


@pytest.fixture(scope="module")
def bundle():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = ScaledResNet(Architecture(18, last_stage=3, heads=3))
        torch.nn.init.normal_(network.heads.weight, std=0.1)
    return Bundle(Classifier("small", "0" * 64), network.fold_for_inference(), FieldRule(), Preprocessing(64), {})


@pytest.fixture
def case():
    pixels = np.random.default_rng(1).integers(20, 220, (90, 110)).astype(np.float32)
    mass = np.zeros((90, 110), bool)
    mass[30:60, 40:80] = True
    return Case(Frame(pixels, Spacing(0.2, 0.2, Provenance.CALIBRATED)), mass)


def test_shuffling_changes_the_named_layers_only_and_keeps_their_values(bundle):
    names = list(sanity.layers_of(bundle.network))
    assert names == ["linear layer", "stage 3", "stage 2", "stage 1", "stem"]
    changed = sanity.shuffled(bundle, ["stage 2"], 0).network.state_dict()
    for name, value in bundle.network.state_dict().items():
        if name.startswith("heads"):
            continue
        if "layer2" in name and value.numel() > 4 and len(value.unique()) > 1:
            assert not torch.equal(changed[name], value), name
            assert torch.equal(changed[name].flatten().sort().values, value.flatten().sort().values)
        else:
            assert torch.equal(changed[name], value), name


def test_every_altered_network_still_adds_up(bundle, case):
    features = sanity.features_of_cases(bundle, [case, sanity.noisier(case, 1), sanity.louder(case, 0), case])
    labels = np.array([True, False, True, False])
    for other in (
        sanity.shuffled(bundle, ["linear layer", "stage 3"], 0),
        sanity.with_linear_layer(bundle, features, labels, "true labels"),
        sanity.with_head(bundle, 1),
    ):
        found = class_activation_map(other, case)
        assert found.cells.mean() + found.bias == pytest.approx(found.logit, abs=1e-4)
        assert found.logit != pytest.approx(class_activation_map(bundle, case).logit, abs=1e-4)


def test_heads_have_the_decision_as_their_mean(bundle, case):
    logits = [class_activation_map(sanity.with_head(bundle, number), case).logit for number in range(3)]
    whole = class_activation_map(bundle, case)
    assert np.mean(logits) == pytest.approx(whole.logit, abs=1e-4)
    assert np.std(logits, ddof=1) == pytest.approx(whole.disagreement, rel=1e-3)


def test_outlines_move_by_two_millimetres(case):
    wider, narrower, aside = (change(case, 4).mass for change in sanity.OUTLINES.values())
    rows = [np.flatnonzero(mass.any(axis=1)) for mass in (wider, narrower)]
    assert (rows[0][0], rows[0][-1]) == (20, 69)  # ten pixels of 0.2 mm
    assert (rows[1][0], rows[1][-1]) in {(40, 49), (39, 50)} or rows[1][0] > 30
    assert wider.sum() > case.mass.sum() > narrower.sum() >= case.mass.sum() * 0.3
    assert aside.sum() == pytest.approx(case.mass.sum(), rel=0.05)
    centre = [np.argwhere(mass).mean(0) for mass in (case.mass, aside)]
    assert np.hypot(*(centre[1] - centre[0])) * 0.2 == pytest.approx(2.0, abs=0.2)


def test_a_moved_field_is_moved_and_its_map_still_adds_up(bundle, case):
    found = class_activation_map(sanity.moved_field(bundle, case, 2), case)
    assert np.hypot((found.field.row) / 90, (found.field.column) / 110) == pytest.approx(sanity.SHIFT, rel=1e-6)
    assert found.cells.mean() + found.bias == pytest.approx(found.logit, abs=1e-4)


class Brightness(torch.nn.Module):
    """A network whose logit is the mean brightness: what speaks for it, and how much is lost, is known."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(1, 1)

    def forward(self, x):
        return x.mean((1, 2, 3)), x.mean(1)


def test_deletion_and_insertion_of_a_network_that_counts_light(case):
    """On a black image with one bright quarter the true map's order loses all with that quarter, and needs no more."""
    pixels = np.zeros((64, 64), np.float32)
    pixels[:32, :32] = 200
    bright = Case(Frame(pixels, Spacing(0.2, 0.2, Provenance.CALIBRATED)), pixels > 100)
    cells = pixels.reshape(8, 8, 8, 8).mean((1, 3))
    output = NetworkOutput(2.0, 0.0, cells, Field(0, 0, 64, 64))
    simple = Bundle(Classifier("light", "0" * 64), Brightness(), FieldRule(), Preprocessing(64), {})  # type: ignore
    worst = np.argsort(cells.ravel(), kind="stable")
    (deletion, insertion), (other_deletion, other_insertion) = sanity.deletion_and_insertion(
        simple, bright, output, 0.0, [worst]
    )
    assert deletion < 0 < insertion
    assert deletion < other_deletion
    assert insertion > other_insertion
