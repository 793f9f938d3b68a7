"""``train``: from a folder of labelled frames to a bundle with its numbers on frames that it was not trained on."""

from __future__ import annotations

import argparse

from . import values
from .training_options import add_training_options, asked, print_left_out, progress_of


def add_options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.description = (
        "Adapt a pretrained ResNet to a labelled data set (deep representation scaling by default) and "
        "report on one of its partitions, if one is kept for the test. Writes a model folder. Under torchrun several "
        "processes share the work."
    )
    add_training_options(command)
    command.add_argument(
        "--fold", metavar="N", dest="test_fold", type=values.count, help="partition kept for the test (default: none)"
    )


def run(options: argparse.Namespace) -> None:
    """The command."""
    from ..analyses.training import TrainRequest, train_bundle
    from ..core.operating_points import in_words as points_in_words
    from ..network.training_figures import in_words

    done = train_bundle(TrainRequest(**asked(options), test_fold=options.test_fold), progress_of(options))
    if done is None:  # another process speaks
        return
    print_left_out(done.notes, done.left_out)
    if done.metrics:
        print(f"{done.name}: {in_words(done.metrics)}")
    else:
        why = "no case of the test partition could be read" if done.tested else "no test partition"
        print(f"{done.name}: trained on {done.frames} frames; {why}")
    for line in points_in_words(done.calibration.operating_points):
        print(f"  on the {done.held_out} frames held out, {line}")
    print(f"Model: {done.folder}")
