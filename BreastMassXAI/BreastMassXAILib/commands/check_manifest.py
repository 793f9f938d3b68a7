"""``check-manifest``: what is wrong with a manifest, row by row, before hours are spent on it."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..core.errors import InputError


def add_options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.description = (
        "Check a manifest (image, mask, label and optionally patient, view, spacing_row_mm, "
        "spacing_col_mm, identifier, partition, frame, segment, flip): every file is opened. Ends with code 2 when "
        "anything is wrong; rows to check, such as frames 3 mm wide, are no faults."
    )
    command.add_argument("manifest", metavar="FILE", type=Path)


def run(options: argparse.Namespace) -> None:
    """The command."""
    check_manifest_file(options.manifest)


def check_manifest_file(path: Path) -> None:
    """Print every fault and the counts.

    Raises
    ------
    InputError
        When anything is wrong.
    """
    from ..cohorts.manifest import check_manifest

    found = check_manifest(path)
    for fault in found.faults:
        print(f"{path.name}, line {fault.line}: {fault.sentence}" if fault.line else f"{path.name}: {fault.sentence}")
    for doubt in found.to_check:
        print(f"{path.name}, line {doubt.line}: to check: {doubt.sentence}")
    rows_to_check = len({doubt.line for doubt in found.to_check})
    more = f", {rows_to_check} to check" if rows_to_check else ""
    print(f"{found.rows} rows: {found.good} good, {found.rows - found.good} with faults{more}.")
    if found.faults:
        raise InputError(f"{path.name} has {len(found.faults)} fault{'s' if len(found.faults) > 1 else ''}, see above.")
