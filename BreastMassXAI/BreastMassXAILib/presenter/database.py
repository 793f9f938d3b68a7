"""Frames that Slicer's DICOM module loaded, read from the files themselves: regions, scan area, millimetres.

A volume node tells its pixels and their size, but not which part of them is tissue or where its size comes from. The
node names the DICOM instance that it was loaded from; Slicer's database knows the file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import slicer

from ..core.cine import Cine
from ..core.errors import BreastMassXAIError, MissingPackageError
from ..core.frame import Frame
from ..core.regions import mask_box
from ..readers.cines import open_cine
from ..readers.dicom import regions_of
from ..scene.belonging import browser_of

INSTANCE_ATTRIBUTE = "DICOM.instanceUIDs"
FileOf = Callable[[str], Path | None]
"""The file of a DICOM instance by its UID; None where it cannot be found."""
_SAME_GREY = 2.0
"""Up to which difference pixels count as the file's: decoders of lossy compression round differently."""
_SAME_SHARE = 0.75
"""The share of such pixels from which on an image is the file's, with something painted over."""
_SAME_IMAGE = 0.99
"""The correlation of greys from which on an image is the file's, in another range of greys."""


def database_file(uid: str) -> Path | None:
    """The file of an instance in Slicer's DICOM database; None where there is no database, or no such file."""
    database = getattr(slicer, "dicomDatabase", None)
    if database is None or not database.isOpen:
        return None
    path = database.fileForInstance(uid)
    return Path(path) if path and Path(path).is_file() else None


class FileFrame:
    """The file behind a frame that came through the DICOM module; see :meth:`of`."""

    def __init__(self, path: Path, index: int, shown: Frame, choice: bool) -> None:
        self._path = path
        self._index = index
        self._shown = shown
        self._choice = choice
        self._read: tuple[tuple[slice, slice] | None, Frame] | None = None

    @classmethod
    def of(cls, volume_node, shown: Frame, file_of: FileOf) -> FileFrame | None:
        """The file that a node was loaded from.

        Parameters
        ----------
        volume_node : vtkMRMLVolumeNode
            May be the node that shows a sequence's frames.
        shown : Frame
            What the node shows (:func:`~..scene.inputs.frame_of`).
        file_of : FileOf

        Returns
        -------
        FileFrame or None
            None where the node names no instance, its file is not found, or holds another image.

        Raises
        ------
        BreastMassXAIError
            When the file cannot be read.
        """
        uid, item, count = _instance(volume_node)
        path = file_of(uid) if uid else None
        if path is None:
            return None
        cine = open_cine(path)
        index = item if len(cine) > 1 else 0
        if len(cine) not in (1, count) or not 0 <= index < len(cine):
            return None
        found = cine.read(index)
        if not _same_image(found.pixels, shown.pixels):
            return None
        usable = sum(region.size_mm is not None for region in regions_of(path))
        file = cls(path, index, shown, choice=usable > 1)
        file._read = None, file._with_shown_pixels(found)
        return file

    def frame(self, mass: np.ndarray | None) -> Frame:
        """The frame as the command line reads it from the file; of several calibrated regions, the mass chooses.

        Where the node shows other pixels than the file, these are kept, and the frame has no file's name.

        Raises
        ------
        BreastMassXAIError
            When the file has become unreadable.
        """
        box = mask_box(mass) if self._choice and mass is not None and mass.any() else None
        if self._read is None or self._read[0] != box:
            found = open_cine(self._path, box).read(self._index)
            self._read = box, self._with_shown_pixels(found)
        return self._read[1]

    def cine(self, mass: np.ndarray) -> Cine:
        """All frames of the file, in any thread.

        Raises
        ------
        BreastMassXAIError
            When the file has become unreadable.
        """
        return open_cine(self._path, mask_box(mass))

    @property
    def untouched(self) -> bool:
        """Whether the node shows the very pixels of the file."""
        return self._read is not None and self._read[1].source is not None

    def _with_shown_pixels(self, found: Frame) -> Frame:
        if np.abs(found.pixels - self._shown.pixels).max() <= _SAME_GREY:
            return found
        return replace(found, pixels=self._shown.pixels, source=None)


def file_frame(volume_node, shown: Frame, file_of: FileOf) -> tuple[FileFrame | None, Frame]:
    """The file behind a node where there is one, and the frame, which says so where the file cannot be read."""
    try:
        return FileFrame.of(volume_node, shown, file_of), shown
    except MissingPackageError as error:
        return None, _with_note(shown, str(error))
    except BreastMassXAIError as error:
        return None, _with_note(shown, f"Its file in the DICOM database says nothing of it: {error}")


def _with_note(frame: Frame, note: str) -> Frame:
    return replace(frame, warnings=(*frame.warnings, note))


def _instance(volume_node) -> tuple[str, int, int]:
    """UID of the instance that a node shows, number of the frame in it, and how many frames it is shown with."""
    uids = (volume_node.GetAttribute(INSTANCE_ATTRIBUTE) or "").split()
    item, count = 0, 1
    browser = browser_of(volume_node)
    if browser is not None and browser.GetProxyNode(browser.GetMasterSequenceNode()) is volume_node:
        sequence = browser.GetMasterSequenceNode()
        item, count = browser.GetSelectedItemNumber(), sequence.GetNumberOfDataNodes()
        if 0 <= item < count:  # an instance may be a frame
            data = sequence.GetNthDataNode(item)
            uids = (data.GetAttribute(INSTANCE_ATTRIBUTE) or "").split() or uids
    return uids[0] if len(uids) == 1 else "", item, count


def _same_image(one: np.ndarray, other: np.ndarray) -> bool:
    if one.shape != other.shape:
        return False
    if (np.abs(one - other) <= _SAME_GREY).mean() >= _SAME_SHARE:
        return True
    return bool(np.corrcoef(one.ravel(), other.ravel())[0, 1] >= _SAME_IMAGE)
