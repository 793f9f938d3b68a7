"""What determines a simulated frame: the mass, the breast, the scanner and a seed. Lengths in mm, levels in dB."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ..core.errors import InputError


@dataclass(frozen=True)
class MassShape:
    """Outline of a mass: an ellipse, made lobulated, irregular or spiculated.

    Parameters
    ----------
    width_mm, height_mm : float
        Full axes of the ellipse before it is turned.
    orientation_deg : float
        Turns the ellipse clockwise on the screen.
    lobes, lobulation : int, float
        Number of gentle lobes and their depth as a fraction of the radius.
    irregularity : float
        Standard deviation of a random outline as a fraction of the radius.
    spicules, spicule_mm : int, float
        Number and greatest length of tapering spikes. They belong to the mass and to its mask.
    """

    width_mm: float = 14.0
    height_mm: float = 9.0
    orientation_deg: float = 0.0
    lobes: int = 3
    lobulation: float = 0.0
    irregularity: float = 0.0
    spicules: int = 0
    spicule_mm: float = 4.0

    @property
    def is_ellipse(self) -> bool:
        return self.lobulation == 0 and self.irregularity == 0 and self.spicules == 0

    @property
    def area_mm2(self) -> float:
        """Analytic area of a plain ellipse.

        Raises
        ------
        InputError
            When the outline is not a plain ellipse.
        """
        if not self.is_ellipse:
            raise InputError("Only a mass that is a plain ellipse has an analytic area.")
        return math.pi * self.width_mm * self.height_mm / 4


@dataclass(frozen=True)
class Mass:
    """A mass: where it lies, how it echoes and what it does to the beams that cross it.

    Parameters
    ----------
    x_mm, depth_mm : float
        Its centre.
    echogenicity_db, texture_db : float
        Mean level and standard deviation of a slow variation inside.
    margin_mm : float
        Blur of the boundary (standard deviation). The mask's outline stays where mass and tissue are half and half.
    capsule_db : float, optional
        Level of a thin mirror-like margin, seen where it faces the beam.
    halo_db, halo_mm : float
        Level added just outside the margin, and the distance over which it fades.
    attenuation : float
        Above that of tissue gives a posterior shadow, below it posterior enhancement.
    edge_attenuation : float
        Loss along the flanks: the thin refraction shadows of a smooth round mass.
    calcifications : int
        Number of bright points.
    """

    shape: MassShape = field(default_factory=MassShape)
    x_mm: float = 0.0
    depth_mm: float = 14.0
    echogenicity_db: float = -12.0
    texture_db: float = 1.0
    margin_mm: float = 0.1
    capsule_db: float | None = None
    halo_db: float = 0.0
    halo_mm: float = 1.5
    attenuation: float = 0.6
    edge_attenuation: float = 0.0
    calcifications: int = 0


@dataclass(frozen=True)
class Breast:
    """The layers from skin to chest wall: their mean thickness, level and attenuation, and the lines between them."""

    skin_mm: float = 1.6
    fat_mm: float = 6.0
    gland_mm: float = 13.0
    retromammary_mm: float = 2.0
    muscle_mm: float = 7.0
    waviness_mm: float = 0.8
    tilt_deg: float = 3.0
    skin_db: float = 9.0
    septa_db: float = 17.0
    gland_db: float = 10.0
    gland_texture_db: float = 4.5
    muscle_db: float = -3.0
    chest_db: float = -9.0
    fascia_db: float = 27.0
    fat_attenuation: float = 0.5
    gland_attenuation: float = 0.7
    muscle_attenuation: float = 0.8
    rib_x_mm: tuple[float, ...] = ()

    @classmethod
    def homogeneous(cls, attenuation: float = 0.6) -> Breast:
        """Nothing but speckle at 0 dB: what measurements of the simulator itself need."""
        return cls(skin_mm=0.0, fat_mm=1000.0, waviness_mm=0.0, tilt_deg=0.0, septa_db=0.0, fat_attenuation=attenuation)


@dataclass(frozen=True)
class Scanner:
    """The probe, the machine's settings and the frame's pixel grid.

    Parameters
    ----------
    kind : {"linear", "convex"}
    rows, columns : int
    row_mm, column_mm : float
        Pixel size; it may differ between the axes.
    frequency_mhz, bandwidth : float
        Centre and relative width (-6 dB) of the pulse's spectrum.
    looks : tuple of float
        Frequency compounding: centre frequencies, relative to `frequency_mhz`, whose envelopes are averaged.
    focus_mm, aperture_mm : float
        Depth of the focus and width of the aperture: beam width ``wavelength * focus / aperture`` (-6 dB) at the
        focus, growing with the distance from it.
    radius_mm, sector_deg : float
        Convex only: radius of the probe's face and the full opening angle.
    tgc : float
        Attenuation that the time-gain compensation assumes everywhere.
    noise_db : float
        Electronic noise before amplification.
    white_db, dynamic_range_db : float
        The level shown as white, and how far below it lies black.
    """

    kind: str = "linear"
    rows: int = 560
    columns: int = 600
    row_mm: float = 0.065
    column_mm: float = 0.065
    frequency_mhz: float = 9.5
    bandwidth: float = 0.6
    looks: tuple[float, ...] = (0.85, 1.15)
    focus_mm: float = 16.0
    aperture_mm: float = 6.5
    radius_mm: float = 45.0
    sector_deg: float = 46.0
    tgc: float = 0.6
    noise_db: float = -68.0
    white_db: float = 38.5
    dynamic_range_db: float = 60.0


@dataclass(frozen=True)
class Phantom:
    """Everything that determines one simulated frame.

    Raises
    ------
    InputError
        When a size is not positive or the beam geometry is neither linear nor convex.
    """

    mass: Mass = field(default_factory=Mass)
    breast: Breast = field(default_factory=Breast)
    scanner: Scanner = field(default_factory=Scanner)
    label: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        scanner, shape = self.scanner, self.mass.shape
        if scanner.kind not in ("linear", "convex"):
            raise InputError(f"The beam geometry must be linear or convex, not {scanner.kind!r}.")
        sizes = {
            "mass width": shape.width_mm,
            "mass height": shape.height_mm,
            "number of rows": scanner.rows,
            "number of columns": scanner.columns,
            "row spacing": scanner.row_mm,
            "column spacing": scanner.column_mm,
            "frequency": scanner.frequency_mhz,
            "bandwidth": scanner.bandwidth,
            "focus depth": scanner.focus_mm,
            "aperture": scanner.aperture_mm,
            "dynamic range": scanner.dynamic_range_db,
            "probe radius": scanner.radius_mm,
            "sector angle": scanner.sector_deg,
        }
        for name, size in sizes.items():
            if not (math.isfinite(size) and size > 0):
                raise InputError(f"The phantom's {name} must be a positive number, not {size}.")
