"""A loop or a volume explained, from its file and its masks to a folder of results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..core.cine import Cine, with_settled_geometry
from ..core.cine_result import CineResult, ExplainedFrame, FrameResult
from ..core.errors import InputError, MissingPackageError
from ..core.explain import Explanation
from ..core.frame import Case, Frame, MaskOrigin
from ..core.outline import ANYWHERE, Prompt
from ..core.progress import Progress, silent
from ..core.propagation import MassTrack
from ..core.regions import mask_box
from ..core.settling import with_said_geometry, with_said_spacing
from ..core.sizes import confirmed_size, known_mm
from ..core.suggested import suggestion_notes
from ..core.writing import CINE_FILE, as_text, atomic_folder
from ..network.outline_loop import follow_mass
from ..pipeline import analyze_cine, load_model, load_outliner, with_field
from ..readers.cines import open_frames
from ..readers.masks import read_mask, read_masks
from ..readers.onto import Onto
from ..readers.placement import size_notes
from ..writers.cine_results import CineWriter, frames_csv, map_stream
from ..writers.curve import write_curve
from ..writers.figure import write_figure
from .request import MASK_AND_PROMPT, Request, stem

BATCH = 8
"""Frames in one pass of the network."""
Stated = tuple[str, tuple[float, float] | None]
"""A mask's name, and what its file says of its pixels' size."""
OUTLINES = 0.4
"""Share of the work that finding the outlines is, where there are no masks."""
SCENE_PIXELS = 60_000_000
"""Pixels of all frames together that a scene may hold: 125 frames of 600 x 800, in Slicer some 0.5 GB."""


@dataclass(frozen=True, kw_only=True)
class CineRequest(Request):
    """What the user asked for.

    Parameters
    ----------
    cine : Path
    masks : tuple of (index, Path)
        Number of a frame, from 1, and the file of its mask. Without a number: masks of all frames, or of the first.
        None at all: a network suggests the mass on each frame.
    prompt : Prompt
        Where the mass is, on frame `on`.
    on : int, optional
        Number of a frame, from 1, from which suggestions follow.
    propagate : bool
    frames : slice
        Of the loop's frames, as Python counts.
    axis : {0, 1, 2}
        How a volume is cut, see :func:`~..readers.volumes.read_stack`.
    """

    cine: Path
    masks: tuple[tuple[int | None, Path], ...] = ()
    prompt: Prompt = ANYWHERE
    on: int | None = None
    propagate: bool = False
    frames: slice = field(default_factory=lambda: slice(None))
    axis: int = 0

    def __post_init__(self) -> None:
        if self.masks and (self.prompt or self.on is not None):
            raise InputError(MASK_AND_PROMPT)


def explain_loop(request: CineRequest, progress: Progress = silent) -> tuple[Path, CineResult, str]:
    """Read, explain frame by frame and write.

    Returns
    -------
    Path
        The folder that was written.
    CineResult
    str
        What is to be said of its ``scene.mrb``, if anything.

    Raises
    ------
    BreastMassXAIError
        With one sentence; then nothing is written.
    """
    progress(0, 1, "reading")
    cine, track, chosen = _chosen(request, _share(progress, 0.0, OUTLINES))
    out = request.out or Path(f"{stem(request.cine)}-explained")
    with atomic_folder(out, request.force, CINE_FILE) as folder:
        bundle = with_field(load_model(request.model), request.network_field)
        for_scene = _SceneFrames(_shown(chosen, track, track.shape[0] * track.shape[1]))
        strongest = _Strongest(bundle.classifier.at(request.settings.operating_point).threshold_logit)
        with CineWriter(folder) as writer:
            result = analyze_cine(
                cine,
                track,
                bundle,
                request.settings,
                frames=chosen,
                batch=BATCH,
                each=_all_of(writer.add, for_scene.add, strongest.add),
                progress=_share(progress, 0.0 if request.masks else OUTLINES, 0.9),
            )
        progress(90, 100, "pictures")
        _write_texts(folder, result)
        write_curve(folder / "curve.png", result)
        assert strongest.frame is not None
        write_figure(folder / "figure.png", strongest.frame.case, strongest.frame.explanation)
        progress(93, 100, "Slicer scene")
        note = _write_scene(folder, for_scene, cine, result, as_text(stem(request.cine)))
    progress(100, 100, "done")
    return out, result, note


def look_at_loop(request: CineRequest, progress: Progress = silent) -> tuple[CineResult, ExplainedFrame]:
    """Read and explain frame by frame without writing anything; ``out`` and ``force`` are not asked.

    Returns
    -------
    CineResult
    ExplainedFrame
        The strongest frame.

    Raises
    ------
    BreastMassXAIError
        With one sentence.
    """
    cine, track, chosen = _chosen(request, progress)
    bundle = with_field(load_model(request.model), request.network_field)
    strongest = _Strongest(bundle.classifier.threshold_logit)
    result = analyze_cine(
        cine, track, bundle, request.settings, frames=chosen, batch=BATCH, each=strongest.add, progress=progress
    )
    assert strongest.frame is not None
    return result, strongest.frame


def _chosen(request: CineRequest, progress: Progress) -> tuple[Cine, MassTrack, range]:
    """The loop, its masses, and which of its frames are looked at."""
    if request.masks:
        cine, onto = open_frames(request.cine, None, request.axis, request.flip_rows)
        chosen = _frames(request, cine)
        found, notes, stated = _masks(request, cine, onto)
        track = MassTrack(found.items(), request.propagate)
    else:
        cine, track, notes = _outlined(request, progress)
        chosen, stated = _frames(request, cine), []
    cine = _settled(request, track, notes, stated)
    if request.settings.ring_mm > 0:
        known_mm(cine.first_readable([*track.annotated, *range(len(cine))])[1])  # refused before a model is loaded
    return cine, track, chosen


def _frames(request: CineRequest, cine: Cine) -> range:
    chosen = range(len(cine))[request.frames]
    if not chosen:
        raise InputError(f"None of the {len(cine)} frames is chosen.")
    return chosen


def _outlined(request: CineRequest, progress: Progress) -> tuple[Cine, MassTrack, tuple[str, ...]]:
    """The loop as its file and its user say, and the masses that a network suggests on it."""
    point = request.prompt.point
    cine, _ = open_frames(request.cine, point, request.axis, request.flip_rows)
    chosen = _frames(request, cine)
    start = None if request.on is None else request.on - 1
    if start is not None and start >= len(cine):
        raise InputError(f"There is no frame {start + 1}: {request.cine.name} has {len(cine)} frames.")
    if start is None and request.prompt:
        start = chosen[0]
    index, _ = cine.first_readable(chosen if start is None else [start])
    seen = _with_geometry(cine, index, None, request, point)
    if request.settings.ring_mm > 0:
        known_mm(seen.read(index))  # refused before a network looks for nothing
    track, first = follow_mass(
        seen,
        load_outliner(),
        request.prompt,
        start=start,
        frames=chosen,
        propagate=request.propagate,
        progress=progress,
    )
    return cine, track, suggestion_notes(first)


def _settled(request: CineRequest, track: MassTrack, notes: tuple[str, ...], stated: Sequence[Stated]) -> Cine:
    """The loop with the user's pixel size, else that of the region which holds the mass."""
    mass = track.at(track.annotated[0])
    assert mass is not None
    cine, _ = open_frames(request.cine, mask_box(mass.mask), request.axis, request.flip_rows)
    # Nothing may be seen on the annotated frame itself, as on any other.
    index, frame = cine.first_readable([*track.annotated, *range(len(cine))])
    for name, stated_mm in stated:
        notes += size_notes(name, stated_mm, frame)
    return _with_geometry(_noted(cine, notes), index, (track.at(index) or mass).mask, request)


