"""The outline network learns to find dark discs, by itself and where it is pointed at."""

import numpy as np
import pytest
import torch

from BreastMassXAILib.core.errors import BundleError
from BreastMassXAILib.core.frame import Case, Frame, Spacing
from BreastMassXAILib.core.outline import Click, Prompt
from BreastMassXAILib.network.backbones import find_backbone
from BreastMassXAILib.network.outline import Outliner, load_outliner, ready, save_outliner
from BreastMassXAILib.network.outline_decoder import OutlineDecoder, prompt_maps
from BreastMassXAILib.network.outline_frames import prepare_outline_frames
from BreastMassXAILib.network.outline_training import OutlineSettings, outline_loss, train_decoders
from BreastMassXAILib.network.preprocessing import Preprocessing

SIZE = 64


def frame_with(discs, seed, shape=(120, 150)):
    rng = np.random.default_rng(seed)
    pixels = 140 + 25 * rng.standard_normal(shape)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    masks = [(rows - r) ** 2 + (columns - c) ** 2 < radius**2 for r, c, radius in discs]
    for mask in masks:
        pixels[mask] *= 0.25
    return Frame(np.clip(pixels, 0, 255).astype(np.float32), Spacing.unknown()), masks


def random_case(seed):
    rng = np.random.default_rng((7, seed))
    radius = rng.uniform(12, 24)
    frame, (mask,) = frame_with([(rng.uniform(40, 80), rng.uniform(40, 110), radius)], seed)
    return Case(frame, mask)


@pytest.fixture(scope="module")
def trunk():
    return find_backbone("resnet50-v1-stage3").network(0).fold_for_inference()


@pytest.fixture(scope="module")
def trained(trunk):
    frames = prepare_outline_frames([random_case(k) for k in range(24)], SIZE)
    learns = [np.ones(24, bool)]
    settings = OutlineSettings(epochs=30, batch=8, size=SIZE, variation="mild", keep=0.9)
    heard = []
    decoders = train_decoders(
        frames, trunk, Preprocessing(SIZE), learns, settings, lambda *step: heard.append(step), lambda *_: None
    )
    assert heard[-1][:2] == (90, 90)
    return decoders


@pytest.fixture(scope="module")
def outliner(trained, trunk):
    return Outliner("discs", "0" * 64, trunk, ready(trained[0]), Preprocessing(SIZE), 0.3, {})


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def test_unseen_discs_are_found(outliner):
    cases = [random_case(k) for k in range(100, 106)]
    found = [outliner.suggest(outliner.look(case.frame)) for case in cases]
    assert np.mean([dice(s.mass, c.mass) for s, c in zip(found, cases, strict=True)]) > 0.85
    assert all(s.found == 1 for s in found)


def test_a_click_decides_between_two_and_the_trunk_runs_once(outliner):
    frame, masks = frame_with([(60, 38, 20), (60, 112, 17)], 5)
    seen = outliner.look(frame)
    left = outliner.suggest(seen, Prompt((Click(60, 38),)))
    right = outliner.suggest(seen, Prompt((Click(60, 112),)))
    assert dice(left.mass, masks[0]) > 0.7
    assert dice(right.mass, masks[1]) > 0.7
    assert not (left.mass & masks[1]).any()


def test_the_answer_to_the_mirror_image_is_the_mirrored_answer(outliner):
    case = random_case(200)
    mirrored = Frame(case.frame.pixels[:, ::-1].copy(), case.frame.spacing)
    one, two = (outliner.suggest(outliner.look(f)) for f in (case.frame, mirrored))
    assert np.abs(one.probability - two.probability[:, ::-1]).max() < 0.05
    assert dice(one.mass, two.mass[:, ::-1]) > 0.98


def test_only_the_scan_area_is_looked_at(outliner):
    case = random_case(201)
    shape = (180, 260)
    pixels = np.zeros(shape, np.float32)
    pixels[30:150, 50:200] = case.frame.pixels
    pixels[5:25, 210:250] = 255
    area = np.zeros(shape, bool)
    area[30:150, 50:200] = True
    inside = outliner.suggest(outliner.look(Frame(pixels, Spacing.unknown(), scan_area=area)))
    alone = outliner.suggest(outliner.look(case.frame))
    assert np.array_equal(inside.mass[30:150, 50:200], alone.mass)
    assert not inside.mass[~area].any()


