"""Suggest, click, accept: the mass that a network outlines on the chosen frame.

The network's view of a frame is kept, so that only the first look at a frame takes time; further clicks are answered at
once. What it suggests is written into a segment as a person's brush would, with the state before saved for undo, and
the segment says who outlined it (:mod:`~..scene.provenance`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError
from ..core.frame import Frame, MaskOrigin
from ..core.outline import ANYWHERE, Click, Prompt, Suggestion
from ..core.palette import REGION_COLORS
from ..core.progress import Progress, silent
from ..core.settling import with_said_geometry
from ..core.suggested import found_mass, outline_digest, suggestion_notes
from ..pipeline import load_outliner
from ..scene.belonging import frame_of_mass
from ..scene.inputs import MASS_ATTRIBUTE, mass_of, set_segments
from ..scene.provenance import mark_origin, origin_of
from .adding import MASS_SEGMENT, new_mass
from .inputs import digest_of_voxels
from .session import Session
from .worker import Worker

if TYPE_CHECKING:
    from ..network.outline import Outliner, Seen

Choose = Callable[[Any, str], None]
"""``choose(segmentation_node, segment_id)``: make it the mass of the chosen frame."""


@dataclass(frozen=True, eq=False)
class Look:
    """What the network saw of a frame.

    Parameters
    ----------
    digest : str
        Of the frame's voxels.
    frame : Frame
        With the scan area in which it looked.
    seen : Seen
    """

    digest: str
    frame: Frame
    seen: Seen


@dataclass(frozen=True, eq=False)
class SuggestJob:
    """What a suggestion needs, taken out of the scene; :meth:`run` may be called in any thread."""

    digest: str
    frame: Frame
    prompt: Prompt
    frame_node: Any
    outliner: Outliner | None
    look: Look | None

    def run(self, progress: Progress = silent) -> tuple[Outliner, Look, Suggestion]:
        """Load the network, look at the frame, outline. Touches no MRML; does only what was not done before.

        Raises
        ------
        BreastMassXAIError
        """
        progress(0, 2, "loading the outline network")
        outliner = self.outliner or load_outliner()
        look = self.look
        point = self.prompt.point
        if look is None or look.digest != self.digest or not _holds(look.frame, point):
            progress(1, 2, "looking for the mass")
            frame = with_said_geometry(self.frame, None, point=point)
            look = Look(self.digest, frame, outliner.look(frame))
        found = outliner.suggest(look.seen, self.prompt)
        progress(2, 2, "done")
        return outliner, look, found


class Suggesting:
    """Parameters
    ----------
    session : Session
    choose : Choose
    before_edit : callable
        Saves the segmentation for undo; called when it is about to change.
    """

    def __init__(self, session: Session, choose: Choose, before_edit: Callable[[], None]) -> None:
        self._session = session
        self._choose = choose
        self._before_edit = before_edit
        self._outliner: Outliner | None = None
        self._look: Look | None = None
        self._last: tuple[str, Prompt, str] | None = None  # frame, prompt and outline of the last suggestion
        self._asked: Prompt | None = None

    @property
    def can_suggest(self) -> bool:
        return self._session.facts is not None

    @property
    def can_accept(self) -> bool:
        """Whether the chosen mass is a suggestion that nobody has confirmed."""
        return self.origin is MaskOrigin.AUTOMATIC

    @property
    def origin(self) -> MaskOrigin | None:
        """Who outlined the chosen mass; None where there is none."""
        frame_node, node, segment_id = self._session.inputs
        if frame_node is None or node is None or node.GetSegmentation().GetSegment(segment_id) is None:
            return None
        try:
            mass = mass_of(node, segment_id, frame_node)
        except InputError:
            return None
        return origin_of(node, segment_id, mass) if mass.any() else None

    @property
    def clicks(self) -> tuple[Click, ...]:
        """What was pointed at for the suggestion that is shown."""
        return () if self._last is None or not self._is_shown(self._last) else self._last[1].clicks

    def suggest(self, worker: Worker, done: Callable[[str], None], failed: Callable[[str, str], None]) -> None:
        """Outline the mass that the network finds by itself.

        Parameters
        ----------
        done : callable
            Called with a sentence when the outline is there.
        failed : callable
            Called with a sentence, empty after a cancel, and details.

        Raises
        ------
        InputError
            When no frame is chosen.
        """
        self._submit(worker, ANYWHERE, done, failed)

    def click(
        self, worker: Worker, click: Click, done: Callable[[str], None], failed: Callable[[str, str], None]
    ) -> None:
        """Outline the mass at a click; a further one adds to the suggestion that is shown, or takes away from it.

        On another frame, or where the mass was edited since, it begins anew.
        """
        before = self._asked
        if before is None:
            before = self._last[1] if self._last is not None and self._is_shown(self._last) else ANYWHERE
        self._submit(worker, before.and_click(click), done, failed)

    def accept(self) -> None:
        """A person confirms the outline as it is.

        Raises
        ------
        InputError
            When the chosen mass is no suggestion.
        """
        if not self.can_accept:
            raise InputError("There is no suggested outline to accept.")
        frame_node, node, segment_id = self._session.inputs
        self._before_edit()
        mark_origin(node, segment_id, mass_of(node, segment_id, frame_node), MaskOrigin.ACCEPTED)
        self._session.refresh()

    def prepare(self, prompt: Prompt = ANYWHERE) -> SuggestJob:
        """Take the frame out of the scene.

        Raises
        ------
        InputError
            When no frame is chosen.
        """
        frame_node = self._session.inputs[0]
        if frame_node is None:
            raise InputError("Choose an image first.")
        digest, frame = self._session.reader.frame(frame_node, self._session.assumed_width_mm)
        return SuggestJob(digest, frame, prompt, frame_node, self._outliner, self._look)

    def finish(self, job: SuggestJob, answer: tuple[Outliner, Look, Suggestion]) -> str:
        """Write the outline into the scene.

        Returns
        -------
        str
            What to tell.

        Raises
        ------
        NoMassError
            When there is none; nothing is changed then.
        InputError
            When the frame has changed meanwhile.
        """
        self._outliner, self._look, found = answer
        if self._asked is job.prompt:
            self._asked = None
        mass = found_mass(found)
        node = self._session.inputs[0]
        if node is not job.frame_node or digest_of_voxels(node) != job.digest:
            raise InputError("Another image was chosen while the network was looking: press Suggest again.")
        self._write(mass)
        self._last = job.digest, job.prompt, outline_digest(mass)
        self._session.refresh()
        sentence = f"Outlined with confidence {found.confidence:.2f}: accept it or edit it."
        return " ".join([sentence, *suggestion_notes(found)])

    def _submit(
        self, worker: Worker, prompt: Prompt, done: Callable[[str], None], failed: Callable[[str, str], None]
    ) -> None:
        job = self.prepare(prompt)
        self._asked = prompt

        def fail(sentence: str, details: str) -> None:
            if self._asked is prompt:
                self._asked = None
            failed(sentence, details)

        worker.submit(job.run, lambda answer: done(self.finish(job, answer)), fail, urgent=True)

    def _write(self, mass: np.ndarray) -> None:
        """Into the chosen segment where it is ours and of this frame, else into a new one."""
        frame_node, node, segment_id = self._session.inputs
        segment = None if node is None else node.GetSegmentation().GetSegment(segment_id)
        if segment is None or not node.GetAttribute(MASS_ATTRIBUTE) or frame_of_mass(node) is not frame_node:
            self._choose(new_mass(self._session.scene, frame_node), MASS_SEGMENT)
            frame_node, node, segment_id = self._session.inputs
            segment = node.GetSegmentation().GetSegment(segment_id)
        self._before_edit()
        color = tuple(segment.GetColor()) if segment_id != MASS_SEGMENT else REGION_COLORS["mass"]
        set_segments(node, mass.astype(np.uint8), frame_node, {segment_id: color})
        mark_origin(node, segment_id, mass, MaskOrigin.AUTOMATIC)

    def _is_shown(self, last: tuple[str, Prompt, str]) -> bool:
        """Whether a suggestion is the chosen mass as it is now."""
        frame_node, node, segment_id = self._session.inputs
        if frame_node is None or node is None or node.GetSegmentation().GetSegment(segment_id) is None:
            return False
        same_frame = digest_of_voxels(frame_node) == last[0]
        return same_frame and outline_digest(mass_of(node, segment_id, frame_node)) == last[2]


def _holds(frame: Frame, point: tuple[float, float] | None) -> bool:
    """Whether a point lies where the network looked; another echo image on the screen may hold it."""
    if point is None or frame.scan_area is None:
        return True
    row, column = round(point[0]), round(point[1])
    inside = 0 <= row < frame.shape[0] and 0 <= column < frame.shape[1]
    return inside and bool(frame.scan_area[row, column])
