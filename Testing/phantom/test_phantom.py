"""The simulator against what was asked of it: geometry exactly, levels and widths as measured on the frames."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.frame import Provenance
from BreastMassXAILib.core.regions import BELOW, region_labels
from BreastMassXAILib.phantom.simulation import (
    Breast,
    Mass,
    MassShape,
    Phantom,
    Scanner,
    benign_phantom,
    malignant_phantom,
    simulate,
)

SMALL = Scanner(rows=300, columns=300, row_mm=0.1, column_mm=0.1, white_db=30.0)
ELLIPSE = Mass(shape=MassShape(10.0, 6.0, orientation_deg=20.0), depth_mm=12.0, echogenicity_db=-12.0, texture_db=0.0)
QUIET = Phantom(mass=ELLIPSE, breast=Breast.homogeneous(), scanner=SMALL, seed=5)
CONVEX = replace(SMALL, kind="convex", rows=420, columns=480, row_mm=0.1, column_mm=0.14)


def with_mass(phantom: Phantom, **changes) -> Phantom:
    return replace(phantom, mass=replace(phantom.mass, **changes))


def level_db(phantom: Phantom, grey: np.ndarray) -> float:
    """Mean level in dB of grey values: what log compression made, undone."""
    return float(grey.mean()) / 255 * phantom.scanner.dynamic_range_db


def depths_and_sides(phantom: Phantom) -> tuple[np.ndarray, np.ndarray]:
    """z and x, in mm, of a linear phantom's rows and columns."""
    scanner = phantom.scanner
    z = (np.arange(scanner.rows) + 0.5) * scanner.row_mm
    return z, (np.arange(scanner.columns) - (scanner.columns - 1) / 2) * scanner.column_mm


@pytest.mark.parametrize("preset", [benign_phantom, malignant_phantom])
def test_a_seed_decides_the_frame_and_nothing_else_does(preset):
    first, again, other = simulate(preset()), simulate(preset()), simulate(preset(seed=77))
    assert first.frame.pixels.tobytes() == again.frame.pixels.tobytes()
    assert first.mass.tobytes() == again.mass.tobytes()
    assert (first.frame.pixels != other.frame.pixels).mean() > 0.9
    assert first.label == preset.__name__.split("_")[0]


def test_the_frame_is_8_bit_grey_with_calibrated_spacing():
    frame = simulate(QUIET).frame
    np.testing.assert_array_equal(frame.pixels, frame.pixels.astype(np.uint8))
    assert frame.spacing.mm() == (0.1, 0.1)
    assert frame.spacing.provenance is Provenance.CALIBRATED
    assert frame.scan_area is None
    assert frame.beams.kind == "linear"


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    width=st.floats(5, 12),
    height=st.floats(5, 12),
    turn=st.floats(-90, 90),
    row_mm=st.floats(0.08, 0.14),
    column_mm=st.floats(0.08, 0.14),
    kind=st.sampled_from(["linear", "convex"]),
)
def test_the_mask_has_the_area_of_the_ellipse(width, height, turn, row_mm, column_mm, kind):
    scanner = Scanner(
        kind=kind,
        rows=math.ceil(24 / row_mm),
        columns=math.ceil(30 / column_mm),
        row_mm=row_mm,
        column_mm=column_mm,
        frequency_mhz=4.0,  # a coarse simulation grid: only the mask is looked at
    )
    shape = MassShape(width, height, orientation_deg=turn)
    case = simulate(Phantom(Mass(shape=shape, depth_mm=11.0), Breast.homogeneous(), scanner))
    assert case.mass.sum() * row_mm * column_mm == pytest.approx(shape.area_mm2, rel=0.02)


def test_the_mask_lies_where_the_mass_was_put_and_turns_clockwise():
    case = simulate(with_mass(QUIET, x_mm=3.0))
    z, x = depths_and_sides(QUIET)
    rows, columns = np.nonzero(case.mass)
    assert (z[rows].mean(), x[columns].mean()) == pytest.approx((12.0, 3.0), abs=0.05)
    assert np.corrcoef(rows, columns)[0, 1] > 0.1, "to the right it must go down"


