"""What a person points at, and the mass that is suggested for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .errors import InputError


@dataclass(frozen=True)
class Click:
    """A point in pixels of the frame (centres are integers).

    Parameters
    ----------
    row, column : float
    inside : bool
        Whether the point belongs to the mass; False for tissue that does not.
    """

    row: float
    column: float
    inside: bool = True


@dataclass(frozen=True)
class Box:
    """A rough rectangle around the mass, in pixels; `bottom` and `right` belong to it."""

    top: float
    left: float
    bottom: float
    right: float


@dataclass(frozen=True)
class Prompt:
    """What a person said about where the mass is; nothing, by default."""

    clicks: tuple[Click, ...] = ()
    box: Box | None = None

    def __bool__(self) -> bool:
        return bool(self.clicks) or self.box is not None

    def and_click(self, click: Click) -> Prompt:
        """This prompt with a further click."""
        return Prompt((*self.clicks, click), self.box)


@dataclass(frozen=True, eq=False)
class Suggestion:
    """A suggested mass.

    Parameters
    ----------
    mass : ndarray of bool, shape (rows, columns)
        One connected piece without holes; empty where none was found.
    probability : ndarray of float32, shape (rows, columns)
        Of belonging to a mass, 0..1; 0 outside the scan area.
    confidence : float
        0..1, how sure the network is inside what it outlines; what it is worth was measured (model card).
    found : int
        How many masses there seem to be.
    prompt : Prompt
    """

    mass: np.ndarray
    probability: np.ndarray
    confidence: float
    found: int
    prompt: Prompt


NO_MASS = "No mass was found in this frame"
LEAST_CONFIDENCE = 0.5


def checked_prompt(prompt: Prompt, scan_area: np.ndarray) -> Prompt:
    """A prompt that can be used in a frame.

    Parameters
    ----------
    scan_area : ndarray of bool, shape (rows, columns)

    Raises
    ------
    InputError
        When a click or the box lies outside the frame or the scan area, the box is hardly a box, or no click says where
        the mass is.
    """
    rows, columns = scan_area.shape
    for click in prompt.clicks:
        row, column = round(click.row), round(click.column)
        if not (0 <= row < rows and 0 <= column < columns):
            raise InputError(
                f"The click at row {click.row:g}, column {click.column:g} lies outside the frame of {rows} x {columns}."
            )
        if not scan_area[row, column]:
            raise InputError(f"The click at row {click.row:g}, column {click.column:g} lies outside the scan area.")
    if prompt.clicks and not any(click.inside for click in prompt.clicks) and prompt.box is None:
        raise InputError("No click says where the mass is: the first click must lie in the mass.")
    if prompt.box is not None:
        box = prompt.box
        if box.bottom - box.top < 3 or box.right - box.left < 3:
            raise InputError(
                f"The box from row {box.top:g}, column {box.left:g} to row {box.bottom:g}, column {box.right:g} is too "
                "small: draw it around the mass, or click in the mass instead."
            )
        if box.top < 0 or box.left < 0 or box.bottom > rows - 1 or box.right > columns - 1:
            raise InputError(f"The box leaves the frame of {rows} x {columns} pixels.")
        inside = scan_area[int(box.top) : int(box.bottom) + 1, int(box.left) : int(box.right) + 1]
        if not inside.any():
            raise InputError("The box lies outside the scan area: draw it around the mass.")
    return prompt
