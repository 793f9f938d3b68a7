"""The tables of a cohort against cohorts whose figures are known."""

import json
import math

import numpy as np
import pytest

from BreastMassXAILib.core.classifier import Classifier, NetworkOutput
from BreastMassXAILib.core.cohort import Cohort
from BreastMassXAILib.core.cohort_tables import classification, examples, pointing, report_tables, subset, suspension
from BreastMassXAILib.core.explain import explain
from BreastMassXAILib.core.field import FieldRule
from BreastMassXAILib.core.frame import Case, Frame, Provenance, Spacing
from BreastMassXAILib.core.measures import RING_SWEEP_MM, TOLERANCE_SWEEP_MM, flat_row, measures
from BreastMassXAILib.core.regions import REGIONS, RELEVANT
from BreastMassXAILib.core.result import Settings


def row(identifier, patient, label, probability, maximum="mass", minimum="elsewhere", share=0.25, **more):
    shares = {"mass": share, "peritumoral": 0.1, "below": 0.05}
    shares["elsewhere"] = 1 - sum(shares.values())
    return {
        "identifier": identifier,
        "patient": patient,
        "label": label,
        "probability": probability,
        "threshold": 0.5,
        "extremes_max_region": maximum,
        "extremes_min_region": minimum,
        "hits_any": maximum != "elsewhere" or minimum != "elsewhere",
        **{f"field_share_{name}": value for name, value in shares.items()},
        **{f"area_fraction_{name}": value / 2 for name, value in shares.items() if name != "elsewhere"},
        "area_fraction_elsewhere": 0.8,
        **more,
    }


def cohort(*rows):
    found = Cohort()
    for entry in rows:
        found.append(entry)
    return found


@pytest.fixture
def four():
    return cohort(
        row("a1", "a", "malignant", 0.9),
        row("a2", "a", "malignant", 0.3, "below", "peritumoral"),
        row("b1", "b", "benign", 0.2, "elsewhere", "elsewhere"),
        row("c1", "c", "benign", 0.6, "elsewhere", "mass"),
    )


def test_per_image_and_per_case(four):
    table = classification(four)
    image, case = table["image"], table["case"]
    assert (image["n"], image["malignant"], image["patients"]) == (4, 2, 3)
    assert image["auc"]["value"] == 0.75
    assert [image["model"][key]["value"] for key in ("accuracy", "sensitivity", "specificity")] == [0.5, 0.5, 0.5]
    z = (math.log(9) + math.log(3 / 7)) / 2
    assert (case["n"], case["malignant"]) == (3, 1)
    assert 1 / (1 + math.exp(-z)) > 0.6, "so the averaged views of a come before both benign cases"
    assert case["auc"]["value"] == 1 and case["corner"]["accuracy"]["value"] == 1
    assert case["model"]["accuracy"]["value"] == pytest.approx(2 / 3)


def test_table_2_counts_hits_and_chance(four):
    everything = pointing(four, subset(four, "all"))["regions"]
    assert {name: entry["either"]["value"] for name, entry in everything.items()} == {
        "mass": 0.5,
        "peritumoral": 0.25,
        "below": 0.25,
        "any": 0.75,
    }
    assert everything["mass"]["max"]["value"] == everything["mass"]["min"]["value"] == 0.25
    assert everything["mass"]["chance_in_field"] == {"one": 0.25, "either": pytest.approx(1 - 0.75**2)}
    assert everything["any"]["chance_in_field"]["one"] == pytest.approx(0.4)
    assert everything["any"]["chance_in_scan_area"]["either"] == pytest.approx(1 - 0.8**2)
    correct = pointing(four, subset(four, "correct"))
    assert correct["n"] == 2 and correct["regions"]["any"]["either"]["value"] == 0.5
    assert pointing(four, subset(four, "correct benign"))["regions"]["mass"]["either"]["value"] == 0


def test_random_points_hit_at_the_chance_level():
    generator = np.random.default_rng(1)
    regions = generator.choice(REGIONS, p=(0.6, 0.25, 0.1, 0.05), size=(4000, 2))
    many = cohort(
        *(row(str(k), str(k), ("benign", "malignant")[k % 2], 0.4, a, b) for k, (a, b) in enumerate(regions.tolist()))
    )
    for name, entry in pointing(many, subset(many, "all"))["regions"].items():
        chance = entry["chance_in_field"]
        assert entry["either"]["value"] == pytest.approx(chance["either"], abs=0.025), name
        assert entry["max"]["value"] == pytest.approx(chance["one"], abs=0.025), name


def test_suspension_that_knows_the_errors():
    """Explanations that miss exactly where the decision is wrong, and a confidence that knows nothing."""
    rows = []
    for k in range(40):
        wrong = k % 4 == 0
        where = "elsewhere" if wrong else "mass"
        rows.append(row(str(k), str(k), "benign" if wrong else "malignant", 0.6 + 0.001 * (k * 7 % 40), where))
    found = suspension(cohort(*rows))
    assert (found["suspended"], found["coverage"]) == (10, 0.75)
    assert found["risk_of_kept"]["value"] == 0 and found["risk_of_suspended"]["value"] == 1
    assert found["risk_of_all"]["value"] == 0.25
    random = found["risk_by_random_minus_by_explanation"]
    assert random["value"] == 0.25 and 0 < random["low"] < 0.25 < random["high"]
    assert found["risk_by_confidence_minus_by_explanation"]["value"] > 0.1
    areas = found["area_under_risk_coverage"]
    assert areas["explanation"] < areas["confidence"] and areas["random"] == pytest.approx(0.25)
    assert found["curves"]["explanation"]["risk"][-1] == 0.25


