"""`pointillism`: a river garden at noon, set down in dots of divided colour."""

from __future__ import annotations

import numpy as np
from PIL import Image
from skimage import color

from .brush import (
    Array,
    Canvas,
    Rng,
    dab,
    equalise,
    f32,
    from_lab,
    jitter,
    mix,
    noise,
    ramp,
    rgb,
    scatter,
    smoothstep,
)

POPLAR, BUSH, SHADE = (
    "27306f 2c6350 4f9440 9cc04a f0dc5a",
    "33307a 2f7058 6aa84a c8cc4c f6d06a",
    "1b1f5e 1f4f5e 2f7a4a 8fb840 f6c04a",
)
TREES = (  # x, half width, top, foot, colours from shade to light
    *((0.60, 0.022, 0.10, 0.345, POPLAR), (0.66, 0.026, 0.05, 0.345, POPLAR), (0.725, 0.024, 0.08, 0.345, POPLAR)),
    *((0.78, 0.020, 0.14, 0.345, POPLAR), (0.33, 0.018, 0.17, 0.345, POPLAR), (0.86, 0.07, 0.20, 0.36, BUSH)),
    *((0.97, 0.08, 0.16, 0.36, BUSH), (0.42, 0.05, 0.25, 0.36, BUSH), (0.50, 0.05, 0.27, 0.36, BUSH)),
    *((0.25, 0.04, 0.28, 0.36, BUSH), (0.0, 0.20, -0.16, 0.36, SHADE)),
)
BEDS = (  # petals' colours and the share of the meadow left free of them
    *(("6a3fb0 9a6fd8 4a58c8", 0.80), ("fff6e0 f9c6d4 e86fa8", 0.84)),
    *(("d8263a f0563a f88a4a", 0.80), ("ffd83a fba82a fff0a0", 0.86)),
)


def divide(rng: Rng, colours: Array, light: float, hue: float, opposite: float) -> Array:
    """Split colours (n, 3) into purer neighbours, `hue` degrees apart; a share `opposite` becomes the complement."""
    lab = color.rgb2lab(colours)
    lab[:, 1:] *= 1.4
    lab[rng.uniform(size=len(lab)) < opposite, 1:] *= -0.8
    lab[:, 0] += light * rng.standard_normal(len(lab))
    turn = np.deg2rad(hue) * rng.standard_normal(len(lab))
    a, b = lab[:, 1].copy(), lab[:, 2].copy()
    lab[:, 1], lab[:, 2] = a * np.cos(turn) - b * np.sin(turn), a * np.sin(turn) + b * np.cos(turn)
    return jitter(rng, from_lab(lab), 2, 5)


def far_bank(rng: Rng, x: Array, y: Array, bank: Array) -> Array:
    """Sky, hills, trees and boats (h, w, 3), down to the water's edge at y = `bank`."""
    view = ramp(y / 0.34 + 0.12 * noise(rng, x, 2.5 * y, 4, 4), "2a66bd 4a97dc 86c9e6 cfe3c0 fbdf94 fbb47e")
    puff = noise(rng, x, 2.4 * y, 5, 5)
    clouds = ramp(0.9 - 0.35 * puff + 0.4 * y, "fffbe6 fde9c0 f8c9b4 b79fdc")
    view = mix(view, clouds, 0.92 * smoothstep(0.3, 0.9, puff))
    hills = y > bank - 0.05 - 0.018 * noise(rng, x, 0, 7, 4)
    view = mix(view, ramp(0.5 + 0.3 * noise(rng, x, 2 * y, 14, 3), "3d5f9c 5f8fae 6fae7c a8c46a"), hills * 0.92)
    for at, wide, top, foot, codes in TREES:  # ragged crowns, lit from the upper left
        v = (y - top) / (foot - top)
        edge = wide * np.clip(np.sin(np.pi * np.clip(v, 0, 1) ** 0.75), 0, 1) ** 0.6
        edge = edge * (1 + 0.25 * noise(rng, x, y, 30, 2))
        crown = smoothstep(1.1, 0.85, np.abs(x - at) / (edge + 1e-4)) * (v > 0) * (v < 1)
        lit = 0.5 - 0.33 * (x - at) / wide - 0.25 * (v - 0.5) + 0.22 * noise(rng, x, y, 28, 3)
        view = mix(view, ramp(lit, codes), crown)
    for at, size in ((0.275, 0.21), (0.53, 0.10)):
        sail = (np.abs(x - at - 0.15 * (y - 0.3)) < 0.30 * (y - (bank + 0.03 - size))) & (y < bank + 0.03)
        view = mix(view, ramp(2.2 * (x - at) / size + 0.4, "ffe9b0 f79a3a d04a3a 7a2a6a"), sail)
        view = mix(view, rgb("8c2f2a"), (np.abs(x - at) < 0.27 * size) & (np.abs(y - bank - 0.035) < 0.007))
    return view


