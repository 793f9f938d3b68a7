"""Regions against a brute-force computation and against analytic areas."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.integrate import trapezoid
from scipy.ndimage import distance_transform_edt

from BreastMassXAILib.core.errors import InputError, SpacingError
from BreastMassXAILib.core.frame import BeamGeometry, Provenance, Spacing
from BreastMassXAILib.core.regions import BELOW, ELSEWHERE, MASS, PERITUMORAL, area_fractions, region_labels


def spacing(row_mm, column_mm):
    return Spacing(row_mm, column_mm, Provenance.CALIBRATED)


def brute_force(mass, row_mm, column_mm, ring_mm):
    """The definition, pixel by pixel, with a full distance transform."""
    labels = np.zeros(mass.shape, int)
    labels[distance_transform_edt(~mass, sampling=(row_mm, column_mm)) <= ring_mm] = PERITUMORAL
    labels[mass] = MASS
    for column in range(mass.shape[1]):
        if mass[:, column].any():
            deepest = max(np.flatnonzero(labels[:, column]))
            labels[deepest + 1 :, column] = BELOW
    return labels


masks = st.tuples(st.integers(2, 24), st.integers(2, 24)).flatmap(
    lambda shape: arrays(bool, shape, elements=st.booleans(), fill=st.just(False)).filter(np.any)
)
sizes = st.sampled_from([0.05, 0.1, 0.2, 0.37, 0.5, 1.0]) | st.floats(0.03, 2)


@settings(max_examples=300, deadline=None)
@given(masks, sizes, sizes, st.sampled_from([0.5, 1.0, 2.5, 5.0]))
def test_regions_are_those_of_a_full_distance_transform(mass, row_mm, column_mm, ring_mm):
    labels = region_labels(mass, spacing(row_mm, column_mm), ring_mm)
    np.testing.assert_array_equal(labels, brute_force(mass, row_mm, column_mm, ring_mm))


def disc(shape, centre, radius_mm, row_mm, column_mm):
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return ((rows - centre[0]) * row_mm) ** 2 + ((columns - centre[1]) * column_mm) ** 2 <= radius_mm**2


def test_areas_of_a_disc_with_anisotropic_pixels_are_the_analytic_ones():
    row_mm, column_mm, radius = 0.05, 0.08, 6.0
    mass = disc((900, 600), (300, 300), radius, row_mm, column_mm)
    labels = region_labels(mass, spacing(row_mm, column_mm), 5.0)
    areas = np.bincount(labels.ravel()) * row_mm * column_mm
    assert areas[MASS] == pytest.approx(math.pi * radius**2, rel=0.01)
    assert areas[PERITUMORAL] == pytest.approx(math.pi * ((radius + 5) ** 2 - radius**2), rel=0.01)
    # The strip under the mass, less the part of the ring's lower half that lies in it.
    depth = (900 - 300 - 0.5) * row_mm
    half = 2 * radius * depth
    outer = radius + 5
    cap = radius * math.sqrt(outer**2 - radius**2) + outer**2 * math.asin(radius / outer)
    assert areas[BELOW] == pytest.approx(half - cap, rel=0.02)


def test_no_ring_needs_no_spacing_and_a_ring_does():
    mass = np.zeros((10, 10), bool)
    mass[3:5, 4:6] = True
    labels = region_labels(mass, Spacing.unknown(), 0)
    assert not (labels == PERITUMORAL).any()
    assert (labels[5:, 4:6] == BELOW).all()
    with pytest.raises(SpacingError, match="unknown"):
        region_labels(mass, Spacing.unknown(), 5)


@pytest.mark.parametrize("ring", [-1, math.nan, math.inf])
def test_impossible_ring_is_refused(ring):
    with pytest.raises(InputError, match="ring"):
        region_labels(np.eye(4, dtype=bool), spacing(1, 1), ring)


def test_scan_area_cuts_all_regions_and_is_the_base_of_the_fractions():
    mass = np.zeros((40, 40), bool)
    mass[10:15, 10:15] = True
    area = np.zeros_like(mass)
    area[:30, :20] = True
    labels = region_labels(mass, spacing(0.5, 0.5), 2, scan_area=area)
    assert not labels[~area].any()
    fractions = area_fractions(labels, area)
    assert sum(fractions.values()) == pytest.approx(1)
    assert fractions["mass"] == pytest.approx(25 / 600)


def on_its_ray(point, labels, apex):
    """Walk a point's own ray, from the apex to the frame's end, in steps of a twentieth of a pixel: does it meet the
    mass, and is it clear of everything marked from the point on?"""
    down, aside = point[0] - apex[0], point[1] - apex[1]
    if down <= 0:
        return False, False
    end = 2 * math.hypot(*labels.shape) + abs(apex[0]) + abs(apex[1])
    steps = np.arange(0, end, 0.05) / math.hypot(down, aside)
    path_r, path_c = np.rint(apex[0] + steps * down), np.rint(apex[1] + steps * aside)
    inside = (path_r > apex[0]) & (path_r >= 0) & (path_c >= 0)
    inside &= (path_r < labels.shape[0]) & (path_c < labels.shape[1])
    met = labels[path_r[inside].astype(int), path_c[inside].astype(int)]
    return (met == MASS).any(), not np.isin(met[steps[inside] >= 1], (MASS, PERITUMORAL)).any()


def assert_below_to_a_pixel(labels, apex):
    """A pixel is below when its ray meets the mass and is clear from there on: each as for the pixel's centre, or as
    for a point at most a pixel away from it."""
    around = [(math.sin(turn), math.cos(turn)) for turn in np.arange(8) * math.pi / 4]
    for row, column in np.ndindex(labels.shape):
        if labels[row, column] in (MASS, PERITUMORAL):
            continue
        found = labels[row, column] == BELOW
        if all(on_its_ray((row, column), labels, apex)) != found:
            near = [(row + y, column + x) for y, x in ((0, 0), *around)]
            met, clear = zip(*(on_its_ray(point, labels, apex) for point in near), strict=True)
            assert any(met) and any(clear) if found else not (all(met) and all(clear)), (row, column)


@settings(max_examples=12, deadline=None)
@given(
    st.tuples(st.integers(-800, 200), st.integers(-250, 650)).map(lambda tenths: (tenths[0] / 10, tenths[1] / 10)),
    st.tuples(st.integers(8, 30), st.integers(6, 34)),
    st.floats(0.8, 3.5),
    st.sampled_from([(0.3, 0.3), (0.3, 0.2), (0.15, 0.4)]),
    st.sampled_from([0.0, 1.0]),
)
def test_convex_below_is_correct_to_a_pixel(apex, centre, radius, size, ring):
    """Apex above, beside and inside the frame; pixels square and not."""
    shape = (46, 40)
    mass = disc(shape, centre, radius, *size)
    labels = region_labels(mass, spacing(*size), ring, BeamGeometry("convex", apex))
    assert_below_to_a_pixel(labels, apex)


def test_convex_below_has_the_analytic_area():
    """A small disc's shadow is the ring sector between its flanks, less the disc's own lower half and the ring's."""
    row_mm, column_mm, radius, far = 0.06, 0.08, 4.0, 30.0
    apex, shape = (-200.0, 400.0), (900, 801)
    labels = region_labels(
        disc(shape, (apex[0] + far / row_mm, 400), radius, row_mm, column_mm),
        spacing(row_mm, column_mm),
        0,
        BeamGeometry("convex", apex),
        scan_area=disc(shape, apex, 60.0, row_mm, column_mm),
    )
    half_angle = math.asin(radius / far)
    angle = np.linspace(-half_angle, half_angle, 20001)
    leaves = far * np.cos(angle) + np.sqrt(np.maximum(radius**2 - (far * np.sin(angle)) ** 2, 0))
    expected = trapezoid((60.0**2 - leaves**2) / 2, angle)
    assert (labels == BELOW).sum() * row_mm * column_mm == pytest.approx(expected, rel=0.01)


def test_an_apex_below_the_frame_has_no_rays_in_it():
    mass = disc((40, 40), (20, 20), 5, 1, 1)
    assert not (region_labels(mass, spacing(1, 1), 2, BeamGeometry("convex", (50.0, 20.0))) == BELOW).any()


def test_a_far_apex_makes_a_convex_frame_linear():
    mass = disc((80, 80), (30, 40), 8, 1, 1)
    linear = region_labels(mass, spacing(1, 1), 3)
    convex = region_labels(mass, spacing(1, 1), 3, BeamGeometry("convex", (-1e5, 40.0)))
    differ = np.flatnonzero((linear != convex).any(axis=0))
    assert len(differ) <= 2  # the two outermost beams, by rounding


def test_everything_is_labelled_once():
    mass = np.zeros((30, 30), bool)
    mass[5:9, 20:24] = mass[12:15, 3:6] = True
    labels = region_labels(mass, spacing(0.7, 0.4), 1)
    assert set(np.unique(labels)) == {ELSEWHERE, MASS, PERITUMORAL, BELOW}
    assert (labels == MASS).sum() == mass.sum()
