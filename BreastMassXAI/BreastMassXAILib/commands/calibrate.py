"""``calibrate``: a model's temperature and operating points, fitted to labelled cases of one's own."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import values
from .options import add_assumption, add_data, add_jobs, add_progress, add_ring, assumption, kept_command


def add_options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.description = (
        "Run a model on labelled cases that it was not trained on, fit its temperature, its three operating points and "
        "the limits of its rules of suspension to them, and write a complete model folder with the same weights. Some "
        "50 cases are the least, and 10 patients of each class, so that the figures come from other patients than the "
        "thresholds."
    )
    add_data(command)
    command.add_argument(
        "--model",
        metavar="DIR|NAME",
        type=values.model,
        help="model folder, or a shipped one (default: the shipped one)",
    )
    add_assumption(command)
    add_ring(
        command, "width of the peritumoral ring for the rules of suspension; 0 for none, where no pixel size is known"
    )
    add_jobs(command)
    command.add_argument("--out", metavar="DIR", type=Path, required=True, help="model folder to write")
    command.add_argument("--name", help="the new model's name; the folder's, if not given")
    command.add_argument("--force", action="store_true", help="replace an earlier model in that folder")
    add_progress(command)


def run(options: argparse.Namespace) -> None:
    """The command."""
    from ..analyses.calibrating import CalibrateRequest, calibrate
    from ..core.operating_points import in_words
    from ..core.progress import reporter
    from ..core.suspension import rules_in_words

    found = calibrate(
        CalibrateRequest(
            data=options.data,
            out=options.out,
            name=options.name or options.out.name,
            model=options.model,
            assumption=assumption(options),
            ring_mm=options.ring_mm,
            jobs=options.jobs,
            force=options.force,
            command=kept_command(options),
        ),
        reporter(options.progress),
    )
    for entry in found.skipped:
        print(f"Left out: {entry.identifier}: {entry.reason}")
    metrics, image = found.metrics, found.metrics["per_image"]
    low, high = image["auc_95"]
    interval = "" if low is None else f" (95 % interval {low:.3f} to {high:.3f})"
    print(f"{image['n']} cases ({image['malignant']} malignant) of {image['patients']} patients; {metrics['how']}.")
    print(
        f"  AUC {image['auc']:.3f}{interval}; ECE {metrics['ece_before']:.3f} before, {metrics['ece']:.3f} after "
        f"(temperature {found.calibration.temperature:.3f})"
    )
    for line in in_words(found.calibration.operating_points):
        print(f"  {line}")
    for line in rules_in_words(found.calibration.suspension):
        print(f"  suspension, {line}")
    for sentence in found.warnings:
        print(f"Please note: {sentence}")
    print(f"Model: {options.out}")