def test_below_the_least_confidence_there_is_no_outline(trained, trunk):
    strict = Outliner("discs", "0" * 64, trunk, ready(trained[0]), Preprocessing(SIZE), 1.0, {})
    found = strict.suggest(strict.look(random_case(202).frame))
    assert not found.mass.any()
    assert found.found == 0
    assert 0 < found.confidence < 1


def test_what_a_decoder_must_not_see_does_not_reach_it(trunk):
    """Changing the frames that a decoder does not learn from changes nothing in it, except through nothing at all."""
    cases = [random_case(k) for k in range(8)]
    frames = prepare_outline_frames(cases, SIZE)
    learns = [np.arange(8) < 4]
    settings = OutlineSettings(epochs=1, batch=4, size=SIZE, pairs=0, variation="none", empty=0)
    first = train_decoders(frames, trunk, Preprocessing(SIZE), learns, settings)[0].state_dict()
    frames.crops[4:] = 255 - frames.crops[4:]
    frames.masses[4:] = 1 - frames.masses[4:]
    second = train_decoders(frames, trunk, Preprocessing(SIZE), learns, settings)[0].state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_saved_and_loaded_it_answers_the_same(trained, trunk, outliner, tmp_path):
    save_outliner(
        tmp_path / "discs",
        trained[0],
        name="discs",
        trunk="resnet50-v1-stage3",
        preprocessing=Preprocessing(SIZE),
        least_confidence=0.3,
        facts={"licence": "none"},
    )
    loaded = load_outliner(tmp_path / "discs")
    assert (loaded.name, loaded.least_confidence, loaded.description["licence"]) == ("discs", 0.3, "none")
    frame = random_case(203).frame
    one, two = (o.suggest(o.look(frame)) for o in (outliner, loaded))
    assert np.abs(one.probability - two.probability).max() < 0.02  # float16
    weights = tmp_path / "discs" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    with pytest.raises(BundleError, match="altered"):
        load_outliner(tmp_path / "discs")


def test_a_classifier_is_no_outline_network(tmp_path):
    from BreastMassXAILib.resources import resource

    with pytest.raises(BundleError, match="kind"):
        load_outliner(resource("Models", "busbra"))
    with pytest.raises(BundleError, match="no model folder"):
        load_outliner(tmp_path / "nothing")


def test_prompt_maps_show_clicks_by_kind_and_the_box():
    nan = float("nan")
    clicks = torch.tensor([[[0.25, 0.75], [0.5, 0.5], [0.0, 0.0]], [[0.1, 0.1], [0.1, 0.1], [0.1, 0.1]]])
    kinds = torch.tensor([[1, -1, 0], [0, 0, 0]])
    boxes = torch.tensor([[nan] * 4, [0.25, 0.5, 0.5, 1.0]])
    maps = prompt_maps(clicks, kinds, boxes, 16)
    assert maps.shape == (2, 3, 16, 16)
    assert np.unravel_index(int(maps[0, 0].argmax()), (16, 16)) in {(3, 11), (3, 12), (4, 11), (4, 12)}
    assert maps[0, 1, 7:9, 7:9].min() > 0.8
    assert maps[0, 0, 0, 0] < 1e-3  # the third click is none
    assert not maps[0, 2].any()
    assert not maps[1, :2].any()
    assert maps[1, 2].sum() == 4 * 8


def test_the_loss_knows_its_best_and_frames_without_a_mass():
    target = torch.zeros(2, 8, 8)
    target[0, 2:6, 2:6] = 1
    good = (target * 2 - 1) * 20
    assert outline_loss(good, target) < 1e-3
    assert outline_loss(-good, target) > 10
    assert outline_loss(torch.full((1, 8, 8), -20.0), torch.zeros(1, 8, 8)) < 1e-3


def test_the_decoder_is_small():
    decoder = OutlineDecoder((256, 512, 1024))
    assert sum(p.numel() for p in decoder.parameters()) * 2 < 10e6  # bytes in float16
