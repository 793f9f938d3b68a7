"""Before anything is installed the user is told what, how large and where from; without a yes nothing is."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

PACKAGING = """
asked = []

def load_requirements(path):
    return path.read_text().split()

def pip_ensure(requirements, **options):
    asked.append(options)
"""


@pytest.fixture
def bare(opened, monkeypatch, tmp_path):
    """A Slicer with the PyTorch extension and without its packages, and what it was asked and told."""
    import slicer

    module = opened()
    (tmp_path / "packaging.py").write_text(PACKAGING)
    monkeypatch.setattr(slicer, "__path__", [*slicer.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "slicer.packaging", raising=False)
    monkeypatch.delattr(slicer, "packaging", raising=False)
    import BreastMassXAILib.presenter.consent as consent

    gone = {"torch", "torchvision", "safetensors", "matplotlib"}
    monkeypatch.setattr(consent, "find_spec", lambda name: None if name in gone else object())
    log: list = []
    installer = SimpleNamespace(installTorch=lambda **options: log.append(("torch", options)) or object())
    utils = ModuleType("PyTorchUtils")
    utils.PyTorchUtilsLogic = lambda: installer
    monkeypatch.setitem(sys.modules, "PyTorchUtils", utils)
    answers = [True]

    def confirm(text, **_options):
        log.append(("asked", text))
        return answers[0]

    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", confirm, raising=False)
    module.panel.install_packages = module.widget.logic.installPackages
    return SimpleNamespace(module=module, log=log, answers=answers, gone=gone, slicer=slicer)


def test_it_asks_once_with_what_how_large_and_where_from(bare):
    bare.module.ui.installButton.click()
    (asked, text), (torch, options) = bare.log
    assert (asked, torch) == ("asked", "torch") and options == {"askConfirmation": False}
    for word in (
        "PyTorch",
        "safetensors",
        "matplotlib",
        "0.2 GB",
        "3 GB",
        "MB",
        "PyTorch's own download site",
        "the Python Package Index",
    ):
        assert word in text, word
    assert "no image" in text and "leaves this computer" in text
    assert bare.slicer.packaging.asked == [{"requester": "BreastMassXAI", "prompt_install": False}]
    assert "is installed" in bare.module.ui.statusText.text


def test_only_what_is_missing_is_named(bare):
    bare.gone -= {"torch", "torchvision"}
    bare.module.ui.installButton.click()
    assert "PyTorch (" not in bare.log[0][1] and "safetensors" in bare.log[0][1]
    assert [what for what, _ in bare.log] == ["asked"], "torch is there"


def test_a_no_installs_nothing(bare):
    bare.answers[0] = False
    bare.module.ui.installButton.click()
    assert [what for what, _ in bare.log] == ["asked"] and bare.slicer.packaging.asked == []
    assert "not installed yet" in bare.module.ui.statusText.text


def test_without_the_extension_it_says_so_and_asks_nothing(bare, monkeypatch):
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    bare.module.ui.installButton.click()
    assert "extension PyTorch" in bare.module.ui.statusText.text and bare.log == []


def test_a_test_or_a_script_installs_nothing(bare, monkeypatch):
    monkeypatch.setattr(bare.module.desktop.app, "testingEnabled", lambda: True)
    bare.module.ui.installButton.click()
    assert "not installed yet" in bare.module.ui.statusText.text and bare.log == []
    bare.gone -= {"torch", "torchvision", "safetensors"}
    bare.module.ui.installButton.click()
    assert bare.log == [] and "is installed" in bare.module.ui.statusText.text, "a result needs no matplotlib"
