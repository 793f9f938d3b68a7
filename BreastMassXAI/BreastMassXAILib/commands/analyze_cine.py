"""``analyze-cine``: from a loop or a volume and its masks to a folder of results."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import values
from .frame_options import add_frame_options, asked
from .prompt_options import add_prompt, prompt


def add_options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.description = (
        "Classify the mass on the frames of a multi-frame DICOM file, or on the slices of an NRRD, MHA or "
        "NIfTI volume; write each frame's numbers, saliency and regions, the curve of probability over time, a Slicer "
        "scene with synchronised sequences and pictures. Frames are counted from 1."
    )
    command.add_argument("cine", metavar="CINE", type=Path, help="multi-frame DICOM, or NRRD, MHA, NIfTI volume")
    command.add_argument(
        "--mask",
        metavar="[N=]MASK",
        dest="masks",
        type=frame_mask,
        action="append",
        default=[],
        help="mask of the mass on frame N; may be repeated. Without N: a mask of all frames (volume), or of frame 1 "
        "(default: the mass that a network outlines on each frame; every output then says that the mask is automatic)",
    )
    add_prompt(command)
    command.add_argument(
        "--on",
        metavar="N",
        type=values.count,
        help="frame of the clicks and the box; on the others the outline follows (default: the first one)",
    )
    command.add_argument(
        "--propagate",
        action="store_true",
        help="give frames without a mask one: between masks by shape interpolation, elsewhere the nearest "
        "(default: such frames are skipped)",
    )
    command.add_argument(
        "--frames",
        metavar="A:B[:STEP]",
        type=frame_range,
        default=slice(None),
        help="frames A to B only, every STEP-th",
    )
    command.add_argument(
        "--axis",
        type=int,
        choices=(0, 1, 2),
        default=0,
        help="how a volume is cut: along its stored slices (0, default) or its columns (2), with depth along the "
        "stored rows; along its rows (1), with depth along the slices",
    )
    add_frame_options(command, "CINE")


def run(options: argparse.Namespace) -> None:
    """The command."""
    from ..analyses.cine import CineRequest, explain_loop
    from ..core.progress import reporter
    from ..core.words import cine_summary

    request = CineRequest(
        cine=options.cine,
        masks=tuple(options.masks),
        prompt=prompt(options),
        on=options.on,
        propagate=options.propagate,
        frames=options.frames,
        axis=options.axis,
        **asked(options),
    )
    out, result, note = explain_loop(request, reporter(options.progress))
    print(cine_summary(result))
    print(f"Results: {out}" + (f" ({note})" if note else ""))


def frame_mask(text: str) -> tuple[int | None, Path]:
    """``N=MASK`` or ``MASK``; a file whose own name begins like that can be given as ``./N=MASK``."""
    number, equals, name = text.partition("=")
    return (values.count(number), Path(name)) if equals and number.isdecimal() else (None, Path(text))


def frame_range(text: str) -> slice:
    """``A:B`` or ``A:B:STEP``, counted from 1 with B included; any of them may be left out."""
    parts = text.split(":")
    if len(parts) not in (2, 3) or any(part and (not part.isdecimal() or int(part) < 1) for part in parts):
        raise argparse.ArgumentTypeError(f"'{text}' is not A:B or A:B:STEP, counted from 1")
    first, last, step = (int(part) if part else None for part in (*parts, "")[:3])
    return slice(None if first is None else first - 1, last, step)
