"""From a picture file and a line on it to regions whose areas are the analytic ones; and what the command line says."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from BreastMassXAILib.analyses.request import Request
from BreastMassXAILib.commands.command_line import main
from BreastMassXAILib.core.calibration import CalibrationLine
from BreastMassXAILib.core.classifier import Classifier
from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.field import FieldRule
from BreastMassXAILib.core.frame import Provenance
from BreastMassXAILib.core.regions import BELOW, MASS, PERITUMORAL, region_labels
from BreastMassXAILib.core.settling import Said, settle, with_said_geometry
from BreastMassXAILib.phantom.simulation import Mass, MassShape, Phantom, Scanner, simulate
from BreastMassXAILib.pipeline import with_field
from BreastMassXAILib.readers.frames import read_frame

RADIUS, RING, DEPTH = 4.5, 5.0, 14.0
LINEAR = Scanner(rows=560, columns=600, row_mm=0.065, column_mm=0.065)
TALL = Scanner(rows=420, columns=600, row_mm=0.085, column_mm=0.065)
CONVEX = Scanner(kind="convex", rows=500, columns=640, row_mm=0.09, column_mm=0.09, frequency_mhz=8.0)
FLAT = Scanner(kind="convex", rows=500, columns=640, row_mm=0.09, column_mm=0.105, frequency_mhz=8.0)


def rendered(scanner, folder):
    """A phantom with a round mass as a PNG, which has no spacing, and its mask."""
    shape = MassShape(width_mm=2 * RADIUS, height_mm=2 * RADIUS)
    case = simulate(Phantom(mass=Mass(shape=shape, depth_mm=DEPTH), scanner=scanner))
    Image.fromarray(case.frame.pixels.astype(np.uint8)).save(folder / "frame.png")
    Image.fromarray(case.mass.astype(np.uint8) * 255).save(folder / "mask.png")
    return case


def lines(scanner):
    """What a person would draw: down the frame, and across where the pixels are not square."""
    down = (0, 10, scanner.rows - 1, 10, (scanner.rows - 1) * scanner.row_mm)
    across = (20, 0, 20, scanner.columns - 1, (scanner.columns - 1) * scanner.column_mm)
    return (down,) if scanner.row_mm == scanner.column_mm else (down, across)


def analytic(scanner):
    """Areas in mm2 of a disc, its ring, and what lies below both on the disc's beams down to the end of the image."""
    outer = RADIUS + RING
    ring = math.pi * (outer**2 - RADIUS**2)
    if scanner.kind == "linear":
        x = np.linspace(-RADIUS, RADIUS, 20001)
        depth = scanner.rows * scanner.row_mm - DEPTH - np.sqrt(outer**2 - x**2)
        return math.pi * RADIUS**2, ring, float(depth.mean() * 2 * RADIUS)
    centre = scanner.radius_mm + DEPTH
    face = scanner.radius_mm * math.cos(math.radians(scanner.sector_deg) / 2)
    far = face + scanner.rows * scanner.row_mm
    widest = math.asin(RADIUS / centre)
    angle = np.linspace(-widest, widest, 20001)
    leaves = centre * np.cos(angle) + np.sqrt(outer**2 - (centre * np.sin(angle)) ** 2)
    return math.pi * RADIUS**2, ring, float(((far**2 - leaves**2) / 2).mean() * 2 * widest)


@pytest.mark.parametrize("scanner", [LINEAR, TALL, CONVEX, FLAT], ids=["linear", "tall", "convex", "convex-flat"])
def test_areas_of_a_phantom_read_from_a_picture_and_calibrated_by_lines(scanner, tmp_path):
    case = rendered(scanner, tmp_path)
    said = Said(lines=tuple(CalibrationLine(*line) for line in lines(scanner)))
    frame = settle(read_frame(tmp_path / "frame.png"), case.mass, said).frame
    assert frame.spacing.provenance is Provenance.CALIBRATED
    assert frame.spacing.mm() == pytest.approx((scanner.row_mm, scanner.column_mm))
    assert frame.beams.kind == scanner.kind
    labels = region_labels(case.mass, frame.spacing, RING, frame.beams, frame.scan_area)
    areas = np.bincount(labels.ravel(), minlength=4) * scanner.row_mm * scanner.column_mm
    found = [areas[label] for label in (MASS, PERITUMORAL, BELOW)]
    print(scanner.kind, [f"{100 * (a / b - 1):+.2f} %" for a, b in zip(found, analytic(scanner), strict=True)])
    assert found == pytest.approx(analytic(scanner), rel=0.02)


