"""``evaluate`` from outside: every case is accounted for, whoever does the work gives the same figures."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from BreastMassXAILib.cohorts.datasets import SpacingAssumption, read_case, read_dataset
from BreastMassXAILib.commands.command_line import main
from BreastMassXAILib.core.frame import Provenance
from BreastMassXAILib.core.measures import flat_row
from BreastMassXAILib.core.result import CaseResult, Settings
from BreastMassXAILib.network.bundle import load_bundle
from BreastMassXAILib.pipeline import analyze

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


def test_a_row_holds_everything_of_a_result(evaluated, small_cohort, tiny_models):
    record = read_dataset(small_cohort).records[10]
    case = read_case(record, SpacingAssumption(width_mm=40))
    result = analyze(case, load_bundle(tiny_models / "tiny"), Settings()).result
    row = next(row for row in table(evaluated) if row["identifier"] == record.identifier)
    for name, value in flat_row(result.to_dict()).items():
        assert name in row, name
        if isinstance(value, float):
            assert float(row[name]) == pytest.approx(value, abs=1e-4), name
        else:
            assert row[name] == ("" if value is None else str(value)), name
    assert result.terms == {}, "this model has none, so that they have no columns"
    left = set(CaseResult.__dataclass_fields__) - {"spacing_mm", "terms"}
    assert all(any(column == name or column.startswith(name + "_") for column in row) for name in left)


def test_report_is_whole_and_needs_nothing_else(evaluated):
    page = (evaluated / "report.html").read_text()
    loaded = re.findall(r"""\b(?:src|href)\s*=\s*["']?([^"' >]*)""", page) + re.findall(r"url\(([^)]*)\)", page)
    assert all(place.startswith(("data:", "#")) for place in loaded), "nothing comes from elsewhere"
    assert "<script" not in page and "data:image/jpeg;base64," in page
    for words in ("Table 1", "Table 2", "By chance", "Calibration", "suspend", "Do better classifiers point better?"):
        assert words in page
    for words in ("In short", "beat suspension at random?", "beat suspension by low confidence?", "models are too few"):
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


def test_evidence_beside_what_knows_nothing_of_the_image(evaluated, small_cohort, tiny_models, tmp_path):
    report = json.loads((evaluated / "report.json").read_text())
    for number, model in enumerate(report["models"], start=1):
        rows = [row for row in table(evaluated, f"cases{'-2' * (number - 1)}.csv") if row["status"] == "evaluated"]
        found = model["evidence"]["all"]
        assert (found["n"], model["evidence"]["random"]) == (24, False)
        for region in ("mass", "peritumoral", "below"):
            entry = found["regions"][region]
            hits = sum(row["extremes_max_region"] == region for row in rows) / 24
            assert entry["hits"]["max"]["value"] == pytest.approx(hits)
            assert entry["hits"]["either"] | {"low": 0, "high": 0} == pytest.approx(
                model["table_2"]["all"]["regions"][region]["either"] | {"low": 0, "high": 0}
            )
            energy = [float(row[f"energy_negative_{region}"]) for row in rows if row[f"energy_negative_{region}"]]
            assert entry["energy"]["negative"]["value"] == pytest.approx(sum(energy) / len(energy) if energy else None)
            assert entry["average_mask"]["n"] == 24
        assert sum(part["n"] for part in model["evidence"]["by_size"]["all"]) == 24
    page = (evaluated / "report.html").read_text()
    assert "beside what knows nothing of the image" in page and "--with-random adds" in page
    out = tmp_path / "random"
    arguments = ("--model", tiny_models / "tiny", "--with-random", "--assume-width", 40, "--jobs", 2)
    assert run(small_cohort, out, *arguments) == 0
    same(table(evaluated), table(out))
    (model,) = json.loads((out / "report.json").read_text())["models"]
    random = [row for row in table(out, "cases-random.csv") if row["status"] == "evaluated"]
    assert {row["model_name"] for row in random} == {"tiny with random weights"} and len(random) == 24
    assert model["evidence"]["random"]
    share = sum(row["extremes_min_region"] != "elsewhere" for row in random) / 24
    assert model["evidence"]["all"]["regions"]["any"]["random_hits"]["min"]["value"] == pytest.approx(share)
    assert "Random weights" in (out / "report.html").read_text()
    first = json.loads((evaluated / "report.json").read_text())["models"][0]["evidence"]
    assert first["all"]["regions"]["mass"]["hits"] == model["evidence"]["all"]["regions"]["mass"]["hits"]


def test_predictions_have_no_network_to_give_random_weights(small_cohort, tmp_path, capsys):
    table = tmp_path / "p.csv"
    table.write_text("identifier,probability\nf0.png,0.5\n")
    assert run(small_cohort, tmp_path / "out", "--predictions", table, "--with-random") == 2
    assert "no network" in capsys.readouterr().err and not (tmp_path / "out").exists()


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


def test_a_careless_manifest_costs_its_bad_rows_only(small_cohort, tiny_models, tmp_path):
    """Labels in other spellings, unknown labels, missing masks and images, a damaged image, an impossible spacing."""
    data = tmp_path / "data"
    shutil.copytree(small_cohort, data)
    labels = {"malignant": ["M", "Cancer", " 1 "], "benign": ["B", "0", "Benign"]}
    with (data / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows):
        row["label"] = labels[row["label"]][number % 3]
    rows[0]["label"] = "doubtful"
    rows[1]["mask"] = "nowhere.png"
    rows[2]["image"] = "gone.png"
    rows[4]["label"] = ""
    rows[5] |= {"spacing_row_mm": "40", "spacing_col_mm": "40"}
    with (data / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], "spacing_row_mm", "spacing_col_mm"])
        writer.writeheader()
        writer.writerows(rows)
    out = tmp_path / "out"
    assert run(data, out, "--model", tiny_models / "tiny", "--assume-width", 40) == 0
    left = {row["identifier"]: row["left_out_because"] for row in table(out) if row["status"] == "left out"}
    words = {
        "f0.png": "doubtful",
        "f1.png": "no file nowhere.png",
        "gone.png": "no file gone.png",
        "f3.png": "damaged",
        "f4.png": "label is missing",
        "f5.png": "millimetres per pixel",
        "f8.png": "empty",
    }
    assert left.keys() == words.keys() and all(words[name] in left[name] for name in words)
    kept = [row for row in table(out) if row["status"] == "evaluated"]
    assert len(kept) + len(left) == len(rows) == 26
    assert {row["label"] for row in kept} == {"malignant", "benign"}
    found = json.loads((out / "report.json").read_text())["data"]
    assert found["listed"] == found["evaluated"] + len(found["left_out"]) == 26


