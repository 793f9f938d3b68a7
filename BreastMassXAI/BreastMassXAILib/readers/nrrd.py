"""Maps and labels as NRRD files that the readers here and Slicer read back."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..core.errors import OutputError
from ..core.frame import Spacing
from ..core.leftovers import temporary_folder
from ..core.writing import as_text
from .files import quiet
from .placement import Grid


def write_nrrd(
    path: Path,
    array: np.ndarray,
    spacing: Spacing,
    names: Mapping[int, str] | None = None,
    *,
    tags: Mapping[str, str] | None = None,
    grid: Grid | None = None,
) -> None:
    """Write a map or a label image as a compressed one-slice NRRD that Slicer shows upright, row 0 at the top.

    The geometry is identity in LPS with spacing (column, row, 1) mm and origin 0, Slicer's IJK-to-RAS
    diag(-column, -row, 1). An unknown spacing is written as 1 mm, as the format has no word for it. The same input
    gives the same bytes.

    Parameters
    ----------
    path : Path
    array : ndarray, shape (rows, columns), float32 or uint8
    spacing : Spacing
    names : mapping of label to name, optional
        Written as Slicer's segment names, by which :func:`~.masks.read_mask` finds the mass again.
    tags : mapping of str to str, optional
        Of every segment, as Slicer keeps them.
    grid : Grid, optional
        Where the pixels lie in the patient, instead of `spacing` and the room's origin.

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    import SimpleITK

    row_mm, column_mm = spacing.mm() if spacing.known else (1.0, 1.0)
    image = SimpleITK.GetImageFromArray(array[None])
    if grid is None:
        image.SetSpacing((column_mm, row_mm, 1.0))
    else:
        image.SetSpacing(tuple(map(float, grid.spacing[::-1])))
        image.SetDirection(grid.directions[:, ::-1].ravel().tolist())
        image.SetOrigin(grid.origin.tolist())
    kept = "".join(f"{name}:{value}|" for name, value in (tags or {}).items())
    for number, (label, name) in enumerate((names or {}).items()):
        fields = {"ID": f"Segment_{label}", "Name": name, "LabelValue": str(label), "Layer": "0"}
        if kept:
            fields["Tags"] = kept
        for field, value in fields.items():
            image.SetMetaData(f"Segment{number}_{field}", value)
    try:
        with quiet():
            if as_text(str(path)) == str(path):
                SimpleITK.WriteImage(image, str(path), True)
            else:  # the library takes no other names
                with temporary_folder() as folder:
                    SimpleITK.WriteImage(image, str(folder / "plain.nrrd"), True)
                    shutil.copyfile(folder / "plain.nrrd", path)
    except RuntimeError as error:
        raise OutputError(f"{path.name} cannot be written: no space is left or you have no permission.") from error