def _noted(cine: Cine, notes: tuple[str, ...]) -> Cine:
    """The loop with what had to be decided about its masks among its warnings."""

    def read(index: int) -> Frame:
        frame = cine.read(index)
        return replace(frame, warnings=(*frame.warnings, *notes))

    return replace(cine, read=read, warnings=(*cine.warnings, *notes)) if notes else cine


def _with_geometry(
    cine: Cine,
    annotated: int,
    mass: np.ndarray | None,
    request: CineRequest,
    point: tuple[float, float] | None = None,
) -> Cine:
    """The loop with the user's pixel size, and with the scan area and beams that an annotated frame has."""
    said = request.said_of(cine.read(annotated).shape)
    sized = replace(cine, read=lambda index: with_said_spacing(cine.read(index), said))
    confirmed_size(sized.read(annotated), request.confirmed_size)
    return with_settled_geometry(
        sized,
        annotated,
        lambda frame: with_said_geometry(frame, mass, said, point),
        keep_area=isinstance(said.scan_area, str) and said.scan_area == "auto",
    )


def _masks(request: CineRequest, cine: Cine, onto: Onto) -> tuple[dict[int, np.ndarray], tuple[str, ...], list[Stated]]:
    """The masks of all files by frame, what had to be decided about them, and what each says of its pixels' size."""
    masks: dict[int, np.ndarray] = {}
    notes: tuple[str, ...] = ()
    stated: list[Stated] = []
    first = cine.first_readable()[1]
    for number, path in request.masks:
        if number is None:
            read = read_masks(path, onto.at(0, first), request.segments)
            found, said = read.found, read.notes
            stated.append((path.name, read.stated_mm))
        else:
            if number > len(cine):
                raise InputError(f"There is a mask for frame {number}, but {request.cine.name} has {len(cine)} frames.")
            frame = cine.first_readable([number - 1, *range(len(cine))])[1]
            mask = read_mask(path, onto.at(number - 1, frame), request.segments)
            found, said = {number - 1: mask.pixels}, mask.notes
            stated.append((path.name, mask.stated_mm))
        for index, pixels in found.items():
            if index in masks:
                raise InputError(f"There are two masks for frame {index + 1}.")
            masks[index] = pixels
        notes += tuple(note for note in said if note not in notes)
    return masks, notes, stated


