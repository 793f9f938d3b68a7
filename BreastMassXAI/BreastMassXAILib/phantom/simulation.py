"""A seeded B-mode breast phantom: scatterers, a beam that widens away from its focus, layers, a mass, exact masks.

The chain is that of a scanner. Random reflectivity and mirror-like lines are convolved with a pulse (a cosine under a
Gaussian along the beam) and a Gaussian across the beams whose width grows away from the focus; every echo is
weakened by what lies above it on its beam; the envelope (Hilbert transform) is amplified with depth, compressed
logarithmically, scan-converted and cut to 8 bits. All lengths are mm; all levels are dB relative to the speckle of fat;
attenuations are one-way, in dB/cm/MHz. ``x`` runs across the frame from its middle, ``z`` down from the middle of the
probe's face.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates

from ..core.frame import BeamGeometry, Case, Frame, Provenance, Spacing
from .beams import Grid, Streams, echoes, top_mm
from .settings import Breast, Mass, MassShape, Phantom, Scanner
from .tissue import Outline, build_tissue

__all__ = ["Breast", "Mass", "MassShape", "Phantom", "Scanner", "benign_phantom", "malignant_phantom", "simulate"]


def benign_phantom(seed: int = 1, kind: str = "linear") -> Phantom:
    """A fibroadenoma's look: oval, wider than tall, thin sharp margin, homogeneous, posterior enhancement."""
    mass = Mass(
        shape=MassShape(width_mm=15.5, height_mm=8.4, orientation_deg=-4.0, lobulation=0.03, irregularity=0.015),
        x_mm=1.0,
        depth_mm=13.5,
        echogenicity_db=-6.5,
        texture_db=1.8,
        margin_mm=0.1,
        capsule_db=19.0,
        attenuation=0.15,
        edge_attenuation=1.2,
    )
    return Phantom(mass=mass, scanner=_scanner(kind), label="benign", seed=seed)


def malignant_phantom(seed: int = 2, kind: str = "linear") -> Phantom:
    """A carcinoma's look: taller than wide, spiculated, markedly hypoechoic, echogenic halo, posterior shadow."""
    mass = Mass(
        shape=MassShape(
            width_mm=8.8, height_mm=11.5, orientation_deg=10.0, irregularity=0.1, spicules=10, spicule_mm=3.2
        ),
        x_mm=-2.0,
        depth_mm=14.0,
        echogenicity_db=-9.0,
        texture_db=3.0,
        margin_mm=0.22,
        halo_db=10.0,
        halo_mm=1.8,
        attenuation=1.35,
        calcifications=5,
    )
    return Phantom(
        mass=mass,
        breast=Breast(fat_mm=7.5, gland_mm=12.0, gland_db=7.0, tilt_deg=-4.0),
        scanner=_scanner(kind),
        label="malignant",
        seed=seed,
    )


def simulate(phantom: Phantom) -> Case:
    """Simulate a phantom's frame.

    Returns
    -------
    Case
        The frame holds whole grey values 0..255, (rows, columns). Its spacing is exact by construction and therefore
        bears the provenance ``calibrated``. The mask is the outline evaluated at the pixel centres. A convex frame
        has the sector as scan area, black outside, and its beams' apex. The same phantom gives the same bytes on one
        build of numpy and scipy; other builds may round a grey value differently.

    Raises
    ------
    InputError
        When no pixel of the scan area lies in the mass.
    """
    scanner = phantom.scanner
    streams = Streams(phantom.seed)
    grid = Grid.of(scanner)
    outline = Outline.of(phantom.mass, streams)
    x, z = _pixel_centres(scanner)
    inside = np.broadcast_to(grid.contains(x, z), (scanner.rows, scanner.columns))

    envelope = echoes(scanner, grid, build_tissue(phantom, grid, outline, streams), streams)
    index = np.broadcast_arrays(*grid.index(x, z))
    shown = map_coordinates(envelope, index, order=1, mode="nearest")
    level = 20 * np.log10(np.maximum(shown, 1e-9))
    grey = np.clip(255 * (1 + (level - scanner.white_db) / scanner.dynamic_range_db), 0, 255)
    beams = BeamGeometry()
    if scanner.kind == "convex":
        apex_row = (-scanner.radius_mm - top_mm(scanner)) / scanner.row_mm - 0.5
        beams = BeamGeometry("convex", (apex_row, (scanner.columns - 1) / 2))
    frame = Frame(
        pixels=np.where(inside, np.round(grey), 0),
        spacing=Spacing(scanner.row_mm, scanner.column_mm, Provenance.CALIBRATED),
        scan_area=inside,
        beams=beams,
    )
    return Case(frame, (outline.distance(x, z) <= 0) & inside, label=phantom.label)


def _scanner(kind: str) -> Scanner:
    if kind == "convex":
        return Scanner(kind="convex", rows=500, columns=640, row_mm=0.09, column_mm=0.105, frequency_mhz=8.0)
    return Scanner(kind=kind)


def _pixel_centres(scanner: Scanner) -> tuple[np.ndarray, np.ndarray]:
    x = (np.arange(scanner.columns) - (scanner.columns - 1) / 2) * scanner.column_mm
    z = top_mm(scanner) + (np.arange(scanner.rows) + 0.5) * scanner.row_mm
    return x[None, :], z[:, None]
