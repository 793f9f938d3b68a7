"""One file and the frame that it belongs to in, the mass's mask out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..core.errors import InputError, shown
from ..core.frame import Source
from .dicom_masks import DicomMask, read_dicom_mask
from .files import Kind, identify, source_of
from .mask_colours import mark_colours
from .mask_rule import Marked, mark, specks
from .onto import Onto, as_drawn, as_the_frame, check_size, count_sentence, own_warnings
from .pictures import read_picture
from .placement import Grid, Placed, place
from .segments import Segment, choose, listed_segments
from .unconfirmed import unconfirmed
from .volumes import Volume, read_stack

FRACTIONAL_LIMITS = (-108.0, 108.0)
"""Values of Slicer's fractional labelmaps (vtkSegmentation's ``FRACTIONAL_MIN`` and ``FRACTIONAL_MAX``)."""


class Mask(NamedTuple):
    """The mass on one frame.

    Parameters
    ----------
    pixels : ndarray of bool, shape (rows, columns)
    source : Source
    notes : tuple of str
        What had to be decided: they belong to the frame's warnings.
    stated_mm : (row, column), optional
        What the mask's own header says of a pixel, where the frame's file has no geometry to be compared with.
    """

    pixels: np.ndarray
    source: Source
    notes: tuple[str, ...] = ()
    stated_mm: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Masks:
    """The mass on the frames of a loop: for some of them, by index, ndarray of bool; the rest as of :class:`Mask`."""

    found: dict[int, np.ndarray]
    notes: tuple[str, ...] = ()
    stated_mm: tuple[float, float] | None = None

    def __iter__(self) -> Iterator[tuple[int, np.ndarray]]:
        return iter(self.found.items())


def read_mask(path: Path, onto: Onto | tuple[int, int], segments: Sequence[str] = ()) -> Mask:
    """Read the mask of the mass on one frame.

    Two levels are mass and background. A mask of more levels is cut at half of its range, a fractional segmentation by
    its own definition. Of several segments that with a name such as mass, tumour or lesion is the mass; of several
    labels without names one must be chosen.

    Parameters
    ----------
    path : Path
        PNG, JPEG, BMP, TIFF, NRRD (``.seg.nrrd`` too, cropped, layered, fractional), MHA/MHD, NIfTI or DICOM
        (Segmentation too).
    onto : Onto or (rows, columns)
    segments : sequence of str
        The names or values that are the mass (colours as ``#rrggbb``), where a person chose them.

    Raises
    ------
    SegmentChoiceError
        When several segments or labels could be the mass, or one that was chosen is not there.
    InputError
        When the file is missing, unreadable, damaged or too large, does not fit the frame, marks nothing on it, or is
        a picture of tissue rather than a mask.
    MissingPackageError
        When a compressed DICOM file needs a decoder that is not installed.
    """
    path = Path(path)
    if not isinstance(onto, Onto):
        onto = Onto(onto)
    placed, detached = _read(path, onto, segments)
    count = len(placed.pixels)
    if count == onto.count:
        pixels = placed.pixels[onto.index]
    elif count == 1:
        pixels = placed.pixels[0]
        if placed.first is not None and placed.first != onto.index:
            raise InputError(f"The mask {path.name} is of frame {placed.first + 1}, not of frame {onto.index + 1}.")
    else:
        raise InputError(count_sentence(path, placed.pixels.shape, onto))
    if not pixels.any():
        where = f" on frame {onto.index + 1}" if count > 1 else ""
        what = "no pixel is marked as mass" if not segments else f"no pixel has the label {shown(', '.join(segments))}"
        raise InputError(f"The mask {path.name} is empty: {what}{where}.")
    return Mask(pixels, source_of(path, detached), placed.notes + specks(path.name, pixels), placed.stated_mm)


def read_masks(path: Path, onto: Onto, segments: Sequence[str] = ()) -> Masks:
    """Read the masks of a mass on all frames of a loop, or on all planes of a volume.

    A single mask is that of the slice which its header tells, else of frame `onto.index`.

    Parameters
    ----------
    path : Path
        NRRD (``.seg.nrrd`` too), MHA/MHD, NIfTI or DICOM Segmentation with the loop's frames as slices, or on the
        volume's grid; or anything that :func:`read_mask` reads.
    onto : Onto
    segments : sequence of str
        As for :func:`read_mask`.

    Returns
    -------
    Masks
        Of the frames on which the mass is marked.

    Raises
    ------
    InputError, MissingPackageError
        As :func:`read_mask`.
    """
    path = Path(path)
    placed, _ = _read(path, onto, segments)
    count = len(placed.pixels)
    if count not in (1, onto.count) and placed.first is None:
        raise InputError(count_sentence(path, placed.pixels.shape, onto))
    first = onto.index if placed.first is None and count == 1 else placed.first or 0
    notes = placed.notes
    found = {first + k: pixels for k, pixels in enumerate(placed.pixels) if pixels.any()}
    for pixels in found.values():
        notes += tuple(note for note in specks(path.name, pixels) if note not in notes)
    if not found:
        raise InputError(f"The mask {path.name} is empty: no pixel is marked as mass.")
    return Masks(found, notes, placed.stated_mm)


def _read(path: Path, onto: Onto, segments: Sequence[str]) -> tuple[Placed, np.ndarray | None]:
    """The mask on the frame's grid and in its sense, frame by frame; and the pixels of a detached header."""
    kind = identify(path)
    if kind is Kind.VOLUME:
        volume = read_stack(path)
        placed = _of_volume(path, volume, onto, segments)
        return placed._replace(notes=placed.notes + unconfirmed(path, volume, placed.pixels)), volume.stored
    if kind is Kind.PICTURE:
        picture = read_picture(path)
        check_size(path, picture.pixels.shape, onto.shape)
        frame, values = as_drawn(onto), picture.pixels
        if picture.indices is not None and segments and not any(text.startswith("#") for text in segments):
            marked = mark(path.name, picture.indices, segments)
        elif values.ndim == 3:
            marked = mark_colours(path.name, values, picture.alpha, segments, frame, lossy=picture.lossy)
        elif picture.alpha is not None:
            marked = mark_colours(path.name, np.dstack([values] * 3), picture.alpha, segments, frame)
        else:
            marked = mark(path.name, values, segments, frame, lossy=picture.lossy)
        return as_the_frame(path, marked.pixels[None], marked.notes, onto), None
    found = read_dicom_mask(path)
    check_size(path, found.pixels.shape[1:], onto.shape)
    return _of_dicom(path, found, onto, segments), None


def _of_volume(path: Path, volume: Volume, onto: Onto, segments: Sequence[str]) -> Placed:
    marked = _volume_mask(path, volume, onto, segments)
    grid = onto.grid
    if grid is None:  # the frame has no geometry to compare with: each is taken as it shows itself
        if volume.grid.stated and not volume.grid.is_plain(volume.turned):
            raise InputError(
                f"The mask {path.name} is stored turned or mirrored, as its header tells, and the frame's file does "
                "not say how it lies: save the mask on the frame's own grid."
            )
        if volume.turned:
            marked = Marked(marked.pixels[:, ::-1], (*marked.notes, *own_warnings(path, volume.warnings)))
        shape = (onto.count if len(marked.pixels) > 1 else max(onto.count, 1), *onto.shape)
        offset = volume.grid.offset
        here = Grid(shape, np.eye(3), (1.0, 1.0, 1.0), np.zeros(3), False)
        own = Grid(volume.grid.shape, np.eye(3), (1.0, 1.0, 1.0), np.zeros(3), False, offset)
        if len(marked.pixels) > 1 and marked.pixels.shape[0] != onto.count and not (offset and any(offset)):
            raise InputError(count_sentence(path, marked.pixels.shape, onto))
        placed = place(path.name, marked.pixels, own, here)
        pixels = placed.pixels[:, ::-1] if onto.flipped and onto.turned else placed.pixels
        stated = volume.grid.spacing[1:] if volume.grid.stated and 1.0 not in volume.grid.spacing[1:] else None
        return Placed(pixels, placed.first, marked.notes + placed.notes, stated)
    if (
        marked.pixels.shape[0] > 1
        and marked.pixels.shape[0] > grid.shape[0]
        and volume.grid.shape[1:] == grid.shape[1:]
    ):
        raise InputError(count_sentence(path, marked.pixels.shape, onto))
    placed = place(path.name, marked.pixels, volume.grid, grid)
    pixels, first = placed.pixels, placed.first
    if onto.axis:
        if len(pixels) != grid.shape[0]:
            if first is None:
                raise InputError(count_sentence(path, pixels.shape, onto))
            whole = np.zeros(grid.shape, bool)
            whole[first : first + len(pixels)] = pixels
            pixels = whole
        pixels = pixels.transpose(2, 1, 0) if onto.axis == 2 else pixels.transpose(1, 0, 2)
        first = 0
    elif len(pixels) > 1 and len(pixels) != grid.shape[0] and first is None:
        raise InputError(count_sentence(path, pixels.shape, onto))
    elif 1 < len(pixels) < grid.shape[0]:
        whole = np.zeros(grid.shape, bool)
        whole[first : (first or 0) + len(pixels)] = pixels
        pixels, first = whole, 0
    if volume.grid.is_comparable(grid):
        return Placed(pixels[:, ::-1] if onto.turned else pixels, first, marked.notes + placed.notes)
    drawn = as_the_frame(path, pixels, marked.notes + placed.notes, onto)
    return Placed(drawn.pixels, first, drawn.notes)


def _volume_mask(path: Path, volume: Volume, onto: Onto, segments: Sequence[str]) -> Marked:
    """The mask on the file's own grid, shape (slices, rows, columns), as stored."""
    values, name = volume.stored, path.name
    listed = listed_segments(volume.metadata)
    if not listed:
        frame = _in_sense(onto, volume)
        if values.ndim == 3:
            return mark(name, values, segments, frame)
        if values.shape[0] > 1 or values.shape[3] not in (2, 3, 4):
            raise InputError(f"{name} has {values.shape[3]} values in each pixel: it is no mask.")
        if values.dtype.kind not in "iu":
            values = np.rint(values).astype(np.int64)
        alpha = values[0, ..., -1] if values.shape[3] in (2, 4) else None
        colours = values[0, ..., :3] if values.shape[3] > 2 else np.dstack([values[0, ..., 0]] * 3)
        marked = mark_colours(name, colours, alpha, segments, frame)
        return Marked(marked.pixels[None], marked.notes)
    layers = values if values.ndim == 4 else values[..., None]
    for segment in listed:
        if segment.layer >= layers.shape[3]:
            raise InputError(f"The mask {name} is damaged: the layer of its segment {shown(segment.name)} is missing.")
    form = volume.metadata.get("Segmentation_MasterRepresentation", "") + volume.metadata.get(
        "Segmentation_SourceRepresentation", ""
    )
    fractional = "fractional" in form.lower()
    notes: tuple[str, ...] = ()
    drawn: dict[Segment, np.ndarray] = {}
    for segment in listed:
        layer = layers[..., segment.layer]
        drawn[segment] = layer > FRACTIONAL_LIMITS[0] if fractional else layer == segment.label
    chosen, choice_notes = choose(name, listed, [each for each in listed if drawn[each].any()], segments)
    mask = np.zeros(layers.shape[:3], bool)
    for segment in chosen:
        if fractional:
            part = mark(name, layers[..., segment.layer], frame=_in_sense(onto, volume), limits=FRACTIONAL_LIMITS)
            mask, notes = mask | part.pixels, notes + part.notes
        else:
            mask |= drawn[segment]
    return Marked(mask, choice_notes + notes)


def _in_sense(onto: Onto, volume: Volume) -> np.ndarray | None:
    """The frame as it would be stored in the mask's file, where the two can be compared."""
    if onto.pixels is None or len(volume.pixels) > 1:
        return None
    turned = volume.turned
    if onto.grid is not None:
        turned = onto.turned and (onto.flipped or volume.grid.is_comparable(onto.grid))
    return onto.pixels[::-1] if turned else onto.pixels


def _of_dicom(path: Path, found: DicomMask, onto: Onto, segments: Sequence[str]) -> Placed:
    """A DICOM image, or the segments of a DICOM Segmentation on the frames that it names."""
    frame = as_drawn(onto)
    if not found.segments:
        values = found.pixels
        if values.ndim == 4:
            marked = mark_colours(path.name, values[0], None, segments, frame)
            marked = Marked(marked.pixels[None], marked.notes)
        else:
            marked = mark(path.name, values, segments, frame if len(values) == 1 else None, lossy=found.lossy)
        return as_the_frame(path, marked.pixels, marked.notes, onto)
    marks = Marked(found.pixels != 0)
    if found.limit:
        marks = mark(path.name, found.pixels, frame=frame, limits=(0.0, found.limit))
    present = [each for each in found.segments if marks.pixels[[n == each.label for n in found.numbers]].any()]
    chosen, notes = choose(path.name, found.segments, present, segments)
    if found.limit:
        soft = tuple(note for note in marks.notes)
        notes += soft
    labels = {segment.label for segment in chosen}
    slices = [k for k, number in enumerate(found.numbers) if number in labels]
    places = _frames_of(path, found, slices, onto)
    whole = np.zeros((max(places.values(), default=0) + 1 if onto.count == 1 else onto.count, *onto.shape), bool)
    for k in slices:
        whole[places[k]] |= marks.pixels[k]
    placed = as_the_frame(path, whole, notes, onto)
    if onto.count > 1 and found.frames is None and len(set(places.values())) == 1 and len(slices) <= len(labels):
        return Placed(placed.pixels[:1], None, placed.notes)
    return placed


def _frames_of(path: Path, found: DicomMask, slices: list[int], onto: Onto) -> dict[int, int]:
    """Which of the loop's frames each frame of a DICOM Segmentation is of: as it says, else in their order."""
    if found.frames is not None:
        places = {k: found.frames[k] for k in slices}
        if onto.count == 1:
            return dict.fromkeys(places, 0) if len(set(places.values())) <= 1 else _refuse_frames(path, places, onto)
        if any(not 0 <= place < onto.count for place in places.values()):
            return _refuse_frames(path, places, onto)
        return places
    seen: dict[int, int] = {}
    places = {}
    for k in slices:
        number = found.numbers[k]
        places[k] = seen.get(number, 0)
        seen[number] = places[k] + 1
    most = max(seen.values(), default=1)
    if most not in (1, onto.count):
        return _refuse_frames(path, places, onto)
    return places


def _refuse_frames(path: Path, places: dict[int, int], onto: Onto) -> dict[int, int]:
    numbers = sorted(set(places.values()))
    raise InputError(
        f"The mask {path.name} is of {len(numbers)} frames (up to frame {numbers[-1] + 1}), where there are "
        f"{onto.count}."
    )
