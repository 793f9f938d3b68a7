"""numpy arrays in and out of VTK images, without `slicer.util` (which the slicer-core wheel does not have)."""

from __future__ import annotations

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkImageData


def array_of(image: vtkImageData) -> np.ndarray:
    """A view of an image's scalars: (slices, rows, columns), and components where there are several."""
    columns, rows, slices = image.GetDimensions()
    scalars = vtk_to_numpy(image.GetPointData().GetScalars())
    return scalars.reshape((slices, rows, columns, *scalars.shape[1:]))


def fill(image: vtkImageData, array: np.ndarray) -> None:
    """Give an image the extent of a 2D array (rows, columns), one slice, and a copy of its values."""
    rows, columns = array.shape
    image.SetExtent(0, columns - 1, 0, rows - 1, 0, 0)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(array).ravel(), deep=True))


def set_volume_array(volume_node, array: np.ndarray) -> None:
    """Replace the voxels of a volume node by a 2D array (rows, columns)."""
    image = vtkImageData()
    fill(image, array)
    volume_node.SetAndObserveImageData(image)
