"""Faces in a picture, as a soft map of what is to be kept more. Found by scikit-image's cascade, which sees faces from the front.

Called where somebody asks for it; a second or so on a large picture, which is made smaller first.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from PIL import Image

SIDE = 512  # pixels at which faces are looked for
SMALLEST = 0.06  # of that: a face's side
AGREED = 8  # overlapping windows that must see a face; with the default of 4 it also sees a rocket's foot as one
WIDER = 1.35  # how much larger than the cascade's square the map's ellipse is, so that chin and hair are in it


@cache
def _cascade() -> Any:
    from skimage import data, feature

    return feature.Cascade(data.lbp_frontal_face_cascade_filename())


def find_faces(picture: Image.Image) -> list[tuple[float, float, float]]:
    """Faces as (x, y, side) of their squares' middles, in parts of the picture's long side; empty where none is found."""
    scale = min(1.0, SIDE / max(picture.size))
    small = picture.convert("RGB").resize((round(picture.width * scale), round(picture.height * scale)))
    smallest = max(24, round(SMALLEST * max(small.size)))
    if min(small.size) < smallest:
        return []
    found = _cascade().detect_multi_scale(
        img=np.asarray(small),
        scale_factor=1.15,
        step_ratio=1,
        min_size=(smallest,) * 2,
        max_size=(min(small.size),) * 2,
        min_neighbor_number=AGREED,
    )
    longest = max(small.size)
    return [
        ((face["c"] + face["width"] / 2) / longest, (face["r"] + face["height"] / 2) / longest, face["width"] / longest)
        for face in found
    ]


def face_map(picture: Image.Image) -> np.ndarray | None:
    """1 on every face, 0 far from all, softly between; H×W float32 for a picture of a few hundred pixels. None without a face."""
    faces = find_faces(picture)
    if not faces:
        return None
    scale = SIDE / max(picture.size)
    width, height = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    down, across = np.mgrid[0:height, 0:width].astype(np.float32) / SIDE
    found = np.zeros((height, width), np.float32)
    for x, y, side in faces:
        radius = side * WIDER / 2
        distance = np.hypot((across - x) / radius, (down - y) / (radius * 1.2))  # a head is taller than wide
        found = np.maximum(found, np.clip(2.5 - 1.5 * distance, 0, 1) ** 2)
    return found
