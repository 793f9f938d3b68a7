"""Cine loops in a scene: sequences of frames and masks in and out, all in one browser.

In Slicer a sequence node holds the frames, a browser node says which one is shown, and proxy nodes, ordinary nodes of
the scene, show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from ..core.cine import Cine
from ..core.errors import InputError
from ..core.frame import Frame, MaskOrigin
from .belonging import browser_of
from .inputs import add_frame, add_mass, frame_of, mass_of
from .nodes import modified_once, remove_node
from .provenance import origin_of

_INDEX_NAME, _INDEX_UNIT = "time", "s"


def add_cine(scene, name: str, timed: bool):
    """Add an empty loop to a scene.

    Parameters
    ----------
    scene : vtkMRMLScene
    name : str
        Of the node that will show the frames.
    timed : bool
        Whether frames are indexed by seconds; else by their number.

    Returns
    -------
    vtkMRMLSequenceBrowserNode
        With an empty sequence of frames; see :func:`append_frame`.
    """
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", f"{name} sequence")
    sequence.SetIndexName(_INDEX_NAME if timed else "frame")
    sequence.SetIndexUnit(_INDEX_UNIT if timed else "")
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", f"{name} browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    return browser


def append_frame(browser, frame: Frame, index: float):
    """Append a frame to a loop of :func:`add_cine`.

    Parameters
    ----------
    browser : vtkMRMLSequenceBrowserNode
    frame : Frame
        All frames of a loop have one size.
    index : float
        Seconds or the frame's number; larger than the frame's before.

    Returns
    -------
    vtkMRMLScalarVolumeNode
        The proxy that shows the loop's frames; of the first frame until the browser selects another one.
    """
    scene, sequence = browser.GetScene(), browser.GetMasterSequenceNode()
    name = sequence.GetName().removesuffix(" sequence")
    node = add_frame(scene, frame, name)
    proxy = browser.GetProxyNode(sequence)
    if proxy is None:  # before the sequence has anything to show, or Slicer makes a proxy of its own
        browser.AddProxyNode(node, sequence, False)
        browser.SetOverwriteProxyName(sequence, False)
    sequence.SetDataNodeAtValue(node, f"{index:.6g}")
    if proxy is None:
        return node
    remove_node(scene, node)
    return proxy


def add_masses(
    browser,
    masks: Iterable[tuple[int, np.ndarray]],
    name: str,
    origins: Mapping[int, MaskOrigin] = MappingProxyType({}),
):
    """Add masks to a loop of :func:`add_cine` as a sequence of segmentations, which keeps what a user changes.

    Parameters
    ----------
    browser : vtkMRMLSequenceBrowserNode
    masks : iterable of (item, mask)
        Item of the browser, and ndarray of bool with the shape of the frames.
    name : str
        Of the node that will show the masks.
    origins : mapping of int to MaskOrigin
        Who outlined them, by item; ``drawn`` where it is not said.

    Returns
    -------
    vtkMRMLSegmentationNode
        With the one segment ``mass``.
    """
    frames = browser.GetMasterSequenceNode()
    sequence = new_sequence(browser, f"{name} sequence")
    proxy = None
    for item, mask in masks:
        origin = origins.get(item, MaskOrigin.DRAWN)
        node = add_mass(browser.GetScene(), mask, frames.GetNthDataNode(item), name, origin)
        sequence.SetDataNodeAtValue(node, frames.GetNthIndexValue(item))
        if proxy is None:
            proxy = node
        else:
            remove_node(browser.GetScene(), node)
    connect(browser, sequence, proxy)
    return proxy


def cine_of(browser) -> Cine:
    """The frames of a sequence of volumes, whatever the browser shows.

    Parameters
    ----------
    browser : vtkMRMLSequenceBrowserNode
        Its master sequence holds the frames.

    Returns
    -------
    Cine
        Frames as :func:`~.inputs.frame_of` reads volumes; `times_s` where the sequence is indexed by seconds.

    Raises
    ------
    InputError
        When the sequence holds no volumes.
    """
    sequence = browser.GetMasterSequenceNode()
    count = 0 if sequence is None else sequence.GetNumberOfDataNodes()
    if not count or not sequence.GetNthDataNode(0).IsA("vtkMRMLVolumeNode"):
        raise InputError(f"The sequence browser '{browser.GetName()}' shows no sequence of images.")
    times = None
    if sequence.GetIndexUnit() == _INDEX_UNIT:
        values = np.array([float(sequence.GetNthIndexValue(item)) for item in range(count)])
        times = values - values[0]
    return Cine(count, lambda item: frame_of(sequence.GetNthDataNode(item)), times)


def masks_of(browser, segmentation_node, segment_id: str) -> Iterator[tuple[int, np.ndarray]]:
    """The mass on the frames of a loop.

    Parameters
    ----------
    browser : vtkMRMLSequenceBrowserNode
    segmentation_node : vtkMRMLSegmentationNode
        A proxy of this browser: its sequence holds a segmentation for each frame that has one. Any other segmentation
        was drawn on the frame that is shown, and is the mask of that frame alone.
    segment_id : str

    Yields
    ------
    index : int
        Of the frame.
    mask : ndarray of bool, shape (rows, columns)
        Empty where the segment is empty or missing on that frame.

    Raises
    ------
    InputError
        When a segment is no labelmap.
    """
    for index, node, frame_node in _segments(browser, segmentation_node, segment_id):
        yield index, mass_of(node, segment_id, frame_node)


def origins_of(browser, segmentation_node, segment_id: str) -> dict[int, MaskOrigin]:
    """Who outlined the masses of :func:`masks_of`, by frame."""
    return {
        index: origin_of(node, segment_id, mass_of(node, segment_id, frame_node))
        for index, node, frame_node in _segments(browser, segmentation_node, segment_id)
    }


def _segments(browser, segmentation_node, segment_id: str) -> Iterator[tuple[int, Any, Any]]:
    """Each frame's index, the segmentation with its mass, and its volume."""
    frames, sequence = browser.GetMasterSequenceNode(), browser.GetSequenceNode(segmentation_node)
    if sequence is None:
        shown = browser.GetSelectedItemNumber()
        yield shown, segmentation_node, frames.GetNthDataNode(shown)
        return
    for index in range(frames.GetNumberOfDataNodes()):
        item = sequence.GetDataNodeAtValue(frames.GetNthIndexValue(index))
        if item is not None and item.GetSegmentation().GetSegment(segment_id) is not None:
            yield index, item, frames.GetNthDataNode(index)


