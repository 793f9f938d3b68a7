"""A mass suggested on one frame of a loop, and followed from frame to frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..core.cine import Cine, read_if_whole
from ..core.errors import InputError, NoMassError
from ..core.frame import MaskOrigin
from ..core.outline import ANYWHERE, NO_MASS, Prompt, Suggestion
from ..core.progress import Progress, silent
from ..core.propagation import MassTrack
from ..core.suggested import found_mass, inner_point

if TYPE_CHECKING:
    from .outline import Outliner


def follow_mass(
    cine: Cine,
    outliner: Outliner,
    prompt: Prompt = ANYWHERE,
    *,
    start: int | None = None,
    frames: Sequence[int] | None = None,
    propagate: bool = False,
    progress: Progress = silent,
) -> tuple[MassTrack, Suggestion]:
    """Suggest the mass on the frames of a loop: on the first as it was pointed at, on each next where it was before.

    Memory holds one frame and the network's view of it, whatever the loop's length; outlines are kept packed.

    Parameters
    ----------
    cine : Cine
    outliner : Outliner
    prompt : Prompt
        On frame `start`.
    start : int, optional
        Later and earlier frames follow from there. By default the first frame on which a mass is found.
    frames : sequence of int, optional
        Which frames to look at, ascending; all by default.
    propagate : bool
        Whether the track gives a mass to frames on which none is found.
    progress : Progress

    Returns
    -------
    MassTrack
        Without the frames on which no mass was found, and damaged ones.
    Suggestion
        That of the frame from which the others follow.

    Raises
    ------
    InputError
        When the frame with the prompt is damaged or the prompt makes no sense on it.
    NoMassError
        When no mass is found there, or without a prompt on no frame.
    """
    chosen = list(range(len(cine)) if frames is None else frames)
    done = 0

    def suggested(index: int, prompt: Prompt) -> Suggestion | None:
        nonlocal done
        progress(min(done, len(chosen)), len(chosen), "outlines")
        done += 1
        frame = read_if_whole(cine, index)
        return None if frame is None else outliner.suggest(outliner.look(frame), prompt)

    first: Suggestion | None = None
    if start is None and not prompt:
        likeliest: Suggestion | None = None
        for index in chosen:
            found = suggested(index, prompt)
            if found is not None and found.mass.any():
                start, first = index, found
                break
            if found is not None and (likeliest is None or found.confidence > likeliest.confidence):
                likeliest = found
        if first is None and likeliest is not None:
            found_mass(likeliest)
    else:
        start = chosen[0] if start is None else start
        cine.read(start)  # of the frame that a person pointed at the reason is told
        first = suggested(start, prompt)
    if first is None or start is None:
        raise NoMassError(f"{NO_MASS}: none of the chosen frames can be read.")
    found_mass(first)
    begin, known = start, first

    def followed() -> Iterator[tuple[int, np.ndarray]]:
        yield begin, known.mass
        later = [index for index in chosen if index > begin]
        earlier = [index for index in reversed(chosen) if index < begin]
        for way in (later, earlier):
            place = inner_point(known.mass)
            for index in way:
                try:
                    found = suggested(index, Prompt((place,)))
                except InputError:  # zoomed or moved away: there is no such place on this frame
                    continue
                if found is not None and found.mass.any():
                    yield index, found.mass
                    place = inner_point(found.mass)

    track = MassTrack(followed(), propagate, outlined=MaskOrigin.AUTOMATIC)
    progress(len(chosen), len(chosen), "outlines")
    return track, first
