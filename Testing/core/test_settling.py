"""One way to settle a case, whoever asks."""

import dataclasses

import numpy as np
import pytest

from BreastMassXAILib.core.calibration import CalibrationLine
from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.frame import Frame, Provenance, Spacing
from BreastMassXAILib.core.settling import Said, SpacingAssumption, settle, with_said_geometry, with_said_spacing

FILE = Spacing(0.05, 0.05, Provenance.DICOM_REGION)
UNKNOWN = Spacing.unknown()
LINES = (CalibrationLine(0, 0, 30, 0, 3.0),)


@pytest.fixture
def frame():
    return Frame(np.random.default_rng(0).integers(1, 255, (40, 50)).astype(np.float32), FILE)


@pytest.fixture
def mass():
    mask = np.zeros((40, 50), bool)
    mask[10:20, 15:30] = True
    return mask


@pytest.mark.parametrize(
    ("own", "said", "mm", "provenance"),
    [
        (FILE, Said(), 0.05, Provenance.DICOM_REGION),
        (FILE, Said(spacing=Spacing(0.2, 0.2, Provenance.ASSUMED), width_mm=40), 0.2, Provenance.ASSUMED),
        (FILE, Said(width_mm=40.0, lines=LINES), 0.8, Provenance.ASSUMED),
        (FILE, Said(lines=LINES), 0.1, Provenance.CALIBRATED),
        (FILE, Said(otherwise=SpacingAssumption(width_mm=40.0)), 0.05, Provenance.DICOM_REGION),
        (UNKNOWN, Said(otherwise=SpacingAssumption(width_mm=40.0)), 0.8, Provenance.ASSUMED),
        (UNKNOWN, Said(otherwise=SpacingAssumption((0.3, 0.3))), 0.3, Provenance.ASSUMED),
        (UNKNOWN, Said(), None, Provenance.UNKNOWN),
    ],
)
def test_what_is_said_goes_before_the_file_and_an_assumption_after_it(frame, own, said, mm, provenance):
    found = with_said_spacing(dataclasses.replace(frame, spacing=own), said)
    assert found.spacing.provenance is provenance
    assert found.spacing.row_mm == (None if mm is None else pytest.approx(mm))
    assert any("calibrat" in text.lower() for text in found.warnings) == (provenance is Provenance.CALIBRATED)


def test_a_given_scan_area_is_named_and_must_fit(frame, mass):
    area = np.ones((40, 50), bool)
    area[:, :5] = False
    found = with_said_geometry(frame, mass, Said(scan_area=area, area_notes=("The scan area was given (area.png).",)))
    np.testing.assert_array_equal(found.scan_area, area)
    assert found.warnings == ("The scan area was given (area.png).",)
    with pytest.raises(InputError, match="scan area"):
        with_said_geometry(frame, mass, Said(scan_area=area[1:]))
    assert with_said_geometry(found, mass, Said(scan_area="whole")).scan_area is None


def test_a_case_is_settled_as_a_whole(frame, mass):
    case = settle(frame, mass, Said(beams="convex", apex=(-50.0, 25.0)), label="benign", patient="7", view="left")
    assert (case.frame.beams.kind, case.frame.beams.apex) == ("convex", (-50.0, 25.0))
    assert (case.label, case.patient, case.view) == ("benign", "7", "left")
    with pytest.raises(InputError, match="empty"):
        settle(frame, np.zeros_like(mass))
