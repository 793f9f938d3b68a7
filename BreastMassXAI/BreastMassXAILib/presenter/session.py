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

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import slicer
from vtkmodules.vtkCommonCore import vtkCommand

from ..core.errors import BreastMassXAIError, BundleError, InputError
from ..core.explain import Explanation
from ..core.frame import Case
from ..core.progress import Progress, silent
from ..core.result import CaseResult, Settings
from ..scene.belonging import frame_of_mass, masses_of
from ..scene.cine import mark_curve_stale
from ..scene.explanation import (
    ExplanationNodes,
    explanation_nodes,
    keep_network,
    keeps_loop,
    kept_network,
    mark_stale,
    remove_explanation,
    restored_result,
    show_explanation,
    show_saliency_range,
    stale_reason,
)
from .inputs import FrameReader, InputFacts, Seen, digest_of, digest_of_voxels, facts_of, mass_in
from .kept_passes import KeptPasses
from .models import Model, shipped_models
from .passes import NetworkPass, look, restored, saved
from .status import Known, State, Status, status_of, why_stale
from .words import Bar, Gauge, TableRow, bars_of, decision_of, gauge_of, note_of, table_of
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
        return look(self.case, self.model, progress)


@dataclass(frozen=True, eq=False)
class _Shown:
    """The explanation in the scene. Of a restored one there are no images in memory, and `seen` may be unknown."""

    result: CaseResult
    seen: Seen | None
    found: NetworkPass | None = None
    images: tuple[Case, Explanation] | None = None
    saved_reason: str | None = None


