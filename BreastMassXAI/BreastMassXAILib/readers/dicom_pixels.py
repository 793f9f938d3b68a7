"""The pixels of a DICOM file, decoded one frame at a time."""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from ..core.errors import InputError, MissingPackageError
from .files import reading, refuse_huge
from .grey import coloured, grey_and_colours, luminance

if TYPE_CHECKING:
    from pydicom import Dataset

ENHANCED_US_VOLUME_STORAGE = "1.2.840.10008.5.1.4.1.1.6.2"

_YBR = ("YBR_FULL", "YBR_FULL_422")
_PALETTE = "PALETTE COLOR"
_PIXEL_DATA_HEADER = 12
"""Bytes of tag, VR and length before compressed pixel data (always explicit VR, little endian)."""
_COLOUR_SPACE_MARKER = b"JFIF"
_BEYOND_PILLOW = ("does not support", "cannot decode", "values of up to 16")
"""In pydicom's messages over what pillow cannot do at all."""
_ONLY_GDCM = tuple(f"1.2.840.10008.1.2.4.{number}" for number in (57, 70, 80, 81))
"""Transfer syntaxes of JPEG lossless and JPEG-LS."""
_JPEG_HEADER_LIMIT = 1 << 16
_WHAT = "a DICOM image"


class DicomImage:
    """Header and frames of a DICOM file; nothing but the header is kept in memory.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    header : Dataset
        Everything before the pixels.
    count : int
        Number of frames.
    shape : (rows, columns)
    warnings : tuple of str

    Raises
    ------
    InputError
        When the file is damaged or incomplete, holds no image or an Enhanced US Volume, or is too large.
    """

    def __init__(self, path: Path) -> None:
        from pydicom import dcmread

        self.path = path
        self.warnings: tuple[str, ...] = ()
        with reading(path, _WHAT), path.open("rb") as file:
            # Files without the 128 bytes of preamble come here by their suffix only.
            self.header: Dataset = dcmread(file, stop_before_pixels=True, force=True)
            rows, columns = self.header.get("Rows"), self.header.get("Columns")
            if self.header.get("SOPClassUID") == ENHANCED_US_VOLUME_STORAGE:
                raise InputError(
                    f"{path.name} is an Enhanced US Volume, which places its slices in space instead of calibrating "
                    "them: export the slice or the loop as an ordinary ultrasound image."
                )
            if not rows or not columns:
                raise InputError(f"{path.name} is a DICOM file without an image.")
            self.shape = int(rows), int(columns)
            refuse_huge(path.name, self.shape[1], self.shape[0])
            self.count = int(self.header.get("NumberOfFrames") or 1)
            if self.count < 1:
                raise InputError(f"{path.name} claims to hold {self.count} frames.")
            self._photometric = str(self.header.get("PhotometricInterpretation") or "")
            self._syntax = self._transfer_syntax()
            self._options: dict[str, Any] = {"transfer_syntax_uid": self._syntax}
            if self._syntax.is_compressed and not self._syntax.is_deflated:
                self._index_fragments(file)
            elif not self._syntax.is_deflated:
                self._check_length(file)
            self._palette = self._read_palette() if self._photometric == _PALETTE else None

    def colours(self, index: int) -> np.ndarray:
        """Frame `index` as decoded, shape (rows, columns) or, in RGB, (rows, columns, 3)."""
        with reading(self.path, _WHAT):
            values = self._decoded(index)
            return values if self._palette is None else self._looked_up(values, self._palette)

    def grey(self, index: int) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
        """Frame `index` in grey 0..255 (float32), which of its pixels are coloured (bool), and what is to be said.

        Colours become the Y of DICOM PS3.3 C.7.6.3.1.2 (ITU-R BT.601 luma): 0.299 R + 0.587 G + 0.114 B.
        """
        with reading(self.path, _WHAT):
            if self._palette is not None:
                values = self._decoded(index)
                entries = self._palette.astype(np.float32)[:, None]
                marked = self._looked_up(values, coloured(entries)[:, 0])
                return self._looked_up(values, luminance(entries)[:, 0]), marked, ()
            if self._photometric in _YBR and not self._decodes_to_rgb():
                return *_luma_and_colours(self._decoded(index, raw=True)), ()
            values = self._decoded(index)
            grey, found, notes = grey_and_colours(self.path.name, values, self._stored_range(values))
            return (255 - grey if self._photometric == "MONOCHROME1" else grey), found, notes

    def _transfer_syntax(self):
        from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

        if stated := self.header.file_meta.get("TransferSyntaxUID"):
            return UID(stated)
        implicit, little = self.header.original_encoding
        if implicit:
            return ImplicitVRLittleEndian
        return ExplicitVRLittleEndian if little else ExplicitVRBigEndian

    def _decoded(self, index: int, raw: bool = False) -> np.ndarray:
        from pydicom import dcmread
        from pydicom.pixels import pixel_array

        # A deflated file has no place where its pixels begin.
        source = dcmread(self.path, force=True) if self._syntax.is_deflated else self.path
        if self._syntax in _ONLY_GDCM:
            self._check_jpeg(index)
        options = {} if self._syntax.is_deflated else self._options
        for plugin in self._plugins():
            try:
                values = pixel_array(source, index=index, raw=raw, decoding_plugin=plugin, **options)
                break
            except (RuntimeError, NotImplementedError) as error:
                if plugin and any(word in str(error) for word in _BEYOND_PILLOW):
                    continue
                raise self._undecodable(error) from error
        if values.shape[:2] != self.shape:
            raise InputError(f"{self.path.name} is damaged: its pixels do not have the size that its header states.")
        return values

    def _plugins(self) -> tuple[str, ...]:
        """The decoders to try; "" stands for pydicom's own order, in which GDCM ends the program over a bad file."""
        from pydicom.pixels import get_decoder

        if not self._syntax.is_compressed or "pillow" not in get_decoder(self._syntax).available_plugins:
            return ("",)
        return "pillow", ""

    def _decodes_to_rgb(self) -> bool:
        from pydicom.uid import JPEG2000TransferSyntaxes

        return self._syntax in JPEG2000TransferSyntaxes

    def _index_fragments(self, file: BinaryIO) -> None:
        """Where each frame begins, so that the last one of a long loop is found as fast as the first."""
        from pydicom.encaps import parse_basic_offsets, parse_fragments

        file.seek(_PIXEL_DATA_HEADER, 1)
        parse_basic_offsets(file)
        self._pixels_start = start = file.tell()
        fragments, offsets = parse_fragments(file)
        if fragments < self.count:
            raise InputError(
                f"{self.path.name} is incomplete: of its {self.count} frames {fragments} are there at most."
            )
        file.seek(offsets[0])
        if self._photometric == "RGB" and "JPEG Baseline" in self._syntax.name:
            self._correct_colour_space(file.read(64))
        if fragments > self.count:
            return  # frames in several pieces: left to pydicom
        lengths = []
        for offset in offsets:
            file.seek(offset + 4)
            lengths.append(struct.unpack("<L", file.read(4))[0])
        if offsets[-1] + 8 + lengths[-1] > self.path.stat().st_size:
            raise InputError(f"{self.path.name} is incomplete: it ends before its last frame.")
        self._options["extended_offsets"] = ([offset - start for offset in offsets], lengths)

    def _check_jpeg(self, index: int) -> None:
        """GDCM ends the program where the JPEG's own header contradicts the file's."""
        if "extended_offsets" not in self._options:
            return
        offsets, lengths = self._options["extended_offsets"]
        with self.path.open("rb") as file:
            file.seek(self._pixels_start + offsets[index] + 8)
            stated = _jpeg_header(file.read(min(lengths[index], _JPEG_HEADER_LIMIT)))
        header = self.header
        allocated, stored = int(header.BitsAllocated), int(header.BitsStored)
        bits = {stored} if allocated == 8 else {stored, allocated}
        if stated is None or stated[1:] != (*self.shape, int(header.SamplesPerPixel)) or stated[0] not in bits:
            raise InputError(f"{self.path.name} is damaged: its compressed pixels contradict its header.")

    def _correct_colour_space(self, head: bytes) -> None:
        """A JPEG with a JFIF marker is YCbCr, whatever a careless device calls it (Slicer's DICOM patcher does so)."""
        if _COLOUR_SPACE_MARKER in head:
            self._photometric = self._options["photometric_interpretation"] = "YBR_FULL"
            self.warnings += ("The file calls its JPEG pixels RGB, but they are YCbCr: they were read as such.",)

    def _check_length(self, file: BinaryIO) -> None:
        bits = int(self.header.get("BitsAllocated") or 8) * int(self.header.get("SamplesPerPixel") or 1)
        if self._photometric == "YBR_FULL_422":
            bits = bits * 2 // 3
        needed = self.count * self.shape[0] * self.shape[1] * bits // 8
        if self.path.stat().st_size - file.tell() < needed:
            raise InputError(f"{self.path.name} is incomplete: it ends before its last pixel.")

    def _stored_range(self, values: np.ndarray) -> tuple[float, float] | None:
        """What the Bits Stored (0028,0101) can hold; None for 8 bits, which are grey values already."""
        if values.dtype == np.uint8 or values.dtype.kind == "f":
            return None
        bits = int(self.header.BitsStored)
        if self.header.get("PixelRepresentation", 0):
            return -(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1
        return None if bits <= 8 else (0.0, 2.0**bits - 1)

    def _read_palette(self) -> np.ndarray:
        """The palette's colours, shape (entries, 3), as 8 bits; its entries have 8 or 16 (PS3.3 C.7.6.3.1.5)."""
        from pydicom.pixels import apply_color_lut

        entries, first, _ = self.header.RedPaletteColorLookupTableDescriptor
        self._first_entry = int(first)
        colours = apply_color_lut(np.arange(first, first + (int(entries) or 1 << 16)), self.header)[:, :3]
        return (colours >> 8 if colours.max() > 255 else colours).astype(np.uint8)

    def _looked_up(self, values: np.ndarray, table: np.ndarray) -> np.ndarray:
        return table[np.clip(values.astype(np.int32) - self._first_entry, 0, len(table) - 1)]

    def _undecodable(self, error: Exception) -> InputError | MissingPackageError:
        """Who is to blame: a decoder that is missing or knows too little, or the file."""
        from pydicom.pixels import get_decoder

        try:
            available = get_decoder(self._syntax).is_available
        except NotImplementedError:
            return InputError(f"{self.path.name} is stored in a way that cannot be decoded here ({self._syntax.name}).")
        if available and "not support" not in str(error):
            return InputError(
                f"{self.path.name} cannot be read as a DICOM image: its compressed pixels are damaged or unusual."
            )
        packages = "pylibjpeg and pylibjpeg-libjpeg" if available else "python-gdcm"
        return MissingPackageError(
            f"{self.path.name} is compressed ({self._syntax.name}) and no decoder for it is installed: install "
            f"{packages}, or save the frame uncompressed."
        )


def _jpeg_header(data: bytes) -> tuple[int, int, int, int] | None:
    """Precision, rows, columns and components that a lossless JPEG (T.81 B.2) or JPEG-LS (T.87) states.

    None unless its header is whole from the start of the image to the start of the scan: segments one after the other,
    code tables (T.81 B.2.4.2) that hold as many values as they announce, and a scan of the frame's components.
    """
    stated: tuple[int, int, int, int] | None = None
    lossless, tables, at = False, set[int](), 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        body = data[at + 4 : at + 2 + length]
        if length < 2 or len(body) != length - 2:
            return None
        if marker in (0xC3, 0xF7):
            if stated is not None or len(body) < 6 or len(body) != 6 + 3 * body[5]:
                return None
            rows, columns = struct.unpack(">HH", body[1:5])
            stated, lossless = (body[0], rows, columns, body[5]), marker == 0xC3
        elif marker == 0xC4:
            found = _code_tables(body)
            if found is None:
                return None
            tables |= found
        elif marker == 0xDA:
            if stated is None or len(body) != 4 + 2 * stated[3] or body[0] != stated[3]:
                return None
            used = {selector >> 4 for selector in body[2 : 1 + 2 * body[0] : 2]}
            return None if lossless and not used <= tables else stated
        at += 2 + length
    return None


def _code_tables(body: bytes) -> set[int] | None:
    """Destinations of the Huffman tables in a segment; None where lengths and values do not agree."""
    found, at = set[int](), 0
    while at < len(body):
        counts = body[at + 1 : at + 17]
        values = sum(counts)
        if len(counts) != 16 or not 0 < values <= 256 or at + 17 + values > len(body) or body[at] >> 4:
            return None
        # A code of k bits has at most 2**k values, less the room that shorter codes take (T.81 annex C).
        room = 1.0 - sum(count / 2.0 ** (k + 1) for k, count in enumerate(counts))
        if room < 0:
            return None
        found.add(body[at] & 15)
        at += 17 + values
    return found


def _luma_and_colours(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Y is the luminance already, and whether a pixel is coloured follows from Cb and Cr alone."""
    if values.dtype != np.uint8 or values.ndim != 3:
        raise ValueError("YBR pixels have three samples of 8 bits")
    luma, blue, red = np.moveaxis(values, 2, 0)
    return luma.astype(np.float32), _coloured_chroma()[blue, red]


@cache
def _coloured_chroma() -> np.ndarray:
    """Whether a pixel is coloured, by its Cb and Cr (PS3.3 C.7.6.3.1.2); bool, shape (256, 256).

    Of R - Y = 1.402 Cr', B - Y = 1.772 Cb' and G - Y = -0.344 Cb' - 0.714 Cr' only the differences count.
    """
    blue, red = np.mgrid[-128:128, -128:128]
    return coloured(np.stack([1.402 * red, -0.344 * blue - 0.714 * red, 1.772 * blue], axis=2))
