"""A CSV manifest: one row a case, for every data set that has no reader of its own."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PureWindowsPath

from ..core.errors import InputError, shown
from ..core.frame import Provenance, Spacing
from ..core.sizes import implausible
from .cases import read_case
from .duplicates import grouped
from .records import CaseRecord, DataSet, Skipped, label_of
from .tables import table_text

REQUIRED = ("image", "mask", "label")
OPTIONAL = (
    "patient",
    "view",
    "spacing_row_mm",
    "spacing_col_mm",
    "identifier",
    "partition",
    "frame",
    "segment",
    "flip",
)
_SEPARATORS = ((";", "semicolons"), ("\t", "tabs"), ("|", "bars"))
_SHOWN = 200
"""Characters of a name that a message shows."""
LARGEST_PIXEL_MM = 1.0
"""A breast probe images some 40 mm over hundreds of columns: pixels above this are a slip of the unit."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with a row; `line` is its number in the file, 0 for the manifest as a whole."""

    line: int
    sentence: str


@dataclass(frozen=True)
class ManifestCheck:
    """`rows` is the number of rows, `good` that of rows without a fault; every other row is in `faults`. Rows in
    `to_check` can be read and used, but hold what is hardly true."""

    rows: int
    good: int
    faults: tuple[Fault, ...]
    to_check: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class _Row:
    line: int
    identifier: str
    record: CaseRecord | None
    faults: tuple[str, ...]
    named_patient: bool = False


def read_manifest(path: Path, unlabelled: bool = False) -> DataSet:
    """List the cases of a manifest.

    Parameters
    ----------
    path : Path
        CSV with the columns ``image, mask, label`` and, optionally, ``patient, view, spacing_row_mm, spacing_col_mm,
        identifier, partition, frame, segment, flip``. Paths are relative to the manifest, and so are identifiers that
        are not given; several masks of one image are separated by ``;``, and so are several segments. `frame` is the
        number, from 1, of a loop's frame; `segment` the name or value that means mass in the mask; `flip` is ``rows``
        where the file's first row is the deepest. A given spacing has the provenance ``manifest``. Empty rows are no
        cases.
    unlabelled : bool
        Whether cases may lack a label, or the table that column: theirs is then empty.

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
    rows = _rows(path, unlabelled)
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
    to_check: list[Fault] = []
    for row in rows:
        if row.record is not None:
            try:
                case = read_case(row.record)
            except InputError as error:
                faults.append(Fault(row.line, str(error)))
                continue
            doubts = [implausible(case.frame), *(note for note in case.frame.warnings if _is_doubt(note))]
            to_check += [Fault(row.line, sentence) for sentence in doubts if sentence]
    faults += _faults_between([row for row in rows if row.record is not None])
    bad = {fault.line for fault in faults if fault.line}
    found = tuple(sorted(faults, key=lambda fault: fault.line))
    return ManifestCheck(len(rows), len(rows) - len(bad), found, tuple(to_check))


def _is_doubt(note: str) -> bool:
    """Whether a reader's note says that two pixel sizes contradict each other."""
    return any(words in note for words in ("contradicts itself", "disagrees with", "The file says"))


def _rows(path: Path, unlabelled: bool = False) -> list[_Row]:
    try:
        reader = csv.DictReader(io.StringIO(table_text(path), newline=""), skipinitialspace=True)
        found = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = found
        table, line = [], reader.line_num
        for row in reader:
            _refuse_swallowed_rows(path, line + 1, row, len(found))
            line = reader.line_num
            if any(_cells(row)):
                table.append((line, row))
    except FileNotFoundError:
        raise InputError(f"There is no manifest {path}.") from None
    except csv.Error as error:
        raise InputError(f"{path.name} cannot be read as a table: {error}.") from error
    if len(found) == 1 and (others := [name for mark, name in _SEPARATORS if mark in found[0]]):
        raise InputError(
            f"{path.name} cannot be read as a table: {others[0]} separate its columns. Save it with commas."
        )
    if twice := [name for name, times in Counter(found).items() if times > 1 and name in (*REQUIRED, *OPTIONAL)]:
        raise InputError(
            f"{path.name} has the column {', '.join(twice)} more than once: which one counts is not clear."
        )
    required = REQUIRED[:2] if unlabelled else REQUIRED
    if absent := [column for column in required if column not in found]:
        raise InputError(
            f"{path.name} lacks the column {', '.join(absent)}; it has {shown(', '.join(found), 300) or 'none'}."
        )
    if not table:
        raise InputError(f"{path.name} lists no case.")
    seen: dict[object, int] = {}
    clean = [(line, {"label": "", **{k: (v or "").strip() for k, v in row.items() if k}}) for line, row in table]
    names = _short_names(path.parent, [row["image"] for _, row in clean])
    return [_row(path.parent, line, row, names[row["image"]], seen, required) for line, row in clean]


