"""What the gauge and the chart show, as shapes."""

from __future__ import annotations

import pytest

from BreastMassXAILib.presenter.words import Bar, Gauge
from BreastMassXAILib.widgets.drawing import BADGE_COLORS, Box, Text, bar_shapes, gauge_shapes

WIDTH, HEIGHT, LINE = 400, 64, 15


def gauge(probability: float, threshold: float = 0.4, grey: float = 0.0):
    return gauge_shapes(Gauge(probability, threshold, threshold - grey, threshold + grey), WIDTH, HEIGHT, LINE)


def boxes(shapes) -> list[Box]:
    return [shape for shape in shapes if isinstance(shape, Box)]


def words(shapes) -> dict[str, Text]:
    return {shape.text: shape for shape in shapes if isinstance(shape, Text)}


@pytest.mark.parametrize("width", [1, 40, 200, 400, 3000])
@pytest.mark.parametrize("probability", [0.0, 0.004, 0.4, 0.999, 1.0])
@pytest.mark.parametrize("threshold", [0.0, 0.02, 0.45, 1.0])
def test_the_gauge_stays_in_its_room(width, probability, threshold):
    for shape in gauge_shapes(Gauge(probability, threshold, threshold, threshold), max(width, 20), HEIGHT, LINE):
        assert shape.width >= 0 and shape.height >= 0
        assert shape.x >= 0 or isinstance(shape, Box)
        assert shape.y >= 0 and shape.y + shape.height <= HEIGHT + LINE


def test_the_mark_moves_with_the_probability():
    low, high = (boxes(gauge(p))[-1] for p in (0.2, 0.8))
    assert low.x < high.x
    assert high.x + high.width // 2 == pytest.approx(6 + 0.8 * (WIDTH - 12), abs=1)
    assert "0.80" in words(gauge(0.8)) and "threshold 0.40" in words(gauge(0.8))


def test_benign_lies_left_of_the_threshold_and_malignant_right():
    benign, malignant = boxes(gauge(0.5))[:2]
    assert benign.x + benign.width == malignant.x
    assert benign.ink[2] > benign.ink[0] and malignant.ink[0] > malignant.ink[2]  # blue, red


def test_the_grey_zone_is_shown_where_there_is_one():
    assert len(boxes(gauge(0.5, grey=0.1))) == len(boxes(gauge(0.5))) + 1
    zone = boxes(gauge(0.5, grey=0.1))[2]
    assert zone.width == pytest.approx(0.2 * (WIDTH - 12), abs=2)


BARS = [
    Bar("mass", 2.0, (1, 1, 0), "+2.00"),
    Bar("below the mass", -1.0, (0, 0, 1), "-1.00"),
    Bar("logit", 1.0, (0, 0, 0), "+1.00"),
]


def test_bars_have_one_zero_and_one_scale():
    shapes = bar_shapes(BARS, WIDTH, 90, LINE)
    mass, below, logit, zero = boxes(shapes)
    assert mass.x == logit.x == zero.x
    assert below.x + below.width == zero.x
    assert mass.width == pytest.approx(2 * below.width, abs=2) == pytest.approx(2 * logit.width, abs=2)
    assert {"+2.00", "-1.00", "+1.00", "mass", "below the mass"} <= set(words(shapes))


def test_bars_that_are_all_zero_or_none_are_drawn_too():
    assert bar_shapes([], WIDTH, 90, LINE) == []
    for shape in bar_shapes([Bar("mass", 0.0, (1, 1, 0), "+0.00")], WIDTH, 90, LINE):
        assert 0 <= shape.x <= WIDTH


@pytest.mark.parametrize("width", [1, 60, 500])
def test_bars_stay_in_their_room(width):
    for box in boxes(bar_shapes(BARS, width, 90, LINE)):
        assert box.width >= 1 and box.x >= 0 and box.y >= 0 and box.y + box.height <= 90


def test_every_badge_has_a_colour():
    pytest.importorskip("slicer", reason="slicer-core is not installed")
    from BreastMassXAILib.presenter.inputs import Badge

    assert {badge.value for badge in Badge} == set(BADGE_COLORS)
    assert all(badge in BADGE_COLORS for badge in Badge)
