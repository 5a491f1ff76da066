"""What lenses find, as small pictures: heat on a scale from dark to bright that also reads without colour.

Pure functions, arrays in and pictures out. Called by the command line; the page draws its own.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

# Brightness rises evenly along these, so that the order is plain on a grey print and to every eye.
STOPS = np.array([[8, 8, 32], [78, 18, 102], [176, 46, 92], [240, 120, 50], [252, 240, 170]], dtype=np.float64)


def heat(values: np.ndarray, most: float | None = None) -> Image.Image:
    """H×W values as a picture, 0 dark and `most` (their largest, where None) bright; below 0 is 0."""
    largest = float(values.max()) if most is None else most
    parts = np.clip(values / largest if largest > 0 else np.zeros_like(values), 0, 1)
    places = np.linspace(0, 1, len(STOPS))
    return Image.fromarray(np.rint(np.stack([np.interp(parts, places, stop) for stop in STOPS.T], 2)).astype(np.uint8))


def glow(picture: Image.Image, values: np.ndarray, least: float = 0.0, most: float = 1.0) -> Image.Image:
    """A picture darkened but for where `values` (h×w) are high: nothing at `least`, all of it at `most`."""
    parts = np.clip((values - least) / max(most - least, 1e-12), 0, 1)
    light = Image.fromarray(np.rint(255 * (0.15 + 0.85 * parts)).astype(np.uint8))
    dark = Image.new("RGB", picture.size)
    return Image.composite(picture.convert("RGB"), dark, light.resize(picture.size, Image.Resampling.BILINEAR))


def enlarged(picture: Image.Image, side: int) -> Image.Image:
    """A small matrix with its cells as squares, its long side about `side` pixels."""
    factor = max(1, round(side / max(picture.size)))
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)


def marked(picture: Image.Image, x: float, y: float, side: float) -> Image.Image:
    """A picture with a square around a spot: white with a black rim, seen on any ground."""
    drawn = picture.copy()
    draw = ImageDraw.Draw(drawn)
    for rim, colour in ((2, "black"), (0, "white")):
        half = side / 2 + rim
        draw.rectangle((x - half, y - half, x + half, y + half), outline=colour, width=2)
    return drawn
