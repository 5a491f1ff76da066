"""Edits for the ears: what can be done to a style image so that one loss notices and another does not.

Pure functions from a clean RGB picture to another. Called by the command line and the page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter, ImageOps

MIN_SIDE = 32  # of a picture that was rescaled, or the network's pools leave nothing


@dataclass(frozen=True)
class Edit:
    """One way to change a picture.

    Attributes:
        apply: of the picture and an amount.
        title: on a button.
        least, most, start: bounds of the amount and where its slider begins; 1 to 1 where there is nothing to choose.
        unit: of the amount, in words.
    """

    apply: Callable[[Image.Image, float], Image.Image]
    title: str
    least: float = 1.0
    most: float = 1.0
    start: float = 1.0
    unit: str = ""


def shifted(picture: Image.Image, percent: float) -> Image.Image:
    """Moved to the right by so many hundredths of the width; what leaves there comes in on the left."""
    values = np.asarray(picture)
    return Image.fromarray(np.roll(values, round(values.shape[1] * percent / 100), axis=1))


def mirrored(picture: Image.Image, _amount: float = 1.0) -> Image.Image:
    return ImageOps.mirror(picture)


def cut(picture: Image.Image, tiles: float, seed: int = 0) -> Image.Image:
    """Cut into n×n tiles that are laid out anew; what does not fill a tile stays where it was, on the right and below.

    No tile keeps its place, where there is more than one.
    """
    count = max(1, round(tiles))
    values = np.asarray(picture)
    height, width = values.shape[0] // count, values.shape[1] // count
    order = _displaced(count * count, seed)
    laid = values.copy()
    for place, tile in enumerate(order):
        (y, x), (v, u) = divmod(place, count), divmod(int(tile), count)
        laid[y * height : (y + 1) * height, x * width : (x + 1) * width] = values[
            v * height : (v + 1) * height, u * width : (u + 1) * width
        ]
    return Image.fromarray(laid)


def _displaced(count: int, seed: int) -> np.ndarray:
    """An order of `count` things in which none stands where it was."""
    order = np.random.default_rng(seed).permutation(count)
    return np.asarray(order[(np.argsort(order) + 1) % count]) if count > 1 else order


def shuffled(picture: Image.Image, _amount: float = 1.0) -> Image.Image:
    """Every pixel somewhere else: the palette alone is left."""
    values = np.asarray(picture)
    pixels = values.reshape(-1, 3)
    return Image.fromarray(pixels[np.random.default_rng(0).permutation(len(pixels))].reshape(values.shape))


def blurred(picture: Image.Image, radius: float) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(radius))


def greyed(picture: Image.Image, _amount: float = 1.0) -> Image.Image:
    return picture.convert("L").convert("RGB")


def darkened(picture: Image.Image, percent: float) -> Image.Image:
    return picture.point(lambda value: round(value * (1 - percent / 100)))


def rescaled(picture: Image.Image, percent: float) -> Image.Image:
    """Another size, and so another scale of strokes for a network whose field of view stays."""
    width, height = (max(MIN_SIDE, round(side * percent / 100)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


EDITS: dict[str, Edit] = {
    "shift": Edit(shifted, "Shift", 1, 50, 25, "% of the width"),
    "mirror": Edit(mirrored, "Mirror"),
    "cut": Edit(cut, "Cut into tiles", 2, 16, 4, "tiles a side"),
    "shuffle": Edit(shuffled, "Shuffle pixels"),
    "blur": Edit(blurred, "Blur", 1, 12, 3, "px"),
    "grey": Edit(greyed, "Grey"),
    "darken": Edit(darkened, "Darken", 5, 80, 40, "%"),
    "rescale": Edit(rescaled, "Rescale", 30, 150, 50, "% of the size"),
}
"""Every edit by its name, in the order in which a page offers them."""


def edited(picture: Image.Image, name: str, amount: float | None = None) -> Image.Image:
    """A picture after one of `EDITS`; an amount beyond its bounds is brought to the nearest.

    Raises:
        KeyError: there is no such edit.
    """
    edit = EDITS[name]
    wanted = edit.start if amount is None else amount
    return edit.apply(picture, min(edit.most, max(edit.least, wanted)))
