"""`train` on a small folder in BUS-BRA's layout, with the shipped backbone."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from BreastMassXAILib.hosts.command_line import main
from BreastMassXAILib.network.bundle import load_bundle

PATIENTS = 14


@pytest.fixture(scope="module")
def busbra(tmp_path_factory):
    """Two frames a patient; the masses of one class are coarse, those of the other fine."""
    folder = tmp_path_factory.mktemp("busbra")
    (folder / "Images").mkdir()
    (folder / "Masks").mkdir()
    generator = np.random.default_rng(0)
    rows, folds = [], []
    for patient in range(1, PATIENTS + 1):
        pathology = "malignant" if patient % 2 else "benign"
        grain = 3 if patient % 2 else 9
        for side in "lr":
            name = f"bus_{patient:04d}-{side}"
            grey = np.kron(generator.integers(0, 255, (90 // grain, 90 // grain)), np.ones((grain, grain)))
            mask = np.zeros((90, 90), np.uint8)
            mask[30:60, 30:60] = 255
            Image.fromarray(grey.astype(np.uint8)).save(folder / "Images" / f"{name}.png")
            Image.fromarray(mask).save(folder / "Masks" / f"mask_{name[4:]}.png")
            box = "[30,30,30,30]"
            rows.append([name, patient, "", pathology, 4, "scanner", 90, 90, "left", box])
            folds.append([name, pathology, 5 if patient > PATIENTS - 4 else 1])
    columns = ["ID", "Case", "Histology", "Pathology", "BIRADS", "Device", "Width", "Height", "Side", "BBOX"]
    for file, header, table in (
        ("bus_data.csv", columns, rows),
        ("5-fold-cv.csv", ["ID", "Pathology", "kFold"], folds),
    ):
        with (folder / file).open("w", newline="") as stream:
            csv.writer(stream).writerows([header, *table])
    return folder


def train(busbra, out, *options):
    fast = ("--epochs", "2", "--variants", "2", "--progress", "none")
    return main(["train", str(busbra), "--out", str(out), *fast, *options])


def test_a_bundle_comes_out_with_its_numbers_on_frames_it_has_not_seen(busbra, tmp_path, capsys):
    assert train(busbra, tmp_path / "model") == 0
    assert "AUC per image" in capsys.readouterr().out
    bundle = load_bundle(tmp_path / "model")
    description = bundle.description
    assert bundle.classifier.name == "model"
    assert description["training"]["test_partition"] == 5
    assert description["metrics"]["per_image"]["n"] == 8 and description["metrics"]["per_case"]["n"] == 4
    assert "--fold 5" in description["training"]["command"]
    with (tmp_path / "model" / "predictions.csv").open() as file:
        predicted = {row["patient"] for row in csv.DictReader(file)}
    assert predicted == {str(patient) for patient in range(PATIENTS - 3, PATIENTS + 1)}
    low, high = description["metrics"]["per_image"]["auc_95"]
    assert low <= description["metrics"]["per_image"]["auc"] <= high


def test_bad_data_ends_with_a_sentence(busbra, tmp_path, capsys):
    for arguments, word in (((tmp_path / "none",), "no folder"), ((busbra, "--fold", "9"), "no partition 9")):
        assert train(arguments[0], tmp_path / "out", *arguments[1:]) == 2
        assert word in capsys.readouterr().err
        assert not (tmp_path / "out").exists()


def test_the_shipped_model_says_what_it_is():
    description = load_bundle().description
    assert description["training"]["data"]["name"] == "BUS-BRA"
    assert description["training"]["command"].startswith("breast-mass-xai train")
    for level in ("per_image", "per_case"):
        low, high = description["metrics"][level]["auc_95"]
        assert 0.5 < low < description["metrics"][level]["auc"] < high < 1
    assert json.dumps(description).isascii()
