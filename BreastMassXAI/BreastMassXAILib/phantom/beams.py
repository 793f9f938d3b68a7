"""The scanner of the phantom: its beams, its pulse, and the echoes that come back from tissue."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter1d

from .settings import Scanner

SPEED_OF_SOUND = 1.54
"""Millimetres per microsecond in soft tissue."""


class Streams:
    """One independent stream a purpose, so that changing one property of a phantom leaves all others as they were."""

    PURPOSES = (
        "outline",
        "layers",
        "septa",
        "gland",
        "streaks",
        "muscle",
        "rough",
        "mass",
        "points",
        "speckle",
        "noise",
    )

    def __init__(self, seed: int) -> None:
        children = np.random.SeedSequence(seed).spawn(len(self.PURPOSES))
        self._streams = {
            name: np.random.Generator(np.random.PCG64(child))
            for name, child in zip(self.PURPOSES, children, strict=True)
        }

    def __getitem__(self, purpose: str) -> np.random.Generator:
        return self._streams[purpose]


def top_mm(scanner: Scanner) -> float:
    """The z of the frame's upper edge: a convex face's middle lies lower than its ends."""
    if scanner.kind == "linear":
        return 0.0
    return scanner.radius_mm * (math.cos(math.radians(scanner.sector_deg) / 2) - 1)


@dataclass(frozen=True)
class Grid:
    """The grid on which echoes form: samples along each beam (axis 0) and beams (axis 1).

    ``across`` is the beams' x (linear) or angle (convex); ``radius_mm`` is None for a linear probe.
    """

    depth: np.ndarray
    across: np.ndarray
    deepest: float
    half_width: float
    radius_mm: float | None

    @classmethod
    def of(cls, scanner: Scanner) -> Grid:
        # Four samples to a period of the echo (half a wavelength long) keep the pulse below the Nyquist limit.
        step = SPEED_OF_SOUND / scanner.frequency_mhz / 8
        deepest = top_mm(scanner) + scanner.rows * scanner.row_mm
        depth = (np.arange(math.ceil((deepest + 1.0) / step)) + 0.5) * step  # a millimetre more than is shown
        if scanner.kind == "linear":
            half, spread, radius = scanner.columns * scanner.column_mm / 2, 0.1, None
        else:
            half, radius = math.radians(scanner.sector_deg) / 2, scanner.radius_mm
            spread = 0.1 / radius
        # The lateral convolution is circular: beams beyond the edge keep one side of the frame out of the other.
        count = math.ceil((half + 40 * spread) / spread)
        return cls(depth, np.arange(-count, count + 1) * spread, deepest, half, radius)

    @property
    def step(self) -> float:
        return float(self.depth[1] - self.depth[0])

    @property
    def beam_step_mm(self) -> np.ndarray:
        """Distance of neighbouring beams at each depth."""
        spread = float(self.across[1] - self.across[0])
        return np.full(len(self.depth), spread) if self.radius_mm is None else spread * (self.radius_mm + self.depth)

    def points(self) -> tuple[np.ndarray, np.ndarray]:
        """``x`` and ``z`` of every sample."""
        if self.radius_mm is None:
            shape = len(self.depth), len(self.across)
            return np.broadcast_to(self.across[None, :], shape), np.broadcast_to(self.depth[:, None], shape)
        radius = self.radius_mm + self.depth[:, None]
        return radius * np.sin(self.across), radius * np.cos(self.across) - self.radius_mm

    def _beam_coordinates(self, x: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.radius_mm is None:
            return z, x
        return np.hypot(x, z + self.radius_mm) - self.radius_mm, np.arctan2(x, z + self.radius_mm)

    def index(self, x: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Fractional indices of points on this grid."""
        depth, across = self._beam_coordinates(x, z)
        spread = self.across[1] - self.across[0]
        return (depth - self.depth[0]) / self.step, (across - self.across[0]) / spread

    def contains(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        depth, across = self._beam_coordinates(x, z)
        return (depth >= 0) & (depth <= self.deepest) & (np.abs(across) <= self.half_width)


@dataclass(frozen=True)
class Tissue:
    """What the beams meet, on the simulation grid."""

    level_db: np.ndarray
    attenuation: np.ndarray
    mirror: np.ndarray
    """Amplitude of coherent reflectors, relative to the speckle of fat."""


def amplitude(level_db: np.ndarray | float) -> np.ndarray:
    return np.power(10.0, np.asarray(level_db) / 20.0)


def echoes(scanner: Scanner, grid: Grid, tissue: Tissue, streams: Streams) -> np.ndarray:
    """Amplified envelope on the simulation grid, 1 = root mean square of the speckle of fat."""
    db_per_mm = 2 * scanner.frequency_mhz / 10  # there and back
    # The aperture sees a shadow's edge from many sides: the loss is shared by neighbouring beams.
    loss = gaussian_filter1d(np.cumsum(tissue.attenuation, axis=0) * grid.step * db_per_mm, 5, axis=1)
    gain = scanner.tgc * db_per_mm * grid.depth[:, None]
    transmitted = amplitude(gain - loss)
    shape = transmitted.shape
    scatterers = streams["speckle"].normal(size=shape) * amplitude(tissue.level_db)

    beam_sigma = _beam_sigma(scanner, grid.depth) / grid.beam_step_mm
    frequency = fft.rfftfreq(shape[1])
    lateral = np.exp(-2 * (math.pi * beam_sigma[:, None] * frequency) ** 2)
    # Unit energy at every depth: the beam's width changes the grain of the speckle, not its level.
    energy = np.sqrt(2 * math.sqrt(math.pi) * beam_sigma)[:, None]
    reflected = (scatterers * energy + tissue.mirror) * transmitted
    reflected = fft.irfft(fft.rfft(reflected, axis=1) * lateral, shape[1], axis=1)
    noise = streams["noise"].normal(size=shape) * amplitude(scanner.noise_db + gain)
    count = len(reflected)
    # Zero padding: the deepest echo must not reach the skin.
    spectrum = fft.fft(reflected + gaussian_filter1d(noise, 1.0, axis=1), fft.next_fast_len(count + 200), axis=0)
    cycles = fft.fftfreq(len(spectrum), grid.step)
    looks = (fft.ifft(spectrum * _analytic_pulse(scanner, cycles, look)[:, None], axis=0) for look in scanner.looks)
    return np.mean([np.abs(look[:count]) for look in looks], axis=0)


def _beam_sigma(scanner: Scanner, depth: np.ndarray) -> np.ndarray:
    """Standard deviation of the beam's profile in mm: diffraction at the focus, geometry away from it."""
    wavelength = SPEED_OF_SOUND / scanner.frequency_mhz
    narrowest = wavelength * scanner.focus_mm / scanner.aperture_mm
    # A multi-zone receive focus takes most of the geometric spread away; a tenth of it is left.
    spread = 0.1 * scanner.aperture_mm * np.abs(depth / scanner.focus_mm - 1)
    return np.hypot(narrowest, spread) / (2 * math.sqrt(2 * math.log(2)))


def _analytic_pulse(scanner: Scanner, cycles: np.ndarray, look: float) -> np.ndarray:
    """Spectrum, over `cycles` per mm, of one look's pulse and its Hilbert transform as real and imaginary part.

    The negative frequencies are missing, so the modulus of an echo is its envelope. Speckle of unit variance keeps it.
    """
    per_mm = 2 * scanner.frequency_mhz / SPEED_OF_SOUND
    width = per_mm * scanner.bandwidth / (2 * math.sqrt(2 * math.log(2)))
    spectrum = np.where(cycles > 0, np.exp(-0.5 * ((cycles - per_mm * look) / width) ** 2), 0)
    return spectrum / math.sqrt(float((spectrum**2).mean()))
