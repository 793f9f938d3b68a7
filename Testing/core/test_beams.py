"""The apex of a convex probe's beams from its scan area, over random sectors; what is no sector is refused."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation, binary_erosion

from BreastMassXAILib.core.beams import fit_sector, with_beams
from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.frame import BeamGeometry, Frame, Provenance, Spacing


def sector(shape, apex, half_deg, near, far, sizes=(1.0, 1.0)):
    """Pixels whose centres lie in a sector, straight from the definition; radii in the unit of the sizes."""
    row, column = np.mgrid[: shape[0], : shape[1]]
    y, x = (row - apex[0]) * sizes[0], (column - apex[1]) * sizes[1]
    radius = np.hypot(x, y)
    return (np.abs(np.arctan2(x, y)) <= math.radians(half_deg)) & (radius >= near) & (radius <= far) & (y > 0)


def frame(mask, spacing=None):
    pixels = np.random.default_rng(0).uniform(20, 200, mask.shape) * mask
    return Frame(pixels, spacing or Spacing.unknown(), scan_area=mask)


def composed(half_deg, near_mm, depth_mm, row_mm, ratio, shift):
    """A sector on a frame that holds it all, its apex and pixel sizes."""
    column_mm = row_mm * ratio
    half = math.radians(half_deg)
    top = near_mm * math.cos(half)
    far = near_mm + depth_mm
    shape = int((far - top) / row_mm) + 21, int(2 * far * math.sin(half) / column_mm) + 21
    apex = 10 - top / row_mm, shape[1] / 2 + shift
    return sector(shape, apex, half_deg, near_mm, far, (row_mm, column_mm)), apex, (row_mm, column_mm)


@settings(max_examples=40, deadline=None)
@given(
    st.floats(12, 48),
    st.floats(8, 70),
    st.floats(35, 90),
    st.floats(0.15, 0.3),
    st.sampled_from([1.0, 1.0, 0.7, 1.5]),
    st.floats(-3, 3),
)
def test_the_apex_of_random_sectors(half_deg, near_mm, depth_mm, row_mm, ratio, shift):
    mask, apex, sizes = composed(half_deg, near_mm, depth_mm, row_mm, ratio, shift)
    found = fit_sector(mask, Spacing(*sizes, Provenance.CALIBRATED))
    # A pixel of error in a side moves the apex by its distance from the sector times that error over the opening.
    assert math.dist(
        (found.apex[0] * sizes[0], found.apex[1] * sizes[1]), (apex[0] * sizes[0], apex[1] * sizes[1])
    ) < 0.015 * (near_mm + depth_mm)
    assert [math.degrees(angle) for angle in found.angles] == pytest.approx([-half_deg, half_deg], abs=0.4)
    if found.radii[0]:  # a small probe's face is flat to a pixel
        assert found.radii[1] - found.radii[0] == pytest.approx(depth_mm, abs=2 * max(sizes))
    else:
        assert near_mm * (1 - math.cos(math.radians(half_deg))) < 4 * sizes[0]
    assert found.residual < 0.7
    fitted = found.mask(mask.shape, sizes)
    assert not (fitted & ~binary_dilation(mask, iterations=2)).any()
    assert not (binary_erosion(mask, iterations=2) & ~fitted).any()


def test_a_sector_that_the_screen_cuts_and_shadows_dent():
    """The frame cuts the sides and the depth, a shadow starts at a side, a lump of text hangs on the other."""
    apex = (-150.0, 320.0)
    mask = sector((420, 640), apex, 40, 200, 620)
    mask[:, :60] = mask[:, 600:] = False
    row, column = np.mgrid[:420, :640]
    mask &= ~((np.abs(np.arctan2(column - apex[1], row - apex[0]) + 0.62) < 0.1) & (row > 120))
    mask[100:118, 480:560] = True
    found = fit_sector(mask, Spacing.unknown())
    assert found.apex == pytest.approx(apex, abs=4)
    assert found.radii[0] == pytest.approx(200, abs=1.5) and found.radii[1] == math.inf


def test_a_trapezoid_of_virtual_convex_imaging_has_an_apex():
    mask = sector((400, 700), (-300.0, 350.0), 22, 0, 2000)
    found = fit_sector(mask, Spacing.unknown())
    assert found.apex == pytest.approx((-300, 350), abs=3)
    assert found.radii == (0, math.inf)


def disc():
    row, column = np.mgrid[:300, :300]
    return np.hypot(row - 150, column - 150) < 140


def rectangle():
    mask = np.zeros((300, 400), bool)
    mask[20:280, 50:350] = True
    return mask


def ragged():
    mask = rectangle()
    mask[:, :60] &= np.random.default_rng(0).random((300, 60)) < 0.5
    return mask


def steered():
    row, column = np.mgrid[:300, :500]
    return (column - 0.3 * row > 20) & (column - 0.3 * row < 320)


def leaf():
    row, column = np.mgrid[:300, :300]
    return (np.abs(column - 150) < 0.5 * row) & (row + 1.6 * np.abs(column - 150) < 290)


@pytest.mark.parametrize("shape", [disc, rectangle, ragged, steered, leaf], ids=lambda shape: shape.__name__)
def test_what_is_no_sector_is_refused(shape):
    with pytest.raises(InputError):
        fit_sector(shape(), Spacing.unknown())


def test_beams_of_a_frame():
    mask = sector((420, 640), (-150.0, 320.0), 33, 200, 540)
    convex = with_beams(frame(mask))
    assert convex.beams.apex == pytest.approx((-150, 320), abs=2)
    assert "apex at row -1" in convex.warnings[0] and "-33 to +33 degrees" in convex.warnings[0]
    assert with_beams(convex) is convex  # what the frame says already stays
    assert with_beams(convex, "linear").beams == BeamGeometry()
    assert with_beams(frame(mask), "convex", (-100, 300)).beams == BeamGeometry("convex", (-100.0, 300.0))
    assert with_beams(frame(rectangle())).beams == BeamGeometry()
    assert with_beams(frame(np.ones((50, 60), bool))).beams == BeamGeometry()


@pytest.mark.parametrize(
    ("kind", "apex", "message"),
    [
        ("convex", None, "give the apex"),
        ("linear", (-10, 5), "no apex"),
        ("auto", (299.0, 5), "above the frame's tissue"),
        ("auto", (math.nan, 5), "above the frame's tissue"),
        ("round", None, "linear, convex or auto"),
    ],
)
def test_beams_that_cannot_be(kind, apex, message):
    with pytest.raises(InputError, match=message):
        with_beams(frame(np.ones((300, 400), bool)), kind, apex)
    if kind == "convex":
        with pytest.raises(InputError, match="linear probe"):
            with_beams(frame(rectangle()), kind, apex)
