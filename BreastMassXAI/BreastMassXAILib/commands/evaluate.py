"""``evaluate``: a cohort under one or several models, as a table, plain data and a report to read."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from . import values
from .options import (
    add_assumption,
    add_check,
    add_choices,
    add_data,
    add_grey_zone,
    add_jobs,
    add_methods,
    add_progress,
    add_ring,
    assumption,
    check,
    choices,
    kept_command,
)


def add_options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.description = (
        "Classify and explain every case of a labelled data set: one row a case, the paper's tables with "
        "intervals and chance levels, curves, and a report to read. A broken file costs its own row only."
    )
    add_data(command)
    source = command.add_mutually_exclusive_group()
    source.add_argument(
        "--model",
        metavar="DIR|NAME",
        type=values.model,
        action="append",
        help="model folder, or a cross-validation's; several to compare (default: shipped)",
    )
    source.add_argument(
        "--predictions", metavar="CSV", type=Path, help="probabilities instead of a model (no explanations then)"
    )
    command.add_argument(
        "--out-of-fold",
        action="store_true",
        help="each case is looked at by the model, or by the fold of a cross-validation, that was tested on it",
    )
    command.add_argument(
        "--with-random",
        action="store_true",
        help="beside each model, its network with random weights, whose maps a trained one's should differ from",
    )
    add_methods(command)
    command.add_argument(
        "--out", metavar="DIR", type=Path, help="folder to write (default: the data's name + '-evaluated')"
    )
    add_assumption(command)
    add_ring(command, "width of the peritumoral ring")
    add_grey_zone(command, "suspend decisions whose probability is this close to the threshold (default: 0)")
    add_choices(command)
    add_check(command)
    add_jobs(command)
    command.add_argument("--dask", metavar="ADDRESS", help="scheduler of a dask.distributed cluster, instead of --jobs")
    command.add_argument(
        "--pictures", metavar="N", type=int, default=2, help="examples of each kind in the report (default: 2)"
    )
    command.add_argument("--force", action="store_true", help="replace an earlier result in that folder")
    add_progress(command)


def run(options: argparse.Namespace) -> None:
    """The command."""
    from ..analyses.cohort import EvaluateRequest, evaluate
    from ..analyses.cross_validation import models_of
    from ..core.progress import reporter
    from ..core.result import Settings
    from ..methods import methods_of

    methods = tuple(method.name for method in methods_of(options.methods))
    models = [model for folder in options.model or () for model in models_of(folder, options.out_of_fold)]
    out, report = evaluate(
        EvaluateRequest(
            data=options.data,
            models=tuple(models),
            out=options.out,
            predictions=options.predictions,
            out_of_fold=options.out_of_fold,
            with_random=options.with_random,
            assumption=assumption(options),
            settings=Settings(
                options.ring_mm, options.grey_zone, method=methods[0], check=check(options), **choices(options)
            ),
            jobs=options.jobs,
            dask=options.dask,
            pictures=options.pictures,
            methods=methods,
            force=options.force,
            command=kept_command(options),
        ),
        reporter(options.progress),
    )
    _print_summary(report)
    print(f"Report: {out / 'report.html'}")


def _print_summary(report: dict[str, Any]) -> None:
    from ..core.findings import check_findings, method_findings

    data = report["data"]
    print(f"{data['name']}: {data['evaluated']} of {data['listed']} cases evaluated, {len(data['left_out'])} left out.")
    for model in report["models"]:
        for sentence in model["findings"]:
            print(f"  {model['name']}: {sentence}")
        for sentence in check_findings(model.get("check")):
            print(f"  {model['name']}: {sentence}")
        for sentence in method_findings(model.get("methods", ())):
            print(f"  {model['name']}: {sentence}")
