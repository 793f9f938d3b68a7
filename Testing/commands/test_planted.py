"""The command ``planted`` on a small network: whole, interrupted, resumed, and refused."""

import csv
import json

import pytest

from BreastMassXAILib.analyses import planted_tasks
from BreastMassXAILib.analyses.planted import PlantedRequest, plant
from BreastMassXAILib.commands.command_line import main
from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.network import retraining

SIZES = {"training": 40, "validation": 10, "unseen": 10}


def test_an_interrupted_study_goes_on_where_it_was(tiny_models, tmp_path, monkeypatch):
    monkeypatch.setattr(retraining, "EPOCHS", 1)
    request = PlantedRequest(
        tmp_path / "out", tiny_models / "tiny", ("cam", "occlusion:2"), ("mark",), costly=2, **SIZES
    )

    def stop(done, total, what):
        if what == "features":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="--resume"):
        plant(request, stop)
    assert not (tmp_path / "out").exists()

    def again(study, numbers):
        raise AssertionError("the phantoms are there")

    monkeypatch.setattr(planted_tasks, "make_phantoms", again)
    with pytest.raises(Exception, match="--resume"):
        plant(request)
    seen = []
    report = plant(
        PlantedRequest(**{**request.__dict__, "resume": True}), lambda done, total, what: seen.append((done, total))
    )
    assert seen[-1][0] == seen[-1][1]
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "planted.csv",
        "planted.json",
        "planted.md",
        "planted.png",
    ]
    assert not (tmp_path / "out.unfinished").exists()
    kept = json.loads((tmp_path / "out" / "planted.json").read_text())
    assert kept == json.loads(json.dumps(report))
    (found,) = kept["plants"]
    assert found["name"] == "mark"
    assert found["unseen"]["n"] == 10
    right = round(found["unseen"]["value"] * 10)
    assert found["methods"]["cam"]["n"] == right
    assert found["methods"]["occlusion:2"]["n"] <= 2
    if right:
        ways = found["methods"]["cam"]["ways"]
        assert set(ways) == {"point", "energy", "contribution", "check"}
        assert sum(ways["check"]["instead"].values()) == right
        assert "check" not in found["methods"]["occlusion:2"]["ways"]
        assert sum(ways["point"]["instead"].values()) == right
        assert ways["point"]["instead"]["elsewhere"] == round(ways["point"]["value"] * right)
    with (tmp_path / "out" / "planted.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["plant"] for row in rows} <= {"mark"}
    text = (tmp_path / "out" / "planted.md").read_text()
    assert "unseen phantoms classified rightly" in text
    assert ("Below the aim" in text) != found["reached"]


def test_too_few_phantoms_and_unknown_methods_are_refused(tmp_path, capsys):
    with pytest.raises(InputError, match="at least 40 phantoms"):
        plant(PlantedRequest(tmp_path / "out", training=10))
    assert main(["planted", "--out", str(tmp_path / "out"), "--method", "magic"]) == 2
    assert "There is no method 'magic'" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())
