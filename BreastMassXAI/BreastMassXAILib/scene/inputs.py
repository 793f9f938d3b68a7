"""Frames and mass masks as MRML nodes, and back."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import slicer
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkCommonTransforms import vtkGeneralTransform

from ..core.errors import InputError
from ..core.frame import Frame, MaskOrigin, Provenance, Spacing
from ..core.palette import REGION_COLORS
from ..core.upright import LOOKS_UPSIDE_DOWN, frame_skin_side
from ..readers.grey import to_grey
from .arrays import array_of, fill, set_volume_array
from .provenance import mark_origin

PROVENANCE_ATTRIBUTE = "BreastMassXAI.SpacingProvenance"
MASS_ATTRIBUTE = "BreastMassXAI.Mass"
"""On a segmentation that this module made."""
CALIBRATION_ATTRIBUTE = "BreastMassXAI.Calibration"
"""On a volume that a user calibrated: JSON, one entry a calibration, with the spacings (i, j, k) before and after."""


UPSIDE_DOWN = (
    f"{LOOKS_UPSIDE_DOWN} If it is, turn the picture before it is loaded, or explain it on the command line "
    "(--flip rows)."
)


def add_frame(scene, frame: Frame, name: str):
    """Add a frame to a scene as a volume of one slice, the right way up in an axial slice view.

    Parameters
    ----------
    scene : vtkMRMLScene
    frame : Frame
    name : str

    Returns
    -------
    vtkMRMLScalarVolumeNode
        Voxels [1, rows, columns], 8 bits where the grey values allow it without loss; IJK to RAS is
        ``diag(-column_mm, -row_mm, 1)``. A frame of unknown spacing gets 1 mm pixels, and its attribute
        ``BreastMassXAI.SpacingProvenance`` says so.
    """
    node = slicer.vtkMRMLScalarVolumeNode()
    node.SetName(name)
    set_frame(node, frame)
    node = scene.AddNode(node)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAndObserveColorNodeID("vtkMRMLColorTableNodeGrey")
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(0, 255)
    return node


def set_frame(node, frame: Frame) -> None:
    """Let a volume node of :func:`add_frame` show another frame, in its voxels, its geometry and its provenance."""
    spacing = frame.spacing
    row_mm, column_mm = spacing.mm() if spacing.known else (1.0, 1.0)
    matrix = vtkMatrix4x4()
    for axis, size in enumerate((-column_mm, -row_mm, 1.0)):
        matrix.SetElement(axis, axis, size)
    shown = frame.shown
    pixels = shown.clip(0, 255).astype(np.uint8)
    state = node.StartModify()
    node.SetIJKToRASMatrix(matrix)
    node.SetAttribute(PROVENANCE_ATTRIBUTE, spacing.provenance.value)
    node.SetAttribute(CALIBRATION_ATTRIBUTE, None)
    set_volume_array(node, pixels if np.array_equal(pixels, shown) else shown)
    node.EndModify(state)


def frame_of(volume_node) -> Frame:
    """The frame that a volume node shows.

    Parameters
    ----------
    volume_node : vtkMRMLScalarVolumeNode or vtkMRMLVectorVolumeNode
        One slice. The rows of the voxel array are the frame's rows, whatever
        way the volume lies in the room. The spacing's provenance is `calibrated` (see `scene.calibration`) or read
        from the node's attribute ``BreastMassXAI.SpacingProvenance``; without either, pixels of exactly 1 mm count as
        unknown and others as `header`.

    Returns
    -------
    Frame
        Colours and more than 8 bits are brought to grey 0..255 as the readers do, with a warning; another one tells
        that the first row does not seem to be at the skin, by the picture or by how the volume lies in the patient.

    Raises
    ------
    InputError
        When the volume is empty or has several slices, or is no image.
    """
    image = volume_node.GetImageData()
    name = volume_node.GetName()
    if image is None or image.GetPointData().GetScalars() is None:
        raise InputError(f"The volume '{name}' holds no image.")
    voxels = array_of(image)
    if len(voxels) != 1:
        raise InputError(f"The volume '{name}' has {len(voxels)} slices: choose a volume that holds a single frame.")
    if volume_node.GetAttribute(PROVENANCE_ATTRIBUTE) and voxels.ndim == 3:  # one of ours: its greys are a frame's
        frame = Frame(voxels[0], spacing_of(volume_node))
    else:
        pixels, warnings = to_grey(f"The volume '{name}'", voxels[0])
        frame = Frame(pixels, spacing_of(volume_node), warnings=warnings)
    return replace(frame, warnings=(*frame.warnings, *_skin_notes(volume_node, frame)))


def _skin_notes(volume_node, frame: Frame) -> tuple[str, ...]:
    """What is to be said where the first row may be the deepest.

    Slicer shows a volume as it lies in the patient, whatever way its rows are stored: one that looks right in a view
    may be stored from the depth to the skin, as NIfTI files of converters are.
    """
    side = frame_skin_side(frame)
    if side < 0:
        return (UPSIDE_DOWN,)
    right, front, up = directions_of(volume_node)[:, 1]
    main = max(abs(right), abs(front), abs(up))
    if side > 0 or (front < main and up < main):
        return ()
    where = "to the front" if front == main else "upwards"
    return (
        f"The rows of the volume run {where} in the patient, and its first one is taken as the skin: if it is the "
        "deepest, 'below' would be towards the skin. Then bring the volume to axial or coronal order (module Orient "
        "Scalar Volume), or explain its file on the command line.",
    )


def spacing_of(volume_node) -> Spacing:
    """The pixel size of a frame's volume with its provenance, as :func:`frame_of` tells."""
    column_mm, row_mm, _ = volume_node.GetSpacing()
    calibrations = json.loads(volume_node.GetAttribute(CALIBRATION_ATTRIBUTE) or "[]")
    # A spacing that was changed by other hands since is no longer the calibrated one.
    if calibrations and np.allclose(calibrations[-1]["calibrated"][:2], (column_mm, row_mm), rtol=1e-6, atol=0):
        return Spacing(row_mm, column_mm, Provenance.CALIBRATED)
    stored = volume_node.GetAttribute(PROVENANCE_ATTRIBUTE)
    if stored in {provenance.value for provenance in Provenance}:
        provenance = Provenance(stored)
    else:
        provenance = Provenance.UNKNOWN if row_mm == column_mm == 1.0 else Provenance.HEADER
    return Spacing.unknown() if provenance is Provenance.UNKNOWN else Spacing(row_mm, column_mm, provenance)


