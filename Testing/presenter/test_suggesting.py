"""Suggest, click, edit, accept, undo, save: the shipped outline network in a headless Slicer."""

import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.frame import MaskOrigin
from BreastMassXAILib.core.outline import Click
from BreastMassXAILib.core.warnings import UNCONFIRMED

MIDDLE, AWAY = Click(207, 317), Click(210, 420, inside=False)
"""In the mass of the benign-looking sample, and a part of it to be taken away."""


@pytest.fixture
def desk(scene, benign, worker, finish):
    """A scene with a frame and no mass, a session that has it, and the Segment Editor's undo."""
    import slicer

    from BreastMassXAILib.presenter.session import Session
    from BreastMassXAILib.presenter.suggesting import Suggesting
    from BreastMassXAILib.scene.inputs import add_frame, mass_of, set_segments

    frame = add_frame(scene, benign.frame, "N")
    session = Session(scene)
    session.set_inputs(frame)
    history = slicer.vtkSegmentationHistory()
    told: list[str] = []

    def choose(node, segment_id):
        session.set_inputs(frame, node, segment_id)
        history.SetSegmentation(node.GetSegmentation())

    suggesting = Suggesting(session, choose, history.SaveState)

    def done(sentence, details=""):
        told.append(sentence)

    def wait():
        finish(worker, 120)
        session.refresh()
        return told[-1]

    def suggest():
        suggesting.suggest(worker, done, done)
        return wait()

    def click(*places):
        for place in places:
            suggesting.click(worker, place, done, done)
        return wait()

    def mass():
        _, node, segment_id = session.inputs
        return mass_of(node, segment_id, frame)

    def paint(image):
        set_segments(session.inputs[1], image.astype(np.uint8), frame, {"mass": (1.0, 1.0, 0.0)})
        session.refresh()

    def undo():
        history.RestorePreviousState()
        session.refresh()

    yield SimpleNamespace(
        frame=frame,
        session=session,
        history=history,
        suggesting=suggesting,
        told=told,
        choose=choose,
        suggest=suggest,
        click=click,
        mass=mass,
        paint=paint,
        undo=undo,
    )
    session.close()


def dice(first, second):
    return 2 * np.count_nonzero(first & second) / (np.count_nonzero(first) + np.count_nonzero(second))


def test_from_suggest_to_accept_and_back(desk, benign):
    suggesting, session = desk.suggesting, desk.session
    assert suggesting.can_suggest and not suggesting.can_accept and suggesting.origin is None
    assert "Outlined with confidence" in desk.suggest()
    suggested = desk.mass()
    assert dice(suggested, benign.mass) > 0.8
    assert suggesting.origin is MaskOrigin.AUTOMATIC and suggesting.can_accept
    session.explain()
    assert session.result.mask["origin"] == "automatic" and UNCONFIRMED in session.result.warnings
    assert "automatic" in session.note
    logit = session.result.logit

    suggesting.accept()
    assert session.result.mask["origin"] == "accepted" and session.result.logit == logit
    assert UNCONFIRMED not in session.result.warnings and "automatic" not in session.note
    assert suggesting.origin is MaskOrigin.ACCEPTED and not suggesting.can_accept
    with pytest.raises(InputError, match="no suggested outline"):
        suggesting.accept()

    desk.history.SaveState()
    desk.paint(suggested | np.roll(suggested, 2, axis=1))
    assert session.result.mask["origin"] == "edited" and session.status.state.value == "current"
    desk.undo()
    assert session.result.mask["origin"] == "accepted"
    np.testing.assert_array_equal(desk.mass(), suggested)
    desk.undo()
    assert session.result.mask["origin"] == "automatic" and suggesting.can_accept
    desk.undo()
    assert not desk.mass().any() and suggesting.origin is None


def test_a_saved_scene_keeps_who_outlined_the_mass(desk, headless, tmp_path):
    from BreastMassXAILib.hosts.headless import HeadlessSlicer
    from BreastMassXAILib.presenter.session import Session

    desk.suggest()
    desk.session.explain()
    for origin in ("automatic", "accepted", "edited"):
        if origin == "accepted":
            desk.suggesting.accept()
        elif origin == "edited":
            desk.paint(desk.mass() & (np.arange(desk.mass().shape[1]) < 440))
        assert desk.session.result.mask["origin"] == origin
        headless.save(tmp_path / f"{origin}.mrb")
        other = HeadlessSlicer()
        other.load(tmp_path / f"{origin}.mrb")
        session = Session(other.scene)
        frame = other.scene.GetFirstNodeByName("N")
        session.set_inputs(frame, *session.mass_for(frame, None, ""))
        assert session.look()[0].mass_origin.value == session.result.mask["origin"] == origin
        assert session.result == desk.session.result and session.status.state.value == "current"
        session.close()


