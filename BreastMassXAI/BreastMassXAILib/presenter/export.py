"""Results out of a session: the folder that ``analyze`` writes, the report of one page, the scene."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..core.errors import InputError, MissingPackageError, OutputError
from ..core.explain import Explanation
from ..core.frame import Case
from ..core.progress import Progress, silent
from ..core.writing import atomic_folder, whole_file
from ..scene.files import TakenScene, take_scene
from ..writers.figure import write_figure
from ..writers.results import write_result
from .session import Session
from .worker import Worker

REPORT_KINDS = (".pdf", ".png")


class Export:
    """Something to write, taken out of session and scene on the main thread. :meth:`run` may be called in any thread,
    once; :meth:`discard` is called at the end, whatever happened."""

    def __init__(self, write: Callable[[Progress], str], scene: TakenScene | None = None) -> None:
        self._write = write
        self._scene = scene

    def run(self, progress: Progress = silent) -> str:
        """Write it.

        Returns
        -------
        str
            A note of what had to be left out; else empty.

        Raises
        ------
        OutputError
            When it cannot be written; then nothing is, and what is older stays.
        MissingPackageError
            When a report needs matplotlib, which is not installed.
        """
        return self._write(progress)

    def discard(self) -> None:
        if self._scene is not None:
            self._scene.discard()

    def start(self, worker: Worker, done: Callable[[str], None], failed: Callable[[str, str], None]) -> int:
        """Write it in the worker's thread, before anything that waits there; ``done(note)`` or ``failed(sentence,
        details)`` when it is polled."""

        def ended(tell: Callable[..., None], *what: str) -> None:
            self.discard()
            tell(*what)

        return worker.submit(self.run, partial(ended, done), partial(ended, failed), urgent=True)


def prepare_folder(session: Session, path: Path, replace: bool = False) -> Export:
    """The folder that ``analyze`` writes: result, maps, extremes, table, picture, scene.

    The scene in it holds the frame, its mass and its explanation, and none of the other data that are loaded. The
    picture is left out where matplotlib is not installed.

    Parameters
    ----------
    session : Session
    path : Path
    replace : bool
        Whether an older result there is replaced.

    Raises
    ------
    InputError
        When there is no current explanation.
    OutputError
        When Slicer cannot save the scene.
    """
    (case, explanation), nodes, limit = _current(session), session.nodes, session.saliency_range
    scene = None if nodes is None else take_scene(session.scene, "scene", nodes.companion)

    def write(progress: Progress) -> str:
        note = ""
        with atomic_folder(path, replace) as folder:
            progress(0, 3, "saving the result")
            write_result(folder, case, explanation)
            progress(1, 3, "saving the picture")
            try:
                write_figure(folder / "figure.png", case, explanation, limit)
            except MissingPackageError as error:
                note = f"Without the picture: {error}"
            progress(2, 3, "saving the scene")
            if scene is not None:
                scene.write(folder / "scene.mrb")
        progress(3, 3, "done")
        return note

    return Export(write, scene)


def prepare_report(session: Session, path: Path) -> Export:
    """The report of one page, as ``.pdf`` or ``.png``.

    Raises
    ------
    InputError
        When there is no current explanation.
    OutputError
        When it is to be of another kind.
    """
    (case, explanation), limit = _current(session), session.saliency_range
    if path.suffix.lower() not in REPORT_KINDS:
        raise OutputError(f"The report is written as {' or '.join(REPORT_KINDS)}, not as '{path.suffix or path.name}'.")

    def write(progress: Progress) -> str:
        progress(0, 1, "writing the report")
        with whole_file(path, "The report") as part:
            write_figure(part, case, explanation, limit)
        progress(1, 1, "done")
        return ""

    return Export(write)


def prepare_scene(scene, path: Path) -> Export:
    """The whole scene as a scene bundle (.mrb).

    Raises
    ------
    OutputError
        When Slicer cannot save it.
    """
    taken = take_scene(scene, path.stem)

    def write(progress: Progress) -> str:
        progress(0, 1, "packing the scene")
        taken.write(path)
        progress(1, 1, "done")
        return ""

    return Export(write, taken)


def here_and_now(export: Export) -> str:
    """Write something without a worker; see :meth:`Export.run`."""
    try:
        return export.run()
    finally:
        export.discard()


def _current(session: Session) -> tuple[Case, Explanation]:
    found = session.explained
    if found is None:
        raise InputError("There is no current explanation to export: press Explain first.")
    return found
