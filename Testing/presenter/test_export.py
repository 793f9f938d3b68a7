"""Results out of a session: the folder of ``analyze``, the one-page report, the scene."""

from __future__ import annotations

import sys
import zipfile

import pytest

from BreastMassXAILib.core.errors import InputError, MissingPackageError, OutputError
from BreastMassXAILib.core.result import CaseResult

pytest.importorskip("trame_slicer", reason="slicer-core and trame-slicer are not installed")


@pytest.fixture
def export(headless):
    from BreastMassXAILib.presenter import export

    return export


@pytest.fixture
def session(room):
    room.session.explain()
    return room.session


def loaded(path):
    from BreastMassXAILib.hosts.headless import HeadlessSlicer

    other = HeadlessSlicer()
    other.load(path)
    return other.scene


def test_the_folder_is_that_of_analyze(room, session, export, tmp_path) -> None:
    from BreastMassXAILib.commands.analyze import AnalyzeRequest, analyze_files
    from BreastMassXAILib.resources import resource

    samples = resource("SampleData")
    analyze_files(
        AnalyzeRequest(
            frame=samples / "malignant.dcm", mask=samples / "malignant_mask.png", out=tmp_path / "command line"
        ),
        "none",
    )
    session.show_case(*session.inputs, room.case)
    session.explain()
    assert export.export_folder(session, tmp_path / "panel") == ""
    ours, theirs = ({path.name: path for path in (tmp_path / name).iterdir()} for name in ("panel", "command line"))
    assert ours.keys() == theirs.keys()
    for name in ours.keys() - {"scene.mrb"}:
        assert ours[name].read_bytes() == theirs[name].read_bytes(), name


def test_an_older_result_is_replaced_only_when_asked(session, export, tmp_path) -> None:
    export.export_folder(session, tmp_path / "out")
    with pytest.raises(OutputError):
        export.export_folder(session, tmp_path / "out")
    export.export_folder(session, tmp_path / "out", replace=True)


def test_the_folders_scene_holds_this_case_and_no_other_data(room, session, export, benign, tmp_path) -> None:
    import slicer

    from BreastMassXAILib.presenter.session import Session
    from BreastMassXAILib.scene.inputs import add_frame, add_mass

    frame_node = add_frame(room.scene, benign.frame, "Somebody else")
    mass_node = add_mass(room.scene, benign.mass, frame_node, "Somebody else mass")
    other = Session(room.scene)
    other.set_inputs(frame_node, mass_node, "mass")
    other.explain()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(room.scene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Somebody's name")
    hierarchy.SetItemParent(session.nodes.folder, patient)
    times = [node.GetMTime() for node in (frame_node, mass_node)]
    export.export_folder(session, tmp_path / "out")
    assert all(node.GetSaveWithScene() for node in (frame_node, mass_node, other.nodes.saliency))
    assert [node.GetMTime() for node in (frame_node, mass_node)] == times
    assert not other.due
    with zipfile.ZipFile(tmp_path / "out" / "scene.mrb") as archive:
        for name in archive.namelist():
            assert "Somebody" not in name
            assert b"Somebody" not in archive.read(name), name
    scene = loaded(tmp_path / "out" / "scene.mrb")
    restored = Session(scene)
    restored.set_inputs(scene.GetFirstNodeByName("N"), scene.GetFirstNodeByName("my mass"), "mass")
    assert restored.status.state.value == "current"
    assert restored.result == session.result
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    assert hierarchy.GetItemName(restored.nodes.folder) == "N explanation"
    export.export_scene(room.scene, tmp_path / "all.mrb")
    assert loaded(tmp_path / "all.mrb").GetFirstNodeByName("Somebody else") is not None
    other.close()


@pytest.mark.parametrize(("name", "start"), [("report.pdf", b"%PDF"), ("report.png", b"\x89PNG")])
def test_the_report_is_one_page(session, export, tmp_path, name: str, start: bytes) -> None:
    export.export_report(session, tmp_path / name)
    content = (tmp_path / name).read_bytes()
    assert content.startswith(start)
    assert b"/Count 2" not in content
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_is_not_current_is_not_exported(room, session, export, tmp_path) -> None:
    import numpy as np

    room.paint(np.roll(room.case.mass, 60, axis=1))
    for write in (export.export_folder, export.export_report):
        session.refresh()
        with pytest.raises(InputError):
            write(session, tmp_path / "out.pdf")
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_the_rest_is_written(session, export, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    note = export.export_folder(session, tmp_path / "out")
    assert "matplotlib" in note
    assert not (tmp_path / "out" / "figure.png").exists()
    assert CaseResult.from_json((tmp_path / "out" / "result.json").read_text()) == session.result
    with pytest.raises(MissingPackageError):
        export.export_report(session, tmp_path / "report.pdf")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_where_nothing_can_be_written_a_sentence_says_so(session, export, tmp_path) -> None:
    for write in (
        lambda path: export.export_report(session, path.with_suffix(".pdf")),
        lambda path: export.export_scene(session.scene, path.with_suffix(".mrb")),
    ):
        with pytest.raises(OutputError):
            write(tmp_path / "nowhere" / "a")
    with pytest.raises(OutputError):
        export.export_report(session, tmp_path / "report.doc")
