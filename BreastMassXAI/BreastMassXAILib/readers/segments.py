"""Which of the named segments of a segmentation is the mass."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..core.errors import InputError, SegmentChoiceError, shown

_MASS = re.compile(
    r"(intra)?(mass|masses|tumou?rs?|tumou?rous|tumou?ral|lesions?|nodules?|cysts?|cancers?|carcinomas?|neoplasms?|"
    r"fibroadenomas?|malignanc(y|ies)|dcis|idc|ilc)"
)
_NEUTRAL = re.compile(
    r"breasts?|left|right|l|r|lt|rt|segment(ation)?s?|seg|labels?|masks?|rois?|the|of|a|an|in|us|ultrasound|image|frame|"
    r"malignant|benign|solid|cystic|hypoechoic|suspicious|index|target|main|primary|whole|entire|full|total|intra|"
    r"core|area|region|body|tissue|final|manual|auto|automatic|drawn|ai|gt|ground|truth|invasive|ductal|lobular|simple|complex|complicated|"
    r"\d+"
)
_OTHER = re.compile(
    r"(peri|extra|juxta|para|circum|non)(mass|tumou?r\w*|lesion\w*|nodul\w*|cyst\w*|cancer\w*)|peri\w*|non|not|no|without|"
    r"excl\w*|except|minus|free|outside|around|surround\w*|below|behind|above|beside|adjacent|near|distal|posterior|"
    r"ring|rim|halo|shadow\w*|enhancement|margin\w*|boundar\w*|border\w*|edges?|contours?|outlines?|capsule|bed|"
    r"background|elsewhere|skin|fat|subcutaneous|gland\w*|fibroglandular|parenchyma|muscle|pectoral\w*|ribs?|lung|"
    r"chest|wall|nipple|areola|ducts?|vessels?|artery|vein|axilla\w*|cooper|ligaments?|calipers?|text|ruler|scan|"
    r"artefacts?|artifacts?|air|gel|ignore\w*|unlabell?ed|normal|healthy"
)
"""Words that make a name another thing than the mass itself."""
_ALTERNATIVES: tuple[frozenset[str], ...] = (
    frozenset({"manual", "drawn", "auto", "automatic", "ai", "gt", "ground", "truth", "final"}),
    frozenset({"benign", "malignant"}),
)
"""Words by which two outlines are two answers to one question, and no two masses."""


@dataclass(frozen=True)
class Segment:
    """A segment: its name, and its value and layer in the file; `identifier` is the file's own for it."""

    name: str
    label: int
    layer: int = 0
    identifier: str = ""


def choose(
    file_name: str, segments: Sequence[Segment], present: Iterable[Segment], wanted: Sequence[str] = ()
) -> tuple[list[Segment], tuple[str, ...]]:
    """The segments that are the mass, and notes of what was used and what was left.

    Without `wanted` these are the segments whose names say mass, tumour, lesion or the like and nothing else; a
    segment that is alone needs no name. What cannot be told is refused, and so are several drawings of one mass
    (manual and automatic), and masses that are called benign beside others that are called malignant.

    Parameters
    ----------
    file_name : str
    segments : sequence of Segment
        All that the file lists.
    present : iterable of Segment
        Those that mark any pixel.
    wanted : sequence of str
        Names, identifiers or values that a person chose.

    Raises
    ------
    SegmentChoiceError
        When several could be the mass, or one that was chosen is not there.
    InputError
        When the only segment is named as something else.
    """
    here = list(present)
    if wanted:
        return [each for text in wanted for each in _matching(file_name, segments, text)], ()
    chosen = [segment for segment in segments if is_mass(segment.name)]
    if chosen:
        marking = [segment for segment in chosen if segment in here]
        left = [segment for segment in here if segment not in chosen]
        if not left and len(marking) < 2:
            return chosen, ()
        if _are_alternatives(marking):
            raise SegmentChoiceError(file_name, "segments", [_label_of(segment, here) for segment in here])
        used = " and ".join(f"'{shown(segment.name)}'" for segment in marking or chosen)
        others = f"; not used: {_listed(left)}" if left else ""
        verb = "segments {} together count" if len(marking or chosen) > 1 else "segment {} counts"
        return chosen, (f"Of the mask {file_name} the {verb.format(used)} as mass{others}.",)
    if len(here) > 1:
        raise SegmentChoiceError(file_name, "segments", [_label_of(segment, here) for segment in here])
    if here and is_other(here[0].name):
        raise InputError(
            f"The only segment of the mask {file_name} is named '{shown(here[0].name)}', which does not say mass: "
            "choose it (--segment) if it is."
        )
    return here, ()


def _are_alternatives(segments: Sequence[Segment]) -> bool:
    """Whether the names say that the segments are drawings of one mass by several, or masses of both kinds."""
    words = [set(_words(segment.name)) for segment in segments]
    drawn_by, kinds = _ALTERNATIVES
    return len({frozenset(each & drawn_by) for each in words}) > 1 or all(
        any(kind in each for each in words) for kind in kinds
    )


def is_mass(name: str) -> bool:
    """Whether a name says mass, tumour, lesion or the like, and nothing that would make it another thing."""
    words = _words(name)
    return any(_MASS.fullmatch(word) for word in words) and all(
        _MASS.fullmatch(word) or _NEUTRAL.fullmatch(word) for word in words
    )


def is_other(name: str) -> bool:
    """Whether a name says something that is not the mass."""
    return any(_OTHER.fullmatch(word) for word in _words(name))


def _words(name: str) -> list[str]:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.sub(r"[\W_]+|(?<=\D)(?=\d)", " ", apart.lower()).split()


def _matching(file_name: str, segments: Sequence[Segment], text: str) -> list[Segment]:
    wanted = text.strip().casefold()
    for found in (
        [segment for segment in segments if segment.name.casefold() == wanted],
        [segment for segment in segments if segment.identifier.casefold() == wanted],
        [segment for segment in segments if str(segment.label) == wanted],
    ):
        if found:
            return found
    raise SegmentChoiceError(file_name, "segments", [_label_of(segment, segments) for segment in segments], text)


def _label_of(segment: Segment, among: Sequence[Segment]) -> str:
    """A segment's name, or its value where it has none or shares it."""
    alone = sum(other.name.casefold() == segment.name.casefold() for other in among) == 1
    return segment.name if segment.name.strip() and alone else str(segment.label)


def _listed(segments: Sequence[Segment]) -> str:
    return ", ".join(f"'{shown(segment.name) or segment.label}'" for segment in segments)


def listed_segments(metadata: dict[str, str]) -> list[Segment]:
    """Segments as Slicer writes them into an NRRD header (``Segment0_Name`` and so on)."""
    segments = []
    number = 0
    while f"Segment{number}_ID" in metadata or f"Segment{number}_LabelValue" in metadata:
        field_of = {key: metadata.get(f"Segment{number}_{key}") for key in ("Name", "LabelValue", "Layer", "ID")}
        # Slicer 4.10 and older wrote one layer of zeros and ones for each segment, in their order.
        label, layer = field_of["LabelValue"] or "1", field_of["Layer"] or ("0" if field_of["LabelValue"] else number)
        if not (re.fullmatch(r"-?\d{1,9}", label) and re.fullmatch(r"\d{1,9}", str(layer))):
            return []
        segments.append(Segment(field_of["Name"] or "", int(label), int(layer), field_of["ID"] or ""))
        number += 1
    return segments
