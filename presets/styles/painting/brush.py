"""The painter's tools: noise, colour ramps, a canvas with paint relief, brush strokes, dabs and light.

Every picture of this package composes with them. Lengths are fractions of a picture's long side, so a picture looks
the same at any size; colours are sRGB in [0, 1]; angles are radians, with y pointing down; `rng` carries the chance.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from scipy import ndimage
from skimage import color

Array = NDArray[Any]  # float32 colours, maps and points, or a boolean mask
Rng = np.random.Generator
LATTICE = 128
MIN_PIXELS = 700


def f32(values: ArrayLike) -> Array:
    return np.asarray(values, np.float32)


def noise(rng: Rng, x: ArrayLike, y: ArrayLike, freq: float, octaves: int = 4, gain: float = 0.5) -> Array:
    """Fractal noise at points (x, y), about N(0, 1); `freq` is the number of coarsest grains per long side."""
    x, y = np.broadcast_arrays(f32(x), f32(y))
    total, power = np.zeros(x.shape, np.float32), 0.0
    for octave in range(octaves):
        lattice = f32(rng.standard_normal((LATTICE, LATTICE)))
        off_x, off_y, turn = rng.uniform(0, (LATTICE, LATTICE, np.pi))
        f, c, s = freq * 2**octave, np.cos(turn), np.sin(turn)  # turned, or the octaves' lattices would show
        at = np.stack([f * (c * y + s * x) + off_y, f * (c * x - s * y) + off_x])
        total += gain**octave * ndimage.map_coordinates(lattice, at, order=3, mode="grid-wrap", prefilter=False)
        power += gain ** (2 * octave)
    return total / np.float32(0.48 * np.sqrt(power))  # 0.48: deviation of white noise under a cubic B-spline


def grain(rng: Rng, x: ArrayLike, y: ArrayLike, along: float, across: float, angle: float = 0.0) -> Array:
    """Streaky noise, about N(0, 1): grains are `along` long in direction `angle` and `across` wide."""
    x, y = f32(x), f32(y)
    c, s = np.cos(angle), np.sin(angle)
    return noise(rng, (c * x + s * y) / along, (c * y - s * x) / across, 1.0, 3, 0.6)


def smoothstep(low: ArrayLike, high: ArrayLike, value: ArrayLike) -> Array:
    """0 where value <= low, 1 where value >= high, a smooth S between (low > high turns it round)."""
    low, high, value = f32(low), f32(high), f32(value)
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def equalise(values: Array) -> Array:
    """The rank of every value in [0, 1], so that a ramp's colours get equal areas."""
    ranks = np.empty(values.size, np.float32)
    ranks[np.argsort(values, axis=None, kind="stable")] = np.linspace(0, 1, values.size, dtype=np.float32)
    return ranks.reshape(values.shape)


def rgb(code: str) -> Array:
    """(3,) sRGB of a hex code such as "1b3f8b"."""
    return f32([int(code[i : i + 2], 16) for i in (0, 2, 4)]) / 255


def ramp(t: ArrayLike, codes: str) -> Array:
    """Colours (..., 3) at t in [0, 1] along evenly spaced hex codes separated by blanks."""
    stops = np.stack([rgb(code) for code in codes.split()])
    at = np.clip(f32(t), 0, 1) * (len(stops) - 1)
    low = np.minimum(at.astype(np.int32), len(stops) - 2)
    part = (at - low)[..., None]
    return stops[low] * (1 - part) + stops[low + 1] * part


def mix(a: ArrayLike, b: ArrayLike, t: ArrayLike) -> Array:
    """Colours a where t = 0, b where t = 1; t lacks the colour axis."""
    part = f32(t)[..., None]
    return f32(a) * (1 - part) + f32(b) * part


