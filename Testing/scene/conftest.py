"""Synthetic cases with explanations made without a network, and a headless Slicer."""

from __future__ import annotations

import numpy as np
import pytest

from BreastMassXAILib.core.classifier import Classifier, NetworkOutput
from BreastMassXAILib.core.explain import Explanation, explain
from BreastMassXAILib.core.field import Field
from BreastMassXAILib.core.frame import Case, Frame, Provenance, Source, Spacing
from BreastMassXAILib.core.result import Settings

ROWS, COLUMNS = 90, 130


def make_case(seed: int = 0, spacing: Spacing | None = None) -> Case:
    """A speckled frame with an elliptic mass, off centre; rows and columns differ in number and size."""
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 256, (ROWS, COLUMNS)).astype(np.float32)
    row, column = np.mgrid[:ROWS, :COLUMNS]
    mass = ((row - 30) / 12) ** 2 + ((column - 50) / 20) ** 2 < 1
    spacing = spacing or Spacing(0.31, 0.23, Provenance.ASSUMED)
    source = Source('ängström; 100% "odd" <name>.png', "a" * 64)
    return Case(Frame(pixels, spacing, source=source), mass)


def make_explanation(case: Case, seed: int = 0, ring_mm: float = 5.0) -> Explanation:
    """Of random cells with their maximum in the mass."""
    cells = np.random.default_rng(seed).normal(size=(14, 14)).astype(np.float32)
    cells[4:6, 5:7] += 4
    bias = -0.25
    output = NetworkOutput(float(cells.astype(np.float64).mean()) + bias, bias, cells, Field(0, 0, ROWS, COLUMNS))
    return explain(case, output, Classifier("test", "b" * 64), Settings(ring_mm=ring_mm), {"BreastMassXAI": "test"})


@pytest.fixture(name="make_case")
def _make_case():
    return make_case


@pytest.fixture(name="make_explanation")
def _make_explanation():
    return make_explanation


@pytest.fixture
def case() -> Case:
    return make_case()


@pytest.fixture
def explanation(case: Case) -> Explanation:
    return make_explanation(case)
