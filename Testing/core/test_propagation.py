"""The mass on frames that nobody drew it on."""

import numpy as np
import pytest

from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.frame import MaskOrigin
from BreastMassXAILib.core.propagation import MassTrack

SHAPE = (80, 100)
ROW, COLUMN = np.mgrid[: SHAPE[0], : SHAPE[1]]


def disc(row, column, radius):
    return (ROW - row) ** 2 + (COLUMN - column) ** 2 <= radius**2


def test_without_propagation_only_annotated_frames_have_a_mass():
    track = MassTrack([(3, disc(40, 50, 9)), (5, np.zeros(SHAPE, bool))])
    assert track.annotated == (3,) and track.shape == SHAPE
    assert track.at(2) is None and track.at(4) is None and track.at(5) is None
    mass = track.at(3)
    assert (mass.origin, mass.annotated) == ("annotated", (3,))
    np.testing.assert_array_equal(mass.mask, disc(40, 50, 9))


def test_outside_the_annotated_frames_the_nearest_is_held_and_shared():
    track = MassTrack({8: disc(40, 60, 5), 3: disc(40, 50, 9)}.items(), propagate=True)
    before, after = track.at(0), track.at(12)
    assert (before.origin, before.annotated, after.origin, after.annotated) == ("held", (3,), "held", (8,))
    np.testing.assert_array_equal(before.mask, disc(40, 50, 9))
    np.testing.assert_array_equal(after.mask, disc(40, 60, 5))
    assert track.at(0).mask is track.at(1).mask


@pytest.mark.parametrize("way", [(0, 0), (6, -10), (0, 40)], ids=["still", "moving", "apart"])
def test_between_two_discs_lies_the_disc_between(way):
    """Also where the two do not overlap, when a blend of distances alone would leave nothing."""
    track = MassTrack([(0, disc(30, 40, 8)), (4, disc(30 + way[0], 40 + way[1], 14))], propagate=True)
    for index in (1, 2, 3):
        mass = track.at(index)
        assert (mass.origin, mass.annotated) == ("interpolated", (0, 4))
        row, column = (axis.mean() for axis in np.nonzero(mass.mask))
        assert (row, column) == pytest.approx((30 + way[0] * index / 4, 40 + way[1] * index / 4), abs=0.6)
        assert mass.mask.sum() == pytest.approx(np.pi * (8 + 6 * index / 4) ** 2, rel=0.06)


def test_equal_masks_stay_equal_in_between():
    shape = disc(30, 40, 11) & ~disc(36, 40, 5)
    track = MassTrack([(2, shape), (9, shape)], propagate=True)
    for index in range(2, 10):
        np.testing.assert_array_equal(track.at(index).mask, shape)


def test_a_mass_at_the_border_stays_on_the_frame():
    track = MassTrack([(0, disc(2, 3, 9)), (2, disc(2, 97, 9))], propagate=True)
    assert track.at(1).mask.any()
    assert track.at(1).mask[0].any()


def test_shapes_with_nothing_in_common_are_never_lost():
    ring = disc(40, 50, 30) & ~disc(40, 50, 28)
    track = MassTrack([(0, ring), (10, disc(40, 50, 2))], propagate=True)
    for index in range(11):
        assert track.at(index).mask.any()
    assert "held" in {track.at(index).origin for index in range(11)}


def test_the_order_of_questions_does_not_matter():
    masks = [(0, disc(30, 20, 8)), (4, disc(40, 40, 12)), (9, disc(20, 60, 5))]
    forth, back = MassTrack(masks, propagate=True), MassTrack(masks, propagate=True)
    kept = [forth.at(index).mask for index in range(12)]
    for index in reversed(range(12)):
        np.testing.assert_array_equal(back.at(index).mask, kept[index])


def test_annotations_of_a_long_loop_take_little_memory():
    track = MassTrack((index, disc(40, 50, 9)) for index in range(1000))
    assert sum(bits.nbytes for _, _, bits in track._packed.values()) < 1000 * 60


@pytest.mark.parametrize(
    ("masks", "sentence"),
    [
        ([], "No frame"),
        ([(0, np.zeros(SHAPE, bool))], "No frame"),
        ([(0, disc(9, 9, 3)), (1, disc(9, 9, 3)[1:])], "frame 2 has another"),
        ([(-1, disc(9, 9, 3))], "no frame 0"),
    ],
)
def test_what_is_no_track_is_refused(masks, sentence):
    with pytest.raises(InputError, match=sentence):
        MassTrack(masks)


def test_a_mass_between_outlines_of_which_one_is_automatic_is_automatic():
    outlined = {0: MaskOrigin.DRAWN, 4: MaskOrigin.AUTOMATIC}
    track = MassTrack([(0, disc(30, 40, 8)), (4, disc(30, 44, 9))], propagate=True, outlined=outlined)
    found = [track.at(index) for index in (0, 2, 4, 6)]
    assert [mass.origin for mass in found] == ["annotated", "interpolated", "automatic", "held"]
    assert [mass.outlined.value for mass in found] == ["drawn", "automatic", "automatic", "automatic"]
