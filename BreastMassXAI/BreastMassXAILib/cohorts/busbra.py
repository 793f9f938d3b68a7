"""BUS-BRA in its authors' own layout."""

from __future__ import annotations

import csv
from pathlib import Path

from ..core.errors import InputError
from .records import CaseRecord, DataSet, Skipped, label_of

_BUSBRA_COLUMNS = ("ID", "Case", "Pathology", "Side")
_FACTS = ("Device", "Histology", "BIRADS")
_FOLD_COLUMNS = ("ID", "kFold")


def list_busbra(folder: Path) -> DataSet:
    """List the cases of BUS-BRA (Gomez-Flores et al., Med Phys 51:3110-3123, 2024) in the order of its table.

    Parameters
    ----------
    folder : Path
        Holds ``bus_data.csv``, ``Images/<ID>.png``, ``Masks/mask_<ID without "bus_">.png`` and, for the partitions,
        ``5-fold-cv.csv``.

    Returns
    -------
    DataSet
        Cases whose files are missing or whose pathology is unknown are `skipped`.

    Raises
    ------
    InputError
        When a table or a column is missing, or a partition is no number.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.")
    partitions = {}
    if (folder / "5-fold-cv.csv").exists():
        partitions = {row["ID"]: _fold(row) for row in _table(folder / "5-fold-cv.csv", _FOLD_COLUMNS)}
    records: list[CaseRecord] = []
    skipped: list[Skipped] = []
    for row in _table(folder / "bus_data.csv", _BUSBRA_COLUMNS):
        try:
            records.append(_record(folder, row, partitions))
        except InputError as error:
            skipped.append(Skipped(row["ID"], str(error)))
    return DataSet("BUS-BRA", tuple(records), tuple(skipped))


def read_busbra(folder: Path) -> list[CaseRecord]:
    """The cases of a BUS-BRA that is whole, as :func:`list_busbra` lists them.

    Raises
    ------
    InputError
        As there, and when a case has to be left out.
    """
    data = list_busbra(folder)
    if data.skipped:
        raise InputError(f"{len(data.skipped)} of BUS-BRA's cases cannot be used; the first: {data.skipped[0].reason}")
    return list(data.records)


def _record(folder: Path, row: dict[str, str], partitions: dict[str, int]) -> CaseRecord:
    identifier = row["ID"]
    try:
        label = label_of(row["Pathology"])
    except InputError as error:
        raise InputError(f"bus_data.csv gives {identifier} the pathology {row['Pathology']!r}: {error}") from None
    record = CaseRecord(
        identifier=identifier,
        image=folder / "Images" / f"{identifier}.png",
        mask=folder / "Masks" / f"mask_{identifier.removeprefix('bus_')}.png",
        label=label,
        patient=row["Case"],
        view=row["Side"],
        partition=partitions.get(identifier),
        facts=tuple((name, row[name]) for name in _FACTS if row.get(name)),
    )
    for path in (record.image, record.mask):
        if not path.is_file():
            raise InputError(f"The file {path.relative_to(folder).as_posix()} that bus_data.csv lists is missing.")
    return record


def _fold(row: dict[str, str]) -> int:
    try:
        return int(row["kFold"])
    except ValueError:
        raise InputError(f"5-fold-cv.csv gives {row['ID']} the partition {row['kFold']!r}: no number.") from None


def _table(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Rows of a csv file that has at least these columns, each filled in every row."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows, found = list(reader), reader.fieldnames or ()
    except FileNotFoundError:
        raise InputError(f"{path.name} is missing in {path.parent}.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name} cannot be read as a table: {error}.") from error
    if absent := [column for column in columns if column not in found]:
        raise InputError(f"{path.name} lacks the column {', '.join(absent)}.")
    for number, row in enumerate(rows, start=2):
        if not all(row[column] for column in columns):
            raise InputError(f"{path.name} has an incomplete row: line {number}.")
    return rows
