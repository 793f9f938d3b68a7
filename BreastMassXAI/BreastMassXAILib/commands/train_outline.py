"""``train-outline``: from frames with drawn masses to a network that suggests outlines, with what they are worth."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import values
from .options import add_assumption, add_data, add_progress, assumption, kept_command

_NUMBERS = (
    ("epochs", values.count, "how many; none is chosen (default: 10)"),
    ("batch", values.count, "frames in a step (default: 16)"),
    ("size", values.count, "rows and columns of the input, a multiple of 16 (default: 224)"),
    ("rate", values.positive, "learning rate (default: 0.002)"),
    ("seed", values.whole, "of all random numbers (default: 0)"),
)
"""Numbers of :class:`~..network.outline_training.OutlineSettings`, by their option."""


def add_options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.description = (
        "Train the network that suggests outlines: a decoder without each partition in turn and one on all cases, side "
        "by side on one frozen trunk. Writes a model folder with the last, what the others say of frames that they "
        "have not seen (outlines.csv), and the figures (model.json)."
    )
    add_data(command)
    command.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder to write")
    command.add_argument("--name", help="the model's name; the folder's, if not given")
    command.add_argument(
        "--folds",
        metavar="K",
        type=values.folds,
        help="cut anew into K parts by patient (default: the data's own, else 5)",
    )
    for name, kind, sentence in _NUMBERS:
        command.add_argument(f"--{name}", metavar="N" if kind is not values.positive else "X", type=kind, help=sentence)
    add_assumption(command)
    command.add_argument("--force", action="store_true", help="replace an older model of this kind")
    add_progress(command)


def run(options: argparse.Namespace) -> None:
    """The command."""
    from ..analyses.outline_training import TrainOutlineRequest, train_outliner
    from .training_options import print_left_out, progress_of

    settings = {name: getattr(options, name) for name, _, _ in _NUMBERS if getattr(options, name) is not None}
    request = TrainOutlineRequest(
        options.data,
        options.out,
        options.name or options.out.name,
        settings,
        assumption(options),
        options.folds,
        options.force,
        kept_command(options, {"--force": 0, "--progress": 1}),
    )
    done = train_outliner(request, progress_of(options))
    print_left_out(done.notes, done.left_out)
    for prompt, groups in done.figures["by_prompt"].items():
        for name, found in groups.items():
            low, high = found["dice_95"]
            print(
                f"  {prompt}, {name}: Dice {found['dice']:.3f} ({low:.3f} to {high:.3f}), median "
                f"{found['dice_median']:.3f}, below 0.5 in {100 * found['share_below_half']:.1f} %, n = {found['n']}"
            )
    print(f"Least confidence: {done.figures['least_confidence']:.2f}")
    print(f"Model: {options.out}")
