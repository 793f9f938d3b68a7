"""From labelled frames with masks to an outline network, with its figures on frames that it was not trained on."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from ..cohorts.cases import Cases
from ..cohorts.datasets import read_dataset
from ..core.cohort import Skipped
from ..core.progress import NewProgress, unheard
from ..core.settling import SpacingAssumption
from ..core.writing import atomic_folder, write_whole
from ..network.backbones import SHIPPED, find_backbone
from ..network.labelled_cases import partitioned
from ..network.outline import Outliner, ready, save_outliner
from ..network.outline_decoder import OutlineDecoder
from ..network.outline_frames import prepare_outline_frames
from ..network.outline_training import OutlineSettings, train_decoders
from ..network.preprocessing import Preprocessing
from ..network.resnet import ScaledResNet
from .outline_scores import OutlineScore, card, least_confidence, score_out_of_fold

TRUNK = next(iter(SHIPPED))
DESCRIPTION, SCORES = "model.json", "outlines.csv"


@dataclass(frozen=True)
class TrainOutlineRequest:
    """What the user asked for.

    Parameters
    ----------
    data : Path
        A labelled data set (see :func:`~..cohorts.datasets.read_dataset`).
    out : Path
        Folder to write.
    name : str
    settings : mapping
        Of :class:`~..network.outline_training.OutlineSettings`.
    assumption : SpacingAssumption, optional
    folds : int, optional
        Cut anew into so many parts by patient.
    force : bool
    command : str
    """

    data: Path
    out: Path
    name: str
    settings: Mapping[str, Any]
    assumption: SpacingAssumption | None = None
    folds: int | None = None
    force: bool = False
    command: str = ""


@dataclass(frozen=True)
class TrainedOutliner:
    """What came of it: folder, figures of the card, what the data set says of the whole, and what was left out."""

    folder: Path
    figures: dict[str, Any]
    notes: tuple[str, ...]
    left_out: tuple[Skipped, ...]


def train_outliner(request: TrainOutlineRequest, progress: NewProgress = unheard) -> TrainedOutliner:
    """Train a decoder without each partition and one on all cases, side by side; judge the former, keep the latter.

    The least confidence is chosen on the first partition, out of fold; the figures of the card are those of the other
    partitions, so that no choice is judged by what it was made on.

    Parameters
    ----------
    request : TrainOutlineRequest
    progress : NewProgress
        Makes a progress for each stretch of the work.

    Raises
    ------
    BreastMassXAIError
        With one sentence; nothing is left behind.
    """
    settings = OutlineSettings(**request.settings)
    data = read_dataset(request.data)
    cases = partitioned(data, request.folds, settings.seed)
    with atomic_folder(request.out, request.force, DESCRIPTION) as folder:
        frames = prepare_outline_frames(Cases(cases.records, request.assumption), settings.size, progress())
        left_out = [Skipped(cases.records[k].identifier, why) for k, why in frames.unreadable.items()]
        cases = cases.where(frames.used)
        read = Cases(cases.records, request.assumption)
        trunk = find_backbone(TRUNK).network(0).fold_for_inference()
        prepare = Preprocessing(settings.size)
        numbers = np.unique(cases.folds).tolist()
        learns = [_marked(cases.without(number), len(cases)) for number in numbers]
        *tested, final = train_decoders(
            frames, trunk, prepare, [*learns, np.ones(len(cases), bool)], settings, progress()
        )
        outliners = {
            number: as_outliner(decoder, trunk, prepare) for number, decoder in zip(numbers, tested, strict=True)
        }
        names = [record.identifier for record in cases.records]
        scores, without = score_out_of_fold(read, names, cases.folds, outliners, progress())
        first = [score for score in scores if score.partition == numbers[0]]
        others = [score for score in scores if score.partition != numbers[0]]
        least = least_confidence(first)
        figures = card(others, without, least)
        write_whole(folder / SCORES, _table(scores))
        save_outliner(
            folder,
            final,
            name=request.name,
            trunk=TRUNK,
            preprocessing=prepare,
            least_confidence=least,
            facts={
                "training": {
                    "data": data.name,
                    "frames": len(cases),
                    "partitions": numbers,
                    "settings": asdict(settings),
                    "left_out": len(left_out),
                    "command": request.command,
                },
                "metrics": figures,
                "chosen": f"the least confidence, on partition {numbers[0]}; the figures are of the others",
            },
        )
    return TrainedOutliner(request.out, figures, tuple(data.notes), (*data.skipped, *left_out))


def as_outliner(decoder: OutlineDecoder, trunk: ScaledResNet, prepare: Preprocessing) -> Outliner:
    """A decoder that is to be judged: whatever its confidence, what it suggests counts."""
    return Outliner("", "", trunk, ready(decoder), prepare, 0.0, {})


def _marked(indices: np.ndarray, count: int) -> np.ndarray:
    marked = np.zeros(count, bool)
    marked[indices] = True
    return marked


def _table(scores: Sequence[OutlineScore]) -> str:
    """The scores as CSV, without patients."""
    text = io.StringIO()
    names = [item.name for item in fields(OutlineScore) if item.name != "patient"]
    writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(score) for score in scores)
    return text.getvalue()
