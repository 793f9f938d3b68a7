"""Descriptors against shapes whose values are known, at several resolutions, turned, and with pixels of any aspect;
echo and posterior features against simulated tissue, which they must follow."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.special import ellipe

from BreastMassXAILib.core.contour import contour_of
from BreastMassXAILib.core.descriptors import BY_NAME, DEFINITIONS, FEATURES, OUTLINE, describe, outline_values
from BreastMassXAILib.core.frame import BeamGeometry, Case, Frame, Provenance, Spacing
from BreastMassXAILib.phantom.settings import Breast, Mass, MassShape, Phantom, Scanner
from BreastMassXAILib.phantom.simulation import simulate

GEOMETRY = 0.02
"""What a number may be off by, relative to the truth."""
SIZES = [(0.25, 0.25), (0.1, 0.1), (0.1, 0.2), (0.18, 0.06), (0.03, 0.03)]
"""Pixel sizes in mm (row, column), for shapes of some 20 mm: from 40 pixels across the short axis on."""


def case_of(inside, sizes, height=34.0, width=44.0, beams=None):
    """A case whose mass holds the points (down, right) in mm from the middle of the mass for which `inside` is true."""
    rows, columns = round(height / sizes[0]), round(width / sizes[1])
    y = ((np.arange(rows) + 0.37) * sizes[0] - height / 2)[:, None]
    x = ((np.arange(columns) + 0.61) * sizes[1] - width / 2)[None, :]
    mass = np.broadcast_to(inside(y, x), (rows, columns))
    pixels = 100 + np.random.default_rng(0).normal(0, 5, mass.shape)
    return Case(Frame(pixels, Spacing(*sizes, Provenance.HEADER), beams=beams or BeamGeometry()), mass)


def ellipse(half_width, half_height, degrees=0.0):
    """Turned anticlockwise as seen on the screen."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return lambda y, x: ((x * c - y * s) / half_width) ** 2 + ((x * s + y * c) / half_height) ** 2 < 1


def star(lobes, depth, radius=9.0):
    return lambda y, x: np.hypot(y, x) < radius * (1 + depth * np.cos(lobes * np.arctan2(y, x)))


def star_truth(lobes, depth, radius=9.0):
    """Perimeter, area, area of the hull and spread of the radius of a star, from 200,000 points of its outline."""
    angle = np.linspace(0, 2 * np.pi, 200_001)
    r = radius * (1 + depth * np.cos(lobes * angle))
    points = np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)
    steps = np.hypot(*np.diff(points, axis=0).T)
    from scipy.spatial import ConvexHull

    along = np.concatenate([[0], np.cumsum(steps)])
    evenly = np.interp(np.linspace(0, along[-1], 100_000), along, r)
    area = float(np.mean(r[:-1] ** 2) * np.pi)
    return along[-1], area, ConvexHull(points).volume, float(evenly.std() / evenly.max())


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("degrees", [0, 30, 77])
@pytest.mark.parametrize(("a", "b"), [(10, 10), (10, 6), (6, 10), (11, 5)])
def test_an_ellipse_has_the_values_of_an_ellipse(a, b, degrees, sizes):
    found = describe(case_of(ellipse(a, b, degrees), sizes)).values
    long, short = max(a, b), min(a, b)
    perimeter = 4 * long * ellipe(1 - (short / long) ** 2)
    turn = math.radians(degrees)
    width = 2 * math.hypot(a * math.cos(turn), b * math.sin(turn))
    height = 2 * math.hypot(a * math.sin(turn), b * math.cos(turn))
    expected = {
        "area_mm2": math.pi * a * b,
        "largest_diameter_mm": 2 * long,
        "perpendicular_diameter_mm": 2 * short,
        "width_to_height": width / height,
        "elongation": long / short,
        "extent": math.pi * a * b / (width * height),
        "perimeter_to_ellipse": 1.0,
        "solidity": 1.0,
    }
    for name, value in expected.items():
        if a == b and name == "perpendicular_diameter_mm":
            continue  # any direction is as good
        assert found[name] == pytest.approx(value, rel=GEOMETRY), name
    # The square of the perimeter is off by twice as much.
    assert math.sqrt(4 * math.pi * expected["area_mm2"] / found["circularity"]) == pytest.approx(
        perimeter, rel=GEOMETRY
    )
    assert found["depressions"] == 0
    assert found["eccentricity"] == pytest.approx(math.sqrt(1 - (short / long) ** 2), rel=GEOMETRY, abs=0.1)
    if a != b:
        skin = degrees if a > b else abs(90 - degrees)
        assert found["long_axis_deg"] == pytest.approx(skin, abs=1.5)


