"""The outline of a mass between the pixels: as long at every resolution, with pixels of any aspect.

Counting the pixels of an outline, or the corners between them, gives a length that no finer grid brings nearer to the
truth. Here the mask is blurred a little, and the line at half height is followed from cell to cell (marching squares;
Lorensen & Cline, Computer Graphics 21:163-169, 1987, in two dimensions).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .regions import mask_box

POINTS = 360
"""Points of a contour, evenly spaced along it."""
BLUR_PIXELS, BLUR_SHARE = 0.8, 0.01
"""Standard deviation of the blur: so many of the longer pixel sides, or this share of the mass' equivalent diameter,
whichever is more. The second makes a fine grid show no more of a hand's tremor than a coarse one."""
ENOUGH_PIXELS = 80
"""So many pixels across hold all of an outline that the blur leaves: finer masks become less than twice these."""
LEAST_PIXELS = 20
"""A mass of fewer pixels has no shape that could be measured."""


@dataclass(frozen=True, eq=False)
class Contour:
    """The outline of the largest connected piece of a mass, its holes filled.

    Parameters
    ----------
    points : ndarray, shape (POINTS, 2)
        (down, right) from the centre of the frame's upper left pixel, in units of `sizes`; evenly spaced and closed,
        the last point is not the first.
    perimeter, area : float
        In units of `sizes` and their square; the area is that of the pixels.
    centre : ndarray, shape (2,)
        Centroid of the pixels.
    moments : ndarray, shape (2, 2)
        Covariance of the pixels' positions (down, right).
    pieces : int
        Connected pieces of the mass; only the largest is described.
    """

    points: np.ndarray
    perimeter: float
    area: float
    centre: np.ndarray
    moments: np.ndarray
    pieces: int

    @property
    def diameter(self) -> float:
        """Of the disc of the same area."""
        return math.sqrt(4 * self.area / math.pi)


def contour_of(mass: np.ndarray, sizes: tuple[float, float]) -> Contour | None:
    """The contour of a mass; None where it is too small or too thin to have one.

    Parameters
    ----------
    mass : ndarray of bool, shape (rows, columns)
        With at least one True pixel.
    sizes : (row, column)
        Size of a pixel, in any one unit.
    """
    box = mask_box(mass)
    piece, pieces = _largest_piece(np.pad(mass[box], 1))
    count = np.count_nonzero(piece)
    if count < LEAST_PIXELS:
        return None
    area = count * sizes[0] * sizes[1]
    diameter = math.sqrt(4 * area / math.pi)
    step = [max(1, int(diameter / (size * ENOUGH_PIXELS))) for size in sizes]
    blur = max(BLUR_PIXELS * max(sizes), BLUR_SHARE * diameter)
    sigma = [blur / (size * n) for size, n in zip(sizes, step, strict=True)]
    margin = [math.ceil(3 * s) for s in sigma]
    image = np.pad(_block_means(piece, step), [(m, m) for m in margin])
    blurred = ndimage.gaussian_filter(image, sigma, mode="constant", truncate=3.0)
    line = _longest_line(blurred)
    if line is None:
        return None
    corner = np.array([box[0].start - 1, box[1].start - 1])
    scale = np.array(sizes)
    line = ((line - margin + 0.5) * step - 0.5 + corner) * scale
    # Blurring shrinks what is round: the line is grown until it encloses the area of the pixels.
    down, right = _moments_along(piece)
    centre = (np.array([down[0], right[0]]) + corner) * scale
    grown = math.sqrt(area / max(_enclosed(line), 1e-12))
    if not 0.5 < grown < 2:  # a mass of threads: the line follows a part of it only
        return None
    line = centre + (line - centre) * grown
    steps = np.hypot(*(np.roll(line, -1, axis=0) - line).T)
    covariance = _covariance(piece, down, right) * np.outer(scale, scale)
    return Contour(_evenly(line, steps), float(steps.sum()), area, centre, covariance, pieces)


