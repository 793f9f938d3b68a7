"""The command ``sanity`` on small networks: out of fold, with and without labels."""

import csv
import json

import pytest

from BreastMassXAILib.commands.command_line import main


def test_a_labelled_cohort(tiny_models, small_cohort, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["sanity", small_cohort, "--model", tiny_models / "tiny", "--beside", tiny_models / "fold1"]
    words += ["--assume-width", 40, "--method", "cam", "--method", "grad-cam:2", "--out", out]
    assert main([str(word) for word in words]) == 0
    said = capsys.readouterr().out
    assert "24 cases of 13 patients; 2 left out" in said
    assert sorted(path.name for path in out.iterdir()) == ["sanity.csv", "sanity.json", "sanity.md", "sanity.png"]
    report = json.loads((out / "sanity.json").read_text())
    for method in ("cam", "grad-cam:2"):
        tests = report["methods"][method]["tests"]
        assert set(tests) >= {"independent", "cascading", "labels", "models", "frame", "outline", "deletion", "edges"}
        assert list(tests["cascading"]) == ["linear layer", "stage 3", "stage 2", "stage 1", "stem"]
        for what in tests["labels"].values():
            assert -1 <= what["rank"]["low"] <= what["rank"]["value"] <= what["rank"]["high"] <= 1
        assert tests["frame"]["gain 1.15"]["rank"]["value"] > tests["cascading"]["stem"]["rank"]["value"]
    assert report["methods"]["cam"]["tests"]["completeness"]["gap"]["mean"]["largest"] < 1e-4
    assert "regions" in report["methods"]["cam"]["tests"]["completeness"]
    assert "regions" not in report["methods"]["grad-cam:2"]["tests"]["completeness"]
    with (out / "sanity.csv").open() as file:
        assert {row["method"] for row in csv.DictReader(file)} == {"cam", "grad-cam:2"}
    assert len(report["data"]["left_out"]) == 2


def test_a_cohort_without_labels_says_what_was_left_out(tiny_models, small_cohort, tmp_path, capsys):
    with (small_cohort / "manifest.csv").open() as file:
        rows = list(csv.DictReader(file))
    table = small_cohort / "unlabelled.csv"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, ("image", "mask", "patient"), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows[9:15])
    out = tmp_path / "out"
    words = ["sanity", table, "--model", tiny_models / "tiny", "--assume-width", 40, "--out", out]
    assert main([str(word) for word in words]) == 0
    said = capsys.readouterr().out
    assert "were left out: they need 10 cases of either label" in said
    assert "Only 6 cases" in said
    report = json.loads((out / "sanity.json").read_text())
    assert "labels" not in report["methods"]["cam"]["tests"]
    assert report["data"]["labelled"] == 0
    assert report["methods"]["cam"]["tests"]["cascading"]["stem"]["rank"]["n"] == 6


def test_out_of_fold_needs_folds(tiny_models, small_cohort, tmp_path, capsys):
    words = ["sanity", small_cohort, "--model", tiny_models / "tiny", "--out-of-fold", "--out", tmp_path / "out"]
    assert main([str(word) for word in words]) == 2
    assert "names no test partition" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", [["--method", "magic"], ["--cases", "0"]])
def test_bad_options_are_refused(small_cohort, tmp_path, words):
    command = ["sanity", str(small_cohort), "--out", str(tmp_path / "out"), *words]
    try:
        assert main(command) == 2
    except SystemExit as error:
        assert error.code == 2
    assert not (tmp_path / "out").exists()
