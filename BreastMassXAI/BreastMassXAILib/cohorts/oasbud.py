"""OASBUD: radio-frequency echoes of 100 breast masses, two orthogonal views each, in one MATLAB file.

Piotrzkowska-Wroblewska et al., Open access database of raw ultrasonic signals acquired from malignant and benign breast
lesions, Med Phys 44:6105-6109, 2017, doi 10.1002/mp.12538; the file is at zenodo.org/record/545928. Its abstract: 52
malignant and 48 benign masses of 78 women, an Ultrasonix SonixTouch Research scanner, an L14-5/38 linear probe. The
example script handed on with the data (kept for instance in github.com/bwang40/OASBUD_DataProcessing, file
MATLAB_Code/example_code1.m) takes 1540 m/s, 40 MHz, depths up to ``samples * c / (2 f)`` and an aperture of 38 mm from
the first line to the last. Programs that read the file agree on the struct array ``data`` with id, rf1, rf2, roi1,
roi2, birads and class (1 malignant, 0 benign), 510 lines of int16, and masks of the size of the lines.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.frame import Frame, Provenance, Spacing
from ..core.writing import atomic_folder
from ..readers.files import reading
from ..readers.nrrd import write_nrrd
from .manifest import read_manifest
from .records import DataSet, label_of

SAMPLING_HZ = 40e6
SOUND_M_S = 1540.0
APERTURE_MM = 38.0
DYNAMIC_RANGE_DB = 50.0
_FIELDS = ("id", "rf1", "rf2", "roi1", "roi2", "class")
_COLUMNS = ("identifier", "image", "mask", "label", "patient", "view", "spacing_row_mm", "spacing_col_mm")


def read_oasbud(path: Path, unpacked: Path | None = None) -> DataSet:
    """List the cases of OASBUD; the first time its frames are unpacked as NRRD files with a manifest.

    The file holds gigabytes of signals that can only be read as a whole, so this is done once.

    Parameters
    ----------
    path : Path
        ``OASBUD.mat`` with the struct array ``data``: id, rf1, rf2 (samples x lines), roi1, roi2 (masks of the same
        size), birads, class (1 malignant, 0 benign).
    unpacked : Path, optional
        Folder for the frames; ``OASBUD-frames`` beside the file by default.

    Raises
    ------
    InputError
        When the file is damaged or is not OASBUD.
    OutputError
        When the frames cannot be written.
    """
    path = Path(path)
    folder = unpacked or path.with_name(f"{path.stem}-frames")
    if not (folder / "manifest.csv").is_file():
        with reading(path, "a MATLAB file of OASBUD's form"):
            from scipy.io import loadmat

            data = loadmat(path, squeeze_me=True, struct_as_record=False).get("data")
        entries = np.atleast_1d(data)
        if data is None or not all(hasattr(entries[0], name) for name in _FIELDS):
            raise InputError(f"{path.name} is not OASBUD: it lacks the struct array data with {', '.join(_FIELDS)}.")
        with atomic_folder(folder) as work:
            _unpack(entries, work)
    found = read_manifest(folder / "manifest.csv")
    # The manifest is ours: its sizes are those that the data set's own file states.
    records = [
        replace(each, spacing=replace(each.spacing, provenance=Provenance.HEADER)) if each.spacing else each
        for each in found.records
    ]
    return DataSet("OASBUD", tuple(records), found.skipped, found.notes)


def b_mode(rf: np.ndarray) -> Frame:
    """A B-mode frame from radio-frequency lines.

    Envelope by the Hilbert transform along the lines, averaged in depth to pixels as nearly square as whole samples
    allow, logarithm over 50 dB below the brightest echoes (99.9th percentile) to grey 0..255.

    Parameters
    ----------
    rf : ndarray, shape (samples, lines)

    Returns
    -------
    Frame
        Row 0 is the first sample; spacing with provenance ``header``: ``samples * c / (2 f)`` in depth, and 38 mm over
        the distances between the lines.

    Raises
    ------
    InputError
        When the array holds no lines, or nothing but one value.
    """
    from scipy.signal import hilbert

    rf = np.asarray(rf, np.float32)
    if rf.ndim != 2 or min(rf.shape) < 8:
        raise InputError(f"Radio-frequency lines are a table of samples x lines, not an array of shape {rf.shape}.")
    sample_mm, line_mm = SOUND_M_S * 1e3 / (2 * SAMPLING_HZ), APERTURE_MM / (rf.shape[1] - 1)
    step = depth_step(rf.shape[1])
    envelope = np.abs(hilbert(rf - rf.mean(axis=0), axis=0))
    rows = len(envelope) // step
    envelope = envelope[: rows * step].reshape(rows, step, -1).mean(axis=1)
    top = float(np.percentile(envelope, 99.9))
    if top <= 0:
        raise InputError("The radio-frequency lines hold no echo.")
    decibel = 20 * np.log10(np.maximum(envelope / top, 1e-6))
    grey = np.clip(np.rint(255 * (1 + decibel / DYNAMIC_RANGE_DB)), 0, 255)
    return Frame(grey, Spacing(sample_mm * step, line_mm, Provenance.HEADER))


def depth_step(lines: int) -> int:
    """Samples that make one row, so that a row is about as high as a column is wide."""
    return max(1, round(APERTURE_MM / (lines - 1) / (SOUND_M_S * 1e3 / (2 * SAMPLING_HZ))))


def _unpack(entries: np.ndarray, folder: Path) -> None:
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        table = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
        table.writeheader()
        for number, entry in enumerate(entries, start=1):
            lesion = f"{number:03d}"
            for view in ("1", "2"):
                table.writerow(_unpack_view(entry, lesion, view, folder))


def _unpack_view(entry: Any, lesion: str, view: str, folder: Path) -> dict[str, object]:
    rf, roi = np.asarray(getattr(entry, f"rf{view}")), np.asarray(getattr(entry, f"roi{view}"))
    if rf.shape != roi.shape:
        raise InputError(f"In OASBUD's entry {lesion} the mask roi{view} has another size than rf{view}.")
    frame = b_mode(rf)
    step = depth_step(rf.shape[1])
    rows = frame.shape[0]
    mass = (roi[: rows * step] != 0).reshape(rows, step, -1).mean(axis=1) >= 0.5
    identifier = f"{lesion}-{view}"
    write_nrrd(folder / f"{identifier}.nrrd", frame.pixels.astype(np.uint8), frame.spacing)
    write_nrrd(folder / f"{identifier}-mask.nrrd", mass.astype(np.uint8), frame.spacing)
    row_mm, column_mm = frame.spacing.mm()
    return {
        "identifier": identifier,
        "image": f"{identifier}.nrrd",
        "mask": f"{identifier}-mask.nrrd",
        "label": label_of(str(int(getattr(entry, "class")))),
        # The file names no patients beyond an id per entry; several entries may share one.
        "patient": f"{entry.id}",
        "view": view,
        "spacing_row_mm": f"{row_mm:.9g}",
        "spacing_col_mm": f"{column_mm:.9g}",
    }
