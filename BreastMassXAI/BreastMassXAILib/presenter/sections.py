"""Which of a panel's sections the user needs next, and what a folded one says in its one line.

A section that is settled folds to a line; the one in which the next step is to be taken opens. Both happen when the
next step changes, and only then: in between, what a user opens or folds stays as it is.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from ..core.errors import BreastMassXAIError
from ..core.operating_points import DEFAULT_POINT
from ..core.result import Settings
from ..methods import DEFAULT, method_of
from .adding import own_volumes
from .inputs import Badge, InputFacts, mass_in
from .models import Model
from .session import Session
from .status import State


class Step(str, Enum):
    """What is to be done next."""

    START = "start"  # the scene is empty: try the sample, or load a frame
    IMAGE = "image"  # choose a frame, or say how large its pixels are
    MASS = "mass"
    MODEL = "model"
    EXPLAIN = "explain"
    READ = "read"  # there is a result


class Section(str, Enum):
    IMAGE = "image"
    MASS = "mass"
    MODEL = "model"


_NEEDED = {Step.IMAGE: Section.IMAGE, Step.MASS: Section.MASS, Step.MODEL: Section.MODEL}


def frames_in(scene) -> list[Any]:
    """The volumes of a scene that may be frames: neither labelmaps nor saliency maps."""
    own = set(own_volumes(scene))
    volumes = (
        scene.GetNthNodeByClass(index, "vtkMRMLScalarVolumeNode")
        for index in range(scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode"))
    )
    return [node for node in volumes if not node.IsA("vtkMRMLLabelMapVolumeNode") and node.GetID() not in own]


def only_frame(scene) -> Any | None:
    """The frame to look at where a scene leaves no choice: its one volume, if that is a single image."""
    frames = frames_in(scene)
    if len(frames) != 1 or frames[0].GetImageData() is None:
        return None
    return frames[0] if frames[0].GetImageData().GetDimensions()[2] == 1 else None


def step_of(session: Session) -> Step:
    """What a session wants next."""
    frame, segmentation, segment = session.inputs
    if frame is None:
        return Step.IMAGE if frames_in(session.scene) else Step.START
    state = session.status.state
    if session.result is not None and state is not State.RUNNING and (session.can_explain or state is State.CURRENT):
        return Step.READ
    facts = session.facts
    if facts is None or (facts.badge is Badge.UNKNOWN and session.settings.ring_mm > 0):
        return Step.IMAGE
    if session.model is None:
        return Step.MODEL
    if session.can_explain or state is State.RUNNING:
        return Step.EXPLAIN
    try:
        drawn = bool(mass_in(segmentation, segment, frame).any())
    except BreastMassXAIError:
        drawn = False
    return Step.EXPLAIN if drawn else Step.MASS


class Folding:
    """Remembers the step that was last followed."""

    def __init__(self) -> None:
        self._step: Step | None = None

    def follow(self, step: Step, drawing: bool = False) -> dict[Section, bool]:
        """Which sections to open (True) or fold (False) now; none while the step is the same.

        Parameters
        ----------
        step : Step
        drawing : bool
            Whether a tool of the Segment Editor is in use: then the mass' section stays as it is.
        """
        if step is self._step:
            return {}
        self._step = step
        states = {section: section is _NEEDED.get(step) for section in Section}
        if not states[Section.MASS] and (drawing or step is Step.EXPLAIN):  # its first stroke is no reason to fold it
            del states[Section.MASS]
        return states


def image_line(frame_node, facts: InputFacts | None) -> str:
    """The chosen frame in a line."""
    if frame_node is None:
        return "Image: none is chosen"
    return f"Image: {frame_node.GetName()}" + (f", {facts.image}" if facts else "")


def mass_line(segmentation_node, segment_id: str) -> str:
    """The chosen mass in a line."""
    if segmentation_node is None:
        return "Mass: none yet"
    segment = segmentation_node.GetSegmentation().GetSegment(segment_id) if segment_id else None
    if segment is None:
        return f"Mass: no segment of {segmentation_node.GetName()} is chosen"
    return f"Mass: {segmentation_node.GetName()}, segment {segment.GetName()}"


def model_line(model: Model | None, settings: Settings) -> str:
    """Model and settings in a line."""
    ring = f"ring {settings.ring_mm:g} mm" if settings.ring_mm > 0 else "no ring"
    zone = f", grey zone ±{settings.grey_zone:g}" if settings.grey_zone > 0 else ""
    point = "" if settings.operating_point == DEFAULT_POINT else f", operating point {settings.operating_point}"
    method = "" if settings.method == DEFAULT else f", by {method_of(settings.method).label}"
    return f"Model: {model.name if model else 'none is chosen'}, {ring}{zone}{point}{method}"
