"""Makes the shipped sample data: ``python -m BreastMassXAILib.commands.make_sample_data OUTPUT_FOLDER``.

A benign-looking and a malignant-looking phantom, each as a picture (.png), a calibrated DICOM ultrasound image (.dcm),
the mask of its mass (_mask.png, 0 and 255) and the picture's spacing (_spacing_mm.txt, ``ROW,COLUMN`` as ``--spacing``
takes it). The same versions of the libraries write the same bytes.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..core.errors import BreastMassXAIError, OutputError
from ..core.frame import Case
from ..phantom.simulation import benign_phantom, malignant_phantom, simulate
from ..readers.dicom import write_ultrasound_frame
from ..readers.files import write_beside

SAMPLES = {"benign": benign_phantom, "malignant": malignant_phantom}


def make_sample_data(folder: Path) -> list[Path]:
    """Simulate every sample and write its files into a folder, which is made where it is missing.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    OutputError
        When the folder or a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [path for name, phantom in SAMPLES.items() for path in _write(folder, name, simulate(phantom()))]
    except OSError as error:
        raise OutputError(f"The sample data cannot be written to {folder}: {error.strerror or error}.") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code (2 where the folder cannot be written)."""
    parser = argparse.ArgumentParser(
        prog="python -m BreastMassXAILib.commands.make_sample_data",
        description="Simulate the sample frames with their masks and write them as PNG and DICOM.",
    )
    parser.add_argument("folder", metavar="OUTPUT_FOLDER", type=Path)
    try:
        for path in make_sample_data(parser.parse_args(arguments).folder):
            print(path)
    except BreastMassXAIError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _write(folder: Path, name: str, case: Case) -> list[Path]:
    picture, mask, size, dicom = (
        folder / f"{name}{ending}" for ending in (".png", "_mask.png", "_spacing_mm.txt", ".dcm")
    )
    write_beside(picture, _png(case.frame.pixels.astype(np.uint8)))
    write_beside(mask, _png(case.mass.astype(np.uint8) * np.uint8(255)))
    row_mm, column_mm = case.frame.spacing.mm()
    write_beside(size, f"{row_mm!r},{column_mm!r}\n".encode())
    write_ultrasound_frame(dicom, case.frame)
    return [picture, mask, size, dicom]


def _png(grey: np.ndarray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


if __name__ == "__main__":
    sys.exit(main())
