"""The sanity tests of some cases under one model, by one worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import sobel

from ..cohorts.cases import read_case
from ..cohorts.records import CaseRecord
from ..core.classifier import NetworkOutput
from ..core.contributions import cell_coverage, contributions
from ..core.energy import field_picture
from ..core.errors import BreastMassXAIError
from ..core.frame import Case
from ..core.pointing import pointed_region
from ..core.regions import REGIONS, region_labels
from ..core.saliency import extreme_points, to_frame_grid
from ..core.sanity import alike, rank_correlation
from ..core.settling import SpacingAssumption
from .cohort_worker import load_once

if TYPE_CHECKING:
    from ..methods.catalogue import Method
    from ..network.bundle import Bundle

SEEDS = 2
"""Heads, or linear layers on other draws, that a map is compared with."""


@dataclass(frozen=True)
class SanityTask:
    """Some cases under one model.

    Parameters
    ----------
    records : tuple of CaseRecord
    model : Path, optional
    beside : tuple of Path
        Other models, whose maps are compared with this one's.
    methods : tuple of str
    features : ndarray, shape (n, channels), optional
        What the model's trunk sees of all labelled cases that it is tested on, for linear layers that learn again.
    labels : ndarray of bool, shape (n,), optional
        Theirs.
    """

    records: tuple[CaseRecord, ...]
    model: Path | None
    beside: tuple[Path, ...]
    methods: tuple[str, ...]
    assumption: SpacingAssumption
    ring_mm: float
    seed: int
    threads: int | None
    features: np.ndarray | None = None
    labels: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class SanityRow:
    """What the tests found of one case under one method; or, with a `reason`, why there is nothing."""

    record: CaseRecord
    method: str = ""
    values: dict[tuple[str, ...], float] | None = None
    picture: bytes = b""
    cells: np.ndarray | None = None
    reason: str = ""


def _threads(threads: int | None) -> None:
    import torch

    if threads is not None and torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


def read_cases(records: Sequence[CaseRecord], assumption: SpacingAssumption, ring_mm: float) -> list[Case | str]:
    """Cases, or why they cannot be used."""
    found: list[Case | str] = []
    for record in records:
        try:
            case = read_case(record, assumption)
            if ring_mm > 0:
                case.frame.spacing.mm()
            found.append(case)
        except BreastMassXAIError as error:
            found.append(str(error))
    return found


def see_cases(task: SanityTask) -> np.ndarray:
    """What the model's trunk sees of the cases, shape (n, channels); NaN for those that cannot be read."""
    from ..methods.sanity import features_of_cases

    _threads(task.threads)
    bundle = load_once(task.model)
    cases = read_cases(task.records, task.assumption, task.ring_mm)
    readable = [case for case in cases if isinstance(case, Case)]
    features = np.full((len(cases), bundle.network.linear.in_features), np.nan, np.float32)
    if readable:
        features[[isinstance(case, Case) for case in cases]] = features_of_cases(bundle, readable)
    return features


def tested_cases(task: SanityTask) -> list[SanityRow]:
    """All tests of some cases, for every method.

    Raises
    ------
    BreastMassXAIError
        When a model cannot be loaded.
    """
    from ..methods.catalogue import method_of

    _threads(task.threads)
    bundle = load_once(task.model)
    rows: list[SanityRow] = []
    cases: dict[int, Case] = {}
    for place, (record, case) in enumerate(zip(task.records, read_cases(*_reading(task)), strict=True)):
        if isinstance(case, Case):
            cases[place] = case
        else:
            rows.append(SanityRow(record, reason=case))
    if not cases:
        return rows
    altered = _altered_once(task, bundle)
    for name in task.methods:
        rows += _of_method(task, bundle, cases, altered, method_of(name))
    return rows


def _reading(task: SanityTask) -> tuple[Sequence[CaseRecord], SpacingAssumption, float]:
    return task.records, task.assumption, task.ring_mm


_kept: dict[tuple[object, ...], dict[tuple[str, ...], Bundle]] = {}


def _altered_once(task: SanityTask, bundle: Bundle) -> dict[tuple[str, ...], Bundle]:
    """As :func:`_altered`, kept for the next task of this worker under the same model."""
    features = None if task.features is None else hash(task.features.tobytes())
    key = (task.model, task.seed, task.beside, features)
    if key not in _kept:
        _kept.clear()
        _kept[key] = _altered(task, bundle)
    return _kept[key]


def _altered(task: SanityTask, bundle: Bundle) -> dict[tuple[str, ...], Bundle]:
    """The models that are asked beside the tested one, by the place of their figures in the table."""
    from ..methods.sanity import layers_of, shuffled, with_head, with_linear_layer

    found: dict[tuple[str, ...], Bundle] = {}
    names = list(layers_of(bundle.network))
    for number, name in enumerate(names):
        found["independent", name] = shuffled(bundle, [name], task.seed)
        whole = names[: number + 1]
        found["cascading", name] = found["independent", name] if number == 0 else shuffled(bundle, whole, task.seed)
    if bundle.network.heads is not None:
        count = bundle.network.architecture.heads
        for number in range(min(SEEDS, count)):
            found["seeds", f"head {number + 1}"] = with_head(bundle, number)
    if task.features is not None and task.labels is not None:
        generator = np.random.default_rng(task.seed)
        for number in range(SEEDS):
            found["labels", f"permuted {number + 1}"] = with_linear_layer(
                bundle, task.features, generator.permutation(task.labels), "permuted labels"
            )
            drawn = _draw(task.labels, generator)
            found["labels", f"true, drawn again {number + 1}"] = with_linear_layer(
                bundle, task.features[drawn], task.labels[drawn], "true labels"
            )
    for folder in task.beside:
        other = load_once(folder)
        found["models", other.classifier.name] = other
    return found


