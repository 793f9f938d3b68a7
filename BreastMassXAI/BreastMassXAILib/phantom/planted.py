"""Phantoms with planted evidence: four things, each in one place and drawn on its own, any of which can be the label.

An explanation of a real frame cannot be checked against the truth, because nobody knows what decided. Here it is known:
a network that learns to tell one of the four things apart can only have learned it from where that thing is. The
other three, and everything else, are drawn independently of it, so that they say nothing.

Both values of a thing are something to be seen (a shadow or an enhancement, not a shadow or nothing): a decision for
either side has its evidence in the same place. A breast with a mass is simulated first (:func:`breast`); the four are
planted on its frame (:func:`planted`). Grey values are logarithmic, so that a change of level in dB is a sum. It can be
kept to a region to the pixel, as no change of tissue could be: a real shadow begins in the mass, and a real margin
changes what lies below it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.special import erfc

from ..core.errors import InputError
from ..core.frame import Case
from ..core.regions import BELOW, ELSEWHERE, MASS, PERITUMORAL, region_labels
from .settings import Breast, Mass, MassShape, Phantom, Scanner
from .simulation import simulate

SIDE = 160
"""Rows and columns of a frame, and of the input of the network that looks at all of it."""
PIXEL_MM = 32.0 / SIDE
RING_MM = 5.0
CONTRAST_DB = -13.0
"""Level of every mass below the gland around it, before echogenicity is planted."""
SHARP_MM = 0.3
"""Width of every margin before it is softened, beam included."""
FADE_MM = 1.0
"""Over which what is planted begins inside its region's border."""


@dataclass(frozen=True)
class Plant:
    """A thing that can be the label.

    Parameters
    ----------
    name : str
    positive, negative : str
        What is to be seen where the label is True, and where it is False.
    regions : tuple of str
        Where it is.
    """

    name: str
    positive: str
    negative: str
    regions: tuple[str, ...]


PLANTS = {
    plant.name: plant
    for plant in (
        Plant("echogenicity", "dark inside the mass", "bright inside the mass", ("mass",)),
        Plant("margin", "blurred margin", "sharp margin", ("mass", "peritumoral")),
        Plant("shadow", "shadow below the mass", "enhancement below the mass", ("below",)),
        Plant("mark", "crosses away from the mass", "letters away from the mass", ("elsewhere",)),
    )
}
_RANGES = {  # of the label False, of the label True
    "echogenicity": ((4.0, 8.0), (-8.0, -4.0)),  # dB
    "margin": ((0.0, 0.0), (1.2, 1.8)),  # mm, standard deviation; 0 leaves it as it is
    "shadow": ((6.0, 10.0), (-14.0, -9.0)),  # dB
    "mark": ((0.75, 1.0), (0.75, 1.0)),  # brightness; the label is the mark's form
}
_PLACE = ("mark_row", "mark_column")
_OTHERS = {
    "width_mm": (7.0, 11.0),
    "height_mm": (5.5, 8.0),
    "x_mm": (-3.0, 3.0),
    "depth_mm": (9.5, 11.5),
    "orientation_deg": (-15.0, 15.0),
    "lobulation": (0.0, 0.06),
    "irregularity": (0.0, 0.06),
    "texture_db": (0.5, 2.5),
    "fat_mm": (1.5, 3.0),
    "gland_mm": (13.0, 18.0),
    "gland_db": (7.0, 12.0),
    "gland_texture_db": (2.5, 4.5),
    "tilt_deg": (-4.0, 4.0),
    "white_db": (36.0, 41.0),
    "frequency_mhz": (4.5, 6.0),
}
"""Everything else that varies, evenly between two bounds."""
_LETTERS = (
    ("11111", "00100", "00100", "00100", "00100", "00100", "00100"),
    ("11110", "10001", "10001", "11110", "10000", "10000", "10000"),
    ("10000", "10000", "10000", "10000", "10000", "10000", "11111"),
)
_CROSS = ("10001", "01010", "01010", "00100", "01010", "01010", "10001")
_SCALE = 2
"""Pixels of a mark's dot along either axis."""


@dataclass(frozen=True, eq=False)
class BreastFrame:
    """A simulated breast with a mass on which nothing is planted yet.

    Parameters
    ----------
    case : Case
    regions : ndarray of uint8, shape (SIDE, SIDE)
    contrast_db : float
        Of the mass to the gland.
    dynamic_range_db : float
    others : dict of str to float
        Everything that was drawn.
    """

    case: Case
    regions: np.ndarray
    contrast_db: float
    dynamic_range_db: float
    others: dict[str, float]


@dataclass(frozen=True, eq=False)
class PlantedPhantom:
    """A frame with its four labels.

    Parameters
    ----------
    case : Case
        Without a label of its own.
    labels : dict of str to bool
        By the plants' names.
    values : dict of str to float
        The four things in numbers (dB, mm, dB, brightness).
    others : dict of str to float
        Everything else that was drawn.
    """

    case: Case
    labels: dict[str, bool]
    values: dict[str, float]
    others: dict[str, float]


