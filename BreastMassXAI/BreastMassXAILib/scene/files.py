"""Scenes as files, such that the same scene gives the same bytes."""

from __future__ import annotations

import contextlib
import re
import tempfile
import zipfile
from pathlib import Path

from ..core.errors import OutputError

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip archive can hold


def write_scene(scene, path: Path) -> None:
    """Write a scene as a scene bundle (.mrb), without path or date: the same scene gives the same bytes.

    Raises
    ------
    OutputError
        When it cannot be written; nothing half-written is left.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        with tempfile.TemporaryDirectory() as folder:
            bundle = Path(folder).resolve() / path.stem
            bundle.mkdir()
            if not scene.SaveSceneToSlicerDataBundleDirectory(str(bundle)):
                raise OutputError(f"The scene could not be saved as '{path.name}'.")
            _pack(bundle, part)
        part.replace(path)
    except OSError as error:
        raise OutputError(f"The scene '{path.name}' could not be written: {error.strerror or error}.") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def _pack(bundle: Path, path: Path) -> None:
    """Pack a bundle's folder into a file; the bundles in it, which hold sequences, are packed again alike."""
    for nested in sorted(bundle.rglob("*.mrb")):
        with tempfile.TemporaryDirectory() as folder:
            with zipfile.ZipFile(nested) as archive:
                archive.extractall(folder)
            (inner,) = Path(folder).iterdir()
            _pack(inner, nested)
    for file in bundle.glob("*.mrml"):
        text = _well_formed(_renumber_items(file.read_text(encoding="utf-8")))
        # What saves a sequence has a name that counts the savings of this process.
        file.write_text(re.sub(r' name="Sequence_\d+"', ' name="Sequence"', text), encoding="utf-8")
    _zip(bundle, path)


def _renumber_items(mrml: str) -> str:
    """Number the data tree's items through the file, as Slicer's numbers run on through the process."""
    numbers = {"0": 0}  # the root's parent

    def number(match: re.Match[str]) -> str:
        return f' {match[1]}="{numbers.setdefault(match[2], len(numbers))}"'

    return re.sub("<SubjectHierarchyItem [^>]*>", lambda tag: re.sub(r' (id|parent)="(\d+)"', number, tag[0]), mrml)


def _well_formed(mrml: str) -> str:
    """Slicer escapes node names, but leaves a bare ampersand in the file names that it makes of them."""
    return re.sub(r"&(?!(?:amp|lt|gt|quot|apos|#x?[0-9a-fA-F]+);)", "&amp;", mrml)


def _zip(folder: Path, path: Path) -> None:
    """Pack a folder, itself included; the order and the date of its files do not depend on the disk."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(folder.parent).as_posix(), _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes())
