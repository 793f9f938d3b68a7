"""Which named segment is the mass."""

from __future__ import annotations

import pytest

from BreastMassXAILib.core.errors import InputError, SegmentChoiceError
from BreastMassXAILib.readers.segments import Segment, choose, is_mass

MASSES = ("Mass", "left_tumor 1", "Tumour", "LESION", "BreastMass", "Nodule", "Cyst", "Breast cancer", "Intratumoral")
MASSES += ("mass_2", "Malignant mass (left)", "IDC", "fibroadenoma", "Mass area", "tumor mask")
OTHERS = ("Skin", "Mass shadow", "Non-lesion tissue", "Peritumoral", "perilesional", "breast (mass excluded)")
OTHERS += ("Tumor margin 5 mm", "Tumour boundary", "Tumor bed", "tissue around the mass", "Background", "mass-free fat")
OTHERS += (
    "Nonmass",
    "extratumoral",
    "Mass rim",
    "lesion halo",
    "posterior to mass",
    "mass old",
    "BreastSkin",
    "massage",
)


@pytest.mark.parametrize("name", MASSES)
@pytest.mark.parametrize("other", OTHERS)
def test_the_one_that_says_mass_is_used_and_both_are_named(name, other):
    segments = [Segment(other, 1), Segment(name, 2)]
    chosen, notes = choose("m.seg.nrrd", segments, segments)
    assert chosen == [segments[1]]
    assert f"segment '{name}' counts as mass; not used: '{other}'." in notes[0]


@pytest.mark.parametrize(
    "pair", [("Segment_1", "Segment_2"), ("Skin", "Fat"), ("a", "Peritumoral"), ("Mass rim", "Skin")]
)
def test_what_cannot_be_told_is_refused_with_the_names(pair):
    segments = [Segment(name, number + 1) for number, name in enumerate(pair)]
    with pytest.raises(SegmentChoiceError) as caught:
        choose("m.seg.nrrd", segments, segments)
    assert caught.value.choices == pair
    for number, name in enumerate(pair):
        for wanted in (name, name.upper(), str(number + 1)):
            assert choose("m.seg.nrrd", segments, segments, [wanted])[0] == [segments[number]]
    assert choose("m.seg.nrrd", segments, segments, pair)[0] == segments
    with pytest.raises(SegmentChoiceError, match="no segment 'Masse'"):
        choose("m.seg.nrrd", segments, segments, ["Masse"])


def test_several_masses_are_one_and_it_is_told():
    segments = [Segment("mass 1", 1), Segment("mass 2", 2), Segment("skin", 3)]
    chosen, notes = choose("m", segments, segments)
    assert chosen == segments[:2] and "'mass 1' and 'mass 2' together count as mass; not used: 'skin'" in notes[0]


@pytest.mark.parametrize(
    "pair",
    [("Mass manual", "Mass AI"), ("Mass", "Mass auto"), ("mass_gt", "mass"), ("Benign mass", "Malignant mass")],
)
def test_two_answers_to_one_question_are_not_united(pair):
    segments = [Segment(name, number + 1) for number, name in enumerate(pair)]
    assert all(is_mass(name) for name in pair)
    with pytest.raises(SegmentChoiceError) as caught:
        choose("m", segments, segments)
    assert caught.value.choices == pair
    assert choose("m", segments, segments, [pair[0]])[0] == segments[:1]
    assert choose("m", segments, segments[:1])[0] == segments  # the other marks nothing


@pytest.mark.parametrize("pair", [("Benign mass 1", "Benign mass 2"), ("Manual mass 1", "Manual mass 2")])
def test_several_masses_of_one_kind_or_hand_are_one(pair):
    segments = [Segment(name, number + 1) for number, name in enumerate(pair)]
    assert choose("m", segments, segments)[0] == segments


def test_a_segment_that_is_alone_needs_no_name_but_must_not_have_another():
    for name in ("Segment_1", "", "roi"):
        assert choose("m", [Segment(name, 1)], [Segment(name, 1)]) == ([Segment(name, 1)], ())
    two = [Segment("Segment_1", 1), Segment("Segment_2", 2)]
    assert choose("m", two, two[1:])[0] == two[1:]  # the other marks nothing
    with pytest.raises(InputError, match="named 'Peritumoral ring', which does not say mass"):
        choose("m", [Segment("Peritumoral ring", 1)], [Segment("Peritumoral ring", 1)])
    # A mass that is named and marks nothing does not make another segment the mass.
    named = [Segment("mass", 1), Segment("Segment_2", 2)]
    assert choose("m", named, named[1:])[0] == named[:1]


def test_segments_of_one_name_are_told_apart_by_their_values():
    segments = [Segment("Segment", 1), Segment("Segment", 2)]
    with pytest.raises(SegmentChoiceError) as caught:
        choose("m", segments, segments)
    assert caught.value.choices == ("1", "2")


def test_names_in_detail():
    assert all(is_mass(name) for name in MASSES) and not any(is_mass(name) for name in OTHERS)