def new_sequence(browser, name: str):
    frames = browser.GetMasterSequenceNode()
    sequence = browser.GetScene().AddNewNodeByClass("vtkMRMLSequenceNode", name)
    sequence.SetIndexName(frames.GetIndexName())
    sequence.SetIndexUnit(frames.GetIndexUnit())
    sequence.SetIndexType(frames.GetIndexType())
    return sequence


def connect(browser, sequence, proxy) -> None:
    """Let a browser show a sequence in a node; changes of the shown item are kept, a missing item is shown empty."""
    with modified_once(browser):  # Slicer would make a proxy of its own for a sequence that has none yet
        if browser.GetProxyNode(sequence) is not proxy:
            browser.AddSynchronizedSequenceNode(sequence)
            browser.AddProxyNode(proxy, sequence, False)
        browser.SetOverwriteProxyName(sequence, False)
        browser.SetSaveChanges(sequence, True)
        browser.SetMissingItemMode(sequence, browser.MissingItemSetToDefault)


def browser_showing(frame_node) -> Any | None:
    """The browser of the loop whose frames a node shows."""
    if frame_node is None or frame_node.GetScene() is None:
        return None
    browser = browser_of(frame_node)
    if browser is None or browser.GetProxyNode(browser.GetMasterSequenceNode()) is not frame_node:
        return None
    return browser
