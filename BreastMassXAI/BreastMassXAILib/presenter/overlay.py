"""How an explanation looks in the slice views: on display nodes of ours and on the views' own nodes only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..core.palette import DEAD_BAND
from ..scene.explanation import ExplanationNodes
from ..scene.views import SALIENCY_OPACITY

LAYOUT_ID = 6101
FRAME_VIEW, OVERLAY_VIEW = "Red", "BreastMassXAI"


@dataclass(frozen=True)
class Looks:
    """What a user chooses; `dead_band` is the share of the range around zero that is transparent.

    `range_logit`: the colours run from minus this to this in every case; None: each map its own.
    """

    opacity: float = SALIENCY_OPACITY
    dead_band: float = DEAD_BAND
    range_logit: float | None = None
    outline: bool = True
    saliency: bool = True
    regions: bool = True
    extremes: bool = True
    legend: bool = True


def show(scene, nodes: ExplanationNodes, looks: Looks, views: Sequence[str] = ("Red",)) -> None:
    """Show an explanation in slice views with these looks. To be called again whenever either changed."""
    raise NotImplementedError


def show_side_by_side(scene, nodes: ExplanationNodes, looks: Looks) -> None:
    """Frame alone in `FRAME_VIEW`, overlay in `OVERLAY_VIEW`, linked."""
    raise NotImplementedError


def side_by_side_layout() -> str:
    """The layout description (XML) of the two views, for ``layoutNode.AddLayoutDescription(LAYOUT_ID, ...)``."""
    raise NotImplementedError
