"""Cine loops in a scene: sequences of frames and masks in, sequences of explanations out, all in one browser.

In Slicer a sequence node holds the frames, a browser node says which one is shown, and proxy nodes, ordinary nodes of
the scene, show it. The results of a loop are sequences in the browser of its frames; their proxies are the very nodes
that a single frame's explanation has. A frame that was not explained has an empty item, so that nothing of another
frame is shown on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from vtkmodules.vtkCommonCore import vtkDoubleArray, vtkStringArray
from vtkmodules.vtkCommonDataModel import vtkTable

from ..core.cine import Cine
from ..core.cine_result import CineResult
from ..core.errors import InputError
from ..core.explain import Explanation
from ..core.frame import Frame
from ..core.palette import symmetric_range
from .explanation import (
    CINE_ATTRIBUTE,
    LEFT_OUT_OF_LOOPS,
    NETWORK_ATTRIBUTE,
    RESULT_ATTRIBUTE,
    ExplanationNodes,
    collected,
    companion_of,
    explanation_nodes,
    fill_nodes,
    keep_result,
    modified_once,
    prepare_nodes,
    put_in_folder,
    remove_node,
    show_legend,
    show_range,
    style_nodes,
)
from .inputs import add_frame, add_mass, frame_of, mass_of

_INDEX_NAME, _INDEX_UNIT = "time", "s"
_SEQUENCED = ("saliency", "regions", "extremes", "table")
_CURVE = {
    "curve": ("vtkMRMLTableNode", "probability over time"),
    "probability series": ("vtkMRMLPlotSeriesNode", "probability"),
    "threshold series": ("vtkMRMLPlotSeriesNode", "threshold"),
    "cursor": ("vtkMRMLTableNode", "frame shown"),
    "cursor series": ("vtkMRMLPlotSeriesNode", "frame shown"),
    "chart": ("vtkMRMLPlotChartNode", "probability chart"),
}
_TIME_TITLE = "time (s)"
_CURSOR_HEIGHT = "height"
STALE_CURVE = ", out of date: explain all frames again"


@dataclass(frozen=True)
class CineNodes:
    """The MRML nodes of an explained loop.

    `explanation` holds the proxies, which show the browser's selected frame; `sequences` the sequence nodes by the
    proxies' roles (saliency, regions, extremes, table); `curve` a table of all frames, which `chart` plots.
    """

    browser: Any
    explanation: ExplanationNodes
    sequences: dict[str, Any]
    curve: Any
    chart: Any


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


def add_masses(browser, masks: Iterable[tuple[int, np.ndarray]], name: str):
    """Add masks to a loop of :func:`add_cine` as a sequence of segmentations, which keeps what a user changes.

    Parameters
    ----------
    browser : vtkMRMLSequenceBrowserNode
    masks : iterable of (item, mask)
        Item of the browser, and ndarray of bool with the shape of the frames.
    name : str
        Of the node that will show the masks.

    Returns
    -------
    vtkMRMLSegmentationNode
        With the one segment ``mass``.
    """
    frames = browser.GetMasterSequenceNode()
    sequence = _new_sequence(browser, f"{name} sequence")
    proxy = None
    for item, mask in masks:
        node = add_mass(browser.GetScene(), mask, frames.GetNthDataNode(item), name)
        sequence.SetDataNodeAtValue(node, frames.GetNthIndexValue(item))
        if proxy is None:
            proxy = node
        else:
            remove_node(browser.GetScene(), node)
    _connect(browser, sequence, proxy)
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
    frames, sequence = browser.GetMasterSequenceNode(), browser.GetSequenceNode(segmentation_node)
    if sequence is None:
        shown = browser.GetSelectedItemNumber()
        yield shown, mass_of(segmentation_node, segment_id, frames.GetNthDataNode(shown))
        return
    for index in range(frames.GetNumberOfDataNodes()):
        item = sequence.GetDataNodeAtValue(frames.GetNthIndexValue(index))
        if item is not None and item.GetSegmentation().GetSegment(segment_id) is not None:
            yield index, mass_of(item, segment_id, frames.GetNthDataNode(index))


def show_cine_explanation(
    browser,
    explanations: Iterable[tuple[int, Explanation]],
    result: CineResult,
    saliency_range: float | None = None,
    mass_segmentation=None,
    networks: Mapping[int, dict[str, Any]] | None = None,
) -> CineNodes:
    """Show a loop's explanations in the browser of its frames, in the nodes that an earlier run left there.

    Parameters
    ----------
    browser : vtkMRMLSequenceBrowserNode
        Of the frames. A user's frames, masks and their sequences are not written to.
    explanations : iterable of (item, Explanation)
        Item of the browser; taken one by one.
    result : CineResult
    saliency_range : float, optional
        The colours of all frames run from minus this to this, in logits; the loop's largest magnitude by default.
    mass_segmentation : vtkMRMLSegmentationNode, optional
        Where the masses came from; it is referenced, and not touched.
    networks : mapping of item to dict, optional
        Plain data about the network's passes, kept with the frames; see :func:`~.explanation.keep_network`.

    Returns
    -------
    CineNodes
        Named as :func:`~.explanation.show_explanation` names a single frame's, after the node that shows the frames;
        sequences are named after what shows them.

    Raises
    ------
    InputError
        When the browser shows no frames.
    """
    scene, frames = browser.GetScene(), browser.GetMasterSequenceNode()
    shown = None if frames is None else browser.GetProxyNode(frames)
    if shown is None:
        raise InputError(f"The sequence browser '{browser.GetName()}' shows no frames.")
    companion, nodes, new = prepare_nodes(scene, shown, mass_segmentation, LEFT_OUT_OF_LOOPS)
    for role in LEFT_OUT_OF_LOOPS:  # of a single frame's explanation, which the loop's replaces
        remove_node(scene, companion.GetNodeReference(role))
    companion.SetAttribute(RESULT_ATTRIBUTE, "")
    companion.SetAttribute(CINE_ATTRIBUTE, json.dumps(result.to_dict(), allow_nan=False))
    sequences = {role: _result_sequence(browser, nodes[role]) for role in _SEQUENCED}
    carriers = {role: _carrier(scene, nodes[role]) for role in _SEQUENCED}
    limit = 0.0
    selected = browser.GetSelectedItemNumber()
    with modified_once(companion, *nodes.values(), *sequences.values()):
        for sequence in sequences.values():
            sequence.RemoveAllDataNodes()
        for item, explanation in explanations:
            limit = max(limit, symmetric_range(explanation.saliency))
            targets = [carriers] if item != selected else [carriers, nodes]
            for target in targets:
                fill_nodes(target, frames.GetNthDataNode(item), explanation)
                keep_result(target["table"], explanation.result)
                if networks is not None and item in networks:
                    target["table"].SetAttribute(NETWORK_ATTRIBUTE, json.dumps(networks[item], allow_nan=False))
            for role, sequence in sequences.items():
                sequence.SetDataNodeAtValue(carriers[role], frames.GetNthIndexValue(item))
        style_nodes(nodes, new, shown)
        show_range(nodes["saliency"], saliency_range or limit)
    for role, sequence in sequences.items():
        _connect(browser, sequence, nodes[role])
    show_legend(companion, nodes["saliency"])
    put_in_folder(scene, shown, nodes, new)
    curve, chart = _show_curve(companion, shown.GetName(), result)
    move_cursor(browser)
    return CineNodes(browser, collected(companion), sequences, curve, chart)


def cine_nodes(browser) -> CineNodes | None:
    """The nodes of a loop's explanation, in a restored scene too; None where there is none or a node of it is gone."""
    frames = browser.GetMasterSequenceNode()
    shown = None if frames is None else browser.GetProxyNode(frames)
    explanation = None if shown is None else explanation_nodes(shown)
    if explanation is None:
        return None
    sequences = {role: browser.GetSequenceNode(getattr(explanation, role)) for role in _SEQUENCED}
    curve, chart = (explanation.companion.GetNodeReference(role) for role in ("curve", "chart"))
    if None in (curve, chart, *sequences.values()):
        return None
    return CineNodes(browser, explanation, sequences, curve, chart)


