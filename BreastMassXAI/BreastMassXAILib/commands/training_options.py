"""What ``train`` and ``cross-validate`` share: the options of a training, and what they ask for."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..network.recipes import RECIPES
from . import values
from .options import add_assumption, add_data, add_field, add_progress, assumption, field_rule, kept_command

_NUMBERS = (
    ("learning-rate", values.positive, "of Adam"),
    ("weight-decay", values.not_negative, "of the convolutions, as in AdamW"),
    ("batch", values.count, "frames in a step"),
    ("epochs", values.count, "how many; none is chosen"),
    ("repeats", values.count, "trainings with other variants whose weights are averaged"),
    ("averaging", values.not_negative, "horizon in epochs of the moving average of the weights; 0: none"),
    ("label-smoothing", values.not_negative, "0 to below 0.5"),
    ("clip", values.not_negative, "largest norm of a step's gradient; 0: no limit"),
    ("heads", values.whole, "linear layers on other draws of the patients, whose disagreement is told; 0: one"),
    ("energy", values.not_negative, "weight of the map's share outside mass, ring and tissue below"),
    ("sparse", values.not_negative, "weight of the map's mean absolute value"),
    ("smooth", values.not_negative, "weight of the map's mean square"),
    ("style", values.not_negative, "probability that a batch's channel statistics are mixed"),
    ("anchor", values.not_negative, "share of the pretrained weights in the final ones"),
    ("penalty", values.not_negative, "ridge penalty of the logistic regression at the start"),
)
"""Numbers of :class:`~..network.training_settings.TrainingSettings`, by their option."""
_WITHOUT_EFFECT = ("patience", "variants")
"""Options of version 0.1.0 that commands in use may still have: no epoch is chosen, and all variants are new."""
if TYPE_CHECKING:
    from ..core.cohort import Skipped
    from ..core.progress import NewProgress


def add_training_options(command: argparse.ArgumentParser) -> None:
    """The options of a :class:`~..network.training_run.TrainingRequest`."""
    data = command.add_argument_group("data")
    add_data(data)
    data.add_argument(
        "--folds",
        metavar="K",
        type=values.folds,
        help="cut anew into K parts by patient (default: the data's own, else 5)",
    )
    add_assumption(data)
    network = command.add_argument_group("network")
    network.add_argument(
        "--backbone",
        metavar="NAME|FILE",
        default="resnet50-v1-stage3",
        help="resnet50-v1-stage3 (shipped, default), resnet18, resnet34, resnet50 (torchvision downloads its ImageNet "
        "weights), or a .safetensors file with torchvision's names",
    )
    network.add_argument(
        "--variant",
        choices=("torchvision", "v1"),
        default="torchvision",
        help="of a file's bottlenecks: stride on the 3x3 (torchvision, default) or on the first 1x1 convolution (v1)",
    )
    network.add_argument(
        "--last-stage",
        type=int,
        choices=(3, 4),
        help="stage that enters pooling; 3 for a finer map (default: the last)",
    )
    network.add_argument(
        "--pooled-blocks", metavar="N", type=values.count, help="outputs of the last N residual blocks enter pooling"
    )
    add_field(
        network,
        "what the network sees: the whole frame (paper), the box around the scan area, a square around the mass "
        "whose side is --scale times the mass's (square), or the mass's and --margin-mm on either side (roi), or one "
        "that reaches down over the tissue below (reach)",
    )
    network.add_argument(
        "--size",
        metavar="PIXELS",
        type=values.input_size,
        default=224,
        help="rows and columns of the input (default: 224)",
    )
    learning = command.add_argument_group(
        "training", "The recipe says what is done; options that are given go before it. " + _recipes_in_words()
    )
    learning.add_argument("--recipe", choices=tuple(RECIPES), default="paper", help="default: paper")
    learning.add_argument(
        "--method",
        choices=("drs", "fine-tune", "linear-probe"),
        help="what is trained: scaling and linear layers, all from --first-stage, or the linear layer",
    )
    learning.add_argument(
        "--first-stage", type=int, choices=(1, 2, 3, 4), help="first stage that is trained; 1 for all but the stem"
    )
    learning.add_argument(
        "--start",
        choices=("probe", "random"),
        help="linear layer at the start: a logistic regression on the pretrained features, or random (the paper's)",
    )
    for name, kind, sentence in _NUMBERS:
        learning.add_argument(f"--{name}", metavar="X" if kind is not values.count else "N", type=kind, help=sentence)
    learning.add_argument("--schedule", choices=("constant", "cosine"), help="of the learning rate")
    learning.add_argument(
        "--variation",
        choices=("none", "mild", "strong", "wide"),
        help="how far the fresh variants of a frame go from it: mild, or strong as another scanner's",
    )
    learning.add_argument("--class-weights", choices=("none", "balanced"), help="balanced: both classes count the same")
    learning.add_argument("--precision", choices=("full", "mixed"), help="mixed: bfloat16 sums, for accelerators")
    for name in _WITHOUT_EFFECT:
        learning.add_argument(f"--{name}", type=values.count, help=argparse.SUPPRESS)
    learning.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: cuda if there is")
    learning.add_argument(
        "--seed", metavar="N", type=values.whole, default=0, help="of all random numbers (default: 0)"
    )
    output = command.add_argument_group("output")
    output.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder to write")
    output.add_argument("--name", help="the model's name; the folder's, if not given")
    output.add_argument("--resume", action="store_true", help="go on with a run that was broken off")
    output.add_argument(
        "--force", action="store_true", help="replace the folder, and throw unfinished work away unless --resume"
    )
    add_progress(output)


def asked(options: argparse.Namespace) -> dict[str, Any]:
    """What :func:`add_training_options` asked for, as fields of a TrainingRequest."""
    for name in _WITHOUT_EFFECT:
        if getattr(options, name) is not None:
            print(f"Note: --{name} has no effect any more: all epochs are run, each on new variants of every frame.")
    recipe = RECIPES[options.recipe]
    names = ["method", "first_stage", "start", "schedule", "variation", "class_weights", "precision"]
    names += [name.replace("-", "_") for name, _, _ in _NUMBERS]
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    return {
        "data": options.data,
        "out": options.out,
        "name": options.name or options.out.name,
        "rule": field_rule(options, options.field or recipe.field_kind),
        "backbone": options.backbone,
        "variant": options.variant,
        "last_stage": options.last_stage,
        "pooled_blocks": options.pooled_blocks or recipe.pooled_blocks,
        "size": options.size,
        "settings": {**recipe.settings, **given, "seed": options.seed},
        "assumption": assumption(options),
        "folds": options.folds,
        "device": options.device,
        "force": options.force,
        "resume": options.resume,
        "command": kept_command(options, {"--resume": 0, "--force": 0, "--progress": 1}),
    }


def progress_of(options: argparse.Namespace) -> NewProgress:
    """How the training's stretches of work are shown."""
    from ..core.progress import reporter

    return partial(reporter, options.progress)


def _recipes_in_words() -> str:
    return " ".join(f"{name}: {recipe.help}." for name, recipe in RECIPES.items())


def print_left_out(notes: Sequence[str], left_out: Sequence[Skipped]) -> None:
    """What the data set has to say of the whole, and every case that was left out with its reason."""
    for note in notes:
        print(f"Note: {note}")
    for entry in left_out:
        print(f"Left out: {entry.identifier}: {entry.reason}")
