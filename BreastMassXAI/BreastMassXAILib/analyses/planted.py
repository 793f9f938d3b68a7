"""Do explanations name what decided? Networks that decide by one known thing, and every method's answer beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError, MissingPackageError
from ..core.planted import WAYS, Named, named, score
from ..core.progress import Progress, silent
from ..core.regions import region_labels
from ..core.resuming import resumable_folder
from ..core.statistics import Estimate, share
from ..phantom.planted import PIXEL_MM, PLANTS, RING_MM, SIDE
from ..pipeline import report_head
from ..writers.planted import Example, write_planted
from . import planted_tasks as tasks
from .cohort_worker import describe
from .planted_tasks import AIM, Study
from .team import Team, workers

SCHEMA_VERSION = 1
RESULT_FILE = "planted.json"
METHODS = (
    "cam",
    "grad-cam:2",
    "grad-cam++",
    "layer-cam",
    "hires-cam:2",
    "score-cam",
    "cameras",
    "occlusion",
    "integrated-gradients",
    "smooth-grad",
)
"""Grad-CAM and HiResCAM at the last stage are the class activation map: they are asked at the second."""
COSTLY = {"score-cam": 130, "cameras": 40, "occlusion": 170, "integrated-gradients": 100, "smooth-grad": 50}
"""Methods that look at fewer phantoms, and some forward passes that a map costs."""
PASSES = 6
"""The same of the others."""
CHECK_PASSES = 10
"""The same of a counter-check, with the tissue that is painted in."""
AT_ONCE = 10
"""Phantoms that a method explains in one piece of work."""


@dataclass(frozen=True)
class PlantedRequest:
    """What the user asked for.

    Parameters
    ----------
    model : Path, optional
        Whose trunk learns; the shipped one by default.
    methods, plants : tuple of str
    training, validation, unseen : int
        Numbers of phantoms.
    depth : {"last-stage", "linear"}
        What learns beside the linear layer.
    costly : int
        Unseen phantoms that methods of many passes look at.
    """

    out: Path
    model: Path | None = None
    methods: tuple[str, ...] = METHODS
    plants: tuple[str, ...] = tuple(PLANTS)
    training: int = 400
    validation: int = 80
    unseen: int = 120
    costly: int = 8
    depth: str = "last-stage"
    seed: int = 0
    jobs: int = 1
    resume: bool = False
    force: bool = False
    command: str = ""


@dataclass(frozen=True)
class _Piece:
    """A piece of work, the file that it leaves, and about what it costs, in forward passes."""

    file: Path
    cost: int
    what: str
    function: Callable[..., None]
    arguments: tuple[Any, ...]


def plant(request: PlantedRequest, progress: Progress = silent) -> dict[str, Any]:
    """Simulate, train, explain, and write ``planted.json``, ``planted.csv``, ``planted.md`` and ``planted.png``.

    Returns
    -------
    dict
        What ``planted.json`` holds.

    Raises
    ------
    BreastMassXAIError
        With one sentence. What is done stays for ``--resume``.
    """
    from ..methods.catalogue import methods_of

    if find_spec("matplotlib") is None:
        raise MissingPackageError("The picture needs the package matplotlib: install it with pip.")
    if unknown := set(request.plants) - set(PLANTS):
        raise InputError(f"A plant is {', '.join(PLANTS)}, not {min(unknown)!r}.")
    if request.training < 40 or request.validation < 10 or request.unseen < 10:
        raise InputError("A planted study needs at least 40 phantoms to learn from, 10 to validate and 10 unseen ones.")
    methods = tuple(method.name for method in methods_of(request.methods))
    facts: dict[str, Any] = {
        "methods": list(methods),
        **{
            name: getattr(request, name)
            for name in ("plants", "training", "validation", "unseen", "costly", "depth", "seed")
        },
    }
    parts = (RESULT_FILE, "planted.csv", "planted.md", "planted.png")
    model = describe(request.model)
    facts["model"] = {"name": model.name, "sha256": model.sha256}
    with (
        workers(request.jobs, None) as team,
        resumable_folder(
            request.out, facts, parts, resume=request.resume, force=request.force, marker=RESULT_FILE
        ) as places,
    ):
        study = Study(
            places.state,
            request.model,
            request.training,
            request.validation,
            request.unseen,
            request.seed,
            request.depth,
            team.threads,
        )
        stages = list(_stages(study, request, methods))
        _work_off(team, stages, progress)
        found, examples = _assembled(study, request, methods)
        report = {
            **report_head(SCHEMA_VERSION, request.command),
            "model": facts["model"],
            "request": {**facts, "side": SIDE, "pixel_mm": PIXEL_MM, "ring_mm": RING_MM, "aim": AIM},
            "plants": found,
        }
        (places.result / RESULT_FILE).write_text(
            json.dumps(report, indent=1, allow_nan=False) + "\n", encoding="utf-8", newline="\n"
        )
        write_planted(places.result, report, examples)
    return report


def _stages(study: Study, request: PlantedRequest, methods: Sequence[str]) -> Iterator[list[_Piece]]:
    """The pieces of work; those of one list do not need each other."""
    chunks = study.chunks()
    yield [
        _Piece(tasks.phantoms_file(study, part), 6 * len(part), "phantoms", tasks.make_phantoms, (study, part))
        for part in chunks
    ]
    yield [
        _Piece(tasks.features_file(study, part), len(part), "features", tasks.see_features, (study, part))
        for part in chunks
    ]
    yield [
        _Piece(tasks.network_file(study, name), study.training, f"learning {name}", tasks.learn, (study, name))
        for name in request.plants
    ]
    yield [
        _Piece(
            tasks.maps_file(study, name, method, part),
            len(part) * COSTLY.get(method.partition(":")[0], PASSES),
            f"{method}, {name}",
            tasks.explain_phantoms,
            (study, name, method, part),
        )
        for name in request.plants
        for method in methods
        for part in _parts(study, request, method)
    ] + [
        _Piece(
            tasks.changes_file(study, name, part),
            len(part) * CHECK_PASSES,
            f"counter-check, {name}",
            tasks.check_phantoms,
            (study, name, part),
        )
        for name in request.plants
        for part in _parts(study, request, "cam")
    ]


def _parts(study: Study, request: PlantedRequest, method: str) -> list[tuple[int, ...]]:
    """Which unseen phantoms a method explains, piece by piece."""
    count = min(request.costly, study.unseen) if method.partition(":")[0] in COSTLY else study.unseen
    numbers = range(study.training + study.validation, study.training + study.validation + count)
    return [tuple(numbers[first : first + AT_ONCE]) for first in range(0, count, AT_ONCE)]


def _work_off(team: Team, stages: Sequence[Sequence[_Piece]], progress: Progress) -> None:
    total = sum(piece.cost for stage in stages for piece in stage)
    done = 0
    for stage in stages:
        waiting = []
        for piece in stage:
            if piece.file.is_file():
                done += piece.cost
            else:
                waiting.append(piece)
        for first in range(0, len(waiting), team.window):
            under_way: dict[Future[None], _Piece] = {}
            for piece in waiting[first : first + team.window]:
                progress(done, total, piece.what)
                under_way[team.executor.submit(piece.function, *piece.arguments)] = piece
            for future in as_completed(under_way):
                future.result()
                done += under_way[future].cost
                progress(min(done, total), total, under_way[future].what)
    progress(total, total, "done")


def _assembled(
    study: Study, request: PlantedRequest, methods: Sequence[str]
) -> tuple[list[dict[str, Any]], dict[tuple[str, str], Example]]:
    """The figures of every plant and method, and a phantom of each for the picture: a failure, where there is one."""
    phantoms, found = tasks.pool(study), []
    examples: dict[tuple[str, str], Example] = {}
    regions: dict[int, np.ndarray] = {}
    for name in request.plants:
        planted, truth = PLANTS[name].regions, phantoms.labels[name]
        training = tasks.network(study, name)[1]
        changes = tasks.checked(study, name, _parts(study, request, "cam"))
        rows: dict[str, Any] = {}
        unseen: Estimate | None = None
        for method in methods:
            answers = tasks.explained(study, name, method, _parts(study, request, method))
            right = [(z.logit > 0) == bool(truth[n]) for n, z in zip(answers.numbers, answers.outputs, strict=True)]
            if unseen is None or len(right) > unseen.n:
                unseen = share(np.array(right))
            kept: list[Named] = []
            for number, output, correct in zip(answers.numbers, answers.outputs, right, strict=True):
                if not correct:
                    continue
                if number not in regions:
                    case = phantoms.case(number)
                    regions[number] = region_labels(case.mass, case.frame.spacing, RING_MM)
                # The check asks the network and not the map: it stands in the first method's row.
                change = changes.get(number) if method == methods[0] else None
                kept.append(named(output, regions[number], change))
                failed = kept[-1].regions["point"] not in planted
                known = examples.get((name, method))
                if known is None or (failed and known.right):
                    grey = phantoms.grey[number]
                    examples[name, method] = Example(
                        grey, regions[number], planted, output, kept[-1].regions["point"] or "nothing", not failed
                    )
            rows[method] = _figures(kept, planted)
        assert unseen is not None
        found.append(
            {
                "name": name,
                "positive": PLANTS[name].positive,
                "negative": PLANTS[name].negative,
                "regions": list(planted),
                "training": training,
                "unseen": unseen._asdict(),
                "reached": unseen.value >= AIM,
                "methods": rows,
            }
        )
    return found, examples


def _figures(kept: Sequence[Named], planted: Sequence[str]) -> dict[str, Any]:
    if not kept:
        return {"n": 0, "ways": {}}
    scored = score(kept, planted)
    return {
        "n": len(kept),
        "ways": {
            way: {**scored.shares[way]._asdict(), "chance": scored.chance[way], "instead": scored.instead[way]}
            for way in WAYS
            if way in scored.shares
        },
    }