def pointillism(long_side: int, rng: Rng) -> Image.Image:
    """A river garden at noon: poplars, sails and flower beds set down in dots of divided colour."""
    c = Canvas(long_side, 1.0, 0.78, "f0e4c4")
    x, y = c.x, c.y
    bank = 0.33 + 0.006 * noise(rng, x, 0, 5, 3)
    near = 0.53 + 0.10 * (x - 0.5) + 0.014 * noise(rng, x, 0, 4, 3)
    target = far_bank(rng, x, y, bank)

    # The river mirrors what stands above it, broken by ripples.
    river = (y > bank) & (y < near)
    ripple = 0.010 * noise(rng, x, 14 * y, 10, 3) + 0.004 * np.sin(500 * y)
    mirror = target[c.index(x + ripple, np.maximum(2 * bank - y + ripple, 0))]
    mirror = mix(mirror, rgb("1f62b8"), 0.42 + 0.16 * np.sin(420 * y + 4 * noise(rng, x, y, 6, 2)))
    hulls = (np.abs(y - bank - 0.03) < 0.012) & (target.std(-1) > 0.12)
    target = np.where((river & ~hulls)[..., None], mirror, target)

    # The near bank: sunlit grass, blue shade and a path.
    sun = noise(rng, x, 2.2 * y, 5, 4)
    grass = ramp(0.5 + 0.26 * sun, "2b3f86 2f7a4a 62a83c b9cf45 f5e05c")
    path = smoothstep(0.05, 0.035, np.abs(x - 0.50 + 0.55 * (y - 0.62) - 0.10 * np.sin(8 * y)) - 0.35 * (y - 0.55))
    grass = mix(grass, ramp(0.5 + 0.35 * sun, "8a76c0 e0a890 f6d7a0 fff3d0"), path)
    shade = smoothstep(0.35, 0.9, noise(rng, x + y, 3 * y, 3, 3))
    grass = mix(grass, ramp(0.5 + 0.3 * sun, "2a2a78 31508f 2f7a6a"), 0.75 * shade)
    target = np.where((y >= near)[..., None], grass, target)
    c.lay(target, 0.35)

    def dots(
        size: tuple[float, float], split: tuple[float, float, float], of: Array, where: Array | None = None
    ) -> None:
        """Dots at a spacing and radius `size`, larger near the eye, in the divided colours of an image."""
        chance = rng.spawn(1)[0]
        dx, dy = scatter(chance, c, size[0], where)
        radius = size[1] * chance.uniform(0.75, 1.2, len(dx)) * (0.8 + 0.45 * dy)
        dab(chance, c, dx, dy, f32(radius), divide(chance, of[c.index(dx, dy)], *split))

    dots((0.0125, 0.0095), (4, 14, 0.0), target)
    dots((0.0098, 0.0062), (6, 20, 0.06), target)
    dots((0.0090, 0.0042), (8, 26, 0.09), target)
    bloom = noise(rng, x, 1.5 * y, 16, 2)
    for codes, free in BEDS:
        bed = (y > near + 0.01) & (path < 0.5) & (equalise(noise(rng, x + 0.5 * y, 2.6 * y, 6, 3)) > free)
        dots((0.0085, 0.0062), (6, 10, 0.0), ramp(0.5 + 0.4 * bloom, codes), bed)
        dots((0.0100, 0.0036), (8, 12, 0.0), ramp(0.5 - 0.4 * bloom, codes), bed)
    dots((0.0090, 0.0024), (12, 30, 0.10), target)
    dots((0.0070, 0.0026), (4, 10, 0.0), c.flat("fff2cc"), river & (noise(rng, x, 8 * y, 20, 2) > 0.9))
    c.light(0.55, gloss=0.04)
    return c.finish(0.3)
