"""`woodcut_wave`: breakers before a low sun, cut in lines and printed from wooden blocks."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from .block import Block, curve
from .brush import Array, Canvas, Rng, f32, grain, mix, noise, ramp, smoothstep

PAPER, KEY = "f1ead6", "0f2552"
BACK = [(1.3, 0.8), (1.12, 0.36), (0.98, 0.16), (0.82, 0.055), (0.66, 0.045), (0.53, 0.10), (0.45, 0.20)]
FRONT = [(0.12, 0.8), (0.30, 0.66), (0.47, 0.57), (0.60, 0.45), (0.645, 0.33), (0.60, 0.235), (0.47, 0.215)]
WATER = ("2f6ea5", "0f2552", "7db3c4", "1f5f86", "4b8fb8", "b9d3c6")
CLOUDS = ("f3ead2", "e9c79c", "f3ead2", "2b5a8c", "f3ead2", "c9603f", "8fb6c4")


def claw(rng: Rng, x: float, y: float, angle: float, length: float, curl: float, depth: int = 2) -> list[Array]:
    """Foam's claw as discs (n, 3: x, y, radius): a tapering hook that splits `depth` times into smaller ones."""
    t = np.linspace(0, 1, 22)
    turn = angle + curl * t**1.4
    px, py = x + np.cumsum(np.cos(turn)) * length / 22, y + np.cumsum(np.sin(turn)) * length / 22
    radius = length * (0.085 * (1 - t) ** 0.7 + 0.03) * (0.5 + 3.5 * t).clip(0, 1)
    hooks = [f32(np.stack([px, py, radius], 1))]
    if depth:
        for k, side in ((5, -1), (8, 1), (11, -1), (14, 1), (17, -1)):
            size = length * rng.uniform(0.38, 0.55) * (1 - 0.35 * k / 22)
            swing = turn[k] + side * rng.uniform(0.5, 0.9)
            hooks += claw(rng, px[k], py[k], swing, size, curl * rng.uniform(0.5, 1.3), depth - 1)
    return hooks


