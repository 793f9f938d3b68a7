"""One door to all data sets: the layout is recognised by what is there."""

from __future__ import annotations

from pathlib import Path

from ..core.errors import InputError
from ..core.settling import SpacingAssumption
from .busbra import list_busbra, read_busbra
from .cases import Cases, read_case
from .class_folders import is_class_folder, read_class_folders
from .manifest import read_manifest
from .oasbud import read_oasbud
from .packs import SUFFIX, read_pack
from .records import CaseRecord, DataSet, Skipped, identity

__all__ = [
    "CaseRecord",
    "Cases",
    "DataSet",
    "Skipped",
    "SpacingAssumption",
    "identity",
    "read_busbra",
    "read_case",
    "read_dataset",
]


def read_dataset(path: Path, unlabelled: bool = False) -> DataSet:
    """List the cases of a data set in any layout that is known.

    Parameters
    ----------
    path : Path
        BUS-BRA's folder; a folder with ``benign`` and ``malignant`` in it (BUSI); OASBUD's ``.mat`` file; a CSV
        manifest, or a folder that holds one as ``manifest.csv``; a pack.
    unlabelled : bool
        Whether a manifest's cases may lack labels: theirs is then empty.

    Raises
    ------
    InputError
        When nothing of the kind is there, or the layout's own table cannot be read.
    OutputError
        When OASBUD's frames cannot be unpacked beside its file.
    """
    path = Path(path)
    if path.is_dir():
        if (path / "bus_data.csv").is_file():
            return list_busbra(path)
        if (path / "manifest.csv").is_file():
            return read_manifest(path / "manifest.csv", unlabelled)
        if is_class_folder(path):
            return read_class_folders(path)
        raise InputError(
            f"{path} is no data set that is known: a folder holds bus_data.csv (BUS-BRA), manifest.csv, or the folders "
            "benign and malignant."
        )
    if not path.exists():
        raise InputError(f"There is no data set {path}.")
    if path.suffix.lower() == SUFFIX:
        return read_pack(path)
    if path.suffix.lower() == ".mat":
        return read_oasbud(path)
    if path.suffix.lower() == ".csv":
        return read_manifest(path, unlabelled)
    raise InputError(
        f"{path.name} is no data set that is known: give a CSV manifest, OASBUD's .mat file, a pack or a folder."
    )
