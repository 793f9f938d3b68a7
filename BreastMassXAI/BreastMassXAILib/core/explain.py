"""From a network's signed cells to the explanation. Needs no network, so an edited mask costs no forward pass."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from .contributions import cell_coverage, contributions
from .errors import InputError
from .field import Field
from .frame import Case, Source
from .pointing import decide, hits, pointed_region
from .regions import MASS, RELEVANT, area_fractions, region_labels
from .result import CaseResult, Extreme, Settings
from .saliency import ExtremePoint, extreme_points, to_frame_grid

LARGE_MASS = 0.5
"""A mass that covers a larger share of the scan area is remarked."""
SMALL_FIELD = 32
"""A field with a shorter side, in pixels of the frame, is remarked."""
OUTSIDE_WARNING = 0.2
"""Share of the saliency outside the scan area that is worth a warning; cells that its border cuts leak some anyway."""


@dataclass(frozen=True, eq=False)
class NetworkOutput:
    """What one forward pass says of a frame.

    Parameters
    ----------
    logit, bias : float
    cells : ndarray, shape (n, m), float32
        Signed map in logit units; ``cells.mean() + bias == logit``.
    field : Field
        The rectangle of the frame that the cells divide.
    """

    logit: float
    bias: float
    cells: np.ndarray
    field: Field


@dataclass(frozen=True)
class Classifier:
    """What the explanation must know of a trained model: its identity, threshold and temperature."""

    name: str
    sha256: str
    threshold: float = 0.5
    temperature: float = 1.0

    def probability(self, logit: float) -> float:
        """Calibrated probability of malignancy."""
        scaled = logit / self.temperature
        return 1 / (1 + math.exp(-scaled)) if scaled >= 0 else math.exp(scaled) / (1 + math.exp(scaled))


@dataclass(frozen=True, eq=False)
class Explanation:
    """A case's result with the two images it was read from.

    Parameters
    ----------
    result : CaseResult
    saliency : ndarray, shape (rows, columns), float32
        Logits on the frame's grid; 0 outside the field.
    labels : ndarray, shape (rows, columns), uint8
        0 elsewhere, 1 mass, 2 peritumoral, 3 below.
    """

    result: CaseResult
    saliency: np.ndarray
    labels: np.ndarray


def explain(
    case: Case, output: NetworkOutput, classifier: Classifier, settings: Settings, software: Mapping[str, str]
) -> Explanation:
    """Regions, pointing game, contributions and decision of a case.

    Raises
    ------
    SpacingError
        When a ring is asked for and the frame's spacing is unknown.
    InputError
        When no mass pixel lies in the scan area.
    """
    frame = case.frame
    if frame.scan_area is not None and not (case.mass & frame.scan_area).any():
        raise InputError("The mass lies outside the scan area: check the scan area, or take the whole frame as such.")
    labels = region_labels(case.mass, frame.spacing, settings.ring_mm, frame.beams, frame.scan_area)
    saliency = to_frame_grid(output.cells, output.field, frame.shape)
    points = dict(zip(("max", "min"), extreme_points(saliency, output.field, frame.scan_area), strict=True))
    # On the frame's grid rounding would give a flat map a maximum somewhere; the cells know that it has none.
    flat = float(np.ptp(output.cells)) <= 1e-6 * float(np.abs(output.cells).max())
    pointed = {which: "elsewhere" if flat else pointed_region(point, labels) for which, point in points.items()}
    scored = hits(pointed)
    probability = classifier.probability(output.logit)
    decision = decide(probability, classifier.threshold, scored, settings.grey_zone)
    coverage = cell_coverage(labels, output.field, output.cells.shape)
    result = CaseResult(
        logit=output.logit,
        bias=output.bias,
        cam_mean=float(output.cells.astype(np.float64).mean()),
        probability=probability,
        temperature=classifier.temperature,
        threshold=classifier.threshold,
        decision=decision.word,
        rule=decision.rule,
        reason=decision.reason,
        extremes={which: _extreme(point, pointed[which], case) for which, point in points.items()},
        hits=scored,
        contributions=contributions(output.cells, coverage),
        area_fraction=area_fractions(labels, frame.scan_area),
        chance=_chance(labels, output.field, frame.scan_area),
        spacing_mm=frame.spacing.mm() if frame.spacing.known else None,
        spacing_provenance=frame.spacing.provenance.value,
        beams=frame.beams.kind,
        ring_mm=settings.ring_mm,
        grey_zone=settings.grey_zone,
        method="cam",
        field=asdict(output.field),
        cells=output.cells.shape,
        frame=_identity(frame.source, frame.shape),
        mask=_identity(case.mass_source, frame.shape),
        model={"name": classifier.name, "sha256": classifier.sha256},
        warnings=(*frame.warnings, *_warnings(case, labels, saliency, output.field, flat)),
        software=dict(software),
    )
    return Explanation(result, saliency, labels)


def _extreme(point: ExtremePoint, region: str, case: Case) -> Extreme:
    spacing = case.frame.spacing
    row_mm, column_mm = spacing.mm() if spacing.known else (None, None)
    return Extreme(
        row=point.row,
        column=point.column,
        row_mm=None if row_mm is None else point.row * row_mm,
        column_mm=None if column_mm is None else point.column * column_mm,
        value=point.value,
        region=region,
    )


def _identity(source: Source | None, shape: tuple[int, int]) -> dict[str, object]:
    return {**(asdict(source) if source is not None else {}), "rows": shape[0], "columns": shape[1]}


def _chance(labels: np.ndarray, field: Field, scan_area: np.ndarray | None) -> dict[str, float]:
    """What a point thrown at random where the extreme points are searched would hit."""
    seen = field.pixels(labels.shape)
    searched = None if scan_area is None or not scan_area[seen].any() else scan_area[seen]
    return area_fractions(labels[seen], searched)


def saliency_outside(saliency: np.ndarray, field: Field, scan_area: np.ndarray | None) -> float:
    """Share of the absolute saliency in the field that lies outside the scan area: 0 where all is inside."""
    if scan_area is None:
        return 0.0
    seen = field.pixels(saliency.shape)
    strength = np.abs(saliency[seen])
    total = float(strength.sum(dtype=np.float64))
    return float(strength[~scan_area[seen]].sum(dtype=np.float64)) / total if total > 0 else 0.0


def _warnings(case: Case, labels: np.ndarray, saliency: np.ndarray, field: Field, flat: bool) -> list[str]:
    found = []
    mass = case.mass
    if case.frame.spacing.provenance.value == "assumed":
        row_mm, column_mm = case.frame.spacing.mm()
        found.append(
            f"The pixel size of {row_mm:.4g} x {column_mm:.4g} mm (row x column) is an assumption; "
            "the ring is as right as the assumption."
        )
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
    outside = saliency_outside(saliency, field, area)
    if outside >= OUTSIDE_WARNING:
        found.append(
            f"{100 * outside:.0f} % of the saliency lies outside the scan area: the network looks at what is no "
            "tissue, such as text or rulers."
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
    if flat:
        found.append("The saliency map is flat: its extreme points mean nothing, and no hit is counted.")
    return found
