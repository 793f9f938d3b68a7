"""The counter-check against a network whose answer is known, and through the pipeline into words."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from BreastMassXAILib.core.classifier import NetworkOutput
from BreastMassXAILib.core.counter_check import replaced
from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.explain import partition
from BreastMassXAILib.core.result import CaseResult, Settings
from BreastMassXAILib.core.words import check_disagrees, check_sentence, headline, summary
from BreastMassXAILib.methods.counter_check import changes_of
from BreastMassXAILib.network.cam import class_activation_map
from BreastMassXAILib.pipeline import analyze, checked


def test_each_change_is_a_pass_of_the_network_on_the_replaced_frame(bundle, case):
    output = class_activation_map(bundle, case)
    labels = partition(case, output.field, output.cells.shape, Settings()).labels
    changes = changes_of(bundle, case, output, labels)
    images, _ = replaced(case, labels, output.field, "inpaint")
    assert set(changes.changes) == set(images) and len(images) >= 3
    for name, image in images.items():
        other = replace(case, frame=replace(case.frame, pixels=image))
        assert changes.changes[name] == pytest.approx(
            output.logit - class_activation_map(bundle, other).logit, abs=1e-4
        )
    assert max(abs(change) for change in changes.changes.values()) > 1e-3


def test_a_network_that_sees_brightness_loses_what_a_bright_mass_gave(bundle, case):
    """The logit is the field's mean grey: replacing the bright mass takes its share away, no other one."""

    class Brightness(torch.nn.Module):
        linear = torch.nn.Linear(1, 1)

        def forward(self, x):
            return x.mean((1, 2, 3)), None

    pixels = np.full_like(case.frame.pixels, 60) + np.random.default_rng(1).normal(0, 2, case.frame.shape).astype(
        np.float32
    )
    pixels[case.mass] = 200
    bright = replace(case, frame=replace(case.frame, pixels=pixels))
    seeing = replace(bundle, network=Brightness())
    field = bundle.rule.field(case.mass)
    logit = float(Brightness()(bundle.preprocessing(pixels, field))[0])
    output = NetworkOutput(logit, 0.0, np.zeros((4, 4), np.float32), field)
    labels = partition(bright, field, (4, 4), Settings()).labels
    found = changes_of(seeing, bright, output, labels).changes
    window = field.pixels(case.frame.shape)
    expected = 140 * case.mass[window].mean() / 255 / np.mean(bundle.preprocessing.std)
    assert found["mass"] == pytest.approx(expected, rel=0.05)
    assert all(abs(found[name]) < 0.05 * expected for name in found if name != "mass")


@pytest.mark.parametrize("fill", ["inpaint", "blur", "mean"])
def test_a_result_carries_its_check_there_and_back(bundle, case, fill):
    plain, found = analyze(case, bundle).result, analyze(case, bundle, Settings(check=fill)).result
    assert plain.check is None and found.check["fill"] == fill
    assert CaseResult.from_json(found.to_json()) == found
    assert replace(found, check=None) == plain  # the check changes nothing else
    assert found.check["evidence"] == found.contributions
    assert check_sentence(found) in summary(found) and check_sentence(plain) == ""


def test_a_method_without_a_sum_is_checked_by_its_own_units(bundle, case):
    found = analyze(case, bundle, Settings(method="grad-cam:1", check="mean")).result
    assert found.contributions == {} and found.check["agrees"] in (True, False)
    assert set(found.check["evidence"]) == {"elsewhere", "mass", "peritumoral", "below"}


def test_disagreement_is_said_before_the_probability(bundle, case):
    found = analyze(case, bundle, Settings(check="mean")).result
    against = replace(found, check={**found.check, "agrees": False})
    assert check_disagrees(against) and not check_disagrees(replace(found, check={**found.check, "agrees": True}))
    for text in (headline(against), summary(against)):
        assert text.startswith("COUNTER-CHECK DISAGREES") and text.index("DISAGREES") < text.index("probability")


def test_what_is_no_fill_is_refused(bundle, case):
    with pytest.raises(InputError, match="inpaint, blur, mean, not by 'paint'"):
        analyze(case, bundle, Settings(check="paint"))
    assert checked(bundle, case, class_activation_map(bundle, case), Settings()) == (None, None)
