"""A run over the cases of a list, in the worker's thread: it reads the entries' records only, which never change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..cohorts.cases import read_case
from ..cohorts.records import CaseRecord
from ..core.frame import Case
from ..core.progress import Progress, silent
from ..core.result import Settings
from ..core.settling import SpacingAssumption
from .cohort_entry import Entry, Outcome, numbers_of
from .models import Model, loaded
from .passes import look
from .worker import sentence_of


def read_with(record: CaseRecord, drawn: np.ndarray | None, assumption: SpacingAssumption | None) -> Case:
    """A case from its files, with the mass that the user drew on it, if any.

    Raises
    ------
    BreastMassXAIError
        When its files cannot be read.
    """
    case = read_case(record, assumption)
    if drawn is None or drawn.shape != case.mass.shape:
        return case
    return replace(case, mass=drawn, mass_source=None)


def explain_each(
    todo: list[tuple[Entry, np.ndarray | None]],
    assumption: SpacingAssumption | None,
    model: Model,
    settings: Settings,
    progress: Progress,
) -> Iterator[Outcome]:
    """Explain cases, each with the mass that was drawn on it; of each, that it began and what came of it.

    Raises
    ------
    BundleError
        When the model cannot be loaded: that is no case's fault.
    """
    made_with = model.sha256, settings
    progress(0, len(todo), "loading the model")
    loaded(model)
    for done, (entry, drawn) in enumerate(todo):
        progress(done, len(todo), entry.record.identifier)
        begun = Outcome(entry, made_with, drawn)
        yield begun
        try:
            yield _explained(begun, assumption, model, settings)
        except Exception as error:  # a broken file costs its own case only
            yield replace(begun, reason=sentence_of(error)[0])
    progress(len(todo), len(todo), "done")


def _explained(begun: Outcome, assumption: SpacingAssumption | None, model: Model, settings: Settings) -> Outcome:
    case = read_with(begun.entry.record, begun.drawn, assumption)
    if settings.ring_mm > 0:
        case.frame.spacing.mm()
    found = look(case, model, silent)
    explanation = found.explain(case, settings)
    numbers = numbers_of(begun.entry.record, case, explanation)
    return replace(begun, result=explanation.result, numbers=numbers, found=found)
