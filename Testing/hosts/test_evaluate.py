"""``evaluate`` from outside: every case is accounted for, whoever does the work gives the same figures."""

import csv
import json
import re

import pytest

from BreastMassXAILib.core.frame import Provenance
from BreastMassXAILib.core.result import Settings
from BreastMassXAILib.hosts.command_line import main
from BreastMassXAILib.network.bundle import load_bundle
from BreastMassXAILib.pipeline import analyze
from BreastMassXAILib.readers.datasets import SpacingAssumption, read_case, read_dataset

LEFT_OUT = {"f3.png", "f8.png"}


def run(data, out, *arguments):
    return main(["evaluate", *map(str, (data, "--out", out, "--pictures", 0, *arguments))])


def table(out, name="cases.csv"):
    with (out / name).open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def evaluated(small_cohort, tiny_models, tmp_path_factory):
    out = tmp_path_factory.mktemp("evaluate") / "out"
    models = [tiny_models / "tiny", tiny_models / "fold1"]
    arguments = ["--pictures", 1, "--model", models[0], "--model", models[1], "--assume-width", 40]
    assert run(small_cohort, out, *arguments) == 0
    return out


def test_every_case_is_accounted_for(evaluated):
    rows = table(evaluated)
    assert len(rows) == 26 and len({row["identifier"] for row in rows}) == 26
    left = {row["identifier"]: row["left_out_because"] for row in rows if row["status"] == "left out"}
    assert left.keys() == LEFT_OUT
    assert "damaged" in left["f3.png"] and "empty" in left["f8.png"]
    data = json.loads((evaluated / "report.json").read_text())["data"]
    assert (data["name"], data["listed"], data["evaluated"], len(data["left_out"])) == ("small", 26, 24, 2)


def test_a_row_is_what_one_case_alone_gives(evaluated, small_cohort, tiny_models):
    record = read_dataset(small_cohort).records[10]
    case = read_case(record, SpacingAssumption(width_mm=40))
    assert case.frame.spacing.provenance is Provenance.ASSUMED
    result = analyze(case, load_bundle(tiny_models / "tiny"), Settings()).result
    row = next(row for row in table(evaluated) if row["identifier"] == record.identifier)
    assert float(row["logit"]) == pytest.approx(result.logit, abs=1e-5)
    assert row["decision"] == result.decision and row["extremes_max_region"] == result.extremes["max"].region
    assert row["max_region_ring_5mm"] == result.extremes["max"].region
    assert float(row["contributions_mass"]) == pytest.approx(result.contributions["mass"], abs=1e-5)
    assert (row["frame_sha256"], row["model_sha256"]) == (result.frame["sha256"], result.model["sha256"])
    assert row["patient"] == "p5" and row["label"] == "malignant"
    distance = float(row[f"max_to_{result.extremes['max'].region}_mm"]) if result.hits["any"] else 0
    assert distance == 0 or row["extremes_max_region"] == "elsewhere"


def test_report_is_whole_and_needs_nothing_else(evaluated):
    page = (evaluated / "report.html").read_text()
    loaded = re.findall(r"""\b(?:src|href)\s*=\s*["']?([^"' >]*)""", page) + re.findall(r"url\(([^)]*)\)", page)
    assert all(place.startswith(("data:", "#")) for place in loaded), "nothing comes from elsewhere"
    assert "<script" not in page and "data:image/jpeg;base64," in page
    for words in ("Table 1", "Table 2", "By chance", "Calibration", "suspend", "Do better classifiers point better?"):
        assert words in page
    assert "trained on images of small itself" in page
    assert "breast-mass-xai evaluate" in page and "f3.png cannot be read" in page
    report = json.loads((evaluated / "report.json").read_text())
    assert [model["name"] for model in report["models"]] == ["tiny", "fold1"]
    for model in report["models"]:
        assert model["sha256"] in page
        assert {"table_1", "table_2", "calibration", "suspension", "ring_sweep", "tolerance_sweep"} <= model.keys()
        own = next(row for row in model["ring_sweep"] if row["ring_mm"] == 5)
        assert own["any"] == model["table_2"]["all"]["regions"]["any"]["either"]
        assert model["tolerance_sweep"][0]["any"] == own["any"]
    assert len(table(evaluated, "cases-2.csv")) == 26


