"""A loop's explanations as sequences of its browser: every frame shows its own, also after a scene is opened again."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from BreastMassXAILib.core.cine import Cine
from BreastMassXAILib.core.cine_result import ExplainedFrame, FrameResult, summarise
from BreastMassXAILib.core.classifier import Classifier
from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.propagation import MassTrack
from BreastMassXAILib.core.result import Settings

COUNT = 4


@pytest.fixture
def loop(make_case, make_explanation):
    """Explained frames and their summary; frame 3 has no mask."""
    cases = [make_case(seed) for seed in range(COUNT)]
    cine = Cine(COUNT, lambda index: cases[index].frame, np.arange(COUNT) / 25)
    track = MassTrack((index, cases[index].mass) for index in range(COUNT) if index != 2)
    frames = []
    for index in track.annotated:
        explanation = make_explanation(cases[index], index)
        entry = FrameResult.of(cine, index, track.at(index), explanation.result)
        frames.append(ExplainedFrame(entry, cases[index], explanation))
    result = summarise(cine, track, [f.entry for f in frames], {"without a mask": [2]}, Classifier("t", ""), Settings())
    return cases, frames, result


@pytest.fixture
def browser(scene, loop):
    """A user's loop: frames, and a segmentation sequence that lacks frame 3."""
    from BreastMassXAILib.scene.loops import add_cine, add_masses, append_frame

    cases, frames, _ = loop
    node = add_cine(scene, "N", timed=True)
    for index, case in enumerate(cases):
        append_frame(node, case.frame, index / 25)
    add_masses(node, ((frame.entry.index, frame.case.mass) for frame in frames), "my mass")
    return node


def show(browser, loop, frames=None):
    from BreastMassXAILib.scene.cine import show_cine_explanation

    explanations = [(frame.entry.index, frame.explanation) for frame in (frames or loop[1])]
    return show_cine_explanation(
        browser, explanations, loop[2], mass_segmentation=browser.GetScene().GetFirstNodeByName("my mass")
    )


def check_shown(nodes, case, explanation) -> None:
    """The proxies show this frame with this explanation."""
    from BreastMassXAILib.scene.arrays import array_of
    from BreastMassXAILib.scene.companion import restored_result

    shown = nodes.explanation
    np.testing.assert_array_equal(array_of(shown.frame.GetImageData())[0], case.frame.pixels)
    np.testing.assert_array_equal(array_of(shown.saliency.GetImageData())[0], explanation.saliency)
    np.testing.assert_array_equal(array_of(shown.regions.GetImageData())[0], explanation.labels)
    assert restored_result(shown.frame) == explanation.result
    for index, point in enumerate(explanation.result.extremes.values()):
        expected = (-0.23 * point.column, -0.31 * point.row, 0)
        assert shown.extremes.GetNthControlPointPosition(index) == pytest.approx(expected)
    shares = shown.table.GetTable().GetColumnByName("contribution (logit)")
    assert shares.GetValue(5) == pytest.approx(explanation.result.logit, rel=1e-5)


def test_frames_and_masks_are_read_from_sequences(scene, browser, loop) -> None:
    from BreastMassXAILib.scene.loops import cine_of, masks_of

    cases, frames, _ = loop
    browser.SetSelectedItemNumber(1)
    cine = cine_of(browser)
    assert len(cine) == COUNT and cine.times_s == pytest.approx(np.arange(COUNT) / 25)
    for index, frame in enumerate(cine):
        np.testing.assert_array_equal(frame.pixels, cases[index].frame.pixels)
        assert frame.spacing.provenance is cases[index].frame.spacing.provenance
    masks = dict(masks_of(browser, scene.GetFirstNodeByName("my mass"), "mass"))
    assert sorted(masks) == [0, 1, 3]
    for frame in frames:
        np.testing.assert_array_equal(masks[frame.entry.index], frame.case.mass)


