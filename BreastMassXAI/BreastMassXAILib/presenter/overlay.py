"""How an explanation looks in the slice views: on display nodes of ours and on the views' own nodes only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..core.palette import DEAD_BAND
from ..scene.colors import set_dead_band
from ..scene.explanation import ExplanationNodes, modified_once
from ..scene.views import (
    SALIENCY_OPACITY,
    find_view_node,
    show_frame_in_slice_view,
    show_in_slice_view,
    view_nodes,
)
from .layout import FRAME_VIEW, OVERLAY_VIEW

FILL_OPACITY = 0.35
"""Of filled regions: their tissue stays visible."""


@dataclass(frozen=True)
class Looks:
    """What a user chooses. `dead_band` is the share of the range around zero that is transparent; `outline` draws the
    regions' outlines instead of filling them; the others say what is shown."""

    opacity: float = SALIENCY_OPACITY
    dead_band: float = DEAD_BAND
    outline: bool = True
    saliency: bool = True
    regions: bool = True
    extremes: bool = True
    legend: bool = True


def show(scene, nodes: ExplanationNodes, looks: Looks, views: Sequence[str] = (FRAME_VIEW,)) -> None:
    """Show an explanation in slice views with these looks. To be called again whenever either changed.

    Parameters
    ----------
    scene : vtkMRMLScene
    nodes : ExplanationNodes
    looks : Looks
    views : sequence of str
        The views' layout names; crosses and colour bar are shown in these alone.
    """
    identifiers = []
    for name in views:
        show_in_slice_view(scene, nodes, name, looks.opacity if looks.saliency else 0.0)
        slice_node, composite = view_nodes(scene, name, nodes.frame)
        slice_node.SetUseLabelOutline(looks.outline)
        composite.SetLabelVolumeID(nodes.regions.GetID() if looks.regions else None)
        composite.SetLabelOpacity(1.0 if looks.outline else FILL_OPACITY)
        identifiers.append(slice_node.GetID())
    for display, visible in (
        (nodes.extremes.GetDisplayNode(), looks.extremes),
        (nodes.legend, looks.legend and looks.saliency),
    ):
        _show_in(display, identifiers, visible)
    set_dead_band(scene, looks.dead_band)


def show_side_by_side(scene, nodes: ExplanationNodes, looks: Looks) -> None:
    """Frame alone in `FRAME_VIEW`, explanation in `OVERLAY_VIEW`, linked in pan and zoom."""
    show(scene, nodes, looks, (OVERLAY_VIEW,))
    _, alone = view_nodes(scene, FRAME_VIEW, nodes.frame)
    with modified_once(alone):
        alone.SetBackgroundVolumeID(nodes.frame.GetID())
        alone.SetForegroundVolumeID(None)
        alone.SetLabelVolumeID(None)
    for name in (FRAME_VIEW, OVERLAY_VIEW):
        _, composite = view_nodes(scene, name, nodes.frame)
        composite.SetLinkedControl(True)
        composite.SetHotLinkedControl(True)


def show_frame(scene, frame_node) -> None:
    """Show a frame that was just chosen, alone and the right way up, in `FRAME_VIEW` and, where there is one, in
    `OVERLAY_VIEW`. Fit the views afterwards."""
    show_frame_in_slice_view(scene, frame_node, FRAME_VIEW)
    if find_view_node(scene, "vtkMRMLSliceNode", OVERLAY_VIEW) is not None:
        show_frame_in_slice_view(scene, frame_node, OVERLAY_VIEW)


def _show_in(display: Any, view_ids: Sequence[str], visible: bool) -> None:
    with modified_once(display):
        display.SetVisibility(visible)
        if tuple(display.GetViewNodeIDs() or ()) != tuple(view_ids):
            display.SetViewNodeIDs(list(view_ids))
