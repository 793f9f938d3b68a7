"""Energy, what knows nothing of the image, and bootstraps of patients: by hand, and against brute force."""

import json
import math

import numpy as np
import pytest

from BreastMassXAILib.core.classifier import Classifier, NetworkOutput
from BreastMassXAILib.core.cohort import Cohort
from BreastMassXAILib.core.energy import GRID, UNSEARCHED, centre_region, energies, field_picture, unpacked
from BreastMassXAILib.core.evidence import average_mask, evidence_tables
from BreastMassXAILib.core.explain import explain
from BreastMassXAILib.core.field import Field
from BreastMassXAILib.core.frame import Case, Frame, Provenance, Spacing
from BreastMassXAILib.core.measures import flat_row, measures
from BreastMassXAILib.core.regions import REGIONS
from BreastMassXAILib.core.resampling import bootstrap_means
from BreastMassXAILib.core.result import Settings

WHOLE = Field(0, 0, 4, 4)
LABELS = np.array([[0, 0, 0, 0], [0, 1, 1, 0], [0, 2, 2, 0], [0, 3, 3, 0]], np.uint8)


def test_energy_by_hand():
    saliency = np.zeros((4, 4), np.float32)
    saliency[1, 1], saliency[0, 0], saliency[3, 1] = 3, 1, 4  # mass, elsewhere, below
    saliency[2, 2], saliency[3, 3] = -1.5, -0.5  # ring, elsewhere
    found = energies(saliency, LABELS, WHOLE, None)
    assert [found[f"energy_positive_{name}"] for name in REGIONS] == [1 / 8, 3 / 8, 0, 4 / 8]
    assert [found[f"energy_negative_{name}"] for name in REGIONS] == [0.25, 0, 0.75, 0]
    assert [found[f"energy_either_{name}"] for name in REGIONS] == [0.15, 0.3, 0.15, 0.4]


def test_energy_is_counted_where_extremes_are_searched():
    saliency = np.ones((4, 4), np.float32)
    scan_area = np.ones((4, 4), bool)
    scan_area[:, 0] = False
    field = Field(1, -2, 2, 5)  # rows 1 and 2, columns 0 to 2, of which the scan area leaves two
    found = energies(saliency, LABELS, field, scan_area)
    assert [found[f"energy_either_{name}"] for name in REGIONS] == [0, 0.5, 0.5, 0]
    assert all(math.isnan(found[f"energy_negative_{name}"]) for name in REGIONS), "there is nothing negative"
    nothing = np.zeros((4, 4), bool)
    found = energies(saliency, LABELS, field, nothing)
    assert [found[f"energy_either_{name}"] for name in REGIONS] == pytest.approx([2 / 6, 2 / 6, 2 / 6, 0])


def test_an_even_map_has_a_regions_share_of_the_field(speckle, ellipse):
    """The very pixels of the result's chance, whatever field and scan area."""
    scan_area = np.ones(speckle.shape, bool)
    scan_area[:, :20] = False
    frame = Frame(speckle.astype(np.float32), Spacing(0.5, 0.5, Provenance.HEADER), scan_area)
    case = Case(frame, ellipse & scan_area)
    output = NetworkOutput(2.0, 1.0, np.ones((3, 3), np.float32), Field(-3.3, 11.7, 35.1, 40.2))
    explanation = explain(case, output, Classifier("m", "0" * 64), Settings(), {})
    found = measures(case, explanation, sweep=False)
    for name in REGIONS:
        assert found[f"energy_positive_{name}"] == pytest.approx(explanation.result.chance[name], abs=1e-6), name
    assert found["mass_area_mm2"] == case.mass.sum() * 0.25


def test_centre_of_the_field():
    assert centre_region(LABELS, WHOLE) == "peritumoral"  # pixel (2, 2)
    assert centre_region(LABELS, Field(0, 0, 3, 3)) == "mass"
    assert centre_region(LABELS, Field(2, 1, 4, 2)) == "below", "the last row there is"
    assert centre_region(LABELS, Field(-9, -9, 10, 10)) == "elsewhere"


