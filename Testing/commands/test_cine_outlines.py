"""``analyze-cine`` without masks: the outline follows through a loop."""

import csv
import json
import weakref
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK

from BreastMassXAILib.commands.command_line import main
from BreastMassXAILib.core.cine import Cine
from BreastMassXAILib.core.errors import InputError, NoMassError
from BreastMassXAILib.core.frame import Frame, Provenance, Spacing
from BreastMassXAILib.core.outline import Click, Prompt
from BreastMassXAILib.network.outline_loop import follow_mass
from BreastMassXAILib.pipeline import load_outliner

SHAPE = (160, 200)
ROW, COLUMN = np.mgrid[: SHAPE[0], : SHAPE[1]]
PLAIN = (COLUMN / 8).astype(np.float32)
SPACING = Spacing(0.2, 0.2, Provenance.HEADER)


def disc(row, column, radius=22):
    return (ROW - row) ** 2 + (COLUMN - column) ** 2 < radius**2


def moving(index, second=False):
    """A dark disc that moves to the right, 6 pixels a frame; and where asked, a smaller one that stays."""
    speckle = np.random.default_rng(index).normal(1, 0.12, SHAPE)
    grey = (170 - ROW / 3) * speckle
    masses = [disc(70, 60 + 6 * index)] + ([disc(120, 165, 16)] if second else [])
    for mass in masses:
        grey[mass] *= 0.22
    return np.clip(grey, 1, 255).astype(np.uint8), masses[0]


def loop(count, second=False, broken=()):
    def read(index):
        if index in broken:
            raise InputError("This frame is damaged.")
        return Frame(moving(index, second)[0].astype(np.float32), SPACING)

    return Cine(count, read)


def dice(first, second):
    return 2 * np.count_nonzero(first & second) / (np.count_nonzero(first) + np.count_nonzero(second))


@pytest.fixture(scope="module")
def outliner():
    return load_outliner()


@pytest.mark.parametrize("start", [0, 4])
def test_the_outline_follows_a_click_to_later_and_earlier_frames(outliner, start):
    cine = loop(6, second=True, broken=(2,))
    click = Prompt((Click(70, 60 + 6 * start),))
    track, first = follow_mass(cine, outliner, click, start=start)
    assert first.prompt is click and track.annotated == (0, 1, 3, 4, 5) and track.confirmed == ()
    for index in track.annotated:
        mass = track.at(index)
        assert mass.origin == mass.outlined.value == "automatic"
        assert dice(mass.mask, moving(index)[1]) > 0.7
    assert track.at(2) is None


def test_without_a_click_the_first_frame_with_a_mass_decides(outliner):
    def read(index):
        if index == 0:
            return Frame((120 + 10 * np.sin(COLUMN / 9)).astype(np.float32), SPACING)
        return loop(4).read(index)

    sure = [outliner.suggest(outliner.look(read(index))).confidence for index in range(4)]
    assert sure[0] < min(sure[1:])
    outliner = replace(outliner, least_confidence=(sure[0] + min(sure[1:])) / 2)
    track, first = follow_mass(Cine(4, read), outliner)
    assert first.found == 1 and set(track.annotated) >= {1, 2, 3}
    with pytest.raises(NoMassError, match="No mass was found in this frame"):
        follow_mass(Cine(2, lambda index: read(0)), outliner)
    with pytest.raises(InputError, match="damaged"):
        follow_mass(loop(3, broken=(1,)), outliner, Prompt((Click(70, 66),)), start=1)


def test_a_loop_of_1200_frames_needs_the_memory_of_one(outliner):
    """The network's answers to three frames are given in turn: what is measured is what following them keeps."""
    cine = loop(3)
    answers = [outliner.suggest(outliner.look(cine.read(index)), Prompt((Click(70, 66),))) for index in range(3)]
    alive: weakref.WeakSet[Frame] = weakref.WeakSet()
    most, asked = 0, []

    class InTurn:
        def look(self, frame):
            nonlocal most
            alive.add(frame)
            most = max(most, len(alive))
            return len(asked) % 3

        def suggest(self, seen, prompt):
            asked.append(prompt)
            return answers[seen]

    track, _ = follow_mass(
        Cine(1200, lambda index: cine.read(index % 3) if index < 3 else Frame(PLAIN + index % 200, SPACING)),
        InTurn(),
        Prompt((Click(70, 66),)),
    )
    assert len(track.annotated) == len(asked) == 1200 and most <= 2
    held = sum(bits.nbytes for _, _, bits in track._packed.values())
    assert held < 1200 * 500, "an unpacked mask has 32,000 bytes, a frame 128,000"
    assert dice(track.at(1199).mask, answers[1199 % 3].mass) == 1


def test_analyze_cine_without_a_mask_says_everywhere_that_it_is_automatic(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    image = SimpleITK.GetImageFromArray(np.stack([moving(index, second=True)[0] for index in range(3)]))
    image.SetSpacing((0.2, 0.2, 1))
    SimpleITK.WriteImage(image, "loop.nrrd")
    arguments = ["analyze-cine", "loop.nrrd", "--progress", "none"]
    assert main([*arguments, "--click", "70,72", "--on", "3", "--out", "found"]) == 0
    assert "The outline of the mass is automatic" in capsys.readouterr().out
    cine = json.loads((tmp_path / "found" / "cine.json").read_text())
    assert cine["mask_origins"] == {"automatic": 3} and cine["annotated_frames"] == []
    with (tmp_path / "found" / "frames.csv").open(newline="") as file:
        assert [row["mask_origin"] for row in csv.DictReader(file)] == ["automatic"] * 3
    labels = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage("found/regions.nrrd"))
    for index in range(3):
        assert dice(labels[index] == 1, moving(index)[1]) > 0.7
    for wrong, sentence in ((["--on", "9"], "no frame 9"), (["--click", "70,900"], "outside the frame")):
        assert main([*arguments, *wrong, "--out", "none"]) == 2
        assert sentence in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
