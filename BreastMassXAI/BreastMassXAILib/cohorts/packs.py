"""A pack: one file that holds a data set ready for training, readable with pillow alone.

A zip archive (stored, not compressed again) with ``pack.json`` and, for every case, its frame in 8 bits and a picture
of its mask and scan area. Whoever gets a pack can open it with any archive program; nothing is pickled. Pixel sizes
keep their provenance; paths never enter.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError, OutputError
from ..core.field import Field, FieldRule, cell_weights, weigh
from ..core.frame import BeamGeometry, Case, Frame, Provenance, Source, Spacing
from ..core.progress import Progress, silent
from ..core.regions import mask_box
from .records import CaseRecord, DataSet, Skipped, SpacingAssumption, read_case

SUFFIX = ".pack"
SCHEMA_VERSION = 1
_FORMAT = "breast-mass-xai pack"
_INDEX = "pack.json"
_SCAN_AREA, _MASS = 1, 2
"""Bits of the mask pictures."""
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
                "format": _FORMAT,
                "schema_version": SCHEMA_VERSION,
                "name": data.name,
                "quality": settings.quality or "lossless",
                "size": settings.size,
                "field": None if settings.field is None else asdict(settings.field),
                "cases": entries,
                "skipped": [asdict(entry) for entry in skipped],
                "notes": list(data.notes),
            }
            archive.writestr(_INDEX, json.dumps(index, allow_nan=False))
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
    bits = np.where(case.mass, _MASS, 0).astype(np.uint8)
    bits |= (
        np.uint8(_SCAN_AREA) if frame.scan_area is None else np.where(frame.scan_area, _SCAN_AREA, 0).astype(np.uint8)
    )
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
    height, width = field.height * _ROOM, field.width * _ROOM
    wide = Field(field.row - (height - field.height) / 2, field.column - (width - field.width) / 2, height, width)
    rows, columns = wide.pixels(case.frame.shape)
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


def read_pack(path: Path) -> DataSet:
    """List the cases of a pack.

    Raises
    ------
    InputError
        When it is cut off, damaged, altered or of another version.
    """
    index = _index(path)
    records = []
    for entry in index["cases"]:
        row_mm, column_mm, provenance = entry["spacing"]
        spacing = Spacing(row_mm, column_mm, Provenance(provenance))
        records.append(
            CaseRecord(
                identifier=entry["identifier"],
                image=Path(entry["frame"]["name"]),
                mask=Path(entry["mask"]["name"]),
                label=entry["label"],
                patient=entry["patient"],
                view=entry["view"],
                partition=entry["partition"],
                spacing=spacing if spacing.known else None,
                facts=tuple((name, value) for name, value in entry["facts"]),
                pack=path,
            )
        )
    skipped = tuple(Skipped(**entry) for entry in index["skipped"])
    return DataSet(index["name"], tuple(records), skipped, tuple(index["notes"]))


def packed_field(path: Path) -> FieldRule | None:
    """The field that a pack's crops were made for; None where it holds whole frames."""
    found = _index(path)["field"]
    return None if found is None else FieldRule(**found)


def read_packed(record: CaseRecord) -> Case:
    """Read a case out of its pack.

    Raises
    ------
    InputError
        When its pictures are missing or altered.
    """
    from PIL import Image

    assert record.pack is not None
    entry = _entries(record.pack, _stamp(record.pack))[record.image.as_posix()]
    pictures = [np.array(Image.open(io.BytesIO(_member(record.pack, entry[k])))) for k in ("frame", "mask")]
    pixels, bits = pictures
    if pixels.shape != bits.shape:
        raise InputError(f"The pack {record.pack.name} is damaged: {record.identifier} has a mask of another size.")
    kind, apex = entry["beams"]
    frame = Frame(
        pixels.astype(np.float32),
        record.spacing or Spacing.unknown(),
        source=None if entry["source"] is None else Source(**entry["source"]),
        warnings=tuple(entry["warnings"]),
        scan_area=(bits & _SCAN_AREA) > 0 if entry["scan_area"] else None,
        beams=BeamGeometry(kind, None if apex is None else (float(apex[0]), float(apex[1]))),
    )
    mask_source = None if entry["mask_source"] is None else Source(**entry["mask_source"])
    return Case(frame, (bits & _MASS) > 0, mask_source, record.label, record.patient, record.view)


def _index(path: Path) -> Mapping[str, Any]:
    return _parsed(path, _stamp(path))


def _stamp(path: Path) -> tuple[int, int]:
    """Changes with the file, so that what was kept of an earlier file of this name is not used."""
    try:
        found = path.stat()
    except OSError:
        raise InputError(f"There is no pack {path}.") from None
    return found.st_size, found.st_mtime_ns


@lru_cache(maxsize=4)
def _parsed(path: Path, stamp: tuple[int, int]) -> Mapping[str, Any]:
    try:
        index = json.loads(_archive(path, stamp).read(_INDEX))
    except KeyError:
        raise InputError(f"{path.name} is no pack: it has no {_INDEX}.") from None
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"The pack {path.name} is damaged: its {_INDEX} cannot be read ({error}).") from error
    if not isinstance(index, dict) or index.get("format") != _FORMAT:
        raise InputError(f"{path.name} is no pack: its {_INDEX} does not say so.")
    if index.get("schema_version") != SCHEMA_VERSION:
        raise InputError(
            f"The pack {path.name} has the version {index.get('schema_version')}; this software reads version "
            f"{SCHEMA_VERSION}."
        )
    return index


@lru_cache(maxsize=4)
def _entries(path: Path, stamp: tuple[int, int]) -> Mapping[str, dict[str, Any]]:
    return {entry["frame"]["name"]: entry for entry in _parsed(path, stamp)["cases"]}


def _archive(path: Path, stamp: tuple[int, int]) -> zipfile.ZipFile:
    return _opened(path, stamp, os.getpid())  # a forked process shares the place in an open file with its parent


@lru_cache(maxsize=4)
def _opened(path: Path, stamp: tuple[int, int], process: int) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise InputError(f"{path.name} is no pack, or it is cut off: its end is missing.") from error
    except OSError as error:
        raise InputError(f"The pack {path.name} cannot be read: {error.strerror or error}.") from error


def _member(path: Path, entry: Mapping[str, str]) -> bytes:
    try:
        content = _archive(path, _stamp(path)).read(entry["name"])
    except (KeyError, OSError, zipfile.BadZipFile) as error:
        raise InputError(f"The pack {path.name} is damaged: {entry['name']} cannot be read.") from error
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise InputError(f"The pack {path.name} has been altered: {entry['name']} is not what was packed.")
    return content
