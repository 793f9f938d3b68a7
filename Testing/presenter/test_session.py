"""A session in a scene: states, the network's pass, live updates, stale marks, undo, restored scenes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from BreastMassXAILib.core.errors import BreastMassXAIError, InputError
from BreastMassXAILib.core.frame import MaskOrigin
from BreastMassXAILib.core.result import Settings
from BreastMassXAILib.presenter.models import shipped_models
from BreastMassXAILib.presenter.words import notes_of


@pytest.fixture
def session(room):
    return room.session


@pytest.fixture
def explained(session):
    session.explain()
    return session


@pytest.fixture
def without_network(explained, monkeypatch):
    """From here on, a pass of the network is an error."""
    from BreastMassXAILib.network import cam

    def refuse(*_arguments):
        raise AssertionError("the network was run")

    monkeypatch.setattr(cam, "class_activation_map", refuse)
    return explained


def voxels(node) -> np.ndarray:
    from BreastMassXAILib.scene.arrays import array_of

    return array_of(node.GetImageData())[0]


def state(session) -> str:
    return session.status.state.value


def grown(mass: np.ndarray, pixels: int) -> np.ndarray:
    return ndimage.binary_dilation(mass, iterations=pixels)


def test_each_missing_input_is_one_sentence(room, session) -> None:
    assert state(session) == "ready"
    for inputs, word in (
        ((None,), "image"),
        ((room.frame,), "segmentation"),
        ((room.frame, room.mass), "segment"),
        ((room.frame, room.mass, "nobody"), "segment"),
    ):
        session.set_inputs(*inputs)
        assert state(session) in ("empty", "missing")
        assert word in session.status.sentence
        assert session.status.sentence.count(".") == 1
        assert not session.can_explain
        with pytest.raises(InputError):
            session.prepare()
    session.set_inputs(room.frame, room.mass, "mass")
    assert state(session) == "ready"
    assert session.can_explain


def test_an_empty_mass_is_missing(room, session) -> None:
    room.paint(np.zeros_like(room.case.mass))
    session.refresh()
    assert (state(session), "empty" in session.status.sentence) == ("missing", True)


def test_unknown_pixel_size_is_missing_until_a_width_is_assumed_or_no_ring_is_wanted(room, session) -> None:
    from BreastMassXAILib.core.frame import Spacing
    from BreastMassXAILib.scene.inputs import add_frame, add_mass

    frame_node = add_frame(room.scene, room.case.frame.with_spacing(Spacing.unknown()), "U")
    session.set_inputs(frame_node, add_mass(room.scene, room.case.mass, frame_node, "U mass"), "mass")
    assert (state(session), session.facts.badge.value) == ("missing", "unknown")
    session.settings = Settings(ring_mm=0)
    assert session.due
    session.refresh()
    assert state(session) == "ready"
    session.settings = Settings()
    session.assumed_width_mm = 38.0
    session.refresh()
    assert (state(session), session.facts.badge.value) == ("ready", "assumed")
    assert session.explain().spacing_provenance == "assumed"


def test_the_facts_tell_size_spacing_and_provenance(session, room) -> None:
    rows, columns = room.case.frame.shape
    assert session.facts.image == f"{columns} x {rows} pixels"
    assert "ultrasound region" in session.facts.spacing
    assert session.facts.badge.value == "good"


def test_explain_gives_what_the_command_line_gives(room, session) -> None:
    from BreastMassXAILib.core.beams import with_beams
    from BreastMassXAILib.core.scan_area import with_scan_area
    from BreastMassXAILib.pipeline import analyze, load_model

    case = room.case
    session.show_case(*session.inputs, case)
    found = session.explain()
    prepared = replace(case, frame=with_beams(with_scan_area(case.frame, case.mass)))
    assert found == analyze(prepared, load_model(), Settings()).result
    assert found.frame["file_name"] == "malignant.dcm"
    assert state(session) == "current"
    assert session.nodes.saliency.GetName() == "N saliency"


def test_what_the_panel_shows(explained) -> None:
    result = explained.result
    assert [row.region for row in explained.table] == ["mass", "peritumoral", "below", "elsewhere"]
    assert sum(row.contribution for row in explained.table) + result.bias == pytest.approx(result.logit, abs=1e-5)
    hits = " ".join(row.hit for row in explained.table).replace(",", " ").split()
    assert sorted(hits) == ["max", "min"]
    assert explained.bars[-1].value == result.logit
    assert explained.gauge.probability == result.probability
    assert explained.decision.lower().startswith(result.decision)


def test_a_suspended_decision_says_because(explained) -> None:
    assert not explained.decision.startswith("Suspended")
    result = explained.result
    explained.settings = Settings(grey_zone=abs(result.probability - result.threshold) + 0.01)
    explained.refresh()
    assert explained.result.decision == "suspended"
    assert explained.decision.startswith("Suspended, because ")
    assert explained.gauge.grey_low <= explained.gauge.threshold <= explained.gauge.grey_high


def test_an_edited_mass_is_followed_without_the_network(room, without_network) -> None:
    session = without_network
    before, count = session.result, room.scene.GetNumberOfNodes()
    room.paint(grown(room.case.mass, 1))
    assert session.due
    assert state(session) == "updating"
    session.refresh()
    assert state(session) == "current"
    assert not session.due
    assert session.result.logit == before.logit
    assert session.result.area_fraction["mass"] > before.area_fraction["mass"]
    assert room.scene.GetNumberOfNodes() == count
    assert (voxels(session.nodes.regions) == 1).sum() == grown(room.case.mass, 1).sum()


@pytest.mark.parametrize("seed", range(4))
def test_a_live_update_is_a_fresh_explanation_on_the_same_field(room, without_network, seed: int) -> None:
    """Masses of any shape, anywhere: the same regions, hits and contributions as from nothing."""
    from BreastMassXAILib.core.beams import with_beams
    from BreastMassXAILib.core.explain import explain
    from BreastMassXAILib.core.scan_area import with_scan_area
    from BreastMassXAILib.presenter.passes import restored
    from BreastMassXAILib.scene.companion import kept_network
    from BreastMassXAILib.scene.inputs import frame_of

    session = without_network
    generator = np.random.default_rng(seed)
    rows, columns = room.case.frame.shape
    noise = ndimage.gaussian_filter(generator.normal(size=(rows, columns)), 12)
    row, column = np.nonzero(room.case.mass)
    near = np.zeros_like(room.case.mass)
    near[row.min() : row.max(), column.min() : column.max()] = True
    mass = (noise > np.quantile(noise[near], 0.6)) & near
    settings = Settings(ring_mm=float(generator.uniform(1, 8)), grey_zone=0.1)
    room.paint(mass)
    session.settings = settings
    session.refresh()
    found, _ = restored(kept_network(room.frame))
    frame = frame_of(room.frame)
    settled = with_beams(with_scan_area(frame, mass))
    case = replace(room.case, frame=settled, mass=mass, mass_source=None, mass_origin=MaskOrigin.EDITED)
    fresh = explain(case, found.output, found.classifier, settings, found.software)
    assert session.result == fresh.result
    np.testing.assert_array_equal(voxels(session.nodes.regions), fresh.labels)
    np.testing.assert_array_equal(voxels(session.nodes.saliency), fresh.saliency)


def test_every_setting_is_followed_and_going_back_is_exact(room, without_network) -> None:
    session, first = without_network, without_network.result
    session.settings = Settings(ring_mm=2.0)
    session.refresh()
    assert session.result.ring_mm == 2.0
    assert session.result.area_fraction["peritumoral"] < first.area_fraction["peritumoral"]
    session.settings = Settings()
    session.refresh()
    assert session.result == first
    assert state(session) == "current"


def test_a_mass_that_moves_the_square_is_shown_and_stale(room, without_network) -> None:
    from BreastMassXAILib.scene.companion import stale_reason

    session, first = without_network, without_network.result
    room.paint(np.roll(room.case.mass, 60, axis=1))
    session.refresh()
    assert state(session) == "stale"
    assert "Explain again" in session.status.sentence
    assert session.result.field == first.field  # the pass' own, not the mass' as it is now
    assert session.nodes.legend.GetTitleText() == "logit, out of date"
    assert stale_reason(room.frame) == session.status.sentence
    room.paint(room.case.mass)
    session.refresh()
    assert (state(session), session.result) == ("current", first)
    assert session.nodes.legend.GetTitleText() == "logit"
    assert stale_reason(room.frame) is None


def test_the_square_may_move_by_half_a_cell(room, explained) -> None:
    from BreastMassXAILib.presenter.passes import restored
    from BreastMassXAILib.scene.companion import kept_network

    found, _ = restored(kept_network(room.frame))
    half = found.output.field.width / found.output.cells.shape[1] / 2
    for pixels, fits in ((int(half), True), (int(half) + 1, False)):
        case = replace(room.case, mass=np.roll(room.case.mass, pixels, axis=1))
        assert found.fits(case) is fits


def test_explained_again_a_moved_mass_has_an_answer_of_its_own(room, explained) -> None:
    """The inputs are those of the stale explanation that is shown; only the network's field is another."""
    first = explained.result
    room.paint(np.roll(room.case.mass, 60, axis=1))
    explained.refresh()
    explained.explain()
    assert state(explained) == "current"
    assert explained.result.logit != first.logit
    assert explained.result.field["column"] == first.field["column"] + 60


