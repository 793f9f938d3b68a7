"""What the headers of NRRD and MetaImage say that ITK does not hand on, or must not be asked before it is checked."""

from __future__ import annotations

import math
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.errors import InputError, shown

HEADER_LIMIT = 1 << 20
_SIZE_FIELDS = {"NrrdImageIO": (b"dimension", b"sizes"), "MetaImageIO": (b"NDims", b"DimSize")}
_META_SIZES = ("elementspacing", "elementsize")
_META_BYTES = {"CHAR": 1, "UCHAR": 1, "SHORT": 2, "USHORT": 2, "INT": 4, "UINT": 4, "LONG": 4, "ULONG": 4}
_META_BYTES |= {"FLOAT": 4, "DOUBLE": 8, "LONG_LONG": 8, "ULONG_LONG": 8}
_NRRD_BYTES = {"char": 1, "uchar": 1, "int8": 1, "uint8": 1, "short": 2, "ushort": 2, "int16": 2, "uint16": 2, "int": 4}
_NRRD_BYTES |= {"uint": 4, "int32": 4, "uint32": 4, "float": 4, "double": 8, "int64": 8, "uint64": 8, "longlong": 8}
_PER_AXIS = ("sizes", "kinds", "thicknesses", "spacings", "axis mins", "axismins", "axis maxs", "axismaxs")
_PER_AXIS_TOO = ("centers", "centerings", "labels", "units", "space directions")
_SEGMENT = re.compile(r"^(Segment\d+_|Segmentation_)", re.MULTILINE)


def check_sizes(path: Path, image_io: str) -> None:
    """The sizes in a header of text must be whole numbers, as many as it says.

    The libraries read "1e308" as 1, and MetaIO reaches beyond its memory where the two fields disagree.

    Raises
    ------
    InputError
    """
    if image_io in _SIZE_FIELDS:
        _extent(path, image_io, _start(path))


def check_data(path: Path, image_io: str) -> None:
    """All the pixels that a header of text promises must be there.

    MetaIO shows what lay in memory where a list of files is too short.

    Raises
    ------
    InputError
    """
    if image_io not in _SIZE_FIELDS:
        return
    header = _start(path)
    extent = _extent(path, image_io, header)
    if image_io == "MetaImageIO":
        _check_meta_data(path, header, extent)
    else:
        _check_nrrd_data(path, header, extent)


def _extent(path: Path, image_io: str, header: bytes) -> list[int]:
    dimension, sizes = _SIZE_FIELDS[image_io]
    found = re.findall(
        rb"^\s*(%b|%b)\s*[:=]([^\r\n]*)" % (dimension, sizes), header, flags=re.MULTILINE | re.IGNORECASE
    )
    values = [(name.lower(), text.split()) for name, text in found]
    counts = [text for name, text in values if name == dimension.lower()]
    extents = [text for name, text in values if name == sizes.lower()]
    whole = all(number.isdigit() for _, text in values for number in text)
    if len(counts) != 1 or len(extents) != 1 or not whole or [b"%d" % len(extents[0])] != counts[0]:
        raise InputError(f"{path.name} is damaged: its header does not state its size in whole numbers.")
    return [int(number) for number in extents[0]]


@dataclass(frozen=True)
class _Meta:
    """Of a MetaImage's header what says where its pixels are."""

    fields: dict[str, str]
    data: str
    after: int

    @classmethod
    def of(cls, header: bytes) -> _Meta:
        found = re.search(rb"^\s*ElementDataFile\s*[:=][ \t]*([^\r\n]*)\r?\n?", header, re.MULTILINE | re.IGNORECASE)
        text = header[: found.start() if found else len(header)].decode("latin-1")
        pairs = re.findall(r"^\s*(\w+)\s*[:=][ \t]*([^\r\n]*)", text, re.MULTILINE)
        data = found.group(1).strip().decode("utf-8", "replace") if found else ""
        return cls({name.lower(): value.strip() for name, value in pairs}, data, found.end() if found else len(header))


