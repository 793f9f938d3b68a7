"""One frame or a loop explained, for Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..core.cine_result import CineResult
from ..core.explain import Explanation
from ..core.frame import Case, Frame, MaskOrigin
from ..core.outline import Suggestion
from ..core.progress import Progress, silent
from ..core.result import CaseResult, Settings
from ..core.settling import Said, settle
from ..core.words import cine_summary, summary
from .frames import MM, PathName, spacing_of
from .tables import Tabular

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..network.bundle import Bundle

Mask = npt.NDArray[Any] | PathName | Suggestion


@dataclass(frozen=True, eq=False, repr=False)
class Explained(Tabular):
    """An explained frame; in a notebook it shows itself.

    Parameters
    ----------
    case : Case
        Frame and mass.
    explanation : Explanation
        The result's numbers, the saliency map (logits) and the labels of the regions on the frame's grid.

    Examples
    --------
    >>> import BreastMassXAILib as bmx
    >>> found = bmx.explain("malignant.dcm", "malignant_mask.png")
    >>> bool(abs(sum(found.result.contributions.values()) + found.result.bias - found.result.logit) < 1e-4)
    True
    """

    case: Case
    explanation: Explanation

    @property
    def result(self) -> CaseResult:
        """All numbers: decision, probability, extreme points, hits, contributions, warnings."""
        return self.explanation.result

    @property
    def saliency(self) -> npt.NDArray[np.float32]:
        """The signed map on the frame's grid, logits; 0 outside the network's field."""
        return self.explanation.saliency

    @property
    def labels(self) -> npt.NDArray[np.uint8]:
        """0 elsewhere, 1 mass, 2 peritumoral, 3 below."""
        return self.explanation.labels

    def rows(self) -> list[dict[str, object]]:
        """The pointing game, one row a region: hits, share of area, contribution in logits."""
        from ..writers.tables import pointing_game_rows

        return pointing_game_rows(self.result)

    def __repr__(self) -> str:
        return summary(self.result)

    def _repr_html_(self) -> str:
        from .pages import explained_page

        return explained_page(self.case, self.explanation)


def explain(
    frame: Frame | PathName,
    mass: Mask,
    model: Bundle | PathName | None = None,
    settings: Settings | None = None,
    *,
    spacing: MM | None = None,
    width_mm: float | None = None,
    index: int | None = None,
    scan_area: str | npt.NDArray[Any] = "auto",
    beams: str = "auto",
    apex: tuple[float, float] | None = None,
) -> Explained:
    """Classify the mass on a frame and explain the decision, as the command ``analyze`` does.

    Parameters
    ----------
    frame : Frame, str or Path
        With files for both frame and mask, the mass chooses among a DICOM file's calibrated regions.
    mass : ndarray of bool, str, Path or Suggestion
        The mask of the mass on the frame's grid; what :func:`suggest_mask` gives, with the mask called automatic.
    model : Bundle, str or Path, optional
        What :func:`load_model` gives, a folder, or a shipped model's name.
    settings : Settings, optional
        Ring width in mm and grey zone.
    spacing, width_mm, index
        As for :func:`read_frame`.
    scan_area : {"auto", "whole"} or ndarray of bool
        The pixels that hold echoes.
    beams : {"auto", "linear", "convex"}
    apex : (row, column), optional
        Where a convex probe's beams meet, in pixels.

    Raises
    ------
    SpacingError
        When a ring is asked for and the pixel size is unknown.
    BreastMassXAIError
        When something cannot be read or does not fit, with one sentence.

    Examples
    --------
    >>> import BreastMassXAILib as bmx
    >>> found = bmx.explain("malignant.dcm", "malignant_mask.png")
    >>> found.result.decision
    'malignant'
    >>> wide = bmx.explain("malignant.dcm", "malignant_mask.png", settings=bmx.Settings(ring_mm=8))
    >>> bool((wide.labels == 2).sum() > (found.labels == 2).sum())
    True
    """
    from ..pipeline import analyze

    said = Said(spacing_of(spacing), width_mm, scan_area=scan_area, beams=beams, apex=apex)
    source, origin = None, MaskOrigin.IMPORTED
    if isinstance(mass, Suggestion):
        mass, origin = mass.mass, MaskOrigin.AUTOMATIC
    if isinstance(frame, Frame):
        if not isinstance(mass, np.ndarray):
            from .frames import read_mask

            mass = read_mask(mass, frame)
    elif isinstance(mass, (str, PathLike)):
        from ..readers.frames import read_frame_and_mask

        frame, mass, source = read_frame_and_mask(Path(frame), Path(mass), index)
    else:
        from .frames import read_frame

        frame = read_frame(frame, index=index)
    case = settle(frame, mass, said, source, origin=origin)
    settings = settings or Settings()
    if settings.ring_mm > 0:
        case.frame.spacing.mm()  # refused before a model is loaded for nothing
    return Explained(case, analyze(case, load_model(model), settings))


@dataclass(frozen=True, eq=False, repr=False)
class ExplainedCine(Tabular):
    """An explained loop; in a notebook it shows itself.

    Parameters
    ----------
    result : CineResult
        The decision of the whole, and each frame's numbers.
    strongest : Explained
        The frame whose logit is farthest from the threshold's.
    """

    result: CineResult
    strongest: Explained

    def rows(self) -> list[dict[str, object]]:
        """One row a frame, as ``frames.csv`` has them; there frames are counted from 1."""
        from ..writers.cine_results import frame_row

        return [frame_row(frame) for frame in self.result.frames]

    def __repr__(self) -> str:
        return cine_summary(self.result)

    def _repr_html_(self) -> str:
        from .pages import cine_page

        return cine_page(self.result, self.strongest.case, self.strongest.explanation)


def explain_cine(
    cine: PathName,
    masks: PathName | Mapping[int, PathName],
    model: PathName | None = None,
    settings: Settings | None = None,
    *,
    propagate: bool = False,
    frames: slice = slice(None),
    axis: int = 0,
    spacing: MM | None = None,
    width_mm: float | None = None,
    scan_area: str | npt.NDArray[Any] = "auto",
    beams: str = "auto",
    apex: tuple[float, float] | None = None,
    progress: Progress = silent,
) -> ExplainedCine:
    """Classify and explain a loop or the slices of a volume, as the command ``analyze-cine`` does, without its files.

    Parameters
    ----------
    cine : str or Path
        A loop (DICOM, TIFF) or a volume (NRRD, MHA, NIfTI).
    masks : str or Path, or mapping of int to str or Path
        A mask of all frames (or of the first), or masks of frames by their index, counted from 0.
    model : str or Path, optional
        A folder, or a shipped model's name.
    settings : Settings, optional
    propagate : bool
        Give frames without a mask one.
    frames : slice
        Which frames to look at.
    axis : {0, 1, 2}
        How a volume is cut: along its slices, rows or columns.
    spacing, width_mm, scan_area, beams, apex
        As for :func:`explain`.
    progress : callable
        Called with (done, total, what).

    Raises
    ------
    BreastMassXAIError
        When something cannot be read or does not fit, with one sentence.

    Examples
    --------
    >>> import BreastMassXAILib as bmx
    >>> found = bmx.explain_cine("malignant.dcm", {0: "malignant_mask.png"})
    >>> found.result.decision, len(found.rows())
    ('malignant', 1)
    """
    from ..analyses.cine import CineRequest, look_at_loop
    from ..resources import model_folder

    numbered = masks.items() if isinstance(masks, Mapping) else [(None, masks)]
    request = CineRequest(
        cine=Path(cine),
        masks=tuple((None if index is None else index + 1, Path(path)) for index, path in numbered),
        propagate=propagate,
        frames=frames,
        axis=axis,
        model=None if model is None else model_folder(model),
        settings=settings or Settings(),
        said=Said(spacing_of(spacing), width_mm, scan_area=scan_area, beams=beams, apex=apex),
    )
    result, strongest = look_at_loop(request, progress)
    return ExplainedCine(result, Explained(strongest.case, strongest.explanation))


def load_model(model: Bundle | PathName | None = None) -> Bundle:
    """A trained model: the shipped default, a shipped one by its name, or that of a folder.

    Raises
    ------
    BreastMassXAIError
        When it is not there, damaged, or torch is not installed, with one sentence.

    Examples
    --------
    >>> import BreastMassXAILib as bmx
    >>> bmx.load_model().classifier.name
    'busbra'
    """
    from ..pipeline import load_model as load
    from ..resources import model_folder

    if model is None or isinstance(model, (str, PathLike)):
        return load(None if model is None else model_folder(model))
    return model


def figure(found: Explained) -> Figure:
    """The picture of an explanation: frame, regions, saliency with its extreme points, decision, contributions.

    Raises
    ------
    MissingPackageError
        When matplotlib is not installed.

    Examples
    --------
    >>> import BreastMassXAILib as bmx
    >>> page = bmx.figure(bmx.explain("benign.dcm", "benign_mask.png"))
    >>> page.get_size_inches().tolist()
    [16.0, 8.0]
    """
    from ..writers.figure import draw

    return draw(found.case, found.explanation)


def save(found: Explained, folder: PathName, *, force: bool = False) -> Path:
    """Write the folder that the command ``analyze`` writes, ``scene.mrb`` where Slicer's libraries are installed.

    Parameters
    ----------
    found : Explained
    folder : str or Path
        It is there whole or not at all.
    force : bool
        Replace an earlier result.

    Raises
    ------
    OutputError
        When the folder exists and may not be replaced, or cannot be written.

    Examples
    --------
    >>> import BreastMassXAILib as bmx
    >>> import tempfile
    >>> place = tempfile.mkdtemp()
    >>> folder = bmx.save(bmx.explain("benign.dcm", "benign_mask.png"), f"{place}/benign")
    >>> (folder / "result.json").is_file(), (folder / "figure.png").is_file()
    (True, True)
    """
    from ..analyses.frame import write_explanation
    from ..core.writing import atomic_folder

    source = found.case.frame.source
    with atomic_folder(Path(folder), force) as work:
        write_explanation(work, found.case, found.explanation, Path(source.file_name).stem if source else "frame")
    return Path(folder)