@pytest.mark.parametrize("sizes", [(0.2, 0.2), (0.1, 0.2), (0.1, 0.1), (0.03, 0.03)])
@pytest.mark.parametrize(("lobes", "depth"), [(5, 0.2), (8, 0.12)])
def test_a_star_has_the_values_of_a_star(lobes, depth, sizes):
    case = case_of(star(lobes, depth), sizes)
    contour = contour_of(case.mass, sizes)
    perimeter, area, hull, spread = star_truth(lobes, depth)
    assert contour.perimeter == pytest.approx(perimeter, rel=GEOMETRY)
    assert contour.area == pytest.approx(area, rel=GEOMETRY)
    found = describe(case).values
    assert found["solidity"] == pytest.approx(area / hull, rel=GEOMETRY)
    assert found["radial_spread"] == pytest.approx(spread, rel=GEOMETRY)
    assert found["depressions"] == lobes


def test_a_square_and_its_box():
    found = describe(case_of(lambda y, x: (abs(y) < 8) & (abs(x) < 8), (0.1, 0.1))).values
    assert found["extent"] == pytest.approx(1, rel=GEOMETRY)
    assert found["largest_diameter_mm"] == pytest.approx(16 * math.sqrt(2), rel=GEOMETRY)
    assert found["circularity"] == pytest.approx(math.pi / 4, rel=2 * GEOMETRY)


def test_a_finer_grid_changes_no_shape():
    """Counting pixels would make the finest outline's circularity fall with every halving."""
    coarse, fine = (describe(case_of(star(6, 0.1), (size, size))).values for size in (0.24, 0.03))
    for name in OUTLINE:
        if name not in ("long_axis_deg", "eccentricity"):  # a star of six lobes has no axis, which rounding gives it
            allowed = 2 * GEOMETRY if name == "circularity" else GEOMETRY  # which has the perimeter squared
            assert fine[name] == pytest.approx(coarse[name], rel=allowed, abs=0.01), name


def test_unknown_pixels_give_the_same_shape_and_no_millimetres():
    case = case_of(ellipse(10, 6, 20), (0.1, 0.1))
    known = describe(case)
    unknown = describe(replace(case, frame=case.frame.with_spacing(Spacing.unknown())))
    in_mm = {"largest_diameter_mm", "perpendicular_diameter_mm", "area_mm2", "edge_sharpness"}
    assert set(unknown.missing) == in_mm
    assert unknown.reasons() == (
        "edge_sharpness, largest_diameter_mm, perpendicular_diameter_mm, area_mm2: the pixel size is unknown.",
    )
    for name in set(BY_NAME) - in_mm:
        assert unknown.values[name] == pytest.approx(known.values[name], rel=1e-6), name


def test_a_file_that_tells_no_more_than_a_pixels_aspect_is_believed():
    case = case_of(ellipse(10, 6), (0.1, 0.2))
    frame = replace(case.frame, spacing=Spacing.unknown(), aspect=0.5)
    found = describe(replace(case, frame=frame)).values
    assert found["elongation"] == pytest.approx(10 / 6, rel=GEOMETRY)


def test_below_a_convex_probe_depth_runs_along_the_ray():
    """The same ellipse, its long axis across the ray that meets it: wider than tall, whatever the angle."""
    apex_mm, turn = (-40.0, -22.0), math.atan2(22.0, 40.0)
    inside = ellipse(10, 6, math.degrees(turn))
    sizes = (0.1, 0.1)
    apex = ((apex_mm[0] + 17) / 0.1 - 0.37, (apex_mm[1] + 22) / 0.1 - 0.61)
    convex = describe(case_of(inside, sizes, beams=BeamGeometry("convex", apex))).values
    assert convex["width_to_height"] == pytest.approx(10 / 6, rel=GEOMETRY)
    assert convex["long_axis_deg"] == pytest.approx(0, abs=1.5)
    linear = describe(case_of(inside, sizes)).values
    assert linear["width_to_height"] < 1.4