def breast(seed: int) -> BreastFrame:
    """Draw and simulate a breast with a mass; the same seed gives the same one."""
    others = drawn_breast(seed)
    phantom = Phantom(
        mass=Mass(
            MassShape(
                width_mm=others["width_mm"],
                height_mm=others["height_mm"],
                orientation_deg=others["orientation_deg"],
                lobulation=others["lobulation"],
                irregularity=others["irregularity"],
            ),
            x_mm=others["x_mm"],
            depth_mm=others["depth_mm"],
            texture_db=others["texture_db"],
            echogenicity_db=others["gland_db"] + CONTRAST_DB,
            margin_mm=0.15,
            # No more loss than in the gland: what lies below the mass says nothing of it.
            attenuation=0.7,
        ),
        breast=Breast(
            fat_mm=others["fat_mm"],
            gland_mm=others["gland_mm"],
            gland_db=others["gland_db"],
            gland_texture_db=others["gland_texture_db"],
            tilt_deg=others["tilt_deg"],
        ),
        scanner=Scanner(
            rows=SIDE,
            columns=SIDE,
            row_mm=PIXEL_MM,
            column_mm=PIXEL_MM,
            frequency_mhz=others["frequency_mhz"],
            white_db=others["white_db"],
        ),
        seed=seed,
    )
    case = simulate(phantom)
    regions = region_labels(case.mass, case.frame.spacing, RING_MM)
    return BreastFrame(case, regions, CONTRAST_DB, phantom.scanner.dynamic_range_db, others)


def planted(base: BreastFrame, seed: int, flipped: str | None = None) -> PlantedPhantom:
    """Draw the four things and plant them on a breast.

    Parameters
    ----------
    base : BreastFrame
    seed : int
        Of the drawing: one breast can bear many.
    flipped : str, optional
        The name of a plant whose label is turned round, with all else as it was: the twin that shows where, and only
        where, this plant is to be seen.

    Raises
    ------
    InputError
        When there is no such plant.
    """
    if flipped is not None and flipped not in PLANTS:
        raise InputError(f"A plant is {', '.join(PLANTS)}, not {flipped!r}.")
    labels, values, place = drawn_plants(seed, flipped)
    regions = base.regions
    level = values["echogenicity"] * _fading_in(regions == MASS) + values["shadow"] * _fading_in(regions == BELOW)
    level += base.contrast_db * _blur(regions, values["margin"])
    pixels = base.case.frame.pixels + 255 / base.dynamic_range_db * level
    pixels = np.clip(np.round(pixels), 0, 255).astype(np.float32)
    _mark(pixels, regions, labels["mark"], values["mark"], (place["mark_row"], place["mark_column"]))
    case = replace(base.case, frame=replace(base.case.frame, pixels=pixels))
    return PlantedPhantom(case, labels, values, {**base.others, **place})


def drawn_breast(seed: int) -> dict[str, float]:
    """What varies of a breast and its mass, without simulating it."""
    rng = _stream(seed, 1)
    return {name: float(rng.uniform(*bounds)) for name, bounds in _OTHERS.items()}


def drawn_plants(seed: int, flipped: str | None = None) -> tuple[dict[str, bool], dict[str, float], dict[str, float]]:
    """Labels and values of the four things, and where the mark lies, without planting them."""
    rng = _stream(seed, 2)
    labels = {name: bool(rng.integers(2)) != (name == flipped) for name in PLANTS}
    values = {}
    for name in PLANTS:
        low, high = _RANGES[name][labels[name]]
        values[name] = float(low + (high - low) * rng.uniform())
    return labels, values, {name: float(rng.uniform()) for name in _PLACE}


def _stream(seed: int, purpose: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, purpose))))


def _fading_in(inside: np.ndarray) -> np.ndarray:
    """0 outside a region, 1 inside from ``FADE_MM`` of its border on; the frame's edge is no border."""
    return (
        np.clip(distance_transform_edt(np.pad(inside, 1, mode="edge"))[1:-1, 1:-1] * PIXEL_MM / FADE_MM, 0, 1) * inside
    )


def _blur(regions: np.ndarray, margin_mm: float) -> np.ndarray:
    """How much of the mass's contrast is added where, so that its margin is as soft as an error function of this width
    instead of ``SHARP_MM``; nothing outside mass and ring."""
    if margin_mm == 0:
        return np.zeros(regions.shape)
    mass = regions == MASS
    # Half a pixel: the outline runs between the pixels.
    distance = (distance_transform_edt(~mass) - distance_transform_edt(mass)) * PIXEL_MM
    distance -= np.sign(distance) * PIXEL_MM / 2
    soft, sharp = (0.5 * erfc(distance / (np.sqrt(2) * width)) for width in (margin_mm, SHARP_MM))
    return np.where(mass | (regions == PERITUMORAL), soft - sharp, 0)


def _mark(
    pixels: np.ndarray, regions: np.ndarray, crosses: bool, brightness: float, place: tuple[float, float]
) -> None:
    """Three crosses or three letters, drawn on the frame where they touch neither mass, ring nor the tissue below."""
    glyphs = (_CROSS,) * 3 if crosses else _LETTERS
    dots = [np.array([[int(dot) for dot in row] for row in glyph], bool) for glyph in glyphs]
    gap = np.zeros((len(dots[0]), 1), bool)
    stamp = np.kron(np.hstack([dots[0], gap, dots[1], gap, dots[2]]), np.ones((_SCALE, _SCALE), bool))
    free = np.lib.stride_tricks.sliding_window_view(regions == ELSEWHERE, stamp.shape).all(axis=(2, 3))
    rows, columns = np.nonzero(free)
    # By row first, then among the places of that row, so that no part of the frame is preferred for being wide.
    row = np.unique(rows)[int(place[0] * len(np.unique(rows)))]
    choice = columns[rows == row]
    column = choice[int(place[1] * len(choice))]
    part = pixels[row : row + stamp.shape[0], column : column + stamp.shape[1]]
    part[stamp] = round(255 * brightness)
