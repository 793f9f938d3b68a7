"""The text of a table that a spreadsheet wrote."""

from __future__ import annotations

import codecs
from pathlib import Path

from ..core.errors import InputError

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as the next one does
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def table_text(path: Path) -> str:
    """Read a CSV file: UTF-8, or UTF-16 or UTF-32 with the mark at its start that spreadsheets write.

    Raises
    ------
    InputError
        When it cannot be read or is in another encoding: which one cannot be told, and a name read in the wrong one is
        another name.
    FileNotFoundError
        When there is none.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InputError(f"{path.name} cannot be read as a table: {error.strerror or error}.") from error
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8-sig")
    if encoding == "utf-8-sig" and data.count(0) * 4 > len(data):
        raise InputError(
            f"{path.name} cannot be read as a table: it is in UTF-16 or UTF-32 and has not the mark that says so. Save "
            "it as CSV in UTF-8."
        )
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        where = f" in line {line}" if encoding == "utf-8-sig" else ""
        raise InputError(
            f"{path.name} cannot be read as a table: it is no text in {encoding.upper().removesuffix('-SIG')}{where}. "
            "Save it as CSV in UTF-8."
        ) from error
