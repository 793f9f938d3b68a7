"""Words of the BI-RADS lexicon for ultrasound (ACR, 5th edition, 2013), proposed from descriptors; a reader decides.

The words are the lexicon's. It gives no numbers but one, the two or three undulations that an oval may have; all other
limits are ours, were set before any of them was tried on patients, and say so wherever a word is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .errors import InputError

WORDS = {
    "shape": ("oval", "round", "irregular"),
    "orientation": ("parallel", "not parallel"),
    "margin": (
        "circumscribed",
        "not circumscribed",
        "indistinct",
        "angular",
        "microlobulated",
        "spiculated",
    ),
    "echo_pattern": (
        "anechoic",
        "hyperechoic",
        "complex cystic and solid",
        "hypoechoic",
        "isoechoic",
        "heterogeneous",
    ),
    "posterior_features": ("no posterior features", "enhancement", "shadowing", "combined pattern"),
}
"""For each feature the words that a reader may choose."""
NEVER_PROPOSED = {
    "margin": ("angular", "spiculated"),
    "echo_pattern": ("complex cystic and solid",),
}
"""Words that no descriptor here tells: only a reader says them."""
UNDULATIONS = 3
"""An oval may have two or three (the lexicon's own number)."""
SOLID, ROUND = 0.90, 1.15
"""Solidity below which a shape is irregular; long : short axis below which an oval is round. Ours."""
SMOOTH, SHARP = 0.035, 25.0
"""Depth of the deepest depression (share of D) up to which an outline is smooth; grey levels per mm from which its edge
is sharp. Ours."""
BLACK, EQUAL, UNEVEN = 12.0, 12.0, 22.0
"""Grey levels: how bright, on average, a mass without echoes may be; the difference from fat-like tissue up to which it
is isoechoic; heterogeneity from which it is heterogeneous. Ours."""
POSTERIOR_DB = 3.0
"""From which a posterior feature counts, dB-like. Ours."""
OURS = "limits: ours"
FEATURE_NAMES = {
    "shape": "shape",
    "orientation": "orientation",
    "margin": "margin",
    "echo_pattern": "echo pattern",
    "posterior_features": "posterior features",
}
"""Features as a reader says them."""


@dataclass(frozen=True)
class LexiconWord:
    """A word for one feature of a mass.

    Parameters
    ----------
    proposed : str, optional
        What the numbers suggest; None where they are missing.
    because : str
        The numbers and limits, or why there is no proposal.
    reader : str, optional
        What a reader said instead, or in agreement; kept as the reader's.
    """

    proposed: str | None
    because: str
    reader: str | None = None

    @property
    def word(self) -> str | None:
        """The reader's word, else the proposed one."""
        return self.reader or self.proposed

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LexiconWord:
        return cls(data["proposed"], data["because"], data["reader"])


def checked_words(said: Mapping[str, str]) -> dict[str, str]:
    """A reader's words, in the lexicon's order.

    Raises
    ------
    InputError
        When there is no such feature, or no such word for it.
    """
    for feature, word in said.items():
        if feature not in WORDS:
            raise InputError(f"The lexicon's features are {', '.join(WORDS)}; {feature!r} is none of them.")
        if word not in WORDS[feature]:
            raise InputError(f"For {feature} the lexicon has {', '.join(WORDS[feature])}, not {word!r}.")
    return {feature: said[feature] for feature in WORDS if feature in said}


def lexicon(
    values: Mapping[str, float | None], mean_grey: float, said: Mapping[str, str] | None = None
) -> dict[str, LexiconWord]:
    """A word for every feature.

    Parameters
    ----------
    values : mapping
        Of :class:`~.descriptors.Descriptors`.
    mean_grey : float
        Of the pixels in the mass, 0..255.
    said : mapping, optional
        A reader's words by feature.

    Raises
    ------
    InputError
        See :func:`checked_words`.
    """
    said = checked_words(said or {})
    proposals = {
        "shape": _shape(values),
        "orientation": _orientation(values),
        "margin": _margin(values),
        "echo_pattern": _echo_pattern(values, mean_grey),
        "posterior_features": _posterior(values),
    }
    return {feature: LexiconWord(word, why, said.get(feature)) for feature, (word, why) in proposals.items()}


_Proposal = tuple[str | None, str]
_NO_NUMBERS = (None, "the numbers are missing")


def _shape(values: Mapping[str, float | None]) -> _Proposal:
    depressions, solidity, ratio = (values[name] for name in ("depressions", "solidity", "elongation"))
    if depressions is None or solidity is None or ratio is None:
        return _NO_NUMBERS
    why = (
        f"{depressions:.0f} depressions (an oval has at most {UNDULATIONS}: lexicon), solidity {solidity:.2f} "
        f"(irregular below {SOLID:.2f}), long : short axis {ratio:.2f} (round below {ROUND:.2f}); {OURS}"
    )
    if depressions > UNDULATIONS or solidity < SOLID:
        return "irregular", why
    return ("round" if ratio < ROUND else "oval"), why


def _orientation(values: Mapping[str, float | None]) -> _Proposal:
    ratio, axes = values["width_to_height"], values["elongation"]
    if ratio is None or axes is None:
        return _NO_NUMBERS
    why = (
        f"width : height {ratio:.2f} (wider than tall is parallel: lexicon), long : short axis {axes:.2f} (a round "
        f"mass, below {ROUND:.2f}, is not parallel: lexicon; limit: ours)"
    )
    return ("parallel" if ratio > 1 and axes >= ROUND else "not parallel"), why


def _margin(values: Mapping[str, float | None]) -> _Proposal:
    deepest, count, sharp = (values[name] for name in ("deepest_depression", "depressions", "edge_sharpness"))
    if deepest is None or count is None:
        return _NO_NUMBERS
    edge = "sharpness unknown" if sharp is None else f"sharpness {abs(sharp):.0f} levels/mm (sharp from {SHARP:.0f})"
    why = f"deepest depression {deepest:.3f} D (smooth up to {SMOOTH}), {count:.0f} depressions, {edge}; {OURS}"
    if deepest > SMOOTH:
        return ("microlobulated" if count > UNDULATIONS and deepest < 2 * SMOOTH else "not circumscribed"), why
    if sharp is None:
        return None, why
    return ("circumscribed" if abs(sharp) >= SHARP else "indistinct"), why


def _echo_pattern(values: Mapping[str, float | None], mean_grey: float) -> _Proposal:
    level, uneven = values["echo_level"], values["echo_heterogeneity"]
    if uneven is None:
        return _NO_NUMBERS
    against = "no fat-like tissue to compare with" if level is None else f"{level:+.0f} levels against fat-like tissue"
    why = (
        f"mean grey {mean_grey:.0f} (anechoic up to {BLACK:.0f}), {against} (isoechoic within {EQUAL:.0f}), "
        f"heterogeneity {uneven:.0f} (heterogeneous from {UNEVEN:.0f}); {OURS}"
    )
    if mean_grey <= BLACK and uneven < BLACK:
        return "anechoic", why
    if uneven >= UNEVEN:
        return "heterogeneous", why
    if level is None:
        return None, why
    if abs(level) <= EQUAL:
        return "isoechoic", why
    return ("hyperechoic" if level > 0 else "hypoechoic"), why


def _posterior(values: Mapping[str, float | None]) -> _Proposal:
    names = ("posterior_db", "posterior_darkest_db", "posterior_brightest_db")
    mean, darkest, brightest = (values[name] for name in names)
    if mean is None or darkest is None or brightest is None:
        return _NO_NUMBERS
    why = (
        f"below against beside {mean:+.1f} dB-like, thirds from {darkest:+.1f} to {brightest:+.1f} (a feature from "
        f"{POSTERIOR_DB:g}); {OURS}"
    )
    if darkest <= -POSTERIOR_DB and brightest >= POSTERIOR_DB:
        return "combined pattern", why
    if abs(mean) < POSTERIOR_DB:
        return "no posterior features", why
    return ("enhancement" if mean > 0 else "shadowing"), why
