"""Scene bundles and pictures on slicer-core: saved, the same bytes each time, opened again in a fresh application."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from BreastMassXAILib.core.errors import InputError, MissingPackageError, OutputError
from BreastMassXAILib.core.regions import REGIONS
from BreastMassXAILib.hosts import headless as host


@pytest.fixture
def bundle(headless, case, explanation, tmp_path: Path) -> Path:
    headless.add(case, explanation, "N")
    path = tmp_path / "scene.mrb"
    headless.save(path)
    return path


@pytest.fixture
def restored(bundle: Path):
    """The saved explanation in a fresh application."""
    from BreastMassXAILib.scene.explanation import explanation_nodes

    fresh = host.HeadlessSlicer()
    fresh.load(bundle)
    nodes = explanation_nodes(fresh.scene.GetFirstNodeByName("N"))
    assert nodes is not None
    return fresh, nodes


def test_images_and_geometry_come_back(restored, case, explanation) -> None:
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    from BreastMassXAILib.scene.arrays import array_of
    from BreastMassXAILib.scene.inputs import frame_of, mass_of

    _, nodes = restored
    frame = frame_of(nodes.frame)
    np.testing.assert_array_equal(frame.pixels, case.frame.pixels)
    assert frame.spacing.provenance is case.frame.spacing.provenance
    assert frame.spacing.mm() == pytest.approx(case.frame.spacing.mm(), rel=1e-12)
    np.testing.assert_array_equal(array_of(nodes.saliency.GetImageData())[0], explanation.saliency)
    np.testing.assert_array_equal(array_of(nodes.regions.GetImageData())[0], explanation.labels)
    np.testing.assert_array_equal(mass_of(nodes.mass, "mass", nodes.frame), case.mass)
    for label, name in enumerate(REGIONS[1:], start=1):
        np.testing.assert_array_equal(mass_of(nodes.segments, name, nodes.frame), explanation.labels == label)
    matrix = vtkMatrix4x4()
    for node in (nodes.frame, nodes.saliency, nodes.regions):
        node.GetIJKToRASMatrix(matrix)
        diagonal = [matrix.GetElement(i, i) for i in range(4)]
        assert diagonal == pytest.approx([-0.23, -0.31, 1, 1], rel=1e-12)
        assert matrix.Determinant() == pytest.approx(0.23 * 0.31)


def test_looks_come_back(restored, explanation) -> None:
    _, nodes = restored
    display = nodes.saliency.GetDisplayNode()
    limit = np.abs(explanation.saliency).max()
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == pytest.approx((-limit, limit), rel=1e-5)
    table = display.GetColorNode()
    assert table.GetName() == "BreastMassXAI saliency"
    colors = [table.GetLookupTable().GetTableValue(index) for index in (0, 128, 255)]
    assert colors[0] == (0, 0, 1, 1) and colors[1][3] == 0 and colors[2] == (1, 0, 0, 1)
    regions = nodes.regions.GetDisplayNode().GetColorNode()
    assert [regions.GetColorName(index) for index in range(4)] == list(REGIONS)
    assert regions.GetLookupTable().GetTableValue(0)[3] == 0
    assert nodes.legend.GetTitleText() == "logit"
    assert nodes.legend.GetPrimaryDisplayNode() is display
    glyphs = nodes.extremes.GetDisplayNode()
    assert glyphs.GetGlyphTypeAsString(glyphs.GetGlyphType()) == "Cross2D"
    assert not nodes.segments.GetDisplayNode().GetVisibility()


def test_points_table_and_result_come_back(restored, explanation) -> None:
    from BreastMassXAILib.scene.companion import restored_result

    _, nodes = restored
    assert restored_result(nodes.frame) == explanation.result
    for index, (which, point) in enumerate(explanation.result.extremes.items()):
        assert nodes.extremes.GetNthControlPointLabel(index) == which
        position = nodes.extremes.GetNthControlPointPosition(index)
        assert position == pytest.approx((-0.23 * point.column, -0.31 * point.row, 0))
    assert nodes.extremes.GetLocked()
    shares = nodes.table.GetTable().GetColumnByName("contribution (logit)")
    assert shares.GetValue(5) == pytest.approx(explanation.result.logit, rel=1e-5)
    assert nodes.table.GetTable().GetColumnByName("region").GetValue(3) == "elsewhere"


def test_folder_and_view_come_back(restored) -> None:
    import slicer

    fresh, nodes = restored
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(fresh.scene)
    assert hierarchy.GetItemName(nodes.folder) == "N explanation"
    assert hierarchy.GetNumberOfItemChildren(nodes.folder) == 5
    composite = fresh.scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    assert composite.GetBackgroundVolumeID() == nodes.frame.GetID()
    assert composite.GetForegroundVolumeID() == nodes.saliency.GetID()
    assert composite.GetLabelVolumeID() == nodes.regions.GetID()
    assert composite.GetForegroundOpacity() == pytest.approx(0.45)
    assert fresh.scene.GetFirstNodeByClass("vtkMRMLSliceNode").GetUseLabelOutline()


def test_a_restored_scene_is_updated_in_place(restored, case, make_explanation) -> None:
    from BreastMassXAILib.scene.explanation import show_explanation

    fresh, nodes = restored
    count = fresh.scene.GetNumberOfNodes()
    again = show_explanation(fresh.scene, nodes.frame, make_explanation(case, seed=9), mass_segmentation=nodes.mass)
    assert again == nodes
    assert fresh.scene.GetNumberOfNodes() == count


def test_loading_replaces_the_scene(bundle: Path, headless, case, explanation) -> None:
    headless.add(case, explanation, "another")
    headless.load(bundle)
    assert headless.scene.GetFirstNodeByName("another") is None
    assert headless.scene.GetNumberOfNodesByClass("vtkMRMLLabelMapVolumeNode") == 1


def test_the_same_case_gives_the_same_bytes(bundle: Path, headless, case, explanation, tmp_path: Path) -> None:
    first = bundle.read_bytes()
    (tmp_path / "elsewhere").mkdir()
    again = tmp_path / "elsewhere" / "scene.mrb"
    host.save_scene(case, explanation, again, "N")
    assert again.read_bytes() == first
    headless.save(bundle)
    assert bundle.read_bytes() == first


def test_a_bundle_knows_no_place_and_no_date(bundle: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        text = archive.read("scene/scene.mrml").decode()
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}
        everything = b"".join(archive.read(name) for name in archive.namelist())
    for place in (str(tmp_path), str(Path.home()), "/tmp", "file:"):
        assert place.encode() not in everything
    assert "SegmentEditor" not in text  # trame-slicer's own nodes


def test_saving_fails_cleanly(headless, case, explanation, tmp_path: Path) -> None:
    headless.add(case, explanation, "N")
    with pytest.raises(OutputError, match=r"scene\.mrb"):
        headless.save(tmp_path / "missing" / "scene.mrb")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_scene_is_refused(headless, tmp_path: Path) -> None:
    text, archive = tmp_path / "text.mrb", tmp_path / "archive.mrb"
    text.write_text("no scene")
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("readme.txt", "no scene")
    for path in (text, archive, tmp_path / "missing.mrb"):
        with pytest.raises(InputError, match=path.name):
            headless.load(path)


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trame_slicer.core", None)
    with pytest.raises(MissingPackageError, match=r"breast-mass-xai\[app\]"):
        host.HeadlessSlicer()


def test_import_is_light_and_a_process_ends_quietly(tmp_path: Path) -> None:
    """Importing brings no Slicer; a scene is saved, and the process ends, without a word on the terminal."""
    pytest.importorskip("trame_slicer")
    library = Path(host.__file__).parents[2]
    program = f"""
