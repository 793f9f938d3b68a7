"""``--check``: the counter-check in a result, on the terminal, over a cohort."""

import csv
import json

import pytest

from BreastMassXAILib.commands import options
from BreastMassXAILib.commands.command_line import main
from BreastMassXAILib.core.infill import FILLS
from BreastMassXAILib.core.result import CaseResult


def test_help_offers_what_regions_can_be_replaced_by():
    assert options.FILLS == FILLS


def test_a_frame_is_checked_on_demand(small_cohort, tiny_models, tmp_path, capsys):
    frame = small_cohort / "f5.png"
    asked = ["analyze", frame, "--mask", frame.with_name("f5_m.png"), "--model", tiny_models / "tiny", "--spacing", 0.3]
    assert main([*map(str, (*asked, "--check", "--check-fill", "mean", "--out", tmp_path / "out"))]) == 0
    result = CaseResult.from_json((tmp_path / "out" / "result.json").read_text())
    assert result.check["fill"] == "mean" and result.check["evidence"] == result.contributions
    said = capsys.readouterr().out
    assert "logit lost with even grey in the region's place" in said
    disagrees = result.check["agrees"] is False
    assert said.startswith("COUNTER-CHECK DISAGREES") == disagrees and ("agrees:" in said) != disagrees


@pytest.fixture(scope="module")
def evaluated(small_cohort, tiny_models, tmp_path_factory):
    out = tmp_path_factory.mktemp("check") / "out"
    asked = [
        "evaluate",
        small_cohort,
        "--model",
        tiny_models / "fold1",
        "--assume-width",
        40,
        "--pictures",
        0,
        "--check",
    ]
    assert main([*map(str, (*asked, "--out", out))]) == 0
    return out


def test_a_cohort_tells_how_often_they_agree(evaluated):
    report = json.loads((evaluated / "report.json").read_text())
    (model,) = report["models"]
    with (evaluated / "cases.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["status"] == "evaluated"]
    table = model["check"]["all"]
    assert report["settings"]["check"] == "inpaint" and table["n"] == len(rows)
    agree = [row["check_agrees"] == "True" for row in rows if row["check_agrees"]]
    assert table["agrees"]["value"] == pytest.approx(sum(agree) / len(agree))
    assert table["agrees"]["low"] <= table["agrees"]["value"] <= table["agrees"]["high"]
    for region in ("mass", "peritumoral", "below", "elsewhere"):
        changes = [float(row[f"check_change_{region}"]) for row in rows if row[f"check_change_{region}"]]
        entry = table["regions"][region]
        assert entry["change"]["n"] == len(changes) and entry["change"]["value"] == pytest.approx(
            sum(changes) / len(changes)
        )
        same = [row[f"check_same_sign_{region}"] == "True" for row in rows if row[f"check_same_sign_{region}"]]
        assert entry["same_sign"]["value"] == pytest.approx(sum(same) / len(same))
    decided = [row["check_decided"] for row in rows]
    assert table["decided"]["mass"]["share"]["value"] == pytest.approx(decided.count("mass") / len(rows))
    assert sum(entry["share"]["value"] for entry in table["decided"].values()) == pytest.approx(1)


def test_the_report_shows_it(evaluated):
    page = (evaluated / "report.html").read_text()
    assert "Counter-check: the network asked again" in page and "Agrees where it decides" in page