def test_a_segmentation_outside_the_browser_is_the_mask_of_the_frame_shown(scene, browser, loop) -> None:
    from BreastMassXAILib.scene.inputs import add_mass
    from BreastMassXAILib.scene.loops import masks_of

    browser.SetSelectedItemNumber(2)
    single = add_mass(scene, loop[0][2].mass, browser.GetProxyNode(browser.GetMasterSequenceNode()), "single")
    ((index, mask),) = masks_of(browser, single, "mass")
    assert index == 2
    np.testing.assert_array_equal(mask, loop[0][2].mass)


def test_a_browser_without_images_is_refused(scene, loop) -> None:
    from BreastMassXAILib.scene.cine import cine_nodes
    from BreastMassXAILib.scene.loops import add_cine, cine_of

    empty = add_cine(scene, "empty", timed=False)
    assert cine_nodes(empty) is None
    for work in (lambda: cine_of(empty), lambda: show(empty, loop)):
        with pytest.raises(InputError, match="empty browser"):
            work()


def test_every_frame_shows_its_own_explanation(browser, loop) -> None:
    from BreastMassXAILib.scene.cine import cine_nodes

    cases, frames, result = loop
    nodes = show(browser, loop)
    assert cine_nodes(browser) == nodes
    for place in (2, 0, 1, 0):
        frame = frames[place]
        browser.SetSelectedItemNumber(frame.entry.index)
        check_shown(nodes, cases[frame.entry.index], frame.explanation)
    names = [getattr(nodes.explanation, role).GetName() for role in ("saliency", "regions", "extremes", "table")]
    assert names == ["N saliency", "N regions", "N extremes", "N pointing game"]
    limit = max(np.abs(frame.explanation.saliency).max() for frame in frames)
    assert nodes.explanation.saliency.GetDisplayNode().GetWindowLevelMax() == pytest.approx(limit)
    probability = nodes.curve.GetTable().GetColumnByName("probability")
    assert [probability.GetValue(i) for i in range(3)] == [f.result.probability for f in result.frames]
    assert nodes.chart.GetNumberOfPlotSeriesNodes() == 3


def test_nothing_of_another_frame_is_shown_on_a_frame_without_explanation(browser, loop) -> None:
    from BreastMassXAILib.scene.companion import restored_result

    nodes = show(browser, loop)
    for before in (1, 3):
        browser.SetSelectedItemNumber(before)
        browser.SetSelectedItemNumber(2)
        shown = nodes.explanation
        assert shown.saliency.GetImageData() is None and shown.regions.GetImageData() is None
        assert shown.extremes.GetNumberOfControlPoints() == 0 and shown.table.GetNumberOfRows() == 0
        assert restored_result(shown.frame) is None
    browser.SetSelectedItemNumber(3)
    check_shown(nodes, loop[0][3], loop[1][2].explanation)


def test_a_second_run_updates_in_place(browser, loop, make_explanation) -> None:
    nodes = show(browser, loop)
    scene, cases = browser.GetScene(), loop[0]
    count = scene.GetNumberOfNodes()
    browser.SetSelectedItemNumber(1)
    changed = [
        ExplainedFrame(frame.entry, frame.case, make_explanation(frame.case, 50 + frame.entry.index))
        for frame in loop[1][:2]
    ]
    assert show(browser, loop, changed) == nodes
    assert scene.GetNumberOfNodes() == count
    check_shown(nodes, cases[1], changed[1].explanation)
    browser.SetSelectedItemNumber(3)  # explained by the first run only
    assert nodes.explanation.saliency.GetImageData() is None
    browser.SetSelectedItemNumber(0)
    check_shown(nodes, cases[0], changed[0].explanation)
    assert nodes.sequences["saliency"].GetNumberOfDataNodes() == 2