import sys
sys.path[:0] = [{str(library)!r}, {str(Path(__file__).parent)!r}]
from BreastMassXAILib.hosts.headless import save_scene
assert "slicer" not in sys.modules and "vtkmodules" not in sys.modules
from pathlib import Path
from conftest import make_case, make_explanation
case = make_case()
save_scene(case, make_explanation(case), Path({str(tmp_path / "scene.mrb")!r}), "N")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "scene.mrb").is_file()


def test_a_picture_shows_frame_overlay_and_outlines(bundle: Path, restored, tmp_path: Path) -> None:
    from PIL import Image

    fresh, nodes = restored
    path = tmp_path / "view.png"
    fresh.snapshot(nodes, path, (520, 360))
    pixels = np.array(Image.open(path).convert("RGB")).astype(int)
    assert pixels.shape == (360, 520, 3)
    red, green, blue = np.moveaxis(pixels, 2, 0)
    assert ((red - blue) > 60).sum() > 500  # towards malignant
    assert ((blue - red) > 60).sum() > 500  # towards benign
    assert ((red == green) & (green == blue) & (red > 20)).sum() > 5000  # the frame, where the map says nothing
    outline = (np.abs(pixels - np.array([0, 229, 102])).max(axis=2) < 8).sum()
    assert outline > 100  # the peritumoral ring's
    fresh.save(tmp_path / "again.mrb")  # the picture's own view is not part of the scene
    with zipfile.ZipFile(tmp_path / "again.mrb") as archive:
        assert b"Snapshot" not in archive.read("again/again.mrml")


@pytest.mark.parametrize("ending", ["leftovers.undo_all(); os._exit(130)", "sys.exit(0)"], ids=["stopped", "through"])
def test_a_scene_leaves_no_folder_for_temporary_files_behind(headless, ending, tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from BreastMassXAILib.core import leftovers\n"
        "from BreastMassXAILib.hosts.headless import HeadlessSlicer\n"
        "slicer = HeadlessSlicer()\n"
        "print(len(os.listdir(os.environ['TMPDIR'])), flush=True)\n"
        f"{ending}\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert int(done.stdout) >= 1, done.stderr  # Slicer's cache
    assert [file.name for file in tmp_path.iterdir() if not file.name.startswith("torchinductor_")] == []
