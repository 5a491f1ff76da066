"""Films without flicker: the frame before, moved along with what it shows, is blended in where that can be trusted.

A network that paints each frame by itself answers to noise and to every small move with other strokes. The movement is found
between the film's own frames by TV-L1 (Zach, Pock and Bischof 2007), small, by scikit-image. Called by video.py; it holds one
frame, however long the film.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

SIDE = 192  # pixels at which movement is found
KEPT = 0.85  # of the frame before, where movement is sure
DOUBT = 0.06  # difference in brightness, of 1, at which trust has fallen to a third


class Steady:
    """Blends each painted frame with the one before; made anew for every film."""

    def __init__(self) -> None:
        self._before: tuple[np.ndarray, np.ndarray] | None = None

    def __call__(self, frame: Image.Image, painted: Image.Image) -> Image.Image:
        """The painted frame, steadied.

        Args:
            frame: of the film, as it is.
            painted: of the same size.
        """
        grey, values = _small_grey(frame), np.asarray(painted, dtype=np.float32)
        if self._before is not None and self._before[1].shape == values.shape:
            grey_before, painted_before = self._before
            flow = flow_between(grey, grey_before)
            trust = _trust(grey, grey_before, flow)
            height, width = values.shape[:2]
            moved = warped(painted_before, _enlarged(flow, (width, height)))
            share = KEPT * _resized(trust, (width, height))[:, :, None]
            values = (values + share * (moved - values)).astype(np.float32)
        self._before = grey, values
        return Image.fromarray(np.round(values).clip(0, 255).astype(np.uint8))


def flow_between(now: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Where each pixel of `now` was in `before`: 2×h×w, rows and columns to add; both h×w in [0, 1]."""
    from skimage.registration import optical_flow_tvl1

    return np.asarray(optical_flow_tvl1(now, before, num_warp=4, num_iter=8, attachment=20, dtype=np.float32))


def warped(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """`picture` (h×w or h×w×3) fetched from where `flow` says, between its pixels; beyond its edge the edge goes on."""
    height, width = picture.shape[:2]
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    down, across = (down + flow[0]).clip(0, height - 1), (across + flow[1]).clip(0, width - 1)
    top, left = np.floor(down).astype(np.int32), np.floor(across).astype(np.int32)
    bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    low, far = down - top, across - left
    if picture.ndim == 3:
        low, far = low[:, :, None], far[:, :, None]
    above = picture[top, left] * (1 - far) + picture[top, right] * far
    below = picture[bottom, left] * (1 - far) + picture[bottom, right] * far
    return np.asarray(above * (1 - low) + below * low, dtype=np.float32)


def _trust(now: np.ndarray, before: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """How far each pixel's way back can be believed, h×w in [0, 1]: by whether it ends where the film looks the same."""
    height, width = now.shape
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    inside = (np.abs(down + flow[0] - (height - 1) / 2) <= height / 2) & (
        np.abs(across + flow[1] - (width - 1) / 2) <= width / 2
    )
    difference = np.abs(now - warped(before, flow))
    return np.where(inside, np.exp(-((difference / DOUBT) ** 2)), 0).astype(np.float32)


def _small_grey(picture: Image.Image) -> np.ndarray:
    scale = min(1.0, SIDE / max(picture.size))
    size = (max(16, round(picture.width * scale)), max(16, round(picture.height * scale)))
    return np.asarray(picture.convert("L").resize(size, Image.Resampling.BOX), dtype=np.float32) / 255


def _enlarged(flow: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A flow for a larger picture, whose pixels are further apart."""
    height, width = flow.shape[1:]
    return np.stack([_resized(flow[0], size) * (size[1] / height), _resized(flow[1], size) * (size[0] / width)])


def _resized(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(Image.fromarray(values.astype(np.float32), "F").resize(size, Image.Resampling.BILINEAR))
