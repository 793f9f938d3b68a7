"""Why a file could not be read, in a sentence: what it is instead, or what it lacks, where that can be told."""

from __future__ import annotations

import errno
import gzip
import re
import struct
from pathlib import Path

import numpy as np

from ..core.errors import shown
from ..core.leftovers import full_temporary_folder
from ..core.writing import as_text

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_MEMORY = re.compile(r"bad_alloc|allocat\w* .*memory|out of memory|memory alloc|cannot allocate", re.IGNORECASE)
_NRRD_ENCODINGS = ("raw", "txt", "text", "ascii", "hex", "gz", "gzip")
SHEARED = (
    "shears its image: its axes are not at right angles, so a distance in millimetres cannot be measured along them: "
    "resample it, or save it without the transform."
)
_RIGHT_ANGLES = 1e-3
"""How far axes may be from right angles (cosine)."""

_OTHERS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x1f\x8b", "compressed with gzip"),
    (0, b"BZh", "compressed with bzip2"),
    (0, b"\xfd7zXZ", "compressed with xz"),
    (0, b"(\xb5/\xfd", "compressed with Zstandard"),
    (0, b"PK\x03\x04", "a zip archive (or a Slicer scene, a spreadsheet, a document)"),
    (0, b"7z\xbc\xaf", "a 7z archive"),
    (0, b"Rar!", "a rar archive"),
    (0, b"%PDF", "a PDF document"),
    (0, b"<!DOCTYPE", "a web page"),
    (0, b"<html", "a web page"),
    (0, b"<?xml", "an XML file"),
    (0, b"version https://git-lfs", "a Git LFS pointer, which stands for a file that was not downloaded"),
    (0, b"GIF8", "a GIF picture"),
    (8, b"WEBP", "a WebP picture"),
    (8, b"AVI ", "an AVI video"),
    (4, b"ftyphei", "a HEIC picture"),
    (4, b"ftypavif", "an AVIF picture"),
    (4, b"ftyp", "a video (MP4 or QuickTime)"),
    (0, b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (4, b"jP  \r\n", "a JPEG 2000 picture"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 stream"),
    (0, b"\x89HDF", "an HDF5 file"),
    (0, b"MATLAB", "a MATLAB file"),
    (0, b"\x93NUMPY", "a NumPy array"),
)


def other_kind(head: bytes) -> str:
    """What a file is by its first bytes, where that is none of the kinds that can be read here; else empty."""
    for at, start, name in _OTHERS:
        if head.startswith(start, at) or (start[:1] == b"<" and head[: len(start)].lower() == start.lower()):
            return name
    return ""


def cause(path: Path, error: BaseException) -> str:
    """The true cause of a failure, as the end of a sentence that begins with the file's name; empty if none is seen.

    Never raises.
    """
    if isinstance(error, MemoryError) or _MEMORY.search(str(error)):
        return "does not fit into this computer's memory."
    if isinstance(error, OSError) and error.errno in _FULL:
        return f"cannot be read, because {full_temporary_folder() or 'the disk is full'}."
    if isinstance(error, OSError) and error.errno and error.errno != errno.EINVAL:
        return f"cannot be read: {error.strerror}."
    try:
        return _of_content(path)
    except Exception:  # the file may be damaged in any way, which is then all there is to say
        return ""


def _of_content(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(1 << 16)
    name = path.name.lower()
    if name.endswith(".nii.gz") and data[:2] == b"\x1f\x8b":
        with gzip.open(path) as stream:
            return _of_nifti(stream.read(540))
    if name.endswith(".nii") and data[:2] == b"\x1f\x8b":
        return "is compressed with gzip, which its name does not say: call it .nii.gz."
    if data.startswith(b"NRRD"):
        return _of_nrrd(path, data)
    if name.endswith((".mhd", ".mha")):
        return _of_meta(path, data)
    if name.endswith(".nii") and (found := _of_nifti(data)):
        return found
    kind = other_kind(data)
    return f"is {kind}, not what its name says." if kind else ""


def _of_nifti(head: bytes) -> str:
    for order in "<>":
        (size,) = struct.unpack_from(f"{order}i", head)
        if size == 540:
            return "is a NIfTI-2 file, which cannot be read here: save it as NIfTI-1 or NRRD."
        if size != 348:
            continue
        if head[344:347] == b"ni1":
            return "is one half of a NIfTI pair (.hdr and .img): save it as a single .nii file."
        (form,) = struct.unpack_from(f"{order}h", head, 254)
        axes = np.array(struct.unpack_from(f"{order}12f", head, 280)).reshape(3, 4)[:, :3]
        if form > 0 and is_sheared(axes):
            return SHEARED
    return ""


def is_sheared(axes: np.ndarray) -> bool:
    """Whether axes, the columns of a matrix, are not at right angles."""
    with np.errstate(all="ignore"):  # a damaged header's numbers may be beyond what can be squared
        lengths = np.linalg.norm(axes, axis=0)
    if not np.isfinite(lengths).all() or not (lengths > 0).all():
        return False
    products = (axes / lengths).T @ (axes / lengths)
    return bool(np.abs(products - np.eye(len(products))).max() > _RIGHT_ANGLES)


def _of_nrrd(path: Path, data: bytes) -> str:
    header = re.split(rb"\r?\n\r?\n", data, maxsplit=1)[0].decode("latin-1")
    fields = {
        key.strip().lower(): value.strip()
        for key, found, value in (line.partition(":") for line in header.splitlines())
        if found and not value.startswith("=")
    }
    encoding = fields.get("encoding", "raw").lower()
    if encoding not in _NRRD_ENCODINGS:
        named = shown(encoding, 20)
        return f"is an NRRD with the encoding {named}, which cannot be read here: save it with gzip or raw."
    detached = fields.get("data file") or fields.get("datafile") or ""
    if detached and "list" not in detached.lower() and "%" not in detached:
        return _lacking(path, detached)
    vectors = re.findall(r"\(([^)]*)\)", fields.get("space directions", ""))
    axes = np.array([[float(number) for number in vector.split(",")] for vector in vectors]).T
    if axes.ndim == 2 and axes.shape[0] == axes.shape[1] and is_sheared(axes):
        return SHEARED
    return ""


def _of_meta(path: Path, data: bytes) -> str:
    found = re.search(rb"^\s*ElementDataFile\s*[:=][ \t]*([^\r\n]*)", data, flags=re.MULTILINE | re.IGNORECASE)
    name = found.group(1).strip().decode("utf-8", "surrogateescape") if found else ""
    if not name or name.upper().split()[0] in ("LOCAL", "LIST") or "%" in name:
        return ""
    return _lacking(path, name)


def _lacking(path: Path, name: str) -> str:
    """A header whose pixels lie in another file that is not there."""
    if (path.parent / name).exists():
        return ""
    own = as_text(re.split(r"[\\/]", name)[-1])
    return f"is a header whose pixels lie in {shown(own)}, which is missing."
