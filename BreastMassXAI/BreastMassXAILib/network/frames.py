"""Frames ready for training: their fields cut out once, with room around them, in 8 bits, on the network's device."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..core.contributions import cell_coverage
from ..core.errors import InputError, SpacingError
from ..core.field import Field, FieldRule
from ..core.frame import Case
from ..core.progress import Progress, silent
from ..core.regions import region_labels
from ..core.result import Settings
from .augmentation import NUMBERS, VARIATIONS, Variation, vary
from .preprocessing import Preprocessing, resample_field
from .processes import Processes

Prepared = TypeVar("Prepared")

_ROOM = {"frame": 1.0, "scan-area": 1.0}
"""Beyond the whole frame there is nothing to keep."""
_ROOM_AROUND = 1.6
"""Side of the crop : side of the field where a frame goes on around its field."""
_FINER = 1.25
"""Crops have so many times the pixels of the network's input, so that a second resampling blurs variants little."""
RING_MM = Settings().ring_mm


@dataclass(frozen=True, eq=False)
class TrainingFrames:
    """The fields of the frames that this process holds.

    Parameters
    ----------
    crops : Tensor of uint8, shape (n held, rows, columns)
    regions : Tensor of uint8, shape (n held, h, w), optional
        Region labels of the same rectangles; None where nobody asks for them.
    room : float
        Side of a crop : side of its field.
    preprocessing : Preprocessing
    place : ndarray of int, shape (n,)
        Where in `crops` a frame lies; -1 for frames that another process holds.
    unreadable : mapping of index to reason
        Frames that could not be read, in the same words in every process.
    """

    crops: Tensor
    regions: Tensor | None
    room: float
    preprocessing: Preprocessing
    place: np.ndarray
    unreadable: dict[int, str]

    def held(self, indices: np.ndarray) -> np.ndarray:
        """Which of some frames this process holds, bool."""
        return self.place[indices] >= 0

    def variants(
        self, indices: np.ndarray, numbers: np.ndarray, noise: torch.Generator, variation: Variation
    ) -> tuple[Tensor, Tensor | None]:
        """Variants of frames that are held here.

        Parameters
        ----------
        indices : ndarray of int, shape (n,)
        numbers : ndarray, shape (n, numbers)
            Of these frames, from :func:`~.augmentation.draw`.

        Returns
        -------
        inputs : Tensor, shape (n, 3, size, size)
        coverage : Tensor, shape (n, 4, size // 4, size // 4), or None
        """
        device = self.crops.device
        chosen = torch.from_numpy(self.place[indices]).to(device)
        grey, coverage = vary(
            self.crops[chosen],
            None if self.regions is None else self.regions[chosen],
            self.room,
            self.preprocessing.size,
            variation,
            torch.from_numpy(numbers).to(device),
            noise,
        )
        return self.preprocessing.normalise(grey), coverage

    def plain(self, indices: np.ndarray, mirrored: bool = False) -> Tensor:
        """Frames that are held here as they are (or mirrored), ready for the network, shape (n, 3, size, size)."""
        numbers = np.full((len(indices), NUMBERS), 0.5, np.float32)
        numbers[:, 0] = 0.0 if mirrored else 1.0
        variation = Variation(0.5, 0, 0, 0, 0, 0, 0, 0) if mirrored else VARIATIONS["none"]
        return self.variants(indices, numbers, torch.Generator(self.crops.device), variation)[0]


def ahead(function: Callable[[int], Prepared], arguments: Sequence[int], workers: int = 1) -> Iterator[Prepared]:
    """``map(function, arguments)``, with the next results being made while the one before is used."""
    with ThreadPoolExecutor(workers) as executor:
        waiting: deque[Future[Prepared]] = deque()
        for argument in arguments:
            waiting.append(executor.submit(function, argument))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def prepare_frames(
    cases: Sequence[Case],
    rule: FieldRule,
    preprocessing: Preprocessing,
    device: torch.device,
    *,
    regions: bool,
    processes: Processes | None = None,
    progress: Progress = silent,
) -> TrainingFrames:
    """Read every frame of this process's share and cut out its field.

    Parameters
    ----------
    regions : bool
        Whether region labels are wanted as well; frames of unknown pixel size then count as unreadable, as a ring in
        millimetres would be made up.

    Raises
    ------
    InputError
        When no frame can be read, or a process has none.
    MemoryError
        When the crops do not fit into memory.
    """
    processes = processes or Processes()
    shares = range(processes.rank, len(cases), processes.count)
    room = _ROOM.get(rule.kind, _ROOM_AROUND)
    side = round(preprocessing.size * room * _FINER)
    place = np.full(len(cases), -1)
    reasons: dict[int, str] = {}
    crops: list[np.ndarray] = []
    labels: list[np.ndarray | None] = []

    def prepare(index: int) -> tuple[np.ndarray, np.ndarray | None] | str:
        try:
            case = cases[index]
            field = rule.field(case.mass, case.frame.scan_area, case.frame.spacing)
            crop = field.widened(room)
            grey = resample_field(case.frame.pixels, crop, side)
            if not regions:
                return grey.round().astype(np.uint8), None
            found = region_labels(case.mass, case.frame.spacing, RING_MM, case.frame.beams, case.frame.scan_area)
            return grey.round().astype(np.uint8), _resampled_labels(found, crop, side // 2)
        except SpacingError as error:
            return f"{error} Training with --energy needs the regions: give --assume-width or --spacing."
        except InputError as error:
            return str(error)

    for done, (index, found) in enumerate(zip(shares, ahead(prepare, shares, 4), strict=True)):
        progress(done + 1, len(shares), "frames")
        if isinstance(found, str):
            reasons[index] = found
            continue
        place[index] = len(crops)
        crops.append(found[0])
        labels.append(found[1])
    unreadable = processes.union(reasons)
    if len(unreadable) == len(cases):
        raise InputError(f"There is no frame to train on: {next(iter(unreadable.values()), 'the data set is empty')}")
    lacking = InputError(f"One of the {processes.count} processes has no readable frame: start fewer.")
    processes.agree(lacking if not crops else None)
    stacked = torch.from_numpy(np.stack(crops)).to(device)
    marked = torch.from_numpy(np.stack(labels)).to(device) if regions else None  # type: ignore[arg-type]
    return TrainingFrames(stacked, marked, room, preprocessing, place, unreadable)


def _resampled_labels(labels: np.ndarray, crop: Field, side: int) -> np.ndarray:
    """Of each cell the region that covers most of it, shape (side, side)."""
    return cell_coverage(labels, crop, (side, side)).argmax(axis=0).astype(np.uint8)


def cells_of(coverage: Tensor, cells: tuple[int, int]) -> Tensor:
    """Coverage (n, 4, h, w) on the map's cells."""
    return functional.adaptive_avg_pool2d(coverage, cells)