def _largest_piece(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """The largest connected piece of a mask with a border of False, holes filled, and the number of pieces."""
    labels, pieces = ndimage.label(mask)
    piece = mask if pieces == 1 else labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    outside = ndimage.label(~piece, np.ones((3, 3), int))[0]
    return outside != outside[0, 0], pieces


def _block_means(piece: np.ndarray, step: list[int]) -> np.ndarray:
    """Share of each block of pixels that is in the piece; float32."""
    if step == [1, 1]:
        return piece.astype(np.float32)
    wide = np.pad(piece, [(0, -size % n) for size, n in zip(piece.shape, step, strict=True)])
    down = np.add.reduceat(wide, np.arange(0, wide.shape[0], step[0]), axis=0, dtype=np.float32)
    return np.add.reduceat(down, np.arange(0, wide.shape[1], step[1]), axis=1) / (step[0] * step[1])


def _moments_along(piece: np.ndarray) -> tuple[tuple[float, float], tuple[float, float]]:
    """Mean and variance of the pixels' rows and columns; a pixel is a square, not a point."""
    found = []
    for axis in (1, 0):
        weight = np.count_nonzero(piece, axis=axis).astype(float)
        at = np.arange(len(weight))
        mean = float(weight @ at / weight.sum())
        found.append((mean, float(weight @ (at - mean) ** 2 / weight.sum()) + 1 / 12))
    return found[0], found[1]


def _covariance(piece: np.ndarray, down: tuple[float, float], right: tuple[float, float]) -> np.ndarray:
    rows, columns = (np.arange(size) - mean for size, mean in zip(piece.shape, (down[0], right[0]), strict=True))
    mixed = float(rows @ (piece @ columns)) / np.count_nonzero(piece)
    return np.array([[down[1], mixed], [mixed, right[1]]])


def _enclosed(line: np.ndarray) -> float:
    """Area inside a closed line."""
    other = np.roll(line, -1, axis=0)
    return abs(float(np.sum(line[:, 0] * other[:, 1] - other[:, 0] * line[:, 1]))) / 2


def _evenly(line: np.ndarray, steps: np.ndarray) -> np.ndarray:
    along = np.concatenate([[0.0], np.cumsum(steps)])
    closed = np.vstack([line, line[:1]])
    at = np.linspace(0, along[-1], POINTS, endpoint=False)
    return np.stack([np.interp(at, along, closed[:, axis]) for axis in (0, 1)], axis=1)


# Sides of a cell between four pixels: Top, Right, Bottom, Left. For each set of its corners that are inside (1: upper
# left, 2: upper right, 4: lower right, 8: lower left), the way from side to side that keeps the inside on one hand.
_TOP, _RIGHT, _BOTTOM, _LEFT = range(4)
_WAYS = {
    1: ((_TOP, _LEFT),),
    2: ((_RIGHT, _TOP),),
    4: ((_BOTTOM, _RIGHT),),
    8: ((_LEFT, _BOTTOM),),
    3: ((_RIGHT, _LEFT),),
    6: ((_BOTTOM, _TOP),),
    12: ((_LEFT, _RIGHT),),
    9: ((_TOP, _BOTTOM),),
    14: ((_LEFT, _TOP),),
    13: ((_TOP, _RIGHT),),
    11: ((_RIGHT, _BOTTOM),),
    7: ((_BOTTOM, _LEFT),),
    # Two opposite corners, joined where the cell's middle is inside (16 more), or not.
    5: ((_TOP, _LEFT), (_BOTTOM, _RIGHT)),
    21: ((_TOP, _RIGHT), (_BOTTOM, _LEFT)),
    10: ((_RIGHT, _TOP), (_LEFT, _BOTTOM)),
    26: ((_LEFT, _TOP), (_RIGHT, _BOTTOM)),
}


def _longest_line(image: np.ndarray, level: float = 0.5) -> np.ndarray | None:
    """The closed line at a level that encloses most; points (row, column) in pixels, shape (n, 2). None without any.

    The image must be below the level along its border.
    """
    inside = image > level
    case = inside[:-1, :-1] * 1 + inside[:-1, 1:] * 2 + inside[1:, 1:] * 4 + inside[1:, :-1] * 8
    row, column = np.nonzero((case > 0) & (case < 15))
    if not len(row):
        return None
    kind = case[row, column]
    opposite = (kind == 5) | (kind == 10)
    if opposite.any():
        r, c = row[opposite], column[opposite]
        middle = (image[r, c] + image[r, c + 1] + image[r + 1, c] + image[r + 1, c + 1]) / 4
        kind[opposite] += 16 * (middle > level)
    width, vertical = image.shape[1], image.size
    starts, ends = [], []
    for number, ways in _WAYS.items():
        chosen = kind == number
        if chosen.any():
            r, c = row[chosen], column[chosen]
            side = (r * width + c, vertical + r * width + c + 1, (r + 1) * width + c, vertical + r * width + c)
            for start, end in ways:
                starts.append(side[start])
                ends.append(side[end])
    following = dict(zip(np.concatenate(starts).tolist(), np.concatenate(ends).tolist(), strict=True))
    best, most = None, 0.0
    while following:
        first, at = following.popitem()
        line = [first]
        while at != first:
            line.append(at)
            at = following.pop(at)
        points = _crossings(np.array(line), image, level)
        enclosed = _enclosed(points)
        if enclosed > most:
            best, most = points, enclosed
    return best


def _crossings(sides: np.ndarray, image: np.ndarray, level: float) -> np.ndarray:
    """Where the level is crossed on sides between two pixels."""
    upright = sides >= image.size
    row, column = np.divmod(sides - upright * image.size, image.shape[1])
    one, other = image[row, column], image[row + upright, column + ~upright]
    share = (level - one) / (other - one)
    return np.stack([row + share * upright, column + share * ~upright], axis=1).astype(float)
