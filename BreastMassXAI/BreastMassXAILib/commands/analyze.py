"""``analyze``: from files to a folder of results."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..core.errors import MissingPackageError
from ..core.explain import Explanation
from ..core.frame import Case, Frame, Provenance, Spacing
from ..core.progress import reporter
from ..core.result import Settings
from ..core.words import summary
from ..core.writing import atomic_folder
from ..hosts.geometry import GeometryRequest, calibrated, with_field, with_geometry
from ..pipeline import analyze, load_model
from ..readers.frames import read_frame_and_mask
from ..writers.figure import write_figure
from ..writers.results import write_result

STEPS = 6


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a user may ask of every analysis; `spacing` is mm per pixel (row, column)."""

    spacing: tuple[float, float] | None = None
    assumed_width_mm: float | None = None
    model: Path | None = None
    ring_mm: float = 5.0
    grey_zone: float = 0.0
    out: Path | None = None
    force: bool = False
    geometry: GeometryRequest = field(default_factory=GeometryRequest)


@dataclass(frozen=True, kw_only=True)
class AnalyzeRequest(Request):
    """What the user asked for a frame; `frame_number` counts from 1."""

    frame: Path
    mask: Path
    frame_number: int | None = None


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
    frame, mass, mass_source = read_frame_and_mask(request.frame, request.mask, index)
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


def with_asked_spacing(frame: Frame, request: Request) -> Frame:
    """The frame with the pixel size that the user gave, or as it is."""
    if request.spacing is not None:
        return frame.with_spacing(Spacing(*request.spacing, Provenance.ASSUMED))
    if request.assumed_width_mm is not None:
        return frame.with_assumed_width(request.assumed_width_mm)
    return calibrated(frame, request.geometry)


def _write_scene(path: Path, case: Case, explanation: Explanation, name: str) -> str:
    """Write the scene; where Slicer's libraries are missing, say so instead of failing the rest."""
    try:
        from ..hosts.headless import save_scene

        save_scene(case, explanation, path, name)
    except MissingPackageError as error:
        return f"without scene.mrb: {error}"
    return ""


def stem(path: Path) -> str:
    """A file's name without its suffix."""
    name = path.name
    for suffix in (".nii.gz", path.suffix):
        if suffix and name.lower().endswith(suffix.lower()) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return name
