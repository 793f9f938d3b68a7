"""``outline``: a frame, and what a person points at, to the mask of the mass."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import values
from .frame_options import add_reading, reading
from .options import add_progress
from .prompt_options import add_prompt, prompt


def add_options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.description = (
        "Outline the mass on one B-mode frame by a network, and write its mask. Without a click or a box the largest "
        "mass is taken. Exit code 3, and nothing is written, where no mass is found. What is written is a suggestion: "
        "look at it."
    )
    command.add_argument("frame", metavar="FRAME", type=Path, help="PNG, JPEG, BMP, TIFF, NRRD, MHA, NIfTI or DICOM")
    command.add_argument(
        "--frame", dest="number", metavar="N", type=values.count, help="which frame of a loop or volume, counted from 1"
    )
    add_prompt(command)
    add_reading(command)
    command.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="mask to write, .seg.nrrd in the geometry of FRAME, or .png (default: FRAME's name + '-mask.seg.nrrd')",
    )
    command.add_argument("--force", action="store_true", help="replace an earlier mask")
    add_progress(command)


def run(options: argparse.Namespace) -> None:
    """The command."""
    from ..analyses.outlining import OutlineRequest, outline_words, write_outline
    from ..core.progress import reporter

    request = OutlineRequest(
        frame=options.frame,
        frame_number=options.number,
        prompt=prompt(options),
        out=options.out,
        force=options.force,
        **reading(options),
    )
    out, found = write_outline(request, reporter(options.progress))
    print(outline_words(found))
    print(f"Mask: {out}")
