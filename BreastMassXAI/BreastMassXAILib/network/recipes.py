"""Named sets of training settings; whatever a user asks for goes before them. No torch, so that help comes at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """What a training does unless it is told otherwise.

    Parameters
    ----------
    help : str
        In a line.
    field_kind : str
        Kind of the network's field (:class:`~..core.field.FieldRule`).
    pooled_blocks : int
        See :class:`~.resnet.Architecture`.
    settings : dict
        Fields of :class:`~.training.TrainingSettings` that differ from its defaults.
    """

    help: str
    field_kind: str
    pooled_blocks: int = 1
    settings: dict[str, Any] = field(default_factory=dict)


RECIPES = {
    "paper": Recipe(
        "the paper's: scaling layers and the linear layer learn, whole frame, Adam 0.001, batches of 12",
        "frame",
    ),
    "guided": Recipe(
        "the shipped default's: stages 2 and 3 learn, the map's evidence is guided into mass, ring and tissue below",
        "square",
        3,
        {
            "method": "fine-tune",
            "first_stage": 2,
            "learning_rate": 1.5e-4,
            "weight_decay": 0.05,
            "batch": 32,
            "schedule": "cosine",
            "epochs": 12,
            "variation": "strong",
            "label_smoothing": 0.05,
            "clip": 1.0,
            "averaging": 1.0,
            "repeats": 2,
            "heads": 8,
            "energy": 0.5,
        },
    ),
}
