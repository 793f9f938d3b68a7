"""Results out of a session: the folder that ``analyze`` writes, the report of one page, the scene."""

from __future__ import annotations

from pathlib import Path

from .session import Session


def export_folder(session: Session, path: Path, replace: bool = False) -> str:
    """Write the folder that ``analyze`` writes: result, maps, extremes, table, picture, scene.

    Returns
    -------
    str
        A note where a part had to be left out (no matplotlib, for instance); else empty.

    Raises
    ------
    InputError
        When there is no current explanation.
    OutputError
    """
    raise NotImplementedError


def export_report(session: Session, path: Path) -> None:
    """Write the report of one page as ``.pdf`` or ``.png``.

    Raises
    ------
    InputError
        When there is no current explanation.
    MissingPackageError
        When matplotlib is not installed.
    OutputError
    """
    raise NotImplementedError


def export_scene(scene, path: Path) -> None:
    """Write the whole scene as a scene bundle (.mrb).

    Raises
    ------
    OutputError
    """
    raise NotImplementedError