def test_the_frame_shown_can_be_explained_again_and_keeps_it(browser, loop, make_explanation) -> None:
    """What the panel does while a mask is edited."""
    from BreastMassXAILib.scene.explanation import show_explanation

    nodes = show(browser, loop)
    browser.SetSelectedItemNumber(1)
    count = browser.GetScene().GetNumberOfNodes()
    fresh = make_explanation(loop[0][1], 77)
    show_explanation(browser.GetScene(), nodes.explanation.frame, fresh, mass_segmentation=nodes.explanation.mass)
    assert browser.GetScene().GetNumberOfNodes() == count
    browser.SetSelectedItemNumber(0)
    check_shown(nodes, loop[0][0], loop[1][0].explanation)
    browser.SetSelectedItemNumber(1)
    check_shown(nodes, loop[0][1], fresh)


def test_a_loop_replaces_a_single_frames_explanation(browser, loop, make_explanation) -> None:
    from BreastMassXAILib.scene.explanation import explanation_nodes, show_explanation

    scene = browser.GetScene()
    frame_node = browser.GetProxyNode(browser.GetMasterSequenceNode())
    single = show_explanation(scene, frame_node, make_explanation(loop[0][0], 9))
    segments = single.segments.GetID()
    nodes = show(browser, loop)
    assert nodes.explanation.saliency is single.saliency
    assert scene.GetNodeByID(segments) is None and explanation_nodes(frame_node) == nodes.explanation


def test_a_users_sequences_are_not_touched(browser, loop) -> None:
    frames = browser.GetMasterSequenceNode()
    masses = browser.GetSequenceNode(browser.GetScene().GetFirstNodeByName("my mass"))
    before = [sequence.GetMTime() for sequence in (frames, masses)]
    show(browser, loop)
    assert [sequence.GetMTime() for sequence in (frames, masses)] == before
    assert (frames.GetNumberOfDataNodes(), masses.GetNumberOfDataNodes()) == (4, 3)


def test_a_saved_loop_opens_synchronised_and_with_the_same_bytes(headless, loop, tmp_path: Path) -> None:
    from BreastMassXAILib.hosts.headless import HeadlessSlicer
    from BreastMassXAILib.scene.cine import cine_nodes
    from BreastMassXAILib.scene.loops import cine_of, masks_of

    _, frames, result = loop
    headless.add_cine(frames, result, "N")
    path = tmp_path / "scene.mrb"
    headless.save(path)
    first = path.read_bytes()
    headless.save(path)
    assert path.read_bytes() == first
    with zipfile.ZipFile(path) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
    assert str(tmp_path).encode() not in everything and b"/tmp" not in everything

    fresh = HeadlessSlicer()
    fresh.load(path)
    browser = fresh.scene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode")
    nodes = cine_nodes(browser)
    assert [index for index, _ in masks_of(browser, nodes.explanation.mass, "mass")] == [0, 1, 2]
    assert len(cine_of(browser)) == 3
    assert frames[browser.GetSelectedItemNumber()].entry.index == result.strongest
    for item in (2, 0, 1):
        browser.SetSelectedItemNumber(item)
        check_shown(nodes, frames[item].case, frames[item].explanation)
    assert nodes.chart.GetNumberOfPlotSeriesNodes() == 3
    count = fresh.scene.GetNumberOfNodes()
    browser.SetSelectedItemNumber(0)
    again = show(browser, (None, [ExplainedFrame(f.entry, f.case, f.explanation) for f in frames[:1]], result))
    assert again.explanation.saliency is nodes.explanation.saliency and fresh.scene.GetNumberOfNodes() == count


def test_a_loop_can_be_pictured(headless, loop, tmp_path: Path) -> None:
    from PIL import Image

    nodes = headless.add_cine(loop[1], loop[2], "N")
    headless.snapshot(nodes.explanation, tmp_path / "view.png", (400, 300))
    red, _, blue = np.moveaxis(np.array(Image.open(tmp_path / "view.png").convert("RGB")).astype(int), 2, 0)
    assert ((red - blue) > 60).sum() > 300
