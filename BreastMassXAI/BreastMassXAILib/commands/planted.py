"""``planted``: networks that decide by one known thing, and whether explanations name the region in which it is."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import values
from .options import add_jobs, add_progress, kept_command

PLANTS = ("echogenicity", "margin", "shadow", "mark")
"""Those of :mod:`~..phantom.planted`, written here so that help needs no numpy."""


def add_options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.description = (
        "Simulate frames whose label depends on one thing in one region only (echogenicity inside the mass, sharpness "
        "of its margin, shadow below it, a mark elsewhere), teach each to a network on the model's trunk, and count "
        "how often each method's explanation of unseen frames names that region."
    )
    command.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder to write")
    command.add_argument(
        "--model",
        metavar="DIR|NAME",
        type=values.model,
        help="whose trunk learns: a model folder, or a shipped one (default: the shipped one)",
    )
    command.add_argument(
        "--method",
        metavar="NAME",
        action="append",
        help="saliency method, or NAME:NUMBER; several to compare (default: all, gradient methods at stage 2)",
    )
    command.add_argument("--plant", choices=PLANTS, action="append", help="only this one; may be repeated")
    command.add_argument(
        "--training", metavar="N", type=values.count, default=400, help="frames to learn from (default: 400)"
    )
    command.add_argument(
        "--validation", metavar="N", type=values.count, default=80, help="frames that end the training (default: 80)"
    )
    command.add_argument("--unseen", metavar="N", type=values.count, default=120, help="unseen frames (default: 120)")
    command.add_argument(
        "--costly",
        metavar="N",
        type=values.count,
        default=8,
        help="unseen frames for methods that need dozens of forward passes (default: 8)",
    )
    command.add_argument(
        "--learn",
        choices=("last-stage", "linear"),
        default="last-stage",
        help="what learns: the trunk's last stage too (default), or the linear layer alone where that is enough",
    )
    command.add_argument("--seed", metavar="N", type=values.whole, default=0, help="of all frames (default: 0)")
    add_jobs(command)
    command.add_argument("--resume", action="store_true", help="go on with unfinished work in that place")
    command.add_argument("--force", action="store_true", help="replace an earlier result in that folder")
    add_progress(command)


def run(options: argparse.Namespace) -> None:
    """The command."""
    from ..analyses.planted import METHODS, PlantedRequest, plant
    from ..core.progress import reporter
    from ..writers.planted import markdown

    report = plant(
        PlantedRequest(
            out=options.out,
            model=options.model,
            methods=tuple(options.method or METHODS),
            plants=tuple(dict.fromkeys(options.plant or PLANTS)),
            training=options.training,
            validation=options.validation,
            unseen=options.unseen,
            costly=options.costly,
            depth=options.learn,
            seed=options.seed,
            jobs=options.jobs,
            resume=options.resume,
            force=options.force,
            command=kept_command(options, {"--resume": 0, "--force": 0, "--progress": 1}),
        ),
        reporter(options.progress),
    )
    print(markdown(report))
    print(f"Table and picture: {options.out}")
