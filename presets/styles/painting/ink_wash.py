"""`ink_wash`: mountains in ink and a little colour on rough paper, behind a plum branch in bloom."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from .brush import Array, Canvas, Rng, dab, f32, grain, jitter, layer, mix, noise, ramp, rgb, smoothstep, stroke

RANGES = (  # foot, height, ink, strength, softness of the crest: from pale and far to black and near
    (0.40, 0.13, "6f9ab0", 0.55, 0.020),
    (0.47, 0.17, "4a7a98", 0.75, 0.012),
    (0.56, 0.16, "35607c", 0.95, 0.007),
    (0.66, 0.15, "2a4658", 1.10, 0.004),
    (0.76, 0.10, "20303c", 1.25, 0.003),
)
BOUGH = [(0.80, 0.03), (0.67, 0.10), (0.60, 0.09), (0.50, 0.17), (0.42, 0.16), (0.34, 0.26), (0.27, 0.27), (0.20, 0.35)]
LIMB = [(0.80, 0.42), (0.70, 0.37), (0.63, 0.385), (0.56, 0.33), (0.49, 0.35), (0.44, 0.32)]
REDS = ("d93a3a", "e0553f", "c9284a", "e87a7a")


class Paper(Canvas):
    """Rough paper: `tooth` is its grain, `bleed` how far ink creeps over a line, `soak` how much it takes, each (h, w)."""

    def __init__(self, long_side: int, rng: Rng) -> None:
        super().__init__(long_side, 0.76, 1.0, "efe3c8")
        x, y = self.x, self.y
        self.tooth = noise(rng, x, y, 130, 3, 0.7)
        self.fibre = smoothstep(
            1.5, 2.6, np.maximum.reduce([grain(rng, x, y, 0.05, 0.0012, a) for a in (0.2, 1.2, 2.4)])
        )
        self.rgb *= (1 + 0.018 * self.tooth - 0.05 * self.fibre + 0.03 * noise(rng, x, y, 3, 4))[..., None]
        self.bleed = 0.010 * noise(rng, x, y, 9, 3) + 0.0035 * noise(rng, x, y, 45, 3) + 0.0012 * self.tooth
        self.soak = 1 + 0.16 * self.tooth + 0.22 * noise(rng, x, y, 12, 4) + 0.30 * self.fibre

    def wash(self, density: Array, ink: str) -> None:
        """Soak thin ink in: what it swallows multiplies, so washes darken where they overlap."""
        self.rgb *= np.maximum(rgb(ink), 0.01) ** (density * self.soak)[..., None]

    def pool(self, depth: Array, soft: float, rim: float) -> Array:
        """A wash's density from the depth inside its edge: a soft start, then the dark line where it dried."""
        line = np.exp(-((depth / 0.005 - 1) ** 2)) + 0.5 * np.exp(-np.maximum(depth, 0) / 0.03)
        return smoothstep(0, soft, depth) * (1 + rim * line)


def weather(rng: Rng, c: Paper) -> None:
    """Wet blue and ochre across the sky, and the sun."""
    x, y = c.x, c.y
    cloud = noise(rng, x, 2.2 * y + 3 * c.bleed, 3, 5)
    c.wash(0.55 * smoothstep(-0.2, 1.5, cloud) * smoothstep(0.75, 0.0, y), "4f7f9c")
    c.wash(0.30 * smoothstep(0.2, 1.8, noise(rng, x, 2.5 * y, 4, 4)), "c98a4a")
    disc = c.pool(0.085 - np.hypot(x - 0.23, y - 0.20) + 0.5 * c.bleed, 0.004, 0.45)
    c.wash(0.95 * disc * (1 - 0.45 * smoothstep(0.1, 0.9, noise(rng, x, 5 * y, 4, 3))), "d8341f")


