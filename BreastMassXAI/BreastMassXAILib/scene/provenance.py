"""Who outlined the mass in a segment.

It is kept with the segment, in tags: so scenes, files, copies and the Segment Editor's undo take it along. Beside it
stands the outline's digest: an outline that was touched since is told by what it is, not by an event that may be lost.
"""

from __future__ import annotations

import numpy as np
from vtkmodules.vtkCommonCore import reference

from ..core.frame import MaskOrigin
from ..core.suggested import ORIGIN_TAG, OUTLINE_TAG, outline_digest


def mark_origin(segmentation_node, segment_id: str, mass: np.ndarray, origin: MaskOrigin) -> None:
    """Keep with a segment who outlined it; of what a person drew nothing is kept.

    Parameters
    ----------
    segmentation_node : vtkMRMLSegmentationNode
    segment_id : str
    mass : ndarray of bool, shape (rows, columns) of the frame
        What the segment holds there.
    origin : MaskOrigin
    """
    segment = segmentation_node.GetSegmentation().GetSegment(segment_id)
    if origin is MaskOrigin.DRAWN:
        for tag in (ORIGIN_TAG, OUTLINE_TAG):
            segment.RemoveTag(tag)
        return
    segment.SetTag(OUTLINE_TAG, outline_digest(mass))
    segment.SetTag(ORIGIN_TAG, origin.value)


def origin_of(segmentation_node, segment_id: str, mass: np.ndarray) -> MaskOrigin:
    """Who outlined a segment as it is now.

    Parameters
    ----------
    mass : ndarray of bool, shape (rows, columns) of the frame
        What the segment holds there.

    Returns
    -------
    MaskOrigin
        ``drawn`` where nothing is kept; ``edited`` where the outline is not the one that was kept.
    """
    segment = segmentation_node.GetSegmentation().GetSegment(segment_id)
    kept = "" if segment is None else _tag(segment, ORIGIN_TAG)
    if kept not in {origin.value for origin in MaskOrigin}:
        return MaskOrigin.DRAWN
    same = _tag(segment, OUTLINE_TAG) == outline_digest(mass)
    return MaskOrigin(kept) if same else MaskOrigin.EDITED


def _tag(segment, name: str) -> str:
    value = reference("")
    return str(value) if segment.GetTag(name, value) else ""
