"""BUS-BRA's layout, on a folder made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from BreastMassXAILib.cohorts.datasets import read_busbra, read_dataset
from BreastMassXAILib.core.errors import InputError

TABLE = """ID,Case,Histology,Pathology,BIRADS,Device,Width,Height,Side,BBOX
bus_0001-l,1,invasive ductal carcinoma,malignant,4,GE Logiq 7 @10-14MHz,12,10,left,"[91,24,103,79]"
bus_0001-r,1,invasive ductal carcinoma,malignant,4,GE Logiq 7 @10-14MHz,12,10,right,"[102,24,82,79]"
bus_0007-s,7,cyst,benign,2,GE U-Systems,12,10,single,"[1,2,3,4]"
"""
FOLDS = """ID,Pathology,kFold,valid_1,valid_2
bus_0001-l,malignant,3,1,NaN
bus_0001-r,malignant,3,1,NaN
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bus_data.csv").write_text(TABLE)
    (tmp_path / "5-fold-cv.csv").write_text(FOLDS)
    for name in ("Images", "Masks"):
        (tmp_path / name).mkdir()
    for case in ("0001-l", "0001-r", "0007-s"):
        pixels = Image.fromarray(np.zeros((10, 12), np.uint8))
        pixels.save(tmp_path / "Images" / f"bus_{case}.png")
        pixels.save(tmp_path / "Masks" / f"mask_{case}.png")
    return tmp_path


def test_cases_with_their_files_truth_patient_view_and_partition(folder):
    records = read_busbra(folder)
    assert [record.identifier for record in records] == ["bus_0001-l", "bus_0001-r", "bus_0007-s"]
    assert [record.label for record in records] == ["malignant", "malignant", "benign"]
    assert [record.patient for record in records] == ["1", "1", "7"]
    assert [record.view for record in records] == ["left", "right", "single"]
    assert [record.partition for record in records] == [3, 3, None]
    assert records[2].image == folder / "Images" / "bus_0007-s.png"
    assert records[2].mask == folder / "Masks" / "mask_0007-s.png"


def test_without_the_partitions_table_there_are_no_partitions(folder):
    (folder / "5-fold-cv.csv").unlink()
    assert {record.partition for record in read_busbra(folder)} == {None}


def test_a_byte_order_mark_from_a_spreadsheet_does_no_harm(folder):
    (folder / "bus_data.csv").write_text(TABLE, encoding="utf-8-sig")
    assert len(read_busbra(folder)) == 3


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("bus_data.csv", None, "bus_data.csv is missing"),
        ("bus_data.csv", "", "lacks the column ID, Case, Pathology, Side"),
        ("bus_data.csv", TABLE.replace("Pathology", "Truth"), "lacks the column Pathology"),
        ("bus_data.csv", TABLE.replace("benign", "unsure"), "bus_0007-s the pathology 'unsure'"),
        ("bus_data.csv", TABLE + "bus_0008-s,8\n", "incomplete row: line 5"),
        ("5-fold-cv.csv", FOLDS.replace("kFold", "fold"), "5-fold-cv.csv lacks the column kFold"),
        ("5-fold-cv.csv", FOLDS.replace(",3,", ",three,"), "partition 'three'"),
        ("Masks/mask_0007-s.png", None, "1 of BUS-BRA's cases .* Masks/mask_0007-s.png .* is missing"),
    ],
)
def test_what_is_missing_or_wrong_is_named(folder, name, content, sentence):
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content)
    with pytest.raises(InputError, match=sentence):
        read_busbra(folder)


def test_a_case_with_a_missing_file_or_an_unknown_pathology_costs_itself_only(folder):
    (folder / "bus_data.csv").write_text(TABLE.replace("benign", "unsure", 1))
    (folder / "Masks" / "mask_0007-s.png").unlink()
    data = read_dataset(folder)
    assert len(data.records) + len(data.skipped) == 3 and data.records
    assert any("unsure" in entry.reason or "missing" in entry.reason for entry in data.skipped)


def test_no_folder(tmp_path):
    with pytest.raises(InputError, match="There is no folder"):
        read_busbra(tmp_path / "absent")
