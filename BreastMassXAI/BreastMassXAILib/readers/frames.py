"""One file in, one frame out; with the file of its mask, a frame whose millimetres are those of the mass."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..core.errors import InputError
from ..core.frame import Frame, Source
from ..core.regions import mask_box
from .cines import open_cine
from .files import Kind, identify
from .masks import read_mask
from .ultrasound_regions import Place
from .volumes import plane_directions


def read_frame(path: Path, point: Place | None = None, index: int | None = None, axis: int = 0) -> Frame:
    """Read one 2D frame from PNG, JPEG, BMP, TIFF, NRRD, MHA/MHD, NIfTI or DICOM, as :func:`~.cines.open_cine` does.

    Parameters
    ----------
    path : Path
    point : (row, column) or (rows, columns) as slices, optional
        A point or box in the tissue of interest, for DICOM files with several calibrated regions.
    index : int, optional
        Which frame of a loop or volume, counted from 0; without it, the file must hold a single one.
    axis : {0, 1, 2}
        Along which axis of a volume's array the frames lie.

    Raises
    ------
    InputError
        When the file is missing, unreadable, damaged, too large, not an image, more than one frame and none of them
        chosen, or no frame that can be looked at (see :class:`~..core.frame.Frame`).
    MissingPackageError
        When a compressed DICOM file needs a decoder that is not installed.
    """
    path = Path(path)
    cine = open_cine(path, point, axis)
    if index is None and len(cine) > 1:
        raise InputError(
            f"{path.name} holds {len(cine)} frames: choose one of them (--frame 1 to {len(cine)}), or explain all of "
            "them as a cine loop."
        )
    index = index or 0
    if not 0 <= index < len(cine):
        raise InputError(f"{path.name} has no frame {index + 1}: it holds {len(cine)}.")
    return cine.read(index)


def read_frame_and_mask(path: Path, mask: Path, index: int | None = None) -> tuple[Frame, np.ndarray, Source]:
    """Read a frame and the mask of its mass; of several calibrated regions, the mass chooses.

    Raises
    ------
    InputError, MissingPackageError
        As :func:`read_frame` and :func:`~.masks.read_mask`.
    """
    frame = read_frame(path, index=index)
    mass, source = read_mask(mask, frame.shape)
    if frame.source is not None and frame.source.sha256 == source.sha256:
        raise InputError(f"The mask {mask.name} is the frame itself.")
    _check_same_orientation(path, mask)
    if identify(path) is Kind.DICOM:
        frame = read_frame(path, mask_box(mass), index)
    return frame, mass, source


def _check_same_orientation(path: Path, mask: Path) -> None:
    """Pixels are matched by row and column, so headers that turn frame and mask differently would mismatch them."""
    of_frame, of_mask = (
        plane_directions(file) if identify(file) is Kind.VOLUME else np.eye(2) for file in (Path(path), Path(mask))
    )
    if not np.allclose(of_frame, of_mask, atol=1e-3):
        raise InputError(
            f"The mask {mask.name} is stored turned or mirrored relative to the frame, as their headers tell: save it "
            "on the frame's own grid."
        )
