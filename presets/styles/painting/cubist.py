"""`cubist`: a still life broken into shaded, hatched planes that each see it from elsewhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from .block import Block
from .brush import Array, Canvas, Rng, f32, jitter, layer, mix, noise, ramp, rgb, smoothstep


def facets(rng: Rng, c: Canvas, count: int, angles: tuple[float, ...]) -> NDArray[np.int32]:
    """Numbers (h, w) of `count` planes: the largest is split again and again by a line in one of the directions."""
    plane = np.zeros(c.x.shape, np.int32)
    for k in range(1, count):
        largest = plane == np.bincount(plane.ravel()).argmax()
        x, y = c.x[largest], c.y[largest]
        mx, my = x.mean() + rng.normal(0, 0.02), y.mean() + rng.normal(0, 0.02)
        # Of three lines the one along the shorter extent splits, or the planes would turn into splinters.
        tries = rng.choice(angles, 3) + rng.normal(0, 0.12, 3)
        a = tries[np.argmin([np.std((x - mx) * np.cos(a) + (y - my) * np.sin(a)) for a in tries])]
        bend = rng.normal(0, 2) if rng.uniform() < 0.35 else 0.0
        u, v = (c.x - mx) * np.cos(a) + (c.y - my) * np.sin(a), (c.y - my) * np.cos(a) - (c.x - mx) * np.sin(a)
        plane[largest & (v + bend * u * u > 0)] = k
    return plane


def still_life(c: Canvas) -> Array:
    """The motif (h, w, 3): a guitar, a bottle, a glass, music and fruit on a table, in flat earths and blues."""
    block = Block(c)
    dark, wood, cream = "3a2416", "d09a48", "efe0b4"

    def rule(x0: float, y0: float, x1: float, y1: float, half: float, ink: str) -> None:
        block.line(np.linspace((x0, y0), (x1, y1), 12), half, ink)

    block.oval(0.40, 0.78, 0.42, 0.20, "6a3f22", -0.1)
    block.oval(0.40, 0.77, 0.39, 0.18, "a9683a", -0.1)
    block.polygon([(0.05, 0.72), (0.42, 0.62), (0.52, 0.86), (0.12, 0.97)], "e9dcbc")
    for k in range(20):  # five staves of four lines
        x, y = 0.012 * (k // 4), 0.745 + 0.05 * (k // 4) + 0.007 * (k % 4)
        rule(0.09 + x, y, 0.43 + 1.3 * x, y - 0.10, 0.0012, "3a2f28")
    # The bottle, its lit side, its label with a red seal.
    side = [(0.595, 0.36), (0.54, 0.44), (0.54, 0.80)]
    block.polygon([(0.60, 0.20), *side, (0.72, 0.80), (0.72, 0.44), (0.665, 0.36), (0.66, 0.20)], "21465a")
    block.polygon([(0.60, 0.20), *side, (0.58, 0.80), (0.58, 0.46), (0.625, 0.38), (0.625, 0.20)], "5f93a4")
    block.polygon([(0.54, 0.56), (0.72, 0.53), (0.72, 0.67), (0.54, 0.70)], cream)
    block.oval(0.63, 0.62, 0.045, 0.045, "b23c26")
    # The guitar: two bouts and a waist, sound hole, neck, frets, strings.
    for rim, ink in ((0.01, dark), (0.0, wood)):
        for x, y, size in ((0.27, 0.56, 0.145), (0.40, 0.36, 0.105)):
            block.oval(x, y, size + rim, 0.95 * (size + rim), ink)
    block.oval(0.335, 0.46, 0.09, 0.075, wood, 2.1)
    block.oval(0.22, 0.60, 0.09, 0.11, "b87830", 0.5)
    block.oval(0.345, 0.445, 0.054, 0.054, "f2e2b4")
    block.oval(0.345, 0.445, 0.044, 0.044, "1e1713")
    rule(0.345, 0.445, 0.56, 0.08, 0.024, "4a2a18")
    rule(0.55, 0.10, 0.60, 0.01, 0.034, "2a1a12")
    for k in range(9):
        rule(0.375 + 0.021 * k, 0.36 - 0.036 * k, 0.415 + 0.021 * k, 0.385 - 0.036 * k, 0.0016, "d8c48c")
    for k in range(6):
        off = 0.007 * (k - 2.5)
        rule(0.22 + off, 0.65 + 0.6 * off, 0.565 + off, 0.06 + 0.6 * off, 0.0013, "f6ecd2")
    rule(0.165, 0.63, 0.265, 0.69, 0.010, "2a1a12")
    for x, y, ink in ((0.57, 0.86, "c96a24"), (0.66, 0.89, "d99a2e"), (0.615, 0.83, "8a9a3e")):  # fruit
        block.oval(x, y, 0.06, 0.058, dark)
        block.oval(x, y, 0.053, 0.051, ink)
        block.oval(x - 0.018, y - 0.018, 0.017, 0.012, "f5e2a8", -0.6)
    bowl, stem = (
        [(0.06, 0.40), (0.20, 0.40), (0.165, 0.56)],
        [(0.145, 0.57), (0.14, 0.68), (0.115, 0.68), (0.115, 0.57)],
    )
    block.polygon([*bowl, *stem, (0.095, 0.56)], "b9ccc8")
    block.oval(0.13, 0.40, 0.07, 0.022, "e8efe4")
    block.oval(0.13, 0.405, 0.055, 0.014, "7fa3ac")
    return block.pixels()


def refract(rng: Rng, c: Canvas, motif: Array, plane: NDArray[np.int32]) -> tuple[Array, Array, Array]:
    """Each plane's own view of the motif (h, w, 3), the same tinted and shaded, and the planes' tilts (n,)."""
    n, size = plane.max() + 1, np.bincount(plane.ravel())
    mx, my = (np.bincount(plane.ravel(), at.ravel()) / size for at in (c.x, c.y))
    turn, zoom, shift = rng.normal(0, 0.10, n)[plane], rng.uniform(0.88, 1.10, n)[plane], rng.normal(0, 0.010, (2, n))
    dx, dy = c.x - mx[plane], c.y - my[plane]
    u = zoom * (np.cos(turn) * dx - np.sin(turn) * dy)
    v = zoom * (np.sin(turn) * dx + np.cos(turn) * dy)
    view = motif[c.index(u + (mx + shift[0])[plane], v + (my + shift[1])[plane])]
    tint = ramp(rng.uniform(size=n), "e8d8ac d0a052 a8743a 6e4a30 8d8c84 b4b8b0 6f93a6 3d6482 1f3a54")
    target = mix(view, jitter(rng, tint, 5, 4)[plane], rng.choice([0.0, 0.1, 0.2, 0.45], n)[plane])
    tilt = rng.uniform(0, 2 * np.pi, n)
    fall = (np.cos(tilt)[plane] * dx + np.sin(tilt)[plane] * dy) / np.sqrt(size / c.px**2)[plane]
    target = mix(target, rgb("fbf1da"), 0.75 * smoothstep(0.1, 0.75, fall))
    return view, mix(target, rgb("17151d"), 0.75 * smoothstep(-0.1, -0.75, fall)), tilt


def paste(rng: Rng, c: Canvas, target: Array, hatch: Array, kind: NDArray[np.int64]) -> None:
    """Planes of false wood (kind 0), dots (1) and broken rules (2), as if pasted or combed."""
    u, v = np.cos(hatch) * c.x + np.sin(hatch) * c.y, np.cos(hatch) * c.y - np.sin(hatch) * c.x
    wood = smoothstep(0.3, 0.9, np.sin(420 * (v + 0.012 * noise(rng, 0.35 * u, v, 9, 3))))
    c.lay(target * 0.5, 0.75 * wood * (kind == 0))
    spots = (np.hypot((u * 62) % 1 - 0.5, (v * 62) % 1 - 0.5) < 0.27) & (kind == 1)
    c.lay(rgb("f4e6c2"), 0.9 * spots)
    c.relief += 0.8 * spots
    rules = smoothstep(0.75, 0.95, np.sin(330 * v)) * (noise(rng, 5 * u, np.floor(v * 52.5), 9, 1) > -0.5)
    c.lay(rgb("2a2420"), 0.7 * rules * (kind == 2))


def cubist(long_side: int, rng: Rng) -> Image.Image:
    """A guitar, a bottle and fruit seen from many sides at once, in shaded planes of ochre, grey and blue."""
    c = Canvas(long_side, 0.8, 1.0, "7a6a50")
    x, y = c.x, c.y
    c.rgb = ramp(
        0.5 + 0.9 * (x - 0.4) - 0.5 * (y - 0.5) + 0.2 * noise(rng, x, y, 3, 3), "9a8a6a 8d8c84 6f828a 4a6a82 2c4a66"
    )
    plane = facets(rng, c, 64, (0.55, 2.1, 1.57, -0.5, 1.05, 2.65))
    n = plane.max() + 1
    view, target, tilt = refract(rng, c, still_life(c), plane)

    hatch = (tilt + np.pi / 2 + rng.choice([0, 0.6, -0.6], n))[plane]
    layer(rng, c, target, hatch, (0.017, 0.07, 0.022), (4, 3), within=plane, dry=0.2, body=0.5)
    layer(rng, c, target, hatch, (0.0085, 0.030, 0.009), (6, 4), within=plane, wobble=0.06, dry=0.35, body=0.8)
    c.lay(target, 0.30)  # the motif's fine lines, which the strokes have swallowed
    drawn = ndimage.gaussian_gradient_magnitude(view.mean(-1), 0.0011 * c.px) * c.px
    seam = ndimage.morphological_gradient(plane, 3) > 0
    drawn *= ~ndimage.binary_dilation(seam, iterations=2)
    c.lay(rgb("1d171a"), 0.75 * smoothstep(25, 90, drawn) * smoothstep(-1.2, 0.4, noise(rng, x, y, 9, 3)))
    paste(rng, c, target, hatch, rng.choice(6, n, p=[0.15, 0.05, 0.09, 0.21, 0.25, 0.25])[plane])

    # Contours: dark where planes part, with a light rim, both broken as by a drying brush.
    edge = f32(ndimage.distance_transform_edt(~seam)) / c.px
    ragged = edge * (1 + 0.2 * noise(rng, x, y, 60, 2)).clip(0.6)
    c.lay(rgb("fbf0d6"), 0.7 * smoothstep(0.0065, 0.004, edge) * smoothstep(0.0, 0.9, noise(rng, x, y, 6, 3)))
    c.lay(rgb("191519"), 0.9 * smoothstep(0.0032, 0.0016, ragged) * smoothstep(-0.9, 0.5, noise(rng, x, y, 7, 3)))
    layer(rng, c, target, hatch, (0.017, 0.03, 0.0075), (9, 5), within=plane, wobble=0.12, dry=0.6, body=1.2)
    c.lay(rgb("3a2c1c"), 0.16 * smoothstep(0.3, 2.0, noise(rng, x, y, 9, 4)))
    weave = np.sin(2 * np.pi * 190 * x) + np.sin(2 * np.pi * 190 * y)
    c.relief += 0.03 * weave + 0.12 * noise(rng, x, y, 150, 2)
    c.light(1.7, gloss=0.06)
    return c.finish(0.35)
