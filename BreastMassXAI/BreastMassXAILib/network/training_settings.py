"""The hyperparameters of a training, each with its meaning and its bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..core.errors import InputError
from .augmentation import VARIATIONS
from .resnet import METHODS

STARTS = ("probe", "random")
CLASS_WEIGHTS = ("none", "balanced")
PRECISIONS = ("full", "mixed")
SCHEDULES = ("constant", "cosine")


@dataclass(frozen=True)
class TrainingSettings:
    """Hyperparameters; those that the paper names have its values.

    Parameters
    ----------
    method : {"drs", "fine-tune", "linear-probe"}
    first_stage : {1, 2, 3, 4}
        What learns begins with this stage; the stages before are frozen. 1 leaves only the stem out.
    start : {"probe", "random"}
        Whether the linear layer starts as the logistic regression on the pretrained features or, as in the paper, at
        random.
    learning_rate, weight_decay, batch
        Weight decay as in AdamW; 0 leaves Adam.
    schedule : {"constant", "cosine"}
        ``cosine``: a warm-up over the first twentieth of all steps, then down to 0.
    epochs : int
        How many are run; none is chosen.
    variation : str
        Name in :data:`~.augmentation.VARIATIONS`.
    label_smoothing : float
        0 to below 0.5.
    clip : float
        Largest norm of a step's gradient; 0: no limit.
    averaging : float
        Horizon, in epochs, of the moving average of the weights that is kept; 0: the last step's weights.
    repeats : int
        Trainings with other variants whose weights are averaged.
    heads : int
        Linear layers that each see another draw of the patients (see :class:`~.resnet.Architecture`); 0: one.
    energy : float
        Weight of the share of the map's absolute values outside mass, ring and tissue below.
    sparse, smooth : float
        Weights of the mean absolute value and of the mean square of the map (elastic net).
    style : float
        Probability that a batch's channel statistics are mixed after the stem's first stage and the second.
    anchor : float
        Share of the pretrained convolutions that is mixed into the trained ones at the end, 0 to below 1.
    penalty : float
        Ridge penalty of the probe on standardised features.
    validation_share : float
        Share of the patients that ``train`` keeps for temperature and threshold.
    class_weights : {"none", "balanced"}
        ``balanced``: both classes count the same in the loss, however many frames they have.
    precision : {"full", "mixed"}
        ``mixed``: the network's sums in bfloat16, for accelerators.

    Raises
    ------
    InputError
        When a word is unknown or a number makes no sense.
    """

    method: str = "drs"
    first_stage: int = 3
    start: str = "probe"
    learning_rate: float = 0.001
    weight_decay: float = 0.0
    batch: int = 12
    schedule: str = "constant"
    epochs: int = 8
    variation: str = "mild"
    label_smoothing: float = 0.0
    clip: float = 0.0
    averaging: float = 0.0
    repeats: int = 1
    heads: int = 0
    energy: float = 0.0
    sparse: float = 0.0
    smooth: float = 0.0
    style: float = 0.0
    anchor: float = 0.0
    penalty: float = 0.3
    validation_share: float = 0.125
    class_weights: str = "none"
    precision: str = "full"
    seed: int = 0

    def __post_init__(self) -> None:
        words: tuple[tuple[str, tuple[object, ...]], ...] = (
            ("method", METHODS),
            ("start", STARTS),
            ("schedule", SCHEDULES),
            ("variation", tuple(VARIATIONS)),
            ("class_weights", CLASS_WEIGHTS),
            ("precision", PRECISIONS),
            ("first_stage", (1, 2, 3, 4)),
        )
        for name, known in words:
            if getattr(self, name) not in known:
                options = ", ".join(map(str, known))
                raise InputError(f"{name.replace('_', ' ')} must be one of {options}, not {getattr(self, name)!r}.")
        if min(self.batch, self.epochs + 1, self.repeats) < 1 or not 0 < self.validation_share < 1:
            raise InputError("Batch and repeats start at 1, epochs at 0; the validation share lies in 0..1.")
        if not 0 <= self.seed < 2**32:
            raise InputError(f"The seed lies between 0 and {2**32 - 1}, not {self.seed}.")
        if not 0 <= self.label_smoothing < 0.5 or not 0 <= self.anchor < 1:
            raise InputError("Label smoothing lies in 0 to below 0.5, the anchor in 0 to below 1.")
        weights = ("weight_decay", "clip", "averaging", "energy", "sparse", "smooth", "style", "penalty")
        for name in weights:
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise InputError(f"{name.replace('_', ' ')} cannot be below 0.")

    def consistent(self) -> TrainingSettings:
        """The same without what cannot act: where the probe is all there is to train, no head and no map learns."""
        probe_only = self.method == "linear-probe" and self.start == "probe"
        return replace(self, heads=0, energy=0.0, sparse=0.0, smooth=0.0) if probe_only else self

    @property
    def needs_regions(self) -> bool:
        """Whether the loss looks at the regions of a frame."""
        return self.energy > 0
