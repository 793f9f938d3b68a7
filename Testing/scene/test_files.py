"""Scenes that are saved again and again in one session, each opened in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[2] / "BreastMassXAI"
LOOK = f"""
import json, sys
sys.path.insert(0, {str(LIBRARY)!r})
from pathlib import Path
from BreastMassXAILib.hosts.headless import HeadlessSlicer
from BreastMassXAILib.scene.explanation import explanation_nodes
from BreastMassXAILib.scene.views import find_view_node
path, frame, picture = sys.argv[1:]
headless = HeadlessSlicer()
headless.load(Path(path))
scene = headless.scene
nodes = explanation_nodes(scene.GetFirstNodeByName(frame))
def table(node):
    colors = node.GetDisplayNode().GetColorNode()
    count = colors.GetNumberOfColors()
    return [[colors.GetColorName(i), *colors.GetLookupTable().GetTableValue(i)] for i in range(count)]
composite = find_view_node(scene, "vtkMRMLSliceCompositeNode", "Red")
print(json.dumps({{
    "saliency": table(nodes.saliency),
    "regions": table(nodes.regions),
    "layers": [
        scene.GetNodeByID(each).GetName() if each else ""
        for each in (
            composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID(), composite.GetLabelVolumeID()
        )
    ],
    "frames": sorted(
        scene.GetNthNodeByClass(i, "vtkMRMLScalarVolumeNode").GetName()
        for i in range(scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode"))
    ),
}}))
headless.snapshot(nodes, Path(picture), (300, 240))
"""


def opened_anew(path: Path, frame: str) -> dict:
    """What a fresh process finds in a saved scene; it also draws the scene's picture beside it."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(path), frame, str(path.with_suffix(".png"))],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def expected(headless, case, explanation) -> dict:
    from BreastMassXAILib.core.regions import REGIONS

    nodes = headless.add(case, explanation, "N")
    table = nodes.saliency.GetDisplayNode().GetColorNode()
    colors = [
        [table.GetColorName(i), *table.GetLookupTable().GetTableValue(i)] for i in range(table.GetNumberOfColors())
    ]
    return {"saliency": colors, "regions": list(REGIONS)}


def check(found: dict, expected: dict, frame: str) -> None:
    assert [color[0] for color in found["saliency"]] == [color[0] for color in expected["saliency"]]
    for ours, theirs in zip(found["saliency"], expected["saliency"], strict=True):
        assert ours[1:] == pytest.approx(theirs[1:], abs=1e-5)
    assert [color[0] for color in found["regions"]] == expected["regions"]
    assert found["layers"] == [frame, f"{frame} saliency", f"{frame} regions"]
    assert found["frames"] == [frame, f"{frame} regions", f"{frame} saliency"]  # and nobody else's


def test_each_of_three_savings_is_complete(headless, expected, tmp_path: Path) -> None:
    """The first saving gives the colour tables files to be saved in; the later ones must not leave these out."""
    from BreastMassXAILib.scene.explanation import explanation_nodes
    from BreastMassXAILib.scene.files import write_scene

    nodes = explanation_nodes(headless.scene.GetFirstNodeByName("N"))
    pictures = []
    for number in range(3):
        path = tmp_path / f"{number}.mrb"
        write_scene(headless.scene, path, nodes.companion)
        check(opened_anew(path, "N"), expected, "N")
        pictures.append(path.with_suffix(".png").read_bytes())
    assert pictures[0] == pictures[1] == pictures[2]


def test_a_scene_is_complete_after_another_was_loaded(
    headless, expected, make_case, make_explanation, tmp_path: Path
) -> None:
    from BreastMassXAILib.scene.explanation import explanation_nodes
    from BreastMassXAILib.scene.files import write_scene

    headless.save(tmp_path / "other.mrb")
    headless.load(tmp_path / "other.mrb")
    case = make_case(seed=3)
    nodes = headless.add(case, make_explanation(case, seed=3), "M")
    for number in range(2):
        path = tmp_path / f"{number}.mrb"
        write_scene(headless.scene, path, nodes.companion)
        check(opened_anew(path, "M"), expected, "M")
    nodes = explanation_nodes(headless.scene.GetFirstNodeByName("N"))
    write_scene(headless.scene, tmp_path / "again.mrb", nodes.companion)
    found = opened_anew(tmp_path / "again.mrb", "N")
    assert [color[0] for color in found["saliency"]] == [color[0] for color in expected["saliency"]]
    assert [color[0] for color in found["regions"]] == expected["regions"]
