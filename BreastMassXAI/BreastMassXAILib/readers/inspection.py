"""What a file holds and where its millimetres come from, before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.errors import BreastMassXAIError
from ..core.regions import mask_box
from .cines import open_cine
from .dicom import regions_of
from .files import Kind, identify


@dataclass(frozen=True)
class FileReport:
    """What a file holds.

    Parameters
    ----------
    file : str
        Its name, without the folder.
    error : str
        Why it, or its every frame, is refused; all else is empty then.
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


def inspect_file(path: Path) -> FileReport:
    """Look at a file's header and its first frame that can be looked at."""
    try:
        cine = open_cine(path)
        index, frame = cine.first_readable()
        regions = regions_of(path) if identify(path) is Kind.DICOM else []
    except BreastMassXAIError as error:
        return FileReport(path.name, str(error))
    skipped = () if not index else (f"Nothing can be seen on the first {index} of the {len(cine)} frames.",)
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
        warnings=frame.warnings + skipped,
    )
