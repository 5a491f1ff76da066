"""`stained_glass`: a leaded window of streaky glass, irises before a lake and the sun."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from scipy.spatial import cKDTree

from .brush import Array, Canvas, Rng, f32, jitter, mix, noise, ramp, smoothstep

SUN = 0.40, 0.33
RANGES = (  # height, roughness, colours, size of the pieces
    (0.50, 0.11, "7a5ab8 5a5ac0 9a78d0 c87ab8", 0.07),
    (0.565, 0.075, "2a4a9a 2f6ab0 3a8ab8 4a5ab0", 0.06),
    (0.61, 0.035, "1f6a6a 2f8a5a 5aa84a 1f5a7a", 0.05),
)
IRISES = (  # x, y, size, colours
    (0.18, 0.65, 0.135, "3a1f8a 6a3ac8 9a6ae8 d0a8f8"),
    (0.61, 0.62, 0.145, "8a1f5a c83a8a f06ab0 f8b8d8"),
    (0.40, 0.81, 0.130, "1f2f9a 3a5ad8 6a9af0 c0d8ff"),
)
PETALS = (  # direction, length, width
    *((-2.75, 1.0, 0.32), (-0.4, 1.0, 0.32), (2.5, 1.05, 0.36), (0.64, 1.05, 0.36)),
    *((-2.1, 1.1, 0.29), (-1.04, 1.1, 0.29), (-1.57, 1.2, 0.27), (1.57, 1.15, 0.40)),
)


class Window:
    """The cartoon of a window: which piece and which figure every pixel belongs to, and the colours of the pieces."""

    def __init__(self, rng: Rng, c: Canvas) -> None:
        self.rng, self.x, self.y = rng, c.x, c.y
        self.piece = np.zeros(c.x.shape, np.int32)
        self.figure = np.zeros(c.x.shape, np.int32)  # heavier leads run between figures
        self.veins = np.zeros_like(c.x)  # dark lines painted on the glass
        self.inks: list[Array] = []

    def glaze(self, mask: Array, cell: Array, codes: str, level: Array | None = None, figure: int = 0) -> None:
        """Cut a masked region into the pieces `cell` (h, w), coloured at random on a ramp or near their mean `level`."""
        if not mask.any():
            return
        names, piece = np.unique(cell[mask], return_inverse=True)
        rng = self.rng.spawn(1)[0]
        at = rng.uniform(size=len(names))
        if level is not None:
            at = 0.25 * (at - 0.5) + np.bincount(piece, level[mask]) / np.bincount(piece)
        self.piece[mask] = sum(map(len, self.inks)) + piece
        self.figure[mask] = figure or 1000 + len(self.inks)
        self.inks.append(jitter(rng, ramp(at, codes), 4, 6))

    def leaf(
        self,
        foot: tuple[float, float],
        tip: tuple[float, float],
        bend: float,
        wide: float,
        codes: str,
        parts: int,
        figure: int,
    ) -> None:
        """A blade or petal from foot to tip, bowed by `bend`, cut along its rib and across into `parts`."""
        length = np.hypot(tip[0] - foot[0], tip[1] - foot[1])
        ux, uy = (tip[0] - foot[0]) / length, (tip[1] - foot[1]) / length
        s = ((self.x - foot[0]) * ux + (self.y - foot[1]) * uy) / length
        t = ((self.y - foot[1]) * ux - (self.x - foot[0]) * uy) / length - bend * 4 * s * (1 - s)
        edge = wide * np.clip(np.sin(np.pi * np.clip(s, 0, 1) ** 0.8), 0, 1) ** 0.7
        mask = (np.abs(t) < edge) & (s > 0) & (s < 1)
        cell = 10 * np.floor(s * parts + 1.2 * np.abs(t) / wide).astype(np.int32) + (t > 0)
        self.glaze(mask, cell, codes, 0.2 + 0.6 * s + 0.2 * np.sign(t), figure)
        self.veins = np.where(
            mask, 0.75 * smoothstep(0.55, 0.95, np.sin(5 * np.pi * t / (edge + 1e-3) + 2)), self.veins
        )


def shards(rng: Rng, x: Array, y: Array, size: float) -> NDArray[np.int64]:
    """A number (h, w) for every irregular piece, about `size` wide and twice as long, on the slant."""
    c, s = np.cos(0.6), np.sin(0.6)
    u, v = (c * x + s * y) / (1.8 * size), (c * y - s * x) / size
    grid = np.stack(np.meshgrid(np.arange(u.min() - 1, u.max() + 1), np.arange(v.min() - 1, v.max() + 1)), -1)
    grid = grid.reshape(-1, 2) + rng.uniform(-0.42, 0.42, (grid[..., 0].size, 2))
    return cKDTree(grid).query(np.stack([u, v], -1))[1]


def sky(w: Window) -> None:
    """Bent rays, cut by rings, around the sun's disc."""
    r, theta = np.hypot(w.x - SUN[0], w.y - SUN[1]), np.arctan2(w.y - SUN[1], w.x - SUN[0])
    rays = np.sort(w.rng.uniform(-0.08, 0.08, 30) + np.linspace(-np.pi, np.pi, 30, endpoint=False))
    ray = np.searchsorted(rays, theta + 0.25 * np.sin(9 * r + 1) * smoothstep(0.1, 0.5, r)) % 30
    ring = np.digitize(r + 0.02 * np.sin(3 * ray + 9 * r) + 0.013 * (ray % 3), [0.17, 0.235, 0.31, 0.40, 0.50, 0.62])
    w.glaze(r >= 0, ray * 10 + ring, "fff0a0 ffc83a f58a2a e0503a b0407a 5a4aa8 2a58b8 1a3a8a", (r - 0.10) / 0.48)
    ring = np.digitize(r, [0.035, 0.07])
    w.glaze(r < 0.108, ring * 40 + ray * ring // 3, "fffbe0 fff0a0 ffd85a ffb52a", r / 0.11)


def land_and_lake(w: Window) -> None:
    """Three ranges, one before the other, and the lake in wavy bands that carry the sun's gleam."""
    x, y, rng = w.x, w.y, w.rng
    for base, rough, codes, size in RANGES:
        peak = base - rough * (0.5 + 0.8 * np.abs(np.sin(7 * x + 40 * base)) + 0.12 * noise(rng, x, base, 8, 3))
        w.glaze(y > peak, shards(rng, x, y + 0.8 * np.abs(x - 0.45), size), codes)
        w.veins += 0.6 * (y > peak) * (y < peak + 0.02) * smoothstep(0.4, 0.9, np.sin(600 * (y - peak)))
    wave = y + 0.010 * np.sin(19 * x + 25 * y) + 0.006 * np.sin(43 * x - 30 * y)
    band = np.digitize(wave, np.cumsum([0.635, *np.linspace(0.016, 0.042, 16)]))
    part = np.floor((x + 0.35 * np.sin(2.4 * band)) / (0.09 + 0.012 * band)).astype(np.int32)
    gleam = np.exp(-(((x - SUN[0]) / (0.05 + 0.25 * (y - 0.62))) ** 2))
    level = 0.38 + 0.2 * np.sin(5.1 * band) + 0.5 * gleam
    w.glaze(wave > 0.635, band * 100 + part, "0f2f7a 1a5aa8 2a8ab8 5ac0c8 f0d890 ffc04a", level)


def irises(w: Window) -> None:
    rng = w.rng
    for k in range(10):
        at, top = 0.02 + 0.085 * k + rng.normal(0, 0.012), 0.72 + 0.09 * abs(np.sin(1.9 * k)) + rng.normal(0, 0.02)
        tip = (at + rng.normal(0, 0.06), top)
        w.leaf((at, 1.03), tip, rng.normal(0, 0.08), 0.095, "1f7a4a 3a9a4a 7ac04a c0dc5a f0f08a", 4, 1)
    for k, (fx, fy, size, codes) in enumerate(IRISES):
        w.leaf((fx + 0.02, 1.02), (fx, fy + 0.05), 0.03, 0.05, "1f6a3a 3a9a4a 8ac04a", 4, 20 + k)
        for turn, long, wide in PETALS:
            tip = fx + size * long * np.cos(turn), fy + size * long * np.sin(turn)
            w.leaf((fx, fy), tip, rng.normal(0, 0.05), wide, codes, 2, 30 + k)
        w.leaf((fx, fy - 0.01), (fx, fy + 0.6 * size), 0.0, 0.24, "f59a1f ffc83a fff0a0", 2, 40 + k)


def border(w: Window) -> Array:
    """A frame of jewels; returns every pixel's distance from the window's edge (h, w)."""
    across, down = np.minimum(w.x, 0.8 - w.x), np.minimum(w.y, 1 - w.y)
    inset, upright = np.minimum(across, down), across < down
    step = np.where(upright, w.y, w.x)
    jewel = np.floor(step / 0.05).astype(np.int32)
    cell = jewel + 1000 * ~upright + 5000 * (w.x > 0.4) + 9000 * ((w.y > 0.5) & ~upright)
    w.glaze(inset < 0.044, cell, "8a1220 c8202a 1f3a9a 2a5ac0 1f7a4a e0a82a")
    diamond = np.abs(step % 0.05 - 0.025) + np.abs(inset - 0.024) < 0.016
    w.glaze((inset < 0.044) & diamond, jewel + 500, "ffd85a ffb02a 9ad0f0 f06a5a")
    return inset


def blow(rng: Rng, c: Canvas, w: Window, lead: Array) -> None:
    """Light through glass: streaks along each piece's own direction, a slope of tone, hammering, seeds of air."""
    x, y, piece, inks = c.x, c.y, w.piece, np.concatenate(w.inks)
    turn, tilt, milk = (rng.uniform(0, top, len(inks))[piece] for top in (np.pi, 2 * np.pi, 0.5))
    u, v = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    streak = noise(rng, 5 * u + piece % 17, 42 * (v + 0.02 * noise(rng, x, y, 7, 2)), 1, 4, 0.6)
    cloud = noise(rng, x + piece % 13, y, 8, 3)
    glass = inks[piece]
    glass = mix(glass, np.clip(glass * 1.5 + 0.12, 0, 1), (0.1 + milk) * smoothstep(-0.4, 1.2, streak))
    glass = mix(glass, glass**1.8, 0.85 * smoothstep(-0.2, 1.4, 0.4 * cloud - streak))
    slope = np.cos(tilt) * (x % 0.1) + np.sin(tilt) * (y % 0.1)
    sun = np.exp(-(((x - SUN[0]) ** 2 + (y - SUN[1]) ** 2) / 0.16))
    patina = 0.5 + 0.5 * smoothstep(0.0, 0.016, lead)  # dirt gathers beside the leads
    glass *= ((1 + 0.14 * cloud + slope) * (0.95 + 0.5 * sun) * patina * (1 - 0.45 * w.veins))[..., None]
    relief = 0.35 * noise(rng, x, y, 70, 2) + 0.12 * noise(rng, x, y, 200, 2)
    for count, size in ((5000, 0.0011), (1600, 0.0018), (400, 0.003)):
        seeds, spread = np.zeros_like(x), size * c.px
        seeds[c.index(*f32(rng.uniform(0, 1, (2, count))))] = 1
        relief += 10 * spread**2 * ndimage.gaussian_filter(seeds, spread)
    c.rgb, c.relief = f32(np.clip(glass, 0, 1.2)), relief
    c.light(1.1, gloss=0.16)


def stained_glass(long_side: int, rng: Rng) -> Image.Image:
    """A leaded window: the sun over mountains and a lake, irises before it, in streaky glass with bubbles."""
    c = Canvas(long_side, 0.8, 1.0, "000000")
    w = Window(rng, c)
    sky(w)
    land_and_lake(w)
    irises(w)
    inset = border(w)

    def distance(seams: Array) -> Array:
        return f32(ndimage.distance_transform_edt(~seams)) / c.px

    fine = distance(ndimage.morphological_gradient(w.piece, 3) > 0)
    heavy = distance((ndimage.morphological_gradient(w.figure, 3) > 0) | (np.abs(inset - 0.046) < 0.001))
    blow(rng, c, w, np.minimum(fine, heavy))
    bloom = ndimage.gaussian_filter(c.rgb**2, (0.012 * c.px, 0.012 * c.px, 0))

    # Leads: half-round cames of dull metal, `d` running from 0 on their ridge to 1 at their edge.
    d = np.minimum(fine / 0.0022, heavy / 0.0036) / (1 + 0.15 * noise(rng, c.x, c.y, 18, 2))
    lead = smoothstep(1.15, 0.9, d)
    c.lay(ramp(0.45 + 0.13 * noise(rng, c.x, c.y, 250, 2), "101016 26262e 4c4c56"), 0.98 * lead)
    c.relief = f32(3.2 * np.sqrt(np.clip(1 - d**2, 0, 1)) + 0.25 * noise(rng, c.x, c.y, 150, 2) * lead)
    c.light(0.8, gloss=0.25)
    c.rgb = 1 - (1 - np.clip(c.rgb, 0, 1)) * (1 - 0.30 * bloom)  # bright glass shines over its leads
    return c.finish(0.3)
