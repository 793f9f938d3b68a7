"""What a data set lists: cases that are not read yet, and what was left out with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.cohort import Skipped
from ..core.errors import InputError
from ..core.frame import Spacing

SPELLINGS = {
    "malignant": ("malignant", "malign", "m", "1", "cancer", "carcinoma", "positive", "true", "yes"),
    "benign": ("benign", "b", "0", "non-malignant", "no cancer", "negative", "false", "no"),
}
"""How tables spell the two labels; capitals and spaces around a word do not matter."""

_LABELS = {spelling: label for label, spellings in SPELLINGS.items() for spelling in spellings}


@dataclass(frozen=True)
class CaseRecord:
    """Where a case of a data set lies and what is known of it; nothing is read yet.

    Parameters
    ----------
    identifier : str
    image, mask : Path
    label : {"malignant", "benign"}
    patient : str
        Cases of one patient (or of one group of duplicates) must stay together when a cohort is split.
    view : str
    partition : int, optional
        The authors' own partition, counted from 1.
    more_masks : tuple of Path
        Further masks of the same image; the union is the mass.
    spacing : Spacing, optional
        What the data set says of the pixel size; it goes before what the image file says.
    frame : int, optional
        Which frame of a loop or slice of a volume, counted from 0.
    segments : tuple of str
        Names or values that mean mass in the masks.
    flip_rows : bool
        Whether the file's first row is the deepest.
    facts : tuple of (column, value)
        What else the data set's table says: device, hospital, BI-RADS, ...
    pack : Path, optional
        The pack that holds `image` and `mask` under these names.
    """

    identifier: str
    image: Path
    mask: Path
    label: str
    patient: str
    view: str
    partition: int | None = None
    more_masks: tuple[Path, ...] = ()
    spacing: Spacing | None = None
    frame: int | None = None
    segments: tuple[str, ...] = ()
    flip_rows: bool = False
    facts: tuple[tuple[str, str], ...] = ()
    pack: Path | None = None

    def fact(self, column: str) -> str | None:
        """What the data set's table says of this case in a column, however its name is capitalised; None: nothing."""
        return next((value for name, value in self.facts if name.lower() == column.strip().lower()), None)


@dataclass(frozen=True)
class DataSet:
    """The cases of a data set: usable ones, those left out, and what concerns the whole.

    ``len(records) + len(skipped)`` is the number of cases that the data set lists.
    """

    name: str
    records: tuple[CaseRecord, ...]
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()


def label_of(text: str) -> str:
    """``malignant`` or ``benign``, however it is spelled.

    Raises
    ------
    InputError
        When the spelling is not in :data:`SPELLINGS`; the sentence names the accepted ones.
    """
    word = text.strip().lower()
    try:
        return _LABELS[word]
    except KeyError:
        known = "; ".join(f"{label}: {', '.join(spellings)}" for label, spellings in SPELLINGS.items())
        raise InputError(f"The label {text.strip()!r} is unknown. Accepted are {known}.") from None


def identity(record: CaseRecord) -> dict[str, Any]:
    """The columns by which a case is known."""
    return {
        "identifier": record.identifier,
        "patient": record.patient,
        "view": record.view,
        "label": record.label,
        "partition": record.partition,
    }