def _write_texts(folder: Path, result: CineResult) -> None:
    for name, text in ((CINE_FILE, result.to_json()), ("frames.csv", frames_csv(result))):
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def _write_scene(folder: Path, frames: _SceneFrames, cine: Cine, result: CineResult, name: str) -> str:
    """Write the scene; where Slicer's libraries are missing, say so instead of failing the rest."""
    try:
        from ..hosts.headless import HeadlessSlicer

        headless = HeadlessSlicer()
        headless.add_cine(frames.read(cine, map_stream(folder / "saliency.nrrd")), result, name)
        headless.save(folder / "scene.mrb")
    except MissingPackageError as error:
        return f"without scene.mrb: {error}"
    if len(frames) < len(result.frames):
        return f"scene.mrb shows {len(frames)} of the {len(result.frames)} frames, evenly chosen"
    return ""


def _shown(chosen: range, track: MassTrack, pixels: int) -> set[int]:
    """The frames for the scene: all that have a mask, or evenly chosen ones where they are too many for Slicer."""
    explained = [index for index in chosen if track.at(index) is not None]
    room = max(SCENE_PIXELS // pixels, 1)
    if len(explained) <= room:
        return set(explained)
    return {explained[round(place)] for place in np.linspace(0, len(explained) - 1, room)}


class _SceneFrames:
    """Remembers of the frames that the scene shall show what is not on the disk already."""

    def __init__(self, wanted: set[int]) -> None:
        self._wanted = wanted
        self._kept: list[tuple[int, FrameResult, np.ndarray, np.ndarray]] = []
        self._seen = 0

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, frame: ExplainedFrame) -> None:
        if frame.entry.index in self._wanted:
            self._kept.append((self._seen, frame.entry, frame.case.mass, frame.explanation.labels))
        self._seen += 1

    def read(self, cine: Cine, saliency: np.ndarray) -> Iterator[ExplainedFrame]:
        """The frames again, one by one, with their maps from ``saliency.nrrd``."""
        for place, entry, mass, labels in self._kept:
            origin = MaskOrigin(entry.result.mask["origin"])
            case = Case(cine.read(entry.index), mass, mass_origin=origin)
            yield ExplainedFrame(entry, case, Explanation(entry.result, saliency[place], labels))


class _Strongest:
    """Keeps the frame that :class:`CineResult` calls the strongest, for its picture."""

    def __init__(self, threshold_logit: float) -> None:
        self._threshold_logit = threshold_logit
        self._strength = -1.0
        self.frame: ExplainedFrame | None = None

    def add(self, frame: ExplainedFrame) -> None:
        strength = abs(frame.entry.result.logit - self._threshold_logit)
        if strength > self._strength:
            self._strength, self.frame = strength, frame


def _all_of(*consumers: Callable[[ExplainedFrame], None]) -> Callable[[ExplainedFrame], None]:
    def each(frame: ExplainedFrame) -> None:
        for consumer in consumers:
            consumer(frame)

    return each


def _share(progress: Progress, start: float, stop: float) -> Progress:
    """A part of the whole, told in hundredths."""

    def part(done: int, total: int, what: str) -> None:
        share = start + (stop - start) * done / total
        progress(round(100 * share), 100, f"{what} {done} of {total}")

    return part