def from_lab(lab: ArrayLike) -> Array:
    """sRGB of CIELAB colours, clipped to [0, 1]."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # colours outside sRGB are clipped, which is meant
        return f32(np.clip(color.lab2rgb(lab), 0, 1))


def jitter(rng: Rng, colours: Array, light: float, hue: float) -> Array:
    """Colours (n, 3) shifted at random in CIELAB: `light` is the deviation of L, `hue` that of a and b."""
    lab = color.rgb2lab(np.clip(colours, 0, 1))
    return from_lab(lab + rng.standard_normal(lab.shape) * np.array([light, hue, hue]))


class Canvas:
    """Paint of a picture `width` x `height` long sides: rgb (h, w, 3), relief (h, w), pixel centres x, y (h, w).

    It is painted `oversample` times larger than the picture that `finish` returns, and never smaller than `MIN_PIXELS`,
    where the thinnest lines still cover a pixel.
    """

    def __init__(self, long_side: int, width: float, height: float, ground: str, oversample: int = 2) -> None:
        oversample = max(oversample, -(-MIN_PIXELS // long_side))
        self.px = long_side * oversample
        self.size = round(long_side * width), round(long_side * height)
        w, h = self.size[0] * oversample, self.size[1] * oversample
        self.y, self.x = np.meshgrid((f32(range(h)) + 0.5) / self.px, (f32(range(w)) + 0.5) / self.px, indexing="ij")
        self.rgb: Array = np.ones((h, w, 3), np.float32) * rgb(ground)
        self.relief: Array = np.zeros((h, w), np.float32)
        self.width, self.height = width, height

    def index(self, x: Array, y: Array) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Row and column of the pixel under each point, clipped to the canvas."""
        rows = np.clip((y * self.px).astype(np.int32), 0, self.relief.shape[0] - 1)
        return rows, np.clip((x * self.px).astype(np.int32), 0, self.relief.shape[1] - 1)

    def flat(self, code: str) -> Array:
        """One colour (h, w, 3) all over."""
        return np.broadcast_to(rgb(code), self.rgb.shape)

    def lay(self, colours: Array, alpha: ArrayLike) -> None:
        """Glaze colours (h, w, 3) or (3,) over the whole canvas, as opaque as alpha (h, w) or a number."""
        self.rgb += (colours - self.rgb) * f32(alpha)[..., None]

    def light(self, strength: float, gloss: float = 0.0, angle: float = -2.2, soften: float = 0.6) -> None:
        """Shade the paint by its relief under a lamp in direction `angle`; `gloss` adds highlights on its crests."""
        scale = self.px / 1280
        relief = ndimage.gaussian_filter(self.relief, soften * scale)
        gy, gx = np.gradient(relief)
        slope = (gx * np.cos(angle) + gy * np.sin(angle)) * -strength * scale
        slope = np.tanh(slope)  # steep edges saturate as on real paint
        self.rgb *= (1 + np.where(slope < 0, 0.75, 0.45) * slope)[..., None]
        self.rgb += (gloss * smoothstep(0.35, 1.0, slope))[..., None]

    def finish(self, sharpen: float = 0.0) -> Image.Image:
        picture = Image.fromarray((np.clip(self.rgb, 0, 1) * 255 + 0.5).astype(np.uint8))
        picture = picture.resize(self.size, Image.Resampling.LANCZOS)
        if sharpen:
            small = f32(np.asarray(picture))
            small += sharpen * (small - ndimage.gaussian_filter(small, (1, 1, 0)))
            picture = Image.fromarray(np.clip(small + 0.5, 0, 255).astype(np.uint8))
        return picture


def scatter(rng: Rng, canvas: Canvas, spacing: float, where: Array | None = None) -> tuple[Array, Array]:
    """Points x, y (n,) on a shaken grid in random order, out to one spacing beyond the edge, inside mask `where`."""
    gx, gy = np.meshgrid(
        np.arange(-spacing / 2, canvas.width + spacing, spacing),
        np.arange(-spacing / 2, canvas.height + spacing, spacing),
    )
    at = np.stack([gx.ravel(), gy.ravel()]) + rng.uniform(-0.5, 0.5, (2, gx.size)) * spacing
    x, y = f32(at[:, rng.permutation(gx.size)])
    if where is not None:
        keep = where[canvas.index(x, y)] > 0.5
        x, y = x[keep], y[keep]
    return x, y


@cache
def bristles(rows: int = 512, columns: int = 1024) -> Array:
    """A brush's marks (rows across, columns along), uniform in [0, 1]: long streaks in bundles of hairs."""
    rng, marks = np.random.default_rng(0), np.zeros((rows, columns), np.float32)
    for across, along, weight in ((1.0, 60, 0.8), (3.0, 120, 0.9), (9.0, 160, 0.6), (0.8, 6, 0.25)):
        layer = ndimage.gaussian_filter(rng.standard_normal((rows, columns)), (across, along), mode="wrap")
        marks += f32(weight * layer / layer.std())
    return equalise(marks)


