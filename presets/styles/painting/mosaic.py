"""`mosaic`: a peacock in stone and gold glass, cubes laid in rows along every contour."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage import draw, feature, measure

from .brush import Array, Canvas, Rng, f32, jitter, mix, noise, ramp, rgb, smoothstep

CENTRE = 0.45, 0.70
CUBE = 0.0112  # a tessera's side
EYES = ((0.463, 15, 0.047, 0.12), (0.360, 13, 0.041, -0.02), (0.262, 10, 0.034, 0.12), (0.180, 7, 0.027, -0.02))
EYE_CODES = (
    "120a38 2a1a8a 2a6ad8 7ad8d0 c87a2a f0c040 fff0a0 1f6a4a",
    "0c1040 1a1f7a 20a8c8 5ad0c0 b86a1f e8a83a f5e08a 3a7a3a",
)


class Cartoon:
    """The design: for every pixel its region, its colour, and a guide whose level lines the cubes will follow."""

    def __init__(self, c: Canvas, colours: Array, guide: Array) -> None:
        self.x, self.y, self.px = c.x, c.y, c.px
        self.region = np.zeros(c.x.shape, np.int32)
        self.colours, self.guide = colours, guide

    def lay(self, mask: Array, colours: Array, guide: Array) -> None:
        self.region[mask] = self.region.max() + 1
        self.colours = np.where(mask[..., None], colours, self.colours)
        self.guide = np.where(mask, guide, self.guide)


def tail(rng: Rng, d: Cartoon) -> None:
    """A fan of barbs, green to violet, hemmed in turquoise, set with eyes; stars on the gold above it."""
    x, y, (cx, cy) = d.x, d.y, CENTRE
    r, theta = np.hypot(x - cx, y - cy), np.arctan2(y - cy, x - cx)
    for px, py, size in (
        (0.12, 0.14, 0.05),
        (0.78, 0.14, 0.05),
        (0.45, 0.115, 0.042),
        (0.28, 0.105, 0.03),
        (0.62, 0.105, 0.03),
    ):
        s, a = np.hypot(x - px, y - py), np.arctan2(y - py, x - px)
        d.lay(s < size * (0.8 + 0.2 * np.cos(6 * a)), ramp(s / size, "fff6e0 c8281f 8a1220 f0e0c0 1f4a9a"), s)
    fan = (r < 0.545 + 0.012 * np.cos(24 * theta)) & (y < cy + 0.10 + 0.3 * np.abs(x - cx))
    stripe = 0.5 + 0.4 * np.sin(24 * theta + 16 * r) + 0.15 * noise(rng, x, y, 9, 2)
    barbs = mix(ramp(stripe, "0f3a4a 1a6a5a 2f9a6a 7ac05a c8c84a"), rgb("2a4aa8"), smoothstep(0.30, 0.12, r))
    d.lay(fan, barbs, 0.35 * r + 0.06 * np.abs((theta * 24 / (2 * np.pi)) % 1 - 0.5))
    d.lay(fan & (r > 0.515), ramp(0.5 + 0.5 * np.sin(48 * theta), "f5d060 1f9aa8 123a8a"), r)
    for k, (radius, count, size, over) in enumerate(EYES):
        for a in np.linspace(-np.pi - over, over, count):
            u, v = (x - cx) * np.cos(a) + (y - cy) * np.sin(a) - radius, (y - cy) * np.cos(a) - (x - cx) * np.sin(a)
            s = np.hypot(u * 0.85, v)
            d.lay(s < size, ramp(s / size, EYE_CODES[(k + round(a * 9)) % 2]), s)


def bird(rng: Rng, d: Cartoon) -> Array:
    """Body, neck and head in one drop with a white outline, breast scales, eye, beak and crest; its mask (h, w)."""
    x, y, cx = d.x, d.y, CENTRE[0]
    body = np.hypot((x - cx) / 0.105, (y - 0.80) / 0.155) < 1
    neck = np.abs(x - cx - 0.022 * np.sin(16 * (y - 0.45))) < 0.027 + 0.085 * smoothstep(0.55, 0.80, y)
    mask = body | (neck & (y > 0.46) & (y < 0.80)) | (np.hypot((x - cx - 0.006) / 0.042, (y - 0.455) / 0.038) < 1)
    inner, outer = (f32(ndimage.distance_transform_edt(m)) / d.px for m in (mask, ~mask))
    d.lay(outer < 0.011, np.broadcast_to(rgb("f6ead0"), d.colours.shape), outer)
    d.lay(mask, ramp(0.2 + 9 * inner + 0.12 * noise(rng, x, y, 14, 2), "0a1450 123aa0 1f6ae0 4ab0f0 a8e0f8"), inner)
    scales = np.abs(((y - 0.86) + 0.02 * np.cos(60 * (x - cx))) % 0.03 - 0.015) / 0.015
    breast = np.hypot((x - cx) / 0.07, (y - 0.86) / 0.085)
    d.lay(breast < 1, ramp(scales, "f5c84a d86a2a 8a2a5a 1f7a7a"), breast * 0.075)
    eye = np.hypot(x - cx - 0.010, y - 0.447)
    d.lay(eye < 0.023, ramp(eye / 0.021, "0a0a10 0a0a10 f8f0e0 f8f0e0"), eye)
    beak = np.abs(y - 0.462 - 0.35 * (x - cx - 0.04)) < 0.34 * (0.112 - (x - cx))
    d.lay(beak & (x > cx + 0.040) & (x < cx + 0.112), ramp(40 * (y - 0.45), "f8c850 e87a1f c8401f"), y - 0.35 * x)
    for k in range(5):  # the crest: five stems with a drop each
        a = -np.pi / 2 + 0.36 * (k - 2)
        u, v = (x - cx) * np.cos(a) + (y - 0.43) * np.sin(a), (y - 0.43) * np.cos(a) - (x - cx) * np.sin(a)
        d.lay((np.abs(v) < 0.006) & (u > 0.03) & (u < 0.09), np.broadcast_to(rgb("f5e08a"), d.colours.shape), v)
        drop = np.hypot(u - 0.096, v)
        d.lay(drop < 0.019, ramp(drop / 0.017, "1a3ab8 40e0e8 d0fff0"), drop)
    return mask


def frame(d: Cartoon, above: Array) -> None:
    """A strip of grass behind the bird, and a border of red and blue teeth."""
    x, y = d.x, d.y
    blades = 0.5 + 0.5 * np.sin(60 * x + 9 * np.sin(20 * y))
    hill = y - 0.012 * np.sin(14 * x)
    d.lay((hill > 0.90) & ~above, ramp(blades, "1f4a2a 3a8a3a 8ab83a d8c84a"), hill)
    across, down = np.minimum(x, 0.9 - x), np.minimum(y, 1 - y)
    inset, along = np.minimum(across, down), np.where(across < down, y, x)
    teeth = np.abs((along / 0.05) % 1 - 0.5) * 2 > (inset - 0.012) / 0.028
    d.lay(inset < 0.066, np.broadcast_to(rgb("f2e4c4"), d.colours.shape), inset)
    d.lay(inset < 0.052, np.where(teeth[..., None], rgb("a81f1f"), rgb("1f3f8a")), inset)
    d.lay(inset < 0.013, np.broadcast_to(rgb("e0b048"), d.colours.shape), inset)


class Bed:
    """Wet plaster that takes cubes: every pixel's cube (0 where there is none) and the cubes' middles in pixels."""

    def __init__(self, rng: Rng, shape: tuple[int, ...]) -> None:
        self.rng, self.cube, self.middles = rng, np.zeros(shape, np.int32), [(0.0, 0.0)]

    def set(self, row: float, col: float, angle: float, side: float, free: float) -> None:
        """Set a cube, trimmed to what its neighbours leave, if at least the share `free` of it finds room."""
        corners = np.array([(-1, -1), (-1, 1), (1, 1), (1, -1)]) * side / 2 + self.rng.normal(0, 0.05 * side, (4, 2))
        co, si = np.cos(angle), np.sin(angle)
        rows = row + corners[:, 0] * co + corners[:, 1] * si
        rr, cc = draw.polygon(rows, col - corners[:, 0] * si + corners[:, 1] * co, self.cube.shape)
        empty = self.cube[rr, cc] == 0
        if len(rr) and empty.mean() > free:
            self.cube[rr[empty], cc[empty]] = len(self.middles)
            self.middles.append((row, col))


def follow(bed: Bed, level: Array, origin: tuple[int, int], step: float, slope: float) -> None:
    """Walk level lines of a guide (nan outside its region), `step` pixels apart by its slope, a cube each `step`."""
    for value in np.arange(np.nanmax(level) - 0.5 * step * slope, np.nanmin(level), -step * slope):
        for line in measure.find_contours(level, value):
            pace = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
            count = max(1, round(pace[-1] / step))
            marks = (np.arange(count) + 0.5) * pace[-1] / count
            rows, cols, r1, c1, r0, c0 = (np.interp(marks + by, pace, line[:, k]) for by in (0, 1, -1) for k in (0, 1))
            angle = np.arctan2(r1 - r0, c1 - c0)
            for row, col, turn in zip(rows + origin[0], cols + origin[1], angle, strict=True):
                bed.set(row, col, turn, 0.98 * step, 0.68)


def tessellate(rng: Rng, d: Cartoon) -> Bed:
    """Cubes along each region's guide, larger in the background, smaller in small regions; then chips in the gaps."""
    bed, side, steep = Bed(rng, d.region.shape), CUBE * d.px, np.hypot(*np.gradient(d.guide))
    for k in range(d.region.max() + 1):
        here = d.region == k
        if here.sum() < 4:  # covered by later regions, or too small to be drawn at this size
            continue
        box = ndimage.find_objects(here.astype(np.int32))[0]
        level = np.pad(np.where(here, d.guide, np.nan)[box], 1, constant_values=np.nan)  # the thinnest is 3 pixels
        step = side * 1.08 * (1.13 if k == 0 else 1.0 if here.mean() > 0.012 else 0.78)
        follow(bed, level, (box[0].start - 1, box[1].start - 1), step, float(np.median(steep[here])))
    for share in (0.31, 0.21, 0.15):
        room = ndimage.distance_transform_edt(bed.cube == 0)
        for row, col in feature.peak_local_max(room, max(1, int(0.3 * side)), share * side):
            bed.set(row, col, rng.uniform(0, np.pi), 1.9 * room[row, col], 0.6)
    return bed