def test_an_erased_mass_is_stale_and_says_why(room, explained) -> None:
    room.paint(np.zeros_like(room.case.mass))
    explained.refresh()
    assert state(explained) == "stale"
    assert "empty" in explained.status.sentence
    assert not explained.can_explain
    room.paint(room.case.mass)
    explained.refresh()
    assert state(explained) == "current"


def test_other_voxels_are_stale_until_the_network_ran_again(room, explained) -> None:
    from BreastMassXAILib.scene.arrays import set_volume_array

    first, pixels = explained.result, voxels(room.frame).copy()
    set_volume_array(room.frame, 255 - pixels)
    assert explained.due
    explained.refresh()
    assert state(explained) == "stale"
    explained.explain()
    assert state(explained) == "current"
    assert explained.result.logit != first.logit
    set_volume_array(room.frame, pixels)  # as a loop does that comes back: known already
    explained.refresh()
    assert (state(explained), explained.result) == ("current", first)


def test_another_model_is_stale(room, explained, tmp_path) -> None:
    import json
    import shutil

    from BreastMassXAILib.presenter.models import model_at

    first, shipped = explained.result, explained.model
    shutil.copytree(shipped.folder, tmp_path / "other")
    description = json.loads((shipped.folder / "model.json").read_text())
    changed = {"name": "other", "threshold": 0.01, "operating_points": {}, "suspension": None}
    (tmp_path / "other" / "model.json").write_text(json.dumps({**description, **changed}))
    explained.model = model_at(tmp_path / "other")
    explained.refresh()
    assert (state(explained), "model" in explained.status.sentence) == ("stale", True)
    explained.explain()
    assert (state(explained), explained.result.model["name"]) == ("current", "other")
    explained.model = shipped
    explained.refresh()
    assert (state(explained), explained.result) == ("current", first)


