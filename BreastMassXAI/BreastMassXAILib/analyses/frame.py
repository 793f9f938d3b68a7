"""One frame explained, from its files to a folder of results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..core.errors import InputError, MissingPackageError
from ..core.explain import Explanation
from ..core.frame import Case, MaskOrigin
from ..core.lexicon import checked_words
from ..core.outline import ANYWHERE, Prompt
from ..core.progress import Progress, silent
from ..core.settling import settle
from ..core.sizes import confirmed_size, known_mm
from ..core.writing import as_text, atomic_folder
from ..pipeline import analyze, load_model, with_field
from ..readers.frames import read_frame_and_mask
from ..writers.figure import write_figure
from ..writers.methods import write_methods
from ..writers.results import write_result
from .outlining import outline
from .request import MASK_AND_PROMPT, Request, stem

STEPS = 6


@dataclass(frozen=True, kw_only=True)
class FrameRequest(Request):
    """What the user asked for a frame; `frame_number` counts from 1, `words` are a reader's of the lexicon.

    Without `mask` the mass is the one that a network suggests, where `prompt` says.
    """

    frame: Path
    mask: Path | None = None
    prompt: Prompt = ANYWHERE
    frame_number: int | None = None
    words: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.mask is not None and self.prompt:
            raise InputError(MASK_AND_PROMPT)


def explain_frame(request: FrameRequest, progress: Progress = silent) -> tuple[Path, list[Explanation], str]:
    """Read, explain and write.

    Returns
    -------
    Path
        The folder that was written.
    list of Explanation
        By the settings' method first, then by each of the others.
    str
        Why there is no ``scene.mrb`` in it; empty where there is one.

    Raises
    ------
    BreastMassXAIError
        With one sentence; then nothing is written.
    """
    progress(0, STEPS, "reading")
    case = _case(request, progress)
    out = request.out or Path(f"{stem(request.frame)}-explained")
    with atomic_folder(out, request.force) as folder:
        progress(1, STEPS, "loading the model")
        bundle = with_field(load_model(request.model), request.network_field)
        progress(2, STEPS, "network")
        explanation = analyze(case, bundle, request.settings)
        others = [analyze(case, bundle, replace(request.settings, method=name)) for name in request.methods]

        def part(done: int, total: int, what: str) -> None:
            progress(done + STEPS - total, STEPS, what)

        note = write_explanation(folder, case, explanation, as_text(stem(request.frame)), part)
        if others:
            write_methods(folder, case, [explanation, *others])
    progress(STEPS, STEPS, "done")
    return out, [explanation, *others], note


def _case(request: FrameRequest, progress: Progress) -> Case:
    if request.mask is None:
        progress(0, STEPS, "outline")
        ring = request.settings.ring_mm > 0
        found = outline(request.frame, request.frame_number, request.prompt, request, in_mm=ring)
        frame, mass, source, origin = found.read, found.suggestion.mass, None, MaskOrigin.AUTOMATIC
    else:
        index = None if request.frame_number is None else request.frame_number - 1
        frame, mass, source = read_frame_and_mask(
            request.frame, request.mask, index, segments=request.segments, flip_rows=request.flip_rows
        )
        origin = MaskOrigin.IMPORTED
    case = settle(frame, mass, request.said_of(frame.shape), source, origin=origin)
    case = replace(case, words=checked_words(request.words))
    confirmed_size(case.frame, request.confirmed_size)
    if request.settings.ring_mm > 0:
        known_mm(case.frame)  # refused before a model is loaded for nothing
    return case


def write_explanation(
    folder: Path, case: Case, explanation: Explanation, name: str, progress: Progress = silent
) -> str:
    """Write ``result.json`` and all that goes with it, ``figure.png``, and ``scene.mrb`` where that can be written.

    Parameters
    ----------
    folder : Path
        An existing one.
    name : str
        Of the frame in the scene.
    progress : Progress
        Called before each of the three.

    Returns
    -------
    str
        Why there is no ``scene.mrb``; empty where there is one.
    """
    progress(0, 3, "writing")
    write_result(folder, case, explanation)
    progress(1, 3, "picture")
    write_figure(folder / "figure.png", case, explanation)
    progress(2, 3, "Slicer scene")
    try:
        from ..hosts.headless import save_scene

        save_scene(case, explanation, folder / "scene.mrb", name)
    except MissingPackageError as error:
        return f"without scene.mrb: {error}"
    return ""
