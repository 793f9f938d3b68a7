"""What a person points at, and the mass that is suggested for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .errors import InputError, NoMassError


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


ANYWHERE = Prompt()
"""Nobody said where the mass is."""


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


def found_mass(suggestion: Suggestion) -> np.ndarray:
    """The suggested mass.

    Raises
    ------
    NoMassError
        When there is none; the sentence tells the confidence.
    """
    if not suggestion.mass.any():
        raise NoMassError(
            f"{NO_MASS}: the confidence is {suggestion.confidence:.2f}, and an outline needs {LEAST_CONFIDENCE:.2f}."
        )
    return suggestion.mass


def suggestion_notes(suggestion: Suggestion) -> tuple[str, ...]:
    """What had to be decided for a suggestion; it belongs to the warnings of what is computed from it."""
    if suggestion.found > 1 and not suggestion.prompt:
        return (
            f"There seem to be {suggestion.found} masses in this frame: the largest is outlined; a click in another "
            "one chooses that.",
        )
    return ()


def inner_point(mass: np.ndarray) -> Click:
    """The pixel of a mass that lies nearest to its centroid: a click that is sure to be in it, whatever its shape.

    Parameters
    ----------
    mass : ndarray of bool, shape (rows, columns)
        Not empty.
    """
    rows, columns = np.nonzero(mass)
    nearest = int(np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2))
    return Click(float(rows[nearest]), float(columns[nearest]))


def largest_diameter(mass: np.ndarray, pixel: tuple[float, float] = (1.0, 1.0)) -> float:
    """The largest distance between two points of a mass, from edge to edge of its pixels, in the unit of `pixel`.

    Parameters
    ----------
    mass : ndarray of bool, shape (rows, columns)
        Not empty.
    pixel : (height, width)
    """
    ends: list[tuple[float, float]] = []
    for row in np.flatnonzero(mass.any(axis=1)).tolist():  # a row's other pixels lie between its first and its last
        first, last = (float(column) for column in np.flatnonzero(mass[row])[[0, -1]])
        ends += [(row, first - 0.5), (row, last + 0.5)]
        ends += [(row + side, column) for side in (-0.5, 0.5) for column in (first, last)]
    points = np.array(ends) * pixel
    from scipy.spatial import ConvexHull

    corners = points[ConvexHull(points).vertices]
    return float(np.sqrt(((corners[:, None] - corners[None]) ** 2).sum(axis=2).max()))
