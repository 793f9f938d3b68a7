"""A CSV manifest: one row a case, for every data set that has no reader of its own."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import InputError
from ..core.frame import Provenance, Spacing
from .duplicates import grouped
from .records import CaseRecord, DataSet, Skipped, label_of, read_case

REQUIRED = ("image", "mask", "label")
OPTIONAL = ("patient", "view", "spacing_row_mm", "spacing_col_mm", "identifier", "partition")
LARGEST_PIXEL_MM = 1.0
"""A breast probe images some 40 mm over hundreds of columns: pixels above this are a slip of the unit."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with a row; `line` is its number in the file, 0 for the manifest as a whole."""

    line: int
    sentence: str


@dataclass(frozen=True)
class ManifestCheck:
    """`rows` is the number of rows, `good` that of rows without a fault; every other row is in `faults`."""

    rows: int
    good: int
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class _Row:
    line: int
    identifier: str
    record: CaseRecord | None
    faults: tuple[str, ...]
    named_patient: bool = False


def read_manifest(path: Path) -> DataSet:
    """List the cases of a manifest.

    Parameters
    ----------
    path : Path
        CSV with the columns ``image, mask, label`` and, optionally, ``patient, view, spacing_row_mm, spacing_col_mm,
        identifier, partition``. Paths are relative to the manifest; several masks of one image are separated by ``;``.
        A given spacing counts as a file's header does (provenance ``header``).

    Returns
    -------
    DataSet
        Rows with a fault of their own are `skipped` with it; faults between rows are `notes`. Where no row names a
        patient, duplicate images are searched and grouped.

    Raises
    ------
    InputError
        When the file cannot be read as a table, lacks a column or has no row.
    """
    path = Path(path)
    rows = _rows(path)
    good = [row for row in rows if row.record is not None]
    notes = [f"{fault.sentence}" for fault in _faults_between(good)]
    skipped = [Skipped(row.identifier, " ".join(row.faults)) for row in rows if row.record is None]
    records = [row.record for row in good if row.record is not None]
    if not any(row.named_patient for row in rows):
        found = grouped(records)
        records, notes = list(found.records), [*notes, *found.notes]
        skipped += found.skipped
    name = path.parent.resolve().name if path.stem == "manifest" else path.stem
    return DataSet(name, tuple(records), tuple(skipped), tuple(notes))


def check_manifest(path: Path) -> ManifestCheck:
    """Everything that is wrong with a manifest, row by row; every image and mask is opened.

    Raises
    ------
    InputError
        When the file cannot be read as a table, lacks a column or has no row.
    """
    rows = _rows(Path(path))
    faults = [Fault(row.line, sentence) for row in rows for sentence in row.faults]
    for row in rows:
        if row.record is not None:
            try:
                read_case(row.record)
            except InputError as error:
                faults.append(Fault(row.line, str(error)))
    faults += _faults_between([row for row in rows if row.record is not None])
    bad = {fault.line for fault in faults if fault.line}
    return ManifestCheck(len(rows), len(rows) - len(bad), tuple(sorted(faults, key=lambda fault: fault.line)))


def _rows(path: Path) -> list[_Row]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            found = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = found
            table = [(reader.line_num, row) for row in reader]
    except FileNotFoundError:
        raise InputError(f"There is no manifest {path}.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name} cannot be read as a table: {error}.") from error
    if absent := [column for column in REQUIRED if column not in found]:
        raise InputError(f"{path.name} lacks the column {', '.join(absent)}; it has {', '.join(found) or 'none'}.")
    if not table:
        raise InputError(f"{path.name} lists no case.")
    seen: dict[object, int] = {}
    return [_row(path.parent, line, {k: (v or "").strip() for k, v in row.items() if k}, seen) for line, row in table]