def directions_of(volume_node) -> np.ndarray:
    """Unit vectors in RAS along which a volume's columns, rows and slices are counted: the columns of a 3 x 3 array."""
    matrix = vtkMatrix4x4()
    volume_node.GetIJKToRASDirectionMatrix(matrix)
    return np.array([[matrix.GetElement(row, column) for column in range(3)] for row in range(3)])


def add_mass(scene, mass: np.ndarray, frame_node, name: str, origin: MaskOrigin = MaskOrigin.DRAWN):
    """Add a mass mask to a scene as a segmentation with the one segment ``mass`` on a frame's grid.

    Parameters
    ----------
    scene : vtkMRMLScene
    mass : ndarray of bool, shape (rows, columns) of the frame
    frame_node : vtkMRMLScalarVolumeNode
    name : str
    origin : MaskOrigin
        Who outlined it; kept with the segment (:mod:`~.provenance`).

    Returns
    -------
    vtkMRMLSegmentationNode
    """
    node = slicer.vtkMRMLSegmentationNode()
    node.SetName(name)
    node.SetAttribute(MASS_ATTRIBUTE, "1")
    node = scene.AddNode(node)
    node.CreateDefaultDisplayNodes()
    set_mass(node, mass, frame_node, origin)
    display = node.GetDisplayNode()
    display.SetVisibility2DFill(False)
    return node


def set_mass(segmentation_node, mass: np.ndarray, frame_node, origin: MaskOrigin = MaskOrigin.DRAWN) -> None:
    """Let a segmentation node of :func:`add_mass` hold another mass, on the grid of the frame as it is now."""
    segmentation_node.SetAndObserveTransformNodeID(frame_node.GetTransformNodeID())
    segmentation_node.SetReferenceImageGeometryParameterFromVolumeNode(frame_node)
    segmentation = segmentation_node.GetSegmentation()
    for segment_id in segmentation.GetSegmentIDs():
        if segment_id != "mass":
            segmentation.RemoveSegment(segment_id)
    set_segments(segmentation_node, mass.astype(np.uint8), frame_node, {"mass": REGION_COLORS["mass"]})
    mark_origin(segmentation_node, "mass", mass, origin)


def set_segments(
    segmentation_node, labels: np.ndarray, frame_node, colors: dict[str, tuple[float, float, float]]
) -> None:
    """Make the segments of a segmentation of ours the labels 1, 2, ... of an image on a frame's grid.

    Parameters
    ----------
    segmentation_node : vtkMRMLSegmentationNode
    labels : ndarray of uint8, shape (rows, columns)
    frame_node : vtkMRMLScalarVolumeNode
    colors : dict
        Segment id, which is also its name, to colour, in the order of the labels. Segments that exist keep their id.
    """
    image = slicer.vtkOrientedImageData()
    fill(image, labels)
    matrix = vtkMatrix4x4()
    frame_node.GetIJKToRASMatrix(matrix)
    image.SetImageToWorldMatrix(matrix)
    representation = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    segmentation = segmentation_node.GetSegmentation()
    segmentation.SetSourceRepresentationName(representation)
    for value, (segment_id, color) in enumerate(colors.items(), start=1):
        segment = segmentation.GetSegment(segment_id)
        known = segment is not None
        if not known:
            segment = slicer.vtkSegment()
            segment.SetName(segment_id)
            segment.SetColor(color)
            segment.SetNameAutoGenerated(False)
            segment.SetColorAutoGenerated(False)
        segment.RemoveAllRepresentations()
        segment.SetLabelValue(value)
        segment.AddRepresentation(representation, image)  # shared: the regions are disjoint
        if not known:
            segmentation.AddSegment(segment, segment_id)


