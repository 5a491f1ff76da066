"""`swirls`: a windy night over a bay, in thick strokes along a flow field."""

from __future__ import annotations

import numpy as np
from PIL import Image

from .brush import Array, Canvas, Rng, equalise, layer, mix, noise, ramp, rgb, smoothstep

EDDIES = ((0.33, 0.25, 0.15, 1), (0.66, 0.33, 0.10, -1), (0.07, 0.10, 0.09, -1), (0.93, 0.36, 0.08, 1))
LAMPS = (
    *((0.82, 0.13, 0.062), (0.12, 0.33, 0.034), (0.53, 0.10, 0.030), (0.44, 0.44, 0.020), (0.25, 0.06, 0.019)),
    *((0.68, 0.07, 0.016), (0.97, 0.22, 0.017), (0.57, 0.24, 0.018), (0.80, 0.43, 0.022), (0.02, 0.22, 0.014)),
)


def wind(rng: Rng, x: Array, y: Array) -> tuple[Array, Array, Array]:
    """The sky's angle, the eddies' spiral bands in [-1, 1] and the lamps' glow in [0, 1], each (h, w)."""
    drift = 0.55 * np.sin(7 * x + 5 * y + 0.8 * noise(rng, x, y, 2, 2))
    u, v, bands, glow = np.cos(drift), np.sin(drift), np.zeros_like(x), np.zeros_like(x)
    for ex, ey, radius, way in EDDIES:  # the drift bends round an eddy and is drawn in
        dx, dy = x - ex, y - ey
        r = np.hypot(dx, dy) + 1e-6
        pull = 4.5 * np.exp(-((r / radius) ** 2) / 1.2)
        u += pull * (-way * dy - 0.25 * dx) / r
        v += pull * (way * dx - 0.25 * dy) / r
        bands += np.exp(-((r / radius) ** 2)) * np.sin(2 * np.arctan2(dy, dx) - way * 9 * np.log(r / radius + 0.25))
    for lx, ly, radius in LAMPS:  # and closes in rings round a lamp
        dx, dy = x - lx, y - ly
        r = np.hypot(dx, dy) + 1e-6
        pull = 9 * np.exp(-((r / (1.9 * radius)) ** 2))
        u -= pull * dy / r
        v += pull * dx / r
        glow = np.maximum(glow, np.exp(-((r / (1.75 * radius)) ** 1.7)))
    return np.arctan2(v, u), bands, glow


def ribbons(rng: Rng, c: Canvas, angle: Array) -> Array:
    """Noise (h, w) drawn out along the angle map, so that light and dark lie in ribbons."""
    total, px, py = np.zeros_like(c.x), c.x.copy(), c.y.copy()
    seeds = noise(rng, c.x, c.y, 13, 3, 0.7)
    for _ in range(14):
        total += seeds[c.index(px, py)]
        here = angle[c.index(px, py)]
        px, py = px + 0.009 * np.cos(here), py + 0.009 * np.sin(here)
    return total / total.std()


def swirls(long_side: int, rng: Rng) -> Image.Image:
    """A night over a bay: the wind turns in blue eddies around lamps whose light lies on the water."""
    c = Canvas(long_side, 1.0, 0.8, "0e1a3c")
    x, y = c.x, c.y
    shore = 0.56 + 0.018 * noise(rng, x, 0, 4, 3)
    ridge = shore - 0.06 - 0.05 * smoothstep(0.35, 0.0, x) - 0.035 * noise(rng, x, 1, 3, 4) * smoothstep(0, 0.4, x)
    hills, water = (y > ridge) & (y <= shore), y > shore

    angle, bands, glow = wind(rng, x, y)
    slope = np.arctan(np.gradient(ridge, axis=1) * c.px)
    angle = np.where(hills, slope + 0.5 * np.sin(20 * y + 9 * x), angle)
    angle = np.where(water, 0.16 * np.sin(26 * x + 60 * y + 2 * noise(rng, x, y, 3, 2)), angle)

    tone = equalise(ribbons(rng, c, angle) + 1.5 * bands - 1.2 * (0.35 - y) + 0.25 * noise(rng, x, y, 2, 2))
    sky = ramp(tone, "0a1238 10215c 17388c 1e55ad 2f7cc4 5aa5cf 9ccbd2 d9e2c2")
    halo = np.clip(glow * 1.12 + 0.10 * noise(rng, x, y, 40, 2) * (glow > 0.1), 0, 1)
    lit = ramp(halo, "1d4f9c 3f8fae a9c79a f2d76b fbbf2d f58a1c fdf0b4")
    target = mix(sky, lit, smoothstep(0.13, 0.34, halo) * ~water)
    land = ramp(equalise(noise(rng, x, 4 * y, 9, 4)), "070d22 0d1d38 12363f 1c2a55 35264f 1f4a4a")
    target = np.where(hills[..., None], land, target)
    sea = ramp(equalise(noise(rng, x, 9 * y, 5, 4) + 2 * (shore - y)), "081030 0e2356 15407f 1f6396 3a8fa8 7fbcb8")
    gleam = np.zeros_like(x)
    for lx, _, radius in LAMPS:
        spread = radius * (0.35 + 2.0 * (y - shore))
        gleam += np.exp(-(((x - lx) / spread) ** 2)) * np.clip(0.3 + radius * 18, 0, 1.1) * smoothstep(0.95, 0.5, y)
    gleam *= 0.62 + 0.5 * noise(rng, x, 5 * y, 12, 2)
    sea = mix(sea, ramp(gleam, "2b7a9a c9a04a f6a522 fbd75a fff0b0"), smoothstep(0.12, 0.5, gleam))
    target = np.where(water[..., None], sea, target)

    # From broad to fine, then loaded accents: light where it is light, dark where it is dark.
    c.rgb = target.copy()
    layer(rng, c, target, angle, (0.016, 0.11, 0.022), (4, 5), dry=0.2, body=0.5)
    layer(rng, c, target, angle, (0.0095, 0.07, 0.0125), (6, 6), streak=12, dry=0.3, body=0.8)
    layer(rng, c, target, angle, (0.0085, 0.045, 0.0085), (8, 7), streak=14, dry=0.3, body=1.0)
    bright, high = np.clip(target * 1.25 + 0.06, 0, 1), tone + halo + water * gleam > 0.75
    layer(rng, c, bright, angle, (0.013, 0.04, 0.007), (5, 9), where=high, dry=0.35, body=1.5)
    deep, low = mix(target, rgb("0a1030"), 0.6), (tone < 0.4) & (halo < 0.2)
    layer(rng, c, deep, angle, (0.018, 0.06, 0.007), (3, 5), where=low, dry=0.4, body=0.9)
    homes = hills & (y > shore - 0.05) & (noise(rng, x, y, 9, 2) > 0.2)
    windows = ramp(0.5 + 0.4 * noise(rng, x, y, 50, 1), "e0702a f8b533 ffe58a")
    layer(rng, c, windows, 0 * x, (0.016, 0.012, 0.007), (4, 4), where=homes, body=1.6)
    c.light(1.6, gloss=0.12)
    return c.finish(0.35)
