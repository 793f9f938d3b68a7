"""One frame, one mass, one model: what can be said of them now, what is missing, and the explanation when it is there.

A panel gives the inputs, shows :attr:`Session.status` and what goes with it, and calls two things: :meth:`Session.start`
when Explain is pressed, and :meth:`Session.refresh` some 100 ms after the session said that its inputs changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ..core.explain import Explanation
from ..core.frame import Case
from ..core.progress import Progress, silent
from ..core.result import CaseResult, Settings
from ..scene.explanation import ExplanationNodes
from .models import Model
from .worker import Worker


class State(str, Enum):
    EMPTY = "empty"  # nothing chosen yet
    MISSING = "missing"  # something is wanting; the sentence says what
    READY = "ready"  # Explain can be pressed
    RUNNING = "running"
    CURRENT = "current"  # the result fits the inputs
    STALE = "stale"  # there is a result, and the sentence says why it no longer fits
    FAILED = "failed"  # the sentence says why, the details hold the traceback


@dataclass(frozen=True)
class Status:
    """Where a session stands, with one sentence for the user and, after a failure, details on request."""

    state: State
    sentence: str
    details: str = ""


class Badge(str, Enum):
    GOOD = "good"
    ASSUMED = "assumed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class InputFacts:
    """What the chosen image is, in words for the panel.

    `image`: "1000 x 800 pixels", `spacing`: "0.05 x 0.05 mm per pixel (row x column), from the DICOM region", and how far
    that can be trusted.
    """

    image: str
    spacing: str
    badge: Badge


@dataclass(frozen=True)
class TableRow:
    """A region's row of the pointing-game table; `hit` is "", "max", "min" or "max, min"; shares are 0..1, the
    contribution is in logits. `region` is the name of `core.regions`, `name` the word to show."""

    region: str
    name: str
    hit: str
    area: float
    chance: float
    contribution: float


@dataclass(frozen=True)
class Bar:
    """A bar of the contributions' chart: a region's, the bias', and the logit as their sum; `color` is RGB 0..1."""

    name: str
    value: float
    color: tuple[float, float, float]


@dataclass(frozen=True)
class Gauge:
    """Probability of malignancy with the operating point and the grey zone around it, all 0..1."""

    probability: float
    threshold: float
    grey_low: float
    grey_high: float


@dataclass(frozen=True, eq=False)
class Job:
    """What a pass of the network needs, taken out of the scene; :meth:`run` may be called in any thread."""

    case: Case

    def run(self, progress: Progress = silent) -> Any:
        """Load the model, run the network. Touches no MRML.

        Raises
        ------
        BreastMassXAIError
        """
        raise NotImplementedError


class Session:
    """One frame + mass + model + settings -> its explanation, kept in step with the scene.

    All methods and properties are for the main thread.

    Parameters
    ----------
    scene : vtkMRMLScene
    """

    def __init__(self, scene) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Stop observing the scene. To be called before the panel goes away."""
        raise NotImplementedError

    # Inputs

    def set_inputs(self, frame_node, segmentation_node=None, segment_id: str = "") -> None:
        """Choose the frame and the segment of its mass; any may be None. Observes them; finds a saved explanation."""
        raise NotImplementedError

    @property
    def settings(self) -> Settings: ...

    @settings.setter
    def settings(self, settings: Settings) -> None: ...

    @property
    def assumed_width_mm(self) -> float:
        """Imaged width that is assumed of frames whose pixel size is unknown; 0 for no assumption."""
        raise NotImplementedError

    @assumed_width_mm.setter
    def assumed_width_mm(self, width: float) -> None: ...

    @property
    def model(self) -> Model: ...

    @model.setter
    def model(self, model: Model) -> None: ...

    @property
    def saliency_range(self) -> float | None:
        """Logits at the ends of the colours, fixed across cases; None: each map its own."""
        raise NotImplementedError

    @saliency_range.setter
    def saliency_range(self, limit: float | None) -> None: ...

    # Hearing of changes

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever inputs or status changed; it should redraw and, if :attr:`due`, start its timer."""
        raise NotImplementedError

    @property
    def due(self) -> bool:
        """Whether inputs changed and :meth:`refresh` is wanted, at latest some 100 ms from now."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Bring status, regions, hits and contributions up to date without the network. Never raises on bad input."""
        raise NotImplementedError

    # Explaining

    def start(self, worker: Worker) -> None:
        """Explain in the worker's thread: :meth:`prepare` now, `run` there, :meth:`finish` when the worker is polled."""
        raise NotImplementedError

    def explain(self, progress: Progress = silent) -> CaseResult:
        """Explain here and now.

        Raises
        ------
        BreastMassXAIError
        """
        raise NotImplementedError

    def prepare(self) -> Job:
        """Take out of the scene what the network needs.

        Raises
        ------
        BreastMassXAIError
            With the sentence that says what is missing.
        """
        raise NotImplementedError

    def finish(self, job: Job, answer: Any) -> None:
        """Show a job's answer in the scene; as stale, where inputs have changed meanwhile."""
        raise NotImplementedError

    def fail(self, sentence: str, details: str = "") -> None:
        """Say that a job failed."""
        raise NotImplementedError

    # What to show

    @property
    def status(self) -> Status:
        raise NotImplementedError

    @property
    def facts(self) -> InputFacts | None:
        """What the image is; None where none is chosen or it is no frame."""
        raise NotImplementedError

    @property
    def can_explain(self) -> bool:
        raise NotImplementedError

    @property
    def result(self) -> CaseResult | None:
        """The shown result; it fits the inputs only while the state is `current`."""
        raise NotImplementedError

    @property
    def live(self) -> bool:
        """Whether an edited mass can be followed without a pass of the network."""
        raise NotImplementedError

    @property
    def nodes(self) -> ExplanationNodes | None:
        raise NotImplementedError

    @property
    def explained(self) -> tuple[Case, Explanation] | None:
        """Case and explanation as shown, for export; None where there is none in memory (a restored scene)."""
        raise NotImplementedError

    @property
    def table(self) -> list[TableRow]:
        raise NotImplementedError

    @property
    def bars(self) -> list[Bar]:
        raise NotImplementedError

    @property
    def gauge(self) -> Gauge | None:
        raise NotImplementedError

    @property
    def decision(self) -> str:
        """The decision in words: "Malignant: the probability ..." or "Suspended, because ..."; empty without a result."""
        raise NotImplementedError
