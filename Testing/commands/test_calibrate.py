"""``calibrate``: other thresholds on the very same weights, with every doubt told."""

import csv
import json

import numpy as np
import pytest

from BreastMassXAILib.cohorts.datasets import read_dataset
from BreastMassXAILib.commands.command_line import main
from BreastMassXAILib.network.bundle import load_bundle, training_images, write_training_images
from BreastMassXAILib.network.tensor_files import sha256_of
from BreastMassXAILib.readers.files import source_of
from BreastMassXAILib.resources import resource


def calibrate(data, out, *options):
    arguments = ("calibrate", data, "--out", out, "--assume-width", 40, "--progress", "none", *options)
    return main([str(word) for word in arguments])


@pytest.fixture(scope="module")
def local(small_cohort, tiny_models, tmp_path_factory):
    out = tmp_path_factory.mktemp("calibrated") / "local"
    assert calibrate(small_cohort, out, "--model", tiny_models / "fold1") == 0
    return out


def test_weights_and_backbone_stay_byte_for_byte(local, tiny_models):
    backbone = tiny_models / "backbones" / "resnet18-stage3.safetensors"
    assert (local / "backbone.safetensors").read_bytes() == backbone.read_bytes()
    weights = tiny_models / "fold1" / "weights.safetensors"
    assert (local / "weights.safetensors").read_bytes() == weights.read_bytes()
    before, after = (json.loads((folder / "model.json").read_text()) for folder in (tiny_models / "fold1", local))
    for name in ("architecture", "backbone", "weights", "field", "preprocessing", "training"):
        assert before[name] == after[name]
    assert after["calibration"]["of"] == {"name": "fold1", "sha256": sha256_of(tiny_models / "fold1" / "model.json")}
    assert after["name"] == "local" and after["temperature"] != before["temperature"]


def test_the_new_bundle_is_complete_and_used(local, small_cohort, tmp_path, capsys):
    bundle = load_bundle(local)
    points = bundle.description["operating_points"]
    assert points["balanced"]["threshold"] == bundle.classifier.threshold
    assert points["sensitive"]["threshold"] <= points["balanced"]["threshold"] <= points["specific"]["threshold"]
    record = read_dataset(small_cohort).records[10]
    frame = ["analyze", str(record.image), "--mask", str(record.mask), "--assume-width", "40", "--model", str(local)]
    for point in ("sensitive", "specific"):
        out = tmp_path / point
        assert main([*frame, "--operating-point", point, "--suspend", "none", "--out", str(out)]) == 0
        assert f"operating point {point}" in capsys.readouterr().out
        result = json.loads((out / "result.json").read_text())
        assert (result["operating_point"], result["threshold"]) == (point, points[point]["threshold"])
        called = result["probability"] >= points[point]["threshold"]
        assert result["decision"] == ("malignant" if called else "benign")
    evaluated = ["evaluate", str(small_cohort), "--assume-width", "40", "--model", str(local), "--pictures", "0"]
    assert main([*evaluated, "--operating-point", "specific", "--out", str(tmp_path / "e"), "--progress", "none"]) == 0
    with (tmp_path / "e" / "cases.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["status"] != "left out"]
    assert {row["operating_point"] for row in rows} == {"specific"}
    assert all(float(row["threshold"]) == pytest.approx(points["specific"]["threshold"]) for row in rows)
    rules = json.loads((tmp_path / "e" / "report.json").read_text())["models"][0]["suspension"]["rules"]
    assert rules.keys() == {"paper", "confidence", "outside"}  # one head: nothing disagrees
    assert "All rules, suspending the same share" in (tmp_path / "e" / "report.html").read_text()


def test_every_doubt_is_told(small_cohort, tiny_models, tmp_path, capsys):
    model = tmp_path / "model"
    model.mkdir()
    (model / "weights.safetensors").write_bytes((tiny_models / "tiny" / "weights.safetensors").read_bytes())
    (model / "backbone.safetensors").write_bytes(
        (tiny_models / "backbones" / "resnet18-stage3.safetensors").read_bytes()
    )
    description = json.loads((tiny_models / "tiny" / "model.json").read_text())
    assert calibrate(small_cohort, tmp_path / "a", "--model", tiny_models / "tiny") == 0
    said = capsys.readouterr().out
    assert "Only 24 cases: below 50" in said and "does not list its training images" in said
    assert "which flatters" in said and "95 % interval" in said and "Left out: f3.png" in said
    seen = [source_of(small_cohort / name).sha256 for name in ("f10.png", "f11.png", "f3.png")]
    description["training"]["images"] = write_training_images(model, [*seen, "a" * 64])
    (model / "model.json").write_text(json.dumps(description))
    assert training_images(model, description) >= {digest[:12] for digest in seen}
    assert calibrate(small_cohort, tmp_path / "b", "--model", model) == 0
    said = capsys.readouterr().out
    assert "2 of 24 cases are images that the model was trained on (f10.png, f11.png)" in said
    kept = json.loads((tmp_path / "b" / "model.json").read_text())
    assert training_images(tmp_path / "b", kept) == training_images(model, description)
    (model / "training-images.txt").write_text("0" * 12 + "\n")
    assert calibrate(small_cohort, tmp_path / "c", "--model", model) == 2
    assert "training-images.txt" in capsys.readouterr().err and not (tmp_path / "c").exists()


def test_what_cannot_be_done_ends_with_a_sentence(small_cohort, tiny_models, tmp_path, capsys):
    model = ("--model", tiny_models / "tiny")
    with (small_cohort / "manifest.csv").open(newline="") as file:
        head, *rows = list(csv.reader(file))
    one = tmp_path / "one.csv"
    with one.open("w", newline="") as file:
        listed = [[str(small_cohort / image), str(small_cohort / mask), *rest] for image, mask, *rest in rows]
        csv.writer(file).writerows([head, *(row for row in listed if row[2] == "benign")])
    record = read_dataset(small_cohort).records[10]
    frame = ("analyze", record.image, "--mask", record.mask, "--assume-width", 40, *model)
    for arguments, words in (
        (("calibrate", one, "--out", tmp_path / "out", *model), "needs malignant and benign cases"),
        (("calibrate", small_cohort, "--out", tmp_path / "out", *model), "pixel size"),
        ((*frame, "--operating-point", "sensitive", "--out", tmp_path / "out"), "no operating point 'sensitive'"),
        ((*frame, "--suspend", "confidence", "--out", tmp_path / "out"), "no limit for suspension by confidence"),
        (
            ("evaluate", small_cohort, "--assume-width", 40, *model, "--suspend", "outside", "--out", tmp_path / "out"),
            "no limit for suspension by outside",
        ),
    ):
        assert main([str(word) for word in arguments]) == 2
        said = capsys.readouterr().err
        assert words in said and "Traceback" not in said, said
        assert not (tmp_path / "out").exists()


def test_shipped_models_before_have_the_balanced_point_and_the_papers_rule():
    classifier = load_bundle(resource("Models", "busbra-frame")).classifier
    assert classifier.at("balanced") is classifier and classifier.suspended_by(None).kind == "paper"
    assert np.isfinite(classifier.threshold_logit)
