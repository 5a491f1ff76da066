"""`autumn_knife`: an avenue after rain, laid on with a palette knife."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from .brush import Array, Canvas, Rng, f32, jitter, layer, mix, noise, ramp, rgb, smoothstep, stroke

VANISH = 0.53, 0.43
KNIFE: dict[str, Any] = {"hair": 0.0035, "taper": 0.05, "dry": 0.12}


def trunk(rng: Rng, c: Canvas, depth: float, rise: float, side: int) -> None:
    """One tree of the avenue, `depth` from 0 (far) to 1 (here): strips of knife strokes, lit towards the glow; limbs."""
    vx, vy = VANISH
    foot_x, foot_y = vx + side * (0.045 + 1.05 * depth) + rng.normal(0, 0.012), vy + 0.03 + 0.42 * depth
    wide, v = 0.008 + 0.095 * depth, np.linspace(0.02, -1.1, 9)
    lean = np.cumsum(rng.normal(0, 0.10 * wide + 0.002, 9)) + side * 0.10 * depth * v
    spine = f32(np.stack([foot_x + lean, foot_y + (foot_y + 0.05) * v * rise], 1))
    knots = np.arange(0, 7.5, 0.8)[:, None] + np.linspace(0, 1.9, 5)  # a strip's strokes, each over the last one's end

    def along(at: Array) -> Array:
        return np.stack([np.interp(at, range(9), spine[:, k]) for k in (0, 1)], -1)

    for j in range(-3, 4):
        tone = ramp(0.5 - side * j / 6 + rng.normal(0, 0.1), "1a1030 2f1a3f 5a3040 a86a50 f0c890")[None]
        strip = f32(along(knots) + f32((0.12 * j * wide, 0)))
        first, second = (
            jitter(rng, np.repeat(tone, len(strip), 0), 6, 8),
            np.repeat(jitter(rng, tone, 10, 12), len(strip), 0),
        )
        stroke(rng, c, strip, wide * 0.33, first, second, body=1.1, **KNIFE)
    q = np.linspace(0, 1, 6)
    for _ in range(5):
        at, reach = -np.pi / 2 + side * rng.uniform(-1.1, 1.1), rng.uniform(0.3, 0.9) * (0.06 + 0.5 * depth)
        limb = along(f32(rng.uniform(3.5, 7.5))) + np.stack(
            [reach * q * np.cos(at + 0.4 * q), reach * q * np.sin(at + 0.4 * q)], 1
        )
        stroke(rng, c, f32(limb[None]), wide * 0.28, rgb("24142f")[None], rgb("7a4038")[None], body=1.0, taper=0.6)


def autumn_knife(long_side: int, rng: Rng) -> Image.Image:
    """An avenue after rain: knife-laid reds, golds and violets, and the same colours again in the wet ground."""
    c = Canvas(long_side, 1.0, 0.76, "3a2438")
    x, y, (vx, vy) = c.x, c.y, VANISH
    r, clump = np.hypot(x - vx, 1.15 * (y - vy)), noise(rng, x, y, 6, 4)
    warmth = 0.95 - 1.25 * r + 0.17 * clump + 0.05 * noise(rng, x, y, 30, 2)
    leaves = ramp(warmth, "2a1440 7a1030 c8201f f0501a f9901f fcc43a fff0b0")
    green = 0.8 * smoothstep(0.7, 1.6, noise(rng, x, y, 5, 3))
    leaves = mix(leaves, ramp(0.5 + 0.3 * clump, "1f2f6a 2a6a7a 6a9a3a c8c03a"), green)
    mist = ramp(0.5 + 0.35 * noise(rng, 3 * x, 0.6 * y, 6, 3), "4a3a8a 7a6ab0 d8a0a0 f8d8a0 fff2cc")
    target = mix(leaves, mist, smoothstep(0.20, 0.05, np.hypot(1.3 * (x - vx), y - vy + 0.02)))
    # The wet path mirrors the trees under a film of sky; leaves lie on its verges.
    ground = y > vy + 0.03 + 0.012 * noise(rng, x, 0, 6, 2)
    mirror = target[c.index(x + 0.012 * noise(rng, 0.3 * x, 9 * y, 9, 3), np.abs(2 * (vy + 0.03) - y))]
    wet = mix(mirror, ramp(0.5 + 0.35 * noise(rng, 0.5 * x, 5 * y, 6, 3), "141038 2f2a78 4a6ab8 9ab8d8"), 0.42)
    verge = smoothstep(0.02, 0.10, np.abs(x - vx - 0.10 * (y - vy)) - 0.95 * (y - vy))
    litter = ramp(0.5 + 0.28 * noise(rng, x, 3 * y, 12, 4), "3a1038 8a1a28 d8481a f59a22 fcd860")
    target = np.where(ground[..., None], mix(wet, litter, verge), target)

    c.rgb, patch = target.copy(), noise(rng, x, y, 4, 2)
    angle = np.where(ground, 0.12 * patch, 0.9 * patch + np.pi / 2 * (clump > 0))
    layer(rng, c, target, angle, (0.022, 0.060, 0.034), (5, 6), streak=10, wobble=0.5, body=0.6, **KNIFE)
    layer(rng, c, target, angle, (0.016, 0.036, 0.022), (7, 8), streak=14, wobble=0.5, body=0.8, **KNIFE)
    for k, depth in enumerate((0.05, 0.09, 0.15, 0.25, 0.40)):
        for side in (-1, 1):
            trunk(rng, c, depth, 0.5 + 0.11 * k, side)

    # Foliage over the limbs from broad to small, then the ground's gleams and fallen leaves.
    crown = ~ground & (r > 0.10 + 0.05 * clump) & (y < vy - 0.02 + 0.10 * clump)
    loose = crown & (noise(rng, x, y, 10, 3) > -0.25)
    rich = mix(target, np.clip(target * 1.25, 0, 1), smoothstep(0.2, 0.9, noise(rng, x, y, 14, 2)))
    bright, gleam = np.clip(rich * 1.15 + 0.05, 0, 1), np.clip(target * 1.3 + 0.08, 0, 1)
    fallen = ramp(0.5 + 0.4 * noise(rng, x, y, 60, 1), "b8201a f0641a fbb02a ffe07a")
    strewn = ground & (noise(rng, x, 2.5 * y, 9, 2) > 0.1 - verge)
    layer(rng, c, target, angle, (0.016, 0.028, 0.018), (8, 9), where=loose, wobble=0.8, streak=14, body=1.1, **KNIFE)
    layer(rng, c, rich, angle, (0.0125, 0.019, 0.011), (9, 10), where=loose, wobble=1.0, streak=14, body=1.3, **KNIFE)
    layer(rng, c, bright, angle, (0.016, 0.012, 0.0075), (9, 12), where=crown, wobble=1.2, streak=14, body=1.7, **KNIFE)
    level = 0.12 * patch
    layer(rng, c, target, level, (0.014, 0.045, 0.010), (8, 8), where=ground, wobble=0.06, streak=16, body=1.0, **KNIFE)
    layer(rng, c, gleam, level, (0.022, 0.040, 0.006), (8, 8), where=ground, wobble=0.06, streak=16, body=1.3, **KNIFE)
    layer(rng, c, fallen, level, (0.022, 0.014, 0.008), (6, 8), where=strewn, wobble=0.8, streak=14, body=1.7, **KNIFE)
    c.light(2.0, gloss=0.14)
    return c.finish(0.3)