def test_only_a_plain_ellipse_has_an_analytic_area():
    assert MassShape(8.0, 4.0).area_mm2 == pytest.approx(8 * math.pi)
    for shape in (MassShape(lobulation=0.1), MassShape(irregularity=0.1), MassShape(spicules=3)):
        with pytest.raises(InputError, match="plain ellipse"):
            _ = shape.area_mm2


def test_lobes_irregularity_and_spicules_lengthen_the_outline():
    def compactness(**changes) -> float:
        mass = simulate(with_mass(QUIET, shape=replace(ELLIPSE.shape, **changes))).mass
        edge = (mass[1:] != mass[:-1]).sum() + (mass[:, 1:] != mass[:, :-1]).sum()
        return edge / math.sqrt(mass.sum())

    plain = compactness()
    assert compactness(lobes=5, lobulation=0.15) > 1.05 * plain
    assert compactness(irregularity=0.15) > 1.05 * plain
    assert compactness(spicules=8, spicule_mm=3.0) > 1.2 * plain


@pytest.mark.parametrize("contrast", [-6.0, -12.0, 6.0])
def test_the_mass_has_the_asked_level(contrast):
    phantom = with_mass(QUIET, echogenicity_db=contrast)
    case = simulate(phantom)
    z, x = depths_and_sides(phantom)
    beside = (abs(z - 12) < 2.5)[:, None] & (abs(x) > 8)
    measured = level_db(phantom, case.frame.pixels[case.mass]) - level_db(phantom, case.frame.pixels[beside])
    assert measured == pytest.approx(contrast, abs=1.5)


@pytest.mark.parametrize(("attenuation", "change_db"), [(1.2, -6.84), (0.6, 0.0), (0.2, 4.56)])
def test_the_mass_shadows_or_enhances_what_lies_below_it(attenuation, change_db):
    """6 mm of mass, there and back, at 9.5 MHz: 11.4 dB for each dB/cm/MHz above the tissue's 0.6."""
    phantom = with_mass(QUIET, shape=MassShape(12.0, 6.0), attenuation=attenuation)
    pixels = simulate(phantom).frame.pixels
    z, x = depths_and_sides(phantom)
    rows = (z > 17) & (z < 22)
    below, beside = pixels[rows][:, abs(x) < 2], pixels[rows][:, abs(x) > 9]
    assert level_db(phantom, below) - level_db(phantom, beside) == pytest.approx(change_db, abs=1.2)


def test_a_blurred_margin_has_a_gentler_slope():
    def slope(margin_mm: float) -> float:
        phantom = with_mass(QUIET, shape=MassShape(10.0, 6.0), margin_mm=margin_mm)
        _, x = depths_and_sides(phantom)
        profile = simulate(phantom).frame.pixels[:, abs(x) < 2].mean(axis=1)
        smooth = np.convolve(profile, np.full(5, 0.2), mode="same")
        return float(abs(np.diff(smooth[60:180])).max())

    assert slope(0.05) > 1.5 * slope(1.0)


def test_halo_and_capsule_brighten_the_surroundings_of_the_margin():
    plain = simulate(QUIET)
    halo = simulate(with_mass(QUIET, halo_db=10.0, halo_mm=1.5)).frame.pixels
    labels = region_labels(plain.mass, plain.frame.spacing, ring_mm=1.5)
    assert (halo - plain.frame.pixels)[labels == 2].mean() > 10
    assert abs(halo - plain.frame.pixels)[:60].mean() < 1, "far from the mass nothing changes"
    capsule = simulate(with_mass(QUIET, capsule_db=25.0)).frame.pixels
    z, x = depths_and_sides(QUIET)
    top = (abs(z - 9) < 0.6)[:, None] & (abs(x - 0.2) < 1.5)
    assert (capsule - plain.frame.pixels)[top].max() > 30


def test_calcifications_are_bright_points_inside():
    plain, spotted = simulate(QUIET), simulate(with_mass(QUIET, calcifications=6))
    changed = spotted.frame.pixels - plain.frame.pixels
    assert (changed[plain.mass] > 60).sum() >= 6
    assert abs(changed[~plain.mass]).mean() < 0.5


