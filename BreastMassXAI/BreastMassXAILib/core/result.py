"""The result of one case: plain data that goes to JSON and back without loss."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from .errors import InputError
from .frame import MaskOrigin
from .lexicon import LexiconWord

SCHEMA_VERSION = 3
_BEFORE: dict[int, dict[str, Any]] = {
    1: {
        "operating_point": "balanced",
        "disagreement": None,
        "evidence_inside": None,
        "suspension": {"rule": "paper", "limit": None, "measured": ""},
    },
    2: {
        "descriptors": {},
        "descriptors_missing": (),
        "lexicon": {},
        "terms": {},
        "exact": True,
        "energy": None,
        "check": None,
    },
}
"""What results of earlier schemas did not say, as it was then: those of each version, that of the later ones too."""


@dataclass(frozen=True)
class Settings:
    """What a user may choose for an analysis.

    Parameters
    ----------
    ring_mm : float
        Width of the peritumoral ring (paper: 5 mm); 0 for none.
    grey_zone : float
        Half-width of the zone around the threshold in which the decision is suspended; 0 for none.
    operating_point : {"sensitive", "balanced", "specific"}
    suspend : {"paper", "confidence", "disagreement", "outside", "none"}, optional
        The rule that suspends decisions; the model's own by default.
    method : str
        What explains the decision, by its name in ``methods.METHODS``, with a number after a colon where it has one.
    check : {"inpaint", "blur", "mean"}, optional
        Whether each region is replaced and the network asked again, and by what; None for no counter-check.
    """

    ring_mm: float = 5.0
    grey_zone: float = 0.0
    operating_point: str = "balanced"
    suspend: str | None = None
    method: str = "cam"
    check: str | None = None


@dataclass(frozen=True)
class Extreme:
    """An extreme point with its place in pixels (row, column) and, where the spacing is known, in mm from the frame's
    upper left pixel, its value in logits and the region that it points at."""

    row: int
    column: int
    row_mm: float | None
    column_mm: float | None
    value: float
    region: str


@dataclass(frozen=True)
class CaseResult:
    """Everything that an analysis found, and what it was found on. Holds no path and nothing about the patient.

    Values: `logit`, `bias`, `cam_mean`, `contributions` and the extremes' values in logits; `probability` is
    ``sigmoid(logit / temperature)``; `area_fraction` is each region's share of the scan area, `chance` its share of
    the pixels where the extreme points were searched (field and scan area). `threshold` is that of `operating_point`.
    `disagreement` is the standard deviation of the heads' logits, None where the network has one; `evidence_inside` the
    share of the map's absolute values in the three regions. `suspension` names the rule in force with its limit and
    what it was measured to be worth; `rule` is the one that spoke. `descriptors` are numbers by name (None where there
    is none, with the reason in `descriptors_missing`), `lexicon` the words for them by feature. `terms` are what the
    outline added to the logit by descriptor: where the method is exact, ``logit == cam_mean + sum(terms) + bias``,
    and `contributions` add up to `cam_mean`. `method` made the map; where it is not `exact`, its values do not add up
    to the logit, and `contributions` is empty. `energy` is each region's share of the map's absolute values, for
    every method; None in results of before schema 3. `check` is what the counter-check said
    (:class:`~.counter_check.Check` as plain data), None where none was asked for. `frame`, `mask` and `model`
    identify the inputs by name and SHA-256, and `mask` says under ``origin`` who outlined the mass (a
    :class:`~.frame.MaskOrigin`); `field` is the network's field in pixels of the frame.
    """

    logit: float
    bias: float
    cam_mean: float
    probability: float
    temperature: float
    threshold: float
    decision: str
    rule: str
    reason: str
    extremes: dict[str, Extreme]
    hits: dict[str, bool]
    contributions: dict[str, float]
    area_fraction: dict[str, float]
    chance: dict[str, float]
    spacing_mm: tuple[float, float] | None
    spacing_provenance: str
    beams: str
    ring_mm: float
    grey_zone: float
    operating_point: str
    disagreement: float | None
    evidence_inside: float | None
    suspension: dict[str, Any]
    descriptors: dict[str, float | None]
    descriptors_missing: tuple[str, ...]
    lexicon: dict[str, LexiconWord]
    terms: dict[str, float]
    method: str
    exact: bool
    energy: dict[str, float] | None
    field: dict[str, float]
    cells: tuple[int, int]
    frame: dict[str, Any]
    mask: dict[str, Any]
    model: dict[str, str]
    warnings: tuple[str, ...]
    software: dict[str, str]
    check: dict[str, Any] | None = None
    schema_version: int = SCHEMA_VERSION

    @property
    def logit_without_terms(self) -> float:
        """The logit as the network alone would have it."""
        return self.cam_mean + self.bias if self.exact else self.logit - sum(self.terms.values())

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def to_json(self) -> str:
        """JSON text; every float keeps all its digits."""
        data = self.to_dict()
        return json.dumps({"schema_version": data.pop("schema_version"), **data}, indent=2, allow_nan=False) + "\n"

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> CaseResult:
        """The result that :meth:`to_dict` or parsed JSON describes.

        Raises
        ------
        InputError
            When the schema's version is not ours or a key is missing or unknown.
        """
        version = data.get("schema_version") if isinstance(data, dict) else None
        if version != SCHEMA_VERSION and version not in _BEFORE:
            raise InputError(
                f"This result has the schema version {version}; this software reads version {SCHEMA_VERSION} and older."
            )
        try:
            data = _up_to_date(data)
            return cls(
                **{
                    **data,
                    "extremes": {name: Extreme(**point) for name, point in data["extremes"].items()},
                    "spacing_mm": None if data["spacing_mm"] is None else tuple(data["spacing_mm"]),
                    "cells": tuple(data["cells"]),
                    "descriptors_missing": tuple(data["descriptors_missing"]),
                    "lexicon": {name: LexiconWord.from_dict(word) for name, word in data["lexicon"].items()},
                    "warnings": tuple(data["warnings"]),
                }
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"This result cannot be read: {error}.") from error

    @classmethod
    def from_json(cls, text: str) -> CaseResult:
        """The result that :meth:`to_json` wrote.

        Raises
        ------
        InputError
            When the text is not JSON or not a result of a known schema.
        """
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise InputError(f"This result is not valid JSON: {error}.") from error
        return cls.from_dict(data)


def _up_to_date(data: dict[str, Any]) -> dict[str, Any]:
    """A result of an earlier schema as one of ours."""
    version = data["schema_version"]
    for earlier in range(version, SCHEMA_VERSION):
        data = {**data, **_BEFORE[earlier]}
    if version < 3:  # a mask came from a file, or it was drawn
        origin = MaskOrigin.IMPORTED if "sha256" in data["mask"] else MaskOrigin.DRAWN
        data = {**data, "mask": {"origin": origin.value, **data["mask"]}}
    return {**data, "schema_version": SCHEMA_VERSION}
