"""``--method`` in analyze and evaluate: one decision, several explanations, and a table of all of them."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from BreastMassXAILib.commands.command_line import main
from BreastMassXAILib.core.regions import REGIONS
from BreastMassXAILib.core.result import CaseResult

METHODS = ("grad-cam:2", "cam", "hires-cam", "occlusion:4")


def result_of(folder):
    return CaseResult.from_json((folder / "result.json").read_text())


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def asked(small_cohort, tiny_models):
    frame = small_cohort / "f4.png"
    return ["analyze", frame, "--mask", frame.with_name("f4_m.png"), "--model", tiny_models / "tiny", "--spacing", 0.3]


@pytest.fixture(scope="module")
def analyzed(asked, tmp_path_factory):
    out = tmp_path_factory.mktemp("methods")
    options = [word for name in METHODS for word in ("--method", name)]
    assert main([*map(str, (*asked, *options, "--out", out / "several"))]) == 0
    assert main([*map(str, (*asked, "--out", out / "plain"))]) == 0
    return out


def test_the_first_method_is_the_results_own(analyzed):
    several, plain = result_of(analyzed / "several"), result_of(analyzed / "plain")
    assert several.method == "grad-cam:2" and plain.method == "cam"
    assert (several.logit, several.probability) == (plain.logit, plain.probability)
    assert not several.exact and several.contributions == {} and plain.exact
    assert sum(several.energy.values()) == pytest.approx(1) and set(several.energy) == set(REGIONS)
    assert not (analyzed / "plain" / "methods.csv").exists()


def test_the_table_has_a_row_a_method(analyzed):
    rows = {row["method"]: row for row in rows_of(analyzed / "several" / "methods.csv")}
    assert tuple(rows) == METHODS
    plain = result_of(analyzed / "plain")
    for name in ("cam", "hires-cam"):  # the same map by two ways
        row = rows[name]
        assert row["exact_sum"] == "1" and row["maximum_region"] == plain.extremes["max"].region
        assert float(row["contribution_mass"]) == pytest.approx(plain.contributions["mass"], abs=1e-4)
        assert float(row["energy_mass"]) == pytest.approx(plain.energy["mass"], abs=1e-4)
    assert rows["occlusion:4"]["exact_sum"] == "0" and rows["occlusion:4"]["contribution_mass"] == ""
    assert float(rows["occlusion:4"]["energy_mass"]) >= 0
    assert len({row["logit"] for row in rows.values()}) == 1


def test_the_picture_shows_a_map_a_method(analyzed):
    picture = np.asarray(Image.open(analyzed / "several" / "methods.png").convert("RGB")).astype(int)
    quarters = np.array_split(picture[150:500], 4, axis=1)
    for quarter in quarters:  # a frame with colours on it
        assert (np.ptp(quarter, axis=2) > 40).mean() > 0.01


def test_the_terminal_says_where_each_method_points(asked, tmp_path, capsys):
    options = ["--method", "grad-cam++", "--method", "cam", "--out", tmp_path / "out"]
    assert main([*map(str, (*asked, *options))]) == 0
    said = capsys.readouterr().out
    assert "share of evidence" in said and "do not add up to the logit" in said
    assert "method      maximum in" in said and "\n  cam " in said and "would hit" in said


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--method", "magic"], "There is no method 'magic': choose cam, grad-cam"),
        (["--method", "grad-cam:4"], "has the stages 1 to 3, and no stage 4"),
        (["--method", "cam", "--method", "cam"], "named twice"),
    ],
)
def test_bad_methods_end_with_a_sentence_and_nothing_written(asked, tmp_path, capsys, options, sentence):
    out = tmp_path / "out"
    assert main([*map(str, (*asked, *options, "--out", out))]) == 2
    said = capsys.readouterr().err.strip()
    assert sentence in said and said.count("\n") == 0
    assert not out.exists()


@pytest.fixture(scope="module")
def evaluated(small_cohort, tiny_models, tmp_path_factory):
    out = tmp_path_factory.mktemp("evaluate") / "out"
    options = ["--model", tiny_models / "tiny", "--assume-width", 40, "--pictures", 0, "--with-random"]
    methods = ["--method", "cam", "--method", "hires-cam", "--method", "grad-cam:1"]
    assert main([*map(str, ("evaluate", small_cohort, "--out", out, *options, *methods))]) == 0
    return out


def test_a_cohort_has_table_2_for_every_method(evaluated):
    (model,) = json.loads((evaluated / "report.json").read_text())["models"]
    cam, hires, early = model["methods"]
    assert [method["name"] for method in model["methods"]] == ["cam", "hires-cam", "grad-cam:1"]
    assert (cam["exact"], hires["exact"], early["exact"]) == (1, 1, 0)
    assert cam["table_2"]["correct"] == model["table_2"]["correct"] and cam["evidence"] == model["evidence"]
    for region in ("mass", "peritumoral", "below", "any"):
        one, same = (method["evidence"]["all"]["regions"][region] for method in (cam, hires))
        assert one["hits"]["either"]["value"] == same["hits"]["either"]["value"]
        assert one["energy"]["either"]["value"] == pytest.approx(same["energy"]["either"]["value"], abs=1e-3)
        assert one["chance"] == early["evidence"]["all"]["regions"][region]["chance"]
        assert 0 <= one["random_hits"]["either"]["value"] <= 1
    assert early["evidence"] != cam["evidence"]


def test_each_method_has_its_table_of_cases(evaluated):
    main_rows, early = rows_of(evaluated / "cases.csv"), rows_of(evaluated / "cases-grad-cam-1.csv")
    assert len(main_rows) == len(early) == 26
    assert (evaluated / "cases-hires-cam.csv").exists() and (evaluated / "cases-random-grad-cam-1.csv").exists()
    for one, other in zip(main_rows, early, strict=True):
        assert one["probability"] == other["probability"]
    assert {row["method"] for row in early} == {"grad-cam:1", ""}  # left out cases have none
    assert "contributions_mass" in main_rows[0] and "contributions_mass" not in early[0]


def test_the_report_shows_the_methods_side_by_side(evaluated):
    page = (evaluated / "report.html").read_text()
    assert "Other methods, the same decisions" in page and "Grad-CAM (stage 1)" in page and "Draelos" in page
    assert "By HiResCAM the maps point at one of the regions in" in page


def test_predictions_have_no_method(small_cohort, tmp_path, capsys):
    table = tmp_path / "p.csv"
    table.write_text("identifier,probability\nf0.png,0.5\n")
    options = ["--predictions", table, "--method", "occlusion", "--out", tmp_path / "o"]
    assert main([*map(str, ("evaluate", small_cohort, *options))]) == 2
    assert "--method need a model" in capsys.readouterr().err
