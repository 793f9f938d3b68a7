"""``train-outline`` on a small cohort: what it writes is what was measured, and what it refuses."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from BreastMassXAILib.analyses.outline_scores import OutlineScore, card, least_confidence, prompts_for
from BreastMassXAILib.commands.command_line import main


def train_outline(data, out, *options):
    arguments = ("train-outline", data, "--out", out, "--progress", "none", "--size", 64, "--epochs", 1, "--batch", 8)
    return main([str(word) for word in (*arguments, *options)])


@pytest.fixture(scope="module")
def trained(small_cohort, tmp_path_factory):
    out = tmp_path_factory.mktemp("outline") / "dark"
    assert train_outline(small_cohort, out, "--assume-width", 40) == 0
    return out


def test_the_model_loads_and_says_how_it_came_to_be(trained):
    from BreastMassXAILib.network.outline import load_outliner

    outliner = load_outliner(trained)
    training = outliner.description["training"]
    assert outliner.name == "dark"
    assert training["frames"] == 24  # one is damaged, one has no mass
    assert training["settings"]["epochs"] == 1
    assert training["command"].startswith("breast-mass-xai train-outline small ")
    assert outliner.least_confidence == outliner.description["metrics"]["least_confidence"]
    assert (trained / "weights.safetensors").stat().st_size < 10e6


def test_the_card_holds_the_means_of_the_table_without_the_partition_that_chose(trained):
    with (trained / "outlines.csv").open() as file:
        table = list(csv.DictReader(file))
    assert {row["prompt"] for row in table} == {"none", "click", "box"}
    assert "patient" not in table[0]
    assert len({row["identifier"] for row in table}) == 24
    figures = json.loads((trained / "model.json").read_text())["metrics"]["by_prompt"]
    for prompt in ("none", "click", "box"):
        mine = [float(row["dice"]) for row in table if row["prompt"] == prompt and row["partition"] != "1"]
        assert figures[prompt]["all"]["n"] == len(mine)
        assert figures[prompt]["all"]["dice"] == pytest.approx(np.mean(mine))
        assert figures[prompt]["all"]["dice_median"] == pytest.approx(np.median(mine))


def test_refusals_leave_nothing(small_cohort, tmp_path, capsys):
    assert train_outline(small_cohort, tmp_path / "a", "--size", 100) == 2
    assert "multiple of 16" in capsys.readouterr().err
    assert train_outline(tmp_path / "no", tmp_path / "b") == 2
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "mine.txt").write_text("mine")
    assert train_outline(small_cohort, tmp_path / "c", "--force") == 2
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def score(dice, confidence, prompt="none", label="benign", patient="1", size=20.0):
    return OutlineScore("x", patient, label, 2, prompt, dice, 3.0, confidence, 1, size)


def test_the_least_confidence_lets_all_but_one_in_a_hundred_usable_outlines_pass():
    scores = [score(0.9, 0.5 + 0.004 * k) for k in range(101)] + [score(0.1, 0.2), score(0.9, 0.01, "click")]
    assert least_confidence(scores) == 0.5
    assert least_confidence([]) == 0


def test_failures_and_pieces_without_a_mass_are_counted():
    scores = [score(0.9, 0.9), score(0.3, 0.4, patient="2"), score(0.2, 0.8, label="malignant", size=30.0)]
    found = card(scores, [0.0, 0.3, 0.9, 0.4], 0.5)
    plain = found["by_prompt"]["none"]
    assert plain["all"]["share_below_half"] == pytest.approx(2 / 3)
    assert plain["benign"]["n"], plain["malignant"]["n"] == (2, 1)
    assert plain["mass above 25 mm"]["dice"] == pytest.approx(0.2)
    assert found["failures_that_are_told"] == 0.5
    assert found["masses_without_suggestion"] == pytest.approx(1 / 3)
    assert found["pieces_without_mass_and_without_suggestion"] == 0.75


def test_prompts_lie_in_the_mass_and_around_it():
    mass = np.zeros((50, 60), bool)
    mass[10:30, 20:24] = True
    mass[26:30, 20:50] = True  # its centroid lies outside
    prompts = prompts_for(mass)
    click = prompts["click"].clicks[0]
    assert mass[int(click.row), int(click.column)]
    box = prompts["box"].box
    assert (box.top, box.left) == (8.0, 17.0)
    assert (box.bottom, box.right) == (32.0, 53.0)
    assert not prompts["none"]
