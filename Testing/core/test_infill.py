"""Tissue in place of a region: what surrounds it goes on in it, and nothing else changes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from BreastMassXAILib.core.counter_check import Changes, changes_in, check_of, replaced
from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.field import Field
from BreastMassXAILib.core.frame import Case, Frame, Provenance, Spacing
from BreastMassXAILib.core.infill import FILLS, filled
from BreastMassXAILib.core.regions import region_labels

ROW, COLUMN = np.mgrid[:160, :180]
DISC = (ROW - 85) ** 2 + (COLUMN - 90) ** 2 < 30**2
ALL = np.ones(DISC.shape, bool)


def speckled(level, spread=12.0, grain=(1.0, 2.5), seed=3):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=DISC.shape), grain)
    return (level + spread * noise / noise.std()).clip(0, 249).astype(np.float32)


def lag(values, mask, shift, axis):
    """Correlation of neighbours `shift` pixels apart, both in the mask."""
    moved, there = np.roll(values, shift, axis), np.roll(mask, shift, axis) & mask
    return np.corrcoef(values[there], moved[there])[0, 1]


@pytest.mark.parametrize("fill", FILLS)
def test_nothing_outside_the_region_changes(fill):
    image = speckled(100)
    found = filled(image, DISC, ALL, fill)
    np.testing.assert_array_equal(found[~DISC], image[~DISC])
    assert (found[DISC] != image[DISC]).mean() > 0.9 and found.min() >= 0 and found.max() <= 255


def test_a_dark_mass_becomes_tissue_like_its_surroundings():
    """Level, spread and grain of an even tissue, which the mass has nothing of; in several frames, as a disc holds few
    grains."""
    inner = ndimage.binary_erosion(DISC, iterations=2)
    means, spreads, lags = [], [], []
    for seed in range(6):
        image = speckled(110, 12, (1.0, 2.5), seed)
        image[DISC] = speckled(30, 3, (0.5, 0.5), seed + 50)[DISC]
        found = filled(image, DISC, ALL)
        means.append(found[inner].mean())
        spreads.append(found[inner].std())
        lags.append([lag(found, inner, 2, axis) for axis in (0, 1)])
    assert np.mean(means) == pytest.approx(110, abs=2) and max(means) < 116 and min(means) > 104
    assert np.mean(spreads) == pytest.approx(12, rel=0.1)
    # Of blurred noise: exp(-distance^2 / (4 sigma^2)).
    assert np.mean(lags, axis=0) == pytest.approx([np.exp(-1), np.exp(-4 / 25)], abs=0.06)


def test_a_slope_of_grey_goes_on_through_the_region():
    """Harmonic: a plane is continued as a plane, down into the middle."""
    plane = 40 + 0.4 * COLUMN + 0.3 * ROW
    image = speckled(plane, 0.5)
    image[DISC] = 5
    found = filled(image, DISC, ALL)
    assert np.abs(ndimage.gaussian_filter(found, 3) - plane)[DISC].max() < 4


def test_the_same_frame_gives_the_same_tissue_and_another_another():
    image = speckled(100)
    np.testing.assert_array_equal(filled(image, DISC, ALL), filled(image.copy(), DISC.copy(), ALL))
    other = image.copy()
    other[0, 0] += 1
    assert (filled(other, DISC, ALL) != filled(image, DISC, ALL))[DISC].any()


def test_text_is_not_copied():
    image = speckled(80, 5)
    image[120:128, 20:160:3] = 255  # a line of letters
    region = np.zeros_like(DISC)
    region[60:110, 60:120] = True
    assert filled(image, region, ALL)[region].max() < 120


def test_mean_and_blur_are_what_they_say():
    image = speckled(100)
    assert (filled(image, DISC, ALL, "mean")[DISC] == image[~DISC].mean(dtype=np.float32)).all()
    assert filled(image, DISC, ALL, "blur")[DISC].std() < 0.3 * image[DISC].std()


@pytest.mark.parametrize("fill", FILLS)
def test_a_region_that_fills_everything_is_refused(fill):
    with pytest.raises(InputError, match="nothing around it to fill it from"):
        filled(speckled(100), ALL, ALL, fill)
    with pytest.raises(InputError, match="none of it in what the network sees"):
        filled(speckled(100), ~ALL, ALL, fill)


@given(top=st.integers(0, 150), left=st.integers(0, 170), height=st.integers(1, 160), width=st.integers(1, 180))
@settings(max_examples=15, deadline=None)
def test_any_rectangle_is_filled_with_numbers_or_refused(top, left, height, width):
    region = np.zeros_like(ALL)
    region[top : top + height, left : left + width] = True
    image = speckled(100)
    try:
        found = filled(image, region, ALL)
    except InputError:
        assert np.count_nonzero(~region) < 200
        return
    assert np.isfinite(found).all() and (found[~region] == image[~region]).all()


def case_of(field):
    frame = Frame(speckled(100), Spacing(0.2, 0.2, Provenance.HEADER))
    case = Case(frame, DISC)
    return case, region_labels(DISC, frame.spacing, 4.0), field


def test_each_region_is_replaced_in_the_field_alone():
    case, labels, field = case_of(Field(30, 30, 120, 120))
    images, reasons = replaced(case, labels, field, "inpaint")
    assert list(images) == ["elsewhere", "mass", "peritumoral", "below"] and not reasons
    inside = np.zeros_like(ALL)
    inside[field.pixels(ALL.shape)] = True
    for label, image in enumerate(images.values()):
        changed = image != case.frame.pixels
        assert changed.any() and not (changed & ~(inside & (labels == label))).any()


def test_a_mass_never_serves_as_surroundings():
    case, labels, field = case_of(Field(0, 0, 160, 180))
    case.frame.pixels[DISC] = 2
    ring = replaced(case, labels, field, "inpaint")[0]["peritumoral"][labels == 2]
    assert ring.mean() == pytest.approx(100, abs=5) and ring.min() > 30


def test_a_mass_that_fills_the_field_costs_its_own_rows_only():
    case, labels, field = case_of(Field(75, 80, 20, 20))
    images, reasons = replaced(case, labels, field, "inpaint")
    assert not images and "nothing around it" in reasons["mass"] and "none of it" in reasons["below"]


EVIDENCE = {"elsewhere": 0.1, "mass": 2.0, "peritumoral": -0.5, "below": -0.2}


def test_agreement_is_of_sign_and_rank():
    found = check_of(
        Changes("inpaint", {"elsewhere": 0.2, "mass": 1.0, "peritumoral": -0.1, "below": 0.3}, {}), EVIDENCE, True
    )
    assert found.decided == "mass" and found.agrees is True
    assert found.same_sign == {"elsewhere": True, "mass": True, "peritumoral": True, "below": False}
    assert found.rank == pytest.approx(0.8)  # ranks 2 4 1 3 against 3 4 1 2
    benign = check_of(
        Changes("mean", {"peritumoral": 0.4, "mass": 1.0, "below": -1.0}, {"elsewhere": "why"}), EVIDENCE, False
    )
    assert benign.decided == "peritumoral" and benign.agrees is False
    assert benign.same_sign["elsewhere"] is None and benign.change["elsewhere"] is None
    assert benign.reasons == {"elsewhere": "why", "mass": "", "peritumoral": "", "below": ""}
    assert changes_in(benign.to_dict()).reasons == {"elsewhere": "why"}
    nothing = check_of(Changes("mean", {}, dict.fromkeys(EVIDENCE, "why")), EVIDENCE, True)
    assert nothing.agrees is None and nothing.rank is None
