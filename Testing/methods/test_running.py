"""All methods on a case: one decision, finite maps, one convention of signs, and sentences for what cannot be."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from BreastMassXAILib.core.errors import BreastMassXAIError, InputError
from BreastMassXAILib.core.frame import Case, Frame, Provenance, Spacing
from BreastMassXAILib.methods import METHODS, method_of, methods_of
from BreastMassXAILib.methods.running import maps_of, out_of_memory, saliency_map, saliency_maps
from BreastMassXAILib.network.cam import class_activation_map

from .test_gradients import linear_network

QUICK = {"score-cam": "score-cam:9", "occlusion": "occlusion:4", "integrated-gradients": "integrated-gradients:8"}
QUICK |= {"smooth-grad": "smooth-grad:2", "cameras": "cameras:2"}
SPECS = [QUICK.get(name, name) for name in METHODS]


def test_the_default_is_the_class_activation_map_to_the_last_bit(bundle, case):
    plain, found = class_activation_map(bundle, case), saliency_map(bundle, case)
    np.testing.assert_array_equal(found.cells, plain.cells)
    assert (found.logit, found.bias, found.field) == (plain.logit, plain.bias, plain.field)
    assert found.method == "cam" and found.exact


@pytest.mark.parametrize("spec", SPECS)
def test_every_method_explains_the_same_decision(bundle, case, spec):
    plain, found = class_activation_map(bundle, case), saliency_map(bundle, case, method_of(spec))
    assert (found.logit, found.field, found.disagreement) == (plain.logit, plain.field, plain.disagreement)
    assert found.method == spec and found.cells.dtype == np.float32
    assert np.isfinite(found.cells).all() and np.ptp(found.cells) > 0
    adds_up = abs(found.cells.mean() + found.bias - found.logit) < 0.02
    assert found.exact == (spec in ("cam", "grad-cam", "hires-cam", "integrated-gradients:8"))
    assert adds_up or not found.exact


@pytest.mark.parametrize("spec", SPECS)
def test_a_flat_frame_gives_a_finite_map(bundle, case, spec):
    pixels = np.full((90, 120), 80, np.float32)
    pixels[0, 0] = 90  # outside the field; a frame that is flat everywhere is refused before
    flat = Case(Frame(pixels, Spacing(0.3, 0.25, Provenance.DICOM_REGION)), case.mass)
    found = saliency_map(bundle, flat, method_of(spec))
    assert np.isfinite(found.cells).all()


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec not in ("score-cam:9",)])
def test_the_negative_logit_has_the_negative_map(network, images, spec):
    """Red and blue change places, nothing else; so no sign is dropped and none is turned."""
    method = method_of(spec)
    before = maps_of(network, images, method).cells
    network.linear.weight.data.neg_()
    network.linear.bias.data.neg_()
    try:
        after = maps_of(network, images, method).cells
    finally:
        network.linear.weight.data.neg_()
        network.linear.bias.data.neg_()
    torch.testing.assert_close(after, -before, atol=1e-4 * float(before.abs().max()), rtol=1e-3)


@pytest.mark.parametrize("spec", ["occlusion:4", "integrated-gradients:4", "smooth-grad:2"])
@given(direction=st.sampled_from([-1.0, 1.0]), row=st.integers(0, 3), column=st.integers(0, 3))
@settings(max_examples=6, deadline=None)
def test_what_speaks_for_malignant_is_positive(spec, direction, row, column):
    """One bright square on even grey, and a network for which brightness speaks for or against malignant."""
    network, _ = linear_network()
    network.kernel.data.fill_(0.01 * direction)
    image = torch.zeros(1, 3, 64, 64)
    image[..., 16 * row : 16 * row + 16, 16 * column : 16 * column + 16] = 1
    found = maps_of(network, image, method_of(spec)).cells[0]
    scale = len(found) // 4
    inside = found[scale * row : scale * (row + 1), scale * column : scale * (column + 1)]
    assert (direction * inside > 0).all()


def test_score_cams_weights_turn_with_the_logit(network, images):
    """Its maps do too, as weights are differences of logits."""
    method = method_of("score-cam:9")
    before = maps_of(network, images, method).cells
    network.linear.weight.data.neg_()
    try:
        after = maps_of(network, images, method).cells
    finally:
        network.linear.weight.data.neg_()
    torch.testing.assert_close(after, -before, atol=1e-3 * float(before.abs().max()), rtol=1e-3)


def test_several_cases_are_answered_as_single_ones(bundle, case):
    other = Case(Frame(case.frame.pixels[::-1].copy(), case.frame.spacing), case.mass)
    for spec in ("grad-cam:2", "integrated-gradients:4", "occlusion:4"):
        together = saliency_maps(bundle, [case, other], method_of(spec))
        for one, found in zip((case, other), together, strict=True):
            single = saliency_map(bundle, one, method_of(spec))
            np.testing.assert_allclose(found.cells, single.cells, atol=1e-3 * np.abs(single.cells).max())


@torch.inference_mode()
def test_a_method_works_where_the_caller_turned_gradients_off(bundle, case):
    assert np.isfinite(saliency_map(bundle, case, method_of("hires-cam:1")).cells).all()


def test_a_device_without_memory_for_a_gradient_is_a_sentence(network, images, monkeypatch):
    def greedy(*_):
        return torch.empty(1 << 46)  # what an allocator really says of more than there is

    monkeypatch.setattr(network, "head", greedy)
    with pytest.raises(BreastMassXAIError, match="memory of the device 'cpu' is too small for Grad-CAM: choose cam"):
        maps_of(network, images, method_of("grad-cam"))
    assert out_of_memory(torch.OutOfMemoryError("CUDA out of memory")) and not out_of_memory(RuntimeError("shape"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("gradcam", "There is no method 'gradcam': choose cam, grad-cam,"),
        ("cam:2", "cam takes no number"),
        ("grad-cam:0", "from 1 to 4, not '0'"),
        ("grad-cam:two", "not 'two'"),
        ("occlusion:1", "from 2 to 32"),
        ("grad-cam:", "not ''"),
    ],
)
def test_what_is_no_method_is_refused(text, sentence):
    with pytest.raises(InputError, match=sentence):
        method_of(text)


def test_names_of_methods_come_back_as_they_were_given():
    assert [m.name for m in methods_of(["CAM", "grad-cam:2", "occlusion:7"])] == ["cam", "grad-cam:2", "occlusion"]
    assert [m.name for m in methods_of([])] == ["cam"]
    assert method_of("grad-cam:2").label == "Grad-CAM (stage 2)" and method_of("occlusion:9").label == "Occlusion (9)"
    with pytest.raises(InputError, match="named twice"):
        methods_of(["occlusion", "occlusion:7"])
