"""OASBUD's form, synthesised: echoes with a bright point at a known depth and line."""

import numpy as np
import pytest
from scipy.io import savemat

from BreastMassXAILib.cohorts.cases import read_case
from BreastMassXAILib.cohorts.datasets import read_dataset
from BreastMassXAILib.cohorts.oasbud import b_mode, read_oasbud
from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.frame import Provenance

SAMPLES, LINES = 1600, 510
POINT = (800, 300)
"""Sample and line of a strong reflector."""


def echoes(seed):
    """Speckle under a carrier of 10 MHz that weakens with depth, and a strong reflector."""
    generator = np.random.default_rng(seed)
    time = np.arange(SAMPLES)[:, None] / 40e6
    noise = generator.normal(size=(SAMPLES, LINES)) * 200 * np.exp(-np.arange(SAMPLES) / 600)[:, None]
    pulse = np.exp(-(((np.arange(SAMPLES)[:, None] - POINT[0]) / 40) ** 2)) * np.cos(2 * np.pi * 10e6 * time)
    aside = np.exp(-(((np.arange(LINES)[None] - POINT[1]) / 12) ** 2))
    return np.rint(noise + 8000 * pulse * aside).astype(np.int16)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    fields = ["id", "rf1", "rf2", "roi1", "roi2", "birads", "class"]
    data = np.zeros((1, 2), dtype=[(name, object) for name in fields])
    roi = np.zeros((SAMPLES, LINES), np.uint8)
    roi[700:900, 250:350] = 1
    for k, label in enumerate((1, 0)):
        data[0, k] = (f"10{k}", echoes(2 * k), echoes(2 * k + 1), roi, roi, "4a", label)
    path = tmp_path_factory.mktemp("oasbud") / "OASBUD.mat"
    savemat(path, {"data": data}, do_compression=True)
    return path


def test_two_views_of_each_lesion_with_true_spacing(file):
    data = read_dataset(file)
    assert data.name == "OASBUD" and not data.skipped and not data.notes
    assert [(r.identifier, r.label, r.patient, r.view) for r in data.records] == [
        ("001-1", "malignant", "100", "1"),
        ("001-2", "malignant", "100", "2"),
        ("002-1", "benign", "101", "1"),
        ("002-2", "benign", "101", "2"),
    ]
    case = read_case(data.records[0])
    row_mm, column_mm = case.frame.spacing.mm()
    assert case.frame.spacing.provenance is Provenance.HEADER
    assert row_mm == pytest.approx(4 * 1540e3 / (2 * 40e6)) and column_mm == pytest.approx(38 / 509)
    assert case.frame.shape == (400, 510)
    area = case.mass.sum() * row_mm * column_mm
    assert area == pytest.approx(200 * 0.01925 * 100 * 38 / 509, rel=0.02), "the mass keeps its size in mm"


def test_the_reflector_is_where_it_was_put(file):
    case = read_case(read_dataset(file).records[0])
    bright = case.frame.pixels >= 250
    rows, columns = np.nonzero(bright)
    assert rows.mean() * 4 + 1.5 == pytest.approx(POINT[0], abs=6) and columns.mean() == pytest.approx(POINT[1], abs=2)
    assert case.mass[bright].mean() > 0.95


def test_log_compression_spans_fifty_decibels():
    depth = np.arange(SAMPLES)[:, None]
    loud = np.where(np.arange(LINES) < 255, 1000.0, 1000.0 * 10 ** (-25 / 20))
    frame = b_mode(np.cos(2 * np.pi * depth / 4) * loud)
    left, right = np.median(frame.pixels[:, :200]), np.median(frame.pixels[:, 300:])
    assert left == 255 and right == pytest.approx(127.5, abs=1)


def test_frames_are_unpacked_once(file):
    first = read_oasbud(file)
    before = first.records[0].image.stat().st_mtime_ns
    assert read_oasbud(file).records == first.records
    assert first.records[0].image.stat().st_mtime_ns == before


def test_other_files_are_refused_and_leave_nothing(tmp_path):
    savemat(tmp_path / "other.mat", {"x": np.eye(3)})
    with pytest.raises(InputError, match="is not OASBUD"):
        read_oasbud(tmp_path / "other.mat")
    (tmp_path / "text.mat").write_text("hello")
    with pytest.raises(InputError, match="cannot be read as a MATLAB file"):
        read_oasbud(tmp_path / "text.mat")
    assert {path.name for path in tmp_path.iterdir()} == {"other.mat", "text.mat"}
    with pytest.raises(InputError, match="samples x lines"):
        b_mode(np.zeros(5))