def test_calibration_is_followed(room, without_network) -> None:
    session = without_network
    before = session.result
    spacing = room.frame.GetSpacing()
    room.frame.SetSpacing(spacing[0] * 2, spacing[1] * 2, 1)
    room.mass.SetReferenceImageGeometryParameterFromVolumeNode(room.frame)
    room.paint(room.case.mass)
    session.refresh()
    assert state(session) == "current"
    assert session.result.spacing_mm == pytest.approx(tuple(2 * size for size in before.spacing_mm))
    assert session.result.area_fraction["peritumoral"] < before.area_fraction["peritumoral"]


def test_undo_and_redo_of_the_mass_keep_in_step(room, without_network) -> None:
    """A segment editor's undo puts earlier representations back and modifies the segment only."""
    import slicer

    session, first = without_network, without_network.result
    name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    history = slicer.vtkSegmentationHistory()
    history.SetSegmentation(room.mass.GetSegmentation())
    history.SaveState()
    segment = room.mass.GetSegmentation().GetSegment("mass")
    image = slicer.vtkOrientedImageData()
    image.DeepCopy(segment.GetRepresentation(name))
    from BreastMassXAILib.scene.arrays import array_of

    array_of(image)[0][:] = grown(room.case.mass, 1)
    segment.AddRepresentation(name, image)
    room.mass.GetSegmentation().InvokeEvent(slicer.vtkSegmentation.SourceRepresentationModified)
    session.refresh()
    edited = session.result
    assert edited.area_fraction["mass"] > first.area_fraction["mass"]
    assert history.RestorePreviousState()
    assert session.due
    session.refresh()
    assert (state(session), session.result) == ("current", first)
    assert history.RestoreNextState()
    session.refresh()
    assert (state(session), session.result) == ("current", edited)