def test_small_picture_of_a_field():
    picture = unpacked(field_picture(LABELS, WHOLE, None))
    assert picture.shape == (GRID, GRID)
    assert (picture == np.kron(LABELS, np.ones((GRID // 4, GRID // 4)))).all()
    scan_area = np.ones((4, 4), bool)
    scan_area[0] = False
    picture = unpacked(field_picture(LABELS, Field(0, 0, 8, 4), scan_area))
    assert (picture[GRID // 2 :] == UNSEARCHED).all() and (picture[: GRID // 8] == UNSEARCHED).all()
    assert (picture[GRID // 8 : GRID // 4, GRID // 4 : 3 * GRID // 4] == 1).all()
    assert len(field_picture(LABELS, WHOLE, None)) < 300


def brute_force(values, groups, resamples, seed):
    """Draw patients with the same generator and average what their cases say, one draw after the other."""
    names = np.unique(groups)
    generator = np.random.default_rng(seed)
    draws = []
    for _ in range(resamples):
        drawn = names[generator.integers(len(names), size=len(names))]
        draws.append(np.nanmean(np.concatenate([values[groups == name] for name in drawn]), axis=0))
    return np.quantile(draws, [0.025, 0.975], axis=0)


def test_bootstrap_is_that_of_brute_force():
    generator = np.random.default_rng(3)
    groups = np.array([f"p{k}" for k in generator.integers(12, size=40)])
    values = generator.normal(size=(40, 3))
    values[generator.random((40, 3)) < 0.2] = np.nan
    found = bootstrap_means(values, groups, resamples=300, seed=5)
    low, high = brute_force(values, groups, 300, 5)
    assert [entry.low for entry in found] == pytest.approx(low)
    assert [entry.high for entry in found] == pytest.approx(high)
    assert [entry.value for entry in found] == pytest.approx(np.nanmean(values, axis=0))
    assert [entry.n for entry in found] == (~np.isnan(values)).sum(axis=0).tolist()


def test_bootstrap_in_parts_is_the_same(monkeypatch):
    values, groups = np.random.default_rng(0).normal(size=(30, 2)), np.arange(30) // 2
    whole = bootstrap_means(values, groups, resamples=100)
    monkeypatch.setattr("BreastMassXAILib.core.resampling._AT_ONCE", 15 * 7)
    assert np.allclose(bootstrap_means(values, groups, resamples=100), whole)


def test_bootstrap_interval_holds_the_truth_nineteen_times_in_twenty():
    """Four views of each of 60 patients that agree with each other: as wide as 60 patients warrant, not 240 views."""
    generator = np.random.default_rng(1)
    inside = 0
    for seed in range(200):
        views = np.repeat(generator.random(60) < 0.3, 4)[:, None]
        (found,) = bootstrap_means(views, np.arange(240) // 4, resamples=400, seed=seed)
        inside += found.low <= 0.3 <= found.high
    assert 0.9 <= inside / 200 <= 0.99


def test_bootstrap_of_nothing():
    (found,) = bootstrap_means(np.empty((0, 1)), np.empty(0))
    assert found.n == 0 and math.isnan(found.value)
    none, alike = bootstrap_means(np.array([[np.nan, 1], [np.nan, 1]]), np.array([0, 1]))
    assert none.n == 0 and math.isnan(none.value) and math.isnan(none.low)
    assert alike[:3] == (1, 1, 1)


def square(row, column, side=2):
    """A mass on the 8 x 8 pixels in the middle of a frame that the network sees."""
    mass = np.zeros((24, 24), bool)
    mass[8 + row : 8 + row + side, 8 + column : 8 + column + side] = True
    return mass


CELLS = np.zeros((8, 8), np.float32)
CELLS[3, 3], CELLS[0, 7] = 6.4, -3.2


def phantom(*cases, cells=CELLS):
    """A cohort of (patient, label, mass, probability); pixels and ring of 1 mm, a cell is a pixel."""
    cohort = Cohort()
    for number, (patient, label, mass, probability) in enumerate(cases):
        pixels = np.arange(mass.size, dtype=np.float32).reshape(mass.shape)
        case = Case(Frame(pixels, Spacing(1, 1, Provenance.HEADER)), mass)
        output = NetworkOutput(float(cells.mean()), 0.0, cells, Field(8, 8, 8, 8))
        explanation = explain(case, output, Classifier("m", "0" * 64), Settings(1.0), {})
        row = {"identifier": str(number), "patient": patient, "label": label, **flat_row(explanation.result.to_dict())}
        row |= {**measures(case, explanation, sweep=False), "probability": probability}
        cohort.append(row, field_picture(explanation.labels, output.field, None))
    return cohort


@pytest.fixture
def three():
    return phantom(
        ("a", "malignant", square(3, 3), 0.9),  # hit by the maximum
        ("a", "malignant", square(2, 2), 0.2),  # hit by the maximum, called wrong
        ("b", "benign", square(0, 6), 0.1),  # hit by the minimum
    )


def test_hits_chance_and_centre_by_hand(three):
    table = evidence_tables(three)["all"]
    mass = table["regions"]["mass"]
    assert (table["n"], table["patients"]) == (3, 2)
    assert [mass["hits"][point]["value"] for point in ("max", "min", "either")] == pytest.approx([2 / 3, 1 / 3, 1])
    assert mass["chance"] == {"one": pytest.approx(4 / 64), "either": pytest.approx(1 - (60 / 64) ** 2)}
    assert mass["hits_minus_chance"]["max"]["value"] == pytest.approx(2 / 3 - 4 / 64)
    assert mass["hits"]["max"]["low"] == 0 and mass["hits"]["max"]["high"] == 1, "a draw may be b twice, or a twice"
    # The centre is pixel (4, 4): in the first mass; 1.4 mm from the second, whose ring of 1 mm does not reach it.
    assert mass["centre"]["value"] == pytest.approx(1 / 3)
    correct = evidence_tables(three)["correct"]
    assert correct["n"] == 2 and correct["regions"]["mass"]["hits"]["max"]["value"] == 0.5


def test_average_mask_by_hand(three):
    """For the two of a it is b's mass, in the corner; for b it is the mean of a's two, whose peak is their overlap."""
    pointed, shares = average_mask(three)
    assert [REGIONS[int(number)] for number in pointed] == ["elsewhere", "elsewhere", "elsewhere"]
    assert shares["mass"].tolist() == [0, 0, 0] and shares["elsewhere"] == pytest.approx([1, 1, 1])
    cohort = phantom(
        ("a", "malignant", square(3, 3), 0.9),
        ("b", "malignant", square(2, 2), 0.9),
        ("c", "malignant", square(3, 3, 1), 0.9),
    )
    pointed, shares = average_mask(cohort)
    # a: b's 4 pixels and c's 1 at half weight each, (3, 3) in both and highest. Of these five halves the mass of a,
    # rows and columns 3 and 4, holds two; its ring of 1 mm holds (2, 3) and (3, 2); (2, 2) is elsewhere.
    assert [REGIONS[int(number)] for number in pointed] == ["mass", "mass", "mass"]
    assert [shares[name][0] for name in REGIONS] == pytest.approx([1 / 5, 2 / 5, 2 / 5, 0])
    # c: four of a, four of b, (3, 3) in both; the ring of that holds (2, 3), (3, 2), (4, 3), (3, 4); below is nothing.
    assert [shares[name][2] for name in REGIONS] == pytest.approx([2 / 8, 2 / 8, 4 / 8, 0])
    entry = evidence_tables(cohort)["all"]["regions"]["mass"]
    assert entry["average_mask"]["value"] == 1 and entry["hits_minus_average_mask"]["min"]["value"] == -1


def test_one_patient_has_no_average_mask():
    cohort = phantom(("a", "malignant", square(3, 3), 0.9), ("a", "benign", square(2, 2), 0.2))
    found = evidence_tables(cohort)
    assert found["all"]["regions"]["mass"]["average_mask"]["value"] is None
    json.dumps(found, allow_nan=False)


def test_random_weights_beside(three):
    elsewhere = np.zeros((8, 8), np.float32)
    elsewhere[7, 0], elsewhere[7, 7] = 1, -1
    masses = [("a", "malignant", square(3, 3)), ("a", "malignant", square(2, 2)), ("b", "benign", square(0, 6))]
    random = phantom(*((*case, 0.5) for case in masses), cells=elsewhere)
    found = evidence_tables(three, random)
    assert found["random"]
    entry = found["correct"]["regions"]
    assert entry["mass"]["random_hits"]["either"]["value"] == 0 and entry["mass"]["hits"]["either"]["value"] == 1
    # The minimum of the random network, (7, 7), lies below the mass of b.
    assert entry["any"]["random_hits"]["min"]["value"] == 0.5 == entry["any"]["random_energy"]["negative"]["value"]
    assert found["correct"]["n"] == 2, "what is correct is the model's to say"


def test_thirds_by_size_and_confidence():
    sides = [1, 2, 3, 1, 2, 3]
    probability = [0.6, 0.75, 0.95, 0.4, 0.25, 0.05]
    labels = ["malignant"] * 3 + ["benign"] * 3
    cases = zip("abcdef", labels, [square(3, 3, side) for side in sides], probability, strict=True)
    found = evidence_tables(phantom(*cases))
    parts = found["by_size"]["all"]
    assert [(part["low"], part["high"], part["n"]) for part in parts] == [(1, 1, 2), (4, 4, 2), (9, 9, 2)]
    assert [part["regions"]["mass"]["field_share"] for part in parts] == [1 / 64, 4 / 64, 9 / 64]
    energy = [part["regions"]["mass"]["energy"]["positive"]["value"] for part in parts]
    assert energy == [1, 1, 1], "all that is positive lies in the one pixel that all masses hold"
    parts = found["by_confidence"]["correct"]
    assert [part["n"] for part in parts] == [2, 2, 2]
    assert parts[0]["high"] == pytest.approx(math.log(0.6 / 0.4)) and parts[2]["low"] == pytest.approx(math.log(19))


def test_average_mask_is_that_of_brute_force():
    """Random masses of six patients with one to three frames each, against every other patient's mask in turn."""
    generator = np.random.default_rng(8)
    patients = [name for name in "abcdef" for _ in range(generator.integers(1, 4))]
    masses = [square(*generator.integers(0, 5, 2), side=int(generator.integers(1, 5))) for _ in patients]
    cohort = phantom(*((patient, "benign", mass, 0.1) for patient, mass in zip(patients, masses, strict=True)))
    pointed, shares = average_mask(cohort)
    seen = (slice(8, 16), slice(8, 16))
    for case, patient in enumerate(patients):
        others = [mass[seen] for other, mass in zip(patients, masses, strict=True) if other != patient]
        mean = np.mean(others, axis=0)
        labels = unpacked(cohort.pictures[case])[:: GRID // 8, :: GRID // 8]
        highest = labels[mean == mean.max()]
        assert pointed[case] in highest, "one of the pixels where most other patients' masses lie"
        for number, name in enumerate(REGIONS):
            assert shares[name][case] == pytest.approx(mean[labels == number].sum() / mean.sum()), (case, name)
