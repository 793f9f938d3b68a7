"""The same picture several times in a data set: exact copies, and copies that were resized, mirrored or compressed.

Public sets hold many (BUSI 235 of 780, some of them in both classes). A split that does not know of them tests on what
it was trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..core.errors import InputError
from ..readers.files import source_of
from ..readers.frames import read_frame
from .records import CaseRecord, Skipped

GRID = 64
"""Pictures are compared on a grid of this many rows and columns, whatever their size."""
HASH_BITS = 256
MAX_HASH_DISTANCE = 64
"""Bits of the perceptual hash in which copies may differ; unrelated pictures differ in about half of them."""
MIN_CORRELATION = 0.85
"""Correlation of the details on the grid from which two pictures are one.

Measured on BUS-BRA's 1,875 frames: two views of one patient reach 0.74 at most, two patients 0.63; halved, squeezed,
compressed or brightened copies stay above 0.98, copies with 1 % cut off each side above 0.90.
"""


@dataclass(frozen=True)
class Grouped:
    """Records whose `patient` is that of their group of duplicates, with what was left out and what to know."""

    records: tuple[CaseRecord, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]


class Fingerprint:
    """What a picture is compared by.

    Parameters
    ----------
    pixels : ndarray, shape (rows, columns), float32
        Grey 0..255.
    digest : str
        Equal for equal files.
    """

    def __init__(self, pixels: np.ndarray, digest: str) -> None:
        self.digest = digest
        self.details = _details(pixels)
        self.hash = _hash(self.details)


def find_duplicates(prints: Sequence[Fingerprint]) -> list[tuple[int, int, bool]]:
    """All pairs of pictures that are the same, mirrored or turned upside down ones included.

    A perceptual hash (signs of the details' low frequencies) names the candidates; the correlation of the details
    decides.

    Returns
    -------
    list of (int, int, bool)
        ``(first, second, exact)``, indices in order; exact when the digests are equal.
    """
    if len(prints) < 2:
        return []
    details = np.stack([entry.details for entry in prints])
    hashes = np.stack([entry.hash for entry in prints])
    pairs: dict[tuple[int, int], bool] = {}
    flips = (details, details[:, :, ::-1], details[:, ::-1], details[:, ::-1, ::-1])
    for number, turned in enumerate(flips):
        others = hashes if number == 0 else np.stack([_hash(entry) for entry in turned])
        for first in range(len(prints)):
            distance = HASH_BITS - (hashes[first] == others[first + 1 :]).sum(axis=1)
            for second in (first + 1 + np.flatnonzero(distance <= MAX_HASH_DISTANCE)).tolist():
                if float(np.mean(details[first] * turned[second])) >= MIN_CORRELATION:
                    exact = prints[first].digest == prints[second].digest
                    pairs[first, second] = exact or pairs.get((first, second), False)
    return [(first, second, exact) for (first, second), exact in sorted(pairs.items())]


def grouped(records: Sequence[CaseRecord]) -> Grouped:
    """Bring duplicates under one `patient`, so that no split can part them.

    Records whose duplicates carry the other label are left out, all of them: nobody knows which is right. Records whose
    picture cannot be read stay as they are; reading them tells why.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    prints, places = [], []
    for place, record in enumerate(records):
        try:
            frame = read_frame(record.image, index=record.frame, flip_rows=record.flip_rows)
            digest = source_of(record.image).sha256 + ("" if record.frame is None else f" {record.frame}")
            prints.append(Fingerprint(frame.pixels, digest))
        except InputError:
            continue
        places.append(place)
    pairs = find_duplicates(prints)
    if not pairs:
        return Grouped(tuple(records), (), ())
    first, second = (np.array([places[pair[k]] for pair in pairs]) for k in (0, 1))
    links = coo_array((np.ones(len(pairs)), (first, second)), (len(records), len(records)))
    group = connected_components(links, directed=False)[1]
    members: dict[int, list[int]] = {}
    for index, number in enumerate(group):
        members.setdefault(int(number), []).append(index)
    kept: list[CaseRecord] = []
    skipped: list[Skipped] = []
    several = [indices for indices in members.values() if len(indices) > 1]
    for index, record in enumerate(records):
        group_records = [records[k] for k in members[int(group[index])]]
        if len({other.label for other in group_records}) > 1:
            shown = next(other for other in group_records if other.label != record.label)
            skipped.append(
                Skipped(
                    record.identifier,
                    f"The same picture is {record.label} here and {shown.label} as {shown.identifier}.",
                )
            )
        else:
            kept.append(replace(record, patient=group_records[0].patient))
    exact = sum(pair[2] for pair in pairs)
    note = (
        f"{sum(map(len, several))} pictures are in {len(several)} groups of duplicates ({exact} exact pairs, "
        f"{len(pairs) - exact} resized, mirrored or compressed): each group counts as one patient."
    )
    return Grouped(tuple(kept), tuple(skipped), (note,))


def _details(pixels: np.ndarray) -> np.ndarray:
    """The picture on the grid without its slow changes of brightness (which all ultrasound pictures share), mean 0 and
    standard deviation 1."""
    from PIL import Image
    from scipy.ndimage import gaussian_filter

    small = Image.fromarray(np.ascontiguousarray(pixels, np.float32)).resize((GRID, GRID), Image.Resampling.BOX)
    grid = np.asarray(small, np.float32)
    fine = gaussian_filter(grid, 0.8) - gaussian_filter(grid, GRID / 10)
    return (fine - fine.mean()) / max(float(fine.std()), 1e-6)


def _hash(details: np.ndarray) -> np.ndarray:
    """Signs of the 16 x 16 lowest frequencies, bool."""
    from scipy.fft import dctn

    return dctn(details)[:16, :16].ravel() > 0