def _draw(labels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A bootstrap draw in which both labels are."""
    parts = [np.flatnonzero(labels == label) for label in (False, True)]
    return np.concatenate([generator.choice(part, len(part)) for part in parts])


def _of_method(
    task: SanityTask,
    bundle: Bundle,
    cases: dict[int, Case],
    altered: dict[tuple[str, ...], Bundle],
    method: Method,
) -> list[SanityRow]:
    from ..methods import sanity as changes
    from ..methods.running import saliency_maps

    originals = saliency_maps(bundle, list(cases.values()), method)
    values: list[dict[tuple[str, ...], float]] = [{} for _ in cases]

    def compare(place: tuple[str, ...], others: Sequence[NetworkOutput]) -> None:
        for own, case, before, after in zip(values, cases.values(), originals, others, strict=True):
            rank, angle = alike(before.cells, before.field, after.cells, after.field)
            own[(*place, "rank")], own[(*place, "cosine")] = rank, angle
            if place[0] not in ("independent", "cascading"):
                own[(*place, "same region")] = float(_pointed(task, case, before) == _pointed(task, case, after))

    for place, other in altered.items():
        compare(place, saliency_maps(other, list(cases.values()), method))
    jitters: dict[tuple[str, ...], Callable[[Case, int], Case]] = {
        **{("frame", name): change for name, change in changes.FRAMES.items()},
        **({("outline", name): change for name, change in changes.OUTLINES.items()} if task.ring_mm > 0 else {}),
    }
    for place, change in jitters.items():
        jittered = [change(case, task.seed + number) for number, case in enumerate(cases.values())]
        compare(place, saliency_maps(bundle, jittered, method))
    moved = [
        saliency_maps(changes.moved_field(bundle, case, task.seed + number), [case], method)[0]
        for number, case in enumerate(cases.values())
    ]
    compare(("frame", f"field moved by {100 * changes.SHIFT:.0f} %"), moved)
    threshold = bundle.classifier.threshold_logit
    rows = []
    for own, (row, case), output in zip(values, cases.items(), originals, strict=True):
        labels = region_labels(case.mass, case.frame.spacing, task.ring_mm, case.frame.beams, case.frame.scan_area)
        own |= _of_case(bundle, case, output, labels, task.seed)
        own["decision", "sign"] = 1.0 if output.logit > threshold else -1.0
        picture = field_picture(labels, output.field, case.frame.scan_area)
        rows.append(SanityRow(task.records[row], method.name, own, picture, output.cells))
    return rows


def _pointed(task: SanityTask, case: Case, output: NetworkOutput) -> str:
    """The region of the case's own outline in which the map points for malignant."""
    labels = region_labels(case.mass, case.frame.spacing, task.ring_mm, case.frame.beams, case.frame.scan_area)
    saliency = to_frame_grid(output.cells, output.field, case.frame.shape)
    return pointed_region(extreme_points(saliency, output.field, case.frame.scan_area)[0], labels)


def _of_case(
    bundle: Bundle, case: Case, output: NetworkOutput, labels: np.ndarray, seed: int
) -> dict[tuple[str, ...], float]:
    """Completeness, likeness to edges, deletion and insertion."""
    from ..methods.sanity import deletion_and_insertion
    from ..network.preprocessing import resample_field

    found: dict[tuple[str, ...], float] = {}
    cells = output.cells.astype(np.float64)
    found["completeness", "gap"] = abs(float(cells.mean()) + output.bias - output.logit)
    if output.exact:
        shares = contributions(cells, cell_coverage(labels, output.field, (cells.shape[0], cells.shape[1])))
        found["completeness", "regions"] = abs(sum(shares[name] for name in REGIONS) + output.bias - output.logit)
    grey = resample_field(case.frame.pixels, output.field, bundle.preprocessing.size).astype(np.float64)
    edges = np.hypot(sobel(grey, 0), sobel(grey, 1))
    found["edges", "rank"] = rank_correlation(np.abs(cells), _mean_cells(edges, (cells.shape[0], cells.shape[1])))
    generator = np.random.default_rng((seed, cells.size))
    orders = (generator.permutation(cells.size),)
    answers = deletion_and_insertion(bundle, case, output, bundle.classifier.threshold_logit, orders)
    for name, (deletion, insertion) in zip(("map", "random"), answers, strict=True):
        found["deletion", name], found["insertion", name] = deletion, insertion
    for test in ("deletion", "insertion"):
        found[test, "map - random"] = found[test, "map"] - found[test, "random"]
    return found


def _mean_cells(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    from ..core.field import cell_weights

    rows, columns = (
        cell_weights(np.linspace(0, size, n + 1), size) for size, n in zip(image.shape, shape, strict=True)
    )
    return rows @ image @ columns.T
