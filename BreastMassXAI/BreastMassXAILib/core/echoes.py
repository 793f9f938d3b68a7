"""What the grey values in, around and below an outline say: margin, echo pattern, posterior features.

Definitions are in :mod:`~.descriptors`. All means are of grey values as displayed, which is to say of logarithms of
echoes: a difference of grey values is a ratio of echoes. How many decibels a grey value is worth, no file tells.
Lengths are shares of the mass' equivalent diameter D where they can be, so that a frame of unknown pixel size gives the
same numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .contour import Contour
from .frame import Frame
from .regions import mask_box

DB_PER_LEVEL = 60 / 255
"""Decibels that one of the 256 grey levels is taken for: a display that is linear in decibels over 60 dB."""
EDGE_MM = 0.5
"""Distance between the middles of the two bands, inside and outside the outline, whose grey values are compared."""
BLOCK, GAP, BAND = 1 / 24, 1 / 8, 1 / 8
"""Shares of D: side of the blocks whose means are used, so that speckle is averaged; distance from the outline at which
the tissue beside the mass begins; thickness of the layers that count as the same depth."""
REACH = 1.0
"""Share of D: width of the tissue on either side, and length of the stretch below, that are compared."""
START_BELOW = 0.1
"""Share of D: where the stretch below the mass begins."""
SIDE_BEAMS = 0.1
"""Share of the mass' beams on either side that are left out below it: edge shadows say nothing of it (BI-RADS)."""
FAT_LIKE = 0.25
"""Quantile of the tissue beside the mass at its depth that is taken for fat: the median of its darker half."""
LEAST_BLOCKS = 12


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Mean grey values of the frame in blocks of pixels around a mass, with the beams' coordinates."""

    grey: np.ndarray
    depth: np.ndarray
    aside: np.ndarray
    tissue: np.ndarray
    inside: np.ndarray
    touched: np.ndarray
    distance: np.ndarray


def echo_values(frame: Frame, mass: np.ndarray, contour: Contour, sizes: tuple[float, float]) -> dict[str, float | str]:
    """Echo pattern and posterior features.

    Parameters
    ----------
    frame : Frame
    mass : ndarray of bool, shape of the frame
    contour : Contour
        Of `mass`, with the same `sizes`.
    sizes : (row, column)
        Of a pixel, in any one unit.

    Returns
    -------
    dict
        A number, or the reason in words why there is none.
    """
    blocks = _blocks(frame, mass, contour, sizes)
    beside = blocks.tissue & ~blocks.touched & (blocks.distance >= GAP * contour.diameter)
    return {**_echo_pattern(blocks, beside, contour.diameter), **_posterior(blocks, beside, contour.diameter)}


def edge_sharpness(frame: Frame, contour: Contour, sizes_mm: tuple[float, float]) -> float | str:
    """Rise of the mean grey value across the outline, outwards, in levels per mm; or why there is none."""
    points = contour.points
    tangent = np.roll(points, -3, axis=0) - np.roll(points, 3, axis=0)
    normal = np.stack([tangent[:, 1], -tangent[:, 0]], axis=1) / np.maximum(np.hypot(*tangent.T), 1e-12)[:, None]
    ring = np.roll(points, -1, axis=0)
    if np.sum(points[:, 0] * ring[:, 1] - ring[:, 0] * points[:, 1]) < 0:  # the other way round
        normal = -normal
    offsets = EDGE_MM * np.array([-0.9, -0.7, -0.5, -0.3, -0.1, 0.1, 0.3, 0.5, 0.7, 0.9])
    where = (points[:, None, :] + offsets[None, :, None] * normal[:, None, :]) / np.array(sizes_mm)
    rows, columns = where[..., 0], where[..., 1]
    held = (rows >= 0) & (rows <= frame.shape[0] - 1) & (columns >= 0) & (columns <= frame.shape[1] - 1)
    if frame.scan_area is not None:
        held &= frame.scan_area[
            np.rint(rows).astype(int).clip(0, frame.shape[0] - 1),
            np.rint(columns).astype(int).clip(0, frame.shape[1] - 1),
        ]
    whole = held.all(axis=1)
    if np.count_nonzero(whole) < len(points) / 4:
        return "most of the outline lies at the border of the scan area"
    grey = ndimage.map_coordinates(frame.pixels, [rows[whole], columns[whole]], order=1, mode="nearest")
    half = len(offsets) // 2
    return float((grey[:, half:].mean() - grey[:, :half].mean()) / EDGE_MM)