def move_cursor(browser) -> None:
    """Let the line in the plot of an explained loop stand at the frame that its browser shows."""
    nodes = cine_nodes(browser)
    table = None if nodes is None else nodes.explanation.companion.GetNodeReference("cursor")
    if nodes is None or table is None:
        return
    frames, item = browser.GetMasterSequenceNode(), browser.GetSelectedItemNumber()
    if not 0 <= item < frames.GetNumberOfDataNodes():
        return
    x_title = nodes.chart.GetXAxisTitle()
    kept = json.loads(nodes.explanation.companion.GetAttribute(CINE_ATTRIBUTE))
    if x_title == _TIME_TITLE:
        x = float(frames.GetNthIndexValue(item)) - float(frames.GetNthIndexValue(0))
    elif kept["frame_count"] == frames.GetNumberOfDataNodes():
        x = item + 1.0
    else:  # a scene that holds some of the frames: they are indexed by their numbers
        x = float(frames.GetNthIndexValue(item))
    known = table.GetTable()
    column = None if known is None else known.GetColumnByName(x_title)
    if column is not None and column.GetNumberOfValues() and column.GetValue(0) == x:
        return
    _fill_numbers(table, {x_title: [x, x], _CURSOR_HEIGHT: [0.0, 1.0]})


def mark_curve_stale(frame_node) -> None:
    """Say in the title of a loop's plot that a frame's explanation has changed since."""
    companion = companion_of(frame_node.GetScene(), frame_node)
    chart = None if companion is None else companion.GetNodeReference("chart")
    if chart is not None and not (chart.GetTitle() or "").endswith(STALE_CURVE):
        chart.SetTitle(f"{chart.GetTitle()}{STALE_CURVE}")


def summary_of(frame_node) -> dict[str, Any] | None:
    """What is kept of the loop that a frame's explanation belongs to (:meth:`CineResult.to_dict`); None without."""
    companion = companion_of(frame_node.GetScene(), frame_node)
    text = None if companion is None else companion.GetAttribute(CINE_ATTRIBUTE)
    return json.loads(text) if text else None


