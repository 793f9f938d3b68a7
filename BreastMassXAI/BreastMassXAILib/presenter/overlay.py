"""How an explanation looks in the slice views: on display nodes of ours and on the views' own nodes only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..core.palette import DEAD_BAND
from ..scene.belonging import own_layers, show_only
from ..scene.colors import set_dead_band
from ..scene.explanation import ExplanationNodes, explanation_nodes
from ..scene.nodes import modified_once
from ..scene.views import (
    SALIENCY_OPACITY,
    find_view_node,
    is_frame,
    show_in_slice_view,
    slice_nodes,
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


@dataclass(frozen=True)
class Place:
    """Layout names of slice views: where the frame is shown `alone`, and where its `explanation` lies on it."""

    alone: tuple[str, ...]
    explanation: tuple[str, ...]

    @property
    def views(self) -> tuple[str, ...]:
        return (*self.alone, *self.explanation)


def place_of(scene, frame_node, claim: bool = True) -> Place:
    """Where a frame and its explanation are shown in the present layout.

    Side by side where the layout holds `OVERLAY_VIEW`, else on the one view that shows the frame: `FRAME_VIEW`, or
    another one that a user put it in.

    Parameters
    ----------
    scene : vtkMRMLScene
    frame_node : vtkMRMLVolumeNode, optional
    claim : bool
        Whether `FRAME_VIEW` and `OVERLAY_VIEW` are the module's now; else only views that show the frame are.
    """
    present = [node for node in slice_nodes(scene) if node.IsMappedInLayout()] or slice_nodes(scene)
    names = [node.GetLayoutName() for node in present]
    showing = [name for name in names if frame_node is not None and _background(scene, name) == frame_node.GetID()]
    if OVERLAY_VIEW in names:
        place = Place((FRAME_VIEW,), (OVERLAY_VIEW,))
    elif FRAME_VIEW in names and (claim or FRAME_VIEW in showing):
        place = Place((), (FRAME_VIEW,))
    else:
        place = Place((), tuple(showing[:1]) or (FRAME_VIEW,))
    if claim:
        return place
    return Place(*(tuple(name for name in each if name in showing) for each in (place.alone, place.explanation)))


def show_chosen(scene, frame_node, looks: Looks, mass_node=None, claim: bool = True) -> Place:
    """Let the module's views show the chosen frame with what belongs to it, and nothing of ours that does not.

    The one function from which all that these views show follows, whatever was shown before. To be called whenever the
    frame, its explanation, the looks, the layout or the scene changed. Nodes that others made are not touched.

    Parameters
    ----------
    scene : vtkMRMLScene
    frame_node : vtkMRMLVolumeNode, optional
        None where no frame is chosen, or it is gone.
    looks : Looks
    mass_node : vtkMRMLSegmentationNode, optional
        The chosen mass.
    claim : bool
        See :func:`place_of`.

    Returns
    -------
    Place
        The views that show it.
    """
    if not is_frame(frame_node):
        frame_node = None
    nodes = None if frame_node is None else explanation_nodes(frame_node)
    show_only(scene, frame_node, mass_node)
    place = place_of(scene, frame_node, claim)
    _clear_layers(scene, () if frame_node is None else place.views)
    if frame_node is None:
        return Place((), ())
    for name in place.alone:
        _show_alone(scene, frame_node, name)
    if nodes is not None:
        show(scene, nodes, looks, place.explanation)
    else:
        for name in place.explanation:
            _show_alone(scene, frame_node, name)
    for name in place.views if place.alone else ():
        _, composite = view_nodes(scene, name, frame_node)
        composite.SetLinkedControl(True)
        composite.SetHotLinkedControl(True)
    return place


def show(scene, nodes: ExplanationNodes, looks: Looks, views: Sequence[str] = (FRAME_VIEW,)) -> None:
    """Show an explanation in slice views with these looks.

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


def _show_alone(scene, frame_node, view: str) -> None:
    _, composite = view_nodes(scene, view, frame_node)
    with modified_once(composite):
        composite.SetBackgroundVolumeID(frame_node.GetID())
        composite.SetForegroundVolumeID(None)  # Slicer's own controls offer another volume when one is removed
        composite.SetLabelVolumeID(None)


def _clear_layers(scene, kept_views: Sequence[str]) -> None:
    """Take maps and regions of ours out of the layers of all views but those named."""
    ours = own_layers(scene)
    for node in slice_nodes(scene):
        name = node.GetLayoutName()
        composite = find_view_node(scene, "vtkMRMLSliceCompositeNode", name)
        if composite is None or name in kept_views:
            continue
        with modified_once(composite):
            if composite.GetForegroundVolumeID() in ours:
                composite.SetForegroundVolumeID(None)
            if composite.GetLabelVolumeID() in ours:
                composite.SetLabelVolumeID(None)
            if composite.GetBackgroundVolumeID() in ours and name in (FRAME_VIEW, OVERLAY_VIEW):
                composite.SetBackgroundVolumeID(None)  # offered by Slicer's controls when the frame is removed


def _background(scene, view: str) -> str | None:
    composite = find_view_node(scene, "vtkMRMLSliceCompositeNode", view)
    return None if composite is None else composite.GetBackgroundVolumeID()


def _show_in(display: Any, view_ids: Sequence[str], visible: bool) -> None:
    with modified_once(display):
        display.SetVisibility(visible and bool(view_ids))  # no view named would mean all of them
        if view_ids and tuple(display.GetViewNodeIDs() or ()) != tuple(view_ids):
            display.SetViewNodeIDs(list(view_ids))
