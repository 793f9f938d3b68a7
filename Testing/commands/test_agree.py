"""``agree`` on files, folders and manifests; bad input is one sentence."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image

from BreastMassXAILib.commands.command_line import main
from BreastMassXAILib.resources import resource


@pytest.fixture
def outlines(tmp_path):
    """Two folders of masks for two frames, one mask in each that has no fellow, and the frames."""
    row, column = np.mgrid[:120, :160]
    generator = np.random.default_rng(0)
    for folder in ("a", "b", "frames"):
        (tmp_path / folder).mkdir()
    for name, radius in (("one", 20), ("two", 28)):
        for folder, larger in (("a", 0), ("b", 4)):
            mask = np.hypot(row - 50, column - 80) < radius + larger
            Image.fromarray((mask * 255).astype(np.uint8)).save(
                tmp_path / folder / f"{name}{'_mask' * (larger > 0)}.png"
            )
        frame = generator.integers(40, 200, row.shape).astype(np.uint8)
        Image.fromarray(frame).save(tmp_path / "frames" / f"{name}.png")
    Image.fromarray((mask * 255).astype(np.uint8)).save(tmp_path / "a" / "alone.png")
    return tmp_path


def agree(*arguments):
    return main(["agree", *map(str, arguments)])


def test_two_folders_with_frames_and_a_model(outlines, capsys):
    out = outlines / "out"
    model = resource("Models", "busbra-frame")
    code = agree(
        outlines / "a",
        outlines / "b",
        "--images",
        outlines / "frames",
        "--model",
        model,
        "--spacing",
        0.2,
        "--out",
        out,
    )
    assert not code
    assert "2 pairs of outlines" in capsys.readouterr().out
    rows = list(csv.DictReader((out / "agreement.csv").open()))
    assert [row["identifier"] for row in rows] == ["one", "two", "alone.png"]
    assert "none of this name" in rows[2]["left_out_because"]
    assert float(rows[0]["diameter_difference_mm"]) == pytest.approx(1.6, abs=0.1)
    # This model sees the whole frame, whatever the outline.
    assert float(rows[0]["logit_difference"]) == pytest.approx(0, abs=1e-6)
    numbers = json.loads((out / "agreement.json").read_text())
    assert numbers["pairs"] == 2 and numbers["same_decision"] == 1.0
    assert Image.open(out / "agreement.png").size[0] > 1000


def test_two_masks(outlines, capsys):
    assert not agree(outlines / "a" / "one.png", outlines / "b" / "one_mask.png", "--out", outlines / "out")
    assert "no millimetres" in capsys.readouterr().out


def test_two_manifests(outlines):
    for folder, end in (("a", ""), ("b", "_mask")):
        lines = ["image,mask,label,identifier,spacing_row_mm,spacing_col_mm"]
        lines += [f"frames/{name}.png,{folder}/{name}{end}.png,benign,{name},0.2,0.2" for name in ("one", "two")]
        (outlines / f"{folder}.csv").write_text("\n".join(lines))
    assert not agree(outlines / "a.csv", outlines / "b.csv", "--out", outlines / "out")
    numbers = json.loads((outlines / "out" / "agreement.json").read_text())
    assert numbers["largest_diameter_mm"]["bias"] == pytest.approx(1.6, abs=0.1)


@pytest.mark.parametrize(
    ("a", "b", "more", "word"),
    [
        ("a", "b/one_mask.png", (), "not one kind with another"),
        ("a", "frames", (), "No pair could be compared"),
        ("a", "nowhere", (), "There is no"),
        ("a/one.png", "frames/two.png", (), "two.png"),
        ("a/one.png", "b/one_mask.png", ("--images", "frames"), "one frame, not a folder"),
        ("a", "b", ("--model", "busbra"), "needs the frames"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(outlines, capsys, a, b, more, word):
    more = [outlines / each if each == "frames" else each for each in more]
    if (a, b) in (("a", "frames"), ("a/one.png", "frames/two.png")):
        (outlines / "frames" / "two.png").write_bytes(b"no image")
        (outlines / "frames" / "one.png").write_bytes(b"no image")
    with pytest.raises(SystemExit) as ended:
        raise SystemExit(agree(outlines / a, outlines / b, *more, "--out", outlines / "out"))
    said = capsys.readouterr().err
    assert ended.value.code == 2 and "Traceback" not in said and word in said
    assert not (outlines / "out").exists()
