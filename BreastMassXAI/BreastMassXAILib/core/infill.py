"""Plausible tissue in place of a region: what a counter-check shows the network instead.

The grey level is carried into the region from its surroundings as heat would spread (the harmonic function that
continues them), the speckle is resampled from them with its grain, and has the spread that they have there. Nothing
outside the region changes, and the same frame gives the same tissue whenever it is asked for.
"""

from __future__ import annotations

import hashlib

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve

from .errors import InputError
from .field import bilinear_weights, weigh
from .regions import mask_box

FILLS = ("inpaint", "blur", "mean")
"""How a region is replaced: by tissue, by a blur of itself, or by the mean grey of its surroundings."""
FEWEST_PIXELS = 200
"""Of the surroundings: from fewer, there is no telling what tissue looks like there."""
SPECKLE = 8.0
"""Standard deviation, in pixels, of the blur that parts grey level from speckle."""
STEP = 4
"""Pixels along a cell in which such blurs are made."""
COARSE = 72
"""Cells along the longer side of the box in which grey levels are carried on; speckle is finer than they are."""
TILES = (24, 16, 8, 4)
"""Sides of the pieces of speckle that are copied, in pixels, the largest that the surroundings hold."""
WHITE = 250
"""What is this bright is most likely written on the frame, and never serves as surroundings."""
BLUR = 0.08
"""Standard deviation of the blur of ``blur``, as a share of the smaller side of the part that is looked at."""


def filled(pixels: np.ndarray, region: np.ndarray, around: np.ndarray, fill: str = "inpaint") -> np.ndarray:
    """A frame with a region replaced.

    Parameters
    ----------
    pixels : ndarray of float32, shape (rows, columns)
        Grey 0..255.
    region : ndarray of bool, shape (rows, columns)
    around : ndarray of bool, shape (rows, columns)
        Pixels that may serve as surroundings; those of the region are left out.
    fill : {"inpaint", "blur", "mean"}

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        `pixels` outside the region.

    Raises
    ------
    InputError
        When there is no such way, the region is empty, or too little lies around it to fill it from.
    """
    if fill not in FILLS:
        raise InputError(f"A region is replaced by {', '.join(FILLS)}, not by {fill!r}.")
    if not region.any():
        raise InputError("there is none of it in what the network sees")
    known = around & ~region
    written = ndimage.binary_dilation(pixels >= WHITE, iterations=3)  # text and calipers are no tissue
    if np.count_nonzero(known & ~written) >= FEWEST_PIXELS:
        known &= ~written
    if np.count_nonzero(known) < FEWEST_PIXELS:
        raise InputError("it fills what the network sees, so there is nothing around it to fill it from")
    rows, columns = mask_box(region | known)
    image, inside, outside = (np.asarray(part)[rows, columns] for part in (pixels, region, known))
    image = image.astype(np.float32)
    if fill == "mean":
        new = np.full(image.shape, image[outside].mean(), np.float32)
    elif fill == "blur":
        new = ndimage.gaussian_filter(image, BLUR * min(image.shape))
    else:
        new = _tissue(image, inside, outside)
    found = np.array(pixels, np.float32)
    found[rows, columns][inside] = np.clip(new[inside], 0, 255)
    return found