def _check_meta_data(path: Path, header: bytes, extent: list[int]) -> None:
    """Every file that holds pixels must be there and long enough, and a list must have as many as there are slices."""
    meta = _Meta.of(header)
    size = _META_BYTES.get(meta.fields.get("elementtype", "").upper().removeprefix("MET_"))
    channels = meta.fields.get("elementnumberofchannels", "1")
    if size is None or not channels.isdigit():
        return  # ITK says what is wrong
    size *= int(channels)
    compressed = meta.fields.get("compresseddata", "").lower().startswith("t")
    kind, *more = meta.data.split() or [""]
    if kind.upper() == "LIST":
        each = int(more[0][0]) if more and more[0][:1].isdigit() else len(extent) - 1
        lines = header[meta.after :].decode("utf-8", "replace").splitlines()
        names = [line.strip() for line in lines if line.strip()]
    elif "%" in meta.data:
        each = len(extent) - 1
        names = _numbered(path, meta.data)
    else:
        each, names = len(extent), [] if meta.data.upper() == "LOCAL" else [meta.data]
    if names or kind.upper() == "LIST" or "%" in meta.data:
        wanted = math.prod(extent[each:])
        if len(names) != wanted or not 0 < each <= len(extent):
            raise InputError(
                f"{path.name} is incomplete: its header names {len(names)} files of pixels, where its size asks for "
                f"{wanted}."
            )
    if compressed:
        return
    needed = math.prod(extent[:each]) * size
    skipped = meta.fields.get("headersize", "0")
    needed += int(skipped) if skipped.isdigit() else 0
    if not names:
        if path.stat().st_size - meta.after < needed:
            raise InputError(f"{path.name} is incomplete: it ends before its last pixel.")
        return
    for name in names:
        file = path.parent / name
        if not file.is_file():
            raise InputError(
                f"{path.name} is incomplete: there is no file {shown(Path(name).name)}, which its header names."
            )
        if file.stat().st_size < needed:
            raise InputError(f"{path.name} is incomplete: {shown(Path(name).name)} ends before its last pixel.")


def two_meta_sizes(path: Path) -> str:
    """What is to be said where a MetaImage's ElementSize is another than its ElementSpacing, which counts; else empty.

    An ElementSize of 1 is what programs write that do not know it.
    """
    fields = _Meta.of(_start(path)).fields
    try:
        spacing, size = ([float(each) for each in fields[name].split()[:2]] for name in _META_SIZES)
    except (KeyError, ValueError):
        return ""
    if len(spacing) < 2 or len(size) < 2 or set(size) == {1.0} or np.allclose(spacing, size, rtol=0.01, atol=0):
        return ""
    return (
        f"The header gives two pixel sizes (width x depth): ElementSpacing {spacing[0]:.4g} x {spacing[1]:.4g} mm, "
        f"which is used, and ElementSize {size[0]:.4g} x {size[1]:.4g} mm."
    )


def _numbered(path: Path, text: str) -> list[str]:
    """The names that a pattern such as ``slice%03d.raw 1 20 1`` stands for."""
    pattern, *numbers = text.split()
    if not re.fullmatch(r"[^%]*%0?\d{0,2}[du][^%]*", pattern) or not all(number.isdigit() for number in numbers):
        raise InputError(f"{path.name} is damaged: its header does not say which files hold its pixels.")
    first, last, step = ([int(number) for number in numbers] + [1, 1, 1][len(numbers) :])[:3]
    if step < 1 or last - first > 1_000_000:
        raise InputError(f"{path.name} is damaged: its header does not say which files hold its pixels.")
    return [pattern % number for number in range(first, last + 1, step)]


def check_compressed_meta(path: Path, needed: int) -> None:
    """MetaIO fills up compressed data that are too short without a word, so they are counted here."""
    meta = _Meta.of(_start(path))
    if not meta.fields.get("compresseddata", "").lower().startswith("t"):
        return
    local = meta.data.upper() == "LOCAL"
    present, inflate = 0, zlib.decompressobj()
    with (path if local else path.parent / meta.data).open("rb") as file:
        file.seek(meta.after if local else 0)
        while present < needed and not inflate.eof and (block := file.read(1 << 16)):
            present += len(inflate.decompress(block))
    if present < needed:
        raise InputError(f"{path.name} is incomplete: it ends before its last pixel.")