def test_a_picture_without_calibration_is_refused_with_the_way_out(tmp_path, capsys):
    rendered(LINEAR, tmp_path)
    arguments = ["analyze", str(tmp_path / "frame.png"), "--mask", str(tmp_path / "mask.png")]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "calibrate it with a line of known length" in said and "--calibrate ROW0,COL0,ROW1,COL1,MM" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--calibrate", "0,0,559,0"], "5 numbers"),
        (["--calibrate", "0,0,559,0,36.4", "--spacing", "0.065"], "not allowed with"),
        (["--calibrate", "0,0,600,0,36.4"], "outside the frame"),
        (["--calibrate", "0,0,0,0,36.4"], "0 pixels long"),
        (["--calibrate", "0,0,nan,0,36.4"], "numbers of pixels"),
        (["--calibrate", "0,0,559,0,36.4", "--calibrate", "0,9,500,9,36.4"], "equally steep"),
        (["--spacing", "0.065", "--beams", "convex"], "give the apex"),
        (["--spacing", "0.065", "--beams", "linear", "--apex=-80,300"], "no apex"),
        (["--spacing", "0.065", "--scan-area", "missing.png"], "missing.png"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(options, message, tmp_path, capsys):
    rendered(LINEAR, tmp_path)
    arguments = ["analyze", str(tmp_path / "frame.png"), "--mask", str(tmp_path / "mask.png"), *options]
    try:
        code = main([*arguments, "--out", str(tmp_path / "out")])
    except SystemExit as error:
        code = error.code
    said = capsys.readouterr().err
    assert code == 2 and message in said and "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_the_scan_area_can_be_given_and_taken_away(tmp_path):
    case = rendered(CONVEX, tmp_path)
    frame = read_frame(tmp_path / "frame.png")
    found = with_said_geometry(frame, case.mass)
    overlap = np.count_nonzero(found.scan_area & case.frame.scan_area)
    assert overlap / np.count_nonzero(found.scan_area | case.frame.scan_area) > 0.99
    assert found.beams.apex == pytest.approx(case.frame.beams.apex, abs=3)
    assert with_said_geometry(found, case.mass, Said(scan_area="whole", beams="linear")).scan_area is None
    area = np.zeros(frame.shape, np.uint8)
    area[30:400, 100:500] = 255
    Image.fromarray(area).save(tmp_path / "area.png")
    given = with_said_geometry(frame, case.mass, Request(area_file=tmp_path / "area.png").said_of(frame.shape))
    np.testing.assert_array_equal(given.scan_area, area > 0)
    assert given.beams.kind == "linear" and "area.png" in given.warnings[-1] and str(tmp_path) not in given.warnings[-1]
    apex = with_said_geometry(frame, case.mass, Said(apex=(-50.0, 300.0))).beams
    assert apex.apex == (-50, 300)


@dataclass(frozen=True)
class Trained:
    """Of a bundle only what its field depends on."""

    rule: FieldRule
    classifier: Classifier


def test_only_a_network_for_whole_frames_can_look_at_the_scan_area_instead():
    known = Classifier("net", "0" * 64)
    frame, square = Trained(FieldRule(), known), Trained(FieldRule("square", 2.2), known)
    assert with_field(frame, None) is frame
    assert with_field(frame, "scan-area").rule == FieldRule("scan-area")
    with pytest.raises(InputError, match="net looks at a square"):
        with_field(square, "scan-area")
