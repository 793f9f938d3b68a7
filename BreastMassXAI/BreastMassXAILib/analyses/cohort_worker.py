"""A stretch of a cohort, read, classified and explained by one worker: here, in another process, on another machine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cohorts.cases import read_case
from ..cohorts.records import CaseRecord, identity
from ..core.counter_check import Changes
from ..core.energy import field_picture
from ..core.errors import BreastMassXAIError, InputError
from ..core.explain import explain
from ..core.frame import Case
from ..core.measures import flat_row, measures
from ..core.result import Settings
from ..core.settling import SpacingAssumption
from ..methods import method_of
from ..pipeline import analyze, check_choices, checked, load_model, software_versions
from ..writers.report import draw_example

if TYPE_CHECKING:
    from ..network.bundle import Bundle

BATCH = 12
"""Frames in one pass of the network, and cases in memory at once; fixed, so that results do not depend on the jobs."""


@dataclass(frozen=True)
class Task:
    """Some cases and the models that look at them.

    Parameters
    ----------
    records : tuple of CaseRecord
    models : tuple of Path
        Bundles' folders; every one looks at every case.
    threads : int, optional
        Of torch; as it is, if not given.
    random_seed : int, optional
        Each model's network looks at the cases once more, with random weights drawn with this seed.
    sweep : bool
        Whether rings of other widths and near misses are looked at as well.
    methods : tuple of str
        What explains the decisions; the settings' own, if none is given.
    """

    records: tuple[CaseRecord, ...]
    models: tuple[Path | None, ...]
    settings: Settings
    assumption: SpacingAssumption
    threads: int | None = None
    random_seed: int | None = None
    sweep: bool = True
    methods: tuple[str, ...] = ()


@dataclass(frozen=True)
class Description:
    """A model's name, SHA-256 of its ``model.json``, and what that says of its training."""

    name: str
    sha256: str
    training: dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """A case's row for each model and method, the methods of a model together, and the regions in the model's field as
    a small picture, or the reason why there is none; networks with random weights come after the models."""

    record: CaseRecord
    rows: tuple[dict[str, Any], ...] = ()
    pictures: tuple[bytes, ...] = ()
    reason: str = ""


def run_task(task: Task) -> list[Outcome]:
    """Read the cases, run the networks on all of them at once, explain each; a broken file costs its own case only.

    Raises
    ------
    BreastMassXAIError
        When a model cannot be loaded.
    """
    import torch

    from ..methods.running import saliency_maps

    if task.threads is not None and torch.get_num_threads() != task.threads:
        torch.set_num_threads(task.threads)
    bundles = [load_once(folder) for folder in task.models]
    for bundle in bundles:
        check_choices(bundle.classifier, task.settings)
    if task.random_seed is not None:
        bundles += [load_random(folder, task.random_seed) for folder in task.models]
    outcomes: dict[int, Outcome] = {}
    cases: dict[int, Case] = {}
    for place, record in enumerate(task.records):
        try:
            case = read_case(record, task.assumption)
            if task.settings.ring_mm > 0:
                case.frame.spacing.mm()
            cases[place] = case
        except BreastMassXAIError as error:
            outcomes[place] = Outcome(record, reason=str(error))
    rows: dict[int, list[dict[str, Any]]] = {place: [] for place in cases}
    pictures: dict[int, list[bytes]] = {place: [] for place in cases}
    software = software_versions()
    methods = [method_of(name) for name in task.methods or (task.settings.method,)]
    seen: dict[tuple[int, int], Changes | None] = {}  # by network and case: no method changes what the network answers
    for (number, bundle), method in product(enumerate(bundles if cases else ()), methods):
        answers = saliency_maps(bundle, list(cases.values()), method)
        settings = replace(task.settings, method=method.name)
        for (place, case), answer in zip(cases.items(), answers, strict=True):
            if place in outcomes:
                continue
            try:
                regions = None
                if (number, place) not in seen:
                    regions, seen[number, place] = checked(bundle, case, answer, settings)
                explanation = explain(case, answer, bundle.classifier, settings, software, regions, seen[number, place])
                row = flat_row(explanation.result.to_dict())
                rows[place].append({**identity(task.records[place]), **row, **measures(case, explanation, task.sweep)})
                pictures[place].append(field_picture(explanation.labels, answer.field, case.frame.scan_area))
            except InputError as error:
                outcomes[place] = Outcome(task.records[place], reason=str(error))
    for place, found in rows.items():
        outcomes.setdefault(place, Outcome(task.records[place], tuple(found), tuple(pictures[place])))
    return [outcomes[place] for place in range(len(task.records))]


def describe(folder: Path | None) -> Description:
    """What a report says of a model: its name, SHA-256 and training.

    Raises
    ------
    BreastMassXAIError
        When it cannot be loaded.
    """
    bundle = load_once(folder)
    return Description(bundle.classifier.name, bundle.classifier.sha256, dict(bundle.description.get("training", {})))


def draw(record: CaseRecord, folder: Path | None, settings: Settings, assumption: SpacingAssumption) -> bytes:
    """A case's explanation as a picture, the bytes of a JPEG file.

    Raises
    ------
    BreastMassXAIError
        When the case can no longer be read, or matplotlib is not installed.
    """
    case = read_case(record, assumption)
    return draw_example(case, analyze(case, load_once(folder), settings))


@lru_cache(maxsize=8)
def load_once(folder: Path | None) -> Bundle:
    """A model, kept for the next task of this worker.

    Raises
    ------
    BreastMassXAIError
        When it cannot be loaded, or torch is not installed.
    """
    return load_model(folder)


@lru_cache(maxsize=8)
def load_random(folder: Path | None, seed: int) -> Bundle:
    """A model with random weights instead of its own, kept for the next task of this worker.

    Raises
    ------
    BreastMassXAIError
        As :func:`load_once`.
    """
    from ..network.random_weights import with_random_weights

    return with_random_weights(load_once(folder), seed)
