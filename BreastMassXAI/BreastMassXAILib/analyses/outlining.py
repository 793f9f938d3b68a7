"""The mass outlined on a frame or along a loop by a network, for a mask file or for an explanation that has no mask."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.ndimage import minimum_filter

from ..core.errors import InputError
from ..core.frame import Frame, MaskOrigin
from ..core.outline import ANYWHERE, Prompt, Suggestion
from ..core.progress import Progress, silent
from ..core.regions import mask_box
from ..core.settling import with_said_geometry, with_said_spacing
from ..core.sizes import confirmed_size, known_mm
from ..core.suggested import found_mass, largest_diameter, suggestion_notes
from ..core.writing import atomic_file
from ..pipeline import load_outliner
from ..readers.cines import open_frames
from ..readers.files import Kind, identify
from ..readers.frames import frame_index
from ..readers.masks import Onto
from ..writers.mask import check_mask_name, write_mask
from .request import FrameRules, stem

NEAR = 0.015
"""Share of the frame's shorter side: an outline that comes so close to the border has reached it."""


@dataclass(frozen=True, kw_only=True)
class OutlineRequest(FrameRules):
    """What the user asked for a frame; `frame_number` counts from 1, `out` is a file."""

    frame: Path
    frame_number: int | None = None
    prompt: Prompt = ANYWHERE


@dataclass(frozen=True, eq=False)
class Outlined:
    """A frame with the mass that a network suggests on it.

    Parameters
    ----------
    frame : Frame
        As its file and its user say, with what had to be decided among its warnings. Its scan area and beams are those
        that the network saw; `read` is without them.
    read : Frame
    suggestion : Suggestion
        With a mass.
    onto : Onto
        Of the frame's file.
    """

    frame: Frame
    read: Frame
    suggestion: Suggestion
    onto: Onto


def outline(
    path: Path,
    number: int | None,
    prompt: Prompt,
    rules: FrameRules,
    progress: Progress = silent,
    in_mm: bool = False,
) -> Outlined:
    """Read a frame and find the mass on it.

    Parameters
    ----------
    number : int, optional
        Which frame of a loop or volume, counted from 1.
    progress : Progress
        Called twice.
    in_mm : bool
        Whether the pixel size must be known.

    Raises
    ------
    SpacingError
        When it is not; before the network looks.
    NoMassError
        When there is none.
    BreastMassXAIError
    """
    progress(0, 2, "reading")
    cine, onto = open_frames(path, prompt.point, 0, rules.flip_rows)
    index = frame_index(path, None if number is None else number - 1, len(cine))
    read = cine.read(index)
    said = rules.said_of(read.shape)
    frame = with_said_geometry(with_said_spacing(read, said), None, said, prompt.point)
    confirmed_size(frame, rules.confirmed_size)
    if in_mm:
        known_mm(frame)
    progress(1, 2, "outline")
    outliner = load_outliner()
    suggestion = outliner.suggest(outliner.look(frame), prompt)
    mass = found_mass(suggestion)
    if identify(path) is Kind.DICOM:  # of several calibrated regions, that which holds the mass
        read = open_frames(path, mask_box(mass), 0, rules.flip_rows)[0].read(index)
        frame = with_said_spacing(replace(read, scan_area=frame.scan_area, beams=frame.beams), said)
    notes = suggestion_notes(suggestion)
    frame, read = (replace(each, warnings=(*each.warnings, *notes)) for each in (frame, read))
    return Outlined(frame, read, suggestion, onto.at(index, read))


def write_outline(request: OutlineRequest, progress: Progress = silent) -> tuple[Path, Outlined]:
    """Read a frame, find the mass on it and write its mask.

    Returns
    -------
    Path
        The file that was written.
    Outlined

    Raises
    ------
    NoMassError
        When there is none; then nothing is written.
    BreastMassXAIError
        With one sentence; then nothing is written.
    """
    out = request.out or Path(f"{stem(request.frame)}-mask.seg.nrrd")
    check_mask_name(out)
    if out.exists() and request.frame.exists() and out.samefile(request.frame):
        raise InputError(f"The mask would replace the frame {request.frame.name}: choose another --out.")
    with atomic_file(out, request.force) as work:
        found = outline(request.frame, request.frame_number, request.prompt, request, progress)
        write_mask(work, found.suggestion.mass, found.frame, found.onto, MaskOrigin.AUTOMATIC)
    progress(2, 2, "done")
    return out, found


def outline_words(found: Outlined) -> str:
    """What was found, in a few lines."""
    mass, frame = found.suggestion.mass, found.frame
    pixels = int(np.count_nonzero(mass))
    area, length = f"{pixels} pixels", f"{largest_diameter(mass):.0f} pixels"
    if frame.spacing.known:
        row_mm, column_mm = frame.spacing.mm()
        area = f"{pixels * row_mm * column_mm:.1f} mm2 ({area})"
        length = f"{largest_diameter(mass, (row_mm, column_mm)):.1f} mm ({length})"
    rows, columns = np.nonzero(mass)
    lines = [
        f"Mass outlined: confidence {found.suggestion.confidence:.2f}, mask: {MaskOrigin.AUTOMATIC.value}",
        f"  area {area}, largest diameter {length}",
        f"  rows {rows.min()} to {rows.max()}, columns {columns.min()} to {columns.max()}",
        f"  masses found: {found.suggestion.found}",
    ]
    lines += [f"  note: {text}" for text in (*frame.warnings, *_cut(mass, frame))]
    return "\n".join(lines)


def _cut(mass: np.ndarray, frame: Frame) -> tuple[str, ...]:
    """A sentence where the mass may go on where nothing is seen."""
    near = max(round(NEAR * min(mass.shape)), 1)
    area = np.ones(mass.shape, bool) if frame.scan_area is None else frame.scan_area
    inner = minimum_filter(area, 2 * near + 1, mode="constant", cval=False)
    if (mass & ~inner).any():
        return ("The mass reaches the border of the scan area: it may be larger than what is seen of it.",)
    return ()
