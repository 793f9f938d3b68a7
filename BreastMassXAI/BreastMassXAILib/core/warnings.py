"""What a result warns of: each thing about mass, frame, field or map that a reader should know, as a sentence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .classifier import Classifier
from .field import Field
from .frame import Case, MaskOrigin
from .regions import MASS, RELEVANT
from .sizes import implausible

UNCONFIRMED = "The outline of the mass is automatic: nobody has accepted or edited it."
LARGE_MASS = 0.5
"""A mass that covers a larger share of the scan area is remarked."""
SMALL_FIELD = 32
"""A field with a shorter side, in pixels of the frame, is remarked."""
OUTSIDE_WARNING = 0.2
"""Share of the saliency outside the scan area that is worth a warning; cells that its border cuts leak some anyway."""


def case_warnings(case: Case, labels: np.ndarray, field: Field) -> list[str]:
    """What mass, frame and field give rise to, whatever the network answers."""
    found = []
    mass = case.mass
    if case.mass_origin is MaskOrigin.AUTOMATIC:
        found.append(UNCONFIRMED)
    if case.frame.spacing.provenance.value == "assumed":
        row_mm, column_mm = case.frame.spacing.mm()
        found.append(
            f"The pixel size of {row_mm:.4g} x {column_mm:.4g} mm (row x column) is an assumption; "
            "the ring is as right as the assumption."
        )
    if size := implausible(case.frame):
        found.append(size)
    if mass[0].any() or mass[-1].any() or mass[:, 0].any() or mass[:, -1].any():
        found.append("The mass touches the border of the frame: its regions are cut there.")
    area = case.frame.scan_area
    if area is not None and (mass & ~area).any():
        found.append("Part of the mass lies outside the scan area and is left out.")
    share_of_mass = np.count_nonzero(labels == MASS) / (labels.size if area is None else np.count_nonzero(area))
    if share_of_mass > LARGE_MASS:
        found.append(f"The mass covers {share_of_mass:.0%} of the scan area: is the mask inverted?")
    if min(field.height, field.width) < SMALL_FIELD:
        found.append(
            f"The network's field is only {field.width:.0f} x {field.height:.0f} pixels of the frame (columns x rows): "
            "it sees little more than a blur."
        )
    rows, columns = field.pixels(labels.shape)
    for label, name in enumerate(RELEVANT, start=1):
        pixels = np.count_nonzero(labels == label)
        if not pixels:
            if name != "peritumoral" or case.frame.spacing.known:
                found.append(f"The region '{name}' is empty on this frame.")
            continue
        unseen = 1 - np.count_nonzero(labels[rows, columns] == label) / pixels
        if unseen > 0:
            share = f"{100 * unseen:.0f} %" if unseen >= 0.01 else "less than 1 %"
            found.append(f"The network's field cuts the region '{name}': {share} of it was not seen by the network.")
    return found


def map_warnings(case: Case, saliency: np.ndarray, field: Field, flat: bool) -> list[str]:
    """What the network's answer gives rise to."""
    found = []
    outside = saliency_outside(saliency, field, case.frame.scan_area)
    if outside >= OUTSIDE_WARNING:
        found.append(
            f"{100 * outside:.0f} % of the saliency lies outside the scan area: the network looks at what is no "
            "tissue, such as text or rulers."
        )
    if flat:
        found.append("The saliency map is flat: its extreme points mean nothing, and no hit is counted.")
    return found


def method_warnings(method: str, rule: str) -> list[str]:
    """What another method than class activation mapping gives rise to."""
    if method == "cam" or rule not in ("paper", "outside"):
        return []
    return [
        f"The rule that suspends decisions ({rule}) looks at the map by {method} here; what it is worth was "
        "measured with class activation maps."
    ]


def term_warnings(
    case: Case,
    classifier: Classifier,
    network_logit: float,
    terms: Mapping[str, float],
    values: Mapping[str, float | None],
) -> list[str]:
    """What the outline's terms in the logit give rise to."""
    if not terms:
        return []
    found = []
    missing = [name for name in terms if values.get(name) is None]
    if missing:
        found.append(f"The outline has no {', '.join(missing)}: these terms of the model add nothing.")
    if terms_decide(classifier, network_logit, terms):
        unseen = ", and nobody has accepted or edited it" if case.mass_origin is MaskOrigin.AUTOMATIC else ""
        found.append(
            f"The outline decides{unseen}: without its terms ({sum(terms.values()):+.2f} logit) the model would say "
            f"{_word(classifier, network_logit)}. Is the outline right?"
        )
    return found


def terms_decide(classifier: Classifier, network_logit: float, terms: Mapping[str, float]) -> bool:
    """Whether the decision, unsuspended, would be another one without the outline's terms."""
    with_terms = network_logit + sum(terms.values())
    return _word(classifier, network_logit) != _word(classifier, with_terms)


def _word(classifier: Classifier, logit: float) -> str:
    return "malignant" if classifier.probability(logit) >= classifier.threshold else "benign"


def saliency_outside(saliency: np.ndarray, field: Field, scan_area: np.ndarray | None) -> float:
    """Share of the absolute saliency in the field that lies outside the scan area: 0 where all is inside."""
    if scan_area is None:
        return 0.0
    seen = field.pixels(saliency.shape)
    strength = np.abs(saliency[seen])
    total = float(strength.sum(dtype=np.float64))
    return float(strength[~scan_area[seen]].sum(dtype=np.float64)) / total if total > 0 else 0.0
