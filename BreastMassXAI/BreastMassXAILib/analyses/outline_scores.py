"""What suggested outlines are worth: against the outlines that people drew, on frames that the network has not seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.frame import Case
from ..core.outline import Box, Prompt, Suggestion
from ..core.overlap import dice, hausdorff
from ..core.progress import Progress, silent
from ..core.regions import mask_box
from ..core.resampling import bootstrap_means
from ..core.suggested import inner_point
from ..network.outline import Outliner
from ..network.outline_frames import without_mass

PROMPTS = ("none", "click", "box")
FAILED = 0.5
"""Below this Dice coefficient an outline is counted as a failure."""
KEPT = 0.99
"""Share of usable outlines that the least confidence must let pass."""
_SIZES = ((0.0, 15.0, "mass below 15 mm"), (15.0, 25.0, "mass of 15 to 25 mm"), (25.0, np.inf, "mass above 25 mm"))


@dataclass(frozen=True)
class OutlineScore:
    """One frame's suggestion for one prompt.

    Parameters
    ----------
    identifier, patient : str
    label : str or None
    partition : int
    prompt : {"none", "click", "box"}
    dice : float
        0 where none was suggested.
    hausdorff_95 : float
        In percent of the frame's diagonal; NaN where none was suggested.
    confidence : float
        Whether or not it was high enough; 0 where nothing was probable.
    found : int
        How many masses there seemed to be.
    size_mm : float
        Larger side of the drawn mass's box; NaN where the pixel size is unknown.
    """

    identifier: str
    patient: str | None
    label: str | None
    partition: int
    prompt: str
    dice: float
    hausdorff_95: float
    confidence: float
    found: int
    size_mm: float


def prompts_for(mass: np.ndarray) -> dict[str, Prompt]:
    """What a person would point at: nothing, the pixel of the mass nearest to its centroid, its box with some slack."""
    rows, columns = mask_box(mass)
    down, across = 0.1 * (rows.stop - rows.start), 0.1 * (columns.stop - columns.start)
    box = Box(
        max(rows.start - down, 0),
        max(columns.start - across, 0),
        min(rows.stop + down, mass.shape[0] - 1),
        min(columns.stop + across, mass.shape[1] - 1),
    )
    return {
        "none": Prompt(),
        "click": Prompt((inner_point(mass),)),
        "box": Prompt(box=box),
    }


def score_case(
    case: Case, outliner: Outliner, identifier: str, partition: int
) -> Iterator[tuple[OutlineScore, Suggestion]]:
    """Suggestions for a case's frame by every prompt, beside its drawn mass."""
    seen = outliner.look(case.frame)
    rows, columns = mask_box(case.mass)
    height, width = rows.stop - rows.start, columns.stop - columns.start
    spacing = case.frame.spacing
    size = max(height * spacing.mm()[0], width * spacing.mm()[1]) if spacing.known else float("nan")
    for name, prompt in prompts_for(case.mass).items():
        try:
            found = outliner.suggest(seen, prompt)
        except InputError:  # a drawn mass outside the scan area cannot be pointed at
            continue
        far = hausdorff(case.mass, found.mass)
        score = OutlineScore(
            identifier,
            case.patient,
            case.label,
            partition,
            name,
            dice(case.mass, found.mass),
            100 * far / float(np.hypot(*case.frame.shape)),
            found.confidence if found.mass.any() else 0.0,
            found.found,
            size,
        )
        yield score, found


def confidence_without_mass(case: Case, outliner: Outliner) -> float | None:
    """The confidence of what is suggested for the largest piece of a frame beside its mass; 0 where nothing is.

    The data sets at hand hold no normal breasts; this comes nearest. None where the mass leaves too small a piece.
    """
    piece = without_mass(case)
    if piece is None:
        return None
    found = outliner.suggest(outliner.look(piece))
    return found.confidence if found.mass.any() else 0.0


def least_confidence(scores: Sequence[OutlineScore]) -> float:
    """The confidence that lets :data:`KEPT` of the usable outlines without a prompt pass."""
    usable = [score.confidence for score in scores if score.prompt == "none" and score.dice >= FAILED]
    return float(np.floor(100 * np.quantile(usable, 1 - KEPT)) / 100) if usable else 0.0


