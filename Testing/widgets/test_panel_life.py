"""The whole panel on the stand-in: with and without a main window, opened, reloaded, left."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.mark.parametrize("window", [True, False])
def test_try_it_from_an_empty_scene(opened, window):
    module = opened(window)
    module.ui.tryItButton.click()
    module.settle()
    assert module.panel.session.status.state.value == "current", module.ui.statusText.text
    assert module.ui.decisionText.text.startswith(("Malignant", "Benign", "Suspended"))
    assert module.ui.pointingTable.rowCount == 4


@pytest.mark.parametrize("window", [True, False])
def test_new_mass_starts_painting_only_where_there_are_views(opened, scene, window):
    """Slicer's effects end it with a segmentation fault where there is no layout manager."""
    from BreastMassXAILib.core.frame import Frame, Provenance, Spacing
    from BreastMassXAILib.scene.inputs import add_frame

    module = opened(window)
    frame = Frame(
        np.random.default_rng(0).uniform(0, 255, (60, 80)).astype(np.float32), Spacing(0.1, 0.1, Provenance.HEADER)
    )
    module.panel.parameters.frame = add_frame(scene, frame, "N")
    module.settle()
    module.ui.newMassButton.click()
    module.settle()
    assert module.panel.parameters.segmentation is not None, module.ui.statusText.text
    assert (module.ui.segmentEditor.activeEffect() == "Paint") is window


@pytest.mark.parametrize("window", [True, False])
def test_the_segment_editor_has_nothing_to_complain_of(opened, window):
    """Without its node it puts an error into Slicer's log, at every load and reload."""
    module = opened(window)
    module.widget.exit()
    module.widget.enter()
    module.widget.onReload()
    assert module.complaints == [] and module.ui.segmentEditor.complaints == []


def test_a_reloaded_module_has_its_keys_again(opened):
    module = opened()
    module.widget.onReload()
    assert len(module.panel._shortcuts._installed) > 5
    assert module.ui.segmentEditor.values["shortcuts"]
    assert module.panel.parameters is not None


def test_a_module_that_is_reloaded_while_it_is_closed_listens_to_no_key(opened):
    module = opened()
    module.parent.isEntered = False
    module.widget.exit()
    module.widget.onReload()
    assert module.panel._shortcuts._installed == []


def test_the_stand_in_refuses_what_slicer_does_not_have(opened):
    module = opened()
    with pytest.raises(AttributeError):
        module.ui.imageCollapsibleButton.setCollapsed(True)  # a property only
    with pytest.raises(AttributeError):
        module.ui.explainButton.txet = "Explain"
    with pytest.raises(ValueError):
        module.ui.explainButton.connect("clickd()", print)
    import qt

    with pytest.raises(AttributeError):
        qt.QPushButon  # noqa: B018
    with pytest.raises(AttributeError):
        qt.QTimer().setSingleShoot  # noqa: B018


def test_saving_shows_how_far_it_is_and_leaves_the_panel_alive(opened, stand_in, tmp_path):
    module = opened()
    module.ui.tryItButton.click()
    module.settle()
    stand_in.FileDialog.answers.append(str(tmp_path))
    module.ui.saveButton.click()
    ui, formats = module.ui, set()
    assert not ui.progressBar.isHidden() and not ui.cancelButton.isHidden()

    def over() -> bool:
        formats.add(ui.progressBar.format)
        return not module.panel.worker.busy

    module.desktop.wait(over)
    assert any("saving" in text for text in formats), formats
    assert ui.progressBar.isHidden() and ui.statusText.text.startswith("Saved: malignant")
    assert (tmp_path / "malignant_phantom" / "result.json").is_file()