def _new_sequence(browser, name: str):
    frames = browser.GetMasterSequenceNode()
    sequence = browser.GetScene().AddNewNodeByClass("vtkMRMLSequenceNode", name)
    sequence.SetIndexName(frames.GetIndexName())
    sequence.SetIndexUnit(frames.GetIndexUnit())
    sequence.SetIndexType(frames.GetIndexType())
    return sequence


def _result_sequence(browser, proxy):
    name = f"{proxy.GetName()} sequence"
    sequence = browser.GetSequenceNode(proxy) or _new_sequence(browser, name)
    sequence.SetName(name)
    return sequence


def _connect(browser, sequence, proxy) -> None:
    """Let a browser show a sequence in a node; changes of the shown item are kept, a missing item is shown empty."""
    with modified_once(browser):  # Slicer would make a proxy of its own for a sequence that has none yet
        if browser.GetProxyNode(sequence) is not proxy:
            browser.AddSynchronizedSequenceNode(sequence)
            browser.AddProxyNode(proxy, sequence, False)
        browser.SetOverwriteProxyName(sequence, False)
        browser.SetSaveChanges(sequence, True)
        browser.SetMissingItemMode(sequence, browser.MissingItemSetToDefault)


def _carrier(scene, proxy):
    """A node of the same kind outside the scene: it carries contents into a sequence, which copies them."""
    node = scene.CreateNodeByClass(proxy.GetClassName())
    node.UnRegister(None)  # Python holds it now
    node.SetName(proxy.GetName())
    return node


def _show_curve(companion, name: str, result: CineResult) -> tuple[Any, Any]:
    nodes = {}
    for role, (class_name, suffix) in _CURVE.items():
        node = companion.GetNodeReference(role)
        if node is None:
            node = companion.GetScene().AddNewNodeByClass(class_name, f"{name} {suffix}")
            companion.SetNodeReferenceID(role, node.GetID())
        node.SetName(f"{name} {suffix}")
        nodes[role] = node
    timed = all(frame.time_s is not None for frame in result.frames)
    x_title = _TIME_TITLE if timed else "frame"
    probability, threshold = _CURVE["probability series"][1], _CURVE["threshold series"][1]
    _fill_curve(nodes["curve"], result, x_title if timed else None)
    for role, column, color in (
        ("probability series", probability, (0.8, 0.1, 0.1)),
        ("threshold series", threshold, (0.4, 0.4, 0.4)),
    ):
        series = nodes[role]
        series.SetAndObserveTableNodeID(nodes["curve"].GetID())
        series.SetPlotType(series.PlotTypeScatter)
        series.SetXColumnName(x_title)
        series.SetYColumnName(column)
        series.SetMarkerStyle(series.MarkerStyleCircle if role == "probability series" else series.MarkerStyleNone)
        series.SetColor(*color)
    cursor = nodes["cursor series"]
    cursor.SetAndObserveTableNodeID(nodes["cursor"].GetID())
    cursor.SetPlotType(cursor.PlotTypeScatter)
    cursor.SetXColumnName(x_title)
    cursor.SetYColumnName(_CURSOR_HEIGHT)
    cursor.SetMarkerStyle(cursor.MarkerStyleNone)
    cursor.SetColor(0.1, 0.4, 0.8)
    chart = nodes["chart"]
    chart.RemoveAllPlotSeriesNodeIDs()
    for role in ("probability series", "threshold series", "cursor series"):
        chart.AddAndObservePlotSeriesNodeID(nodes[role].GetID())
    chart.SetTitle(f"{name}: median probability {result.median_probability:.2f}, {result.decision}")
    chart.SetXAxisTitle(x_title)
    chart.SetYAxisTitle("probability of malignancy")
    chart.SetYAxisRangeAuto(False)
    chart.SetYAxisRange(0, 1)
    return nodes["curve"], chart


def _fill_numbers(node, columns: Mapping[str, list[float]]) -> None:
    table = vtkTable()
    for title, values in columns.items():
        column = vtkDoubleArray()
        column.SetName(title)
        for value in values:
            column.InsertNextValue(value)
        table.AddColumn(column)
    node.SetAndObserveTable(table)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetLocked(True)


def _fill_curve(node, result: CineResult, time_title: str | None) -> None:
    numbers: dict[str, list[Any]] = {
        "frame": [frame.index + 1 for frame in result.frames],
        "probability": [frame.result.probability for frame in result.frames],
        "threshold": [result.threshold] * len(result.frames),
    }
    if time_title is not None:
        numbers = {time_title: [frame.time_s for frame in result.frames], **numbers}
    words: dict[str, list[Any]] = {
        "decision": [frame.result.decision for frame in result.frames],
        "mask": [frame.mask_origin for frame in result.frames],
    }
    table = vtkTable()
    columns = {**numbers, **words}
    for title, values in columns.items():
        column = vtkDoubleArray() if title in numbers else vtkStringArray()
        column.SetName(title)
        for value in values:
            column.InsertNextValue(value)
        table.AddColumn(column)
    node.SetAndObserveTable(table)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetLocked(True)
