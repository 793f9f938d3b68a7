"""``inspect``: what files hold and where their millimetres come from, before anything is computed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import InputError

if TYPE_CHECKING:
    from ..readers.inspection import FileReport

_HEADS = ("file", "columns x rows", "frames", "pixel mm (depth x width)", "provenance", "scan area")


def add_options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.description = (
        "List the size, frames, pixel size with its provenance, scan area, calibrated regions and warnings "
        "of files. Nothing of the patient is read."
    )
    command.add_argument("files", metavar="FILE", type=Path, nargs="+")
    command.add_argument("--json", action="store_true", help="print a JSON list instead of a table")


def run(options: argparse.Namespace) -> None:
    """The command."""
    inspect_files(options.files, options.json)


def inspect_files(paths: Sequence[Path], as_json: bool = False) -> None:
    """Print one row for each file, or a JSON list.

    Raises
    ------
    InputError
        After printing, when some files are refused.
    """
    from ..readers.inspection import inspect_file

    reports = [inspect_file(path) for path in paths]
    print(json.dumps([asdict(report) for report in reports], indent=2) if as_json else _table(reports))
    if refused := sum(bool(report.error) for report in reports):
        raise InputError(f"{refused} of {len(reports)} files cannot be used as they are.")


def _table(reports: Sequence[FileReport]) -> str:
    rows = [_HEADS, *(_cells(report) for report in reports)]
    widths = [max(len(row[column]) for row in rows if len(row) > column) for column in range(len(_HEADS))]
    widths[0] = max(len(report.file) for report in reports) if reports else 4
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(_HEADS, widths, strict=True)).rstrip()]
    for report in reports:
        if report.error:
            lines.append(f"{report.file.ljust(widths[0])}  refused: {report.error}")
            continue
        cells = zip(_cells(report), widths, strict=True)
        lines.append("  ".join(cell.ljust(width) for cell, width in cells).rstrip())
        lines += [f"    region: {text}" for text in report.regions]
        lines += [f"    note: {text}" for text in report.warnings]
    return "\n".join(lines)


def _cells(report: FileReport) -> tuple[str, ...]:
    if report.error:
        return (report.file,)
    spacing, area = report.spacing_mm, report.scan_area
    frames = str(report.frames) if report.duration_s is None else f"{report.frames} ({report.duration_s:g} s)"
    return (
        report.file,
        f"{report.columns} x {report.rows}",
        frames,
        f"{spacing[0]:.4f} x {spacing[1]:.4f}" if spacing else "-",
        report.provenance,
        "whole frame"
        if area is None
        else f"columns {area['first_column']}-{area['last_column']}, rows {area['first_row']}-{area['last_row']} "
        f"({area['share']:.0%})",
    )