def mass_of(segmentation_node, segment_id: str, frame_node) -> np.ndarray:
    """A segment as a mask on a frame's grid.

    Takes about a millisecond where the segment lies on the frame's grid, as one painted on that frame does, however
    small its extent. Anything else is resampled to the frame's grid (nearest neighbour).

    Parameters
    ----------
    segmentation_node : vtkMRMLSegmentationNode
    segment_id : str
    frame_node : vtkMRMLScalarVolumeNode
        One slice.

    Returns
    -------
    ndarray of bool, shape (rows, columns)
        All False where the segment is empty or lies beside the frame.

    Raises
    ------
    InputError
        When there is no such segment, or it is no labelmap.
    """
    segment = segmentation_node.GetSegmentation().GetSegment(segment_id)
    if segment is None:
        raise InputError(f"The segmentation '{segmentation_node.GetName()}' has no segment '{segment_id}'.")
    representation = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    image = segment.GetRepresentation(representation)
    if image is None:
        raise InputError(
            f"The segment '{segment.GetName()}' is stored as a surface only: create its binary labelmap in the "
            "Segmentations module."
        )
    columns, rows, _ = frame_node.GetImageData().GetDimensions()
    mask = np.zeros((rows, columns), bool)
    if image.IsEmpty() or image.GetPointData().GetScalars() is None:
        return mask
    offset = _offset_on_grid(segmentation_node, image, frame_node)
    if offset is None:
        image, offset = _resampled(segmentation_node, image, frame_node), np.zeros(3, int)
    first = np.array(image.GetExtent()[::2]) + offset
    stop = first + image.GetDimensions()
    if not first[2] <= 0 < stop[2]:
        return mask
    low, high = np.maximum(first[:2], 0), np.minimum(stop[:2], (columns, rows))
    if (low >= high).any():
        return mask
    inside = tuple(slice(a, b) for a, b in zip((low - first[:2])[::-1], (high - first[:2])[::-1], strict=True))
    mask[low[1] : high[1], low[0] : high[0]] = array_of(image)[-first[2]][inside] == segment.GetLabelValue()
    return mask


def _offset_on_grid(segmentation_node, image, frame_node) -> np.ndarray | None:
    """Whole pixels (i, j, k) from the labelmap's indices to the frame's, or None where their grids differ."""
    if segmentation_node.GetTransformNodeID() != frame_node.GetTransformNodeID():
        return None
    ras_to_ijk, labelmap_to_ras, labelmap_to_ijk = vtkMatrix4x4(), vtkMatrix4x4(), vtkMatrix4x4()
    frame_node.GetRASToIJKMatrix(ras_to_ijk)
    image.GetImageToWorldMatrix(labelmap_to_ras)
    vtkMatrix4x4.Multiply4x4(ras_to_ijk, labelmap_to_ras, labelmap_to_ijk)
    matrix = np.array([[labelmap_to_ijk.GetElement(i, j) for j in range(4)] for i in range(3)])
    offset = np.rint(matrix[:, 3])
    # A thousandth of a pixel at the far corner is what a header's decimals may cost.
    if np.abs(matrix[:, :3] - np.eye(3)).max() * max(image.GetDimensions()) > 1e-3:
        return None
    return offset.astype(int) if np.abs(matrix[:, 3] - offset).max() <= 1e-3 else None


def _resampled(segmentation_node, image, frame_node):
    grid = slicer.vtkOrientedImageData()
    grid.SetExtent(frame_node.GetImageData().GetExtent())
    matrix = vtkMatrix4x4()
    frame_node.GetIJKToRASMatrix(matrix)
    grid.SetImageToWorldMatrix(matrix)
    to_frame = vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
        segmentation_node.GetParentTransformNode(), frame_node.GetParentTransformNode(), to_frame
    )
    resampled = slicer.vtkOrientedImageData()
    if not slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
        image, grid, resampled, False, False, to_frame
    ):
        raise InputError(f"The segmentation '{segmentation_node.GetName()}' cannot be brought to the frame's grid.")
    return resampled
