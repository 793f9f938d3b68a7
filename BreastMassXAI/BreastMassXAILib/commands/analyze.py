"""``analyze``: from files to a folder of results."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import MissingPackageError
from ..core.explain import Explanation
from ..core.frame import Case
from ..core.progress import reporter
from ..core.result import Settings
from ..core.words import summary
from ..core.writing import atomic_folder
from ..hosts.geometry import with_field, with_geometry
from ..pipeline import analyze, load_model
from ..readers.frames import read_frame_and_mask
from ..writers.figure import write_figure
from ..writers.results import write_result
from . import values
from .frame_options import Request, add_frame_options, asked, stem, with_asked_spacing

STEPS = 6


@dataclass(frozen=True, kw_only=True)
class AnalyzeRequest(Request):
    """What the user asked for a frame; `frame_number` counts from 1."""

    frame: Path
    mask: Path
    frame_number: int | None = None


def add_options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.description = (
        "Classify the mass on one B-mode frame; write the signed saliency map, the three regions, the "
        "pointing game, a Slicer scene and a picture."
    )
    command.add_argument("frame", metavar="FRAME", type=Path, help="PNG, JPEG, BMP, TIFF, NRRD, MHA, NIfTI or DICOM")
    command.add_argument(
        "--mask", metavar="MASK", type=Path, required=True, help="mask of the mass, same size as FRAME"
    )
    command.add_argument(
        "--frame", dest="number", metavar="N", type=values.count, help="which frame of a loop or volume, counted from 1"
    )
    add_frame_options(command, "FRAME")


def run(options: argparse.Namespace) -> None:
    """The command."""
    request = AnalyzeRequest(frame=options.frame, mask=options.mask, frame_number=options.number, **asked(options))
    analyze_files(request, options.progress)


def analyze_files(request: AnalyzeRequest, progress_kind: str = "auto") -> None:
    """Read, explain, write and print a summary.

    Raises
    ------
    BreastMassXAIError
        With one sentence; then nothing is written.
    """
    progress = reporter(progress_kind)
    progress(0, STEPS, "reading")
    index = None if request.frame_number is None else request.frame_number - 1
    frame, mass, mass_source = read_frame_and_mask(
        request.frame, request.mask, index, segments=request.segments, flip_rows=request.flip_rows
    )
    frame = with_asked_spacing(frame, request)
    case = Case(with_geometry(frame, mass, request.geometry), mass, mass_source)
    settings = Settings(request.ring_mm, request.grey_zone)
    if settings.ring_mm > 0:
        frame.spacing.mm()  # refused before a model is loaded for nothing
    out = request.out or Path(f"{stem(request.frame)}-explained")
    with atomic_folder(out, request.force) as folder:
        progress(1, STEPS, "loading the model")
        bundle = with_field(load_model(request.model), request.geometry)
        progress(2, STEPS, "network")
        explanation = analyze(case, bundle, settings)
        progress(3, STEPS, "writing")
        write_result(folder, case, explanation)
        progress(4, STEPS, "picture")
        write_figure(folder / "figure.png", case, explanation)
        progress(5, STEPS, "Slicer scene")
        note = _write_scene(folder / "scene.mrb", case, explanation, stem(request.frame))
    progress(STEPS, STEPS, "done")
    print(summary(explanation.result))
    print(f"Results: {out}" + (f" ({note})" if note else ""))


def _write_scene(path: Path, case: Case, explanation: Explanation, name: str) -> str:
    """Write the scene; where Slicer's libraries are missing, say so instead of failing the rest."""
    try:
        from ..hosts.headless import save_scene

        save_scene(case, explanation, path, name)
    except MissingPackageError as error:
        return f"without scene.mrb: {error}"
    return ""
