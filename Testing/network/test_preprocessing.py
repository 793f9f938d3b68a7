"""What the network sees lies where the field says, and goes back there."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from BreastMassXAILib.core.field import Field
from BreastMassXAILib.core.saliency import extreme_points, to_frame_grid
from BreastMassXAILib.network.preprocessing import Preprocessing, resample_field


def blob(shape, row, column, sigma):
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (255 * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * sigma**2))).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(
    st.floats(60, 100),
    st.floats(60, 130),
    st.floats(-30, 20),
    st.floats(-30, 20),
    st.floats(160, 260),
    st.floats(190, 300),
)
def test_there_and_back_is_the_same_place(row, column, top, left, height, width):
    """A bright spot, taken to the network's grid and brought back as if it were its map, stays where it was."""
    field = Field(top, left, height, width)
    frame = blob((200, 240), row, column, 6)
    there = resample_field(frame, field, 112)
    back = to_frame_grid(there, field, frame.shape)
    peak, _ = extreme_points(back, field)
    assert abs(peak.row - row) <= 1.6 and abs(peak.column - column) <= 1.6
    inside = field.pixels(frame.shape)
    weights = np.maximum(back[inside], 0)
    rows, columns = np.mgrid[inside]
    assert (weights * rows).sum() / weights.sum() == pytest.approx(row, abs=0.6)
    assert (weights * columns).sum() / weights.sum() == pytest.approx(column, abs=0.6)


def test_padding_is_black_and_the_frame_is_not_stretched():
    frame = np.full((50, 50), 200, np.float32)
    frame[0, 0] = 0
    seen = resample_field(frame, Field(-50, 0, 100, 50), 100)
    assert seen[:48].max() == 0
    assert seen[52:, 5:].min() == pytest.approx(200, abs=1)


def test_mean_grey_survives_shrinking():
    frame = np.random.default_rng(0).uniform(0, 255, (800, 1000)).astype(np.float32)
    seen = resample_field(frame, Field(0, 0, 800, 1000), 224)
    assert seen.mean() == pytest.approx(frame.mean(), rel=0.01)
    assert seen.std() < 0.5 * frame.std(), "speckle must be averaged, not picked"


def test_normalisation_is_imagenets():
    inputs = Preprocessing(8)(np.full((20, 30), 255, np.float32), Field(0, 0, 20, 30))
    assert inputs.shape == (1, 3, 8, 8)
    expected = (1 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(inputs[0, :, 3, 3], expected)