def card(scores: Sequence[OutlineScore], without: Sequence[float], least: float) -> dict[str, Any]:
    """What a model card says of suggested outlines.

    Parameters
    ----------
    scores : sequence of OutlineScore
        Of an outliner without a least confidence.
    without : sequence of float
        From :func:`confidence_without_mass`.
    least : float

    Returns
    -------
    dict
        For each prompt: means with 95 % intervals (whole patients drawn again), medians, and shares; for all frames,
        by pathology, and by size.
    """
    found: dict[str, Any] = {}
    for prompt in PROMPTS:
        mine = [score for score in scores if score.prompt == prompt]
        if not mine:
            continue
        groups: dict[str, Callable[[OutlineScore], bool]] = {"all": lambda _: True}
        groups |= {name: (lambda s, name=name: s.label == name) for name in ("benign", "malignant")}  # type: ignore[misc]
        groups |= {
            name: (lambda s, low=low, high=high: low <= s.size_mm < high)  # type: ignore[misc]
            for low, high, name in _SIZES
        }
        parts = {name: [score for score in mine if belongs(score)] for name, belongs in groups.items()}
        found[prompt] = {name: _summary(part) for name, part in parts.items() if part}
    plain = [score for score in scores if score.prompt == "none"]
    return {
        "by_prompt": found,
        "least_confidence": least,
        "masses_without_suggestion": float(np.mean([score.confidence < least for score in plain])),
        "failures_that_are_told": _share([score.confidence < least for score in plain if score.dice < FAILED]),
        "pieces_without_mass": len(without),
        "pieces_without_mass_and_without_suggestion": _share([value < least for value in without]),
    }


def _summary(scores: Sequence[OutlineScore]) -> dict[str, Any]:
    values = np.array([score.dice for score in scores])
    far = np.array([score.hausdorff_95 for score in scores])
    patients = np.array([str(score.patient) for score in scores])
    columns = np.stack([values, far, (values < FAILED).astype(float)], 1)
    means = bootstrap_means(columns, patients)
    names = ("dice", "hausdorff_95_percent_of_diagonal", "share_below_half")
    return {
        "n": len(scores),
        **{name: _number(mean.value) for name, mean in zip(names, means, strict=True)},
        **{f"{name}_95": [_number(mean.low), _number(mean.high)] for name, mean in zip(names, means, strict=True)},
        "dice_median": float(np.median(values)),
        "hausdorff_95_median": float(np.nanmedian(far)) if np.isfinite(far).any() else None,
    }


def _number(value: float) -> float | None:
    """JSON knows no NaN: nothing was suggested at all."""
    return None if np.isnan(value) else float(value)


def _share(values: Sequence[bool]) -> float | None:
    return float(np.mean(values)) if values else None


def score_out_of_fold(
    cases: Sequence[Case],
    identifiers: Sequence[str],
    folds: np.ndarray,
    outliners: dict[int, Outliner],
    progress: Progress = silent,
    each: Callable[[str, str, Suggestion], None] | None = None,
) -> tuple[list[OutlineScore], list[float]]:
    """Every case outlined by the network that has not seen its partition.

    Parameters
    ----------
    outliners : dict
        By the partition that they have not seen; without a least confidence.
    each : callable, optional
        Called with identifier, prompt and suggestion.
    """
    scores: list[OutlineScore] = []
    without: list[float] = []
    for index, (name, fold) in enumerate(zip(identifiers, folds.tolist(), strict=True)):
        progress(index, len(identifiers), "outlines out of fold")
        case = cases[index]
        for score, suggested in score_case(case, outliners[fold], name, fold):
            scores.append(score)
            if each is not None:
                each(name, score.prompt, suggested)
        confidence = confidence_without_mass(case, outliners[fold])
        if confidence is not None:
            without.append(confidence)
    progress(len(identifiers), len(identifiers), "outlines out of fold")
    return scores, without