def trace(field: Callable[[Array, Array], Array], x: Array, y: Array, length: Array, nodes: int = 9) -> Array:
    """Paths (n, nodes, 2) of the given lengths along the angle field, with (x, y) in their middle."""
    half = nodes // 2
    path = np.empty((len(x), nodes, 2), np.float32)
    path[:, half] = np.stack([x, y], -1)
    for sign in (-1, 1):
        at = path[:, half].copy()
        for k in range(1, half + 1):
            angle = field(at[:, 0], at[:, 1])
            at = at + sign * (length / (nodes - 1))[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1)
            path[:, half + sign * k] = at
    return path


def smooth(path: Array, s: Array) -> tuple[Array, Array]:
    """Points (n, steps, 2) at `s` (steps,) in [0, 1] along paths (n, nodes, 2) rounded off, and the directions there."""
    nodes = path.shape[1]
    knot = s * (nodes - 1)
    low = np.minimum(knot.astype(np.int32), nodes - 2)
    straight = path[:, low] * (1 - (knot - low))[:, None] + path[:, low + 1] * (knot - low)[:, None]
    spline = ndimage.gaussian_filter1d(straight, len(s) / nodes / 2, axis=1, mode="nearest")
    along = np.gradient(spline, axis=1)
    along /= np.sqrt((along**2).sum(-1, keepdims=True)) + 1e-9
    return spline, along


def cover(mark: Array, ragged: Array, s: Array, t: Array, opacity: float, dry: float) -> Array:
    """How much paint (n, steps, lanes) hairs `mark` leave at `s` along and `t` across, their ends `ragged` (n, 1, lanes)."""
    ends = np.minimum(s[:, None] - 0.12 * ragged, 1 - 0.28 * ragged - s[:, None])
    load = 1 - dry * (0.35 + 0.65 * s[:, None]) * 1.3
    alpha = opacity * smoothstep(0, 0.05, ends) * smoothstep(0, 0.35, 1 - np.abs(t) - 0.25 * (1 - mark))
    return alpha * smoothstep(0.0, 0.2, load - mark + 0.1)


