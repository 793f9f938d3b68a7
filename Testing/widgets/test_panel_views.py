"""What the whole panel, on the stand-in, lets the slice views show."""

from __future__ import annotations

import numpy as np


def layers(scene, view: str = "Red") -> tuple[str | None, ...]:
    from BreastMassXAILib.scene.views import find_view_node

    node = find_view_node(scene, "vtkMRMLSliceCompositeNode", view)
    found = (node.GetBackgroundVolumeID(), node.GetForegroundVolumeID(), node.GetLabelVolumeID())
    return tuple(scene.GetNodeByID(each).GetName() if each else None for each in found)


def test_try_it_works_again_whenever_its_frame_was_deleted(opened, scene):
    module = opened()
    for _ in range(3):
        module.ui.tryItButton.click()
        module.settle()
        assert module.panel.session.status.state.value == "current", module.ui.statusText.text
        assert layers(scene) == ("malignant phantom", "malignant phantom saliency", "malignant phantom regions")
        scene.RemoveNode(module.panel.parameters.frame)
        module.settle()
        assert layers(scene) == (None, None, None)


def test_another_frame_chosen_after_try_it_is_shown_alone(opened, scene):
    from BreastMassXAILib.core.frame import Frame, Provenance, Spacing
    from BreastMassXAILib.scene.inputs import add_frame

    module = opened()
    module.ui.tryItButton.click()
    module.settle()
    nodes = module.panel.session.nodes
    pixels = np.random.default_rng(0).uniform(0, 255, (60, 80)).astype(np.float32)
    module.panel.parameters.frame = add_frame(scene, Frame(pixels, Spacing(0.1, 0.1, Provenance.HEADER)), "N")
    module.settle()
    assert layers(scene) == ("N", None, None)
    assert module.panel.parameters.segmentation is None
    for node in (nodes.extremes, nodes.mass):
        assert not node.GetDisplayNode().GetVisibility(), node.GetName()
    assert not nodes.legend.GetVisibility()
    module.panel.parameters.frame = nodes.frame
    module.settle()
    assert module.panel.parameters.segmentation is nodes.mass
    assert layers(scene)[1:] == ("malignant phantom saliency", "malignant phantom regions")
    assert nodes.mass.GetDisplayNode().GetVisibility()


def test_an_opened_case_is_shown(opened, scene, tmp_path):
    from BreastMassXAILib.presenter.adding import samples

    lines = ["image,mask,label", *(f"{each.frame},{each.mask},{each.name}" for each in samples())]
    (tmp_path / "cohort.csv").write_text("\n".join(lines))
    module = opened()
    module.panel.cohort.load(tmp_path / "cohort.csv")
    shown = []
    for _ in samples():
        module.ui.nextCaseButton.click()
        module.settle()
        frame = module.panel.parameters.frame
        assert layers(scene) == (frame.GetName(), None, None)
        assert module.panel.parameters.segmentation.GetDisplayNode().GetVisibility()
        shown.append(frame.GetName())
    assert len(set(shown)) == len(samples())


def test_a_closed_scene_takes_its_colour_bars_along_first(opened, scene):
    module = opened()
    module.ui.tryItButton.click()
    module.settle()
    legend, saliency = module.panel.session.nodes.legend, module.panel.session.nodes.saliency
    module.widget.onSceneStartClose(None, None)
    assert legend.GetScene() is None and saliency.GetScene() is scene


def test_all_frames_of_a_loop_are_explained_by_one_button(opened, scene):
    from BreastMassXAILib.presenter.adding import add_sample
    from BreastMassXAILib.presenter.layout import LOOP_LAYOUT_ID
    from BreastMassXAILib.readers.frames import read_frame
    from BreastMassXAILib.resources import resource
    from BreastMassXAILib.scene.loops import add_cine, append_frame

    module = opened()
    panel, ui = module.panel, module.ui
    _, mass = add_sample(scene, "malignant")
    assert ui.explainLoopButton.isHidden(), "no frame is chosen"
    browser = add_cine(scene, "loop", timed=False)
    frame = read_frame(resource("SampleData") / "malignant.dcm")
    for number in range(3):
        node = append_frame(browser, frame, number + 1)
    browser.SetSelectedItemNumber(0)
    panel.choose(frame=node, segmentation=mass, segment="mass")
    module.settle()
    assert not ui.explainLoopButton.isHidden() and ui.explainLoopButton.enabled, ui.statusText.text
    assert "3" in ui.explainLoopButton.text
    ui.explainLoopButton.click()
    assert not ui.explainLoopButton.enabled and not ui.cancelButton.isHidden()
    ui.cancelButton.click()
    module.settle()
    assert "Cancelled" in ui.statusText.text and ui.loopText.isHidden()
    ui.explainLoopButton.click()
    module.settle()
    assert "3 of 3 frames" in ui.loopText.text and not ui.loopText.isHidden(), ui.statusText.text
    assert ui.statusText.text == ui.loopText.text
    assert module.desktop.manager.layout == LOOP_LAYOUT_ID
    for item in (2, 1):
        browser.SetSelectedItemNumber(item)
        module.settle()
        assert panel.session.status.state.value == "current", ui.statusText.text
        assert layers(scene) == ("loop", "loop saliency", "loop regions")
