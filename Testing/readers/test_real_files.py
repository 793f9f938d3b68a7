"""Files of real devices, as they come with pydicom and the package pydicom-data; the figures were read off their tags.

Where the pictures show it, they were also checked against what is burnt in: a depth of 11 cm in the Philips file and of
19 cm in the SonoSite loop, and a distance that was measured on the device (see the Philips test).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest

from BreastMassXAILib.commands.command_line import main
from BreastMassXAILib.core.frame import Provenance
from BreastMassXAILib.core.regions import mask_box
from BreastMassXAILib.readers.cines import open_cine
from BreastMassXAILib.readers.dicom import regions_of

data_store = pytest.importorskip("data_store", reason="the package pydicom-data is not installed")
FOLDERS = (Path(data_store.__file__).parent / "data", Path(pydicom.__file__).parent / "data" / "test_files")

PHILIPS, ALOKA, SONOSITE = 0.2622878766196998, 0.3826530650258064, 0.5104970559477806
TABLE = {
    # file: (columns, rows, frames, mm, provenance, (first row, last row, first column, last column))
    "OBXXXX1A.dcm": (800, 600, 1, PHILIPS, "dicom-region", (60, 518, 120, 799)),
    "OBXXXX1A_expb.dcm": (800, 600, 1, PHILIPS, "dicom-region", (60, 518, 120, 799)),
    "OBXXXX1A_rle_2frame.dcm": (800, 600, 2, PHILIPS, "dicom-region", (60, 518, 120, 799)),
    "examples_palette.dcm": (800, 350, 1, PHILIPS, "dicom-region", (60, 349, 120, 799)),
    "gdcm-US-ALOKA-16.dcm": (640, 480, 1, ALOKA, "dicom-region", (24, 415, 32, 335)),
    "gdcm-US-ALOKA-16_big.dcm": (640, 480, 1, ALOKA, "dicom-region", (24, 415, 32, 335)),
    "color3d_jpeg_baseline.dcm": (640, 480, 120, SONOSITE, "dicom-region", (31, 414, 84, 595)),
    "examples_ybr_color.dcm": (320, 240, 30, None, "unknown", None),
    "JPGLosslessP14SV1_1s_1f_8b.dcm": (1024, 768, 1, 0.25476696592378157, "dicom-region", (38, 758, 14, 1010)),
    "examples_rgb_color.dcm": (320, 240, 1, None, "unknown", None),
    "US1_J2KR.dcm": (640, 480, 1, None, "unknown", None),
}


def find(name: str) -> Path:
    return next(folder / name for folder in FOLDERS if (folder / name).is_file())


@pytest.mark.parametrize("name", TABLE)
def test_a_real_file_gives_what_its_tags_say(name):
    if name.startswith("JPGLossless"):
        pytest.importorskip("gdcm", reason="JPEG lossless needs python-gdcm")
    columns, rows, frames, mm, provenance, box = TABLE[name]
    cine = open_cine(find(name))
    frame = cine.read(len(cine) - 1)
    assert (len(cine), frame.shape) == (frames, (rows, columns))
    assert frame.spacing.provenance.value == provenance
    if mm:
        assert frame.spacing.mm() == pytest.approx((mm, mm), rel=1e-12)
    if box is None:
        assert frame.scan_area is None
    else:
        found_rows, found_columns = mask_box(frame.scan_area)
        assert (found_rows.start, found_rows.stop - 1, found_columns.start, found_columns.stop - 1) == box


def test_the_scale_of_the_philips_file_agrees_with_the_distance_measured_on_the_device():
    """Burnt in: "Cist Mag 1.06 cm" between two crosses, and 11 cm of depth; the region ends at row 518."""
    path = find("OBXXXX1A.dcm")
    frame = open_cine(path).read(0)
    tissue = next(region for region in regions_of(path) if region.size_mm)
    assert (518 - tissue.zero_row) * frame.spacing.row_mm == pytest.approx(110, abs=1)
    lit = frame.pixels > 128
    centres = []
    for rows, columns in ((slice(280, 300), slice(450, 466)), (slice(292, 312), slice(493, 510))):
        # The arms of a cross are its longest lines, two pixels thick.
        along = np.flatnonzero(lit[rows, columns].sum(axis=1) >= 9).mean() + rows.start
        down = np.flatnonzero(lit[rows, columns].sum(axis=0) >= 9).mean() + columns.start
        centres.append((along, down))
    assert centres == [(290.5, 459.5), (301.5, 498.5)]
    assert np.hypot(*np.subtract(*centres)) * frame.spacing.row_mm == pytest.approx(10.6, abs=0.05)


def test_a_frame_made_smaller_after_calibration_has_no_millimetres():
    """`examples_ybr_color` is the SonoSite loop at half its size with its tags unchanged: 0.51 mm would be half."""
    frame = open_cine(find("examples_ybr_color.dcm")).read(0)
    whole = open_cine(find("color3d_jpeg_baseline.dcm")).read(0)
    assert np.abs(frame.pixels - whole.pixels[::2, ::2]).mean() < 4
    assert frame.spacing.provenance is Provenance.UNKNOWN
    assert any("made smaller after it was calibrated" in warning for warning in frame.warnings)


def test_power_doppler_is_told_from_the_colours_of_a_screen():
    doppler = open_cine(find("US1_J2KR.dcm")).read(0).warnings
    assert any("as colour Doppler does" in warning for warning in doppler)
    for name in ("OBXXXX1A.dcm", "gdcm-US-ALOKA-16.dcm", "color3d_jpeg_baseline.dcm"):
        warnings = open_cine(find(name)).read(0).warnings
        assert any("Coloured marks" in warning for warning in warnings), name


def test_the_right_half_of_a_dual_image_is_taken_where_the_mass_is():
    frame = open_cine(find("gdcm-US-ALOKA-16.dcm"), (slice(200, 240), slice(400, 460))).read(0)
    assert mask_box(frame.scan_area) == (slice(24, 416), slice(336, 640))
    assert frame.shown[:, :336].max() == 0 and frame.pixels[:, :336].max() > 0


def test_inspect_prints_a_row_for_each_file_and_names_nobody(capsys):
    files = [str(find(name)) for name in ("OBXXXX1A.dcm", "gdcm-US-ALOKA-16.dcm", "color3d_jpeg_baseline.dcm")]
    assert main(["inspect", *files]) == 0
    table = capsys.readouterr().out
    assert "800 x 600" in table and "0.2623 x 0.2623" in table and "120 (3.967 s)" in table
    assert main(["inspect", "--json", *files]) == 0
    text = capsys.readouterr().out
    assert [report["frames"] for report in json.loads(text)] == [1, 1, 120]
    for path in files:
        header = pydicom.dcmread(path, stop_before_pixels=True)
        for tag in ("PatientName", "PatientID", "InstitutionName"):
            value = str(header.get(tag) or "")
            assert not value or value not in table + text


def test_inspect_goes_on_after_a_file_that_is_refused(tmp_path, capsys):
    (tmp_path / "notes.dcm").write_text("BI-RADS 4a")
    assert main(["inspect", str(tmp_path / "notes.dcm"), str(find("OBXXXX1A.dcm"))]) == 2
    out, err = capsys.readouterr()
    assert "refused: notes.dcm" in out and "800 x 600" in out and "1 of 2 files" in err