def test_a_further_click_adds_or_takes_away_and_an_edit_begins_anew(desk, benign):
    desk.click(MIDDLE)
    first = desk.mass()
    assert dice(first, benign.mass) > 0.8 and desk.suggesting.clicks == (MIDDLE,)
    desk.click(AWAY)
    assert desk.suggesting.clicks == (MIDDLE, AWAY) and not np.array_equal(desk.mass(), first)
    more = Click(190, 240)
    desk.click(more)
    assert desk.suggesting.clicks == (MIDDLE, AWAY, more) and desk.mass()[190, 240]
    desk.paint(first & (np.arange(first.shape[1]) < 330))
    assert desk.suggesting.clicks == () and desk.suggesting.origin is MaskOrigin.EDITED
    desk.click(MIDDLE)
    assert desk.suggesting.clicks == (MIDDLE,)
    np.testing.assert_array_equal(desk.mass(), first)
    desk.suggest()
    assert desk.suggesting.clicks == ()


def test_two_clicks_in_a_row_are_both_heard(desk):
    desk.click(MIDDLE, AWAY)
    assert len(desk.told) == 2 and desk.suggesting.clicks == (MIDDLE, AWAY)


def test_what_is_refused_changes_nothing(desk, scene):
    desk.click(MIDDLE)
    before, count = desk.mass(), scene.GetNumberOfNodes()
    assert "outside the frame" in desk.click(Click(-5, 3))
    assert desk.suggesting.clicks == (MIDDLE,)
    np.testing.assert_array_equal(desk.mass(), before)
    assert scene.GetNumberOfNodes() == count and desk.suggesting.origin is MaskOrigin.AUTOMATIC
    desk.session.set_inputs(None)
    with pytest.raises(InputError, match="Choose an image"):
        desk.suggest()


def test_no_mass_is_told_with_its_confidence(desk, scene):
    from BreastMassXAILib.pipeline import load_outliner

    desk.suggesting._outliner = replace(load_outliner(), least_confidence=1.01)  # sure of nothing
    assert "No mass was found" in desk.suggest() and "confidence" in desk.told[-1]
    assert "No mass was found" in desk.click(MIDDLE) and desk.suggesting.clicks == ()
    assert desk.session.inputs[1] is None and not scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")


def test_a_mass_of_the_users_own_is_left_alone(desk, scene, benign):
    from BreastMassXAILib.scene.inputs import MASS_ATTRIBUTE, add_mass, mass_of

    own = add_mass(scene, benign.mass, desk.frame, "mine")
    own.SetAttribute(MASS_ATTRIBUTE, None)  # as the Segment Editor module makes it
    desk.choose(own, "mass")
    desk.suggest()
    assert desk.session.inputs[1] is not own
    np.testing.assert_array_equal(mass_of(own, "mass", desk.frame), benign.mass)


def test_only_the_first_look_takes_time(desk):
    """0.5 s is what a person is promised on two cores; here processor time counts, as others may be at work."""
    job = desk.suggesting.prepare()
    answer = job.run()
    desk.suggesting.finish(job, answer)
    again = desk.suggesting.prepare()
    assert again.look is answer[1] and again.outliner is answer[0]
    spent = []
    for _ in range(3):
        start = time.process_time()
        found = again.run()
        spent.append(time.process_time() - start)
        assert found[1] is answer[1], "the trunk must not run again"
    assert min(spent) < 1.0


def test_points_lie_on_the_frame_where_they_were_placed(desk, scene):
    from BreastMassXAILib.scene.clicks import (
        begin_clicks,
        clicks_in,
        end_clicks,
        newest_place,
        place_at,
        show_clicks,
        world_at,
    )

    np.testing.assert_allclose(place_at(desk.frame, world_at(desk.frame, 12.5, 40)), (12.5, 40), atol=1e-9)
    node = begin_clicks(scene, desk.frame)
    assert newest_place(node, desk.frame) is None
    node.AddControlPointWorld(world_at(desk.frame, 30, 60))
    np.testing.assert_allclose(newest_place(node, desk.frame), (30, 60), atol=1e-6)
    show_clicks(node, desk.frame, [(30, 60, True), (5, 6, False)])
    assert [node.GetNthControlPointLabel(index) for index in range(2)] == ["+", "-"]
    again = begin_clicks(scene, desk.frame)
    assert clicks_in(scene) == [again]
    end_clicks(scene)
    assert clicks_in(scene) == []
