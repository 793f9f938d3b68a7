"""Results out of a session: the folder that ``analyze`` writes, the report of one page, the scene."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ..core.errors import InputError, MissingPackageError, OutputError
from ..core.explain import Explanation
from ..core.frame import Case
from ..core.writing import atomic_folder
from ..scene.files import write_scene
from ..writers.figure import write_figure
from ..writers.results import write_result
from .session import Session

REPORT_KINDS = (".pdf", ".png")


def export_folder(session: Session, path: Path, replace: bool = False) -> str:
    """Write the folder that ``analyze`` writes: result, maps, extremes, table, picture, scene.

    The scene in it holds the frame, its mass and its explanation, and none of the other data that are loaded.

    Parameters
    ----------
    session : Session
    path : Path
    replace : bool
        Whether an older result there is replaced.

    Returns
    -------
    str
        A note where the picture had to be left out because matplotlib is not installed; else empty.

    Raises
    ------
    InputError
        When there is no current explanation.
    OutputError
        When the folder cannot be written; then nothing is.
    """
    case, explanation = _current(session)
    note, nodes = "", session.nodes
    with atomic_folder(path, replace) as folder:
        write_result(folder, case, explanation)
        try:
            write_figure(folder / "figure.png", case, explanation, session.saliency_range)
        except MissingPackageError as error:
            note = f"Without the picture: {error}"
        if nodes is not None:
            write_scene(session.scene, folder / "scene.mrb", nodes.companion)
    return note


def export_report(session: Session, path: Path) -> None:
    """Write the report of one page as ``.pdf`` or ``.png``.

    Raises
    ------
    InputError
        When there is no current explanation.
    MissingPackageError
        When matplotlib is not installed.
    OutputError
        When the file cannot be written; an older one stays then.
    """
    case, explanation = _current(session)
    if path.suffix.lower() not in REPORT_KINDS:
        raise OutputError(f"The report is written as {' or '.join(REPORT_KINDS)}, not as '{path.suffix or path.name}'.")
    part = path.with_name(f"{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        write_figure(part, case, explanation, session.saliency_range)
        part.replace(path)
    except OSError as error:
        raise OutputError(f"The report {path.name} cannot be written: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):
            part.unlink()


def export_scene(scene, path: Path) -> None:
    """Write the whole scene as a scene bundle (.mrb).

    Raises
    ------
    OutputError
        When it cannot be written; an older file stays then.
    """
    write_scene(scene, path)


def _current(session: Session) -> tuple[Case, Explanation]:
    found = session.explained
    if found is None:
        raise InputError("There is no current explanation to export: press Explain first.")
    return found