def _refuse_swallowed_rows(path: Path, line: int, row: Mapping[str | None, object], columns: int) -> None:
    """A quotation mark too many makes one cell of all rows up to the next mark, and cases would be lost in silence.

    No path or label has several lines; a cell of another column may, but not with as many commas as a row.
    """
    for column, cell in row.items():
        for text in cell if isinstance(cell, list) else [cell]:
            lines = str(text or "").splitlines()
            if len(lines) > 1 and (
                column in (*REQUIRED, *OPTIONAL) or any(each.count(",") >= columns - 1 for each in lines[1:])
            ):
                raise InputError(
                    f"{path.name} cannot be read as a table: a quotation mark in line {line} opens a cell that goes on "
                    f"over {len(lines)} lines. Close it there, or take it away."
                )


def _is_file(file: Path) -> bool:
    """Whether there is such a file; a name that the system does not take is none."""
    try:
        return file.is_file()
    except (OSError, ValueError):
        return False


def _shown(file: Path, folder: Path) -> str:
    name = str(file.relative_to(folder)) if file.is_relative_to(folder) else file.name
    return name if len(name) <= _SHOWN else f"{name[:_SHOWN]}... ({len(name)} characters)"


def _cells(row: Mapping[str | None, object]) -> list[str]:
    """What stands in a row, without the cells that hold nothing."""
    flat = [each for cell in row.values() for each in (cell if isinstance(cell, list) else [cell])]
    return [str(each) for each in flat if each and str(each).strip()]


def _short_names(folder: Path, images: Sequence[str]) -> dict[str, str]:
    """Images' paths relative to the manifest. Of one that lies elsewhere by an absolute path, as much of its end as
    tells it from the others: folders of this computer may name a person."""
    names: dict[str, str] = {}
    outside: dict[str, tuple[str, ...]] = {}
    for image in images:
        path: PurePath = PureWindowsPath(image) if PureWindowsPath(image).drive else PurePath(image)
        if not path.is_absolute():
            names[image] = path.as_posix() if image else ""
        elif (whole := Path(image)).is_relative_to(folder.resolve()) or whole.is_relative_to(folder):
            names[image] = whole.relative_to(folder if whole.is_relative_to(folder) else folder.resolve()).as_posix()
        else:
            outside[image] = path.parts[1:]
    inside = set(names.values())
    for image, parts in outside.items():
        others = [*outside.values(), *(PurePath(name).parts for name in inside)]
        ends = Counter(other[-length:] for other in others for length in range(1, len(other) + 1))
        length = next((n for n in range(1, len(parts) + 1) if ends[parts[-n:]] == 1), len(parts))
        names[image] = "/".join(parts[-length:])
    return names


def _row(
    folder: Path, line: int, row: dict[str, str], short: str, seen: dict[object, int], required: Sequence[str]
) -> _Row:
    which = f" frame {row['frame']}" if row.get("frame") else ""
    identifier = row.get("identifier") or (short and short + which) or f"line {line}"
    masks = [folder / part.strip() for part in row["mask"].split(";") if part.strip()]
    faults: list[str] = []
    for column in required:
        if not row[column]:
            faults.append(f"The {column} is missing.")
    faults += [
        f"There is no file {_shown(file, folder)}."
        for file in (*([folder / row["image"]] if row["image"] else []), *masks)
        if not _is_file(file)
    ]
    label, spacing, partition, frame = "", None, None, None
    for parse in ("label", "spacing", "partition", "frame", "flip"):
        try:
            if parse == "label" and row["label"]:
                label = label_of(row["label"])
            elif parse == "spacing":
                spacing = _spacing(row.get("spacing_row_mm", ""), row.get("spacing_col_mm", ""))
            elif parse == "partition" and row.get("partition"):
                partition = _whole("partition", row["partition"])
            elif parse == "frame" and row.get("frame") and (frame := _whole("frame", row["frame"])) < 1:
                raise InputError(f"The frame {row['frame']} is not a number from 1 on.")
            elif parse == "flip" and row.get("flip", "").lower() not in ("", "rows"):
                raise InputError(f"The flip {row['flip']!r} is unknown: it is rows, or empty.")
        except InputError as error:
            faults.append(str(error))
    # The same image with other masks is another case (two masses), but only under a name of its own.
    pair = (row["image"], row["mask"], frame, row.get("segment", ""))
    keys = [(pair, "image and mask")] if row["image"] and row["mask"] else []
    for key, what in (*keys, (("identifier", identifier), "identifier")):
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
        None if frame is None else frame - 1,
        tuple(part.strip() for part in row.get("segment", "").split(";") if part.strip()),
        row.get("flip", "").lower() == "rows",
        facts=tuple((k, v) for k, v in row.items() if v and k not in (*REQUIRED, *OPTIONAL)),
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
    return Spacing(row_mm, column_mm, Provenance.MANIFEST)


def _whole(column: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InputError(f"The {column} {text!r} is not a whole number.") from None


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
