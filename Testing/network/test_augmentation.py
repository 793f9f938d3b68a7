"""Variants of frames: what may change and what may not."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from BreastMassXAILib.network.augmentation import VARIATIONS, Variation, draw, mix_styles, vary


def varied(crops, variation, regions=None, room=1.0, size=32, epoch=1, seed=0):
    numbers = torch.from_numpy(draw(len(crops), seed, epoch))
    return vary(crops, regions, room, size, variation, numbers, torch.Generator().manual_seed(seed))


def ramp(count):
    column = torch.linspace(10, 240, 40)[:, None].expand(40, 40)
    return column.round().to(torch.uint8).expand(count, 40, 40).contiguous()


@pytest.mark.parametrize("name", ["mild", "strong"])
def test_never_upside_down_and_always_a_grey_level(name):
    grey, _ = varied(ramp(60), VARIATIONS[name])
    assert grey.shape == (60, 32, 32) and grey.min() >= 0 and grey.max() <= 255
    middle = grey[:, :, 10:22]
    assert ((middle[:, 20:26].mean((1, 2)) > middle[:, 6:12].mean((1, 2))).float().mean()) > 0.9


def test_no_variation_is_the_frame_itself():
    crops = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    grey, _ = varied(crops, VARIATIONS["none"])
    torch.testing.assert_close(grey, crops.float(), atol=0.03, rtol=0)


def test_a_mirror_image_and_nothing_else():
    crops = torch.randint(0, 256, (8, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    grey, _ = varied(crops, Variation(1.0, 0, 0, 0, 0, 0, 0, 0))
    torch.testing.assert_close(grey, crops.float().flip(2), atol=0.03, rtol=0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["mild", "strong", "wide"]))
def test_regions_stay_where_their_tissue_goes(seed, name):
    """A bright square is the mass: after any geometry, what is bright is what is marked."""
    crops = torch.zeros(4, 96, 96, dtype=torch.uint8)
    regions = torch.zeros(4, 48, 48, dtype=torch.uint8)
    crops[:, 36:60, 30:54] = 200
    regions[:, 18:30, 15:27] = 1
    geometry = VARIATIONS[name]
    only = Variation(
        geometry.mirror, geometry.zoom_in, geometry.zoom_out, geometry.aspect, geometry.rotation, geometry.shift, 0, 0
    )
    grey, coverage = varied(crops, only, regions, room=1.5, size=64, seed=seed)
    assert coverage.shape == (4, 4, 16, 16)
    torch.testing.assert_close(coverage.sum(1), torch.ones(4, 16, 16))
    bright = torch.nn.functional.avg_pool2d(grey[:, None] / 200, 4)[:, 0]
    assert (bright - coverage[:, 1]).abs().mean() < 0.03
    assert float(coverage[:, 1].sum()) > 0


def test_numbers_belong_to_a_frame_and_an_epoch():
    assert (draw(6, 3, 2)[:4] == draw(6, 3, 2)[:4]).all()
    assert not (draw(6, 3, 2) == draw(6, 3, 3)).any() and not (draw(6, 3, 2) == draw(6, 4, 2)).any()
    assert len(np.unique(draw(50, 0, 0), axis=0)) == 50


def test_mixed_styles_keep_what_is_where():
    features = torch.randn(6, 5, 8, 8, generator=torch.Generator().manual_seed(0)) * 3 + 7
    generator = torch.Generator().manual_seed(1)
    mixed = mix_styles(features, 1.0, generator)
    assert not torch.equal(mixed, features)
    for one, two in zip(features, mixed, strict=True):  # a frame's own pattern, with other means and spreads
        for before, after in zip(one, two, strict=True):
            assert np.corrcoef(before.flatten(), after.flatten())[0, 1] == pytest.approx(1, abs=1e-4)
    torch.testing.assert_close(mix_styles(features, 0.0, generator), features)
