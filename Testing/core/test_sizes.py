"""Millimetres that cannot be true, and two sizes that contradict each other."""

from __future__ import annotations

import numpy as np
import pytest

from BreastMassXAILib.core.errors import InputError, SpacingError
from BreastMassXAILib.core.frame import Frame, Provenance, Spacing
from BreastMassXAILib.core.settling import Said, SpacingAssumption, with_said_spacing
from BreastMassXAILib.core.sizes import WIDTH_MM, confirmed_size, implausible, known_mm


def frame(size=None, provenance=Provenance.HEADER, **more):
    pixels = np.random.default_rng(0).uniform(0, 255, (50, 100)).astype(np.float32)
    return Frame(pixels, Spacing.unknown() if size is None else Spacing(*size, provenance), **more)


@pytest.mark.parametrize(
    ("width", "wrong"), [(9.9, True), (WIDTH_MM[0], False), (38, False), (WIDTH_MM[1], False), (301, True)]
)
def test_a_frame_that_no_probe_images_must_be_confirmed(width, wrong):
    seen = frame((0.1, width / 100))
    assert bool(implausible(seen)) is wrong
    assert confirmed_size(seen, True) is seen
    if wrong:
        with pytest.raises(InputError, match=rf"{width:.3g} mm wide and 5 mm deep.*--confirm-size"):
            confirmed_size(seen, False)
    else:
        assert confirmed_size(seen, False) is seen
    assert not implausible(frame())


def test_an_assumed_size_is_asked_twice_and_one_that_a_file_tells_is_only_noted():
    with pytest.raises(InputError, match="--confirm-size"):
        with_said_spacing(frame(), Said(otherwise=SpacingAssumption((0.01, 0.01))))
    sure = with_said_spacing(frame(), Said(otherwise=SpacingAssumption((0.01, 0.01), confirmed=True)))
    assert sure.spacing.mm() == (0.01, 0.01)
    told = frame((0.01, 0.01))
    assert with_said_spacing(told, Said(otherwise=SpacingAssumption((0.2, 0.2)))) is told


def test_two_sizes_are_both_named():
    said = with_said_spacing(frame((0.1, 0.1)), Said(spacing=Spacing(0.2, 0.2, Provenance.ASSUMED)))
    assert said.spacing.mm() == (0.2, 0.2)
    assert "0.1 x 0.1 mm (header)" in said.warnings[-1] and "0.2 x 0.2 mm" in said.warnings[-1]
    same = with_said_spacing(frame((0.1, 0.1)), Said(spacing=Spacing(0.1005, 0.1, Provenance.ASSUMED)))
    assert same.warnings == ()


def test_an_assumed_width_knows_of_pixels_that_are_not_square():
    seen = with_said_spacing(frame(aspect=2.0), Said(width_mm=40))
    assert seen.spacing.mm() == (0.8, 0.4) and seen.warnings == ()
    square = with_said_spacing(frame(aspect=2.0), Said(spacing=Spacing(0.4, 0.4, Provenance.ASSUMED)))
    assert "2 times as high as wide" in square.warnings[-1]


def test_an_unknown_size_says_why_it_is_unknown():
    reason = "The header contradicts itself: the spacing is taken as unknown."
    with pytest.raises(SpacingError, match=rf"^{reason} The pixel size of this frame is unknown"):
        known_mm(frame(warnings=("Something else.", reason)))