def _blocks(frame: Frame, mass: np.ndarray, contour: Contour, sizes: tuple[float, float]) -> _Blocks:
    """Of the rows from the top of the mass to the end of what is compared below it, and of all columns near enough."""
    diameter = contour.diameter
    step = [max(1, round(BLOCK * diameter / size)) for size in sizes]
    box = mask_box(mass)
    reach = [math.ceil((REACH + GAP + START_BELOW) * diameter / size) + step[axis] for axis, size in enumerate(sizes)]
    up = reach[0] if frame.beams.apex is not None else 0  # layers of equal depth are arcs there
    rows = slice(max(box[0].start - up, 0), min(box[0].stop + reach[0], frame.shape[0]))
    columns = slice(max(box[1].start - reach[1], 0), min(box[1].stop + reach[1], frame.shape[1]))
    count = [max((part.stop - part.start) // n, 1) for part, n in zip((rows, columns), step, strict=True)]
    step = [min(n, part.stop - part.start) for part, n in zip((rows, columns), step, strict=True)]
    rows = slice(rows.start, rows.start + count[0] * step[0])
    columns = slice(columns.start, columns.start + count[1] * step[1])

    def mean(image: np.ndarray) -> np.ndarray:
        down = np.add.reduceat(
            image[rows, columns], np.arange(0, count[0] * step[0], step[0]), axis=0, dtype=np.float32
        )
        return np.add.reduceat(down, np.arange(0, count[1] * step[1], step[1]), axis=1) / (step[0] * step[1])

    share = mean(mass)
    tissue = np.ones(share.shape, bool) if frame.scan_area is None else mean(frame.scan_area) > 0.999
    row = (rows.start + (np.arange(count[0]) + 0.5) * step[0] - 0.5)[:, None] * sizes[0]
    column = (columns.start + (np.arange(count[1]) + 0.5) * step[1] - 0.5)[None, :] * sizes[1]
    depth, aside = np.broadcast_arrays(row, column)
    if frame.beams.apex is not None:
        apex = np.array(frame.beams.apex) * sizes
        at_mass = float(np.hypot(*(contour.centre - apex)))
        depth, aside = np.hypot(row - apex[0], column - apex[1]), np.arctan2(column - apex[1], row - apex[0]) * at_mass
    touched = share > 0
    distance = ndimage.distance_transform_edt(~touched, [n * size for n, size in zip(step, sizes, strict=True)])
    return _Blocks(mean(frame.pixels), depth, aside, tissue, tissue & (share > 0.999), touched, distance)


def _echo_pattern(blocks: _Blocks, beside: np.ndarray, diameter: float) -> dict[str, float | str]:
    """Level against fat-like tissue at the same depth, and how uneven the inside is."""
    inside = blocks.inside
    if np.count_nonzero(inside) < LEAST_BLOCKS:
        reason = "too little of the mass lies in the scan area"
        return {"echo_level": reason, "echo_heterogeneity": reason}
    grey, depth = blocks.grey[inside], blocks.depth[inside]
    found: dict[str, float | str] = {"echo_heterogeneity": float(grey.std(ddof=1))}
    top = float(depth.min())
    layer = ((blocks.depth - top) / (BAND * diameter)).astype(int)
    near = beside & (blocks.depth >= top) & (blocks.depth <= depth.max())
    near &= (blocks.aside >= blocks.aside[inside].min() - (GAP + REACH) * diameter) & (
        blocks.aside <= blocks.aside[inside].max() + (GAP + REACH) * diameter
    )
    if np.count_nonzero(near) < LEAST_BLOCKS:
        return {**found, "echo_level": "no tissue is seen beside the mass at its depth"}
    total, weight = 0.0, 0
    for number in range(int(layer[inside].max()) + 1):
        here = grey[layer[inside] == number]
        there = blocks.grey[near & (layer == number)]
        if len(here) and len(there) >= 4:
            total += float(here.sum() - len(here) * np.quantile(there, FAT_LIKE))
            weight += len(here)
    if weight:
        found["echo_level"] = total / weight
    else:
        found["echo_level"] = float(grey.mean() - np.quantile(blocks.grey[near], FAT_LIKE))
    return found


def _posterior(blocks: _Blocks, beside: np.ndarray, diameter: float) -> dict[str, float | str]:
    """Below the mass against beside its beams at the same depth; all of it, and the darkest and brightest third."""
    names = ("posterior_db", "posterior_darkest_db", "posterior_brightest_db")
    aside, depth = blocks.aside, blocks.depth
    low, high = float(aside[blocks.touched].min()), float(aside[blocks.touched].max())
    width = max(high - low, 1e-9)
    # The deepest part of the mass on each of some beams.
    beams = 48
    beam = ((aside - low) / width * (beams - 1e-6)).clip(-1, beams).astype(int)
    on = (aside >= low) & (aside <= high)
    bottom = np.full(beams + 1, -np.inf)
    np.maximum.at(bottom, beam[blocks.touched].clip(0, beams - 1), depth[blocks.touched])
    bottom = ndimage.maximum_filter1d(bottom[:beams], 5)
    start = np.where(on, bottom[beam.clip(0, beams - 1)], np.inf) + START_BELOW * diameter
    middle = on & (aside >= low + SIDE_BEAMS * width) & (aside <= high - SIDE_BEAMS * width)
    below = middle & blocks.tissue & ~blocks.touched & (depth >= start) & (depth <= start + REACH * diameter)
    if np.count_nonzero(below) < LEAST_BLOCKS:
        return dict.fromkeys(names, "too little tissue is seen below the mass")
    gap, reach = GAP * diameter, (GAP + REACH) * diameter
    flank = beside & (((aside < low - gap) & (aside >= low - reach)) | ((aside > high + gap) & (aside <= high + reach)))
    top = float(depth[below].min())
    layers = int((float(depth[below].max()) - top) / (BAND * diameter)) + 1
    layer = ((depth - top) / (BAND * diameter)).clip(-1, layers).astype(int)
    flank &= (depth >= top) & (layer < layers)
    reference, count = (
        np.bincount(layer[flank], weights, layers) for weights in (blocks.grey[flank], np.ones(np.count_nonzero(flank)))
    )
    known = count >= 3
    below &= (layer >= 0) & known[layer.clip(0, layers - 1)]
    if np.count_nonzero(below) < LEAST_BLOCKS:
        return dict.fromkeys(names, "too little tissue is seen beside the beams of the mass")
    level = blocks.grey[below] - (reference / np.maximum(count, 1))[layer[below]]
    third = ((aside[below] - aside[below].min()) / max(np.ptp(aside[below]), 1e-9) * 2.999).astype(int)
    sums, counts = np.bincount(third, level, 3), np.bincount(third, minlength=3)
    thirds = sums[counts > 0] / counts[counts > 0]
    found = (float(level.mean()), float(thirds.min()), float(thirds.max()))
    return {name: DB_PER_LEVEL * value for name, value in zip(names, found, strict=True)}
