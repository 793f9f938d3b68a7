"""Descriptors: what outline and grey values say of a mass in numbers, each with definition, unit and source.

They need no network, and are the same whatever the classifier. Shape is described on the outline of the largest
connected piece, holes filled (:mod:`~.contour`); D is its equivalent diameter, that of the disc of the same area.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .contour import LEAST_PIXELS, contour_of
from .echoes import echo_values, edge_sharpness
from .frame import Case, Frame
from .shape import shape_values, sizes_mm

_BIRADS = "ACR BI-RADS Atlas, 5th edition (2013), Ultrasound"
_CHEN = "Chen et al., Radiology 2003; 226: 504-514"
_SHEN = "after Shen et al., Ultrasound Med Biol 2007; 33: 1688-1698"


@dataclass(frozen=True)
class Definition:
    """What a descriptor is.

    Parameters
    ----------
    name : str
        In results and tables.
    label : str
        For a reader.
    feature : {"orientation", "shape", "margin", "echo pattern", "posterior features", "size"}
    unit : str
        Empty for pure numbers.
    text : str
        How it is computed.
    source : str
    digits : int
        Decimals worth showing.
    """

    name: str
    label: str
    feature: str
    unit: str
    text: str
    source: str
    digits: int = 2

    def shown(self, value: float | None) -> str:
        """The value with its unit; a dash where there is none."""
        if value is None:
            return "-"
        return f"{value:.{self.digits}f}{' ' + self.unit if self.unit else ''}"


DEFINITIONS = (
    Definition(
        "width_to_height",
        "width : height",
        "orientation",
        "",
        "Extent of the outline across the beam through its centroid over that along it; above 1: wider than tall.",
        f"{_BIRADS}; inverse of the depth to width ratio of {_CHEN}",
    ),
    Definition(
        "long_axis_deg",
        "long axis to the skin",
        "orientation",
        "deg",
        "Angle from 0 to 90 between the long axis of the moment ellipse and the direction across the beam.",
        _BIRADS,
        0,
    ),
    Definition(
        "circularity",
        "circularity",
        "shape",
        "",
        "4 pi area / perimeter squared; 1 for a disc.",
        "Cox, J Paleontol 1927; 1: 179-183",
        3,
    ),
    Definition(
        "solidity", "solidity", "shape", "", "Area over the area of the convex hull.", "common; see Chen et al. 2003", 3
    ),
    Definition(
        "elongation",
        "long : short axis",
        "shape",
        "",
        "Long over short axis of the ellipse with the mass' second moments; 1 for a disc.",
        f"L:S ratio of {_CHEN}",
    ),
    Definition(
        "eccentricity",
        "eccentricity",
        "shape",
        "",
        "Of the same ellipse: 0 for a disc, towards 1 for a line.",
        "second moments, as elongation",
    ),
    Definition(
        "extent",
        "extent",
        "shape",
        "",
        "Area over the area of the box that is aligned with the beam; pi / 4 for a disc.",
        "common",
        3,
    ),
    Definition(
        "radial_spread",
        "spread of the radius",
        "shape",
        "",
        "Standard deviation of the distances from centroid to outline, over the largest of them; 0 for a disc.",
        "Kilday et al., IEEE Trans Med Imaging 1993; 12: 664-669",
        3,
    ),
    Definition(
        "perimeter_to_ellipse",
        "perimeter : ellipse",
        "shape",
        "",
        "Perimeter over that of the ellipse with the same area and axis ratio; 1 for every ellipse.",
        f"after the elliptic-normalized circumference of {_CHEN}",
        3,
    ),
    Definition(
        "edge_sharpness",
        "sharpness of the edge",
        "margin",
        "levels/mm",
        "Mean grey value in the band from 0 to 0.5 mm outside the outline minus that inside, over the 0.5 mm between "
        "the bands' middles; positive: brighter outside.",
        f"{_SHEN} (boundary); the bands are ours",
        0,
    ),
    Definition(
        "depressions",
        "depressions",
        "margin",
        "",
        "How many stretches of the outline lie deeper than 2.5 % of D below the convex hull.",
        f"after NSPD of {_CHEN}; the limit is ours",
        0,
    ),
    Definition(
        "deepest_depression",
        "deepest depression",
        "margin",
        "D",
        "Largest distance of the outline from the convex hull's chord over it, as a share of D.",
        f"after NSPD of {_CHEN}",
        3,
    ),
    Definition(
        "echo_level",
        "level against fat",
        "echo pattern",
        "levels",
        "Mean grey value inside minus that of fat-like tissue at the same depth, layer by layer: the lower quartile of "
        "block means beside the mass (from D/8 to 9/8 D away). That this is fat is an assumption.",
        f"{_SHEN} (echo pattern); fat as reference: {_BIRADS}; the choice of tissue is ours",
        0,
    ),
    Definition(
        "echo_heterogeneity",
        "heterogeneity",
        "echo pattern",
        "levels",
        "Standard deviation of the means of blocks of D/24 inside the mass.",
        "ours",
        1,
    ),
    Definition(
        "posterior_db",
        "below against beside",
        "posterior features",
        "dB-like",
        "Mean grey value on the mass' inner beams, from D/10 to 11/10 D below it, minus that beside the beams at "
        "the same depth, times 60 dB / 255: decibels only if the display is linear in dB over 60 dB. Positive: "
        "enhancement.",
        f"{_SHEN} (posterior); window and decibels are ours",
        1,
    ),
    Definition(
        "posterior_darkest_db",
        "the same, darkest third",
        "posterior features",
        "dB-like",
        "As posterior_db, for the third of the beams on which it is lowest.",
        "ours, for the combined pattern",
        1,
    ),
    Definition(
        "posterior_brightest_db",
        "the same, brightest third",
        "posterior features",
        "dB-like",
        "As posterior_db, for the third of the beams on which it is highest.",
        "ours, for the combined pattern",
        1,
    ),
    Definition(
        "largest_diameter_mm",
        "largest diameter",
        "size",
        "mm",
        "Largest distance between two points of the outline.",
        _BIRADS,
        1,
    ),
    Definition(
        "perpendicular_diameter_mm",
        "perpendicular to it",
        "size",
        "mm",
        "Width of the outline at right angles to the largest diameter.",
        _BIRADS,
        1,
    ),
    Definition("area_mm2", "area", "size", "mm²", "Area of the outlined piece, holes included.", "pixels", 0),
)
"""All descriptors, in the order in which they are shown."""
BY_NAME = {definition.name: definition for definition in DEFINITIONS}
FEATURES = ("orientation", "shape", "margin", "echo pattern", "posterior features", "size")
OUTLINE = (
    *(definition.name for definition in DEFINITIONS if definition.feature in ("orientation", "shape")),
    "depressions",
    "deepest_depression",
)
"""Those that need nothing but the outline, and no pixel size."""
UNKNOWN_SIZE = "the pixel size is unknown"
TOO_SMALL = (
    f"the outline is too small or too thin to have a shape (a piece of at least {LEAST_PIXELS} pixels is needed)"
)


@dataclass(frozen=True)
class Descriptors:
    """The descriptors of a mass.

    Parameters
    ----------
    values : dict of str to float or None
        All of ``DEFINITIONS``, in their order; None where there is none.
    missing : dict of str to str
        Why there is none, by name.
    notes : tuple of str
        What a reader should know of how they came about.
    """

    values: Mapping[str, float | None]
    missing: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def reasons(self) -> tuple[str, ...]:
        """What is missing and why, one sentence a reason."""
        by_reason: dict[str, list[str]] = {}
        for name, reason in self.missing.items():
            by_reason.setdefault(reason, []).append(name)
        return tuple(f"{', '.join(names)}: {reason}." for reason, names in by_reason.items())


def describe(case: Case) -> Descriptors:
    """All descriptors of a case. Never raises for a case that could be made.

    Where the pixel size is unknown, those in mm are missing, and pixels are taken as square unless the file tells their
    aspect.
    """
    frame = case.frame
    sizes = pixel_sizes(frame)
    contour = contour_of(case.mass, sizes)
    if contour is None:
        return _collected(dict.fromkeys(BY_NAME, TOO_SMALL))
    found: dict[str, float | str] = {}
    found.update(shape_values(contour, beam_direction(frame, contour.centre, sizes)))
    found.update(echo_values(frame, case.mass, contour, sizes))
    if frame.spacing.known:
        found.update(sizes_mm(contour))
        found["edge_sharpness"] = edge_sharpness(frame, contour, sizes)
    notes = []
    if contour.pieces > 1:
        notes.append(f"The mask has {contour.pieces} pieces: the descriptors are those of the largest.")
    return _collected(found, tuple(notes))


def outline_values(mass: np.ndarray, frame: Frame) -> dict[str, float]:
    """The descriptors ``OUTLINE`` alone; empty where the outline is too small to have a shape.

    Parameters
    ----------
    mass : ndarray of bool, shape of the frame
    frame : Frame
    """
    sizes = pixel_sizes(frame)
    contour = contour_of(mass, sizes)
    return {} if contour is None else shape_values(contour, beam_direction(frame, contour.centre, sizes))


def pixel_sizes(frame: Frame) -> tuple[float, float]:
    """(row, column) in mm; in widths of a pixel where the size is unknown."""
    return frame.spacing.mm() if frame.spacing.known else (frame.aspect or 1.0, 1.0)


def beam_direction(frame: Frame, centre: np.ndarray, sizes: tuple[float, float]) -> np.ndarray:
    """Unit vector (down, right) of the beam through a point, which is given in units of `sizes`."""
    if frame.beams.apex is None:
        return np.array([1.0, 0.0])
    way = centre - np.array(frame.beams.apex) * np.array(sizes)
    length = float(np.hypot(*way))
    return way / length if length > 0 else np.array([1.0, 0.0])


def _collected(found: Mapping[str, float | str], notes: tuple[str, ...] = ()) -> Descriptors:
    values: dict[str, float | None] = {}
    missing: dict[str, str] = {}
    for name in BY_NAME:
        value = found.get(name, UNKNOWN_SIZE)
        if isinstance(value, str) or not math.isfinite(value):
            values[name] = None
            missing[name] = value if isinstance(value, str) else "it is no number"
        else:
            values[name] = float(value)
    return Descriptors(values, missing, notes)
