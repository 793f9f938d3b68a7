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


def written(prepare, *arguments, **options) -> str:
    from BreastMassXAILib.presenter.export import here_and_now

    return here_and_now(prepare(*arguments, **options))


def loaded(path):
    from BreastMassXAILib.hosts.headless import HeadlessSlicer

    other = HeadlessSlicer()
    other.load(path)
    return other.scene


def test_the_folder_is_that_of_analyze(room, session, export, tmp_path) -> None:
    from BreastMassXAILib.analyses.frame import FrameRequest, explain_frame
    from BreastMassXAILib.resources import resource

    samples = resource("SampleData")
    explain_frame(
        FrameRequest(
            frame=samples / "malignant.dcm", mask=samples / "malignant_mask.png", out=tmp_path / "command line"
        )
    )
    session.show_case(*session.inputs, room.case)
    session.explain()
    assert written(export.prepare_folder, session, tmp_path / "panel") == ""
    ours, theirs = ({path.name: path for path in (tmp_path / name).iterdir()} for name in ("panel", "command line"))
    assert ours.keys() == theirs.keys()
    for name in ours.keys() - {"scene.mrb"}:
        assert ours[name].read_bytes() == theirs[name].read_bytes(), name


def test_an_older_result_is_replaced_only_when_asked(session, export, tmp_path) -> None:
    written(export.prepare_folder, session, tmp_path / "out")
    with pytest.raises(OutputError):
        written(export.prepare_folder, session, tmp_path / "out")
    written(export.prepare_folder, session, tmp_path / "out", replace=True)


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
    written(export.prepare_folder, session, tmp_path / "out")
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
    written(export.prepare_scene, room.scene, tmp_path / "all.mrb")
    assert loaded(tmp_path / "all.mrb").GetFirstNodeByName("Somebody else") is not None
    other.close()


@pytest.mark.parametrize(("name", "start"), [("report.pdf", b"%PDF"), ("report.png", b"\x89PNG")])
def test_the_report_is_one_page(session, export, tmp_path, name: str, start: bytes) -> None:
    written(export.prepare_report, session, tmp_path / name)
    content = (tmp_path / name).read_bytes()
    assert content.startswith(start)
    assert b"/Count 2" not in content
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_is_not_current_is_not_exported(room, session, export, tmp_path) -> None:
    import numpy as np

    room.paint(np.roll(room.case.mass, 60, axis=1))
    for prepare in (export.prepare_folder, export.prepare_report):
        session.refresh()
        with pytest.raises(InputError):
            prepare(session, tmp_path / "out.pdf")
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_the_rest_is_written(session, export, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    note = written(export.prepare_folder, session, tmp_path / "out")
    assert "matplotlib" in note
    assert not (tmp_path / "out" / "figure.png").exists()
    assert CaseResult.from_json((tmp_path / "out" / "result.json").read_text()) == session.result
    with pytest.raises(MissingPackageError):
        written(export.prepare_report, session, tmp_path / "report.pdf")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_where_nothing_can_be_written_a_sentence_says_so(session, export, tmp_path) -> None:
    for write in (
        lambda path: written(export.prepare_report, session, path.with_suffix(".pdf")),
        lambda path: written(export.prepare_scene, session.scene, path.with_suffix(".mrb")),
    ):
        with pytest.raises(OutputError):
            write(tmp_path / "nowhere" / "a")
    with pytest.raises(OutputError):
        written(export.prepare_report, session, tmp_path / "report.doc")


def test_the_worker_writes_while_the_panel_goes_on(session, export, worker, tmp_path) -> None:
    """Only Slicer's own saving of the scene is done before the worker begins; the folder is the same."""
    import threading
    import time

    written(export.prepare_folder, session, tmp_path / "here")
    job = export.prepare_folder(session, tmp_path / "there")
    said: list[str] = []
    job.start(worker, lambda note: said.append(f"done{note}"), lambda sentence, _details: said.append(sentence))
    gaps, seen, last = [], set(), time.monotonic()
    while worker.poll():
        if worker.activity is not None:
            seen.add((worker.activity.what, worker.activity.total))
        time.sleep(0.005)
        gaps.append(time.monotonic() - last)
        last = time.monotonic()
    assert said == ["done"]
    assert threading.current_thread() is threading.main_thread()
    assert {("saving the picture", 3)} <= seen
    assert len(gaps) > 5 and max(gaps) < 1.0, f"the main thread stood still for {max(gaps):.2f} s"
    ours, theirs = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("there", "here"))
    assert ours == theirs


def test_what_goes_wrong_in_the_worker_is_a_sentence_and_leaves_nothing(
    session, export, worker, finish, tmp_path, monkeypatch
) -> None:
    import tempfile

    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "out").write_text("a file in the way")
    said: list[str] = []
    for cancelled in (False, True):
        job = export.prepare_folder(session, tmp_path / "out")
        assert list((tmp_path / "temporary").iterdir())
        number = job.start(worker, said.append, lambda sentence, _details: said.append(sentence))
        if cancelled:
            worker.cancel(number)
        finish(worker)
    assert said[0].endswith("there is a file of that name.")
    assert said[1:] in ([""], said[:1])  # a busy machine may be through before it is told to stop
    assert not list((tmp_path / "temporary").iterdir())
    assert (tmp_path / "out").read_text() == "a file in the way"
