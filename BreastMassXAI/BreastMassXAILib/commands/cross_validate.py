"""``cross-validate``: every case judged by a network that has not seen its patient, then one network from all cases."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .training_options import add_training_options, asked, print_left_out, progress_of


def add_options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.description = (
        "Train without each partition in turn and predict it; write a model for each partition, the "
        "out-of-fold predictions with their figures, and a model that was trained on all cases and calibrated on those "
        "predictions. Under torchrun several processes share the work."
    )
    add_training_options(command)
    command.add_argument(
        "--leave-out",
        metavar="COLUMN",
        help="instead of partitions: train without each value of this column of the table (device, hospital) in turn",
    )
    command.add_argument(
        "--final",
        choices=("all", "mean", "none"),
        default="all",
        help="the model for later use: trained on all cases (default), the mean of the partitions' weights (no further "
        "training), or none",
    )


def run(options: argparse.Namespace) -> None:
    """The command."""
    from ..analyses.cross_validation import CrossValidateRequest, cross_validate
    from ..core.cohort import Skipped

    request = CrossValidateRequest(**asked(options), final=options.final, leave_out=options.leave_out)
    report = cross_validate(request, progress_of(options))
    if report is None:  # another process speaks
        return
    data = report["data"]
    print_left_out(data["notes"], [Skipped(**entry) for entry in data["left_out"]])
    _print(report, options.out)


def _print(report: dict[str, Any], out: Path) -> None:
    from ..core.operating_points import in_words as points_in_words
    from ..core.suspension import rules_in_words
    from ..network.training_figures import in_words

    data = report["data"]
    print(f"{data['name']}: {data['used']} of {data['listed']} cases, {len(data['left_out'])} left out.")
    for entry in report["partitions"]:
        name = entry.get("left_out", f"partition {entry['partition']}")
        low, high = entry["auc_95"]
        interval = "" if low is None else f" ({low:.3f} to {high:.3f})"
        print(f"  {name}: AUC per image {entry['auc']:.3f}{interval}, n = {entry['n']}")
    mean, spread = report["auc_mean"], report["auc_standard_deviation"]
    print(f"  mean over partitions {mean:.3f}, standard deviation {spread:.3f}")
    found = report["out_of_fold"]
    print(f"{report['name']}, out of fold: {in_words(found)} ({report['uncalibrated_ece']:.3f} uncalibrated)")
    for level in ("image", "case"):
        values = found[f"per_{level}"]
        parts = [
            f"{name} {values[name]:.3f} ({values[f'{name}_95'][0]:.3f} to {values[f'{name}_95'][1]:.3f})"
            for name in ("accuracy", "sensitivity", "specificity")
        ]
        print(f"  per {level}: {', '.join(parts)}")
    for line in points_in_words(report["operating_points"]):
        print(f"  operating point {line}")
    for line in rules_in_words(report["suspension"]):
        print(f"  suspension, {line}")
    print(f"Models: {out}")
