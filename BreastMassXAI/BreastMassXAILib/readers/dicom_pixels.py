"""The pixels of a DICOM file, decoded one frame at a time."""

from __future__ import annotations

import io
import re
import struct
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from ..core.errors import InputError, MissingPackageError
from .dicom_depth import GreyDepth
from .files import reading, refuse_huge
from .grey import TINT_SHARE, coloured, luminance
from .jpeg_stream import (
    HEADER_LIMIT,
    colours_are_transformed,
    lossless_header,
    read_jpeg_stream,
    without_colour_marks,
)

if TYPE_CHECKING:
    from pydicom import Dataset

ENHANCED_US_VOLUME_STORAGE = "1.2.840.10008.5.1.4.1.1.6.2"

_YBR = ("YBR_FULL", "YBR_FULL_422")
_PALETTE = "PALETTE COLOR"
_PIXEL_DATA_HEADER = 12
"""Bytes of tag, VR and length before compressed pixel data (always explicit VR, little endian)."""
_GREY_SHARE = 0.1
"""At most this share of the pixels is coloured where the other colour space makes a frame grey."""
_COLOUR_MODELS = ("RGB", *_YBR, "YBR_ICT", "YBR_RCT")
_BEYOND_PILLOW = ("does not support", "cannot decode", "values of up to 16")
"""In pydicom's messages over what pillow cannot do at all."""
_JPEG_ROOT = "1.2.840.10008.1.2.4."
_ONLY_GDCM = tuple(f"{_JPEG_ROOT}{number}" for number in (57, 70, 80, 81))
"""Transfer syntaxes of JPEG lossless and JPEG-LS."""
_PACKAGES = dict.fromkeys(_ONLY_GDCM, "python-gdcm")
_PACKAGES |= {f"{_JPEG_ROOT}{number}": "pylibjpeg and pylibjpeg-openjpeg" for number in (201, 202, 203)}
"""What decodes what pillow and pydicom do not; of HTJ2K, no other package does."""
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
            self._refuse_unknown()
            self._options: dict[str, Any] = {"transfer_syntax_uid": self._syntax}
            if self._syntax.is_compressed and not self._syntax.is_deflated:
                self._index_fragments(file)
            elif not self._syntax.is_deflated:
                self._check_length(file)
            self._palette = self._read_palette() if self._photometric == _PALETTE else None
            self._depth = GreyDepth(path.name, self.header, lambda: (self._decoded(k) for k in range(self.count)))
            self._stated, self._space = "", ""
            if int(self.header.get("SamplesPerPixel") or 1) > 1:
                self._stated = self._stated_space()

    def colours(self, index: int) -> np.ndarray:
        """Frame `index` as decoded, shape (rows, columns) or, in RGB, (rows, columns, 3)."""
        with reading(self.path, _WHAT):
            values = self._decoded(index)
            if self._palette is not None:
                return self._looked_up(values, self._palette)
            if values.ndim == 2 and self._depth.inverted:
                # By the values' own ends: a mask of zeros and ones has no others.
                return int(values.min()) + int(values.max()) - values.astype(np.int64)
            return _to_rgb(values) if self._space_of(index, values) == "YBR" else values

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
            values = self._decoded(index)
            if values.ndim == 3:
                if self._space_of(index, values) == "YBR":
                    return *_luma_and_colours(values), self._space_notes()
                grey, found, notes = self._depth.grey(values)
                return grey, found, self._space_notes() + notes
            grey, found, notes = self._depth.grey(values)
            return (255 - grey if self._depth.inverted else grey), found, notes

    def _transfer_syntax(self):
        from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

        if stated := self.header.file_meta.get("TransferSyntaxUID"):
            return UID(stated)
        implicit, little = self.header.original_encoding
        if implicit:
            return ImplicitVRLittleEndian
        return ExplicitVRLittleEndian if little else ExplicitVRBigEndian

    def _refuse_unknown(self) -> None:
        """A video is one piece, however many frames it holds (PS3.5 A.4.5 and following); others lie elsewhere."""
        from pydicom.pixels import get_decoder

        if re.fullmatch(rf"{re.escape(_JPEG_ROOT)}10[0-8](\.1)?", self._syntax):
            raise InputError(
                f"{self.path.name} holds a video ({self._syntax_name}), which cannot be decoded here: save its frames "
                "uncompressed or as JPEG."
            )
        if not self._syntax.is_transfer_syntax or self._syntax.is_private:
            raise InputError(f"{self.path.name} is stored in a way that is not known here ({self._syntax_name}).")
        if self._syntax.is_compressed and not self._syntax.is_deflated:
            try:
                get_decoder(self._syntax)
            except NotImplementedError as error:
                raise self._undecodable(error) from error

    @property
    def _syntax_name(self) -> str:
        name = self._syntax.name
        return name if name != self._syntax else f"transfer syntax {name}"

    def _decoded(self, index: int) -> np.ndarray:
        """The values of a frame as they are stored, no colours converted (but those that JPEG 2000 converts itself)."""
        from pydicom import dcmread
        from pydicom.pixels import pixel_array

        if self._stated and self._is_plain_jpeg():
            return self._decoded_jpeg(index)

        # A deflated file has no place where its pixels begin.
        source = dcmread(self.path, force=True) if self._syntax.is_deflated else self.path
        if self._syntax in _ONLY_GDCM:
            self._check_jpeg(index)
        options = {} if self._syntax.is_deflated else self._options
        for plugin in self._plugins():
            try:
                values = pixel_array(source, index=index, raw=True, decoding_plugin=plugin, **options)
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

    def _is_plain_jpeg(self) -> bool:
        """JPEG whose pixels pillow decodes (all of 8 bits), and whose colours it would convert as it sees fit."""
        from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit

        stored = int(self.header.get("BitsStored") or 8)
        return self._syntax == JPEGBaseline8Bit or (self._syntax == JPEGExtended12Bit and stored == 8)

    def _decoded_jpeg(self, index: int) -> np.ndarray:
        """The components of a JPEG as they are stored."""
        from PIL import Image

        try:
            with Image.open(io.BytesIO(without_colour_marks(self._encoded(index))), formats=("JPEG",)) as image:
                image.draft("YCbCr", image.size)  # which is: do not convert
                values = np.array(image)
        except (OSError, SyntaxError, ValueError, struct.error) as error:
            raise self._damaged() from error
        if values.shape != (*self.shape, 3):
            raise InputError(f"{self.path.name} is damaged: its pixels do not have the size that its header states.")
        return values

    def _encoded(self, index: int) -> bytes:
        """The compressed bytes of a frame."""
        from pydicom.encaps import get_frame

        with self.path.open("rb") as file:
            if "extended_offsets" in self._options:
                offsets, lengths = self._options["extended_offsets"]
                file.seek(self._pixels_start + offsets[index] + 8)
                return file.read(lengths[index])
            file.seek(self._offsets_start)
            return get_frame(file, index, number_of_frames=self.count)

    def _stated_space(self) -> str:
        """``RGB`` or ``YBR``, as the header calls the three samples of a pixel."""
        samples = int(self.header.get("SamplesPerPixel") or 1)
        if samples != 3 or self._photometric not in _COLOUR_MODELS:
            named = self._photometric if self._photometric.replace("_", "").replace(" ", "").isalnum() else "unknown"
            raise InputError(
                f"{self.path.name} has {samples} values in each pixel in the colour model {named}, which cannot be "
                "read here: save the frame as RGB or grey."
            )
        if self._photometric in _YBR:
            return "YBR"
        from pydicom.uid import JPEG2000TransferSyntaxes

        transformed = self._photometric in ("YBR_ICT", "YBR_RCT") and self._syntax not in JPEG2000TransferSyntaxes
        return "YBR" if transformed else "RGB"

    def _space_of(self, index: int, values: np.ndarray) -> str:
        """``RGB`` or ``YBR``: what the samples are; empty for grey.

        The compressed stream goes before the header where it tells. Where it does not, a frame that is coloured all
        over as the header calls it, and grey in the other space, is of the other. One answer holds for all frames.
        """
        if values.ndim != 3 or self._space:
            return self._space
        decided = self._stream_space()
        if decided:
            self._space = decided
            return decided
        if values.dtype != np.uint8:
            return self._stated
        if values.min() == values.max():
            return self._stated  # a black frame tells nothing
        other = {"RGB": "YBR", "YBR": "RGB"}[self._stated]
        if _share_coloured(values, self._stated) > TINT_SHARE and _share_coloured(values, other) < _GREY_SHARE:
            self._space = other
        else:
            self._space = self._stated
        return self._space

    def _stream_space(self) -> str:
        from pydicom.uid import JPEG2000TransferSyntaxes

        if self._is_plain_jpeg():
            stream = read_jpeg_stream(self._encoded(0)[:HEADER_LIMIT])
            return stream.space if stream is not None else ""
        if self._syntax in JPEG2000TransferSyntaxes and colours_are_transformed(self._encoded(0)[:HEADER_LIMIT]):
            return "RGB"
        return ""

    def _space_notes(self) -> tuple[str, ...]:
        if self._space in ("", self._stated):
            return ()
        names = {"RGB": "RGB", "YBR": "YCbCr"}
        return (
            f"The file calls its pixels {names[self._stated]}, but they are {names[self._space]}: they were read as "
            "such.",
        )

    def _index_fragments(self, file: BinaryIO) -> None:
        """Where each frame begins, so that the last one of a long loop is found as fast as the first."""
        from pydicom.encaps import parse_basic_offsets, parse_fragments

        file.seek(_PIXEL_DATA_HEADER, 1)
        self._offsets_start = file.tell()
        parse_basic_offsets(file)
        self._pixels_start = start = file.tell()
        fragments, offsets = parse_fragments(file)
        if fragments < self.count:
            raise InputError(
                f"{self.path.name} is incomplete: of its {self.count} frames {fragments} are there at most."
            )
        file.seek(offsets[0])
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
            stated = lossless_header(file.read(min(lengths[index], HEADER_LIMIT)))
        header = self.header
        allocated, stored = int(header.BitsAllocated), int(header.BitsStored)
        bits = {stored} if allocated == 8 else {stored, allocated}
        if stated is None or stated[1:] != (*self.shape, int(header.SamplesPerPixel)) or stated[0] not in bits:
            raise InputError(f"{self.path.name} is damaged: its compressed pixels contradict its header.")

    def _check_length(self, file: BinaryIO) -> None:
        """Of pixels that are not compressed."""
        samples = int(self.header.get("SamplesPerPixel") or 1)
        whole = self.count * self.shape[0] * self.shape[1] * int(self.header.get("BitsAllocated") or 8) * samples // 8
        present = self.path.stat().st_size - file.tell() - _PIXEL_DATA_HEADER
        if self._photometric == "YBR_FULL_422":
            if present >= whole:  # 4:2:2 needs two thirds
                self._options["photometric_interpretation"] = "YBR_FULL"
                self.warnings += (
                    "The file calls its pixels YBR_FULL_422, but there are as many bytes as without subsampling: they "
                    "were read as such.",
                )
                return
            whole = whole * 2 // 3
        if present < whole - _PIXEL_DATA_HEADER:
            raise InputError(f"{self.path.name} is incomplete: it ends before its last pixel.")

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
            return InputError(f"{self.path.name} is stored in a way that cannot be decoded here ({self._syntax_name}).")
        if available and "not support" not in str(error):
            return self._damaged()
        packages = "pylibjpeg and pylibjpeg-libjpeg" if available else _PACKAGES.get(str(self._syntax), "")
        if not packages:
            return InputError(
                f"{self.path.name} is compressed in a way that cannot be decoded here ({self._syntax_name}): save the "
                "frame uncompressed."
            )
        return MissingPackageError(
            f"{self.path.name} is compressed ({self._syntax_name}) and no decoder for it is installed: install "
            f"{packages}, or save the frame uncompressed."
        )

    def _damaged(self) -> InputError:
        return InputError(
            f"{self.path.name} cannot be read as a DICOM image: its compressed pixels are damaged or unusual."
        )


def _share_coloured(values: np.ndarray, space: str) -> float:
    marked = _luma_and_colours(values)[1] if space == "YBR" else coloured(values.astype(np.float32))
    return float(np.mean(marked))


def _to_rgb(values: np.ndarray) -> np.ndarray:
    from pydicom.pixels import convert_color_space

    return convert_color_space(values, "YBR_FULL", "RGB")


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
