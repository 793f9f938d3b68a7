"""The results of a cine loop onto the disk, frame by frame: a long loop needs no more memory than a short one."""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import numpy as np

from ..core.cine_result import CineResult, ExplainedFrame, FrameResult
from ..core.frame import Spacing
from ..core.regions import ELSEWHERE, REGIONS, RELEVANT

_HEADER_ROOM = 256
"""Spare characters of a header in which the number of frames is written at the end."""
_FRAMES_NOTE = "# The third axis counts the frames in the order of frames.csv; its spacing has no meaning."


class NrrdStream:
    """An NRRD file that grows by one 2D image at a time.

    Rows and columns lie as in :func:`~.results.write_nrrd`; the third axis counts the images. The same input gives the
    same bytes.

    Parameters
    ----------
    path : Path
    shape : (rows, columns)
    dtype : numpy type, float32 or uint8
    spacing : Spacing
    compressed : bool
        Gzip, at its fastest. Without it the file can be memory-mapped.
    names : mapping of label to name, optional
        Written as Slicer's segment names.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int],
        dtype: type[np.generic],
        spacing: Spacing,
        compressed: bool = False,
        names: Mapping[int, str] | None = None,
    ) -> None:
        self._shape = shape
        self._dtype = np.dtype(dtype).newbyteorder("<")
        row_mm, column_mm = spacing.mm() if spacing.known else (1.0, 1.0)
        self._directions = f"({column_mm!r},0,0) (0,{row_mm!r},0) (0,0,1)"
        self._names = names or {}
        self._gzip = zlib.compressobj(1, zlib.DEFLATED, 31) if compressed else None
        self._count = 0
        self._file = path.open("wb")
        head = self._header()
        self._length = len(head) + _HEADER_ROOM
        self._file.write(self._padded(head))

    def add(self, image: np.ndarray) -> None:
        """Append an image of the stream's shape."""
        if image.shape != self._shape:
            raise ValueError(f"An image of shape {image.shape} in a stream of {self._shape}.")
        data = np.ascontiguousarray(image, self._dtype)
        self._file.write(data.data if self._gzip is None else self._gzip.compress(data.data))
        self._count += 1

    def close(self) -> None:
        """Finish the file with the number of images that it holds."""
        if self._gzip is not None:
            self._file.write(self._gzip.flush())
        self._file.seek(0)
        self._file.write(self._padded(self._header()))
        self._file.close()

    def _header(self) -> bytes:
        lines = [
            "NRRD0004",
            _FRAMES_NOTE,
            f"type: {'float' if self._dtype.kind == 'f' else 'uint8'}",
            "dimension: 3",
            "space: left-posterior-superior",
            f"sizes: {self._shape[1]} {self._shape[0]} {self._count}",
            f"space directions: {self._directions}",
            "kinds: domain domain domain",
            "endian: little",
            f"encoding: {'raw' if self._gzip is None else 'gzip'}",
            "space origin: (0,0,0)",
        ]
        for number, (label, name) in enumerate(self._names.items()):
            fields = {"ID": f"Segment_{label}", "Name": name, "LabelValue": str(label), "Layer": "0"}
            lines += [f"Segment{number}_{key}:={value}" for key, value in fields.items()]
        return "\n".join([*lines, "# "]).encode()

    def _padded(self, head: bytes) -> bytes:
        """The header with a last comment that brings it to its reserved length."""
        return head + b"." * (self._length - len(head) - 2) + b"\n\n"


def map_stream(path: Path) -> np.ndarray:
    """The images of an uncompressed :class:`NrrdStream`, memory-mapped read-only: (images, rows, columns) float32."""
    with path.open("rb") as file:
        columns = rows = count = 0
        while line := file.readline().rstrip(b"\n"):
            if line.startswith(b"sizes:"):
                columns, rows, count = (int(number) for number in line[6:].split())
        return np.memmap(path, "<f4", "r", file.tell(), (count, rows, columns))


class CineWriter:
    """Writes ``saliency.nrrd`` (float32 logits, uncompressed) and ``regions.nrrd`` (uint8) while a loop is explained.

    A context manager; :meth:`add` takes one explained frame after the other.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._streams: tuple[NrrdStream, NrrdStream] | None = None

    def __enter__(self) -> CineWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stream in self._streams or ():
            stream.close()

    def add(self, frame: ExplainedFrame) -> None:
        """Append a frame's maps; the first frame's spacing is that of the files."""
        explanation, spacing = frame.explanation, frame.case.frame.spacing
        if self._streams is None:
            names = dict(enumerate(RELEVANT, start=1))
            shape = explanation.labels.shape
            self._streams = (
                NrrdStream(self._folder / "saliency.nrrd", shape, np.float32, spacing),
                NrrdStream(self._folder / "regions.nrrd", shape, np.uint8, spacing, compressed=True, names=names),
            )
        self._streams[0].add(explanation.saliency)
        self._streams[1].add(explanation.labels)


def frames_csv(result: CineResult) -> str:
    """One row for each explained frame, as CSV text; columns of :func:`frame_row`."""
    rows = [frame_row(frame) for frame in result.frames]
    text = io.StringIO()
    table = csv.DictWriter(text, rows[0], lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def frame_row(frame: FrameResult) -> dict[str, object]:
    """A frame's numbers.

    Returns
    -------
    dict
        frame (from 1), time_s, mask_origin, annotated_frames, logit, probability, decision, rule; row, column, value
        (logits) and region of maximum and minimum; hit_* (1 or 0); contribution_* in logits; area_fraction_* of the
        scan area; the pixel's height and width in mm.
    """
    result = frame.result
    row_mm, column_mm = result.spacing_mm or ("", "")
    row: dict[str, object] = {
        "frame": frame.index + 1,
        "time_s": "" if frame.time_s is None else frame.time_s,
        "mask_origin": frame.mask_origin,
        "annotated_frames": " ".join(str(index + 1) for index in frame.annotated),
        "logit": result.logit,
        "probability": result.probability,
        "decision": result.decision,
        "rule": result.rule,
    }
    for which, word in (("max", "maximum"), ("min", "minimum")):
        point = result.extremes[which]
        for field in ("row", "column", "value", "region"):
            row[f"{word}_{field}"] = getattr(point, field)
    row |= {f"hit_{name}": int(hit) for name, hit in result.hits.items()}
    names = (*RELEVANT, REGIONS[ELSEWHERE])
    row |= {f"contribution_{name}": result.contributions.get(name, "") for name in names}
    row |= {f"area_fraction_{name}": result.area_fraction[name] for name in names}
    row |= {f"chance_{name}": share for name, share in result.chance.items()}
    return {**row, "pixel_height_mm": row_mm, "pixel_width_mm": column_mm}
