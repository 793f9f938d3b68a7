"""Labels in any spelling, and the one way from a record to a case."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from BreastMassXAILib.cohorts.cases import Cases, read_case
from BreastMassXAILib.cohorts.records import CaseRecord, label_of
from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.frame import Provenance, Spacing
from BreastMassXAILib.core.settling import SpacingAssumption


@pytest.mark.parametrize("text", ["malignant", " Malignant ", "M", "1", "cancer", "CANCER"])
def test_malignant_in_many_spellings(text):
    assert label_of(text) == "malignant"


@pytest.mark.parametrize("text", ["benign", "B", "0", "Non-malignant"])
def test_benign_in_many_spellings(text):
    assert label_of(text) == "benign"


@pytest.mark.parametrize("text", ["", "2", "probably", "unsure"])
def test_an_unknown_spelling_is_refused_with_the_known_ones(text):
    with pytest.raises(InputError, match=r"unknown. Accepted are malignant: malignant, .*; benign: benign"):
        label_of(text)


@pytest.fixture
def record(tmp_path, speckle, ellipse) -> CaseRecord:
    Image.fromarray(speckle).save(tmp_path / "a.png")
    Image.fromarray(ellipse).save(tmp_path / "a_mask.png")
    other = np.zeros_like(ellipse)
    other[30:33, 5:9] = True
    Image.fromarray(other).save(tmp_path / "a_mask_1.png")
    return CaseRecord(
        "a", tmp_path / "a.png", tmp_path / "a_mask.png", "benign", "p", "left", None, (tmp_path / "a_mask_1.png",)
    )


def test_several_masks_are_one_mass(record, ellipse):
    case = read_case(record)
    assert case.mass.sum() == ellipse.sum() + 12 and case.mass[31, 6]
    assert (case.label, case.patient, case.view) == ("benign", "p", "left")
    assert not case.frame.spacing.known


def test_the_record_knows_the_spacing_better_than_an_assumption(record):
    own = Spacing(0.1, 0.2, Provenance.HEADER)
    known = CaseRecord(**{**record.__dict__, "spacing": own})
    assumption = SpacingAssumption(width_mm=38)
    assert read_case(known, assumption).frame.spacing == own
    assumed = read_case(record, assumption).frame.spacing
    assert assumed.provenance is Provenance.ASSUMED and assumed.mm() == pytest.approx((38 / 56, 38 / 56))
    assert read_case(record, SpacingAssumption((0.1, 0.3))).frame.spacing.mm() == (0.1, 0.3)
    assert Cases([record], assumption)[0].frame.spacing == assumed


def test_a_missing_mask_is_named(record):
    with pytest.raises(InputError, match=r"none\.png"):
        read_case(CaseRecord(**{**record.__dict__, "mask": Path("none.png")}))