def test_speckle_is_widest_away_from_the_focus():
    """Lateral correlation one beam width apart grows with the distance from the focus."""
    scanner = replace(SMALL, rows=400, columns=400, focus_mm=10.0, aperture_mm=12.0)
    phantom = Phantom(with_mass(QUIET, echogenicity_db=0.0, attenuation=0.6).mass, QUIET.breast, scanner, seed=9)
    pixels = simulate(phantom).frame.pixels

    def correlation(first_mm: float) -> float:
        band = pixels[int(first_mm * 10) : int(first_mm * 10) + 40]
        band = band - band.mean()
        return float((band[:, 4:] * band[:, :-4]).mean() / (band**2).mean())

    at_focus, deeper, deepest = correlation(8), correlation(22), correlation(35)
    assert at_focus + 0.1 < deeper < deepest - 0.05


def test_layers_and_ribs_are_visible():
    thick = replace(malignant_phantom(), mass=replace(ELLIPSE, depth_mm=14.0))
    pixels = simulate(thick).frame.pixels
    z, x = depths_and_sides(thick)
    left = abs(x + 15) < 3
    fat, gland = (pixels[np.ix_((z > low) & (z < high), left)].mean() for low, high in ((3, 6), (13, 17)))
    assert gland > fat + 15
    ribs = simulate(replace(thick, breast=replace(thick.breast, rib_x_mm=(-12.0,)))).frame.pixels
    shadow = np.ix_(z > 34, abs(x + 12) < 2)
    assert ribs[shadow].mean() < 0.5 * pixels[shadow].mean()


def test_a_convex_frame_is_a_sector_with_rays_from_the_apex():
    case = simulate(replace(QUIET, scanner=CONVEX))
    frame, area = case.frame, case.frame.scan_area
    assert area is not None
    row, column = frame.beams.apex
    assert row < 0
    assert column == pytest.approx((CONVEX.columns - 1) / 2)
    rows, columns = np.indices(frame.shape)
    down, aside = (rows - row) * CONVEX.row_mm, (columns - column) * CONVEX.column_mm
    radius, angle = np.hypot(down, aside), np.degrees(np.arctan2(aside, down))
    sector = (radius >= CONVEX.radius_mm) & (abs(angle) <= CONVEX.sector_deg / 2)
    deep = radius - CONVEX.radius_mm > 36  # the lower arc
    np.testing.assert_array_equal(area[~deep], sector[~deep])
    assert not (area & ~sector).any()
    assert not frame.pixels[~area].any()
    assert case.mass.sum() * 0.1 * 0.14 == pytest.approx(ELLIPSE.shape.area_mm2, rel=0.02)


def test_a_convex_shadow_follows_the_rays_of_the_mass():
    phantom = replace(QUIET, scanner=CONVEX)
    phantom = with_mass(phantom, x_mm=-7.0, shape=MassShape(6.0, 6.0), attenuation=2.5)
    case = simulate(phantom)
    neutral = simulate(with_mass(phantom, attenuation=0.6)).frame.pixels
    labels = region_labels(case.mass, case.frame.spacing, 0.5, case.frame.beams, case.frame.scan_area)
    darker = neutral - case.frame.pixels > 25
    assert darker[labels == BELOW].mean() > 0.7
    below_row = np.nonzero(case.mass)[0].max() + 5
    elsewhere = (labels == 0) & (np.arange(len(labels)) > below_row)[:, None] & case.frame.scan_area
    assert darker[elsewhere].mean() < 0.05


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scanner": replace(SMALL, kind="phased")}, "linear or convex"),
        ({"scanner": replace(SMALL, row_mm=0.0)}, "row spacing"),
        ({"mass": replace(ELLIPSE, shape=MassShape(math.nan, 4.0))}, "mass width"),
    ],
)
def test_impossible_phantoms_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        replace(QUIET, **change)


def test_a_mass_outside_the_frame_is_refused():
    with pytest.raises(InputError, match="mask is empty"):
        simulate(with_mass(QUIET, x_mm=500.0))
