"""The scan area of a frame whose file does not tell it: the echo image on a screen, without what lies around it.

Text, rulers, depth marks, grey bars and logos are small or thin and lie on a plain dark surround; the echo image is
the one large filled area. Only a surround that is certain is cut away: a frame that was cropped to its echo image is
scan area to its last pixel, however dark its depth is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from .beams import fit_sector
from .errors import InputError
from .frame import Frame, Spacing
from .regions import mask_box

DARKEST_SURROUND = 64
"""A surround is black or dark grey."""
_NOISE = 5
"""Grey levels around the surround's own that compression may leave."""
_LEAST_RING = 0.3
"""Share of the frame's border that must have one grey for a surround to be thought of."""
_LEAST_AREA = 0.05
_CLEAN_LINE = 0.01
_BUSY_STRIPE = 0.3


@dataclass(frozen=True, eq=False)
class ScanArea:
    """What :func:`find_scan_area` found.

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, columns)
    kind : {"whole", "rectangle", "sector", "outline"}
    description : str
        In a sentence.
    warnings : tuple of str
        What is uncertain.
    """

    mask: np.ndarray
    kind: str
    description: str
    warnings: tuple[str, ...] = ()


def find_scan_area(
    pixels: np.ndarray, spacing: Spacing | None = None, point: tuple[float, float] | None = None
) -> ScanArea:
    """Find the echo image on a frame.

    Parameters
    ----------
    pixels : ndarray, shape (rows, columns)
        Grey values 0..255.
    spacing : Spacing, optional
        Tells where pixels are not square, for a convex probe's arcs.
    point : (row, column), optional
        A point in the tissue of interest: where there are two images on the screen, the one that holds it is taken.

    Returns
    -------
    ScanArea
        The whole frame where no dark surround is certain. A rectangle (linear probe) or a sector (convex probe), or
        else the outline of what was found.
    """
    spacing = spacing or Spacing.unknown()
    whole = ScanArea(np.ones(pixels.shape, bool), "whole", "The scan area is the whole frame.")
    surround = _surround(pixels)
    if surround is None:
        return whole
    content = np.abs(pixels - surround) > _NOISE
    body, others = _body(content, point)
    if body is None:
        return whole
    alone = content & ~others
    outline = ndimage.binary_fill_holes(_sharp(alone, body))
    shape = pixels.shape
    warnings: tuple[str, ...] = ()
    if others.any():
        warnings = ("There is more than one echo image on the frame: the largest, or that with the mass, is used.",)
    try:
        sector = fit_sector(outline, spacing, least_overlap=0.8)
    except InputError:
        sector = None
    if sector is not None:
        # Between the arcs the sector is known even where it is too dark to be seen.
        near, far = sector.radii
        rows = slice(0 if near > 0 else sector.rows.start, shape[0] if far < math.inf else sector.rows.stop)
        sector = replace(sector, rows=rows)
        mask = sector.mask(shape, spacing.mm() if spacing.known else (1.0, 1.0))
        return ScanArea(
            mask, "sector", f"The scan area is a sector found on the dark surround ({_share(mask)}).", warnings
        )
    rows, columns = _certain(content, alone, *_rectangle(alone, body))
    mask = np.zeros(shape, bool)
    mask[rows, columns] = True
    if mask.all():
        return whole
    filled = np.count_nonzero(outline[rows, columns]) / np.count_nonzero(mask)
    if filled < 0.5:
        return ScanArea(
            outline,
            "outline",
            f"The scan area is an outline found on the dark surround ({_share(outline)}).",
            (*warnings, "The scan area found is neither a rectangle nor a sector: check it."),
        )
    place = f"rows {rows.start} to {rows.stop - 1}, columns {columns.start} to {columns.stop - 1}"
    text = f"The scan area is a rectangle found on the dark surround ({place}, {_share(mask)})."
    return ScanArea(mask, "rectangle", text, warnings)


def with_scan_area(frame: Frame, mass: np.ndarray | None = None, point: tuple[float, float] | None = None) -> Frame:
    """A frame with the scan area that its file tells, or else the one found on it.

    A file's box around a sector (DICOM) is narrowed to the sector.

    Parameters
    ----------
    frame : Frame
    mass : ndarray of bool, shape of the frame, optional
        An area that does not hold all of the mass is not believed.
    point : (row, column), optional
        In the tissue of interest, where no mass is known.

    Returns
    -------
    Frame
        What was found is said in its warnings.
    """
    told = frame.scan_area
    box = (slice(None), slice(None)) if told is None else mask_box(told)
    seen = None if mass is None else mass[box]
    if point is not None:
        point = _inside(point, box, frame.shape)
    if seen is not None and seen.any():
        row, column = np.nonzero(seen)
        point = float(row.mean()), float(column.mean())
    found = find_scan_area(frame.pixels[box], frame.spacing, point)
    if found.kind == "whole" or (told is not None and found.kind != "sector"):
        return frame
    area = np.zeros(frame.shape, bool)
    area[box] = found.mask
    if told is not None:
        area &= told
    if mass is not None and (mass & ~area).any() and (told is None or (mass & ~area & told).any()):
        note = "A scan area was found that does not hold all of the mass, so it was not used."
        return replace(frame, warnings=(*frame.warnings, note))
    return replace(frame, scan_area=area, warnings=(*frame.warnings, found.description, *found.warnings))


def _inside(point: tuple[float, float], box: tuple[slice, slice], shape: tuple[int, int]) -> tuple[float, float] | None:
    """A point of the frame as one of its box; None where it lies outside."""
    row, column = point
    (top, bottom, _), (left, right, _) = (part.indices(size) for part, size in zip(box, shape, strict=True))
    return (row - top, column - left) if top <= row <= bottom - 1 and left <= column <= right - 1 else None


