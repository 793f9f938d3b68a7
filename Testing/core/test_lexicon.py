"""Proposed words follow the numbers; a reader's word is kept as the reader's."""

from __future__ import annotations

import pytest

from BreastMassXAILib.core.descriptors import BY_NAME, describe
from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.frame import Case, Provenance, Spacing
from BreastMassXAILib.core.lexicon import NEVER_PROPOSED, WORDS, LexiconWord, checked_words, lexicon
from BreastMassXAILib.readers.frames import read_frame_and_mask
from BreastMassXAILib.resources import resource

BENIGN = {
    "width_to_height": 1.8,
    "elongation": 1.8,
    "solidity": 0.98,
    "depressions": 0.0,
    "deepest_depression": 0.01,
    "edge_sharpness": 90.0,
    "echo_level": -40.0,
    "echo_heterogeneity": 10.0,
    "posterior_db": 6.0,
    "posterior_darkest_db": 4.0,
    "posterior_brightest_db": 8.0,
}


def words(grey=60.0, **changed):
    found = lexicon({**dict.fromkeys(BY_NAME), **BENIGN, **changed}, grey)
    return {feature: word.word for feature, word in found.items()}


def sample(name):
    """A shipped simulated frame."""
    folder = resource("SampleData")
    frame, mass, _source = read_frame_and_mask(folder / f"{name}.png", folder / f"{name}_mask.png")
    return Case(frame.with_spacing(Spacing(0.065, 0.065, Provenance.HEADER)), mass)


def test_a_fibroadenoma_and_a_carcinoma_in_words():
    said = []
    for name in ("benign", "malignant"):
        case = sample(name)
        said.append(
            [word.word for word in lexicon(describe(case).values, float(case.frame.pixels[case.mass].mean())).values()]
        )
    assert said[0] == ["oval", "parallel", "circumscribed", "hypoechoic", "enhancement"]
    assert said[1] == ["irregular", "not parallel", "not circumscribed", "hypoechoic", "shadowing"]


@pytest.mark.parametrize(
    ("feature", "changed", "word"),
    [
        ("shape", {"depressions": 3.0}, "oval"),
        ("shape", {"depressions": 4.0}, "irregular"),
        ("shape", {"solidity": 0.85}, "irregular"),
        ("shape", {"elongation": 1.05}, "round"),
        ("orientation", {"width_to_height": 0.9}, "not parallel"),
        ("orientation", {"elongation": 1.05, "width_to_height": 1.05}, "not parallel"),
        ("margin", {"edge_sharpness": 5.0}, "indistinct"),
        ("margin", {"edge_sharpness": None}, None),
        ("margin", {"deepest_depression": 0.05, "depressions": 6.0}, "microlobulated"),
        ("margin", {"deepest_depression": 0.2}, "not circumscribed"),
        ("echo_pattern", {"echo_level": 3.0}, "isoechoic"),
        ("echo_pattern", {"echo_level": 30.0}, "hyperechoic"),
        ("echo_pattern", {"echo_heterogeneity": 30.0}, "heterogeneous"),
        ("echo_pattern", {"echo_level": None}, None),
        ("posterior_features", {"posterior_db": 1.0, "posterior_darkest_db": 0.0}, "no posterior features"),
        ("posterior_features", {"posterior_db": -5.0, "posterior_brightest_db": -3.0}, "shadowing"),
        ("posterior_features", {"posterior_darkest_db": -4.0}, "combined pattern"),
    ],
)
def test_a_word_turns_with_its_number(feature, changed, word):
    assert words(**changed)[feature] == word != words()[feature] or word == "oval"


def test_a_black_mass_is_anechoic():
    assert words(grey=5.0, echo_heterogeneity=3.0)["echo_pattern"] == "anechoic"


def test_a_readers_word_is_kept_beside_the_proposed_one():
    found = lexicon({**dict.fromkeys(BY_NAME), **BENIGN}, 60.0, {"margin": "spiculated"})["margin"]
    assert (found.proposed, found.reader, found.word) == ("circumscribed", "spiculated", "spiculated")
    assert LexiconWord.from_dict(found.to_dict()) == found
    assert "ours" in found.because


def test_no_number_no_word():
    assert {word.word for word in lexicon(dict.fromkeys(BY_NAME), 60.0).values()} == {None}


@pytest.mark.parametrize("said", [{"shape": "spiculated"}, {"colour": "red"}])
def test_what_the_lexicon_does_not_have_is_refused(said):
    with pytest.raises(InputError, match="lexicon"):
        checked_words(said)


def test_words_that_are_never_proposed_can_be_said():
    for feature, never in NEVER_PROPOSED.items():
        for word in never:
            assert checked_words({feature: word}) == {feature: word} and word in WORDS[feature]
