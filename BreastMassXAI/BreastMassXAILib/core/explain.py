"""From a network's signed cells to the explanation. Needs no network, so an edited mask costs no forward pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from .classifier import Classifier, NetworkOutput
from .contributions import cell_coverage, contributions, energy_shares, evidence_inside
from .counter_check import Changes, check_of
from .descriptors import describe
from .errors import InputError
from .field import Field
from .frame import Case, Source
from .lexicon import lexicon
from .pointing import decide, hits, pointed_region
from .regions import area_fractions, region_labels
from .result import CaseResult, Extreme, Settings
from .saliency import ExtremePoint, extreme_points, to_frame_grid
from .suspension import Evidence
from .terms import term_contributions
from .warnings import case_warnings, map_warnings, method_warnings, term_warnings


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


@dataclass(frozen=True, eq=False)
class Partition:
    """What of an explanation depends on mass, spacing and field but not on the network's answer.

    Frames of a cine loop on which these stay the same share one.

    Parameters
    ----------
    labels : ndarray, shape (rows, columns), uint8
    coverage : ndarray, shape (4, n, m)
        See :func:`~.contributions.cell_coverage`.
    area_fraction, chance : dict
        See :class:`~.result.CaseResult`.
    warnings : tuple of str
    """

    labels: np.ndarray
    coverage: np.ndarray
    area_fraction: dict[str, float]
    chance: dict[str, float]
    warnings: tuple[str, ...]


def partition(case: Case, field: Field, cells: tuple[int, int], settings: Settings) -> Partition:
    """The regions of a case, on the frame's grid and on the network's.

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
    coverage = cell_coverage(labels, field, cells)
    area = area_fractions(labels, frame.scan_area)
    chance = _chance(labels, field, frame.scan_area)
    return Partition(labels, coverage, area, chance, tuple(case_warnings(case, labels, field)))


def explain(
    case: Case,
    output: NetworkOutput,
    classifier: Classifier,
    settings: Settings,
    software: Mapping[str, str],
    regions: Partition | None = None,
    changes: Changes | None = None,
) -> Explanation:
    """Regions, pointing game, contributions and decision of a case.

    Parameters
    ----------
    regions : Partition, optional
        What :func:`partition` gives for this case, where it is known already.
    changes : Changes, optional
        What replacing these regions did, where a counter-check was asked for.

    Raises
    ------
    SpacingError
        When a ring is asked for and the frame's spacing is unknown.
    InputError
        When no mass pixel lies in the scan area; the model lacks the operating point or the rule of suspension; or the
        lexicon has no such word as the reader's.
    """
    frame = case.frame
    classifier = classifier.at(settings.operating_point)
    suspend = classifier.suspended_by(settings.suspend)
    regions = regions or partition(case, output.field, output.cells.shape, settings)
    labels = regions.labels
    saliency = to_frame_grid(output.cells, output.field, frame.shape)
    points = dict(zip(("max", "min"), extreme_points(saliency, output.field, frame.scan_area), strict=True))
    # On the frame's grid rounding would give a flat map a maximum somewhere; the cells know that it has none.
    flat = float(np.ptp(output.cells)) <= 1e-6 * float(np.abs(output.cells).max())
    pointed = {which: "elsewhere" if flat else pointed_region(point, labels) for which, point in points.items()}
    scored = hits(pointed)
    described = describe(case)
    terms = term_contributions(classifier.terms, described.values)
    logit = output.logit + sum(terms.values())
    probability = classifier.probability(logit)
    evidence = Evidence(
        points=sum(region != "elsewhere" for region in pointed.values()),
        distance=classifier.distance(logit),
        disagreement=None if output.disagreement is None else output.disagreement / classifier.temperature,
        inside=evidence_inside(output.cells, regions.coverage),
    )
    decision = decide(probability, classifier.threshold, evidence, suspend, settings.grey_zone)
    worth = contributions(output.cells, regions.coverage)
    check = None if changes is None else check_of(changes, worth, probability >= classifier.threshold).to_dict()
    result = CaseResult(
        logit=logit,
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
        contributions=worth if output.exact else {},
        energy=energy_shares(output.cells, regions.coverage),
        area_fraction=dict(regions.area_fraction),
        chance=dict(regions.chance),
        spacing_mm=frame.spacing.mm() if frame.spacing.known else None,
        spacing_provenance=frame.spacing.provenance.value,
        beams=frame.beams.kind,
        ring_mm=settings.ring_mm,
        grey_zone=settings.grey_zone,
        operating_point=classifier.point,
        disagreement=output.disagreement,
        evidence_inside=evidence.inside,
        suspension={"rule": suspend.kind, "limit": suspend.limit, "measured": suspend.measured},
        descriptors=dict(described.values),
        descriptors_missing=described.reasons(),
        lexicon=lexicon(described.values, float(frame.pixels[case.mass].mean()), case.words),
        terms=terms,
        method=output.method,
        exact=output.exact,
        field=asdict(output.field),
        cells=output.cells.shape,
        frame=_identity(frame.source, frame.shape),
        mask={"origin": case.mass_origin.value, **_identity(case.mass_source, frame.shape)},
        model={"name": classifier.name, "sha256": classifier.sha256},
        warnings=(
            *frame.warnings,
            *regions.warnings,
            *map_warnings(case, saliency, output.field, flat),
            *method_warnings(output.method, suspend.kind),
            *described.notes,
            *term_warnings(case, classifier, output.logit, terms, described.values),
        ),
        software=dict(software),
        check=check,
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
