"""What all readers share: what a file is, who it is, how big it may be, and how its faults are told."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path

import numpy as np

from ..core.errors import BreastMassXAIError, InputError
from ..core.frame import MAX_PIXELS, MM_PER_PIXEL, Provenance, Source, Spacing
from ..core.leftovers import removed, temporary_folder, undone
from ..core.writing import as_text
from .causes import cause, other_kind

READABLE = "PNG, JPEG, BMP, TIFF, NRRD, MHA/MHD, NIfTI and DICOM"

_PICTURE_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_GZIP = b"\x1f\x8b"
_DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
_VOLUME_SUFFIXES = (".nrrd", ".nhdr", ".mha", ".mhd", ".nii", ".nii.gz")


class Kind(Enum):
    """The families of formats, by the library that reads them."""

    PICTURE = "picture"
    VOLUME = "volume"
    DICOM = "DICOM"


def identify(path: Path) -> Kind:
    """What a file is: by its first bytes where they tell, else by its suffix.

    Raises
    ------
    InputError
        When there is no such file, it is a folder, is empty, may not be read, or is nothing that can be read here.
    """
    head = _head(path)
    name = path.name.lower()
    # A DICOM preamble may itself look like a TIFF file, so DICOM is asked first.
    if head[128:132] == b"DICM":
        return Kind.DICOM
    if head.startswith(b"NRRD"):
        return Kind.VOLUME
    if head.startswith(_PICTURE_STARTS) and not name.endswith(_VOLUME_SUFFIXES):
        return Kind.PICTURE
    if (kind := other_kind(head)) and not (head.startswith(_GZIP) and name.endswith(_VOLUME_SUFFIXES)):
        raise InputError(f"{path.name} is {kind}; read here are {READABLE}.")
    if name.endswith(_VOLUME_SUFFIXES):
        return Kind.VOLUME
    if head.startswith(_PICTURE_STARTS):
        return Kind.PICTURE
    if name.endswith(_DICOM_SUFFIXES):
        return Kind.DICOM
    raise InputError(f"{path.name} is damaged or no image of a kind that can be read here: {READABLE}.")


def source_of(path: Path, detached: np.ndarray | None = None) -> Source:
    """Name and SHA-256 of a file's bytes.

    `detached` are the decoded pixels of a header whose data lie in another file (MHD, NHDR): their bytes are hashed
    after the header's, which alone would not tell two images apart.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    if detached is not None and path.suffix.lower() in (".mhd", ".nhdr"):
        digest.update(np.ascontiguousarray(detached).data)
    return Source(as_text(path.name), digest.hexdigest())


def refuse_huge(name: str, columns: int, rows: int) -> None:
    """Refuse an image by the size in its header, before memory is taken for its pixels."""
    if columns * rows > MAX_PIXELS:
        raise InputError(
            f"{name} is too large: {columns} x {rows} pixels (columns x rows), where at most "
            f"{MAX_PIXELS // 1_000_000} million pixels can be read."
        )


def header_spacing(row_mm: float, column_mm: float, provenance: Provenance) -> tuple[Spacing, tuple[str, ...]]:
    """The spacing that a header states, unless it states nothing.

    Exactly 1 x 1 mm is what every program writes that does not know the size (a PNG saved again as NRRD, for
    instance) and is 10 times what a breast probe images, so it counts as unknown; a user who means it can say so.
    """
    sizes = (row_mm, column_mm)
    if not all(MM_PER_PIXEL[0] <= size <= MM_PER_PIXEL[1] for size in sizes):
        return Spacing.unknown(), (f"The header's pixel size {sizes} is not a size: the spacing is taken as unknown.",)
    if sizes == (1.0, 1.0):
        return Spacing.unknown(), (
            "The header gives pixels of exactly 1 x 1 mm, which programs write when they do not know the size: "
            "the spacing is taken as unknown.",
        )
    return Spacing(row_mm, column_mm, provenance), ()


@contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Everything that a library throws or prints over a bad file becomes one sentence.

    The decoders of damaged files raise nearly anything (OSError, SyntaxError, struct.error, RuntimeError ...), so the
    net is wide here and nowhere else.
    """
    try:
        with quiet():
            yield
    except BreastMassXAIError:
        raise
    except Exception as error:
        found = cause(path, error)
        raise InputError(f"{path.name} {found or f'cannot be read as {what}: it is damaged or incomplete.'}") from error


@contextmanager
def plainly_named(path: Path) -> Iterator[Path]:
    """The file, or a copy with a plain name where its own is no text (bytes of another encoding), for libraries that
    take nothing else.

    Raises
    ------
    InputError
        When the name is no text and the copy cannot be made.
    """
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        if path.suffix.lower() in (".mhd", ".nhdr"):  # names other files
            raise InputError(f"The name of {as_text(path.name)} or of its folder is no text: rename it.") from None
        with temporary_folder() as folder:
            suffix = "".join(each for each in path.suffixes[-2:] if each.isascii())
            plain = folder / f"copy{suffix}"
            shutil.copyfile(path, plain)
            yield plain
    else:
        yield path


class _Silence:
    """Standard error led away while anyone wants it so; threads that read at once share one silence."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted = 0
        self._kept: int | None = None

    def begin(self) -> None:
        with self._lock:
            self._wanted += 1
            if self._wanted > 1:
                return
            try:
                self._kept = os.dup(2)
            except OSError:  # an application without stderr
                self._kept = None
                return
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)

    def end(self) -> None:
        with self._lock:
            self._wanted -= 1
            if self._wanted or self._kept is None:
                return
            os.dup2(self._kept, 2)
            os.close(self._kept)
            self._kept = None

    def speak(self) -> None:
        """Whoever stops us may have something to say."""
        if self._kept is not None:
            os.dup2(self._kept, 2)


_SILENCE = _Silence()


@contextmanager
def quiet() -> Iterator[None]:
    """No chatter: Python's warnings are off, and what C libraries (MetaIO, nifti) print on stderr goes nowhere."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _SILENCE.begin()
        try:
            with undone(_SILENCE.speak):
                yield
        finally:
            _SILENCE.end()


def write_beside(path: Path, data: bytes) -> None:
    """Write a whole file or nothing: beside it first, then by renaming. Lets OSError through."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    with removed(beside):
        try:
            beside.write_bytes(data)
            beside.replace(path)
        finally:
            with suppress(OSError):
                beside.unlink(missing_ok=True)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            head = file.read(132)
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.") from None
    except PermissionError:
        if path.is_dir():  # what Windows says of a folder
            raise InputError(f"{path} is a folder, not an image file.") from None
        raise InputError(f"{path} may not be read: you have no permission.") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder, not an image file.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be opened: {error.strerror or error}.") from error
    if not head:
        raise InputError(f"{path.name} is empty: it has no bytes.")
    return head
