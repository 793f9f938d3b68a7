"""``sanity``: the tests that a saliency map must pass before it is believed, over a cohort."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import values
from .options import add_assumption, add_data, add_jobs, add_progress, add_ring, assumption, kept_command


def add_options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.description = (
        "Test saliency maps over a cohort: weights shuffled layer by layer and labels permuted (they must change), "
        "other heads, slightly other frames and outlines (they must not), other models, deletion and insertion, sums, "
        "and how well they find the mass beside chance, the field's centre and an average mask. Cases need no labels; "
        "what needs them is then left out."
    )
    add_data(command)
    command.add_argument(
        "--model",
        metavar="DIR|NAME",
        type=values.model,
        help="model folder, or a cross-validation's (default: shipped)",
    )
    command.add_argument(
        "--out-of-fold",
        action="store_true",
        help="each case is looked at by the fold of a cross-validation that was tested on it",
    )
    command.add_argument(
        "--beside",
        metavar="DIR|NAME",
        type=values.model,
        action="append",
        help="another model, whose maps are compared; may be repeated",
    )
    command.add_argument(
        "--method",
        metavar="NAME",
        action="append",
        help="saliency method, or NAME:NUMBER; several to compare (default: cam)",
    )
    command.add_argument(
        "--cases", metavar="N", type=values.count, default=200, help="cases that are drawn (default: 200)"
    )
    command.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder to write")
    add_assumption(command)
    add_ring(command, "width of the peritumoral ring; 0 for none, where no pixel size is known")
    command.add_argument("--seed", metavar="N", type=values.whole, default=0, help="of all that is drawn (default: 0)")
    add_jobs(command)
    command.add_argument("--force", action="store_true", help="replace an earlier result in that folder")
    add_progress(command)


def run(options: argparse.Namespace) -> None:
    """The command."""
    from ..analyses.cross_validation import models_of
    from ..analyses.sanity import SanityRequest, sanity
    from ..core.progress import reporter
    from ..writers.sanity import sentences

    models = () if options.model is None else models_of(options.model, options.out_of_fold)
    report = sanity(
        SanityRequest(
            data=options.data,
            out=options.out,
            models=tuple(models),
            beside=tuple(options.beside or ()),
            methods=tuple(options.method or ()),
            out_of_fold=options.out_of_fold,
            cases=options.cases,
            assumption=assumption(options),
            ring_mm=options.ring_mm,
            seed=options.seed,
            jobs=options.jobs,
            force=options.force,
            command=kept_command(options),
        ),
        reporter(options.progress),
    )
    data = report["data"]
    print(f"{data['name']}: {data['used']} cases of {data['patients']} patients; {len(data['left_out'])} left out.")
    for sentence in sentences(report):
        print(sentence.replace("**", "").removeprefix("- "))
    print(f"Table and figure: {options.out}")