class Breaker:
    """One breaking wave: crest to the left (or right if `flip`), its foot at point `at`, drawn on a block."""

    def __init__(self, rng: Rng, block: Block, at: tuple[float, float], scale: float, flip: bool) -> None:
        self.rng, self.block, self.at, self.scale, self.flip = rng, block, at, scale, flip
        self.back, self.front = curve(BACK), curve(FRONT)
        self.u = np.linspace(0, 1, len(self.back), dtype=np.float32)
        self.sway = 0.006 * noise(rng, self.u, 0, 3, 2)
        self.edge = 0.0022 * max(scale, 0.6)

    def place(self, points: Array) -> Array:
        return f32(
            (points - f32((0.18, 0.66))) * f32((-self.scale if self.flip else self.scale, self.scale)) + f32(self.at)
        )

    def band(self, v: float, thick: float, start: float, stop: float, ink: str) -> None:
        """A swelling band from u = start (foot) to stop (crest), at v between the front (0) and the back (1)."""
        part = (self.u >= start) & (self.u <= stop)
        u = self.u[part]
        half = 0.5 * thick * np.sin(np.pi * np.clip((u - start) / (stop - start), 0, 1)).clip(0) ** 0.6
        half = half * (1 + 0.3 * noise(self.rng, u, v, 8, 2))
        middle = v + self.sway[part]
        sides = [mix(self.front[part], self.back[part], k) for k in (middle - half, middle + half)]
        self.block.polygon(self.place(np.concatenate([sides[0], sides[1][::-1]])), ink)

    def body(self, lines: int) -> None:
        rng = self.rng
        self.block.polygon(self.place(np.concatenate([self.back, self.front[::-1]])), "1c3f78")
        for k in range(lines // 3):  # the colour blocks' broad bands
            v, start = (k + rng.uniform(0.2, 0.8)) / (lines // 3), rng.uniform(-0.1, 0.3)
            self.band(v, rng.uniform(0.035, 0.07), start, rng.uniform(0.85, 1.1), WATER[k % 6])
        for k in range(lines):  # the key block's lines
            self.band((k + 0.5) / lines, 0.005 + 0.004 * (k % 3), rng.uniform(-0.2, 0.2), 1.05, "0a1738")
        for k in range(lines):  # cuts that leave the paper bare
            start = rng.uniform(-0.05, 0.75)
            self.band(k / lines, 0.007 + 0.004 * (k % 2), start, start + rng.uniform(0.12, 0.4), "ece4cd")
        self.block.line(self.place(self.back), 0.003 * self.scale, "0a1738")
        self.block.line(self.place(self.front), 0.004 * self.scale, "0a1738")

    def foam(self) -> None:
        """Spray before the wave, scallops along its crest, claws that hang from the lip."""
        rng, block, scale = self.rng, self.block, self.scale
        spray = np.stack([rng.normal(0.36, 0.13, 260), rng.normal(0.30, 0.15, 260)], 1)
        block.discs(self.place(spray), (rng.exponential(0.0018, 260) + 0.001) * scale**0.5, PAPER)
        crest = np.concatenate([self.back[92:], self.front[188:][::-1]])
        for depth, size, line in ((0.0, 0.019, KEY), (0.018, 0.017, "5f93b4")):
            spots = (
                crest[np.linspace(0, len(crest) - 1, 60).astype(int)] + f32((0, depth)) + rng.normal(0, 0.004, (60, 2))
            )
            radius = size * scale * rng.uniform(0.5, 1.15, 60)
            for k in rng.permutation(60):
                spot, r = self.place(spots[k : k + 1]), radius[k]
                block.discs(spot, r + self.edge, line)
                block.discs(spot, r, PAPER)
                block.discs(spot + f32((0.1 * r, 0.2 * r)), 0.72 * r, "b7d0d0")
                block.discs(spot - f32((0.05 * r, 0.04 * r)), 0.72 * r, PAPER)
        claws = []
        for k in np.linspace(0.46, 0.90, 20):  # under the lip
            x, y = self.back[int(k * 199)] + f32((0, 0.015))
            claws.append(claw(rng, x, y, 2.0 + 0.7 * k + rng.normal(0, 0.15), rng.uniform(0.09, 0.15), 1.0))
        for k in np.linspace(0.62, 1.0, 15):  # over the top
            x, y = self.back[int(k * 199)] + f32((0.01, 0.01))
            claws.append(claw(rng, x, y, 3.5 - 1.3 * k + rng.normal(0, 0.2), rng.uniform(0.10, 0.17), -1.5))
        for k in rng.permutation(len(claws)):
            discs = np.concatenate(claws[k])
            spots, radius = self.place(discs[:, :2]), discs[:, 2] * scale
            block.discs(spots, radius + self.edge, KEY)
            block.discs(spots, radius, PAPER)
            for hook in claws[k][:7]:  # a vein in the shade of the larger hooks
                vein = self.place(hook[3:18, :2]) + f32((0.0015, 0.001))
                block.line(vein, hook[3:18, 2] * scale * 0.28, "8fb6c4")


def evening(rng: Rng, block: Block) -> None:
    """The sun and its cuts, bundles of cloud lines, the far coast and the sea in rows of small waves."""
    t = np.linspace(0, 1, 80, dtype=np.float32)
    taper = np.sin(np.pi * t).clip(0) ** 0.6
    sx, sy, sr = 0.29, 0.30, 0.125
    block.discs([(sx, sy)], sr, "c8331f")
    for k in range(16):
        h = 0.009 * k - 0.02
        reach = np.sqrt(max(sr**2 - h**2, 0)) * rng.uniform(0.75, 1.0)
        cut = np.stack([sx + rng.normal(0, 0.01) + reach * (2 * t - 1), sy + h + 0.001 * np.sin(30 * t + k)], 1)
        block.line(cut, (0.0004 + 0.00012 * k) * taper, "f0b98a")
    for k in range(150):
        bundle = k // 10
        x0, length = (0.61 * bundle) % 1.1 - 0.35, rng.uniform(0.25, 0.75)
        y0 = 0.02 + 0.030 * bundle * (0.8 if bundle % 2 else 1) + 0.0042 * (k % 10) + rng.normal(0, 0.0006)
        x = x0 + length * t
        cloud = np.stack([x + rng.normal(0, 0.06), y0 + 0.007 * np.sin(7 * x + bundle)], 1)
        block.line(cloud, rng.uniform(0.0005, 0.0021) * taper, CLOUDS[(bundle + k // 3) % 7])
    coast = np.stack([t, 0.43 - 0.03 * np.abs(noise(rng, t, 0, 4, 4))], 1)
    block.polygon([*coast.tolist(), (1, 0.6), (0, 0.6)], "31507c")
    for row in range(26):
        y = 0.435 + 0.012 * row + 0.003 * np.sin(70 * t + 2.3 * row) + 0.004 * noise(rng, t, row, 6, 2)
        swell = np.stack([t * 1.1 - 0.05, y], 1)
        block.polygon([*swell.tolist(), (1.1, 0.8), (-0.1, 0.8)], ("2f6ea5", "1c3f78", "4b8fb8", "163468")[row % 4])
        block.line(swell, 0.0014, "e9dfc4")


def press(rng: Rng, c: Canvas, inks: Array) -> None:
    """Print flat inks (h, w, 3) on the canvas's paper: hand-cut edges, the block's grain, ink that did not take."""
    x, y = c.x, c.y
    sway = np.stack([0.0009 * c.px * noise(rng, x, y, 60, 3) for _ in range(2)])
    at = np.stack(np.meshgrid(*map(np.arange, x.shape), indexing="ij")) + sway
    inks = np.stack([ndimage.map_coordinates(inks[..., k], at, order=1, mode="nearest") for k in range(3)], -1)
    rings = np.sin(2 * np.pi * (34 * y + 1.6 * noise(rng, 0.5 * x, 2 * y, 2, 3) + 5 * (y - 0.3) * (x - 0.6) ** 2))
    wood = 0.5 * smoothstep(0.2, 1.0, rings) + 0.30 * grain(rng, x, y, 0.12, 0.0016) + 0.25 * noise(rng, x, y, 30, 3)
    bare = smoothstep(1.9, 2.6, noise(rng, x, y, 330, 2) + 0.5 * wood)
    fibre = np.maximum(grain(rng, x, y, 0.02, 0.0009, 0.5), grain(rng, x, y, 0.02, 0.0009, 2.3))
    rough = noise(rng, x, y, 160, 3)
    paper = c.rgb * (1 + 0.025 * rough - 0.10 * smoothstep(1.5, 2.4, fibre))[..., None]
    density = np.clip(1 - 0.20 * np.clip(wood, -0.5, 2) - 0.75 * bare, 0, 1)
    dark = 1 - inks.mean(-1)
    c.rgb = mix(paper, inks, density) * (1 - 0.05 * wood * dark)[..., None]
    c.relief = 0.6 * ndimage.gaussian_filter(1 - dark, c.px / 1280) + 0.10 * rough - 0.12 * wood * dark
    c.light(0.9)


def woodcut_wave(long_side: int, rng: Rng) -> Image.Image:
    """A breaker before a low red sun, printed from carved blocks in indigo, blues, coral and ochre on rough paper."""
    c = Canvas(long_side, 1.0, 0.72, "efe6d0", oversample=3)
    paper = c.rgb
    fade = c.y / 0.5 + 0.05 * noise(rng, c.x, 6 * c.y, 3, 3)
    c.rgb = ramp(fade, "1d4478 3f7ba3 9dbfbb e9d9b4 f0b98a e58a62")
    block = Block(c)
    evening(rng, block)
    for at, scale, flip, lines in (
        ((0.62, 0.56), 0.34, True, 26),
        ((0.22, 0.68), 1.0, False, 46),
        ((0.62, 0.80), 0.55, True, 34),
    ):
        wave = Breaker(rng, block, at, scale, flip)
        wave.body(lines)
        wave.foam()
    c.rgb = paper
    press(rng, c, block.pixels())
    return c.finish(0.3)
