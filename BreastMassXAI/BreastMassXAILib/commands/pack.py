"""``pack``: a data set in one file, ready for training on a machine that has no image readers."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import values
from .options import add_assumption, add_data, add_field, add_progress, assumption, field_rule


def add_options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.description = (
        "Put a data set into one file: frames in 8 bits, masks, labels, patients, partitions, pixel sizes with their "
        "provenance, checksums. train, cross-validate and evaluate take it in place of the folder. Names of patients "
        "enter as the data set gives them: pack pseudonyms."
    )
    add_data(command)
    command.add_argument("--out", metavar="NAME.pack", type=Path, required=True, help="file to write")
    command.add_argument(
        "--quality",
        metavar="lossless|1..100",
        type=_quality,
        default=None,
        help="lossless (default), or the quality of JPEG",
    )
    command.add_argument(
        "--size", metavar="PIXELS", type=values.count, help="shrink frames (fields) whose longer side has more pixels"
    )
    add_field(
        command, "keep a generous crop around each field, for trainings with this field only (default: whole frames)"
    )
    add_assumption(command)
    command.add_argument("--force", action="store_true", help="replace an older pack")
    add_progress(command)


def _quality(text: str) -> int | None:
    if text == "lossless":
        return None
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'lossless' or a number from 1 to 100, not {text!r}") from None


def run(options: argparse.Namespace) -> None:
    """The command."""
    from ..cohorts.datasets import read_dataset
    from ..cohorts.packing import PackSettings, write_pack
    from ..core.progress import reporter

    rule = None if options.field is None else field_rule(options, options.field)
    settings = PackSettings(options.quality, options.size, rule)
    packed, skipped = write_pack(
        read_dataset(options.data),
        options.out,
        settings,
        assumption(options),
        force=options.force,
        progress=reporter(options.progress),
    )
    for entry in skipped:
        print(f"Left out: {entry.identifier}: {entry.reason}")
    print(f"Pack: {options.out}, {packed} cases, {options.out.stat().st_size / 1e6:.1f} MB")
