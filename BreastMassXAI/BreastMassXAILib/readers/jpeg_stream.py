"""What the header of a compressed picture says of its pixels: JPEG (T.81), JPEG-LS (T.87) and JPEG 2000 (T.800)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

HEADER_LIMIT = 1 << 16
"""Bytes from the start of a stream in which its header is looked for."""

_START_OF_FRAME = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length."""
_RGB_NAMES = (b"RGB", b"rgb")
_NO_TRANSFORM = 0
_PROGRESSIVE = 0xC2


@dataclass(frozen=True)
class JpegStream:
    """The frame header (T.81 B.2.2) and what application markers tell of colours.

    Parameters
    ----------
    components : bytes
        The components' identifiers.
    sampling : tuple of (horizontal, vertical)
        Of each component.
    jfif : bool
        Whether there is a JFIF marker, which stands for YCbCr.
    adobe : int, optional
        The colour transform of Adobe's marker: 0 none, 1 YCbCr.
    """

    components: bytes
    sampling: tuple[tuple[int, int], ...]
    jfif: bool
    adobe: int | None

    @property
    def space(self) -> str:
        """``YBR`` or ``RGB`` where the stream decides it, for three components; else empty.

        RGB is never subsampled, so that goes before all markers; then come the markers, unless they contradict each
        other, and the letters by which some encoders call their components.
        """
        if any(each != self.sampling[0] for each in self.sampling[1:]):
            return "YBR"
        if self.adobe is not None and not (self.jfif and self.adobe == _NO_TRANSFORM):
            return "RGB" if self.adobe == _NO_TRANSFORM else "YBR"
        if self.components in _RGB_NAMES:
            return "RGB"
        return "YBR" if self.jfif and self.adobe is None else ""


def read_jpeg_stream(data: bytes) -> JpegStream | None:
    """The header of a JPEG; None where there is none that is whole."""
    jfif, adobe, at = False, None, 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in _ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        if length < 2 or len(body) != length - 2:
            return None
        if marker == 0xE0 and body.startswith(b"JFIF"):
            jfif = True
        elif marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
            adobe = body[11]
        elif marker in _START_OF_FRAME:
            if len(body) < 6 or len(body) != 6 + 3 * body[5] or not body[5]:
                return None
            parts = [body[6 + 3 * k : 9 + 3 * k] for k in range(body[5])]
            sampling = tuple((part[1] >> 4, part[1] & 15) for part in parts)
            return JpegStream(bytes(part[0] for part in parts), sampling, jfif, adobe)
        at += 2 + length
    return None


def without_colour_marks(data: bytes) -> bytes:
    """The same JPEG without JFIF and Adobe markers and with numbers for components: nothing by which a decoder would
    convert its colours."""
    kept, at, several_scans = [data[:2]], 2, False
    names: dict[int, int] = {}
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in _ALONE:
            step = 1 if marker == 0xFF else 2
            kept.append(data[at : at + step])
            at += step
            continue
        step = 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        segment = bytearray(data[at : at + step])
        if marker in _START_OF_FRAME and len(segment) > 9:
            several_scans = marker == _PROGRESSIVE
            for number in range(min(segment[9], (len(segment) - 10) // 3)):
                names[segment[10 + 3 * number]] = number + 1
                segment[10 + 3 * number] = number + 1
        if marker == 0xDA and len(segment) > 4:
            for place in range(5, min(5 + 2 * segment[4], len(segment)), 2):
                segment[place] = names.get(segment[place], segment[place])
        if marker not in (0xE0, 0xEE):
            kept.append(bytes(segment))
        at += step
        if marker == 0xDA:
            if segment[4] == len(names) and not several_scans:
                break  # the only scan
            end = _end_of_scan(data, at)
            kept.append(data[at:end])
            at = end
    return b"".join([*kept, data[at:]])


def _end_of_scan(data: bytes, at: int) -> int:
    """Where the next marker is, which is neither a stuffed zero nor a restart."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        if data[at + 1] == 0 or 0xD0 <= data[at + 1] <= 0xD7:
            at += 2
        else:
            return at
    return len(data)


def colours_are_transformed(data: bytes) -> bool:
    """Whether a JPEG 2000 codestream holds transformed colours, which its decoder turns back to RGB (T.800 A.6.1)."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        if data[at + 1] in (0x90, 0x93):  # the first tile
            break
        if data[at + 1] == 0x52:
            return len(data) > at + 8 and data[at + 8] == 1
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def lossless_header(data: bytes) -> tuple[int, int, int, int] | None:
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