class Session:
    """One frame + mass + model + settings -> its explanation, kept in step with the scene.

    All methods and properties are for the main thread. Nothing is written to nodes that the user made.

    Parameters
    ----------
    scene : vtkMRMLScene
    """

    def __init__(self, scene) -> None:
        self._scene = scene
        self._frame_node: Any = None
        self._segmentation_node: Any = None
        self._segment_id = ""
        self._settings = Settings()
        self._assumed_width_mm = 0.0
        self._model: Model | None = None
        self._saliency_range: float | None = None
        self._reader = FrameReader()
        self._passes = KeptPasses()
        self._shown: _Shown | None = None
        self._running: Job | None = None
        self._owner: Any = None
        self._failure: tuple[Seen | None, Status] | None = None
        self._facts: InputFacts | None = None
        self._seen: Seen | None = None
        self._status = Status(State.EMPTY, "")
        self._due = False
        self._listeners: list[Callable[[], None]] = []
        self._observed: list[tuple[Any, int]] = []
        with suppress(BreastMassXAIError, IndexError):  # the user is asked to choose a model
            self._model = shipped_models()[0]
        self.refresh()

    def close(self) -> None:
        """Stop observing the scene. To be called before the panel goes away."""
        self._listeners.clear()
        self._observe(None, None)

    # Inputs

    def set_inputs(self, frame_node, segmentation_node=None, segment_id: str = "") -> None:
        """Choose the frame and the segment of its mass; any may be None.

        The nodes are observed from now on. An explanation that was saved with the scene is found again.

        Parameters
        ----------
        frame_node : vtkMRMLScalarVolumeNode or vtkMRMLVectorVolumeNode, optional
            May be the proxy of a sequence: each of its frames counts as another frame.
        segmentation_node : vtkMRMLSegmentationNode, optional
        segment_id : str
        """
        other = frame_node is not self._frame_node
        self._observe(frame_node, segmentation_node)
        self._frame_node, self._segmentation_node, self._segment_id = frame_node, segmentation_node, segment_id
        if other:
            self._seen = self._owner = None
            self._adopt()
        self.refresh()

    def show_case(self, frame_node, segmentation_node, segment_id: str, case: Case, owner: Any = None) -> None:
        """Choose a frame that shows a case which was read from files: its names and warnings go with the result.

        Parameters
        ----------
        frame_node, segmentation_node, segment_id
            As for :meth:`set_inputs`; the nodes may be those of another case before.
        case : Case
        owner : object, optional
            Who opened the case; see :attr:`owner`.
        """
        self._reader.adopt(frame_node, case)
        image, kept = digest_of_voxels(frame_node), restored(kept_network(frame_node))
        of_another = kept is None or kept[1].frame != image
        if of_another and (self._model is None or self._passes.of(image, self._model.sha256) is None):
            remove_explanation(frame_node)
            self._shown = None if frame_node is self._frame_node else self._shown
        self.set_inputs(frame_node, segmentation_node, segment_id)
        self._owner = owner

    @property
    def owner(self) -> Any:
        """Who opened the case that is shown; None once another frame was chosen."""
        return self._owner

    def look(self) -> tuple[Case, Seen]:
        """The inputs as they are.

        Raises
        ------
        BreastMassXAIError
            With what is missing.
        """
        return self._look()

    def adopt(self) -> None:
        """Take over an explanation that others have put into the scene for the chosen frame."""
        self._adopt()
        self.refresh()

    @property
    def reader(self) -> FrameReader:
        """By which the chosen frame is read."""
        return self._reader

    def remember(self, frame_node, model_sha256: str, found: NetworkPass) -> None:
        """Take a pass that was made elsewhere of the frame that a node shows."""
        self._passes.keep(digest_of_voxels(frame_node), model_sha256, found)

    def keep_pass(self, frame: str, model_sha256: str, found: NetworkPass) -> None:
        """Take a pass that was made elsewhere of a frame, by the digest of its voxels."""
        self._passes.keep(frame, model_sha256, found)

    def pass_of(self, model_sha256: str) -> NetworkPass | None:
        """What a model's network answered to the chosen frame, where that is known."""
        return None if self._seen is None else self._passes.of(self._seen.frame, model_sha256)

    @property
    def scene(self) -> Any:
        return self._scene

    @property
    def inputs(self) -> tuple[Any, Any, str]:
        """Frame node, segmentation node and segment id."""
        return self._frame_node, self._segmentation_node, self._segment_id

    def mass_for(self, frame_node, segmentation_node, segment_id: str) -> tuple[Any, str]:
        """The mass to take with a frame, where a panel names a frame and the mass that it had so far.

        As long as the frame is the session's, or the mass is another one than the session's, both were chosen. A frame
        that is chosen alone brings the mass that it was explained with, else the one that was drawn on it; another
        frame's mass is not its own.

        Returns
        -------
        segmentation_node : vtkMRMLSegmentationNode or None
        segment_id : str
        """
        alone = frame_node is not None and frame_node is not self._frame_node
        if not alone or (segmentation_node is not None and segmentation_node is not self._segmentation_node):
            return segmentation_node, segment_id
        if segmentation_node is not None and frame_of_mass(segmentation_node) is frame_node:
            return segmentation_node, segment_id
        return suggested_mass(frame_node) or (None, "")

    @property
    def suggested_mass(self) -> tuple[Any, str] | None:
        """The segmentation and segment that go with the frame, for a panel that knows no other."""
        return None if self._frame_node is None else suggested_mass(self._frame_node)

    @property
    def settings(self) -> Settings:
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        if settings != self._settings:
            self._settings = settings
            self._failure = None
            self._changed()

    @property
    def assumed_width_mm(self) -> float:
        """Imaged width that is assumed of frames whose pixel size is unknown; 0 for no assumption."""
        return self._assumed_width_mm

    @assumed_width_mm.setter
    def assumed_width_mm(self, width: float) -> None:
        if width != self._assumed_width_mm:
            self._assumed_width_mm = width
            self._failure = None
            self._changed()

    @property
    def model(self) -> Model | None:
        return self._model

    @model.setter
    def model(self, model: Model | None) -> None:
        changed = model != self._model
        self._model = model  # an equal one may be told to run elsewhere
        if changed:
            self._failure = None
            self._changed()

    @property
    def saliency_range(self) -> float | None:
        """Logits at the ends of the colours, fixed across cases; None: each map its own."""
        return self._saliency_range

    @saliency_range.setter
    def saliency_range(self, limit: float | None) -> None:
        self._saliency_range = limit
        nodes = self.nodes
        if nodes is not None:
            show_saliency_range(nodes, limit)

    # Hearing of changes

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever inputs or status changed; it should redraw and, if :attr:`due`, start its timer."""
        self._listeners.append(listener)

    @property
    def due(self) -> bool:
        """Whether inputs changed and :meth:`refresh` is wanted, at latest some 100 ms from now."""
        return self._due

    def refresh(self) -> None:
        """Bring status, regions, hits and contributions up to date without the network. Never raises on bad input."""
        self._due = False
        self._drop_what_is_gone()
        case, seen, problem = self._look_again()
        try:
            self._status = self._follow(case, seen, problem)
        except Exception as error:  # the panel shows a sentence, whatever happens
            self._status = Status(State.FAILED, *sentence_of(error))
        if self._shown is not None and self._status.state in (State.CURRENT, State.STALE):
            mark_stale(self._frame_node, self._status.sentence if self._status.state is State.STALE else None)
        self._tell()

    # Explaining

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
        if self._running is not None:
            raise InputError("The network is at work already: wait until it has answered.")
        case, seen = self._look()
        assert self._model is not None
        self._failure = None
        self._running = Job(case, self._model, self._settings, seen, self._frame_node, self._segmentation_node)
        self.refresh()
        return self._running

    def finish(self, job: Job, answer: NetworkPass) -> None:
        """Show a job's answer in the scene; as stale, where inputs have changed meanwhile."""
        self._running = None
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
        seen = self._running.seen if self._running is not None else seen
        self._running = None
        self._failure = (seen, Status(State.FAILED, sentence, details)) if sentence else None
        self.refresh()

    # What to show

    @property
    def status(self) -> Status:
        if self._due and self._status.state is State.CURRENT:
            return Status(State.UPDATING, "Updating to what was changed.")
        return self._status

    @property
    def facts(self) -> InputFacts | None:
        """What the image is; None where none is chosen or it is no frame."""
        return self._facts

    @property
    def can_explain(self) -> bool:
        """Whether Explain can be pressed, now or, while :attr:`due`, most likely."""
        return self._seen is not None and self._running is None

    @property
    def result(self) -> CaseResult | None:
        """The shown result; it fits the inputs only while the state is `current`."""
        return None if self._shown is None else self._shown.result

    @property
    def live(self) -> bool:
        """Whether an edited mass can be followed without a pass of the network."""
        return self._passes.for_inputs(self._seen) is not None

    @property
    def nodes(self) -> ExplanationNodes | None:
        """The nodes of the frame's explanation."""
        return None if self._frame_node is None else explanation_nodes(self._frame_node)

    @property
    def explained(self) -> tuple[Case, Explanation] | None:
        """Case and explanation as shown, for export; None where they are not current or cannot be had any more.

        Of a scene that was restored, they are computed from what the scene keeps of the network's answer.
        """
        if self._status.state is not State.CURRENT or self._shown is None:
            return None
        if self._shown.images is None:
            known = self._passes.for_inputs(self._seen)
            if known is None:
                return None
            case, _ = self._look()
            images = case, known.explain(case, self._settings)
            self._shown = _Shown(self._shown.result, self._seen, known, images)
        return self._shown.images

    @property
    def table(self) -> list[TableRow]:
        """The pointing game and the contributions by region; empty without a result."""
        return [] if self._shown is None else table_of(self._shown.result)

    @property
    def bars(self) -> list[Bar]:
        return [] if self._shown is None else bars_of(self._shown.result)

    @property
    def gauge(self) -> Gauge | None:
        return None if self._shown is None else gauge_of(self._shown.result)

    @property
    def note(self) -> str:
        """The result for the corner of a view, which says whether it is an earlier one; empty without a result."""
        fits = self._status.state in (State.CURRENT, State.UPDATING)
        return "" if self._shown is None else note_of(self._shown.result, earlier=not fits)

    @property
    def decision(self) -> str:
        """The decision in words; empty without a result."""
        return "" if self._shown is None else decision_of(self._shown.result)

    # Inside

    def _changed(self, *_event: Any) -> None:
        self._due = True
        self._tell()

    def _tell(self) -> None:
        for listener in list(self._listeners):
            listener()

    def _observe(self, frame_node, segmentation_node) -> None:
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        self._observed.clear()
        if frame_node is None and segmentation_node is None:
            return
        transformed = slicer.vtkMRMLTransformableNode.TransformModifiedEvent
        mass = slicer.vtkSegmentation  # an undone edit modifies the segment only
        events = [
            (self._scene, slicer.vtkMRMLScene.NodeRemovedEvent),
            (frame_node, vtkCommand.ModifiedEvent),
            (frame_node, slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent),
            (frame_node, transformed),
            (segmentation_node, mass.SourceRepresentationModified),
            (segmentation_node, mass.SegmentModified),
            (segmentation_node, mass.SegmentAdded),
            (segmentation_node, mass.SegmentRemoved),
            (segmentation_node, vtkCommand.ModifiedEvent),
            (segmentation_node, transformed),
        ]
        self._observed += [(node, node.AddObserver(event, self._changed)) for node, event in events if node is not None]

    def _drop_what_is_gone(self) -> None:
        """Nodes that left the scene, and what was known through them."""
        frame, mass = (
            None if node is None or node.GetScene() is None else node
            for node in (self._frame_node, self._segmentation_node)
        )
        if frame is not self._frame_node or mass is not self._segmentation_node:
            self._observe(frame, mass)
            if frame is not self._frame_node:
                self._shown = None
            self._frame_node, self._segmentation_node = frame, mass
        if self._shown is not None and self._running is None and self.nodes is None:  # the user took them away
            self._shown = None
            if self._seen is not None:
                self._passes.forget(self._seen.frame, self._seen.model)

    def _look(self) -> tuple[Case, Seen]:
        """The inputs as they are.

        Raises
        ------
        BreastMassXAIError
            With what is missing.
        """
        if self._frame_node is None:
            raise InputError("Choose an image, or try the sample.")
        digest, frame = self._reader.frame(self._frame_node, self._assumed_width_mm)
        self._facts = facts_of(frame)
        mass = mass_in(self._segmentation_node, self._segment_id, self._frame_node)
        digest, frame = self._reader.frame(self._frame_node, self._assumed_width_mm, mass)
        self._facts = facts_of(frame)
        settings = self._settings
        if settings.ring_mm > 0:
            frame.spacing.mm()
        if self._model is None:
            raise BundleError("Choose a model.")
        self._model.check(settings)
        case = self._reader.case(frame, mass)
        seen = Seen(
            frame=digest,
            mass=digest_of(mass),
            spacing_mm=frame.spacing.mm() if frame.spacing.known else None,
            provenance=frame.spacing.provenance.value,
            ring_mm=settings.ring_mm,
            grey_zone=settings.grey_zone,
            model=self._model.sha256,
            operating_point=settings.operating_point,
            suspend=settings.suspend,
        )
        return case, seen

    def _look_again(self) -> tuple[Case | None, Seen | None, Status | None]:
        self._facts = None
        before = self._seen
        try:
            case, self._seen = self._look()
        except BreastMassXAIError as error:
            self._seen = None
            if self._frame_node is not None and keeps_loop(self._frame_node):
                self._adopt(another_frame=True)  # another frame's result would stay otherwise
            return None, None, Status(State.MISSING, str(error))
        except Exception as error:
            self._seen = None
            return None, None, Status(State.FAILED, *sentence_of(error))
        if (before is None or before.frame != self._seen.frame) and keeps_loop(self._frame_node):
            self._adopt(another_frame=before is not None)
        return case, self._seen, None

    def _adopt(self, another_frame: bool = False) -> None:
        """Find the explanation that the scene keeps of the chosen frame."""
        self._shown = None
        if self._frame_node is None or self.nodes is None:
            return
        try:
            result = restored_result(self._frame_node)
        except BreastMassXAIError:  # of another version: it is made anew
            return
        if result is None:
            return
        kept = restored(kept_network(self._frame_node))
        if kept is None:
            reason = None if another_frame else stale_reason(self._frame_node)
            self._shown = _Shown(result, None, saved_reason=reason)
            return
        found, seen = kept
        self._passes.keep(seen.frame, seen.model, found)
        self._shown = _Shown(result, seen, found)

    def _follow(self, case: Case | None, seen: Seen | None, problem: Status | None) -> Status:
        """Bring what is shown in step with the inputs, and say where that leaves us."""
        if case is not None and seen is not None and self._running is None:
            if self._failure is not None and self._failure[0] != seen:
                self._failure = None
            if self._failure is None:
                self._bring_in_step(case, seen)
        found, shown = self._passes.for_inputs(seen), self._shown
        return status_of(
            Known(
                chosen=self._frame_node is not None,
                running=self._running is not None,
                problem=problem,
                failure=None if self._failure is None else self._failure[1],
                now=seen,
                shown=shown is not None,
                was=None if shown is None else shown.seen,
                saved_reason=None if shown is None else shown.saved_reason,
                answered=found is not None,
                fits=found is not None and case is not None and found.fits(case),
            )
        )

    def _bring_in_step(self, case: Case, seen: Seen) -> None:
        """Show what is known of these inputs without the network."""
        found, shown = self._passes.for_inputs(seen), self._shown
        if found is not None:
            if shown is None or shown.seen != seen or shown.found is not found:
                self._shown = self._show(self._frame_node, self._segmentation_node, case, seen, self._settings, found)
        elif shown is not None and shown.seen is None and not shown.saved_reason:
            # A scene that keeps no more than the result: it is taken to fit what came with it.
            fits = shown.result.model.get("sha256") == seen.model
            reason = None if fits else why_stale(None, seen)
            self._shown = _Shown(shown.result, seen if fits else None, saved_reason=reason)

    def _show(
        self, frame_node, segmentation_node, case: Case, seen: Seen, settings: Settings, found: NetworkPass
    ) -> _Shown:
        explanation = found.explain(case, settings)
        if keeps_loop(frame_node) and not _same_answer(explanation.result, restored_result(frame_node)):
            mark_curve_stale(frame_node)
        mass_node = segmentation_node if segmentation_node.GetScene() is not None else None
        show_explanation(self._scene, frame_node, explanation, self._saliency_range, mass_node)
        keep_network(frame_node, saved(found, seen))
        return _Shown(explanation.result, seen, found, (case, explanation))


def _same_answer(new: CaseResult, kept: CaseResult | None) -> bool:
    """Whether a loop's curve holds still: its points are probabilities."""
    return kept is not None and (new.probability, new.decision) == (kept.probability, kept.decision)


def suggested_mass(frame_node) -> tuple[Any, str] | None:
    """The segmentation and segment that a frame was explained with, else those that were drawn on it."""
    nodes = explanation_nodes(frame_node)
    found = [] if nodes is None or nodes.mass is None else [nodes.mass]
    for node in (*found, *masses_of(frame_node)):
        ids = node.GetSegmentation().GetSegmentIDs()
        if ids:
            return node, "mass" if "mass" in ids else ids[0]
    return None