def _check_nrrd_data(path: Path, header: bytes, extent: list[int]) -> None:
    end = re.search(rb"\r?\n\r?\n", header)
    fields = nrrd_fields(header)
    size = _NRRD_BYTES.get(fields.get("type", "").replace("unsigned ", "u").replace("signed ", "").replace("_t", ""))
    if size is None or fields.get("encoding") != "raw":
        return
    if detached := fields.get("data file", fields.get("datafile", "")):
        file = path.parent / detached
        # Lists and numbered files are left to the library, which counts them.
        if file.is_file() and file.stat().st_size < math.prod(extent) * size:
            raise InputError(f"{path.name} is incomplete: {shown(file.name)} ends before its last pixel.")
        return
    if end is not None and path.stat().st_size - end.end() < math.prod(extent) * size:
        raise InputError(f"{path.name} is incomplete: it ends before its last pixel.")


def nrrd_fields(header: bytes) -> dict[str, str]:
    """The fields (not the key-value pairs) of an NRRD header, names in lower case."""
    text = re.split(rb"\r?\n\r?\n", header, maxsplit=1)[0].decode("latin-1")
    return {name.strip().lower(): value.strip() for name, value in re.findall(r"^([^:#\n]+):(?!=)(.*)$", text, re.M)}


def nrrd_units(path: Path) -> set[str]:
    """Units of length in an NRRD header; ITK hands on the numbers and ignores them."""
    fields = nrrd_fields(_start(path))
    found = fields.get("units", "") + fields.get("space units", "")
    return {unit.strip().lower() for unit in re.findall(r'"([^"]*)"', found)}


def list_axis(path: Path) -> str:
    """Where an NRRD file keeps the moments of a sequence: on a list axis that is ``first`` or ``last``, or "" for none.

    NRRD's kinds tell a list from a vector or a colour. The list of a Slicer segmentation are its layers.

    Raises
    ------
    InputError
        When the list lies in between or before the values of a pixel, or each of its moments is a volume.
    """
    header = _start(path)
    kinds, sizes = _kinds(nrrd_fields(header))
    if "list" not in kinds or _SEGMENT.search(header.decode("latin-1")):
        return ""
    place = kinds.index("list")
    domains = [size for kind, size in zip(kinds, sizes, strict=True) if kind not in ("list", *_VECTORS)]
    between = place not in (0, len(kinds) - 1) or (place == 0 and any(kind in _VECTORS for kind in kinds))
    if between and kinds.count("list") == 1:
        raise InputError(
            f"{path.name} keeps the moments of its sequence between other axes, which cannot be read here: save it "
            "with the list as its last axis, as Slicer does."
        )
    if kinds.count("list") > 1 or sum(size > 1 for size in domains) > 2:
        raise InputError(f"{path.name} is a sequence of volumes, not of frames: save one volume or one loop by itself.")
    return "first" if place == 0 else "last"


_VECTORS = frozenset(
    {"vector", "covariant-vector", "normal", "scalar", "complex", "2-vector", "3-vector", "4-vector", "3-gradient"}
    | {"3-normal", "rgb-color", "rgba-color", "hsv-color", "xyz-color", "3-color", "4-color"}
)
"""NRRD's kinds of axes whose values belong to one pixel."""


