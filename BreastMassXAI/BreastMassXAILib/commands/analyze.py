"""``analyze``: from files to a folder of results."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from . import values
from .frame_options import add_frame_options, asked
from .options import add_methods
from .prompt_options import add_prompt, prompt


def add_options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.description = (
        "Classify the mass on one B-mode frame; write the signed saliency map, the three regions, the "
        "pointing game, a Slicer scene and a picture."
    )
    command.add_argument("frame", metavar="FRAME", type=Path, help="PNG, JPEG, BMP, TIFF, NRRD, MHA, NIfTI or DICOM")
    command.add_argument(
        "--mask",
        metavar="MASK",
        type=Path,
        help="mask of the mass, same size as FRAME (default: the mass that a network outlines; every output then says "
        "that the mask is automatic)",
    )
    add_prompt(command)
    command.add_argument(
        "--frame", dest="number", metavar="N", type=values.count, help="which frame of a loop or volume, counted from 1"
    )
    command.add_argument(
        "--word",
        metavar="FEATURE=WORD",
        dest="words",
        type=values.pair,
        action="append",
        default=[],
        help="a reader's BI-RADS word for shape, orientation, margin, echo_pattern or posterior_features, kept beside "
        "the proposed one; may be repeated",
    )
    add_methods(command)
    add_frame_options(command, "FRAME")


def run(options: argparse.Namespace) -> None:
    """The command."""
    from ..analyses.frame import FrameRequest, explain_frame
    from ..core.progress import reporter
    from ..core.words import methods_table, summary
    from ..methods import methods_of

    first, *others = (method.name for method in methods_of(options.methods))
    request = FrameRequest(
        frame=options.frame,
        mask=options.mask,
        prompt=prompt(options),
        frame_number=options.number,
        words=dict(options.words),
        methods=tuple(others),
        **asked(options),
    )
    request = replace(request, settings=replace(request.settings, method=first))
    out, explanations, note = explain_frame(request, reporter(options.progress))
    results = [explanation.result for explanation in explanations]
    print(summary(results[0]))
    if others:
        print(methods_table(results))
    print(f"Results: {out}" + (f" ({note})" if note else ""))
