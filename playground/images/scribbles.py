"""A few strokes become a map of regions: grown along the content image's own edges, or snapped to its contours.

Pure functions on arrays; scikit-image does the work. Which network finds contours is networks/contours.py's.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from playground.errors import PlaygroundError

SIDE = 200  # pixels at which scribbles are completed: a few tenths of a second
BETA = 300.0  # how hard it is to walk across an edge
UNKNOWN = -1
EDGE_SIDE = 320
CALM = 0.1  # an edge strength below which a basin begins


def completed(picture: Image.Image, strokes: np.ndarray) -> np.ndarray:
    """Every pixel of the content image in the region whose stroke a random walker would most likely reach first (Grady 2006).

    Args:
        picture: the content image, at any size.
        strokes: H×W of region numbers 0 to 4, `UNKNOWN` where nothing was drawn.

    Returns:
        H×W uint8 of region numbers, of the strokes' size.

    Raises:
        PlaygroundError: nothing was drawn.
    """
    from skimage.color import rgb2lab
    from skimage.segmentation import random_walker

    numbers = np.unique(strokes[strokes != UNKNOWN])
    if len(numbers) == 0:
        raise PlaygroundError("draw a stroke in at least one region first")
    if len(numbers) == 1:
        return np.full(strokes.shape, numbers[0], np.uint8)
    height, width = strokes.shape
    scale = min(1.0, SIDE / max(height, width))
    small = (max(8, round(width * scale)), max(8, round(height * scale)))
    content = rgb2lab(np.asarray(picture.convert("RGB").resize(small, Image.Resampling.BOX)))
    seeds = np.zeros(content.shape[:2], np.int32)
    for place, number in enumerate(numbers, start=1):  # a thin stroke must not vanish where the picture is made smaller
        drawn = Image.fromarray(((strokes == number) * 255).astype(np.uint8)).resize(small, Image.Resampling.BOX)
        seeds[np.asarray(drawn) > 20] = place
    missing = [place for place in range(1, len(numbers) + 1) if not (seeds == place).any()]
    for place in missing:  # overdrawn at this size: its middle counts
        y, x = (int(value.mean() * scale) for value in np.nonzero(strokes == numbers[place - 1]))
        seeds[min(y, seeds.shape[0] - 1), min(x, seeds.shape[1] - 1)] = place
    # conjugate gradients: the default preconditioner wants a package of its own
    full = bool(seeds.all())  # nothing is left to walk
    found = seeds if full else random_walker(content / 100, seeds, beta=BETA, mode="cg_j", channel_axis=2, tol=1e-5)
    labels = numbers[np.clip(found, 1, len(numbers)) - 1].astype(np.uint8)
    return np.where(strokes == UNKNOWN, enlarged(labels, (width, height)), strokes).astype(np.uint8)


def enlarged(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map of region numbers at another size (width and height), with borders that are smooth instead of stairs.

    Each region is softened and enlarged by itself as a picture, and each pixel goes to the region that is strongest there.
    """
    if labels.shape == size[::-1]:
        return labels
    best, found = np.full(size[::-1], -1.0, np.float32), np.zeros(size[::-1], np.uint8)
    for number in np.unique(labels):
        area = Image.fromarray(((labels == number) * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1))
        soft = np.asarray(area.convert("F").resize(size, Image.Resampling.BILINEAR))
        found[soft > best] = number
        np.maximum(best, soft, out=best)
    return found


def basins(edges: np.ndarray) -> np.ndarray:
    """The patches that contours enclose, by watershed: H×W int32, numbered from 1.

    Args:
        edges: H×W in [0, 1], how surely each pixel is on a contour.
    """
    from skimage.measure import label
    from skimage.segmentation import watershed

    markers = label(edges < CALM)
    sizes = np.bincount(markers.ravel())
    markers[sizes[markers] < 12] = 0
    if not markers.any():
        return np.ones(edges.shape, np.int32)
    return np.asarray(watershed(edges, markers), np.int32)


def snapped(labels: np.ndarray, patches: np.ndarray, strokes: np.ndarray) -> np.ndarray:
    """Each patch whole in the region that most of it was painted with, and every stroke as it was drawn.

    Args:
        labels: H×W of region numbers.
        patches: at any size, numbered from 0 or 1.
        strokes: H×W, `UNKNOWN` where nothing was drawn.
    """
    height, width = labels.shape
    small = enlarged(labels, patches.shape[::-1])
    counts = np.stack([np.bincount(patches.ravel(), (small == number).ravel()) for number in range(5)])
    whole = enlarged(counts.argmax(axis=0).astype(np.uint8)[patches], (width, height))
    return np.where(strokes == UNKNOWN, whole, strokes).astype(np.uint8)
