"""What the panel shows when: two things in an empty scene, one line for each settled section, the decision on top."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest


def shown(module) -> set[str]:
    """Names of what would be seen, containers left out."""
    containers = {"startFrame", "workFrame", "body", "BreastMassXAI", "decisionFrame", "spacingFrame"}
    return {name for name, widget in vars(module.ui).items() if widget.shown} - containers


@pytest.mark.parametrize("window", [True, False])
def test_an_empty_scene_shows_two_things_only(opened, window):
    assert shown(opened(window)) == {"tryItButton", "startText"}


def test_after_explain_each_settled_section_is_a_line_and_the_decision_is_above_them(opened):
    module = opened()
    module.ui.tryItButton.click()
    module.settle()
    ui, seen = module.ui, shown(module)
    assert {"gaugePicture", "decisionText", "spacingText", "spacingBadge", "explainButton", "pointingTable"} <= seen
    assert not {"frameSelector", "massSelector", "segmentEditor", "modelComboBox", "staleBanner", "statusText"} & seen
    assert ui.imageCollapsibleButton.text == "Image: malignant phantom, 600 x 560 pixels"
    assert ui.massCollapsibleButton.text == "Mass: malignant phantom mass, segment mass"
    assert ui.modelCollapsibleButton.text == "Model: busbra, ring 5 mm"
    order = list(vars(ui))
    above = [order.index(name) for name in ("decisionFrame", "imageCollapsibleButton", "pointingCollapsibleButton")]
    assert above == sorted(above)


def test_what_the_user_opens_stays_open_and_a_tool_in_use_is_not_folded_away(opened):
    module = opened()
    module.ui.tryItButton.click()
    module.settle()
    module.ui.massCollapsibleButton.click()
    module.panel.redraw()
    assert "segmentEditor" in shown(module)
    module.ui.segmentEditor.setActiveEffectByName("Paint")
    module.ui.explainButton.click()
    module.settle()
    assert module.panel.session.status.state.value == "current"
    assert "segmentEditor" in shown(module), "who paints goes on painting"


def test_a_frame_that_is_loaded_into_an_empty_scene_is_chosen(opened, scene):
    from BreastMassXAILib.presenter.adding import samples
    from BreastMassXAILib.readers.frames import read_frame
    from BreastMassXAILib.scene.inputs import add_frame

    module = opened()
    node = add_frame(scene, read_frame(samples()[1].frame), "loaded")
    module.settle()
    assert module.panel.parameters.frame is node
    assert {"massSelector", "newMassButton"} <= shown(module), "the mass is what is wanted next"
    scene.RemoveNode(node)
    module.settle()
    assert shown(module) == {"tryItButton", "startText"}


def test_links_of_the_first_page(opened, monkeypatch):
    import slicer

    module, asked = opened(), []
    monkeypatch.setattr(slicer.util, "openAddDataDialog", lambda: asked.append("data"))
    monkeypatch.setattr(slicer.util, "selectModule", asked.append)
    for name in ("data", "dicom", "cohort"):
        assert f"href='{name}'" in module.ui.startText.text
        module.ui.startText.emit("linkActivated(QString)", name)
    assert asked == ["data", "DICOM"]
    assert "openManifestButton" in shown(module)


def test_keys_stand_in_tooltips_and_in_the_popup(opened, stand_in):
    from BreastMassXAILib.widgets.keys import EDITOR_KEYS, KEYS

    module = opened()
    entries = [action.name for action in stand_in.Action.all]
    for key in KEYS.values():
        assert f"{key.does}\t{key.sequence}" in entries
        assert getattr(module.ui, key.widget).toolTip.endswith(f"[{key.sequence}]")
    assert len(entries) == len(KEYS) + len(EDITOR_KEYS)
    assert module.ui.keysButton.values["menu"] is not None


def test_the_contents_never_ask_for_width(stand_in):
    """Slicer makes its module panel as wide as a module's contents want it, and the views narrower: all of ours is in
    one frame that asks for none, in a panel of a width of its own."""
    root = ElementTree.parse(stand_in.UI).getroot()
    top = root.find("widget")
    assert top.find("property[@name='minimumSize']/size/width").text == "400"
    inner = [item.find("widget") for item in top.find("layout").findall("item")]
    assert [widget.get("name") for widget in inner] == ["body"]
    policy = inner[0].find("property[@name='sizePolicy']/sizepolicy")
    assert policy.get("hsizetype") == "Ignored"


def test_long_names_are_cut_in_the_middle(opened):
    module = opened()
    module.ui.tryItButton.click()
    module.settle()
    module.panel.parameters.frame.SetName("a-very-long-name-of-a-file-" * 6)
    module.settle()
    module.panel.redraw()
    text = module.ui.imageCollapsibleButton.text
    assert "…" in text and text.startswith("Image: a-very") and text.endswith("600 x 560 pixels")
