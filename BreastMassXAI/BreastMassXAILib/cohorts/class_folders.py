"""A folder per class with the masks beside the images, as in BUSI (Al-Dhabyani et al., Data Brief 28:104863, 2020)."""

from __future__ import annotations

import re
from pathlib import Path

from ..core.errors import InputError
from .duplicates import grouped
from .records import CaseRecord, DataSet, Skipped, label_of

_MASK = re.compile(r"(?P<image>.+?)_mask(_\d+)?$", re.IGNORECASE)
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
_NO_MASS = ("normal",)


def is_class_folder(folder: Path) -> bool:
    """Whether a folder holds a folder for each class."""
    return {"benign", "malignant"} <= {_label(entry) for entry in folder.iterdir() if entry.is_dir()}


def read_class_folders(folder: Path) -> DataSet:
    """List the cases of ``<class>/<name>.png`` with ``<name>_mask.png``, ``<name>_mask_1.png`` and so on.

    Several masks of one image are one mass. Duplicates are found and share a `patient` (see :mod:`.duplicates`), as no
    patient is known. Images of the class ``normal`` have no mass and are left out.

    Raises
    ------
    InputError
        When a class is missing, or a folder's name is no label that is known.
    """
    folder = Path(folder)
    records: list[CaseRecord] = []
    skipped: list[Skipped] = []
    for place in sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")):
        files = sorted((file for file in place.iterdir() if file.suffix.lower() in _PICTURES), key=_natural)
        masks: dict[str, list[Path]] = {}
        for file in files:
            if name := _MASK.match(file.stem):
                masks.setdefault(name["image"], []).append(file)
        label = _label(place)
        images = [file for file in files if not _MASK.match(file.stem)]
        if not label and images and place.name.lower() not in _NO_MASS:
            label_of(place.name)  # says which names are known
        for image in images:
            identifier = f"{place.name}/{image.stem}"
            if not label:
                skipped.append(Skipped(identifier, "The image is of the class normal: it shows no mass."))
            elif image.stem not in masks:
                skipped.append(Skipped(identifier, f"The mask {image.stem}_mask{image.suffix} is missing."))
            else:
                first, *more = masks[image.stem]
                records.append(CaseRecord(identifier, image, first, label, identifier, "", None, tuple(more)))
        alone = sorted(set(masks) - {image.stem for image in images})
        skipped += [Skipped(f"{place.name}/{name}", "There is a mask but no image of that name.") for name in alone]
    if {record.label for record in records} != {"benign", "malignant"}:
        raise InputError(f"{folder.name} needs images with masks in both a benign and a malignant folder.")
    found = grouped(records)
    return DataSet(folder.name, found.records, (*skipped, *found.skipped), found.notes)


def _label(place: Path) -> str:
    """The label that a folder's name stands for, or nothing."""
    try:
        return label_of(place.name)
    except InputError:
        return ""


def _natural(file: Path) -> list[object]:
    """Sorts 'benign (2)' before 'benign (10)'."""
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.split(r"(\d+)", file.stem)]
