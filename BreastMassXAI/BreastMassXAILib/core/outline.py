"""What a person points at, and the mass that is suggested for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .errors import InputError
from .field import Field, weigh
from .regions import mask_box


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

    @property
    def point(self) -> tuple[float, float] | None:
        """Row and column of a point in the tissue that is meant; None where nothing is said."""
        for click in self.clicks:
            if click.inside:
                return click.row, click.column
        if self.box is None:
            return None
        return (self.box.top + self.box.bottom) / 2, (self.box.left + self.box.right) / 2

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
_LEAST_AREA = 4e-4
"""Share of the frame; smaller specks are no masses."""
_RIVAL = 0.2
"""Share of the largest mass's area from which on another piece counts as a mass of its own."""
_FAINTER = 0.5
"""Where a click lies in nothing that is probable, the piece around it of this share of its probability is taken."""
_LEAST_PROBABILITY = 0.1


def to_frame(logits: np.ndarray, field: Field, shape: tuple[int, int], scan_area: np.ndarray | None) -> np.ndarray:
    """Bring logits per cell of the field to the frame as probabilities, smoothly, so that their contours have no kinks.

    Parameters
    ----------
    logits : ndarray, shape (n, m)
    field : Field
    shape : (rows, columns) of the frame
    scan_area : ndarray of bool, optional

    Returns
    -------
    ndarray of float32, shape `shape`
        0..1; 0 outside field and scan area.
    """
    rows, columns = field.pixels(shape)
    vertical = cubic_weights(field.row, field.height, logits.shape[0], rows)
    horizontal = cubic_weights(field.column, field.width, logits.shape[1], columns)
    probability = np.zeros(shape, np.float32)
    with np.errstate(over="ignore"):
        probability[rows, columns] = 1 / (1 + np.exp(-weigh(vertical, logits, horizontal)))
    return probability if scan_area is None else np.where(scan_area, probability, np.float32(0))


def cubic_weights(start: float, length: float, cells: int, pixels: slice) -> np.ndarray:
    """Weights of Catmull-Rom's cubic from cell values to pixel centres along one axis; see ``field.bilinear_weights``.

    Returns
    -------
    ndarray, shape (len(pixels), cells), float32
        Rows sum to 1; the outer cells' values go on beyond them.
    """
    position = (np.arange(pixels.start, pixels.stop) + 0.5 - start) / length * cells - 0.5
    weights = np.zeros((len(position), cells), np.float32)
    first = np.floor(position).astype(int)
    for cell in range(-1, 3):
        away = np.abs(position - (first + cell))
        near = 1.5 * away**3 - 2.5 * away**2 + 1
        far = -0.5 * away**3 + 2.5 * away**2 - 4 * away + 2
        weight = np.where(away <= 1, near, np.where(away < 2, far, 0))
        np.add.at(weights, (np.arange(len(position)), np.clip(first + cell, 0, cells - 1)), weight.astype(np.float32))
    return weights


def suggestion(probability: np.ndarray, prompt: Prompt) -> Suggestion:
    """The mass that a prompt asks for, out of probabilities.

    A click decides which mass is meant, several clicks mean all their masses; a box means what lies in it. Without a
    prompt the largest piece is taken. Holes are filled.

    Parameters
    ----------
    probability : ndarray, shape (rows, columns)
        0..1.
    prompt : Prompt
        That was checked (:func:`checked_prompt`).
    """
    pieces, areas = _pieces(probability > 0.5)
    least = max(_LEAST_AREA * probability.size, 4)
    there = areas >= max(least, _RIVAL * areas.max(initial=0))
    found = int(there.sum())
    clicks = [click for click in prompt.clicks if click.inside]
    if clicks:
        mass = np.zeros(probability.shape, bool)
        for click in clicks:
            mass |= _around(probability, pieces, round(click.row), round(click.column))
    elif prompt.box is not None:
        mass = _in_box(pieces, prompt.box)
    else:
        mass = pieces == 1 + int(areas.argmax()) if found else np.zeros(probability.shape, bool)
    if mass.sum() < (4 if prompt else least):
        return Suggestion(np.zeros(probability.shape, bool), probability, confidence_of(probability, mass), 0, prompt)
    mass = ndimage.binary_fill_holes(mass)
    return Suggestion(mass, probability, confidence_of(probability, mass), max(found, 1), prompt)


def _pieces(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Connected pieces, numbered from 1, and the area of each."""
    pieces, count = ndimage.label(inside)
    return pieces, np.bincount(pieces.ravel(), minlength=count + 1)[1:]


def _around(probability: np.ndarray, pieces: np.ndarray, row: int, column: int) -> np.ndarray:
    number = pieces[row, column]
    if number:
        return pieces == number
    least = _FAINTER * float(probability[row, column])
    if least < _LEAST_PROBABILITY:
        return np.zeros(probability.shape, bool)
    fainter = ndimage.label(probability > least)[0]
    return fainter == fainter[row, column]


def _in_box(pieces: np.ndarray, box: Box) -> np.ndarray:
    """The piece with the largest part in the box; what it has outside stays out when that is more than inside."""
    rows, columns = slice(int(box.top), int(box.bottom) + 1), slice(int(box.left), int(box.right) + 1)
    inside = np.bincount(pieces[rows, columns].ravel())
    if len(inside) < 2:
        return np.zeros(pieces.shape, bool)
    number = 1 + int(inside[1:].argmax())
    mass = pieces == number
    if inside[number] < 0.5 * mass.sum():
        kept = np.zeros_like(mass)
        kept[rows, columns] = mass[rows, columns]
        return kept
    return mass


def confidence_of(probability: np.ndarray, mass: np.ndarray) -> float:
    """How far the probabilities agree with the outline, 0..1: the Dice coefficient of the two near the mass.

    Probabilities far from the mass, another mass for instance, do not count. Where there is no mass, the largest
    probability of the frame.
    """
    if not mass.any():
        return float(probability.max(initial=0))
    rows, columns = mask_box(mass)
    down, across = (rows.stop - rows.start) // 2, (columns.stop - columns.start) // 2
    near = (
        slice(max(rows.start - down, 0), rows.stop + down),
        slice(max(columns.start - across, 0), columns.stop + across),
    )
    values, inside = probability[near], mass[near]
    other = _pieces((values > 0.5) & ~inside)[0] > 0
    total = float(values[~other].sum()) + float(inside.sum())
    return 2 * float(values[inside].sum()) / total


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
