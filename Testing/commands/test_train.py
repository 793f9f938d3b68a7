"""`train` and `cross-validate` on a small folder in BUS-BRA's layout, with the shipped backbone."""

import csv
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from BreastMassXAILib.commands.command_line import main
from BreastMassXAILib.network.bundle import load_bundle, training_images
from BreastMassXAILib.readers.files import source_of
from BreastMassXAILib.resources import SHIPPED_MODELS, resource

PATIENTS = 15
FAST = ("--epochs", "2", "--field", "square", "--size", "64", "--progress", "none")


def write_busbra(folder, fold_of=lambda patient: (patient - 1) // 2 % 3 + 1, patients=PATIENTS):
    """Two frames a patient; the masses of one class are coarse, those of the other fine."""
    (folder / "Images").mkdir()
    (folder / "Masks").mkdir()
    generator = np.random.default_rng(0)
    rows, folds = [], []
    for patient in range(1, patients + 1):
        pathology = "malignant" if patient % 2 else "benign"
        grain = 3 if patient % 2 else 9
        for side in "lr":
            name = f"bus_{patient:04d}-{side}"
            grey = np.kron(generator.integers(0, 255, (90 // grain, 90 // grain)), np.ones((grain, grain)))
            grey = grey + generator.normal(0, 150, grey.shape)
            mask = np.zeros((90, 90), np.uint8)
            mask[30:60, 30:60] = 255
            Image.fromarray(grey.clip(0, 255).astype(np.uint8)).save(folder / "Images" / f"{name}.png")
            Image.fromarray(mask).save(folder / "Masks" / f"mask_{name[4:]}.png")
            box = "[30,30,30,30]"
            rows.append([name, patient, "", pathology, 4, "scanner", 90, 90, "left", box])
            folds.append([name, pathology, fold_of(patient)])
    columns = ["ID", "Case", "Histology", "Pathology", "BIRADS", "Device", "Width", "Height", "Side", "BBOX"]
    for file, header, table in (
        ("bus_data.csv", columns, rows),
        ("5-fold-cv.csv", ["ID", "Pathology", "kFold"], folds),
    ):
        with (folder / file).open("w", newline="") as stream:
            csv.writer(stream).writerows([header, *table])
    return folder


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """As in the processes that are started here: sums in another order would end in other last digits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def busbra(tmp_path_factory):
    return write_busbra(tmp_path_factory.mktemp("busbra"))


def run(command, data, out, *options):
    return main([command, str(data), "--out", str(out), *FAST, *options])


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def crossed(busbra, tmp_path_factory):
    out = tmp_path_factory.mktemp("crossed") / "cv"
    assert run("cross-validate", busbra, out, "--name", "tiny") == 0
    return out


def test_a_bundle_comes_out_with_its_numbers_on_frames_it_has_not_seen(busbra, tmp_path, capsys):
    assert run("train", busbra, tmp_path / "model", "--fold", "3") == 0
    assert "AUC per image" in capsys.readouterr().out
    bundle = load_bundle(tmp_path / "model")
    description = bundle.description
    assert bundle.classifier.name == "model"
    assert description["training"]["test_partition"] == 3
    assert description["metrics"]["per_image"]["n"] == 8 and description["metrics"]["per_case"]["n"] == 4
    command = description["training"]["command"]
    assert "--fold 3" in command and "--progress" not in command and "none" not in command
    rows = table(tmp_path / "model" / "predictions.csv")
    assert {row["patient"] for row in rows} == {"5", "6", "11", "12"} and {row["partition"] for row in rows} == {"3"}
    low, high = description["metrics"]["per_image"]["accuracy_95"]
    assert low <= description["metrics"]["per_image"]["accuracy"] <= high
    assert not list(tmp_path.glob("*unfinished*"))
    points = description["operating_points"]
    assert points.keys() == {"sensitive", "balanced", "specific"}
    assert points["balanced"]["threshold"] == description["threshold"] and points["sensitive"]["n"] > 0
    trained = training_images(tmp_path / "model", description)
    assert trained is not None and len(trained) == description["training"]["frames"]
    tested = {source_of(busbra / "Images" / f"{row['identifier']}.png").sha256[:12] for row in rows}
    assert not tested & trained


def test_a_cross_validation_measures_points_and_rules_out_of_fold(crossed):
    report = json.loads((crossed / "cross-validation.json").read_text())
    for folder, on in (("model", "out of fold"), ("fold-2", "on the other partitions")):
        description = load_bundle(crossed / folder).description
        assert description["suspension"]["measured"]["on"] == on
        assert description["suspension"]["measured"]["balanced"].keys() == {"paper", "confidence", "outside"}
        assert description["operating_points"].keys() == {"sensitive", "balanced", "specific"}
    final = json.loads((crossed / "model" / "model.json").read_text())
    assert final["operating_points"] == report["operating_points"]
    rows = table(crossed / "predictions.csv")
    called = [float(row["probability"]) >= float(row["threshold"]) for row in rows if row["label"] == "malignant"]
    assert final["operating_points"]["balanced"]["sensitivity"] == pytest.approx(np.mean(called))
    assert {row["points"] for row in rows} <= {"0.000000", "1.000000", "2.000000"} and rows[0]["disagreement"] == ""
    assert len(training_images(crossed / "model", final)) == 2 * PATIENTS


@pytest.mark.parametrize(
    "options",
    [
        ("--method", "linear-probe"),
        ("--method", "fine-tune", "--class-weights", "balanced"),
        ("--recipe", "guided", "--spacing", "0.2", "--batch", "12"),
        ("--field", "roi", "--margin-mm", "2", "--spacing", "0.2", "--start", "random"),
        ("--field", "frame", "--precision", "mixed"),
    ],
)
def test_every_way_of_training_gives_a_bundle_that_explains(busbra, tmp_path, options, capsys):
    assert run("train", busbra, tmp_path / "model", *options) == 0
    assert "no test partition" in capsys.readouterr().out
    image, mask = busbra / "Images" / "bus_0001-l.png", busbra / "Masks" / "mask_0001-l.png"
    arguments = ["analyze", str(image), "--mask", str(mask), "--spacing", "0.2", "--model", str(tmp_path / "model")]
    assert main([*arguments, "--out", str(tmp_path / "out"), "--progress", "none"]) == 0
    own = "fine-tune" in options or "guided" in options
    assert (tmp_path / "model" / "backbone.safetensors").is_file() == own
    assert load_bundle(tmp_path / "model").description["training"]["settings"]["epochs"] == 2


def test_every_case_is_predicted_once_by_a_network_that_has_not_seen_its_patient(crossed, busbra):
    rows = table(crossed / "predictions.csv")
    assert len({row["identifier"] for row in rows}) == len(rows) == 2 * PATIENTS
    report = json.loads((crossed / "cross-validation.json").read_text())
    assert report["data"]["listed"] == report["data"]["used"] + len(report["data"]["left_out"]) == 2 * PATIENTS
    assert [entry["partition"] for entry in report["partitions"]] == [1, 2, 3]
    for number in (1, 2, 3):
        fold = load_bundle(crossed / f"fold-{number}")
        assert fold.description["training"]["test_partition"] == number
        inside = [row for row in rows if row["partition"] == str(number)]
        assert fold.description["metrics"]["per_image"]["n"] == len(inside)
        # The bundle on the disk says of a case what the table says.
        from BreastMassXAILib.cohorts.datasets import read_busbra, read_case
        from BreastMassXAILib.network.cam import class_activation_map

        record = next(r for r in read_busbra(busbra) if r.identifier == inside[0]["identifier"])
        output = class_activation_map(fold, read_case(record))
        assert output.logit == pytest.approx(float(inside[0]["logit"]), abs=1e-3)
        probability = 1 / (1 + np.exp(-output.logit / fold.classifier.temperature))
        assert probability == pytest.approx(float(inside[0]["probability"]), abs=1e-3)
        assert float(inside[0]["threshold"]) == pytest.approx(fold.classifier.threshold, abs=1e-6)


def test_the_final_model_is_trained_on_all_cases_and_says_what_was_measured_out_of_fold(crossed):
    report = json.loads((crossed / "cross-validation.json").read_text())
    final = load_bundle(crossed / "model")
    assert final.classifier.name == "tiny" and final.description["training"]["frames"] == 2 * PATIENTS
    assert final.description["metrics"]["per_image"] == report["out_of_fold"]["per_image"]
    assert "had not seen its patient" in final.description["metrics"]["how"]
    fits = {row["fit"] for row in table(crossed / "training-log.csv")}
    assert {"fold-1", "fold-2", "fold-3"} <= fits


def test_a_pack_gives_the_figures_of_its_folder(crossed, busbra, tmp_path, capsys):
    pack = tmp_path / "data.pack"
    assert main(["pack", str(busbra), "--out", str(pack), "--progress", "none"]) == 0
    assert "30 cases" in capsys.readouterr().out
    assert run("cross-validate", pack, tmp_path / "cv", "--name", "tiny") == 0
    assert (tmp_path / "cv" / "predictions.csv").read_bytes() == (crossed / "predictions.csv").read_bytes()
    ours, theirs = (json.loads((f / "cross-validation.json").read_text()) for f in (tmp_path / "cv", crossed))
    assert ours["out_of_fold"] == theirs["out_of_fold"]
    small = tmp_path / "small.pack"
    options = ["--field", "square", "--scale", "1.5", "--quality", "90", "--size", "64", "--progress", "none"]
    assert main(["pack", str(busbra), "--out", str(small), *options]) == 0
    assert run("train", small, tmp_path / "model", "--fold", "3") == 2
    assert "crops for the field square of scale 1.5, not for square of scale 2.2" in capsys.readouterr().err
    assert run("train", small, tmp_path / "model", "--fold", "3", "--scale", "1.5") == 0


def test_the_final_model_can_be_the_mean_of_the_partitions(busbra, tmp_path):
    options = ("--recipe", "guided", "--spacing", "0.2", "--epochs", "1", "--repeats", "1", "--batch", "12")
    assert run("cross-validate", busbra, tmp_path / "cv", *options, "--final", "mean") == 0
    from safetensors.torch import load_file

    for file, name in (
        ("backbone.safetensors", "layer3.5.conv2.weight"),
        ("backbone.safetensors", "layer2.0.bn1.bias"),
        ("weights.safetensors", "linear.weight"),
        ("weights.safetensors", "heads.weight"),
    ):
        folds = [load_file(tmp_path / "cv" / f"fold-{k}" / file)[name].float() for k in (1, 2, 3)]
        mean = sum(folds) / 3
        assert not torch.equal(folds[0], folds[1])
        found = load_file(tmp_path / "cv" / "model" / file)[name]
        torch.testing.assert_close(found.float(), mean.to(found.dtype).float(), atol=1e-6, rtol=1e-3)
    final = load_bundle(tmp_path / "cv" / "model")
    assert final.description["training"]["final"] == "the mean of the weights of these networks"


def test_another_pack_of_the_same_name_is_noticed(busbra, tmp_path, capsys):
    pack, out = tmp_path / "d.pack", tmp_path / "cv"
    assert main(["pack", str(busbra), "--out", str(pack), "--progress", "none"]) == 0
    process = start("cross-validate", pack, out, "--progress", "json")
    for line in process.stderr:
        if "without partition 2" in line:
            process.send_signal(signal.SIGKILL)
            break
    assert process.wait() == -signal.SIGKILL
    assert main(["pack", str(busbra), "--out", str(pack), "--size", "80", "--force", "--progress", "none"]) == 0
    assert run("cross-validate", pack, out, "--resume") == 2
    assert "began with other data" in capsys.readouterr().err


def test_each_device_is_left_out_in_turn(tmp_path, capsys):
    """Every third patient on another device; one patient was seen on two, and is never on both sides."""
    write_busbra(tmp_path)
    table_file = tmp_path / "bus_data.csv"
    lines = table_file.read_text().splitlines()
    devices = [f"device {int(line.split(',')[1]) // 2 % 3}" for line in lines[1:]]
    devices[0] = "device 1"  # patient 1 has frames of device 0 and device 1
    lines[1:] = [line.replace("scanner", device) for line, device in zip(lines[1:], devices, strict=True)]
    table_file.write_text("\n".join(lines))
    options = ("--leave-out", "Device", "--final", "none", "--method", "linear-probe")
    assert run("cross-validate", tmp_path, tmp_path / "cv", *options) == 0
    said = capsys.readouterr().out
    report = json.loads((tmp_path / "cv" / "cross-validation.json").read_text())
    assert [entry["left_out"] for entry in report["partitions"]] == ["device 0", "device 1", "device 2"]
    assert all(entry["auc_95"] is not None and f"{entry['left_out']}: AUC" in said for entry in report["partitions"])
    frames = load_bundle(tmp_path / "cv" / "fold-1").description["training"]["frames"]
    assert frames == sum(device != "device 0" for device in devices) - 1  # but for patient 1's other frame


def test_a_cohort_is_explained_out_of_fold(crossed, busbra, tmp_path):
    out = tmp_path / "evaluated"
    options = ["--spacing", "0.2", "--out", str(out), "--pictures", "0", "--progress", "none"]
    assert main(["evaluate", str(busbra), "--model", str(crossed), "--out-of-fold", *options]) == 0
    rows = {row["identifier"]: row for row in table(out / "cases.csv")}
    predicted = {row["identifier"]: row for row in table(crossed / "predictions.csv")}
    assert rows.keys() == predicted.keys()
    for name, row in rows.items():
        assert float(row["probability"]) == pytest.approx(float(predicted[name]["probability"]), abs=2e-3)


def start(command, data, out, *options, **changes):
    program = [sys.executable, "-m", "BreastMassXAILib", command, str(data), "--out", str(out), *FAST, *options]
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2] / "BreastMassXAI"),
        "OMP_NUM_THREADS": "1",
        **changes,
    }
    return subprocess.Popen(program, env=environment, stderr=subprocess.PIPE, text=True)


def test_a_run_that_was_killed_goes_on_to_the_same_result(crossed, busbra, tmp_path):
    """Killed without warning, in an epoch of the second fold."""
    out = tmp_path / "cv"
    process = start("cross-validate", busbra, out, "--name", "tiny", "--progress", "json")
    for line in process.stderr:
        if "without partition 2, epoch 2" in line:
            process.send_signal(signal.SIGKILL)
            break
    assert process.wait() == -signal.SIGKILL
    assert not out.exists() and (tmp_path / "cv.unfinished").is_dir()
    assert run("cross-validate", busbra, out, "--name", "tiny") == 2  # neither --resume nor --force
    assert run("cross-validate", busbra, out, "--name", "tiny", "--resume", "--seed", "1") == 2  # another request
    assert run("cross-validate", busbra, out, "--name", "tiny", "--resume") == 0
    for name in ("cross-validation.json", "predictions.csv", "training-log.csv"):
        ours, theirs = (folder / name for folder in (out, crossed))
        if name.endswith(".json"):
            ours, theirs = (json.loads(path.read_text()) for path in (ours, theirs))
            ours.pop("command"), theirs.pop("command")
            assert ours == theirs
        else:
            assert ours.read_bytes() == theirs.read_bytes()
    for part in ("fold-1", "fold-2", "fold-3", "model"):
        file = Path(part) / "weights.safetensors"
        assert (out / file).read_bytes() == (crossed / file).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cv"]


def test_data_that_have_changed_are_noticed(tmp_path, capsys):
    write_busbra(tmp_path)
    out = tmp_path / "cv"

    def interrupted():
        process = start("cross-validate", tmp_path, out, "--progress", "json")
        for line in process.stderr:
            if "without partition 2, epoch 1" in line:
                process.send_signal(signal.SIGKILL)
                return process.wait()
        return None

    assert interrupted() == -signal.SIGKILL
    mask = tmp_path / "Masks" / "mask_0004-l.png"
    Image.fromarray(np.roll(np.array(Image.open(mask)), 20, axis=0)).save(mask)
    assert run("cross-validate", tmp_path, out, "--resume") == 2
    assert "began with other data" in capsys.readouterr().err
    assert run("cross-validate", tmp_path, out, "--force") == 0


def test_an_older_result_is_replaced_and_what_is_not_ours_is_seen_first(busbra, tmp_path, capsys):
    out = tmp_path / "model"
    assert run("train", busbra, out, "--fold", "3") == 0
    (out / "thesis.txt").write_text("mine")
    assert run("train", busbra, out, "--force") == 2
    assert "thesis.txt" in capsys.readouterr().err and not (tmp_path / "model.unfinished").exists()
    (out / "thesis.txt").unlink()
    assert run("train", busbra, out, "--force") == 0
    assert not (out / "predictions.csv").exists()


def test_options_of_before_are_understood_and_said_to_do_nothing(busbra, tmp_path, capsys):
    options = ("--method", "linear-probe", "--variants", "1", "--patience", "3")
    assert run("train", busbra, tmp_path / "model", *options) == 0
    said = capsys.readouterr().out
    assert "--variants has no effect any more" in said and "--patience has no effect any more" in said


def test_training_without_a_test_needs_no_partitions(tmp_path):
    write_busbra(tmp_path, lambda patient: 1)
    assert run("train", tmp_path, tmp_path / "model") == 0
    assert run("train", tmp_path, tmp_path / "other", "--fold", "1") == 2


def test_an_interrupt_says_how_to_go_on(busbra, tmp_path):
    process = start("train", busbra, tmp_path / "model", "--epochs", "500", "--progress", "json")
    said = []
    for line in process.stderr:
        said.append(line)
        if "epoch 2" in line:
            process.send_signal(signal.SIGTERM)  # as a Stop button sends it
            break
    said += process.stderr.readlines()
    assert process.wait() == 128 + signal.SIGTERM
    assert "go on with the same command and --resume" in said[-1] and "Traceback" not in "".join(said)
    assert not (tmp_path / "model").exists()


def test_two_processes_compute_what_one_computes(crossed, busbra, tmp_path):
    """PyTorch's own launcher, with gloo."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    arguments = ["-m", "BreastMassXAILib", "cross-validate", str(busbra), "--out", str(tmp_path / "cv"), *FAST]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "BreastMassXAI"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*launcher, *arguments, "--name", "tiny"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Models:") == 1
    ours, theirs = table(tmp_path / "cv" / "predictions.csv"), table(crossed / "predictions.csv")
    for one, two in zip(ours, theirs, strict=True):
        assert one["identifier"] == two["identifier"]
        assert float(one["logit"]) == pytest.approx(float(two["logit"]), abs=0.02)


def test_a_problem_of_the_first_process_ends_all(busbra, tmp_path):
    (tmp_path / "cv").mkdir()
    (tmp_path / "cv" / "thesis.txt").write_text("mine")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    arguments = ["-m", "BreastMassXAILib", "cross-validate", str(busbra), "--out", str(tmp_path / "cv"), *FAST]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "BreastMassXAI"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*launcher, *arguments], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0 and "exists already" in done.stderr
    assert "Watchdog" not in done.stderr and "unexpected fault" not in done.stderr


def test_bad_data_ends_with_a_sentence(busbra, tmp_path, capsys):
    mixed, lacking = tmp_path / "mixed", tmp_path / "lacking"
    for folder in (mixed, lacking):
        folder.mkdir()
    write_busbra(lacking, lambda patient: 1 if patient % 2 else patient // 2 % 2 + 1)
    write_busbra(mixed)
    rows = (mixed / "5-fold-cv.csv").read_text().splitlines()
    rows[1] = rows[1][:-1] + "2"  # one frame of the first patient
    (mixed / "5-fold-cv.csv").write_text("\n".join(rows))
    for command, arguments, word in (
        ("train", (tmp_path / "none",), "no data set"),
        ("train", (busbra, "--fold", "9"), "no partition 9, only 1, 2, 3"),
        ("cross-validate", (mixed,), "The patient 1 is in the partitions 2 and 1"),
        ("cross-validate", (lacking,), "The partition 2 has no malignant case"),
        ("train", (busbra, "--backbone", "resnet99"), "resnet99"),
        ("train", (busbra, "--first-stage", "4"), "--first-stage can be 3 at most"),
        ("train", (busbra, "--recipe", "guided"), "Training with --energy needs the regions"),
        ("cross-validate", (busbra, "--leave-out", "hospital"), "have no 'hospital' to leave out"),
        ("cross-validate", (busbra, "--leave-out", "device"), "All cases have the same 'device'"),
        ("train", (busbra, "--learning-rate", "1e30"), "Lower --learning-rate"),
        ("train", (busbra, "--field", "roi"), "measured in mm, but the pixel size is unknown"),
        ("cross-validate", (busbra, "--folds", "9"), "no"),
    ):
        assert run(command, arguments[0], tmp_path / "out", *arguments[1:]) == 2
        said = capsys.readouterr().err
        assert word in said and "Traceback" not in said, said
        assert not (tmp_path / "out").exists()
        shutil.rmtree(tmp_path / "out.unfinished", ignore_errors=True)


def test_damaged_images_are_counted_with_their_reason(tmp_path, capsys):
    write_busbra(tmp_path)
    (tmp_path / "Images" / "bus_0003-l.png").write_bytes(b"\x89PNG, but no more")
    Image.fromarray(np.zeros((90, 90), np.uint8)).save(tmp_path / "Masks" / "mask_0008-r.png")
    assert run("cross-validate", tmp_path, tmp_path / "cv", "--final", "none") == 0
    said = capsys.readouterr().out
    assert f"{2 * PATIENTS - 2} of {2 * PATIENTS} cases, 2 left out" in said
    assert "Left out: bus_0003-l: " in said and "Left out: bus_0008-r: " in said
    report = json.loads((tmp_path / "cv" / "cross-validation.json").read_text())
    assert report["data"]["used"] + len(report["data"]["left_out"]) == report["data"]["listed"]
    assert not (tmp_path / "cv" / "model").exists()
    assert main(["evaluate", str(tmp_path), "--model", str(tmp_path / "cv"), "--out", str(tmp_path / "out")]) == 2
    assert "evaluate it with --out-of-fold" in capsys.readouterr().err


def test_a_full_disk_ends_with_a_sentence(busbra, tmp_path):
    """The size of a file is limited where a small full disk cannot be made."""
    command = [sys.executable, "-m", "BreastMassXAILib", "train", str(busbra), "--out", str(tmp_path / "m"), *FAST]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "BreastMassXAI")}
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 40; exec {shlex.join(command)}"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 2, done.stderr
    assert "cannot be" in done.stderr and "Traceback" not in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "m").exists()


def test_another_finished_result_is_not_overwritten(crossed, busbra, capsys):
    before = time.time()
    assert run("cross-validate", busbra, crossed) == 2
    assert "--force" in capsys.readouterr().err
    assert (crossed / "cross-validation.json").stat().st_mtime < before


@pytest.mark.parametrize("name", SHIPPED_MODELS)
def test_a_shipped_model_says_what_it_is(name):
    bundle = load_bundle(resource("Models", name))
    description = bundle.description
    assert bundle.classifier.name == name and description["training"]["frames"] == 1875
    assert description["training"]["data"]["name"] == "BUS-BRA"
    assert description["training"]["command"].startswith("breast-mass-xai cross-validate BUSBRA")
    assert "had not seen its patient" in description["metrics"]["how"]
    for level in ("per_image", "per_case"):
        low, high = description["metrics"][level]["auc_95"]
        assert 0.5 < low < description["metrics"][level]["auc"] < high < 1
    assert json.dumps(description).isascii()
    assert (bundle.rule.kind == "frame") == (name in ("busbra-frame", "busbra-paper"))
    assert (bundle.network.architecture.heads == 8) == (name in ("busbra", "busbra-outline"))
    assert bool(bundle.classifier.terms) == (name == "busbra-outline")
