"""The echo image is found on composed screens, and a frame without a certain surround is left whole."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter

from BreastMassXAILib.core.beams import with_beams
from BreastMassXAILib.core.frame import Frame, Provenance, Spacing
from BreastMassXAILib.core.scan_area import find_scan_area, with_scan_area

SCREEN = (480, 640)


def echoes(shape, seed):
    """Log-compressed speckle with layers, fading with depth, with an anechoic cyst and a shadow under it."""
    generator = np.random.default_rng(seed)
    real, imaginary = (gaussian_filter(generator.normal(size=shape), (0.7, 1.5)) for _ in range(2))
    row, column = np.ogrid[: shape[0], : shape[1]]
    envelope = np.hypot(real, imaginary)
    level = 20 * np.log10(envelope / envelope.mean() + 1e-3) + 4 * np.sin(row / 17) - 10 * row / shape[0]
    cyst = ((row - 0.4 * shape[0]) / 30) ** 2 + ((column - 0.5 * shape[1]) / 45) ** 2 < 1
    level = level - 60 * cyst - 14 * ((np.abs(column - 0.5 * shape[1]) < 40) & (row > 0.4 * shape[0]))
    return np.clip(150 + 5 * level, 0, 255)


def decorate(image, rows, columns, grey, noise):
    """Patient's text, a logo, a grey bar, depth marks and settings around the image whose box is given."""
    screen = Image.fromarray(np.clip(np.rint(image), 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(screen)
    draw.text((6, 2), "GENERAL HOSPITAL  L12-5  MI 0.8  TIS 0.2  BREAST", fill=220, font=ImageFont.load_default(16))
    draw.text((columns.stop + 40, rows.start + 60), "FR 31\n2D 62%\nDR 60\nP Med", fill=180)
    draw.text((10, SCREEN[0] - 16), "RT BREAST 10H RAD", fill=255)
    draw.rectangle((2, 24, 26, 40), fill=200)
    for level in range(100):
        draw.line((columns.stop + 14, rows.start + level, columns.stop + 26, rows.start + level), fill=255 - 2 * level)
    for mark in range(rows.start, rows.stop, 40):
        draw.line((columns.stop, mark, columns.stop + 5, mark), fill=230)
    draw.text((columns.start + 30, rows.start + 40), "+     +", fill=255)  # calipers inside
    found = np.asarray(screen, np.float32)
    if noise:
        found = np.clip(found + np.random.default_rng(1).normal(0, 1, SCREEN), 0, 255)
    return np.maximum(found, grey)


def close(found, true, pixels):
    assert not (found & ~binary_dilation(true, np.ones((3, 3)), iterations=pixels)).any()
    assert not (binary_erosion(true, np.ones((3, 3)), iterations=pixels) & ~found).any()


screens = (st.integers(0, 10**6), st.sampled_from([0, 18]), st.booleans())


@settings(max_examples=25, deadline=None)
@given(st.integers(46, 110), st.integers(40, 150), st.integers(260, 340), st.integers(260, 380), *screens)
def test_a_linear_probes_image_is_found(top, left, height, width, seed, grey, noise):
    rows, columns = slice(top, top + height), slice(left, left + width)
    true = np.zeros(SCREEN, bool)
    true[rows, columns] = True
    image = np.zeros(SCREEN)
    image[true] = echoes((height, width), seed).ravel()
    area = find_scan_area(decorate(image, rows, columns, grey, noise))
    assert area.kind == "rectangle"
    close(area.mask, true, 2)
    assert "rectangle found on the dark surround" in area.description and not area.warnings


def sector_mask(apex, half_deg, near, far):
    row, column = np.mgrid[: SCREEN[0], : SCREEN[1]]
    radius = np.hypot(row - apex[0], column - apex[1])
    angle = np.abs(np.arctan2(column - apex[1], row - apex[0]))
    return (angle <= math.radians(half_deg)) & (radius >= near) & (radius <= far)


@settings(max_examples=25, deadline=None)
@given(st.floats(20, 34), st.floats(100, 260), st.floats(250, 340), st.floats(280, 310), *screens)
def test_a_convex_probes_image_and_its_apex_are_found(half_deg, near, depth, middle, seed, grey, noise):
    apex = 48 - near * math.cos(math.radians(half_deg)), middle
    far = min(near + depth, 240 / math.sin(math.radians(half_deg)))
    true = sector_mask(apex, half_deg, near, far)
    rows = slice(*(int(value) for value in np.flatnonzero(true.any(axis=1))[[0, -1]]))
    columns = slice(*(int(value) for value in np.flatnonzero(true.any(axis=0))[[0, -1]]))
    image = np.where(true, echoes(SCREEN, seed), 0)
    pixels = decorate(image, rows, columns, grey, noise)
    area = find_scan_area(pixels)
    assert area.kind == "sector"
    close(area.mask, true, 3)
    assert with_beams(Frame(pixels, Spacing.unknown(), scan_area=area.mask)).beams.apex == pytest.approx(apex, abs=8)


def cropped(seed=0):
    """A frame cut to its echo image, black in its depth, with text and a grey bar inside."""
    pixels = echoes((400, 300), seed)
    pixels[250:] *= np.linspace(1, 0, 150)[:, None] ** 4
    picture = Image.fromarray(pixels.astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    draw.text((150, 360), "MAMA ESQ QSE", fill=255)
    draw.rectangle((290, 20, 297, 120), fill=200)
    return np.asarray(picture, np.float32)


def test_a_frame_without_a_surround_is_whole():
    area = find_scan_area(cropped())
    assert area.kind == "whole" and area.mask.all()
    assert with_scan_area(Frame(cropped(), Spacing.unknown())).scan_area is None


@pytest.mark.parametrize("pixels", [np.eye(50) * 255, np.pad(np.full((2, 2), 9.0), 30), np.indices((40, 40)).sum(0)])
def test_what_holds_no_echo_image_is_whole(pixels):
    assert find_scan_area(pixels.astype(np.float32)).kind == "whole"


def two_images():
    screen = np.zeros(SCREEN, np.float32)
    screen[60:400, 20:310], screen[60:400, 330:620] = echoes((340, 290), 1), echoes((340, 290), 2)
    return screen


@pytest.mark.parametrize("columns", [slice(20, 310), slice(330, 620)])
def test_of_two_images_that_with_the_mass_is_taken(columns):
    mass = np.zeros(SCREEN, bool)
    mass[120:180, columns.start + 90 : columns.start + 190] = True
    frame = with_scan_area(Frame(two_images(), Spacing.unknown()), mass)
    true = np.zeros(SCREEN, bool)
    true[60:400, columns] = True
    close(frame.scan_area, true, 2)
    assert "more than one echo image" in frame.warnings[-1]


def test_an_area_that_does_not_hold_the_mass_is_not_believed():
    mass = np.zeros(SCREEN, bool)
    mass[120:180, 300:340] = True
    frame = with_scan_area(Frame(two_images(), Spacing.unknown()), mass)
    assert frame.scan_area is None
    assert "does not hold all of the mass" in frame.warnings[0]


def test_a_files_box_is_kept_and_narrowed_to_its_sector():
    true = sector_mask((-100, 320), 30, 150, 500)
    pixels = np.where(true, echoes(SCREEN, 0), 0)
    box = np.zeros(SCREEN, bool)
    box[20:430, 40:600] = True
    frame = with_scan_area(Frame(pixels, Spacing(0.1, 0.1, Provenance.DICOM_REGION), scan_area=box))
    close(frame.scan_area, true, 2)
    linear = Frame(
        np.pad(echoes((300, 400), 0), 60), Spacing.unknown(), scan_area=np.pad(np.ones((310, 410), bool), 55)
    )
    assert with_scan_area(linear) is linear
