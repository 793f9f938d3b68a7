"""``agree``: two outlines of the same masses, and what their difference does to the decision."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import values
from .options import add_progress, add_ring


def add_options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.description = (
        "Compare outlines of the same masses by two readers, or a reader and a program: Dice, 95 % Hausdorff distance, "
        "area, Bland-Altman of the largest diameter; with a model also logit, hits and decision. Writes agreement.csv, "
        "agreement.json and agreement.png."
    )
    what = (
        "a mask, a folder of masks, or a manifest; masks in folders go together by file name, manifests by identifier"
    )
    command.add_argument("a", metavar="A", type=Path, help=what)
    command.add_argument("b", metavar="B", type=Path, help="the same of the other reader")
    command.add_argument(
        "--images", metavar="PATH", type=Path, help="the frame, or a folder of frames under the masks' names"
    )
    command.add_argument(
        "--model",
        metavar="DIR|NAME",
        type=values.model,
        help="look at every frame with both outlines (default: do not)",
    )
    add_ring(command, "width of the ring for hits")
    size = command.add_mutually_exclusive_group()
    size.add_argument(
        "--spacing", metavar="MM|ROW,COL", type=values.spacing, help="pixel size in mm where no file tells it (assumed)"
    )
    size.add_argument(
        "--assume-width", metavar="MM", type=values.positive, help="width of the frames where no file tells it"
    )
    command.add_argument("--out", metavar="FOLDER", type=Path, help="where to write (default: agreement)")
    command.add_argument("--force", action="store_true", help="replace an older result")
    add_progress(command)


def run(options: argparse.Namespace) -> None:
    """The command."""
    from ..analyses.agreement import AgreementRequest, agree
    from ..core.agreement import in_words
    from ..core.progress import reporter
    from ..core.result import Settings
    from ..core.settling import SpacingAssumption

    request = AgreementRequest(
        a=options.a,
        b=options.b,
        images=options.images,
        model=options.model,
        settings=Settings(ring_mm=options.ring_mm),
        assumption=SpacingAssumption(spacing_mm=options.spacing, width_mm=options.assume_width),
        out=options.out,
        force=options.force,
    )
    out, found = agree(request, reporter(options.progress))
    print(in_words(found))
    left = found["left_out"]
    if left:
        print(f"{len(left)} left out; the first: {left[0]['identifier']}: {left[0]['reason']}")
    print(f"Results: {out}")
