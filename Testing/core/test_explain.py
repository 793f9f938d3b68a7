"""From cells to an explanation: the identities of the method, the decision's rules, and the JSON."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from BreastMassXAILib.core.classifier import Classifier, NetworkOutput
from BreastMassXAILib.core.contributions import cell_coverage, contributions
from BreastMassXAILib.core.errors import InputError, SpacingError
from BreastMassXAILib.core.explain import explain
from BreastMassXAILib.core.field import Field, FieldRule
from BreastMassXAILib.core.frame import Case, Frame, MaskOrigin, Provenance, Source, Spacing
from BreastMassXAILib.core.measures import flat_row
from BreastMassXAILib.core.result import CaseResult, Settings
from BreastMassXAILib.core.warnings import UNCONFIRMED, saliency_outside
from BreastMassXAILib.core.words import in_words, summary

CLASSIFIER = Classifier("test", "0" * 64, threshold=0.4, temperature=1.5)
PIXELS = np.random.default_rng(0).integers(0, 255, (90, 120)).astype(np.float32)


def case(mass=None, spacing=None, **of_frame):
    if mass is None:
        mass = np.zeros(PIXELS.shape, bool)
        mass[30:50, 50:80] = True
    frame = Frame(PIXELS, spacing or Spacing(0.3, 0.25, Provenance.HEADER), **of_frame)
    return Case(frame, mass, Source("mask.png", "1" * 64))


def output(cells, bias=-0.3, field=None):
    cells = np.asarray(cells, np.float32)
    return NetworkOutput(float(cells.mean(dtype=float)) + bias, bias, cells, field or Field(0, 0, *PIXELS.shape))


def explained(cells, settings=None, of_case=None, **of_output):
    return explain(of_case or case(), output(cells, **of_output), CLASSIFIER, settings or Settings(), {"test": "1"})


fields = st.builds(Field, st.floats(-40, 40), st.floats(-40, 60), st.floats(45, 150), st.floats(45, 150))


@settings(max_examples=80, deadline=None)
@given(arrays(np.float32, (7, 9), elements=st.floats(-9, 9, width=32)), fields)
def test_contributions_and_bias_are_the_logit(cells, field):
    result = explained(cells, field=field).result
    assert result.cam_mean + result.bias == pytest.approx(result.logit, abs=1e-5)
    assert sum(result.contributions.values()) + result.bias == pytest.approx(result.logit, abs=1e-5)
    assert sum(result.area_fraction.values()) == pytest.approx(1)


def test_coverage_is_the_exact_share_of_each_cell():
    """Against counting pixels on a grid a hundred times finer."""
    labels = np.random.default_rng(1).integers(0, 4, (6, 8)).astype(np.uint8)
    field = Field(-1.25, 0.5, 6.0, 9.0)
    coverage = cell_coverage(labels, field, (3, 2))
    fine = 400
    rows = np.floor(field.row + (np.arange(3 * fine) + 0.5) / (3 * fine) * field.height).astype(int)
    columns = np.floor(field.column + (np.arange(2 * fine) + 0.5) / (2 * fine) * field.width).astype(int)
    inside = ((rows >= 0) & (rows < 6))[:, None] & ((columns >= 0) & (columns < 8))
    sampled = np.where(inside, labels[np.clip(rows, 0, 5)][:, np.clip(columns, 0, 7)], 0)
    for label in range(4):
        expected = (sampled == label).reshape(3, fine, 2, fine).mean(axis=(1, 3))
        np.testing.assert_allclose(coverage[label], expected, atol=0.005)
    assert set(contributions(np.ones((3, 2)), coverage)) == {"mass", "peritumoral", "below", "elsewhere"}


def with_extremes(row_max, column_max, row_min, column_min):
    cells = np.zeros((9, 12))
    cells[row_max, column_max], cells[row_min, column_min] = 4, -4
    return cells


def test_two_hits_in_two_regions():
    result = explained(with_extremes(3, 6, 8, 6)).result  # cells of 10 x 10 pixels: in the mass, and far below it
    assert result.extremes["max"].region == "mass"
    assert result.extremes["min"].region == "below"
    assert result.hits == {"mass": True, "peritumoral": False, "below": True, "any": True}
    assert result.extremes["max"].row_mm == pytest.approx(result.extremes["max"].row * 0.3)
    assert result.rule == "threshold"


def test_decision_is_suspended_when_the_map_points_at_nothing_relevant():
    result = explained(with_extremes(0, 0, 8, 0)).result
    assert (result.decision, result.rule) == ("suspended", "pointing-game")
    assert not result.hits["any"]


def test_grey_zone_suspends_and_says_so():
    cells = with_extremes(3, 6, 8, 6)
    plain = explained(cells).result
    zone = abs(plain.probability - plain.threshold) + 0.01
    result = explained(cells, Settings(grey_zone=zone)).result
    assert (result.decision, result.rule) == ("suspended", "grey-zone")
    assert plain.decision == ("malignant" if plain.probability >= 0.4 else "benign")


def test_threshold_belongs_to_malignant():
    exactly = Classifier("test", "0" * 64, threshold=0.5)
    cells = with_extremes(3, 6, 8, 6)
    result = explain(case(), output(cells - cells.mean(), bias=0.0), exactly, Settings(), {}).result
    assert result.probability == pytest.approx(0.5)
    assert result.decision == ("malignant" if result.probability >= 0.5 else "benign")


def test_a_flat_map_hits_nothing():
    explanation = explained(np.full((5, 5), 1.5))
    assert not any(explanation.result.hits.values())
    assert any("flat" in text for text in explanation.result.warnings)


def test_regions_that_the_field_cuts_are_named():
    warnings = explained(np.ones((4, 4)), field=Field(25, 45, 40, 40)).result.warnings
    assert any("cuts the region 'below'" in text for text in warnings)
    assert not any("cuts the region 'mass'" in text for text in warnings)


def test_assumed_spacing_travels():
    result = explained(np.ones((4, 4)), of_case=case(spacing=Spacing(0.2, 0.2, Provenance.ASSUMED))).result
    assert result.spacing_provenance == "assumed"
    assert any("assumption" in text for text in result.warnings)


def test_mass_at_the_border_is_said():
    mass = np.zeros(PIXELS.shape, bool)
    mass[:10, :10] = True
    assert any("border" in text for text in explained(np.ones((4, 4)), of_case=case(mass)).result.warnings)


def test_unknown_spacing_with_a_ring_is_refused_and_without_is_not():
    unknown = case(spacing=Spacing.unknown())
    with pytest.raises(SpacingError):
        explained(np.ones((4, 4)), of_case=unknown)
    result = explained(np.ones((4, 4)), Settings(ring_mm=0), unknown).result
    assert result.spacing_mm is None and result.extremes["max"].row_mm is None


@settings(max_examples=40, deadline=None)
@given(arrays(np.float32, (3, 3), elements=st.floats(-1e6, 1e6, width=32)), st.floats(0, 0.3), st.booleans())
def test_json_there_and_back_loses_nothing(cells, grey_zone, known):
    spacing = Spacing(0.1, 1 / 3, Provenance.DICOM_REGION) if known else Spacing.unknown()
    settings_ = Settings(ring_mm=5.0 if known else 0.0, grey_zone=grey_zone)
    of_case = case(spacing=spacing, source=Source("ä.png", "2" * 64), warnings=("odd",))
    result = explained(cells, settings_, of_case).result
    assert CaseResult.from_json(result.to_json()) == result
    assert CaseResult.from_dict(json.loads(result.to_json())) == result


@pytest.mark.parametrize("damage", [{"schema_version": 99}, {"extremes": None}, {"unheard": 1}])
def test_a_result_of_another_kind_is_refused(damage):
    data = {**explained(np.ones((2, 2))).result.to_dict(), **damage}
    with pytest.raises(InputError, match="result"):
        CaseResult.from_dict(data)
    with pytest.raises(InputError, match="JSON"):
        CaseResult.from_json("{")


@pytest.mark.parametrize(
    ("pixels", "word"),
    [
        (np.zeros((1, 1)), "too small"),
        (np.full((20, 20), 7), "constant"),
        (np.diag([np.nan, *range(19)]), "NaN"),
        (np.zeros((3, 4, 5)), "2D"),
    ],
)
def test_frames_that_cannot_be_explained(pixels, word):
    with pytest.raises(InputError, match=word):
        Frame(pixels, Spacing.unknown())


@pytest.mark.parametrize(
    ("mass", "word"),
    [
        (np.zeros((90, 120)), "empty"),
        (np.ones((90, 120)), "whole frame"),
        (np.eye(5), "5 x 5 pixels, the frame 120 x 90"),
    ],
)
def test_masks_that_cannot_be_explained(mass, word):
    with pytest.raises(InputError, match=word):
        case(mass.astype(bool))


@pytest.mark.parametrize("size", [0, -1, np.nan, np.inf, None])
def test_impossible_spacing_is_refused(size):
    with pytest.raises(SpacingError):
        Spacing(size, 0.1, Provenance.HEADER)


def half_scanned():
    """The lower half of the frame is no tissue."""
    area = np.ones(PIXELS.shape, bool)
    area[60:] = False
    return area


@pytest.mark.parametrize(("below", "warned"), [(0.1, False), (1.0, True)])
def test_saliency_outside_the_scan_area_is_a_warning(below, warned):
    cells = np.ones((9, 12)) + np.eye(9, 12)
    cells[6:] = -below
    result = explained(cells, of_case=case(scan_area=half_scanned())).result
    found = [text for text in result.warnings if "the network looks at what is no tissue" in text]
    assert bool(found) is warned
    if warned:
        assert re.match(r"\d\d % of the saliency lies outside the scan area", found[0])


def test_the_share_outside_is_that_of_the_absolute_values():
    saliency = np.ones(PIXELS.shape, np.float32)
    saliency[60:] = -3
    whole = Field(0, 0, *PIXELS.shape)
    assert saliency_outside(saliency, whole, half_scanned()) == pytest.approx(30 * 3 / (60 + 30 * 3))
    assert saliency_outside(saliency, Field(0, 0, 60, 120), half_scanned()) == 0
    assert saliency_outside(saliency, whole, None) == 0
    assert saliency_outside(np.zeros_like(saliency), whole, half_scanned()) == 0


def test_a_mass_outside_the_scan_area():
    mass = np.zeros(PIXELS.shape, bool)
    mass[50:70, 50:80] = True
    result = explained(np.eye(9, 12), of_case=case(mass, scan_area=half_scanned())).result
    assert "Part of the mass lies outside the scan area and is left out." in result.warnings
    mass[:60] = False
    with pytest.raises(InputError, match="The mass lies outside the scan area"):
        explained(np.eye(9, 12), of_case=case(mass, scan_area=half_scanned()))


def test_the_field_may_be_the_box_of_the_scan_area():
    area = np.zeros(PIXELS.shape, bool)
    area[10:70, 20:100] = True
    area[10, 20] = False
    mass = case().mass
    assert FieldRule("scan-area").field(mass, area) == Field(10, 20, 60, 80)
    assert FieldRule("scan-area").field(mass) == FieldRule().field(mass, area) == Field(0, 0, *PIXELS.shape)
    for kind, scale in (("scan-area", 2.0), ("square", None), ("circle", None)):
        with pytest.raises(InputError, match="field"):
            FieldRule(kind, scale)


def test_the_result_says_which_point_and_which_rule():
    spread = output(with_extremes(3, 6, 0, 0))
    spread = NetworkOutput(spread.logit, spread.bias, spread.cells, spread.field, disagreement=0.2)
    figures = {"limit": 5.0, "suspended": 0.1, "risk_of_all": 0.2, "risk_of_kept": 0.15}
    figures["gain_over_random"] = {"value": 0.05, "low": 0.01, "high": 0.09}
    suspension = {"rule": "confidence", "measured": {"on": "out of fold", "sensitive": {"confidence": figures}}}
    classifier = Classifier("m", "0" * 64, 0.5, 2.0, {"balanced": 0.5, "sensitive": 0.2}, suspension)
    chosen = Settings(operating_point="sensitive")
    result = explain(case(), spread, classifier, chosen, {}).result
    assert (result.operating_point, result.threshold) == ("sensitive", 0.2)
    assert (result.decision, result.rule) == ("suspended", "confidence")
    assert result.suspension["limit"] == 5.0 and "20.0% to 15.0% out of fold" in result.suspension["measured"]
    assert result.disagreement == 0.2 and 0 < result.evidence_inside < 1
    assert CaseResult.from_json(result.to_json()) == result
    assert "operating point sensitive" in summary(result) and "10 % least certain" in summary(result)
    never = explain(case(), spread, classifier, Settings(suspend="none"), {}).result
    assert never.decision in ("malignant", "benign") and never.operating_point == "balanced"
    assert (never.logit, never.contributions, never.hits) == (result.logit, result.contributions, result.hits)
    with pytest.raises(InputError, match="no operating point 'specific'"):
        explain(case(), spread, classifier, Settings(operating_point="specific"), {})


def test_evidence_inside_is_the_share_of_absolute_values():
    result = explained(with_extremes(3, 6, 0, 0)).result  # the maximum's cell in the mass, the minimum's outside
    assert result.evidence_inside == pytest.approx(0.5)
    assert explained(np.zeros((9, 12))).result.evidence_inside == 0


SINCE_3 = ("descriptors", "descriptors_missing", "lexicon", "terms", "exact", "energy", "check")


def test_results_of_the_first_schema_are_read():
    data = json.loads(explained(with_extremes(3, 6, 8, 6)).result.to_json())
    for name in ("operating_point", "disagreement", "evidence_inside", "suspension", *SINCE_3):
        del data[name]
    del data["mask"]["origin"]
    found = CaseResult.from_dict({**data, "schema_version": 1})
    assert found.schema_version == 3 and found.evidence_inside is None
    assert found.exact and found.energy is None and found.check is None
    assert found.suspension == {"rule": "paper", "limit": None, "measured": ""}


@pytest.mark.parametrize(
    ("source", "origin"), [({"file_name": "m.png", "sha256": "0" * 64}, "imported"), ({}, "drawn")]
)
def test_results_that_do_not_say_who_outlined_the_mass_are_read(source, origin):
    data = json.loads(explained(with_extremes(3, 6, 8, 6)).result.to_json())
    data["mask"] = {**source, "rows": 9, "columns": 12}
    assert CaseResult.from_dict({**data, "schema_version": 2}).mask == {"origin": origin, **data["mask"]}
    del data["mask"]
    with pytest.raises(InputError, match="cannot be read"):
        CaseResult.from_dict({**data, "schema_version": 2})


@pytest.mark.parametrize("origin", list(MaskOrigin))
def test_a_result_says_everywhere_who_outlined_the_mass(origin):
    of_case = replace(case(), mass_origin=origin)
    result = explained(with_extremes(3, 6, 8, 6), of_case=of_case).result
    assert result.mask["origin"] == flat_row(result.to_dict())["mask_origin"] == origin.value
    assert f"mask: {origin.value}" in summary(result) and f"mask {origin.value}" in in_words(result)
    assert (UNCONFIRMED in result.warnings) == (origin is MaskOrigin.AUTOMATIC)