def list_as_slices(path: Path, folder: Path) -> Path:
    """A copy, in `folder`, of a sequence with a list axis, as ITK reads it.

    A last axis that is a list becomes the slices' in space, a first one that of the values in a pixel. The order of the
    values is the same in both, only the header differs.
    """
    data = path.read_bytes()
    end = re.search(rb"\r?\n\r?\n", data[:HEADER_LIMIT])
    head, rest = (data[: end.start()], data[end.end() :]) if end else (data, b"")
    fields = nrrd_fields(head)
    kinds, sizes = _kinds(fields)
    vectors = [axis for axis, kind in enumerate(kinds) if kind in _VECTORS]
    plane = [axis for axis, kind in enumerate(kinds) if kind not in ("list", *_VECTORS)]
    for axis in reversed(plane):
        if len(plane) > 2 and sizes[axis] == 1:
            plane.remove(axis)
    first = kinds[0] == "list"
    before = ["list"] if first else ["vector"] * len(vectors)
    extents = [sizes[0], *(sizes[axis] for axis in plane), 1] if first else []
    extents = extents or [sizes[axis] for axis in (*vectors, *plane, len(kinds) - 1)]
    placed = _directions(fields, plane)
    lines = []
    for line in head.decode("latin-1").splitlines():
        name = line.split(":")[0].strip().lower() if ":=" not in line else ""
        if name == "dimension":
            line = f"dimension: {len(extents)}"
        elif name == "sizes":
            line = "sizes: " + " ".join(map(str, extents))
        elif name == "kinds":
            line = "kinds: " + " ".join(before + ["domain"] * (len(plane) + 1))
        elif name == "space directions":
            if placed is None:
                continue
            line = "space directions: " + " ".join(["none"] * len(before) + placed)
        elif name in _PER_AXIS + _PER_AXIS_TOO or (placed is None and name.startswith(("space", "measurement frame"))):
            continue
        elif name in ("data file", "datafile") and line.split(":", 1)[1].strip().upper().split()[:1] != ["LIST"]:
            line = f"data file: {(path.parent / line.split(':', 1)[1].strip()).resolve()}"
        lines.append(line)
    if placed is None and (steps := _spacings(fields, len(kinds))) is not None:
        lines.append("spacings: " + " ".join(["nan"] * len(before) + [f"{steps[axis]!r}" for axis in plane] + ["1"]))
    target = folder / ("frames.nhdr" if "data file" in fields or "datafile" in fields else "frames.nrrd")
    target.write_bytes("\n".join(lines).encode("latin-1") + b"\n\n" + rest)
    return target


def _kinds(fields: dict[str, str]) -> tuple[list[str], list[int]]:
    sizes = [int(size) for size in fields.get("sizes", "").split()]
    kinds = fields.get("kinds", "").lower().split()
    return (kinds, sizes) if len(kinds) == len(sizes) else ([], sizes)


def _directions(fields: dict[str, str], plane: list[int]) -> list[str] | None:
    """Space directions of the plane's two axes and of one across it; None where the header has none in 3D."""
    found = re.findall(r"none|\([^)]*\)", fields.get("space directions", ""))
    if len(found) <= max(plane) or "none" in (found[axis] for axis in plane):
        return None
    vectors = [np.array([float(part) for part in found[axis].strip("()").split(",")]) for axis in plane]
    if any(len(vector) != 3 for vector in vectors):
        return None
    across = np.cross(vectors[0], vectors[1])
    length = float(np.linalg.norm(across))
    if not length:
        return None
    return [found[plane[0]], found[plane[1]], "(" + ",".join(repr(float(part / length)) for part in across) + ")"]


def _spacings(fields: dict[str, str], count: int) -> list[float] | None:
    if "spacings" in fields:
        found = [float(size) for size in fields["spacings"].split()]
        return found if len(found) == count else None
    vectors = re.findall(r"none|\([^)]*\)", fields.get("space directions", ""))
    if len(vectors) != count:
        return None
    lengths = [
        [] if vector == "none" else [float(part) for part in vector.strip("()").split(",")] for vector in vectors
    ]
    return [math.hypot(*parts) if parts else 1.0 for parts in lengths]


def probe_orientation(text: str) -> tuple[int, int] | None:
    """PLUS's ``UltrasoundImageOrientation`` (``MFA``, ``UN`` ...) as the sense of rows and columns.

    Its first letter says towards which side columns are counted (marked or unmarked), its second whether rows are
    counted to the far or the near side of the probe.

    Returns
    -------
    (rows, columns) or None
        1 or -1 each; None where the text is none of these.
    """
    found = re.fullmatch(r"([MU])([FN])[AD]?", text.strip().upper())
    return ({"F": 1, "N": -1}[found[2]], {"M": 1, "U": -1}[found[1]]) if found else None


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEADER_LIMIT)
