"""Data sets -> packs."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError, OutputError
from ..core.field import FieldRule, cell_weights, weigh
from ..core.frame import BeamGeometry, Case, Spacing
from ..core.progress import Progress, silent
from ..core.regions import mask_box
from ..core.settling import SpacingAssumption
from .cases import read_case
from .packs import FORMAT, INDEX, MASS, SCAN_AREA, SCHEMA_VERSION, SUFFIX
from .records import CaseRecord, DataSet, Skipped

_ROOM = 2.0
"""Side of a crop : side of the field, so that random variants find tissue around the field."""


@dataclass(frozen=True)
class PackSettings:
    """How a data set is packed.

    Parameters
    ----------
    quality : int, optional
        Of JPEG, 1 to 100; None: lossless.
    size : int, optional
        Longest side in pixels, of the frame or, with a field, of the field; larger ones are shrunk to it.
    field : FieldRule, optional
        Keep a generous crop around each field instead of the whole frame.

    Raises
    ------
    InputError
        When a number makes no sense.
    """

    quality: int | None = None
    size: int | None = None
    field: FieldRule | None = None

    def __post_init__(self) -> None:
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise InputError(f"The quality is 'lossless' or a number from 1 to 100, not {self.quality}.")
        if self.size is not None and not 64 <= self.size <= 4096:
            raise InputError(f"The size of packed frames lies between 64 and 4096 pixels, not {self.size}.")


def write_pack(
    data: DataSet,
    path: Path,
    settings: PackSettings | None = None,
    assumption: SpacingAssumption | None = None,
    *,
    force: bool = False,
    progress: Progress = silent,
) -> tuple[int, list[Skipped]]:
    """Pack a data set; the file is there whole or not at all.

    Returns
    -------
    int, list of Skipped
        Cases that were packed, and those that were not with their reasons.

    Raises
    ------
    InputError
        When no case can be read.
    OutputError
        When the file exists already, or the disk refuses.
    """
    settings = settings or PackSettings()
    if path.suffix.lower() != SUFFIX:
        raise InputError(f"A pack is known by its name: let it end with {SUFFIX}, not {path.name}.")
    if path.exists() and not force:
        raise OutputError(f"The pack {path} exists already: choose another --out, or replace it with --force.")
    if not path.parent.is_dir():
        raise OutputError(f"There is no folder {path.parent} to write the pack into.")
    beside = path.with_name(path.name + ".writing")
    entries: list[dict[str, Any]] = []
    skipped = list(data.skipped)
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive:
            for number, record in enumerate(data.records, start=1):
                progress(number, len(data.records), "frames")
                try:
                    case = read_case(record, assumption)
                    if settings.field is not None:
                        case = _cut(case, settings.field)
                    case = _shrunk(case, settings)
                except InputError as error:
                    skipped.append(Skipped(record.identifier, str(error)))
                    continue
                entries.append(_add(archive, number, record, case, settings))
            if not entries:
                reason = skipped[0].reason if skipped else "it is empty"
                raise InputError(f"There is nothing to pack: {reason}")
            index = {
                "format": FORMAT,
                "schema_version": SCHEMA_VERSION,
                "name": data.name,
                "quality": settings.quality or "lossless",
                "size": settings.size,
                "field": None if settings.field is None else asdict(settings.field),
                "cases": entries,
                "skipped": [asdict(entry) for entry in skipped],
                "notes": list(data.notes),
            }
            archive.writestr(INDEX, json.dumps(index, allow_nan=False))
        beside.replace(path)
    except OSError as error:
        raise OutputError(f"The pack {path} cannot be written: {error.strerror or error}.") from error
    finally:
        beside.unlink(missing_ok=True)
    return len(entries), skipped


def _add(
    archive: zipfile.ZipFile, number: int, record: CaseRecord, case: Case, settings: PackSettings
) -> dict[str, Any]:
    from PIL import Image

    frame = case.frame
    grey = Image.fromarray(frame.pixels.round().clip(0, 255).astype(np.uint8))
    picture = io.BytesIO()
    if settings.quality is None:
        grey.save(picture, "PNG")
        name = f"frames/{number:06d}.png"
    else:
        grey.save(picture, "JPEG", quality=settings.quality, optimize=True)
        name = f"frames/{number:06d}.jpg"
    bits = np.where(case.mass, MASS, 0).astype(np.uint8)
    bits |= np.uint8(SCAN_AREA) if frame.scan_area is None else np.where(frame.scan_area, SCAN_AREA, 0).astype(np.uint8)
    mask = io.BytesIO()
    Image.fromarray(bits).save(mask, "PNG", optimize=True)
    mask_name = f"masks/{number:06d}.png"
    for entry, content in ((name, picture), (mask_name, mask)):
        archive.writestr(entry, content.getvalue())
    spacing = frame.spacing
    return {
        "identifier": record.identifier,
        "label": record.label,
        "patient": record.patient,
        "view": record.view,
        "partition": record.partition,
        "facts": [list(pair) for pair in record.facts],
        "spacing": [spacing.row_mm, spacing.column_mm, spacing.provenance.value],
        "beams": [frame.beams.kind, frame.beams.apex],
        "scan_area": frame.scan_area is not None,
        "warnings": list(frame.warnings),
        "frame": {"name": name, "sha256": hashlib.sha256(picture.getvalue()).hexdigest()},
        "mask": {"name": mask_name, "sha256": hashlib.sha256(mask.getvalue()).hexdigest()},
        "source": None if frame.source is None else asdict(frame.source),
        "mask_source": None if case.mass_source is None else asdict(case.mass_source),
    }


def _cut(case: Case, rule: FieldRule) -> Case:
    """The part of a frame in and around its field."""
    field = rule.field(case.mass, case.frame.scan_area, case.frame.spacing)
    rows, columns = field.widened(_ROOM).pixels(case.frame.shape)
    mass = mask_box(case.mass)  # several masses: never cut one away
    rows = slice(min(rows.start, mass[0].start), max(rows.stop, mass[0].stop))
    columns = slice(min(columns.start, mass[1].start), max(columns.stop, mass[1].stop))
    frame = case.frame
    beams = frame.beams
    if beams.apex is not None:
        beams = replace(beams, apex=(beams.apex[0] - rows.start, beams.apex[1] - columns.start))
    area = None if frame.scan_area is None else np.ascontiguousarray(frame.scan_area[rows, columns])
    cut = replace(frame, pixels=np.ascontiguousarray(frame.pixels[rows, columns]), scan_area=area, beams=beams)
    return replace(case, frame=cut, mass=np.ascontiguousarray(case.mass[rows, columns]))


def _shrunk(case: Case, settings: PackSettings) -> Case:
    """A case whose frame (with a field: whose field) has at most so many pixels along its longer side."""
    frame = case.frame
    if settings.size is None:
        return case
    longest = float(max(frame.shape))
    if settings.field is not None:
        field = settings.field.field(case.mass, frame.scan_area, frame.spacing)
        longest = max(field.height, field.width)
    if longest <= settings.size:
        return case
    rows, columns = (max(round(n * settings.size / longest), 1) for n in frame.shape)
    factors = rows / frame.shape[0], columns / frame.shape[1]
    spacing = frame.spacing
    if spacing.known:
        row_mm, column_mm = spacing.mm()
        spacing = Spacing(row_mm / factors[0], column_mm / factors[1], spacing.provenance)
    beams = frame.beams
    if beams.apex is not None:
        apex = tuple((p + 0.5) * factor - 0.5 for p, factor in zip(beams.apex, factors, strict=True))
        beams = BeamGeometry(beams.kind, (apex[0], apex[1]))
    vertical, horizontal = (
        cell_weights(np.linspace(0, n, m + 1), n) for n, m in zip(frame.shape, (rows, columns), strict=True)
    )

    def half(mask: np.ndarray) -> np.ndarray:
        return weigh(vertical, mask, horizontal) >= 0.5

    mass = half(case.mass)
    if not mass.any():
        raise InputError(f"The mass is too small to be seen with frames of {settings.size} pixels.")
    pixels = weigh(vertical, frame.pixels, horizontal).clip(0, 255)
    area = None if frame.scan_area is None else half(frame.scan_area)
    small = replace(frame, pixels=pixels, spacing=spacing, scan_area=area, beams=beams)
    return replace(case, frame=small, mass=mass)
