"""One explained frame as a folder of results."""

from __future__ import annotations

from pathlib import Path

from ..core.errors import MissingPackageError
from ..core.explain import Explanation
from ..core.frame import Case
from ..core.progress import Progress, silent
from ..writers.figure import write_figure
from ..writers.results import write_result


def write_explanation(
    folder: Path, case: Case, explanation: Explanation, name: str, progress: Progress = silent
) -> str:
    """Write ``result.json`` and all that goes with it, ``figure.png``, and ``scene.mrb`` where that can be written.

    Parameters
    ----------
    folder : Path
        An existing one.
    name : str
        Of the frame in the scene.
    progress : Progress
        Called before each of the three.

    Returns
    -------
    str
        Why there is no ``scene.mrb``; empty where there is one.
    """
    progress(0, 3, "writing")
    write_result(folder, case, explanation)
    progress(1, 3, "picture")
    write_figure(folder / "figure.png", case, explanation)
    progress(2, 3, "Slicer scene")
    try:
        from ..hosts.headless import save_scene

        save_scene(case, explanation, folder / "scene.mrb", name)
    except MissingPackageError as error:
        return f"without scene.mrb: {error}"
    return ""
