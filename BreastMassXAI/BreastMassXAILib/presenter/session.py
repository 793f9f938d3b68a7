"""One frame, one mass, one model: what can be said of them now, what is missing, and the explanation when it is there.

A panel gives the inputs, shows :attr:`Session.status` and what goes with it, and calls two things:
:meth:`Session.start` when Explain is pressed, and :meth:`Session.refresh` some 100 ms after the session said that its
inputs changed.

What an explanation was made of is kept with it as digests (:class:`~.inputs.Seen`). Whether it still fits is found by
comparing them with the inputs as they are, never remembered: so an undone edit is as current as it was before, and no
event that was missed can make a stale result look current.

A pass of the network holds for one frame and one model. The regions are computed anew on it for every edit of the mass,
the ring's width and the like. A network that looks at a square around the mass looked at the square of the mass as it
was then: the regions of an edited mass are shown on that square, and as long as the square of its own lies within half
a cell of it, that is the explanation. Beyond, it is shown and marked stale, because a network that looked at the mass
as it is now might answer differently.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..core.errors import BreastMassXAIError, InputError
from ..core.frame import Case
from ..core.progress import Progress, silent
from ..core.result import CaseResult, Settings
from .following import Following
from .inputs import Seen, digest_of_voxels
from .models import Model
from .passes import NetworkPass, look
from .status import State, Status
from .worker import Worker, sentence_of


@dataclass(frozen=True, eq=False)
class Job:
    """What a pass of the network needs, taken out of the scene; :meth:`run` may be called in any thread."""

    case: Case
    model: Model
    settings: Settings
    seen: Seen
    frame_node: Any
    segmentation_node: Any

    def run(self, progress: Progress = silent) -> NetworkPass:
        """Load the model, run the network. Touches no MRML.

        Raises
        ------
        BreastMassXAIError
        """
        return look(self.case, self.model, progress, self.settings)


class Session(Following):
    """One frame + mass + model + settings -> its explanation, kept in step with the scene.

    All methods and properties are for the main thread. Nothing is written to nodes that the user made.

    Parameters
    ----------
    scene : vtkMRMLScene
    """

    def start(self, worker: Worker) -> None:
        """Explain in the worker's thread: :meth:`prepare` now, ``run`` there, :meth:`finish` when it is polled."""
        try:
            job = self.prepare()
        except BreastMassXAIError:
            self.refresh()  # says why
            return
        worker.submit(job.run, lambda answer: self.finish(job, answer), self.fail, urgent=True)

    def explain(self, progress: Progress = silent) -> CaseResult:
        """Explain here and now.

        Raises
        ------
        BreastMassXAIError
        """
        job = self.prepare()
        try:
            answer = job.run(progress)
        except Exception as error:
            self.fail(*sentence_of(error))
            raise
        self.finish(job, answer)
        if self._shown is None:
            raise InputError(self._status.sentence)
        return self._shown.result

    def prepare(self) -> Job:
        """Take out of the scene what the network needs; the state is `running` from now until the job has ended.

        Raises
        ------
        BreastMassXAIError
            With the sentence that says what is missing.
        """
        if self._busy_with is not None:
            raise InputError("The network is at work already: wait until it has answered.")
        case, seen = self.look()
        assert self._model is not None
        job = Job(case, self._model, self._settings, seen, self._frame_node, self._segmentation_node)
        self._failure = None
        self._busy_with = seen
        self.refresh()
        return job

    def finish(self, job: Job, answer: NetworkPass) -> None:
        """Show a job's answer in the scene; as stale, where inputs have changed meanwhile."""
        self._busy_with = None
        self._passes.keep(job.seen.frame, job.seen.model, answer)
        node, same = job.frame_node, False
        if node.GetScene() is self._scene:
            same = digest_of_voxels(node) == job.seen.frame
        if same:  # else its map would lie on another image
            try:
                shown = self._show(node, job.segmentation_node, job.case, job.seen, job.settings, answer)
            except BreastMassXAIError as error:
                self.fail(*sentence_of(error), seen=job.seen)
                return
            if node is self._frame_node:
                self._shown = shown
        self.refresh()
        if not same and self._status.state is State.READY:
            self._status = Status(
                State.READY, "The image changed while the network was looking at it: press Explain again."
            )
            self._tell()

    def fail(self, sentence: str, details: str = "", seen: Seen | None = None) -> None:
        """Say that a job failed; an empty sentence says that it was cancelled."""
        seen = seen if self._busy_with is None else self._busy_with
        self._busy_with = None
        self._failure = (seen, Status(State.FAILED, sentence, details)) if sentence else None
        self.refresh()
