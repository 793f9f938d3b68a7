"""What a network that was just trained answers to frames as they are, in as many processes as there are."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, cast

import numpy as np

from ..cohorts.datasets import Cases
from ..core.classifier import Classifier, NetworkOutput
from ..core.errors import InputError
from ..core.explain import explain
from ..core.field import Field, FieldRule
from ..core.frame import Case
from ..core.progress import Progress
from ..core.recalibration import Answers
from ..core.result import Settings

if TYPE_CHECKING:
    import torch

    from .preprocessing import Preprocessing
    from .processes import Processes
    from .resnet import ScaledResNet


def predict(
    network: ScaledResNet,
    cases: Cases,
    rule: FieldRule,
    preprocessing: Preprocessing,
    processes: Processes,
    progress: Progress,
) -> tuple[Answers, dict[int, str]]:
    """Answers to frames that are seen as they are.

    Regions have a ring of the usual width; frames of unknown pixel size have none.

    Returns
    -------
    answers : Answers
        To the cases that could be read, in their order.
    reasons : dict
        Why the others could not, by their indices.
    """
    import torch

    from .frames import RING_MM, ahead

    found = np.zeros((4, len(cases)))
    reasons: dict[int, str] = {}
    device = network.linear.weight.device
    network.eval()
    own = list(range(processes.rank, len(cases), processes.count))
    waiting: list[tuple[int, Case, Field, torch.Tensor]] = []
    plain = Classifier("", "")

    def prepare(index: int) -> tuple[Case, Field, torch.Tensor] | str:
        try:
            case = cases[index]
            seen = rule.field(case.mass, case.frame.scan_area, case.frame.spacing)
        except InputError as error:
            return str(error)
        return case, seen, preprocessing(case.frame.pixels, seen)

    def judge() -> None:
        inputs = torch.cat([made for *_, made in waiting]).to(device)
        answers = network.answers(inputs.contiguous(memory_format=torch.channels_last))
        bias = float(network.linear.bias[0])
        for (index, case, seen, _), z, cells, spread in zip(
            waiting, *(answer.cpu().numpy() for answer in answers), strict=True
        ):
            settings = Settings(ring_mm=RING_MM if case.frame.spacing.known else 0.0)
            points = inside = np.nan
            with suppress(InputError):  # the mass outside the scan area: an answer, and nothing to explain it with
                result = explain(case, NetworkOutput(float(z), bias, cells, seen), plain, settings, {}).result
                points = sum(point.region != "elsewhere" for point in result.extremes.values())
                inside = cast(float, result.evidence_inside)
            found[:, index] = z, points, inside, spread
        waiting.clear()

    with torch.inference_mode():
        for done, (index, made) in enumerate(zip(own, ahead(prepare, own, 2), strict=True)):
            progress(done + 1, len(own), "test frames")
            if isinstance(made, str):
                reasons[index] = made
                continue
            waiting.append((index, *made))
            if len(waiting) == 16:
                judge()
        if waiting:
            judge()
    found, reasons = processes.add(found), processes.union(reasons)
    kept = np.setdiff1d(np.arange(len(cases)), list(reasons))
    return Answers(*found[:, kept]), reasons
