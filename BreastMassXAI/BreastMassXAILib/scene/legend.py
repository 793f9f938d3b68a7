"""The range of a saliency map's colours, and the colour bar that tells it."""

from __future__ import annotations

import math

import slicer

from .companion import STALE_ATTRIBUTE, companion_of, companions
from .nodes import modified_once

LEGEND_TITLE, STALE_LEGEND_TITLE = "logit", "logit, out of date"


def remove_legends(scene) -> None:
    """Take our colour bars out of a scene that is about to be closed.

    Slicer removes its nodes one by one, and each view complains of a colour bar whose volume has gone before it.
    """
    for companion in companions(scene):
        legend = companion.GetNodeReference("legend")
        if legend is not None:
            scene.RemoveNode(legend)


def mark_stale(frame_node, reason: str | None) -> None:
    """Say that a frame's explanation no longer fits the frame, until it is shown anew or None is given as reason.

    The colour bar says so too, where the explanation is seen.
    """
    companion = companion_of(frame_node.GetScene(), frame_node)
    if companion is not None and companion.GetAttribute(STALE_ATTRIBUTE) != reason:
        companion.SetAttribute(STALE_ATTRIBUTE, reason)
        legend = companion.GetNodeReference("legend")
        if legend is not None:
            _title_legend(legend, stale=reason is not None)


def show_range(saliency_node, limit: float) -> None:
    """Let the colours of a saliency map run from minus `limit` to `limit` logits."""
    display = saliency_node.GetDisplayNode()
    with modified_once(display):
        display.SetAutoWindowLevel(False)
        display.SetWindowLevelMinMax(-limit, limit)


def show_legend(companion, saliency_node, stale: bool = False) -> None:
    """The colour bar of a saliency map, made once; its digits follow the range that is shown."""
    legend = companion.GetNodeReference("legend")
    if legend is None:
        legend = slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(saliency_node)
        companion.SetNodeReferenceID("legend", legend.GetID())
        legend.SetTitleText(LEGEND_TITLE)
    _title_legend(legend, stale)
    limit = saliency_node.GetDisplayNode().GetWindowLevelMax()
    legend.SetLabelFormat(f"%.{max(1, 1 - math.floor(math.log10(limit)))}f")


def _title_legend(legend, stale: bool) -> None:
    """Only between titles of ours: a user may have chosen another one."""
    if legend.GetTitleText() in (LEGEND_TITLE, STALE_LEGEND_TITLE):
        legend.SetTitleText(STALE_LEGEND_TITLE if stale else LEGEND_TITLE)
