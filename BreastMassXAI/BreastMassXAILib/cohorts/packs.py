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
import zlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.field import FieldRule
from ..core.frame import BeamGeometry, Case, Frame, Provenance, Source, Spacing
from .records import CaseRecord, DataSet, Skipped

SUFFIX = ".pack"
SCHEMA_VERSION = 1
FORMAT = "breast-mass-xai pack"
INDEX = "pack.json"
SCAN_AREA, MASS = 1, 2
"""Bits of the mask pictures."""


def read_pack(path: Path) -> DataSet:
    """List the cases of a pack.

    Raises
    ------
    InputError
        When it is cut off, damaged, altered or of another version.
    """
    try:
        return _listed(path, _index(path))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"The pack {path.name} is damaged: its {INDEX} lacks or misstates {error}.") from error


def _listed(path: Path, index: Mapping[str, Any]) -> DataSet:
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
    found = _index(path).get("field")
    try:
        return None if found is None else FieldRule(**found)
    except TypeError as error:
        raise InputError(f"The pack {path.name} is damaged: its {INDEX} misstates the field.") from error


def refuse_crops(path: Path) -> None:
    """Refuse a pack of crops where a whole frame is asked for: fields of another kind and regions would be cut.

    Raises
    ------
    InputError
        When the data set is a pack of crops.
    """
    if path.suffix.lower() == SUFFIX and path.is_file() and (found := packed_field(path)) is not None:
        raise InputError(
            f"The pack {path.name} holds crops for trainings with the field {found.in_words()}; an explanation needs "
            "whole frames: pack without --field."
        )


def changes_geometry(path: Path) -> bool:
    """Whether a pack's frames have other pixels than the files that they were made from: cut, or shrunk."""
    index = _index(path)
    return index.get("field") is not None or index.get("size") is not None


def index_digest(path: Path) -> str:
    """Changes with anything that a pack holds: its index has the SHA-256 of every picture."""
    return hashlib.sha256(json.dumps(_index(path), sort_keys=True).encode()).hexdigest()


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
        scan_area=(bits & SCAN_AREA) > 0 if entry["scan_area"] else None,
        beams=BeamGeometry(kind, None if apex is None else (float(apex[0]), float(apex[1]))),
    )
    mask_source = None if entry["mask_source"] is None else Source(**entry["mask_source"])
    return Case(frame, (bits & MASS) > 0, mask_source, record.label, record.patient, record.view)


def packed_digest(record: CaseRecord) -> str:
    """SHA-256 of the image file that a case was packed from; of the packed picture, where it came from no file."""
    assert record.pack is not None
    entry = _entries(record.pack, _stamp(record.pack))[record.image.as_posix()]
    return (entry["source"] or entry["frame"])["sha256"]


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
        index = json.loads(_archive(path, stamp).read(INDEX))
    except KeyError:
        raise InputError(f"{path.name} is no pack: it has no {INDEX}.") from None
    except (OSError, ValueError, RuntimeError, zlib.error, zipfile.BadZipFile) as error:
        raise InputError(f"The pack {path.name} is damaged: its {INDEX} cannot be read ({error}).") from error
    if not isinstance(index, dict) or index.get("format") != FORMAT:
        raise InputError(f"{path.name} is no pack: its {INDEX} does not say so.")
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
    except (KeyError, OSError, RuntimeError, zlib.error, zipfile.BadZipFile) as error:
        raise InputError(f"The pack {path.name} is damaged: {entry['name']} cannot be read.") from error
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise InputError(f"The pack {path.name} has been altered: {entry['name']} is not what was packed.")
    return content
