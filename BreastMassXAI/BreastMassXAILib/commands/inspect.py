"""``inspect``: what files hold and where their millimetres come from, before anything is computed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..core.errors import BreastMassXAIError, InputError
from ..core.regions import mask_box
from ..readers.cines import open_cine
from ..readers.dicom import regions_of
from ..readers.files import Kind, identify

_HEADS = ("file", "columns x rows", "frames", "pixel mm (depth x width)", "provenance", "scan area")


@dataclass(frozen=True)
class FileReport:
    """What a file holds.

    Parameters
    ----------
    file : str
        Its name, without the folder.
    error : str
        Why it, or its first frame, is refused; all else is empty then.
    rows, columns, frames : int
    duration_s : float, optional
        From the first frame to the last.
    spacing_mm : (row, column), optional
    provenance : str
    scan_area : dict, optional
        First and last row and column of the box around it, and the share of the frame that it covers.
    regions : tuple of str
        The DICOM regions in words, with what is wrong with them.
    warnings : tuple of str
    """

    file: str
    error: str = ""
    rows: int = 0
    columns: int = 0
    frames: int = 0
    duration_s: float | None = None
    spacing_mm: tuple[float, float] | None = None
    provenance: str = ""
    scan_area: dict[str, float] | None = None
    regions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


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
    reports = [inspect_file(path) for path in paths]
    print(json.dumps([asdict(report) for report in reports], indent=2) if as_json else _table(reports))
    if refused := sum(bool(report.error) for report in reports):
        raise InputError(f"{refused} of {len(reports)} files cannot be used as they are.")


def inspect_file(path: Path) -> FileReport:
    """Look at a file's header and first frame."""
    try:
        cine = open_cine(path)
        frame = cine.read(0)
        regions = regions_of(path) if identify(path) is Kind.DICOM else []
    except BreastMassXAIError as error:
        return FileReport(path.name, str(error))
    box = None
    if frame.scan_area is not None:
        rows, columns = mask_box(frame.scan_area)
        box = {
            "first_row": rows.start,
            "last_row": rows.stop - 1,
            "first_column": columns.start,
            "last_column": columns.stop - 1,
            "share": round(float(np.mean(frame.scan_area)), 4),
        }
    words = []
    for region in regions:
        text = f"{region.name} in {region.place}" if region.area else f"{region.name} outside the frame"
        if region.size_mm:
            text += f", {region.size_mm[0]:.4g} x {region.size_mm[1]:.4g} mm a pixel"
        if region.zero_row is not None:
            text += f", depth 0 at row {region.zero_row:.0f}"
        words.append(text + (f" (gives no millimetres: {region.reason})" if region.reason else ""))
    return FileReport(
        file=path.name,
        rows=frame.shape[0],
        columns=frame.shape[1],
        frames=len(cine),
        duration_s=None if cine.times_s is None else round(float(cine.times_s[-1]), 3),
        spacing_mm=frame.spacing.mm() if frame.spacing.known else None,
        provenance=frame.spacing.provenance.value,
        scan_area=box,
        regions=tuple(words),
        warnings=frame.warnings,
    )


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
