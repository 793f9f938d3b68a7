"""Cine loops in a scene: sequences of frames and masks in, sequences of explanations out, all in one browser.

In Slicer a sequence node holds the frames, a browser node says which one is shown, and proxy nodes, ordinary nodes of
the scene, show it. The results of a loop are sequences in the browser of its frames; their proxies are the very nodes
that a single frame's explanation has. A frame that was not explained has an empty item, so that nothing of another
frame is shown on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..core.cine_result import CineResult
from ..core.errors import InputError
from ..core.explain import Explanation
from ..core.palette import symmetric_range
from .cine_curve import CURSOR_HEIGHT, TIME_TITLE, show_curve
from .companion import CINE_ATTRIBUTE, NETWORK_ATTRIBUTE, RESULT_ATTRIBUTE, companion_of, keep_result
from .contents import fill_nodes, style_nodes
from .explanation import LEFT_OUT_OF_LOOPS, ExplanationNodes, collected, explanation_nodes, prepare_nodes, put_in_folder
from .legend import show_legend, show_range
from .loops import connect, new_sequence
from .nodes import modified_once, remove_node, set_table

_SEQUENCED = ("saliency", "regions", "extremes", "table")


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
        Plain data about the network's passes, kept with the frames; see :func:`~.companion.keep_network`.

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
        connect(browser, sequence, nodes[role])
    show_legend(companion, nodes["saliency"])
    put_in_folder(scene, shown, nodes, new)
    curve, chart = show_curve(companion, shown.GetName(), result)
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
    if x_title == TIME_TITLE:
        x = float(frames.GetNthIndexValue(item)) - float(frames.GetNthIndexValue(0))
    elif kept["frame_count"] == frames.GetNumberOfDataNodes():
        x = item + 1.0
    else:  # a scene that holds some of the frames: they are indexed by their numbers
        x = float(frames.GetNthIndexValue(item))
    known = table.GetTable()
    column = None if known is None else known.GetColumnByName(x_title)
    if column is not None and column.GetNumberOfValues() and column.GetValue(0) == x:
        return
    set_table(table, {x_title: [x, x], CURSOR_HEIGHT: [0.0, 1.0]})


def summary_of(frame_node) -> dict[str, Any] | None:
    """What is kept of the loop that a frame's explanation belongs to (:meth:`CineResult.to_dict`); None without."""
    companion = companion_of(frame_node.GetScene(), frame_node)
    text = None if companion is None else companion.GetAttribute(CINE_ATTRIBUTE)
    return json.loads(text) if text else None


def _result_sequence(browser, proxy):
    name = f"{proxy.GetName()} sequence"
    sequence = browser.GetSequenceNode(proxy) or new_sequence(browser, name)
    sequence.SetName(name)
    return sequence


def _carrier(scene, proxy):
    """A node of the same kind outside the scene: it carries contents into a sequence, which copies them."""
    node = scene.CreateNodeByClass(proxy.GetClassName())
    node.UnRegister(None)  # Python holds it now
    node.SetName(proxy.GetName())
    return node