def stroke(
    rng: Rng,
    canvas: Canvas,
    path: Array,
    width: ArrayLike,
    colours: Array,
    second: Array | None = None,
    *,
    opacity: float = 0.9,
    dry: float = 0.25,
    body: float = 1.0,
    hair: float = 0.0012,
    taper: float = 0.35,
    within: NDArray[np.int32] | None = None,
    chunk: int = 48,
) -> None:
    """Draw brush strokes along paths (n, nodes, 2) with colours (n, 3), streaked with `second` (n, 3).

    `dry` in [0, 1] is how far hairs run out of paint, `body` the thickness of the paint, `hair` a bristle's width,
    `taper` how much the ends narrow. With `within` (h, w), numbers of regions, a stroke stays in the
    region of its middle. Strokes of one chunk do not see each other's paint.
    """
    n, nodes, _ = path.shape
    if n == 0:
        return
    width = np.broadcast_to(f32(width), (n,))
    second = colours if second is None else second
    marks = bristles()
    length = np.sqrt((np.diff(path, axis=1) ** 2).sum(-1)).sum(1)
    shift = rng.integers(0, 1 << 16, (n, 2))
    bow = f32(rng.uniform(-0.25, 0.25, n))
    for start in range(0, n, chunk):
        part = slice(start, start + chunk)
        steps = max(4, int(length[part].max() * canvas.px * 1.5))
        lanes = max(3, int(width[part].max() * canvas.px * 1.5))
        s, t = np.linspace(0, 1, steps, dtype=np.float32), np.linspace(-1, 1, lanes, dtype=np.float32)
        spline, along = smooth(path[part], s)
        narrow = 1 - taper * (np.abs(2 * s - 1) ** 3)
        half = 0.5 * width[part][:, None] * narrow  # (n, steps)
        x = spline[..., 0, None] - along[..., 1, None] * half[..., None] * t
        y = spline[..., 1, None] + along[..., 0, None] * half[..., None] * t
        rows, cols = canvas.index(x, y)
        lane = (shift[part, 0, None] + (t * width[part][:, None] / hair)).astype(np.int32) % marks.shape[0]
        run = (shift[part, 1, None] + s * length[part][:, None] / hair * 2).astype(np.int32) % marks.shape[1]
        mark = marks[lane[:, None, :], run[:, :, None]]
        ragged = marks[lane, (shift[part, 1] + 300)[:, None] % marks.shape[1]][:, None, :]  # (n, 1, lanes)
        alpha = cover(mark, ragged, s, t, opacity, dry)
        inside = (alpha > 0.06) & (x >= 0) & (y >= 0) & (x < canvas.width) & (y < canvas.height)
        if within is not None:
            home = within[canvas.index(*path[part][:, nodes // 2].T)]
            inside &= within[rows, cols] == home[:, None, None]
        of = np.broadcast_to(np.arange(x.shape[0])[:, None, None], x.shape)[inside]
        rows, cols, alpha, mark = rows[inside], cols[inside], alpha[inside], mark[inside]
        across = np.broadcast_to(t, x.shape)[inside]
        streak = smoothstep(0.45, 0.95, mark + bow[part][of] * across)
        paint = colours[part][of] + (second[part][of] - colours[part][of]) * streak[:, None]
        paint = paint * (0.93 + 0.14 * mark)[:, None]
        thick = body * (0.35 + 0.65 * (1 - mark) + 0.5 * across**4) * (width[part][of] / 0.012) ** 0.5
        canvas.rgb[rows, cols] += (paint - canvas.rgb[rows, cols]) * alpha[:, None]
        canvas.relief[rows, cols] += (0.35 * canvas.relief[rows, cols] + thick - canvas.relief[rows, cols]) * alpha


def dab(
    rng: Rng, canvas: Canvas, x: Array, y: Array, radius: Array, colours: Array, body: float = 1.0, long: float = 1.25
) -> None:
    """Dots of thick paint at points (n,) in the given order: round spots a little ragged, `long` times as long as wide."""
    if len(x) == 0:
        return
    reach = float(radius.max()) * long * 1.2
    k = int(np.ceil(reach * canvas.px)) + 1
    dy, dx = np.meshgrid(*[np.arange(-k, k + 1, dtype=np.float32) / canvas.px] * 2, indexing="ij")
    turn, phase = f32(rng.uniform(0, np.pi, (2, len(x))))
    for start in range(0, len(x), 4096):
        part = slice(start, start + 4096)
        c, s = (f(turn[part])[:, None, None] for f in (np.cos, np.sin))
        u, v = (c * dx + s * dy) / long, c * dy - s * dx
        r = np.sqrt(u * u + v * v) / radius[part, None, None]
        theta = np.arctan2(v, u)
        r *= (
            1
            + 0.12 * np.sin(2 * theta + phase[part, None, None])
            + 0.07 * np.sin(5 * theta + 2 * phase[part, None, None])
        )
        px, py = x[part, None, None] + dx, y[part, None, None] + dy
        inside = (r < 1) & (px >= 0) & (py >= 0) & (px < canvas.width) & (py < canvas.height)
        rows, cols = canvas.index(px[inside], py[inside])
        of = np.nonzero(inside)[0]
        dome = np.sqrt(1 - r[inside] ** 2)
        canvas.rgb[rows, cols] = colours[part][of] * (0.90 + 0.14 * dome)[:, None]
        canvas.relief[rows, cols] = body * (0.3 + dome) * (radius[part][of] / 0.005)


def layer(
    rng: Rng,
    canvas: Canvas,
    target: Array,
    angle: Array,
    size: tuple[float, float, float],
    shake: tuple[float, float] = (6, 6),
    *,
    where: Array | None = None,
    within: NDArray[np.int32] | None = None,
    wobble: float = 0.1,
    streak: float = 8,
    **brush: Any,
) -> None:
    """Cover the canvas (or the mask `where`) with strokes along `angle` (h, w) in the colours of `target` (h, w, 3).

    `size` is their spacing, length and width; `shake` the deviation of their lightness and hue in CIELAB, `streak`
    that between the two colours on one brush; `wobble` turns them at random. The rest goes to `stroke`.
    """
    rng = rng.spawn(1)[0]  # how many strokes fit depends on the size; what is painted after them must not
    x, y = scatter(rng, canvas, size[0], where)
    turn = wobble * rng.standard_normal(len(x))
    length, width = size[1] * rng.uniform(0.6, 1.3, len(x)), size[2] * rng.uniform(0.65, 1.25, len(x))
    path = trace(lambda px, py: angle[canvas.index(px, py)] + turn, x, y, f32(length))
    first = jitter(rng, target[canvas.index(x, y)], *shake)
    stroke(rng, canvas, path, f32(width), first, jitter(rng, first, streak, shake[1]), within=within, **brush)