def mountains(rng: Rng, c: Paper) -> None:
    """Ranges from far to near, each dissolving in mist at its foot, with dry texture strokes and moss on the crests."""
    x, y, t = c.x, c.y, c.x[0]
    for k, (foot, high, ink, strength, soft) in enumerate(RANGES):
        peaks = np.zeros_like(t)
        for at, wide in zip(rng.uniform(-0.05, 0.8, 4), rng.uniform(0.07, 0.20, 4), strict=True):
            peaks = np.maximum(peaks, rng.uniform(0.55, 1) * np.exp(-(np.abs((t - at) / wide) ** 1.5)))
        ridge = foot - high * peaks - 0.012 * noise(rng, t, k, 9, 5, 0.6)
        depth = y - ridge + (0.25 + 0.1 * k) * c.bleed
        mist = np.exp(-np.maximum(depth, 0) / (0.065 + 0.030 * noise(rng, x, 0.6 * y, 4, 3).clip(-1.2, 1.5)))
        folds = 0.75 + 0.35 * noise(rng, x + 0.8 * depth, 0.35 * y, 16, 4)
        c.wash(strength * c.pool(depth, soft, 0.5) * mist * folds.clip(0.15), ink)
        if k >= 2:  # a split brush, nearly dry, down the slopes
            fall = np.arctan2(1, -0.9 * np.gradient(ridge) * c.px) + 0.45 * noise(rng, x, y, 12, 2)
            slopes = (depth > 0.006) & (depth < 0.085 + 0.01 * k) & (noise(rng, x, 0.5 * y, 11, 3) > -0.1)
            tone = np.broadcast_to(mix(rgb("27404e"), rgb("11161c"), (k - 2) / 2), c.rgb.shape)
            brush: dict[str, Any] = {"where": slopes, "streak": 6, "body": 0.0}
            layer(rng, c, tone, fall, (0.012, 0.036, 0.009), (5, 4), wobble=0.25, opacity=0.42, dry=0.85, **brush)
            layer(rng, c, tone * 0.7, fall, (0.013, 0.020, 0.0035), (5, 3), wobble=0.3, opacity=0.55, dry=0.6, **brush)
        if k >= 1:
            px = f32(rng.uniform(0, 0.76, 60 + 60 * k))
            px = px[noise(rng, px, k, 7, 2) > -0.3]
            py = ridge[c.index(px, px)[1]] + f32(rng.normal(0.004, 0.003, len(px)))
            size = f32(rng.uniform(0.0012, 0.0028 + 0.0007 * k, len(px)))
            shade = jitter(rng, np.repeat(mix(rgb("5a7f92"), rgb("0f1418"), k / 4)[None], len(px), 0), 4, 3)
            for step in range(3):  # three dots, one on the other, make a far pine
                lean = f32(rng.normal(0, 0.002, len(px)))
                dab(rng, c, px + lean, py - 0.003 * step, size * (1 - 0.25 * step), shade, 0.0, 1.8)


def river(rng: Rng, c: Paper) -> None:
    """Level strokes, the sun's red carried down into the water, a boat with its oar."""
    x, y = c.x, c.y
    level = noise(rng, x, 12 * y, 6, 3)
    water = smoothstep(0.76, 0.80, y + 2 * c.bleed)
    c.wash(0.55 * water * smoothstep(-0.5, 1.6, level), "3f7288")
    glitter = smoothstep(0.1, 0.8, noise(rng, x, 22 * y, 7, 3)) * np.exp(
        -(((x - 0.23) / (0.045 + 0.12 * (y - 0.76))) ** 2)
    )
    c.lay(rgb("d8452a"), 0.8 * water * glitter * c.soak.clip(0, 1.2))
    brush: dict[str, Any] = {"streak": 6, "opacity": 0.5, "dry": 0.9, "body": 0.0, "wobble": 0.03}
    layer(rng, c, c.flat("1f3644"), 0.05 * level, (0.024, 0.11, 0.008), (8, 4), where=y > 0.80, **brush)
    black = np.repeat(rgb("15181c")[None], 2, 0)
    hull = f32([[(0.28, 0.842), (0.31, 0.853), (0.345, 0.855), (0.38, 0.851), (0.415, 0.838)]])
    stroke(rng, c, hull, 0.014, black[:1], opacity=0.95, dry=0.2, body=0.0)
    man_and_oar = f32([[(0.345, 0.85), (0.345, 0.83), (0.347, 0.815)], [(0.40, 0.80), (0.38, 0.85), (0.36, 0.90)]])
    stroke(rng, c, man_and_oar, [0.012, 0.0025], black, body=0.0)


def twigs(rng: Rng, x: float, y: float, angle: float, length: float, width: float) -> list[tuple[Array, float]]:
    """An angular twig from (x, y) and the smaller ones it bears: paths (7, 2) with their widths."""
    at, way = [(x, y)], angle
    for _ in range(6):
        way += rng.normal(0, 0.30)
        at.append((at[-1][0] + length / 6 * np.cos(way), at[-1][1] + length / 6 * np.sin(way)))
    found = [(f32(at), width)]
    if width > 0.0035:
        for px, py in at[2:]:
            if rng.uniform() < 0.8:
                turn = way + rng.choice([-1, 1]) * rng.uniform(0.5, 1.1)
                found += twigs(rng, px, py, turn, length * rng.uniform(0.35, 0.6), width * 0.5)
    return found


