"""The module opened on a stand-in for Slicer's desktop (``stand_in``), with a real scene and the real network."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

_PATH = Path(__file__).with_name("stand_in.py")


@pytest.fixture(scope="session")
def stand_in():
    spec = importlib.util.spec_from_file_location("slicer_stand_in", _PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["slicer_stand_in"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def opened(stand_in, scene, monkeypatch):
    """``opened(window=True)``: the module, entered, with or without a main window. Taken apart after the test."""
    made = []
    library = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "BreastMassXAILib"}

    def make(window: bool = True, enter: bool = True):
        made.append(stand_in.OpenModule(monkeypatch, stand_in.Desktop(scene, window), enter))
        return made[-1]

    yield make
    for module in made:
        module.widget.cleanup()
    for name in [name for name in sys.modules if name.split(".")[0] == "BreastMassXAILib"]:
        del sys.modules[name]  # a reload made new ones
    sys.modules.update(library)