def _share(mask: np.ndarray) -> str:
    return f"{mask.mean():.0%} of the frame"


def _surround(pixels: np.ndarray) -> float | None:
    """The grey of the surround, or None where the frame's border shows none."""
    ring = np.concatenate([pixels[:2].ravel(), pixels[-2:].ravel(), pixels[:, :2].ravel(), pixels[:, -2:].ravel()])
    levels = np.bincount(np.clip(np.rint(ring), 0, 255).astype(int), minlength=256)
    level = int(levels.argmax())
    if level > DARKEST_SURROUND or (np.abs(ring - level) <= _NOISE).mean() < _LEAST_RING:
        return None
    return float(level)


def _body(content: np.ndarray, point: tuple[float, float] | None) -> tuple[np.ndarray | None, np.ndarray]:
    """The large filled area (that with the point, or the largest), and other areas of its kind."""
    none = np.zeros_like(content)
    size = min(content.shape)
    grain = max(3, size // 100) | 1
    dense = ndimage.uniform_filter(content.astype(np.float32), grain, mode="nearest") > 0.4
    thick = _thick(content.shape)
    padded = np.pad(dense, thick, mode="edge")
    opened = ndimage.maximum_filter(ndimage.minimum_filter(padded, thick), thick)[thick:-thick, thick:-thick]
    pieces, count = ndimage.label(opened)
    if not count:
        return None, none
    areas = np.bincount(pieces.ravel())
    areas[0] = 0
    chosen = int(areas.argmax())
    if point is not None:
        here = int(pieces[int(point[0]), int(point[1])])
        if areas[here] >= _LEAST_AREA * content.size:
            chosen = here
    if areas[chosen] < _LEAST_AREA * content.size:
        return None, none
    rivals = areas >= 0.4 * areas[chosen]
    rivals[chosen] = False
    body = pieces == chosen
    if not rivals.any():
        return body, none
    others = ndimage.maximum_filter(rivals[pieces], 2 * grain + 1)
    return body, others & ~body


def _thick(shape: tuple[int, ...]) -> int:
    """Pixels; thicker than a line of text, a ruler or a grey bar."""
    return max(9, min(shape) // 16) | 1


def _sharp(content: np.ndarray, body: np.ndarray) -> np.ndarray:
    """The body, whose outline was blurred and opened, with the content that directly adjoins it."""
    near = ndimage.maximum_filter(body, _thick(content.shape))
    joined = ndimage.binary_closing(np.pad(content & near, 3), np.ones((3, 3)), iterations=2)[3:-3, 3:-3] & near
    pieces, count = ndimage.label(joined)
    return pieces == 1 + int(np.bincount(pieces.ravel())[1:].argmax()) if count else body


def _rectangle(content: np.ndarray, body: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of a linear probe's image: outwards from the body's core to where the echoes stop."""
    rows, columns = mask_box(body)
    height, width = rows.stop - rows.start, columns.stop - columns.start
    core = slice(columns.start + width // 8, columns.stop - width // 8)
    across = content[:, core].mean(axis=1)
    down = np.median(across[rows.start : rows.start + max(height // 3, 1)])
    top = _walk(across, rows.start + height // 10, -1, 0.3 * down)
    bottom = _walk(across, rows.stop - 1 - height // 10, 1, 0.05 * down, gap=3)
    # At the skin the whole probe touches; deeper, a shadow may darken a side.
    upper = content[top : top + max((bottom - top) // 4, 1)].mean(axis=0)
    full = content[top : bottom + 1].mean(axis=0)
    lit = np.maximum(upper / max(np.median(upper[core]), 1e-6), full / max(np.median(full[core]), 1e-6))
    left = _walk(lit, core.start, -1, 0.3)
    right = _walk(lit, core.stop - 1, 1, 0.3)
    return slice(top, bottom + 1), slice(left, right + 1)


def _walk(profile: np.ndarray, start: int, step: int, least: float, gap: int = 1) -> int:
    """The last index from `start` on before `gap` neighbours fall below a level."""
    low = np.convolve(profile[start::step] < least, np.ones(gap), "valid") == gap
    length = int(low.argmax()) if low.any() else len(profile[start::step])
    return start + step * (max(length, 1) - 1)


def _certain(content: np.ndarray, alone: np.ndarray, rows: slice, columns: slice) -> tuple[slice, slice]:
    """The rectangle, with every side put back to the frame's border where what it leaves out may be dim tissue.

    A surround holds little (text, a ruler; another image does not count, so `alone` is without) and somewhere nothing
    at all along the whole frame. Below the last echo
    there may be tissue too deep to be seen; only a screen that is black beside the image, too, certainly ends there.
    """
    height, width = content.shape
    left = columns.start if _is_surround(content[:, : columns.start].T, alone[:, : columns.start].T) else 0
    right = columns.stop if _is_surround(content[:, columns.stop :].T, alone[:, columns.stop :].T) else width
    top = rows.start if _is_surround(content[: rows.start], alone[: rows.start]) else 0
    beside = left > 0 or right < width
    bottom = rows.stop if beside and _is_surround(content[rows.stop :], alone[rows.stop :]) else height
    return slice(top, bottom), slice(left, right)


def _is_surround(stripe: np.ndarray, alone: np.ndarray) -> bool:
    return len(stripe) > 0 and float(stripe.mean(axis=1).min()) <= _CLEAN_LINE and float(alone.mean()) <= _BUSY_STRIPE