def test_nothing_is_written_to_the_users_nodes(room, explained) -> None:
    times = [room.frame.GetMTime(), room.mass.GetMTime(), room.mass.GetDisplayNode().GetMTime()]
    explained.settings = Settings(ring_mm=3)
    explained.refresh()
    explained.explain()
    assert [room.frame.GetMTime(), room.mass.GetMTime(), room.mass.GetDisplayNode().GetMTime()] == times


def test_a_second_explanation_makes_no_node(room, explained) -> None:
    count = room.scene.GetNumberOfNodes()
    explained.explain()
    assert room.scene.GetNumberOfNodes() == count


def test_explaining_in_the_workers_thread(room, session, worker, finish) -> None:
    heard = []
    session.on_change(lambda: heard.append(state(session)))
    session.start(worker)
    assert state(session) == "running"
    assert not session.can_explain
    finish(worker)
    assert state(session) == "current"
    assert heard[0] == "running"
    assert heard[-1] == "current"


def test_a_mass_that_is_edited_meanwhile_is_followed_when_the_answer_comes(room, session) -> None:
    job = session.prepare()
    answer = job.run()
    room.paint(np.roll(room.case.mass, 60, axis=1))
    session.refresh()
    assert state(session) == "running"
    session.finish(job, answer)
    assert state(session) == "stale"
    assert (voxels(session.nodes.regions) == 1).sum() == room.case.mass.sum()


def test_an_answer_for_another_image_is_not_shown_on_this_one(room, session) -> None:
    from BreastMassXAILib.scene.arrays import set_volume_array

    job = session.prepare()
    answer = job.run()
    pixels = voxels(room.frame).copy()
    set_volume_array(room.frame, 255 - pixels)
    session.finish(job, answer)
    assert (state(session), session.result, session.nodes) == ("ready", None, None)
    assert "changed" in session.status.sentence
    set_volume_array(room.frame, pixels)
    session.refresh()
    assert (state(session), session.result.logit) == ("current", answer.output.logit)


def test_an_answer_lands_on_its_own_frame_when_another_was_chosen_meanwhile(room, session, benign) -> None:
    from BreastMassXAILib.scene.companion import restored_result
    from BreastMassXAILib.scene.inputs import add_frame, add_mass

    job = session.prepare()
    answer = job.run()
    frame_node = add_frame(room.scene, benign.frame, "other")
    session.set_inputs(frame_node, add_mass(room.scene, benign.mass, frame_node, "other mass"), "mass")
    session.finish(job, answer)
    assert (state(session), session.result) == ("ready", None)
    assert restored_result(room.frame).logit == answer.output.logit
    session.set_inputs(room.frame, room.mass, "mass")
    assert state(session) == "current"


def test_a_failure_is_one_sentence_with_details_until_something_changes(
    room, session, worker, finish, tmp_path
) -> None:
    import shutil

    from BreastMassXAILib.presenter.models import model_at

    good = session.model
    shutil.copytree(good.folder, tmp_path / "broken")
    (tmp_path / "broken" / "weights.safetensors").write_bytes(b"no weights")
    session.model = model_at(tmp_path / "broken")
    session.refresh()
    session.start(worker)
    finish(worker)
    assert state(session) == "failed"
    assert "altered" in session.status.sentence
    assert "Traceback" in session.status.details
    assert "Traceback" not in session.status.sentence
    session.model = good
    session.refresh()
    assert state(session) == "ready"


