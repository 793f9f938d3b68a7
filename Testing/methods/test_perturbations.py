"""Methods that ask the network about changed images, against written-out formulas and known answers."""

import pytest
import torch
from torch.nn import functional

from BreastMassXAILib.methods import method_of
from BreastMassXAILib.methods.running import maps_of

from .test_gradients import linear_network


def test_occlusion_of_a_network_that_sees_one_square_finds_that_square(images):
    """The logit is what one tile shows, so that only tiles over it matter, and one that is it alone says all."""
    network, kernel = linear_network()
    network.kernel.data.zero_()
    network.kernel.data[:, 16:32, 32:48] = 0.01
    found = maps_of(network, images, method_of("occlusion:4")).cells  # tiles of 16 pixels, 8 apart
    assert found.shape == (2, 8, 8)
    even = images.mean((2, 3), keepdim=True)
    whole = ((images - even) * kernel).sum(1)  # each pixel's share of the logit's fall
    for n in range(2):
        expected, covered = torch.zeros(64, 64), torch.zeros(64, 64)
        for row in range(0, 49, 8):
            for column in range(0, 49, 8):
                tile = slice(row, row + 16), slice(column, column + 16)
                expected[tile] += whole[n][tile].sum() * 16
                covered[tile] += 1
        expected = (expected / covered).reshape(8, 8, 8, 8).mean((1, 3))
        torch.testing.assert_close(found[n], expected, atol=1e-4, rtol=1e-4)
    outside = torch.ones(8, 8, dtype=torch.bool)
    outside[1:5, 3:7] = False
    assert (found[:, outside].abs() < 1e-4).all() and (found[:, 2:4, 4:6].abs() > 1e-3).all()


def test_occlusion_is_positive_where_what_is_seen_speaks_for_malignant():
    network, _ = linear_network()
    network.kernel.data.fill_(0.01)
    image = torch.zeros(1, 3, 64, 64)
    image[..., :32, :] = 1
    found = maps_of(network, image, method_of("occlusion:4")).cells[0]
    assert (found[:3] > 0).all() and (found[-3:] < 0).all()


@pytest.mark.parametrize("number", [7, 40])
def test_score_cam_is_its_formula_without_the_softmax(network, images, number):
    image = images[:1]
    with torch.no_grad():
        pooled = torch.cat(network.pooled(network.stem(image), 1), 1)[0]
        even = image.mean((2, 3), keepdim=True)
        zero = network(even.expand_as(image).contiguous())[0]
        strongest = pooled.var((1, 2), correction=0).argsort(descending=True)[:number]
        expected = torch.zeros(4, 4)
        for k in strongest.tolist():
            channel = pooled[k]
            if channel.max() > channel.min():
                veil = (channel - channel.min()) / (channel.max() - channel.min())
                veil = functional.interpolate(veil[None, None], (64, 64), mode="bilinear")
                expected += (network(even + veil * (image - even))[0] - zero)[0] * channel
    found = maps_of(network, image, method_of(f"score-cam:{number}")).cells[0]
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)
