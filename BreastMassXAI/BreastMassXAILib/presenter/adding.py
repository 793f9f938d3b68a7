"""Samples, masses and calibration lines into the scene: what a panel's first buttons do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..core.errors import InputError
from ..core.frame import MaskOrigin
from ..readers.frames import read_frame
from ..readers.masks import read_mask
from ..readers.onto import Onto
from ..readers.placement import Grid
from ..resources import resource
from ..scene.belonging import frame_of_mass, own_line
from ..scene.companion import RESULT_ATTRIBUTE
from ..scene.inputs import add_frame, add_mass, directions_of, frame_of

MASS_SEGMENT = "mass"
_SAMPLES = {"malignant": "malignant-looking phantom", "benign": "benign-looking phantom"}


@dataclass(frozen=True)
class Sample:
    """A shipped case: a simulated frame and the mask of its mass. `picture` shows it."""

    name: str
    title: str
    frame: Path
    mask: Path
    picture: Path


def samples() -> list[Sample]:
    """The shipped cases; no download."""
    folder = Path(resource("SampleData"))
    return [
        Sample(name, title, folder / f"{name}.dcm", folder / f"{name}_mask.png", folder / f"{name}.png")
        for name, title in _SAMPLES.items()
    ]


def add_sample(scene, name: str) -> tuple[Any, Any]:
    """Add a shipped case to a scene, or find it there.

    Parameters
    ----------
    scene : vtkMRMLScene
    name : str
        Of a :class:`Sample`.

    Returns
    -------
    frame_node : vtkMRMLScalarVolumeNode
    segmentation_node : vtkMRMLSegmentationNode
        With the segment ``mass``.

    Raises
    ------
    InputError
        When there is no such sample, or its files are damaged.
    """
    sample = next((sample for sample in samples() if sample.name == name), None)
    if sample is None:
        raise InputError(f"There is no sample '{name}'; there are: {', '.join(_SAMPLES)}.")
    frame_name, mass_name = f"{name} phantom", f"{name} phantom mass"
    frame_node = scene.GetFirstNode(frame_name, "vtkMRMLScalarVolumeNode")
    mass_node = scene.GetFirstNode(mass_name, "vtkMRMLSegmentationNode")
    frame = read_frame(sample.frame)
    if frame_node is None:
        frame_node = add_frame(scene, frame, frame_name)
    if mass_node is None:
        mass = read_mask(sample.mask, frame.shape).pixels
        mass_node = add_mass(scene, mass, frame_node, mass_name, MaskOrigin.IMPORTED)
    elif frame_of_mass(mass_node) is None:  # its frame was deleted and is here again
        mass_node.SetAndObserveTransformNodeID(frame_node.GetTransformNodeID())
        mass_node.SetReferenceImageGeometryParameterFromVolumeNode(frame_node)
    return frame_node, mass_node


def new_mass(scene, frame_node) -> Any:
    """Add a segmentation with an empty segment ``mass`` on a frame's grid.

    Returns
    -------
    vtkMRMLSegmentationNode

    Raises
    ------
    InputError
        When the volume is no single frame.
    """
    return _add_mass(scene, np.zeros(frame_of(frame_node).shape, bool), frame_node, MaskOrigin.DRAWN)


class Imported(NamedTuple):
    """A mask from a file: the segmentation node with the segment ``mass``, and what had to be decided about it."""

    node: Any
    notes: tuple[str, ...]


def import_mass(scene, path: Path, frame_node, segments: Sequence[str] = ()) -> Imported:
    """Add the mask in a file as a segmentation on a frame's grid (:func:`~..readers.masks.read_mask`).

    Parameters
    ----------
    scene : vtkMRMLScene
    path : Path
    frame_node : vtkMRMLScalarVolumeNode
        How it lies in the room is compared with what the file says.
    segments : sequence of str
        The names or values that are the mass, where a person chose them.

    Returns
    -------
    Imported

    Raises
    ------
    SegmentChoiceError
        When the file holds several segments or labels and a person must choose.
    InputError
        When the file is no mask that fits the frame.
    MissingPackageError
        When a compressed DICOM file needs a decoder that is not installed.
    """
    frame = frame_of(frame_node)
    found = read_mask(path, Onto(frame.shape, grid=_grid_of(frame_node, frame.shape), pixels=frame.pixels), segments)
    return Imported(_add_mass(scene, found.pixels, frame_node, MaskOrigin.IMPORTED), found.notes)


def _grid_of(frame_node, shape: tuple[int, int]) -> Grid:
    """Where a volume of one slice lies in the room, in LPS."""
    to_lps = np.diag([-1.0, -1.0, 1.0])
    directions = to_lps @ directions_of(frame_node)
    column_mm, row_mm, slice_mm = frame_node.GetSpacing()
    origin = to_lps @ np.array(frame_node.GetOrigin())
    return Grid((1, *shape), directions[:, ::-1], (slice_mm, row_mm, column_mm), origin)


def _add_mass(scene, mass: np.ndarray, frame_node, origin: MaskOrigin) -> Any:
    return add_mass(scene, mass, frame_node, scene.GenerateUniqueName(f"{frame_node.GetName()} mass"), origin)


def first_segment(segmentation_node) -> str:
    """The segment to take for the mass where the user named none: ``mass``, else the first; "" where there is none."""
    segmentation = segmentation_node.GetSegmentation()
    if segmentation.GetSegment(MASS_SEGMENT) is not None:
        return MASS_SEGMENT
    return segmentation.GetNthSegmentID(0) if segmentation.GetNumberOfSegments() else ""


def own_volumes(scene) -> list[str]:
    """Node IDs of the saliency maps: volumes that are no frames and are not offered as such."""
    found = []
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLScriptedModuleNode")):
        node = scene.GetNthNodeByClass(index, "vtkMRMLScriptedModuleNode")
        if node.GetAttribute(RESULT_ATTRIBUTE) is not None and node.GetNodeReferenceID("saliency"):
            found.append(node.GetNodeReferenceID("saliency"))
    return found


def draw_line(scene, frame_node) -> Any:
    """Add a line for the calibration of a frame, and let the next two clicks in a view place its ends.

    Returns
    -------
    vtkMRMLMarkupsLineNode
    """
    line = scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", scene.GenerateUniqueName("Depth scale"))
    line.CreateDefaultDisplayNodes()
    own_line(line, frame_node)
    selection = scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    interaction = scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    if selection is not None and interaction is not None:
        # Not through the markups' own logic: its StartPlaceMode would place points, whatever is active.
        selection.SetReferenceActivePlaceNodeClassName(line.GetClassName())
        selection.SetReferenceActivePlaceNodeID(line.GetID())
        interaction.SwitchToSinglePlaceMode()
    return line
