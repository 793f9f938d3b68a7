"""TIFF pages that pillow reads wrongly or not at all: colours of 16 bits, 64 bits, signed bytes, white for zero."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..core.errors import InputError
from .files import refuse_huge

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, STRIPS, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES = (
    256, 257, 258, 259, 262, 273, 277, 278, 279,
)  # fmt: skip
PLANAR, PREDICTOR, TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES, EXTRA, FORMAT = (
    284, 317, 322, 323, 324, 325, 338, 339,
)  # fmt: skip
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2
UNSIGNED, SIGNED, FLOAT = 1, 2, 3

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4, 13: 4, 16: 8, 17: 8, 18: 8}
_LETTERS = {1: "B", 2: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_MOST_PAGES, _MOST_VALUES = 100_000, 1 << 20
_KINDS = {UNSIGNED: "u", SIGNED: "i", FLOAT: "f"}
_COMPRESSIONS = {1: "none", 2: "CCITT", 3: "fax", 4: "fax", 5: "LZW", 6: "old JPEG", 7: "JPEG", 8: "deflate"}
_COMPRESSIONS |= {32773: "PackBits", 32946: "deflate", 34712: "JPEG 2000", 50000: "Zstandard", 50001: "WebP"}
_BYTEWISE = (1, 5, 8, 32773, 32946)
"""Compressions that know bytes only, not pixels."""


@dataclass(frozen=True)
class Page:
    """The fields of one image of a TIFF, by their numbers."""

    order: str
    fields: dict[int, tuple[int, ...]]

    def __getitem__(self, tag: int) -> int:
        defaults = {BITS: 1, COMPRESSION: 1, SAMPLES: 1, PLANAR: 1, PREDICTOR: 1, FORMAT: UNSIGNED, PHOTOMETRIC: -1}
        values = self.fields.get(tag) or (defaults.get(tag, 0),)
        return values[0]

    @property
    def words(self) -> str:
        """What it is, for people."""
        kind = {FLOAT: "floating-point ", SIGNED: "signed "}.get(self[FORMAT], "")
        named = {0: "grey", 1: "grey", 2: "RGB", 3: "palette", 5: "CMYK", 6: "YCbCr", 8: "Lab"}
        model = named.get(self[PHOTOMETRIC], f"colour model {self[PHOTOMETRIC]}")
        packed = _COMPRESSIONS.get(self[COMPRESSION], f"number {self[COMPRESSION]}")
        return f"{self[SAMPLES]} {kind}value(s) of {self[BITS]} bits a pixel, {model}, compression {packed}"

    @property
    def whole(self) -> bool:
        """Whether it states a size."""
        return self[WIDTH] > 0 and self[HEIGHT] > 0

    @property
    def needs_us(self) -> bool:
        """Whether pillow would lose bits or signs, or take white for black."""
        bits = self.fields.get(BITS) or (1,)
        if not self.whole or not (STRIPS in self.fields or TILES in self.fields):
            return False
        if self[PHOTOMETRIC] not in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB) or len(set(bits)) > 1:
            return False
        if bits[0] not in (8, 16, 32, 64) or self[FORMAT] not in _KINDS or self[COMPRESSION] not in _BYTEWISE:
            return False
        if bits[0] == 8:
            return self[FORMAT] == SIGNED
        # Of 32 bits pillow garbles compressed floats of the other byte order, and refuses other whole numbers.
        return self[SAMPLES] > 1 or bits[0] >= 32 or self[PHOTOMETRIC] != BLACK_IS_ZERO


def read_pages(path: Path, number: int | None = None) -> list[Page]:
    """The pages of a TIFF, or only one of them; empty where there are none that can be understood."""
    pages: list[Page] = []
    with path.open("rb") as file:
        try:
            order = {b"II": "<", b"MM": ">"}[file.read(2)]
            (version,) = struct.unpack(f"{order}H", file.read(2))
            big = version == 43
            offset = struct.unpack(f"{order}4xQ" if big else f"{order}I", file.read(12 if big else 4))[0]
            seen: set[int] = set()
            while offset and offset not in seen and len(seen) < _MOST_PAGES:
                seen.add(offset)
                fields, offset = _fields(file, order, big, offset)
                pages.append(Page(order, fields))
                if number is not None and len(pages) > number:
                    return [pages[number]]
        except (KeyError, struct.error, OSError, ValueError, OverflowError):
            pass
    return pages if number is None else []


def _fields(file: BinaryIO, order: str, big: bool, offset: int) -> tuple[dict[int, tuple[int, ...]], int]:
    """Whole-number fields of a directory, and where the next one is."""
    count_form, entry_form, room, next_form = ("Q", "HHQ8s", 8, "Q") if big else ("H", "HHI4s", 4, "I")
    file.seek(offset)
    (count,) = _unpack(file, f"{order}{count_form}")
    entries = file.read(min(count, 4096) * struct.calcsize(order + entry_form))
    (following,) = _unpack(file, f"{order}{next_form}")
    fields = {}
    for tag, kind, number, inline in struct.iter_unpack(order + entry_form, entries):
        if kind not in _SIZES or not 0 < number <= _MOST_VALUES:
            continue
        data = inline
        if number * _SIZES[kind] > room:
            file.seek(struct.unpack(f"{order}{next_form}", inline)[0])
            data = file.read(number * _SIZES[kind])
        if len(data) >= number * _SIZES[kind]:
            fields[tag] = struct.unpack_from(f"{order}{number}{_LETTERS[kind]}", data)
    return fields, following


def _unpack(file: BinaryIO, form: str) -> tuple[Any, ...]:
    return struct.unpack(form, file.read(struct.calcsize(form)))


def read_page(path: Path, page: Page, alone: bool = True) -> tuple[np.ndarray, np.ndarray | None]:
    """The values of a page that :attr:`Page.needs_us`, black for small ones, and its alpha.

    Parameters
    ----------
    path : Path
    page : Page
    alone : bool
        Whether the file holds no other page, whose grey scale would have to be the same.

    Returns
    -------
    ndarray, shape (rows, columns) or (rows, columns, 3)
    ndarray of bool, shape (rows, columns), or None
        Where it is not transparent.

    Raises
    ------
    InputError
        When it is too large, or its pixels lie in an order that is not understood.
    """
    rows, columns, samples, bits = page[HEIGHT], page[WIDTH], page[SAMPLES], page[BITS]
    refuse_huge(path.name, columns, rows)
    colours = 3 if page[PHOTOMETRIC] == RGB else 1
    planes = samples if page[PLANAR] == 2 else 1
    dtype = np.dtype(f"{page.order}{_KINDS[page[FORMAT]]}{bits // 8}")
    if samples < colours or page[PREDICTOR] not in (1, 2) or (dtype.kind == "f" and page[PREDICTOR] != 1):
        raise InputError(f"{path.name} is a TIFF that cannot be read here ({page.words}): save it as PNG or NRRD.")
    content = _bytes(path, page, planes, columns * (samples // planes) * dtype.itemsize)
    values = content.reshape(-1).view(dtype).reshape(planes, rows, columns, samples // planes)
    values = values.astype(dtype.newbyteorder("="))
    if page[PREDICTOR] == 2:  # every value but the first of a row is stored as a difference
        values = np.cumsum(values, axis=2, dtype=values.dtype)
    values = np.moveaxis(values[..., 0], 0, -1) if planes > 1 else values[0]
    extra = page.fields.get(EXTRA, ())
    alpha = values[..., colours] != 0 if samples > colours and extra[:1] in ((1,), (2,)) else None
    values = values[..., :3] if colours == 3 else values[..., 0]
    return (upright(values, alone) if page[PHOTOMETRIC] == WHITE_IS_ZERO else values), alpha


def upright(values: np.ndarray, alone: bool = True) -> np.ndarray:
    """Values of which the smallest are white, turned round: zero becomes the largest value that so many bits hold.

    Of a page that is alone, zeros and ones are taken as one bit, and up to 255 as eight, whatever type stores them.
    """
    low, high = values.min(), values.max()
    if low < 0:
        return -1 - values
    if alone and high <= 255:
        return (1 if high <= 1 else 255) - values
    return (np.iinfo(values.dtype).max if values.dtype.kind in "iu" else 0) - values


def _bytes(path: Path, page: Page, planes: int, row_bytes: int) -> np.ndarray:
    """The decompressed bytes of a page, (planes * rows, bytes of a row).

    The compressions know nothing of pixels, so pillow decodes the same strips as a picture of single bytes.
    """
    from PIL import Image

    rows, columns = page[HEIGHT], page[WIDTH]
    tiled = TILES in page.fields
    tags = (TILES, TILE_BYTES) if tiled else (STRIPS, STRIP_BYTES)
    places = list(zip(*(page.fields[tag] for tag in tags), strict=True))
    fields: dict[int, list[int]] = {WIDTH: [row_bytes], HEIGHT: [planes * rows], BITS: [8], COMPRESSION: [0]}
    fields |= {PHOTOMETRIC: [BLACK_IS_ZERO], SAMPLES: [1]}
    fields[COMPRESSION] = [page[COMPRESSION]]
    step = page[ROWS_PER_STRIP] or rows
    if tiled:
        fields |= {TILE_WIDTH: [page[TILE_WIDTH] * (row_bytes // columns)], TILE_HEIGHT: [page[TILE_HEIGHT]]}
    else:
        fields[ROWS_PER_STRIP] = [min(step, rows)]
    if planes > 1 and (tiled or (step < rows and rows % step)):
        raise InputError(f"{path.name} is a TIFF that cannot be read here ({page.words}, in planes): save it as PNG.")
    if tiled:
        wanted = -(-rows // page[TILE_HEIGHT]) * -(-columns // page[TILE_WIDTH])
    else:
        wanted = planes * -(-rows // min(step, rows))
    if len(places) != wanted:
        raise ValueError("pieces are missing")
    data = bytearray(8)
    offsets = []
    with path.open("rb") as file:
        for offset, length in places:
            file.seek(offset)
            offsets.append(len(data))
            data += file.read(length)
            if len(data) < offsets[-1] + length:
                raise InputError(f"{path.name} is incomplete: it ends before its last pixel.")
    fields[tags[0]], fields[tags[1]] = offsets, [length for _, length in places]
    if page[COMPRESSION] == 1 and not tiled and len(data) - 8 < planes * rows * row_bytes:
        raise InputError(f"{path.name} is incomplete: it ends before its last pixel.")
    with Image.open(io.BytesIO(_tiff(data, fields)), formats=("TIFF",)) as image:
        content = np.array(image)
    if content.shape != (planes * rows, row_bytes):
        raise ValueError("another size")
    return content


def _tiff(data: bytearray, fields: dict[int, list[int]]) -> bytes:
    """A TIFF of one page, whose strips or tiles `data` holds already."""
    entries = b""
    for tag, values in sorted(fields.items()):
        if len(values) > 1:
            entries += struct.pack("<HHII", tag, 4, len(values), len(data))
            data += struct.pack(f"<{len(values)}I", *values)
        else:
            entries += struct.pack("<HHII", tag, 4, 1, values[0])
    data[:8] = struct.pack("<2sHI", b"II", 42, len(data))
    return bytes(data + struct.pack("<H", len(fields)) + entries + bytes(4))