def test_holes_are_filled_and_specks_are_left_out():
    whole = case_of(ellipse(10, 6), (0.1, 0.1))
    mass = whole.mass.copy()
    mass[160:175, 210:230] = False  # a hole
    mass[5:9, 5:9] = True  # a speck
    found = describe(replace(whole, mass=mass))
    assert found.values["area_mm2"] == pytest.approx(math.pi * 60, rel=GEOMETRY)
    assert found.values["largest_diameter_mm"] == pytest.approx(20, rel=GEOMETRY)
    assert found.notes == ("The mask has 2 pieces: the descriptors are those of the largest.",)


@pytest.mark.parametrize("kind", ["pixel", "line", "dot"])
def test_what_is_too_small_has_no_shape_and_says_so(kind):
    mass = np.zeros((60, 60), bool)
    mass[{"pixel": np.s_[30, 30], "line": np.s_[30, 5:55], "dot": np.s_[30:34, 30:34]}[kind]] = True
    case = Case(Frame(np.random.default_rng(0).normal(100, 9, mass.shape), Spacing(0.1, 0.1, Provenance.HEADER)), mass)
    found = describe(case)
    assert set(found.values) == set(BY_NAME) and set(found.values.values()) == {None}
    (reason,) = found.reasons()
    assert "too small or too thin" in reason
    assert outline_values(mass, case.frame) == {}


def test_a_mass_at_the_border_of_the_frame_is_described():
    case = case_of(lambda y, x: ellipse(10, 6)(y + 15, x + 18), (0.1, 0.1))
    found = describe(case)
    assert case.mass[0].any() and case.mass[:, 0].any()
    assert all(found.values[name] is not None for name in OUTLINE)


def test_terms_see_what_the_descriptors_say():
    case = case_of(star(5, 0.2), (0.1, 0.1))
    found = describe(case).values
    assert outline_values(case.mass, case.frame) == {name: found[name] for name in OUTLINE}


def test_every_descriptor_says_what_it_is():
    assert len(BY_NAME) == len(DEFINITIONS)
    for definition in DEFINITIONS:
        assert definition.feature in FEATURES and definition.text.endswith(".") and definition.source


# Against simulated tissue

SHAPE = MassShape(width_mm=11, height_mm=7)
SCANNER = Scanner(rows=250, columns=280, row_mm=0.12, column_mm=0.12, frequency_mhz=6.0)


def simulated(seed=1, scanner=SCANNER, **mass):
    phantom = Phantom(
        mass=Mass(shape=SHAPE, depth_mm=11, **mass), breast=Breast.homogeneous(), scanner=scanner, seed=seed
    )
    return describe(simulate(phantom)).values


def falls(values):
    return all(later < earlier for earlier, later in pairwise(values))


def test_a_blurred_margin_is_less_sharp():
    assert falls([simulated(margin_mm=blur)["edge_sharpness"] for blur in (0.05, 0.4, 0.9, 1.6)])


def test_the_level_follows_the_echoes_and_is_nothing_where_the_mass_is_as_fat():
    levels = [simulated(echogenicity_db=level)["echo_level"] for level in (6, 0, -6, -12)]
    assert falls(levels)
    per_db = (levels[0] - levels[-1]) / 18
    assert per_db == pytest.approx(255 / 60, rel=0.1), "60 dB fill 255 levels in the simulated display"
    assert abs(levels[1]) < 10


def test_a_rough_texture_is_more_heterogeneous():
    assert falls([simulated(texture_db=texture)["echo_heterogeneity"] for texture in (6, 4, 2, 0)])


@pytest.mark.parametrize("kind", ["linear", "convex"])
def test_posterior_features_are_the_decibels_that_the_mass_took(kind):
    scanner = replace(SCANNER, kind=kind)
    steps = (0.15, 0.6, 1.05)
    levels = [simulated(scanner=scanner, attenuation=loss, edge_attenuation=0.0)["posterior_db"] for loss in steps]
    assert falls(levels)
    assert abs(levels[1]) < 1, "no feature below a mass that takes as much as tissue does"
    # Two ways through a chord of some 6 mm on the inner beams, at the centre frequency.
    assert levels[0] - levels[2] == pytest.approx(2 * 0.9 * scanner.frequency_mhz * 0.6, rel=0.25)


def test_no_tissue_below_or_beside_is_said():
    case = case_of(lambda y, x: (abs(y) < 15) & (abs(x) < 21), (0.1, 0.1))
    found = describe(case)
    assert found.values["posterior_db"] is None and found.values["echo_level"] is None
    assert found.missing["posterior_db"] == "too little tissue is seen below the mass"
