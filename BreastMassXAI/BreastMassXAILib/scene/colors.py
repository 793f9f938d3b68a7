"""The two colour tables of a scene: signed saliency and regions. One of each per scene, saved with it."""

from __future__ import annotations

import numpy as np
import slicer

from ..core.palette import DEAD_BAND, REGION_COLORS, diverging
from ..core.regions import REGIONS

ROLE_ATTRIBUTE = "BreastMassXAI.Role"
_SALIENCY_COLORS = 256


def saliency_colors(scene):
    """The diverging colour table: blue (benign) over white to red (malignant), transparent around zero.

    Slicer's slice views honour a table's opacity of 0 only; any other opacity is opaque there.

    Returns
    -------
    vtkMRMLColorTableNode
        256 entries. Created on first use, then reused.
    """
    t = np.linspace(-1, 1, _SALIENCY_COLORS)
    colors = np.column_stack([diverging(t), np.abs(t) >= DEAD_BAND])
    return _table(scene, "saliency colors", "BreastMassXAI saliency", colors, [f"{value:+.3f}" for value in t])


def set_dead_band(scene, share: float) -> None:
    """Let the saliency's colours be transparent where the map is weaker than this share of its range, 0..1."""
    table = saliency_colors(scene)
    state = table.StartModify()
    for index, t in enumerate(np.linspace(-1, 1, _SALIENCY_COLORS)):
        table.SetOpacity(index, float(abs(t) >= share))
    table.EndModify(state)


def region_colors(scene):
    """The colour table of the regions' labels with their names; `elsewhere` is transparent.

    Returns
    -------
    vtkMRMLColorTableNode
        4 entries. Created on first use, then reused.
    """
    colors = [(*REGION_COLORS.get(name, (0.0, 0.0, 0.0)), float(name in REGION_COLORS)) for name in REGIONS]
    return _table(scene, "region colors", "BreastMassXAI regions", np.array(colors), REGIONS)


def _table(scene, role: str, name: str, colors: np.ndarray, color_names):
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLColorTableNode")):
        node = scene.GetNthNodeByClass(index, "vtkMRMLColorTableNode")
        if node.GetAttribute(ROLE_ATTRIBUTE) == role:
            return node
    node = slicer.vtkMRMLColorTableNode()
    node.SetName(name)
    node.SetTypeToUser()
    node.SetAttribute("Category", "BreastMassXAI")
    node.SetAttribute(ROLE_ATTRIBUTE, role)
    node.SetHideFromEditors(False)  # a hidden node with a file of its own is not saved with the scene
    node.SetNumberOfColors(len(colors))
    for index, (color, color_name) in enumerate(zip(colors, color_names, strict=True)):
        node.SetColor(index, color_name, *(float(part) for part in color))
    node.GetLookupTable().SetTableRange(0, len(colors) - 1)
    return scene.AddNode(node)