def blossom(rng: Rng, c: Paper, bx: float, by: float, size: float) -> None:
    """Five wet petals around a white heart, darker where each dried, with stamens."""
    row, col = c.index(f32([bx - 2.6 * size, bx + 2.6 * size]), f32([by - 2.6 * size, by + 2.6 * size]))
    box = slice(row[0], row[1] + 1), slice(col[0], col[1] + 1)
    depth = np.full(c.x[box].shape, -1.0, np.float32)
    spin = rng.uniform(0, 2 * np.pi)
    for a in spin + 2 * np.pi / 5 * np.arange(5):
        r = np.hypot(c.x[box] - bx - size * np.cos(a), c.y[box] - by - 0.85 * size * np.sin(a))
        depth = np.maximum(depth, 0.72 * size * rng.uniform(0.85, 1.15) - r)
    inside = smoothstep(0, 0.15 * size, depth + 0.15 * c.bleed[box])
    rim = np.exp(-((depth / (0.13 * size) - 1) ** 2))
    c.rgb[box] = mix(c.rgb[box], rgb("f6dccb"), 0.85 * inside)
    density = rng.uniform(0.55, 1.1) * inside * (0.55 + 0.8 * rim) * c.soak[box]
    c.rgb[box] *= rgb(REDS[rng.integers(len(REDS))]) ** density[..., None]
    sx, sy = f32(rng.normal(0, 0.4 * size, (2, 7)))
    dab(rng, c, bx + sx, by + sy, f32(np.full(7, 0.0014)), np.repeat(rgb("7a1420")[None], 7, 0), 0.0)


def plum(rng: Rng, c: Paper) -> None:
    """A dry, angular bough and limb from the right edge, their twigs, blossoms and buds."""
    wood = [(f32(BOUGH), 0.030), (f32(LIMB), 0.017)]
    for k, (px, py) in enumerate(BOUGH[1:] + LIMB[1:]):
        wood += twigs(rng, px, py, (2.2, -2.0, 1.3, -2.6)[k % 4] + rng.normal(0, 0.2), rng.uniform(0.12, 0.22), 0.012)
        wood += twigs(rng, px, py, (-2.4, 2.6, -1.9, 1.9)[k % 4] + rng.normal(0, 0.2), rng.uniform(0.06, 0.12), 0.007)
    ink, worn = rgb("14161b")[None], rgb("4a4038")[None]
    for path, width in sorted(wood, key=lambda part: -part[1]):
        stroke(rng, c, path[None], width, ink, worn, opacity=0.9, dry=0.40, body=0.0, taper=0.25)
        stroke(rng, c, path[None], 0.8 * width, ink, worn, opacity=0.8, dry=0.80, body=0.0, taper=0.25)
    tips = np.concatenate([path[2:] for path, width in wood if width < 0.02])
    for bx, by in tips[rng.permutation(len(tips))[:85]] + rng.normal(0, 0.008, (85, 2)):
        blossom(rng, c, bx, by, rng.uniform(0.007, 0.019))
    buds = f32(tips[rng.permutation(len(tips))[:60]] + rng.normal(0, 0.010, (60, 2)))
    red = jitter(rng, np.repeat(rgb("c02a33")[None], 60, 0), 6, 8)
    dab(rng, c, buds[:, 0], buds[:, 1], f32(rng.uniform(0.003, 0.006, 60)), red, 0.0)


def ink_wash(long_side: int, rng: Rng) -> Image.Image:
    """Misty mountains over a river, a plum branch in bloom before a red sun: ink and a little colour on rough paper."""
    c = Paper(long_side, rng)
    weather(rng, c)
    mountains(rng, c)
    river(rng, c)
    plum(rng, c)

    # Splatter, and a red seal that says nothing: a spiral.
    drops = f32(rng.exponential(0.0009, 240).clip(0, 0.0025) + 0.0005)
    shade = ramp(1.0 * (rng.uniform(size=240) < 0.3), "1a1e24 b8302a")
    dab(rng, c, f32(rng.uniform(0, 0.76, 240)), f32(rng.uniform(0, 1, 240)), drops, shade, 0.0)
    sx, sy = (c.x - 0.075) / 0.033, (c.y - 0.925) / 0.040
    square = np.maximum(np.abs(sx), np.abs(sy))
    spiral = (np.sin(12 * np.hypot(sx, sy) - np.arctan2(sy, sx)) > 0.45) & (square < 0.82)
    face = smoothstep(1.0, 0.93, square + 4 * c.bleed) * smoothstep(-2.4, -1.2, c.tooth)
    c.lay(rgb("b9281c"), 0.92 * face * (1 - 0.9 * spiral))
    c.relief = 0.35 * c.tooth + 0.9 * c.fibre
    c.light(0.35)
    return c.finish(0.3)
