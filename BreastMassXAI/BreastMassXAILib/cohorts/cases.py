"""A data set's records -> cases, read one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..core.errors import InputError
from ..core.frame import Case
from ..core.settling import Said, SpacingAssumption, settle, with_said_spacing
from ..readers.files import source_of
from ..readers.frames import read_frame_and_mask
from .packs import changes_geometry, packed_digest, read_packed
from .records import CaseRecord


def read_case(record: CaseRecord, assumption: SpacingAssumption | None = None) -> Case:
    """Read a case's image and masks; scan area and beams are found as for a single frame.

    The pixel size is that of the record, else that of the image file, else the one assumed, else unknown.

    Raises
    ------
    InputError
        When a file cannot be read or the mask does not fit (see :func:`~.frames.read_frame_and_mask`).
    """
    said = Said(spacing=record.spacing, otherwise=assumption or SpacingAssumption())
    if record.pack is not None:
        if record.spacing is None and assumption not in (None, SpacingAssumption()) and changes_geometry(record.pack):
            raise InputError(
                f"The frames of the pack {record.pack.name} were cut or shrunk, so that a pixel size cannot be assumed "
                "any more: pack them again with --assume-width or --spacing."
            )
        case = read_packed(record)
        return replace(case, frame=with_said_spacing(case.frame, said))
    frame, mass, source = read_frame_and_mask(
        record.image,
        (record.mask, *record.more_masks),
        record.frame,
        segments=record.segments,
        flip_rows=record.flip_rows,
    )
    return settle(frame, mass, said, source, label=record.label, patient=record.patient, view=record.view)


def image_digest(record: CaseRecord) -> str:
    """SHA-256 of a case's image file; of a packed one, of the file that was packed."""
    if record.pack is None:
        return source_of(record.image).sha256
    return packed_digest(record)


class Cases(Sequence[Case]):
    """Cases that are read when they are asked for, so that a data set need not fit into memory."""

    def __init__(self, records: Sequence[CaseRecord], assumption: SpacingAssumption | None = None) -> None:
        self._records = records
        self._assumption = assumption

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: Any) -> Any:
        return read_case(self._records[index], self._assumption)