def _tissue(image: np.ndarray, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    level, weight = _smooth(image, outside)
    speckle = np.where(outside, image - level, 0)
    spread = np.sqrt(np.maximum(_smooth(speckle**2, outside, 1.5 * SPECKLE)[0], 0))
    # Right at the region's edge the blur has seen one side only; there the surroundings stand for themselves.
    sure = outside & (weight > 0.5)
    sure = sure if np.count_nonzero(sure) >= FEWEST_PIXELS else outside
    carried, spread_inside = _carried_on(np.stack([level, spread]), inside, sure)
    unit = np.where(outside & (spread > 1e-3), speckle / np.maximum(spread, 1e-3), 0)
    seed = int.from_bytes(hashlib.sha256(np.packbits(inside).tobytes() + image.tobytes()).digest()[:8], "little")
    grain = _resampled(unit, inside, sure, np.random.default_rng(seed))
    return (carried + spread_inside * grain).astype(np.float32)


def _smooth(image: np.ndarray, known: np.ndarray, sigma: float = SPECKLE) -> tuple[np.ndarray, np.ndarray]:
    """The blur of what is known alone, and how much of it was known; on cells finer than the blur is wide."""
    weight = ndimage.gaussian_filter(_cells(known, STEP) / STEP**2, sigma / STEP)
    blurred = ndimage.gaussian_filter(_cells(np.where(known, image, 0), STEP) / STEP**2, sigma / STEP)
    return _enlarged(blurred / np.maximum(weight, 1e-6), STEP, image.shape), _enlarged(weight, STEP, image.shape)


def _cells(image: np.ndarray, step: int) -> np.ndarray:
    """Sums over squares of `step` pixels; what lies beyond the image is 0."""
    rows, columns = (-(-side // step) for side in image.shape)
    padded = np.zeros((rows * step, columns * step), np.float32)
    padded[: image.shape[0], : image.shape[1]] = image
    return padded.reshape(rows, step, columns, step).sum((1, 3), dtype=np.float64)


def _enlarged(cells: np.ndarray, step: int, shape: tuple[int, ...]) -> np.ndarray:
    """Cells of `step` pixels on the pixels' grid, bilinearly."""
    weights = [
        bilinear_weights(0, count * step, count, slice(0, side)) for count, side in zip(cells.shape, shape, strict=True)
    ]
    return weigh(weights[0], cells, weights[1])


def _carried_on(values: np.ndarray, inside: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Images that are known around a region, continued into it: harmonic there, on a coarse grid.

    Pixels that are neither are walls: nothing flows through them. What no known pixel reaches has the mean of all.
    """
    step = max(1, -(-max(inside.shape) // COARSE))
    counted, wanted = _cells(known, step), _cells(inside, step) > 0
    size = counted.shape
    fixed = (counted > 0) & ~wanted
    wanted |= (counted > 0) & ~fixed  # a cell that the edge cuts is carried on, too
    means = np.stack([_cells(np.where(known, value, 0), step) for value in values]) / np.maximum(counted, 1)
    overall = np.array([value[known].mean() for value in values])
    found = np.where(fixed, means, overall[:, None, None])
    number = np.full(size, -1)
    number[wanted] = np.arange(np.count_nonzero(wanted))
    rows, columns, right = [], [], np.zeros((np.count_nonzero(wanted), len(values)))
    degree = np.full(len(right), 1e-9)  # so that a piece that nothing reaches has the mean
    right += 1e-9 * overall
    for axis, shift in ((0, 1), (0, -1), (1, 1), (1, -1)):
        here = [slice(None), slice(None)]
        there = [slice(None), slice(None)]
        here[axis], there[axis] = (slice(None, -1), slice(1, None)) if shift > 0 else (slice(1, None), slice(None, -1))
        mine, theirs = number[tuple(here)], number[tuple(there)]
        to_fixed = (mine >= 0) & fixed[tuple(there)]
        np.add.at(degree, mine[to_fixed], 1)
        for index in range(len(values)):
            np.add.at(right[:, index], mine[to_fixed], means[index][tuple(there)][to_fixed])
        both = (mine >= 0) & (theirs >= 0)
        np.add.at(degree, mine[both], 1)
        rows.append(mine[both])
        columns.append(theirs[both])
    row, column = np.concatenate(rows), np.concatenate(columns)
    count = len(right)
    matrix = sparse.csc_array((-np.ones(len(row)), (row, column)), (count, count)) + sparse.diags_array(degree)
    solved = spsolve(matrix.tocsc(), right)
    found[:, wanted] = solved.reshape(count, len(values)).T
    # Cells that are walls take what stands beside them, so that the finer grid between does not feel them.
    nearest = ndimage.distance_transform_edt(~(fixed | wanted), return_distances=False, return_indices=True)
    found = found[:, nearest[0], nearest[1]]
    return np.stack([_enlarged(value, step, inside.shape) for value in found])


def _resampled(unit: np.ndarray, inside: np.ndarray, known: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Speckle of spread 1 in a region: pieces of the surroundings, half over each other.

    The pieces' windows are half waves of a sine: their squares add up to 1, so that the sum of pieces that know nothing
    of each other has the spread of one. A piece comes from where the depth is most like its own, as speckle grows
    coarser with it.
    """
    found = np.zeros(unit.shape)
    for side in TILES:
        starts = _whole_pieces(known, side)
        if len(starts):
            break
    else:
        found[inside] = generator.choice(unit[known], np.count_nonzero(inside))
        return found
    wave = np.sin(np.pi * (np.arange(side) + 0.5) / side)
    window, half = np.outer(wave, wave), side // 2
    padded = np.zeros((unit.shape[0] + 2 * side, unit.shape[1] + 2 * side))
    places = np.pad(inside, side)
    alike = max(len(starts) // 4, min(len(starts), 8))
    for row in range(half, padded.shape[0] - side + 1, half):
        # A quarter of all pieces, around this depth: they come in the order of their rows.
        first = min(max(int(np.searchsorted(starts[:, 0], row - side)) - alike // 2, 0), len(starts) - alike)
        for column in range(half, padded.shape[1] - side + 1, half):
            if places[row : row + side, column : column + side].any():
                top, left = starts[first + generator.integers(alike)]
                piece = unit[top : top + side, left : left + side]
                if generator.random() < 0.5:
                    piece = piece[:, ::-1]
                padded[row : row + side, column : column + side] += window * piece
    return padded[side:-side, side:-side]


def _whole_pieces(known: np.ndarray, side: int) -> np.ndarray:
    """Upper left corners (row, column) of the squares of this side that are known all over."""
    if min(known.shape) < side:
        return np.zeros((0, 2), int)
    sums = np.pad(np.cumsum(np.cumsum(known, 0, dtype=np.int64), 1), ((1, 0), (1, 0)))
    whole = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side] == side * side
    return np.argwhere(whole)