def test_cancelled_before_it_began(room, session, worker, finish) -> None:
    session.start(worker)
    worker.cancel()
    finish(worker)
    assert (state(session), session.result) == ("ready", None)


def test_taken_away_nodes_are_not_made_again_unasked(room, explained) -> None:
    room.scene.RemoveNode(explained.nodes.saliency)
    assert explained.due
    explained.refresh()
    assert (state(explained), explained.result) == ("ready", None)
    room.paint(grown(room.case.mass, 1))
    explained.refresh()
    assert state(explained) == "ready"
    explained.explain()
    assert explained.nodes is not None


def test_a_removed_frame_leaves_an_empty_session(room, explained) -> None:
    room.scene.RemoveNode(room.frame)
    explained.refresh()
    assert state(explained) == "empty"
    room.scene.Clear(0)
    explained.refresh()
    assert state(explained) == "empty"


def reopened(path, benign=None):
    """A fresh scene from a file, and a session on the frame in it."""
    from BreastMassXAILib.hosts.headless import HeadlessSlicer
    from BreastMassXAILib.presenter.session import Session

    headless = HeadlessSlicer()
    headless.load(path)
    scene = headless.scene
    frame = scene.GetFirstNodeByName("N")
    mass = scene.GetFirstNodeByName("my mass")
    return headless, Session(scene), frame, mass


def test_a_restored_scene_shows_and_follows_without_the_network(room, headless, without_network, tmp_path) -> None:
    first = without_network.result
    headless.save(tmp_path / "a.mrb")
    other, session, frame, mass = reopened(tmp_path / "a.mrb")
    session.set_inputs(frame, mass, "mass")
    assert (state(session), session.result, session.live) == ("current", first, True)
    assert session.explained[1].result == first
    count = other.scene.GetNumberOfNodes()
    session.settings = Settings(ring_mm=2)
    session.refresh()
    assert (state(session), session.result.ring_mm) == ("current", 2)
    assert other.scene.GetNumberOfNodes() == count


def test_a_stale_mark_is_restored(room, headless, explained, tmp_path) -> None:
    from BreastMassXAILib.scene.companion import stale_reason

    room.paint(np.roll(room.case.mass, 60, axis=1))
    explained.refresh()
    headless.save(tmp_path / "a.mrb")
    _, session, frame, mass = reopened(tmp_path / "a.mrb")
    assert stale_reason(frame) == explained.status.sentence
    session.set_inputs(frame, mass, "mass")
    assert session.status == explained.status


def test_a_scene_of_the_command_line_is_shown_and_says_that_it_cannot_be_followed(room, headless, tmp_path) -> None:
    from BreastMassXAILib.hosts.headless import save_scene
    from BreastMassXAILib.pipeline import analyze, load_model

    explanation = analyze(room.case, load_model(), Settings())
    save_scene(room.case, explanation, tmp_path / "a.mrb", "N")
    _, session, frame, _ = reopened(tmp_path / "a.mrb")
    session.set_inputs(frame)
    session.set_inputs(frame, *session.suggested_mass)
    assert (state(session), session.result, session.live) == ("current", explanation.result, False)
    session.settings = Settings(ring_mm=2)
    session.refresh()
    assert (state(session), "press Explain" in session.status.sentence) == ("stale", True)


def test_a_loop_that_shows_another_frame(scene, malignant, benign) -> None:
    """Each frame of a sequence is another frame; one that was explained is known when it is shown again."""
    from BreastMassXAILib.presenter.session import Session
    from BreastMassXAILib.scene.loops import add_cine, add_masses, append_frame

    mirrored = replace(malignant.frame, pixels=malignant.frame.pixels[:, ::-1], scan_area=None)
    browser = add_cine(scene, "loop", timed=False)
    shown = append_frame(browser, replace(malignant.frame, scan_area=None), 1)
    append_frame(browser, mirrored, 2)
    mass_node = add_masses(browser, [(0, malignant.mass), (1, malignant.mass[:, ::-1])], "loop mass")
    browser.SetSelectedItemNumber(0)
    session = Session(scene)
    session.set_inputs(shown, mass_node, "mass")
    first = session.explain()
    browser.SetSelectedItemNumber(1)
    assert session.due
    session.refresh()
    assert (state(session), "image" in session.status.sentence) == ("stale", True)
    second = session.explain()
    assert second.extremes != first.extremes
    for item, result in ((0, first), (1, second)):
        browser.SetSelectedItemNumber(item)
        session.refresh()
        assert (state(session), session.result) == ("current", result)
    session.close()


