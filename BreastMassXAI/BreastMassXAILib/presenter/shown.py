"""The explanation that stands in the scene: put there, or found again in one that was saved."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.errors import BreastMassXAIError
from ..core.explain import Explanation
from ..core.frame import Case
from ..core.result import CaseResult, Settings
from ..scene.cine_curve import mark_curve_stale
from ..scene.companion import keep_network, keeps_loop, kept_network, restored_result, stale_reason
from ..scene.explanation import explanation_nodes, show_explanation
from .inputs import Seen
from .kept_passes import KeptPasses
from .passes import NetworkPass, restored, saved
from .status import why_stale


@dataclass(frozen=True, eq=False)
class Shown:
    """The explanation in the scene. Of a restored one there are no images in memory, and `seen` may be unknown.

    `saved_reason` says why a restored one does not fit.
    """

    result: CaseResult
    seen: Seen | None
    found: NetworkPass | None = None
    images: tuple[Case, Explanation] | None = None
    saved_reason: str | None = None


def show(
    scene,
    frame_node,
    segmentation_node,
    case: Case,
    seen: Seen,
    settings: Settings,
    found: NetworkPass,
    saliency_range: float | None,
) -> Shown:
    """Explain a case by what the network answered, and put that into the scene.

    Raises
    ------
    InputError
        See :func:`~..core.explain.explain`.
    """
    explanation = found.explain(case, settings)
    if keeps_loop(frame_node) and not _same_answer(explanation.result, restored_result(frame_node)):
        mark_curve_stale(frame_node)
    mass_node = segmentation_node if segmentation_node.GetScene() is not None else None
    show_explanation(scene, frame_node, explanation, saliency_range, mass_node)
    keep_network(frame_node, saved(found, seen))
    return Shown(explanation.result, seen, found, (case, explanation))


def found_again(frame_node, passes: KeptPasses, another_frame: bool = False) -> Shown | None:
    """The explanation that the scene keeps of a frame; what the network answered is kept in `passes` from then on.

    Parameters
    ----------
    frame_node : vtkMRMLVolumeNode or None
    passes : KeptPasses
    another_frame : bool
        Whether the node showed another frame of its loop before: why that one's did not fit does not matter then.
    """
    if frame_node is None or explanation_nodes(frame_node) is None:
        return None
    try:
        result = restored_result(frame_node)
    except BreastMassXAIError:  # of another version: it is made anew
        return None
    if result is None:
        return None
    kept = restored(kept_network(frame_node))
    if kept is None:
        return Shown(result, None, saved_reason=None if another_frame else stale_reason(frame_node))
    found, seen = kept
    passes.keep(seen.frame, seen.model, found)
    return Shown(result, seen, found)


def taken_to_fit(shown: Shown, seen: Seen) -> Shown:
    """Of a scene that keeps no more than the result: it is taken to fit what came with it, if the model is the same."""
    fits = shown.result.model.get("sha256") == seen.model
    return Shown(shown.result, seen if fits else None, saved_reason=None if fits else why_stale(None, seen))


def _same_answer(new: CaseResult, kept: CaseResult | None) -> bool:
    """Whether a loop's curve holds still: its points are probabilities."""
    return kept is not None and (new.probability, new.decision) == (kept.probability, kept.decision)