def test_examples_are_the_surest(four):
    found = examples(four, 1)
    assert found["Malignant, called so most surely"] == ["a1"] and found["Malignant, missed most surely"] == ["a2"]
    assert found["Benign, called malignant most surely"] == ["c1"] and found["Benign, called so most surely"] == []
    assert found["Suspended: the explanation points at none of the regions"] == ["b1"]


@pytest.mark.parametrize("label", ["malignant", "benign"])
def test_one_class_alone_is_reported_without_an_auc(label):
    tables = report_tables(cohort(*(row(str(k), str(k), label, 0.1 * k) for k in range(1, 9))))
    assert tables["table_1"]["image"]["auc"]["value"] is None and "roc" not in tables["table_1"]["image"]
    json.dumps(tables, allow_nan=False)


def test_classifier_alone_has_no_pointing_game():
    rows = [
        {"identifier": str(k), "patient": "p", "label": "benign", "probability": 0.1, "threshold": 0.5} for k in (1, 2)
    ]
    assert "table_2" not in report_tables(cohort(*rows))


def test_a_column_that_comes_late_is_empty_before():
    found = cohort({"identifier": "a", "patient": "a", "label": "benign"}, row("b", "b", "benign", 0.5))
    assert np.isnan(found["probability"][0]) and found["probability"][1] == 0.5


@pytest.fixture
def explained():
    generator = np.random.default_rng(2)
    mass = np.zeros((120, 150), bool)
    mass[40:60, 60:90] = True
    frame = Frame(generator.random((120, 150)) * 255, Spacing(0.2, 0.25, Provenance.HEADER))
    case = Case(frame, mass)
    cells = generator.normal(size=(7, 7)).astype(np.float32)
    field = FieldRule("square", 2.5).field(mass)
    output = NetworkOutput(float(cells.mean()), 0.0, cells, field)
    return case, explain(case, output, Classifier("m", "0" * 64), Settings(), {})


def test_measures_agree_with_the_result_and_with_brute_force(explained):
    case, explanation = explained
    found = measures(case, explanation)
    result = explanation.result
    rows, columns = np.indices(case.frame.shape)
    for which, point in result.extremes.items():
        assert found[f"{which}_region_ring_5mm"] == point.region
        for number, region in enumerate(RELEVANT, start=1):
            distance = np.hypot((rows - point.row) * 0.2, (columns - point.column) * 0.25)[explanation.labels == number]
            assert found[f"{which}_to_{region}_mm"] == pytest.approx(distance.min())
            assert (distance.min() == 0) == (point.region == region)
    field = result.field
    top, left = math.ceil(field["row"] - 0.5), math.ceil(field["column"] - 0.5)
    seen = explanation.labels[max(top, 0) : top + 75, max(left, 0) : left + 75]
    assert found["field_share_mass"] == pytest.approx((seen == 1).mean())
    shares = [found[f"field_share_any_ring_{width}mm"] for width in RING_SWEEP_MM]
    assert shares == sorted(shares) and found["field_share_any_ring_5mm"] == pytest.approx((seen > 0).mean())
    near = [found[f"field_share_within_{t:g}mm"] for t in TOLERANCE_SWEEP_MM]
    assert near == sorted(near) and near[0] == pytest.approx((seen > 0).mean())


def test_a_flat_map_hits_nothing_in_any_sweep(explained):
    case, _ = explained
    field = FieldRule("square", 2.5).field(case.mass)
    output = NetworkOutput(1.0, 0.0, np.ones((7, 7), np.float32), field)
    found = measures(case, explain(case, output, Classifier("m", "0" * 64), Settings(), {}))
    assert {found[f"max_region_ring_{width}mm"] for width in RING_SWEEP_MM} == {"elsewhere"}
    assert found["max_to_mass_mm"] == math.inf


def test_a_result_becomes_one_row(explained):
    flat = flat_row(explained[1].result.to_dict())
    assert flat["extremes_max_region"] in REGIONS and flat["spacing_row_mm"] == 0.2 and flat["cells"] == "7 | 7"
    assert not any(isinstance(value, (dict, list, tuple)) for value in flat.values())


def test_what_single_descriptors_separate():
    from BreastMassXAILib.core.cohort import Cohort
    from BreastMassXAILib.core.descriptor_tables import descriptor_table

    cohort = Cohort()
    for number in range(40):
        malignant = number % 2 == 1
        row = {
            "identifier": str(number),
            "patient": str(number // 2),
            "label": "malignant" if malignant else "benign",
            "descriptors_solidity": 0.9 - 0.1 * malignant,
            "descriptors_area_mm2": None if number < 4 else float(number),
        }
        cohort.append(row)
    solidity, area = descriptor_table(cohort)
    assert (solidity["name"], solidity["n"], solidity["auc"]["value"]) == ("solidity", 40, 0.0)
    assert (solidity["benign"], solidity["malignant"]) == pytest.approx((0.9, 0.8))
    assert area["n"] == 36 and 0.5 <= area["auc"]["value"] < 0.6