def mosaic(long_side: int, rng: Rng) -> Image.Image:
    """A peacock spreading its tail before gold: stone and glass cubes laid in rows along every contour."""
    c = Canvas(long_side, 0.9, 1.0, "4a4038")
    x, y = c.x, c.y
    gold = ramp(0.5 + 0.25 * noise(rng, x, y, 5, 3), "8a5a1a c8902a e8b83a f5d878")
    d = Cartoon(c, gold, np.hypot(x - CENTRE[0], y - CENTRE[1]))
    tail(rng, d)
    frame(d, bird(rng, d))
    bed = tessellate(rng.spawn(1)[0], d)

    # Every cube has its colour, its tilt to the light and its streaks; gold leaf flashes or stays dull.
    cube, n = bed.cube, len(bed.middles)
    rows, cols = np.array(bed.middles).T.astype(int).clip(0, np.array(cube.shape)[:, None] - 1)
    inks = jitter(rng, d.colours[rows, cols], 6.5, 6)
    golden = (inks[:, 0] > 0.5) & (inks[:, 0] - inks[:, 2] > 0.28) & (inks[:, 1] > 0.4)
    flash = rng.choice([0.62, 0.85, 1.0, 1.2, 1.45], n, p=[0.15, 0.25, 0.3, 0.2, 0.1])
    flash = np.where(golden, flash, rng.normal(1, 0.07, n))
    tilt = f32(rng.normal(0, 1, (2, n)))
    tilted = (tilt[0][cube] * (x * c.px - cols[cube]) + tilt[1][cube] * (y * c.px - rows[cube])) / (CUBE * c.px)
    veins = 0.05 * noise(rng, x, y, 150, 2) + 0.05 * noise(rng, x + cube % 31, 3 * y, 40, 2)
    stone = np.clip(1.12 * inks + 0.02, 0, 1)[cube] * (flash[cube] * (1 + 0.16 * tilted + veins))[..., None]
    depth = f32(ndimage.distance_transform_edt((cube > 0) & (ndimage.morphological_gradient(cube, 3) == 0))) / c.px
    grout = ramp(0.5 + 0.2 * noise(rng, x, y, 90, 3), "1c1612 3c322a 6a5c4c")
    c.rgb = mix(np.clip(stone, 0, 1.15), grout, smoothstep(0.0012, 0.0003, depth))
    c.relief = (
        2.2 * np.sqrt(np.clip(depth / 0.0035, 0, 1)) + 0.5 * tilted * (depth > 0) + 0.12 * noise(rng, x, y, 170, 3)
    )
    c.light(1.0, gloss=0.22)
    return c.finish(0.3)
