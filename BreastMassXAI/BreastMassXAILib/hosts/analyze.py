"""``analyze``: from files to a folder of results."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..core.errors import MissingPackageError
from ..core.explain import Explanation
from ..core.frame import Case, Frame, Provenance, Spacing
from ..core.regions import RELEVANT
from ..core.result import Settings
from ..core.words import summary
from ..pipeline import analyze
from ..readers.figure import write_figure
from ..readers.frames import read_frame_and_mask
from ..readers.results import RESULT_FILE, atomic_folder, write_nrrd
from ..readers.tables import extremes_markups, pointing_game_csv
from .geometry import GeometryRequest, calibrated, with_field, with_geometry
from .progress import reporter

STEPS = 6


@dataclass(frozen=True)
class AnalyzeRequest:
    """What the user asked for; `spacing` is mm per pixel (row, column), `frame_number` counts from 1."""

    frame: Path
    mask: Path
    frame_number: int | None = None
    spacing: tuple[float, float] | None = None
    assumed_width_mm: float | None = None
    model: Path | None = None
    ring_mm: float = 5.0
    grey_zone: float = 0.0
    out: Path | None = None
    force: bool = False
    geometry: GeometryRequest = field(default_factory=GeometryRequest)


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
    frame = _with_asked_spacing(frame, request)
    case = Case(with_geometry(frame, mass, request.geometry), mass, mass_source)
    settings = Settings(request.ring_mm, request.grey_zone)
    if settings.ring_mm > 0:
        frame.spacing.mm()  # refused before a model is loaded for nothing
    out = request.out or Path(f"{_stem(request.frame)}-explained")
    with atomic_folder(out, request.force) as folder:
        progress(1, STEPS, "loading the model")
        bundle = with_field(_load_bundle(request.model), request.geometry)
        progress(2, STEPS, "network")
        explanation = analyze(case, bundle, settings)
        progress(3, STEPS, "writing")
        write_result(folder, case, explanation)
        progress(4, STEPS, "picture")
        write_figure(folder / "figure.png", case, explanation)
        progress(5, STEPS, "Slicer scene")
        note = _write_scene(folder / "scene.mrb", case, explanation, _stem(request.frame))
    progress(STEPS, STEPS, "done")
    print(summary(explanation.result))
    print(f"Results: {out}" + (f" ({note})" if note else ""))


def write_result(folder: Path, case: Case, explanation: Explanation) -> None:
    """Write ``result.json``, ``saliency.nrrd``, ``regions.nrrd``, ``extremes.mrk.json`` and ``pointing-game.csv``."""
    result = explanation.result
    texts = {
        RESULT_FILE: result.to_json(),
        "extremes.mrk.json": extremes_markups(result),
        "pointing-game.csv": pointing_game_csv(result),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    write_nrrd(folder / "saliency.nrrd", explanation.saliency, case.frame.spacing)
    names = dict(enumerate(RELEVANT, start=1))
    write_nrrd(folder / "regions.nrrd", explanation.labels, case.frame.spacing, names)


def _with_asked_spacing(frame: Frame, request: AnalyzeRequest) -> Frame:
    if request.spacing is not None:
        return frame.with_spacing(Spacing(*request.spacing, Provenance.ASSUMED))
    if request.assumed_width_mm is not None:
        return frame.with_assumed_width(request.assumed_width_mm)
    return calibrated(frame, request.geometry)


def _load_bundle(folder: Path | None):
    try:
        from ..network.bundle import load_bundle
    except ImportError as error:
        raise MissingPackageError(
            f"The network needs the package {error.name}: install torch, torchvision and safetensors."
        ) from error
    return load_bundle(folder)


def _write_scene(path: Path, case: Case, explanation: Explanation, name: str) -> str:
    """Write the scene; where Slicer's libraries are missing, say so instead of failing the rest."""
    try:
        from .headless import save_scene

        save_scene(case, explanation, path, name)
    except MissingPackageError as error:
        return f"without scene.mrb: {error}"
    return ""


def _stem(path: Path) -> str:
    name = path.name
    for suffix in (".nii.gz", path.suffix):
        if suffix and name.lower().endswith(suffix.lower()) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return name
