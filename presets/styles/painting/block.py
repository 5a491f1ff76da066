"""Flat inks as a printer lays them: polygons, discs, and lines that swell, over a canvas's colours.

Used by the pictures that are drawn rather than brushed. Lengths are fractions of a picture's long side, as in brush.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw
from scipy.interpolate import CubicSpline

from .brush import Array, Canvas, f32


def curve(points: list[tuple[float, float]], n: int = 200) -> Array:
    """A smooth curve (n, 2) through the points, evenly paced."""
    at = np.array(points, float)
    pace = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(at, axis=0).T))])
    return f32(CubicSpline(pace / pace[-1], at)(np.linspace(0, 1, n)))


class Block:
    """A drawing in flat inks over the canvas's colours: polygons, discs and swelling lines, in long sides."""

    def __init__(self, canvas: Canvas) -> None:
        self.px = canvas.px
        self.image = Image.fromarray((np.clip(canvas.rgb, 0, 1) * 255).astype(np.uint8))
        self.draw = ImageDraw.Draw(self.image)

    def polygon(self, points: ArrayLike, ink: str) -> None:
        self.draw.polygon([(x, y) for x, y in (f32(points) * self.px).tolist()], fill="#" + ink)

    def discs(self, at: ArrayLike, radius: ArrayLike, ink: str) -> None:
        at = f32(at) * self.px
        for (x, y), r in zip(at, np.broadcast_to(f32(radius), len(at)) * self.px, strict=True):
            self.draw.ellipse((x - r, y - r, x + r, y + r), fill="#" + ink)

    def line(self, at: ArrayLike, radius: ArrayLike, ink: str) -> None:
        """A line through points (n, 2); `radius` is half its width, at every point or all along."""
        at = f32(at)
        along = np.gradient(at, axis=0)
        side = np.stack([-along[:, 1], along[:, 0]], 1) / (np.hypot(*along.T)[:, None] + 1e-9)
        side *= np.broadcast_to(f32(radius), len(at))[:, None]
        self.polygon(np.concatenate([at + side, (at - side)[::-1]]), ink)

    def oval(self, x: float, y: float, a: float, b: float, ink: str, turn: float = 0.0) -> None:
        t = np.linspace(0, 2 * np.pi, 120)
        u, v, c, s = a * np.cos(t), b * np.sin(t), np.cos(turn), np.sin(turn)
        self.polygon(np.stack([x + u * c - v * s, y + u * s + v * c], 1), ink)

    def pixels(self) -> Array:
        """The drawing (h, w, 3)."""
        return f32(np.asarray(self.image)) / 255
