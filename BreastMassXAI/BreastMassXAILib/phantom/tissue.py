"""The breast of the phantom: layers, septa, fasciae and ribs, and a mass with its exact outline."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.special import erfc

from .beams import Grid, Streams, Tissue, amplitude
from .settings import Breast, Mass, Phantom

_FAR_MM = 1e6


@dataclass(frozen=True)
class Outline:
    """A mass's outline as a function: the same for the samples of the beams and for the pixels."""

    mass: Mass
    orders: np.ndarray
    amplitudes: np.ndarray
    phases: np.ndarray
    spikes: np.ndarray
    """Each row: foot x and z, unit direction x and z, length, half width at the foot; mm, relative to the centre."""

    @classmethod
    def of(cls, mass: Mass, streams: Streams) -> Outline:
        rng, shape = streams["outline"], mass.shape
        orders = np.arange(2, 12)
        amplitudes = rng.normal(size=len(orders)) / np.sqrt(orders)
        amplitudes *= shape.irregularity / math.sqrt((amplitudes**2).sum() / 2)
        phases = rng.uniform(0, 2 * math.pi, len(orders) + 1)
        orders, amplitudes = np.append(orders, shape.lobes), np.append(amplitudes, shape.lobulation)
        outline = cls(mass, orders, amplitudes, phases, np.empty((0, 6)))
        if shape.spicules == 0:
            return outline
        turn = (np.arange(shape.spicules) + rng.uniform(-0.35, 0.35, shape.spicules)) * 2 * math.pi / shape.spicules
        foot = 0.75 * outline._radius(turn)
        across, down = foot * np.cos(turn) * shape.width_mm / 2, foot * np.sin(turn) * shape.height_mm / 2
        length = 0.25 * np.hypot(across, down) / 0.75 + shape.spicule_mm * rng.uniform(0.15, 1.0, shape.spicules)
        lean = np.arctan2(down, across) + rng.normal(0, 0.25, shape.spicules)
        half = rng.uniform(0.06, 0.12, shape.spicules) * min(shape.width_mm, shape.height_mm)
        spikes = np.stack([across, down, np.cos(lean), np.sin(lean), length, half], axis=1)
        return cls(mass, orders, amplitudes, phases, spikes)

    @property
    def reach_mm(self) -> float:
        """No point of the mass lies farther from its centre."""
        shape = self.mass.shape
        body = max(shape.width_mm, shape.height_mm) / 2 * (1 + float(np.abs(self.amplitudes).sum()))
        return body + (shape.spicule_mm if shape.spicules else 0.0)

    def local(self, x: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates along the ellipse's axes, from its centre, in mm."""
        turn = math.radians(self.mass.shape.orientation_deg)
        x, z = x - self.mass.x_mm, z - self.mass.depth_mm
        return x * math.cos(turn) + z * math.sin(turn), z * math.cos(turn) - x * math.sin(turn)

    def distance(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Signed distance to the outline in mm, negative inside: its sign is exact, its size of first order."""
        u, v = self.local(x, z)
        a, b = self.mass.shape.width_mm / 2, self.mass.shape.height_mm / 2
        rho = np.hypot(u / a, v / b)
        slope = np.maximum(np.hypot(u / a**2, v / b**2), 1e-9) / np.maximum(rho, 1e-9)
        distance = (rho - self._radius(np.arctan2(v / b, u / a))) / slope
        for foot_u, foot_v, along_u, along_v, length, half in self.spikes:
            along = (u - foot_u) * along_u + (v - foot_v) * along_v
            aside = np.abs((v - foot_v) * along_u - (u - foot_u) * along_v)
            taper = half * (1 - np.clip(along / length, 0, 1)) ** 1.2
            spike = np.maximum(aside - taper, np.maximum(-along, along - length))
            distance = np.minimum(distance, spike)
        return distance

    def facing(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Square of the vertical part of the ellipse's unit normal: 1 where the margin faces the probe, 0 on flanks."""
        u, v = self.local(x, z)
        turn = math.radians(self.mass.shape.orientation_deg)
        normal_u, normal_v = u / self.mass.shape.width_mm**2, v / self.mass.shape.height_mm**2
        down = normal_u * math.sin(turn) + normal_v * math.cos(turn)
        return down**2 / np.maximum(normal_u**2 + normal_v**2, 1e-12)

    def _radius(self, angle: np.ndarray) -> np.ndarray:
        """Radius of the outline as a multiple of the ellipse's."""
        radius = np.ones_like(angle)
        for order, size, phase in zip(self.orders, self.amplitudes, self.phases, strict=True):
            if size:
                radius = radius + size * np.cos(order * angle + phase)
        return np.maximum(radius, 0.2)


def _noise(rng: np.random.Generator, x: np.ndarray, z: np.ndarray, length_x: float, length_z: float) -> np.ndarray:
    """A smooth random field of mean 0 and variance 1 at points; correlation lengths in mm."""
    origin = (float(z.min()), float(x.min()))
    steps = (length_z / 3, length_x / 3)
    size = [math.ceil(float(np.ptp(axis)) / step) + 4 for axis, step in zip((z, x), steps, strict=True)]
    field_ = gaussian_filter(rng.normal(size=(size[0] + 16, size[1] + 16)), 3, mode="wrap")[8:-8, 8:-8]
    field_ /= 1 / (2 * math.sqrt(math.pi) * 3)
    where = [(axis - start) / step + 1 for axis, start, step in zip((z, x), origin, steps, strict=True)]
    return map_coordinates(field_, np.broadcast_arrays(*where), order=1, mode="nearest")


def _curve(rng: np.random.Generator, x: np.ndarray, length: float) -> np.ndarray:
    return _noise(rng, x, np.zeros_like(x), length, 1.0)


def build_tissue(phantom: Phantom, grid: Grid, outline: Outline, streams: Streams) -> Tissue:
    # Tissue is pressed against the probe: layers follow its face, so they are functions of the depth on the beam.
    x, z = grid.points()
    depth = np.broadcast_to(grid.depth[:, None], x.shape)
    tissue = _layers(phantom.breast, grid, x, depth, streams)
    _add_mass(tissue, phantom.mass, grid, outline, x, z, streams)
    return tissue


def _layers(breast: Breast, grid: Grid, x: np.ndarray, depth: np.ndarray, streams: Streams) -> Tissue:
    rng = streams["layers"]
    tilt = math.tan(math.radians(breast.tilt_deg))
    line_x = x[len(x) // 2][None, :]

    def boundary(mean: float, share: float, length: float) -> np.ndarray:
        wave = _curve(rng, line_x, length) + 0.35 * _curve(rng, line_x, length / 4)
        return mean + share * (breast.waviness_mm * wave + tilt * line_x)

    skin = boundary(breast.skin_mm, 0.08, 12.0)
    gland = boundary(breast.skin_mm + breast.fat_mm, 1.0, 7.0)
    ends = np.cumsum([breast.skin_mm + breast.fat_mm + breast.gland_mm, breast.retromammary_mm, breast.muscle_mm])
    retro = boundary(ends[0], 0.8, 12.0)
    muscle = retro + np.maximum(boundary(ends[1] - ends[0], 0.3, 15.0), 0.4)
    chest = muscle + np.maximum(boundary(ends[2] - ends[1], 0.5, 20.0), 2.0)
    layer = np.sum([depth >= edge for edge in (skin, gland, retro, muscle, chest)], axis=0)

    levels = np.array([breast.skin_db, 0.0, breast.gland_db, 0.0, breast.muscle_db, breast.chest_db])
    losses = np.array(
        [
            breast.fat_attenuation,
            breast.fat_attenuation,
            breast.gland_attenuation,
            breast.fat_attenuation,
            breast.muscle_attenuation,
            breast.muscle_attenuation,
        ]
    )
    level, loss = levels[layer], losses[layer]
    mirror = np.zeros_like(level)
    rough = _noise(streams["rough"], x, depth, 2.0, 3.0)

    in_fat, in_gland, in_muscle = (layer == 1) | (layer == 3), layer == 2, layer >= 4
    if breast.septa_db:
        level += np.where(in_fat, 1.5 * _noise(streams["septa"], x, depth, 3.0, 1.2), 0)
        for length, share in ((5.5, 1.0), (2.8, 0.6)):
            septa = _septa(grid, _noise(streams["septa"], x, depth, length, 0.22 * length), rough)
            level += np.where(in_fat, share * breast.septa_db * septa, 0)
    if in_gland.any():
        coarse = _noise(streams["gland"], x, depth, 4.0, 1.6)
        streaks = _noise(streams["streaks"], x, depth, 1.4, 0.22)
        level += np.where(in_gland, breast.gland_texture_db * (0.75 * coarse + 0.75 * streaks), 0)
        loss += np.where(in_gland, 0.035 * breast.gland_texture_db * _noise(streams["gland"], x, depth, 1.8, 2.5), 0)
    if in_muscle.any():
        fibres = _noise(streams["muscle"], x, depth - chest + ends[2], 4.0, 0.25)
        level += np.where(in_muscle, 8.0 * np.maximum(fibres - 0.4, 0), 0)

    def line(edge: np.ndarray, level_db: float, share: float) -> None:
        _add_line(level, mirror, depth - edge, level_db, np.clip(0.75 + share * rough, 0.05, 1.4), grid.step)

    if breast.skin_mm:
        line(np.full_like(line_x, 0.15), breast.fascia_db, 0.1)
        line(skin, breast.fascia_db - 2, 0.25)
    line(gland, breast.fascia_db - 10, 0.6)
    line(muscle, breast.fascia_db, 0.45)
    line(chest, breast.fascia_db - 1, 0.5)
    for rib_x in breast.rib_x_mm:
        _add_rib(level, loss, mirror, x - rib_x, depth - chest, breast.fascia_db, rough, grid.step)
    return Tissue(level, loss, mirror)


def _septa(grid: Grid, field_: np.ndarray, rough: np.ndarray) -> np.ndarray:
    """Thin sheets, 0..1, along the zero lines of a smooth field; those that face the beam are the brightest."""
    field_ = gaussian_filter(field_, (0.2 / grid.step, 2))  # takes out the kinks of the linear interpolation
    down = np.gradient(field_, axis=0) / grid.step
    across = np.gradient(field_, axis=1) / grid.beam_step_mm[:, None]
    slope = np.maximum(np.hypot(down, across), 1e-3)
    bright = (0.35 + 0.65 * (down / slope) ** 6) * np.clip(0.7 + 0.5 * rough, 0.05, 1.2)
    return bright * np.exp(-0.5 * (field_ / slope / 0.1) ** 2)


def _add_line(
    level: np.ndarray,
    mirror: np.ndarray,
    distance: np.ndarray,
    level_db: float,
    strength: np.ndarray,
    step: float,
) -> None:
    """A rough mirror: a coherent reflector one sample thick, and scatterers around it that slopes do not cancel."""
    near = np.abs(distance) < 1.2
    part = distance[near]
    mirror[near] += amplitude(level_db) * strength[near] ** 2 * np.exp(-0.5 * (part / (0.6 * step)) ** 2)
    level[near] += 0.5 * level_db * strength[near] * np.exp(-0.5 * (part / 0.16) ** 2)


def _add_rib(
    level: np.ndarray,
    loss: np.ndarray,
    mirror: np.ndarray,
    x: np.ndarray,
    below: np.ndarray,
    level_db: float,
    rough: np.ndarray,
    step: float,
) -> None:
    """An oval cross-section under the muscle; `x` and `below` are relative to its middle and to the chest wall."""
    half = 6.0
    top = 4.0 - 2.8 * np.sqrt(np.maximum(1 - (x / half) ** 2, 0))
    rib = (np.abs(x) < half) & (below > top)
    level[rib] = -25.0
    loss[rib] = 6.0
    distance = np.where(np.abs(x) < half, below - top, _FAR_MM)
    _add_line(level, mirror, distance, level_db + 3, np.clip(0.9 + 0.2 * rough, 0.3, 1.3), step)


def _add_mass(
    tissue: Tissue,
    mass: Mass,
    grid: Grid,
    outline: Outline,
    x: np.ndarray,
    z: np.ndarray,
    streams: Streams,
) -> None:
    fade = max(4 * mass.margin_mm, 4 * mass.halo_mm if mass.halo_db else 0.0, 1.0)
    near = np.hypot(x - mass.x_mm, z - mass.depth_mm) < outline.reach_mm + fade
    x, z = x[near], z[near]
    if not x.size:
        return
    distance = outline.distance(x, z)
    share = 0.5 * erfc(distance / (math.sqrt(2) * max(mass.margin_mm, 1e-6)))
    rng = streams["mass"]
    texture = _noise(rng, x, z, 2.0, 1.4)
    level, loss, mirror = tissue.level_db[near], tissue.attenuation[near], tissue.mirror[near]
    if mass.halo_db:
        turn = np.arctan2(z - mass.depth_mm, x - mass.x_mm)
        strands = np.clip(0.9 + 0.6 * _noise(rng, turn, distance, 0.09, 4.0), 0, 2)  # they radiate from the mass
        level += mass.halo_db * strands * np.exp(-np.maximum(distance, 0) / mass.halo_mm)
    level = (1 - share) * level + share * (mass.echogenicity_db + mass.texture_db * texture)
    loss = (1 - share) * loss + share * mass.attenuation
    mirror *= 1 - share
    facing = outline.facing(x, z)
    if mass.edge_attenuation:
        loss += mass.edge_attenuation * (1 - facing) ** 4 * np.exp(-0.5 * (distance / 0.35) ** 2)
    if mass.capsule_db is not None:
        strength = (0.25 + 0.75 * facing**6) * np.clip(0.85 + 0.15 * texture, 0.3, 1.2)
        vertical = distance / np.sqrt(np.maximum(facing, 0.05))
        _add_line(level, mirror, vertical, mass.capsule_db, strength, grid.step)
    for target, part in ((tissue.level_db, level), (tissue.attenuation, loss), (tissue.mirror, mirror)):
        target[near] = part
    if mass.calcifications:
        _add_calcifications(tissue, mass, grid, outline, streams["points"])


def _add_calcifications(tissue: Tissue, mass: Mass, grid: Grid, outline: Outline, rng: np.random.Generator) -> None:
    radius = 0.6 * np.sqrt(rng.uniform(size=mass.calcifications))
    turn = rng.uniform(0, 2 * math.pi, mass.calcifications)
    x = mass.x_mm + radius * np.cos(turn) * mass.shape.width_mm / 2
    z = mass.depth_mm + radius * np.sin(turn) * mass.shape.height_mm / 2
    row, beam = (np.round(index).astype(int) for index in grid.index(x, z))
    seen = (row >= 0) & (row < len(grid.depth)) & (beam > 0) & (beam < len(grid.across) - 1)
    strength = amplitude(rng.uniform(26, 32, mass.calcifications))[seen]
    for offset, share in ((-1, 0.7), (0, 1.0), (1, 0.7)):
        tissue.mirror[row[seen], beam[seen] + offset] += share * strength