def _row(folder: Path, line: int, row: dict[str, str], seen: dict[object, int]) -> _Row:
    identifier = row.get("identifier") or Path(row["image"]).as_posix() or f"line {line}"
    masks = [folder / part.strip() for part in row["mask"].split(";") if part.strip()]
    faults: list[str] = []
    for column in REQUIRED:
        if not row[column]:
            faults.append(f"The {column} is missing.")
    faults += [
        f"There is no file {file.relative_to(folder) if file.is_relative_to(folder) else file}."
        for file in (*([folder / row["image"]] if row["image"] else []), *masks)
        if not file.is_file()
    ]
    label, spacing, partition = "", None, None
    for parse in ("label", "spacing", "partition"):
        try:
            if parse == "label" and row["label"]:
                label = label_of(row["label"])
            elif parse == "spacing":
                spacing = _spacing(row.get("spacing_row_mm", ""), row.get("spacing_col_mm", ""))
            elif parse == "partition" and row.get("partition"):
                partition = _partition(row["partition"])
        except InputError as error:
            faults.append(str(error))
    # The same image with other masks is another case (two masses), but only under a name of its own.
    for key, what in (((row["image"], row["mask"]), "image and mask"), (("identifier", identifier), "identifier")):
        if key in seen and not (what == "identifier" and faults and faults[-1].startswith("The same image and mask")):
            faults.append(f"The same {what} is in line {seen[key]} already.")
        seen.setdefault(key, line)
    if faults:
        return _Row(line, identifier, None, tuple(faults), bool(row.get("patient")))
    record = CaseRecord(
        identifier,
        folder / row["image"],
        masks[0],
        label,
        row.get("patient") or identifier,
        row.get("view", ""),
        partition,
        tuple(masks[1:]),
        spacing,
    )
    return _Row(line, identifier, record, (), bool(row.get("patient")))


def _spacing(row_text: str, column_text: str) -> Spacing | None:
    if not row_text and not column_text:
        return None
    try:
        row_mm, column_mm = float(row_text), float(column_text)
    except ValueError:
        raise InputError(
            f"The spacing {row_text or 'nothing'} x {column_text or 'nothing'} is not two numbers of millimetres."
        ) from None
    if not all(math.isfinite(size) and 0 < size <= LARGEST_PIXEL_MM for size in (row_mm, column_mm)):
        raise InputError(
            f"The spacing {row_text} x {column_text} is not millimetres per pixel: above 0 and at most "
            f"{LARGEST_PIXEL_MM:g} is expected."
        )
    return Spacing(row_mm, column_mm, Provenance.HEADER)


def _partition(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InputError(f"The partition {text!r} is not a whole number.") from None


def _faults_between(rows: Iterable[_Row]) -> list[Fault]:
    """Patients in both classes or in two partitions, and partitions that lack a class."""
    labels: dict[str, list[tuple[str, int]]] = defaultdict(list)
    partitions: dict[str, list[tuple[int | None, int]]] = defaultdict(list)
    classes: dict[int, set[str]] = defaultdict(set)
    for row in rows:
        assert row.record is not None
        labels[row.record.patient].append((row.record.label, row.line))
        partitions[row.record.patient].append((row.record.partition, row.line))
        if row.record.partition is not None:
            classes[row.record.partition].add(row.record.label)
    faults = []
    for patient, found in labels.items():
        if len({label for label, _ in found}) > 1:
            faults += [Fault(line, f"The patient {patient} is in both classes: {label} here.") for label, line in found]
    for patient, places in partitions.items():
        if len({number for number, _ in places}) > 1:
            faults += [
                Fault(line, f"The patient {patient} is in several partitions: {'none' if n is None else n} here.")
                for n, line in places
            ]
    known = {row.record.label for row in rows if row.record is not None}
    for label in ("malignant", "benign"):
        if label not in known:
            faults.append(Fault(0, f"No case of the manifest is {label}."))
            continue
        faults += [
            Fault(0, f"The partition {number} has no {label} case.")
            for number, there in sorted(classes.items())
            if label not in there
        ]
    return faults
