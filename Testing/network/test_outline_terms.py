"""The shipped bundle with terms of the outline: an exact sum, the default's network scaled, the backbone shared."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from BreastMassXAILib.core.frame import Case
from BreastMassXAILib.core.result import Settings
from BreastMassXAILib.network.bundle import load_bundle
from BreastMassXAILib.pipeline import analyze
from BreastMassXAILib.readers.frames import read_frame_and_mask
from BreastMassXAILib.resources import resource


@pytest.fixture(scope="module")
def bundles():
    return {name: load_bundle(resource("Models", name)) for name in ("busbra", "busbra-outline")}


@pytest.mark.parametrize("name", ["benign", "malignant"])
def test_map_terms_and_bias_are_the_logit(bundles, name):
    folder = resource("SampleData")
    frame, mass, source = read_frame_and_mask(folder / f"{name}.dcm", folder / f"{name}_mask.png")
    case = Case(frame, mass, source)
    plain, found = (analyze(case, bundle, Settings()).result for bundle in bundles.values())
    assert len(found.terms) == 8 and plain.terms == {}
    everything = sum(found.contributions.values()) + sum(found.terms.values()) + found.bias
    assert everything == pytest.approx(found.logit, abs=1e-4)
    assert found.cam_mean + sum(found.terms.values()) + found.bias == pytest.approx(found.logit, abs=1e-4)
    scale = bundles["busbra-outline"].description["training"]["terms"]["scale"]
    assert found.cam_mean == pytest.approx(scale * plain.cam_mean, abs=1e-4)
    assert found.hits == plain.hits
    assert sum(found.terms.values()) * (1 if name == "malignant" else -1) > 0.3, "the shape says what it is"


def test_it_carries_no_backbone_of_its_own():
    folder = resource("Models", "busbra-outline")
    assert sum(file.stat().st_size for file in folder.iterdir()) < 300_000
