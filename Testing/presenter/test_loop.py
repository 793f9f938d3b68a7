"""A cine loop in a panel: all frames explained in the worker, results that follow the browser, the plot's cursor."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("trame_slicer", reason="slicer-core and trame-slicer are not installed")

COUNT = 5


@pytest.fixture
def frames(malignant):
    """The sample, with its mass fading from frame to frame."""
    from dataclasses import replace

    pixels = malignant.frame.pixels
    shown = [np.clip(pixels + index * 25 * malignant.mass, 0, 255).astype(np.uint8) for index in range(COUNT)]
    plain = replace(malignant.frame, scan_area=None, source=None, warnings=())
    return [replace(plain, pixels=each.astype(np.float32)) for each in shown]


@pytest.fixture
def room(scene, frames, malignant):
    """A loop in seconds, with a mass that is drawn on the frame that is shown."""
    from BreastMassXAILib.presenter.loop import Loop
    from BreastMassXAILib.presenter.session import Session
    from BreastMassXAILib.scene.inputs import add_mass
    from BreastMassXAILib.scene.loops import add_cine, append_frame

    browser = add_cine(scene, "loop", timed=True)
    for index, frame in enumerate(frames):
        node = append_frame(browser, frame, index / 10)
    browser.SetSelectedItemNumber(0)
    session = Session(scene)
    session.set_inputs(node, add_mass(scene, malignant.mass, node, "mass"), "mass")
    loop = Loop(session)
    loop.follow()
    yield SimpleNamespace(scene=scene, browser=browser, frame=node, session=session, loop=loop)
    loop.close()
    session.close()


def run(room, worker, finish) -> list[str]:
    said: list[str] = []
    room.loop.start(worker, said.append, lambda sentence, _details: said.append(sentence or "cancelled"))
    finish(worker, 120)
    return said


def state(session) -> str:
    return session.status.state.value


def series(room, role: str) -> dict[str, list[float]]:
    table = room.session.nodes.companion.GetNodeReference(role).GetTable()
    columns = [table.GetColumn(index) for index in range(table.GetNumberOfColumns())]
    return {c.GetName(): [c.GetValue(i) for i in range(c.GetNumberOfValues())] for c in columns}


def test_a_single_frame_is_no_loop(scene, benign) -> None:
    from BreastMassXAILib.core.errors import InputError
    from BreastMassXAILib.presenter.loop import Loop
    from BreastMassXAILib.presenter.session import Session
    from BreastMassXAILib.scene.inputs import add_frame, add_mass

    frame = add_frame(scene, benign.frame, "N")
    session = Session(scene)
    session.set_inputs(frame, add_mass(scene, benign.mass, frame, "mass"), "mass")
    loop = Loop(session)
    loop.follow()
    assert (loop.count, loop.can_explain, loop.words, loop.chart) == (0, False, "", None)
    with pytest.raises(InputError, match="single frame"):
        loop.prepare()
    session.close()


def test_all_frames_are_explained_as_the_pipeline_does(room, frames, malignant, worker, finish) -> None:
    from BreastMassXAILib.core.beams import with_beams
    from BreastMassXAILib.core.cine import Cine
    from BreastMassXAILib.core.propagation import MassTrack
    from BreastMassXAILib.core.scan_area import with_scan_area
    from BreastMassXAILib.pipeline import analyze_cine, load_model
    from BreastMassXAILib.scene.cine import summary_of

    assert room.loop.count == COUNT and room.loop.can_explain
    (sentence,) = run(room, worker, finish)
    ready = [with_beams(with_scan_area(frame, malignant.mass)) for frame in frames]
    expected = analyze_cine(
        Cine(COUNT, ready.__getitem__, np.arange(COUNT) / 10),
        MassTrack([(0, malignant.mass)], propagate=True),
        load_model(),
    )
    assert sentence == room.loop.words and expected.decision in sentence and f"{COUNT} of {COUNT}" in sentence
    kept, theirs = summary_of(room.frame), json.loads(expected.to_json())
    assert kept["curve"]["probability"] == pytest.approx(theirs["curve"]["probability"], abs=1e-6)
    for key in ("decision", "strongest", "mask_origins", "annotated_frames", "spacing_mm", "warnings"):
        assert kept[key] == (pytest.approx(theirs[key], abs=1e-5) if key == "strongest" else theirs[key]), key
    for item, entry in enumerate(expected.frames):
        room.browser.SetSelectedItemNumber(item)
        room.session.refresh()
        assert state(room.session) == "current", room.session.status.sentence
        assert room.session.result.logit == pytest.approx(entry.result.logit, abs=1e-5)
    assert len({round(value, 6) for value in kept["curve"]["probability"]}) == COUNT


def test_after_that_every_frame_follows_an_edited_mass_without_the_network(room, worker, finish, monkeypatch) -> None:
    from BreastMassXAILib.network import cam
    from BreastMassXAILib.scene.inputs import mass_of, set_segments

    run(room, worker, finish)

    def refuse(*_arguments):
        raise AssertionError("the network was run")

    monkeypatch.setattr(cam, "class_activation_maps", refuse)
    assert room.session.live
    mask = mass_of(room.session.inputs[1], "mass", room.frame)
    title = room.loop.chart.GetTitle()
    for item in (1, 3):  # one mass for all frames, wider each time
        room.browser.SetSelectedItemNumber(item)
        room.session.refresh()
        before = room.session.result
        wider = mask | np.roll(mask, 2 + item, axis=1)
        set_segments(room.session.inputs[1], wider.astype(np.uint8), room.frame, {"mass": (1.0, 1.0, 0.0)})
        room.session.refresh()
        assert state(room.session) == "current"
        assert room.session.result.area_fraction["mass"] > before.area_fraction["mass"]
        assert room.session.result.logit == before.logit
    assert room.loop.chart.GetTitle() == title, "no probability has changed"


def test_the_cursor_of_the_plot_follows_the_browser(room, worker, finish) -> None:
    assert room.loop.chart is None
    run(room, worker, finish)
    chart = room.loop.chart
    names = [chart.GetNthPlotSeriesNode(index).GetName() for index in range(chart.GetNumberOfPlotSeriesNodes())]
    assert names == ["loop probability", "loop threshold", "loop frame shown"]
    curve = series(room, "curve")
    for item in (4, 0, 2):
        room.browser.SetSelectedItemNumber(item)
        found = series(room, "cursor")
        assert found["time (s)"] == pytest.approx([curve["time (s)"][item]] * 2)
        assert found["height"] == [0, 1]
    room.loop.close()
    room.browser.SetSelectedItemNumber(3)
    assert series(room, "cursor")["time (s)"][0] == pytest.approx(0.2)


def test_a_frame_that_was_not_explained_yet_is_marked(room) -> None:
    room.session.explain()
    room.browser.SetSelectedItemNumber(2)
    assert room.session.due
    room.session.refresh()
    assert state(room.session) == "stale"
    assert "Earlier result" in room.session.note
    room.browser.SetSelectedItemNumber(0)
    room.session.refresh()
    assert state(room.session) == "current"
    assert "Earlier" not in room.session.note


def test_a_cancelled_loop_leaves_the_scene_as_it_was(room, worker, finish) -> None:
    count = room.scene.GetNumberOfNodes()
    said: list[str] = []
    number = room.loop.start(worker, said.append, lambda sentence, _details: said.append(sentence or "cancelled"))
    worker.cancel(number)
    finish(worker)
    assert said == ["cancelled"]
    assert room.scene.GetNumberOfNodes() == count
    assert state(room.session) == "ready"


def test_a_black_frame_is_left_out_and_nothing_is_shown_on_it(room, worker, finish) -> None:
    from BreastMassXAILib.scene.arrays import set_volume_array
    from BreastMassXAILib.scene.cine import summary_of

    black = room.browser.GetMasterSequenceNode().GetNthDataNode(3)
    set_volume_array(black, np.zeros(black.GetImageData().GetDimensions()[1::-1], np.uint8))
    (sentence,) = run(room, worker, finish)
    assert f"{COUNT - 1} of {COUNT} frames" in sentence
    assert summary_of(room.frame)["skipped"] == {"unreadable": [4]}
    room.browser.SetSelectedItemNumber(3)
    room.session.refresh()
    assert (state(room.session), room.session.result) == ("missing", None)


def test_a_loop_that_was_removed_meanwhile_is_said(room) -> None:
    from BreastMassXAILib.core.errors import InputError

    job = room.loop.prepare()
    answer = job.run()
    room.scene.RemoveNode(room.browser)
    with pytest.raises(InputError, match="removed"):
        room.loop.finish(job, answer)


def test_masses_that_were_carried_to_other_frames_are_shown_there(room, malignant, worker, finish) -> None:
    from BreastMassXAILib.scene.cine import summary_of
    from BreastMassXAILib.scene.loops import add_masses

    moved = np.roll(malignant.mass, 8, axis=1)
    drawn = add_masses(room.browser, [(0, malignant.mass), (4, moved)], "drawn")
    room.session.set_inputs(room.frame, drawn, "mass")
    for _ in range(2):
        run(room, worker, finish)
        assert summary_of(room.frame)["mask_origins"] == {"annotated": 2, "interpolated": 3}
        shown = room.session.inputs[1]
        assert shown is not drawn and shown.GetName() == "loop mass on all frames"
        for item in (2, 4, 1, 0):
            room.browser.SetSelectedItemNumber(item)
            room.session.refresh()
            assert state(room.session) == "current", room.session.status.sentence
        names = [n.GetName() for n in _segmentations(room.scene)]
        assert names.count("loop mass on all frames") == 1
        room.session.set_inputs(room.frame, drawn, "mass")


def _segmentations(scene) -> list:
    count = scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")
    return [scene.GetNthNodeByClass(index, "vtkMRMLSegmentationNode") for index in range(count)]


def test_a_saved_loop_opens_with_its_plot_and_follows(room, headless, worker, finish, tmp_path) -> None:
    from BreastMassXAILib.hosts.headless import HeadlessSlicer
    from BreastMassXAILib.presenter.loop import Loop
    from BreastMassXAILib.presenter.session import Session

    run(room, worker, finish)
    words = room.loop.words
    headless.save(tmp_path / "loop.mrb")
    other = HeadlessSlicer()
    other.load(tmp_path / "loop.mrb")
    session = Session(other.scene)
    frame = other.scene.GetFirstNodeByName("loop")
    session.set_inputs(frame, other.scene.GetFirstNodeByName("mass"), "mass")
    loop = Loop(session)
    loop.follow()
    assert loop.words == words
    browser = other.scene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode")
    for item in (3, 1):
        browser.SetSelectedItemNumber(item)
        session.refresh()
        assert (state(session), session.live) == ("current", True)
    table = session.nodes.companion.GetNodeReference("cursor").GetTable()
    assert table.GetColumnByName("time (s)").GetValue(0) == pytest.approx(0.1)
    loop.close()
    session.close()