def test_a_refused_prepare_leaves_no_job_behind(room, session, worker) -> None:
    session.set_inputs(room.frame, None)
    session.start(worker)
    assert not worker.busy
    assert state(session) == "missing"
    with pytest.raises(BreastMassXAIError):
        session.explain()


def test_a_fixed_range_holds_for_every_case(room, explained) -> None:
    display = explained.nodes.saliency.GetDisplayNode()
    own = display.GetWindowLevelMax()
    explained.saliency_range = 7.5
    assert display.GetWindowLevelMax() == 7.5
    explained.settings = Settings(ring_mm=3)
    explained.refresh()
    assert display.GetWindowLevelMax() == 7.5
    explained.saliency_range = None
    assert display.GetWindowLevelMax() == pytest.approx(own)


def test_another_operating_point_decides_anew_without_the_network(explained) -> None:
    balanced = explained.result
    assert balanced.operating_point == "balanced" and len(notes_of(balanced)) == 3 + len(balanced.warnings)
    assert "out of fold" in notes_of(balanced)[2]
    explained.settings = Settings(operating_point="specific")
    assert explained.due
    explained.refresh()
    specific = explained.result
    assert (specific.operating_point, specific.logit) == ("specific", balanced.logit)
    assert specific.threshold > balanced.threshold


def test_a_model_without_the_point_is_refused_with_a_sentence(explained) -> None:
    older = next(model for model in shipped_models() if model.name == "busbra-frame")
    explained.model = older
    explained.settings = Settings(operating_point="sensitive")
    explained.refresh()
    assert "no operating point 'sensitive'" in explained.status.sentence and not explained.can_explain


def test_another_method_explains_the_same_decision_and_comes_back_at_once(explained) -> None:
    before = explained.result
    explained.settings = Settings(method="hires-cam")
    explained.refresh()
    assert state(explained) == "stale" and "another method's" in explained.status.sentence
    found = explained.explain()
    assert (found.method, found.logit) == ("hires-cam", before.logit)
    assert found.contributions == pytest.approx(before.contributions, abs=1e-4)  # at the last stage it is CAM
    explained.settings = Settings()
    explained.refresh()
    assert state(explained) == "current" and explained.result == before


def test_a_method_without_a_sum_shows_shares(explained) -> None:
    from BreastMassXAILib.presenter.words import method_help, notes_of

    explained.settings = Settings(method="grad-cam++")
    result = explained.explain()
    assert [row.contribution for row in explained.table] == [None] * 4
    assert sum(bar.value for bar in explained.bars) == pytest.approx(1) and len(explained.bars) == 4
    assert explained.table[0].worth == f"{result.energy['mass']:.0%}"
    assert any("do not add up" in note for note in notes_of(result))
    assert method_help("grad-cam:2").startswith("Grad-CAM (stage 2): a stage's output")


def test_the_counter_check_is_made_on_demand_and_not_carried_to_another_mass(room, explained) -> None:
    from BreastMassXAILib.presenter.words import notes_of

    explained.settings = Settings(check="mean")
    explained.refresh()
    assert explained.result.check is None and "press Explain" in " ".join(notes_of(explained.result, check=True))
    found = explained.explain()
    assert found.check["fill"] == "mean" and found.check["evidence"] == found.contributions
    room.paint(grown(room.case.mass, 1))
    explained.refresh()
    assert explained.result.check is None  # another mass: the regions that were replaced are not its own
    room.paint(room.case.mass)
    explained.refresh()
    assert explained.result == found
    restored = type(explained)(room.scene)
    restored.settings = Settings(check="mean")  # as the scene's parameters have it
    restored.set_inputs(*explained.inputs)
    assert restored.result.check == found.check
