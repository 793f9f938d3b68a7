"""The counter-check: does the decision change as the regions' contributions say, when a region is replaced?

A contribution says what a region's cells are worth where they stand. Replacing the region by plausible tissue asks the
network itself. The two need not agree: a contribution counts from nothing, a replacement from ordinary tissue, and a
network's cells see what lies around them. Where they disagree in sign for the region that decided, a reader should know
it before the probability.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .errors import InputError
from .field import Field
from .frame import Case
from .infill import filled
from .regions import MASS, REGIONS
from .statistics import ranks


@dataclass(frozen=True)
class Changes:
    """What replacing each region did.

    Parameters
    ----------
    fill : str
        Of :data:`~.infill.FILLS`.
    changes : mapping of str to float
        For each region that could be replaced ``logit - logit without it``: positive where what is seen there speaks
        for malignant, as a contribution is.
    reasons : mapping of str to str
        Why the others could not.
    """

    fill: str
    changes: Mapping[str, float]
    reasons: Mapping[str, str]


@dataclass(frozen=True)
class Check:
    """Changes beside the map's evidence.

    Parameters
    ----------
    fill : str
    change : dict of str to float or None
        See :class:`Changes`; None where a region could not be replaced.
    reasons : dict of str to str
        Why; empty where one was.
    evidence : dict of str to float
        The regions' contributions; of a method without an exact sum the same sums in its own units.
    same_sign : dict of str to bool or None
    rank : float or None
        Spearman's correlation of changes and evidence over the regions; None with fewer than three.
    decided : str
        The region whose evidence speaks most for the decision.
    agrees : bool or None
        Whether its change has the sign of its evidence.
    """

    fill: str
    change: dict[str, float | None]
    reasons: dict[str, str]
    evidence: dict[str, float]
    same_sign: dict[str, bool | None]
    rank: float | None
    decided: str
    agrees: bool | None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def replaced(case: Case, labels: np.ndarray, field: Field, fill: str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The frame with each region of the field replaced, and why some cannot be.

    A mass never serves as the surroundings of another region: what is to be filled in is tissue. What lies outside the
    scan area neither changes nor serves.

    Parameters
    ----------
    labels : ndarray of uint8, shape (rows, columns)
    fill : str
        Of :data:`~.infill.FILLS`.
    """
    frame = case.frame
    window = field.pixels(frame.shape)
    seen = np.zeros(frame.shape, bool)
    seen[window] = True if frame.scan_area is None else frame.scan_area[window]
    images, reasons = {}, {}
    for label, name in enumerate(REGIONS):
        region = seen & (labels == label)
        around = seen & ~region & (True if label == MASS else labels != MASS)
        try:
            images[name] = filled(frame.pixels, region, around, fill)
        except InputError as error:
            reasons[name] = str(error)
    return images, reasons


def changes_in(check: Mapping[str, Any] | None) -> Changes | None:
    """The changes that a result's check was made of."""
    if check is None:
        return None
    known = {name: value for name, value in check["change"].items() if value is not None}
    return Changes(check["fill"], known, {name: reason for name, reason in check["reasons"].items() if reason})


def check_of(changes: Changes, evidence: Mapping[str, float], malignant: bool) -> Check:
    """Changes beside evidence.

    Parameters
    ----------
    evidence : mapping of region to float
    malignant : bool
        What the decision, unsuspended, says.
    """
    towards = {name: value if malignant else -value for name, value in evidence.items()}
    decided = max(REGIONS, key=lambda name: towards[name])
    same = {
        name: None if name not in changes.changes else bool(np.sign(changes.changes[name]) == np.sign(evidence[name]))
        for name in REGIONS
    }
    both = [name for name in REGIONS if name in changes.changes]
    rank = None
    if len(both) > 2:
        first, second = (ranks(np.array([values[name] for name in both])) for values in (changes.changes, evidence))
        if np.ptp(first) and np.ptp(second):
            rank = float(np.corrcoef(first, second)[0, 1])
    return Check(
        changes.fill,
        {name: changes.changes.get(name) for name in REGIONS},
        {name: changes.reasons.get(name, "") for name in REGIONS},
        {name: float(evidence[name]) for name in REGIONS},
        same,
        rank,
        decided,
        same[decided],
    )