def test_several_processes_give_the_same_table(evaluated, small_cohort, tiny_models, tmp_path):
    arguments = ("--model", tiny_models / "fold1", "--assume-width", 40)
    assert run(small_cohort, tmp_path / "two", *arguments, "--jobs", 2) == 0
    same(table(evaluated, "cases-2.csv"), table(tmp_path / "two"))


def test_a_cluster_gives_the_same_table(evaluated, small_cohort, tiny_models, tmp_path):
    distributed = pytest.importorskip("distributed")
    arguments = ("--model", tiny_models / "fold1", "--assume-width", 40)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, scheduler_port=0
    ) as cluster:
        assert run(small_cohort, tmp_path / "two", *arguments, "--dask", cluster.scheduler_address) == 0
    same(table(evaluated, "cases-2.csv"), table(tmp_path / "two"))


def same(first, second):
    """The same cases in the same order; floats may differ in the last digits with the number of threads."""
    for one, two in zip(first, second, strict=True):
        assert one.keys() == two.keys()
        for name, value in one.items():
            try:
                assert float(two[name]) == pytest.approx(float(value), abs=1e-5), name
            except ValueError:
                assert two[name] == value, name


def test_out_of_fold_sends_each_case_to_the_model_that_has_not_seen_it(small_cohort, tiny_models, tmp_path):
    models = ("--model", tiny_models / "fold1", "--model", tiny_models / "fold2")
    assert run(small_cohort, tmp_path / "o", *models, "--out-of-fold", "--assume-width", 40) == 0
    rows = [row for row in table(tmp_path / "o") if row["status"] == "evaluated"]
    assert {(row["partition"], row["model_name"]) for row in rows} == {("1", "fold1"), ("2", "fold2")}
    assert "itself" not in (tmp_path / "o" / "report.html").read_text()
    assert (
        run(small_cohort, tmp_path / "p", "--model", tiny_models / "fold2", "--out-of-fold", "--assume-width", 40) == 0
    )
    left = [row for row in table(tmp_path / "p") if "No model was given" in row["left_out_because"]]
    assert {row["left_out_because"] for row in left} == {"No model was given whose test partition is 1."}
    assert len(table(tmp_path / "p")) == 26


def test_predictions_instead_of_a_model(small_cohort, tmp_path, capsys):
    lines = [f"f{k}.png,{0.9 if k // 2 % 2 else 0.2}" for k in range(26) if k != 5]
    (tmp_path / "p.csv").write_text("identifier,probability\n" + "\n".join(lines) + "\n")
    assert run(small_cohort, tmp_path / "o", "--predictions", tmp_path / "p.csv") == 0
    report = json.loads((tmp_path / "o" / "report.json").read_text())
    model = report["models"][0]
    assert model["table_1"]["image"]["auc"]["value"] == 1 and "table_2" not in model
    assert [entry["identifier"] for entry in report["data"]["left_out"]] == ["f5.png"]
    (tmp_path / "p.csv").write_text("identifier,probability\nf1.png,1.2\n")
    assert run(small_cohort, tmp_path / "bad", "--predictions", tmp_path / "p.csv") == 2
    assert "no probability between 0 and 1" in capsys.readouterr().err and not (tmp_path / "bad").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--assume-width", 40, "--out-of-fold"), "test partition"),
        ((), "No case of small could be evaluated"),
        (("--assume-width", 40, "--dask", "tcp://127.0.0.1:9"), "no dask scheduler"),
    ],
)
def test_refusals(small_cohort, tiny_models, tmp_path, capsys, arguments, words):
    if "--dask" in arguments:
        pytest.importorskip("distributed")
    assert run(small_cohort, tmp_path / "o", "--model", tiny_models / "tiny", *arguments) == 2
    error = capsys.readouterr().err
    assert words in error and "Traceback" not in error and not (tmp_path / "o").exists()


def test_an_evaluation_is_replaced_only_when_forced(small_cohort, tmp_path, capsys):
    (tmp_path / "p.csv").write_text("identifier,probability\n" + "".join(f"f{k}.png,0.4\n" for k in range(26)))
    arguments = ("--predictions", tmp_path / "p.csv")
    assert run(small_cohort, tmp_path / "o", *arguments) == 0
    assert run(small_cohort, tmp_path / "o", *arguments) == 2
    assert "--force" in capsys.readouterr().err
    assert run(small_cohort, tmp_path / "o", *arguments, "--force") == 0
