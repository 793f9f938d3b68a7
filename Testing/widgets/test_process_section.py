"""Evaluate and Train from the panel: the dialog's options, a real process, its progress and log, Stop."""

from __future__ import annotations

import json
import sys

import pytest

pytest.importorskip("torch")


@pytest.fixture
def listed(opened, stand_in, monkeypatch, tmp_path):
    """The panel with a cohort of two, Slicer's Python found, and a dialog that is answered by `answer`."""
    from BreastMassXAILib.resources import resource

    module = opened()
    samples = resource("SampleData")
    rows = [f"{samples / name}.dcm,{samples / name}_mask.png,{name}" for name in ("malignant", "benign")]
    manifest = tmp_path / "cohort.csv"
    manifest.write_text("\n".join(["image,mask,label", *rows]))
    module.panel.cohort.load(manifest)
    from BreastMassXAILib.widgets import process_dialog, process_section

    monkeypatch.setattr(process_section.shutil, "which", lambda _name: sys.executable)
    shown = []

    class Watched(process_dialog.ProcessDialog):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            shown.append(self)

    monkeypatch.setattr(process_section, "ProcessDialog", Watched)

    def answer(out, accept=True, **values):
        def play(dialog) -> None:
            asked = shown[-1]
            asked._folder.text = str(out)
            for name, value in values.items():
                option, field = asked._fields[f"--{name.replace('_', '-')}"]
                setattr(field, "checked" if option.kind.value == "switch" else "text", value)
            asked._accept() if accept else dialog.reject()

        stand_in.Dialog.scripts.append(play)

    module.answer, module.shown, module.out = answer, shown, tmp_path / "out"
    return module


def test_a_cohort_is_evaluated_with_what_was_chosen(listed):
    listed.panel.parameters.assumedWidthMm = 40.0
    listed.panel.parameters.ringMm = 4.0
    listed.settle()
    listed.answer(listed.out, pictures="1")
    listed.ui.evaluateProcessButton.click()
    proposed = {flag: field.text for flag, (_, field) in listed.shown[-1]._fields.items() if "text" in field.values}
    assert (proposed["--assume-width"], proposed["--ring-mm"]) == ("40.0", "4.0")
    assert proposed["--model"].endswith("busbra")
    ui = listed.ui
    assert ui.stopProcessButton.enabled and not ui.evaluateProcessButton.enabled
    formats = set()

    def over() -> bool:
        formats.add(ui.processProgressBar.format)
        return not ui.stopProcessButton.enabled

    listed.desktop.wait(over, 180)
    assert any("cases %v / %m" in text for text in formats), formats
    assert json.loads((listed.out / "report.json").read_text())["settings"]["ring_mm"] == 4.0
    assert ui.statusText.text == "Written: out"
    assert "2 of 2 cases" in ui.processLog.toPlainText() and ui.evaluateProcessButton.enabled
    assert listed.packages_asked == 1


def test_training_is_stopped(listed, patients):
    listed.panel.cohort.load(patients)
    listed.answer(listed.out, epochs="100000")
    listed.ui.trainProcessButton.click()
    assert listed.ui.stopProcessButton.enabled, listed.ui.statusText.text
    ui = listed.ui
    listed.desktop.wait(lambda: "%v" in ui.processProgressBar.format or not ui.stopProcessButton.enabled, 180)
    assert ui.stopProcessButton.enabled, ui.processLog.toPlainText()
    listed.ui.stopProcessButton.click()
    listed.desktop.wait(lambda: not listed.ui.stopProcessButton.enabled, 60)
    assert listed.ui.statusText.text == "Stopped." and not (listed.out / "model.json").exists()


def test_what_the_command_would_refuse_stays_in_the_dialog(listed):
    listed.answer(listed.out, jobs="none")
    listed.ui.evaluateProcessButton.click()
    assert listed.shown[-1]._complaint.text == "'jobs': 'none' is no number from 1 on."
    assert listed.ui.evaluateProcessButton.enabled, "nothing was started"


@pytest.mark.parametrize("kind", ["evaluate", "train", "crossValidate"])
def test_a_folder_with_files_in_it_is_not_replaced(listed, kind):
    listed.out.mkdir()
    (listed.out / "precious").write_text("")
    listed.answer(listed.out)
    getattr(listed.ui, f"{kind}ProcessButton").click()
    assert "holds files" in listed.shown[-1]._complaint.text
    assert listed.shown[-1].out is None


def test_a_dialog_that_is_left_starts_nothing(listed):
    listed.answer(listed.out, accept=False)
    listed.ui.trainProcessButton.click()
    assert listed.ui.trainProcessButton.enabled and listed.packages_asked == 0


def test_without_a_cohort_it_says_what_to_do(opened):
    module = opened()
    module.ui.evaluateProcessButton.click()
    assert "List the cases of a cohort first" in module.ui.statusText.text
