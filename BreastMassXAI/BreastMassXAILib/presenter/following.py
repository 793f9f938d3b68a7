"""What is shown for what is chosen: brought in step with every change, without the network."""

from __future__ import annotations

from typing import Any

from ..core.errors import BreastMassXAIError
from ..core.explain import Explanation
from ..core.frame import Case
from ..core.result import CaseResult, Settings
from ..scene.companion import keeps_loop, kept_network
from ..scene.explanation import ExplanationNodes, explanation_nodes, remove_explanation, show_saliency_range
from ..scene.legend import mark_stale
from .chosen import Chosen
from .inputs import Seen, digest_of_voxels
from .kept_passes import KeptPasses
from .passes import NetworkPass, restored
from .shown import Shown, found_again, show, taken_to_fit
from .status import Known, State, Status, status_of
from .words import (
    Bar,
    Gauge,
    NumberRow,
    TableRow,
    WordRow,
    bars_of,
    decision_of,
    gauge_of,
    note_of,
    numbers_of,
    table_of,
    words_of,
)
from .worker import sentence_of


class Following(Chosen):
    """One frame + mass + model + settings, and as much of its explanation as can be had without the network.

    All methods and properties are for the main thread. Nothing is written to nodes that the user made.

    Parameters
    ----------
    scene : vtkMRMLScene
    """

    def __init__(self, scene) -> None:
        super().__init__(scene)
        self._saliency_range: float | None = None
        self._passes = KeptPasses()
        self._shown: Shown | None = None
        self._busy_with: Seen | None = None
        self._owner: Any = None
        self._failure: tuple[Seen | None, Status] | None = None
        self._seen: Seen | None = None
        self._status = Status(State.EMPTY, "")
        self.refresh()

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
        self._choose(frame_node, segmentation_node, segment_id)
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
        if of_another and (
            self._model is None or self._passes.of(image, self._model.sha256, self._settings.method) is None
        ):
            remove_explanation(frame_node)
            self._shown = None if frame_node is self._frame_node else self._shown
        self.set_inputs(frame_node, segmentation_node, segment_id)
        self._owner = owner

    @property
    def owner(self) -> Any:
        """Who opened the case that is shown; None once another frame was chosen."""
        return self._owner

    def adopt(self) -> None:
        """Take over an explanation that others have put into the scene for the chosen frame."""
        self._adopt()
        self.refresh()

    def remember(self, frame_node, model_sha256: str, found: NetworkPass) -> None:
        """Take a pass that was made elsewhere of the frame that a node shows."""
        self._passes.keep(digest_of_voxels(frame_node), model_sha256, found)

    def keep_pass(self, frame: str, model_sha256: str, found: NetworkPass) -> None:
        """Take a pass that was made elsewhere of a frame, by the digest of its voxels."""
        self._passes.keep(frame, model_sha256, found)

    def pass_of(self, model_sha256: str) -> NetworkPass | None:
        """What a model's network answered to the chosen frame, where that is known."""
        return None if self._seen is None else self._passes.of(self._seen.frame, model_sha256, self._settings.method)

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

    # What to show

    @property
    def status(self) -> Status:
        if self._due and self._status.state is State.CURRENT:
            return Status(State.UPDATING, "Updating to what was changed.")
        return self._status

    @property
    def can_explain(self) -> bool:
        """Whether Explain can be pressed, now or, while :attr:`due`, most likely."""
        return self._seen is not None and self._busy_with is None

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
            case, _ = self.look()
            images = case, known.explain(case, self._settings)
            self._shown = Shown(self._shown.result, self._seen, known, images)
        return self._shown.images

    @property
    def table(self) -> list[TableRow]:
        """The pointing game and the contributions by region; empty without a result."""
        return [] if self._shown is None else table_of(self._shown.result)

    @property
    def bars(self) -> list[Bar]:
        return [] if self._shown is None else bars_of(self._shown.result)

    @property
    def words(self) -> list[WordRow]:
        """The lexicon's features, proposed and as a reader has them; :meth:`say` changes them."""
        return [] if self._shown is None else words_of(self._shown.result)

    @property
    def numbers(self) -> list[NumberRow]:
        """The mass' descriptors."""
        return [] if self._shown is None else numbers_of(self._shown.result)

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

    def _chosen_anew(self) -> None:
        self._failure = None
        super()._chosen_anew()

    def _drop_what_is_gone(self) -> None:
        """Nodes that left the scene, and what was known through them."""
        frame = self._frame_node
        self._drop_nodes_that_are_gone()
        if self._frame_node is not frame:
            self._shown = None
        if self._shown is not None and self._busy_with is None and self.nodes is None:  # the user took them away
            self._shown = None
            if self._seen is not None:
                self._passes.forget(self._seen.frame, self._seen.model, self._seen.method)

    def _look_again(self) -> tuple[Case | None, Seen | None, Status | None]:
        self._facts = None
        before = self._seen
        try:
            case, self._seen = self.look()
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
        self._shown = shown = found_again(self._frame_node, self._passes, another_frame)
        if shown is not None and shown.seen is not None and shown.seen.words:
            self._words.setdefault(shown.seen.frame, dict(shown.seen.words))

    def _follow(self, case: Case | None, seen: Seen | None, problem: Status | None) -> Status:
        """Bring what is shown in step with the inputs, and say where that leaves us."""
        if case is not None and seen is not None and self._busy_with is None:
            if self._failure is not None and self._failure[0] != seen:
                self._failure = None
            if self._failure is None:
                self._bring_in_step(case, seen)
        found, shown = self._passes.for_inputs(seen), self._shown
        return status_of(
            Known(
                chosen=self._frame_node is not None,
                running=self._busy_with is not None,
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
            self._shown = taken_to_fit(shown, seen)

    def _show(
        self, frame_node, segmentation_node, case: Case, seen: Seen, settings: Settings, found: NetworkPass
    ) -> Shown:
        limit = self._saliency_range
        return show(self._scene, frame_node, segmentation_node, case, seen, settings, found, limit)
