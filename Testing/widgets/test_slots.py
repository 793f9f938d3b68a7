"""Whatever a button raises ends as a sentence, by one mechanism that every connection of the panel goes through."""

from __future__ import annotations

import subprocess

import pytest


@pytest.mark.parametrize("window", [True, False])
def test_every_connection_goes_through_the_one_mechanism(opened, window):
    module = opened(window)
    connections = module.connections()
    assert len(connections) > (40 if window else 35)
    for name, signal, slot in connections:
        assert getattr(slot, "slots", None) is module.panel.slots, f"{name}.{signal} is connected beside the mechanism"


def test_every_connection_ends_as_a_sentence_with_details(opened):
    """Each of them in turn is made to raise what nobody foresaw, as a missing submodule of Slicer did."""
    module = opened()

    def raising(*_arguments):
        raise AttributeError("module 'slicer' has no attribute 'packaging'")

    for name, signal, slot in module.connections():
        module.panel.tell("")
        whole, slot.slot = slot.slot, raising
        arguments = [0] * len([part for part in signal.partition("(")[2].rstrip(")").split(",") if part])
        slot(*arguments)
        slot.slot = whole
        said = module.ui.statusText.text
        assert "Something unforeseen went wrong (AttributeError)" in said, f"{name}.{signal}"
        assert not module.ui.detailsButton.isHidden(), f"{name}.{signal}"
        assert "has no attribute 'packaging'" in module.panel.details
    module.ui.detailsButton.click()
    assert "Something unforeseen" in module.desktop.said[-1]


def test_what_scene_and_parameters_say_goes_through_it_too(opened, scene, monkeypatch):
    module = opened()

    def raising(*_arguments):
        raise ZeroDivisionError

    for broken, happen in (
        ("parameters_changed", lambda: setattr(module.panel.parameters, "ringMm", 4.0)),
        ("scene_closes", lambda: scene.InvokeEvent(scene.StartCloseEvent)),
        ("enter", module.widget.enter),
        ("leave", module.widget.exit),
    ):
        module.panel.tell("")
        with monkeypatch.context() as patch:
            patch.setattr(module.panel, broken, raising)
            happen()
            assert "ZeroDivisionError" in module.ui.statusText.text, broken
        module.widget.enter()


@pytest.mark.parametrize("button", ["explainButton", "tryItButton", "installButton"])
def test_a_button_that_cannot_get_its_packages_says_so(opened, button):
    """0.1.0 ended in a traceback here, and went on saying 'Press Explain.'"""
    module = opened()
    module.ui.tryItButton.click()
    module.settle()

    def install():
        raise subprocess.CalledProcessError(1, ["pip"])

    module.panel.install_packages = install
    getattr(module.ui, button).click()
    assert "CalledProcessError" in module.ui.statusText.text
    assert not module.ui.detailsButton.isHidden()
    assert module.panel.session.status.state.value == "current", "what was there before is there still"


def slicer_without_packaging(monkeypatch, tmp_path, text):
    """Slicer's package with a submodule that nothing has imported yet."""
    import sys

    import slicer

    (tmp_path / "packaging.py").write_text(text)
    monkeypatch.setattr(slicer, "__path__", [*slicer.__path__, str(tmp_path)])
    monkeypatch.delattr(slicer, "packaging", raising=False)
    monkeypatch.delitem(sys.modules, "slicer.packaging", raising=False)
    assert not hasattr(slicer, "packaging")
    monkeypatch.setitem(sys.modules, "slicer.packaging", None)
    monkeypatch.delitem(sys.modules, "slicer.packaging")


_PACKAGING = """
asked = []

def load_requirements(path):
    return path.read_text().split()

def pip_check(requirement):
    return {found}

def pip_ensure(requirements, **options):
    asked.append((requirements, options))
    {then}
"""


def test_packages_are_asked_of_a_part_of_slicer_that_nothing_imported(opened, monkeypatch, tmp_path):
    module = opened()
    slicer_without_packaging(monkeypatch, tmp_path, _PACKAGING.format(found=True, then="return None"))
    module.widget.logic.installPackages()
    import slicer

    requirements, options = slicer.packaging.asked[-1]
    assert any("safetensors" in line for line in requirements)
    assert options["requester"] == "BreastMassXAI"


@pytest.mark.parametrize(
    ("then", "sentence"),
    [
        ("raise RuntimeError('User declined package installation')", "newer packages"),
        ("import subprocess; raise subprocess.CalledProcessError(1, ['pip'])", "could not be installed"),
    ],
)
def test_an_installation_that_is_declined_or_fails_is_a_sentence(opened, monkeypatch, tmp_path, then, sentence):
    module = opened()
    slicer_without_packaging(monkeypatch, tmp_path, _PACKAGING.format(found=False, then=then))
    module.panel.install_packages = module.widget.logic.installPackages
    module.ui.installButton.click()
    assert sentence in module.ui.statusText.text