def test_one_class_alone_is_evaluated_without_an_auc(small_cohort, tiny_models, tmp_path):
    data = tmp_path / "benign"
    shutil.copytree(small_cohort, data)
    lines = (data / "manifest.csv").read_text().splitlines()
    (data / "manifest.csv").write_text("\n".join(line for line in lines if "malignant" not in line) + "\n")
    assert run(data, tmp_path / "o", "--model", tiny_models / "tiny", "--assume-width", 40) == 0
    page = (tmp_path / "o" / "report.html").read_text()
    assert "Only one class is present" in page and "No case of the manifest is malignant." in page


def test_a_mixture_of_known_and_unknown_pixel_sizes_keeps_its_columns(small_cohort, tiny_models, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(small_cohort, data)
    first, *lines = (data / "manifest.csv").read_text().splitlines()
    sizes = [",".join(("0.1", "0.1") if number > 9 else ("", "")) for number in range(len(lines))]
    text = [f"{first},spacing_row_mm,spacing_col_mm", *(f"{a},{b}" for a, b in zip(lines, sizes, strict=True))]
    (data / "manifest.csv").write_text("\n".join(text) + "\n")
    assert run(data, tmp_path / "o", "--model", tiny_models / "tiny", "--ring-mm", 0) == 0
    rows = {row["identifier"]: row for row in table(tmp_path / "o")}
    assert rows["f1.png"]["max_to_mass_mm"] == "" and float(rows["f20.png"]["max_to_mass_mm"]) >= 0
    sweep = json.loads((tmp_path / "o" / "report.json").read_text())["models"][0]["ring_sweep"]
    assert {row["any"]["n"] for row in sweep} == {16}


def command(data, out, *arguments):
    given = map(str, (data, "--out", out, "--pictures", 0, "--assume-width", 40, *arguments))
    return [sys.executable, "-m", "BreastMassXAILib", "evaluate", *given]


ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_stopped_evaluation_leaves_nothing(small_cohort, tiny_models, tmp_path, jobs):
    arguments = ("--model", tiny_models / "tiny", "--jobs", jobs, "--progress", "json")
    process = subprocess.Popen(
        command(small_cohort, tmp_path / "o", *arguments), stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    assert process.stderr is not None
    assert "progress" in process.stderr.readline()  # the first cases are in the table
    process.send_signal(signal.SIGTERM)
    rest = process.communicate(timeout=60)[1].splitlines()
    assert process.returncode == 128 + signal.SIGTERM and rest[-1] == "breast-mass-xai: Stopped; nothing was written."
    assert all(line.startswith("{") for line in rest[:-1])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limits there")
def test_a_full_disk_is_said_in_a_sentence_and_leaves_nothing(small_cohort, tiny_models, tmp_path):
    """A file size limit of the operating system stands for the full disk: the table cannot grow beyond 5 kB."""
    import resource

    done = subprocess.run(
        command(small_cohort, tmp_path / "o", "--model", tiny_models / "tiny"),
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000)),
    )
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
    assert "cannot be written in the output folder" in done.stderr and list(tmp_path.iterdir()) == []
