"""Films without flicker: the frame before, moved along with what it shows, is blended in where that can be trusted.

A network that paints each frame by itself answers to noise and to every small move with other strokes. The movement is found
between the film's own frames by TV-L1 (Zach, Pock and Bischof 2007), small, by scikit-image. The mean of strokes that do not lie
on each other is grey, and frame by frame greyer, so each blend is given the contrast of strokes that the new frame has around
it. Called by video.py; it holds one frame, however long the film.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import grid_sample

SIDE = 192  # pixels at which movement is found
KEPT = 0.85  # of the frame before, where movement is sure
DOUBT = 0.06  # difference in brightness, of 1, at which trust has fallen to a third
NARROW, WIDE = 0.4, 0.8  # pixels: area that a pixel comes from, at which trust ends and is whole
AROUND_SEAM = 3  # pixels of a square around a narrow place that are not trusted either
FINE = 3.0  # pixels, standard deviation of the blur beyond which something is a stroke's detail
AROUND = 10.0  # pixels, standard deviation of the window in which contrast is measured
MOST_GAIN = 1.5  # of detail in one frame


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
            values = with_contrast_of(values, (values + share * (moved - values)).astype(np.float32))
        self._before = grey, values
        return Image.fromarray(np.round(values).clip(0, 255).astype(np.uint8))


def flow_between(now: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Where each pixel of `now` was in `before`: 2×h×w, rows and columns to add; both h×w in [0, 1]."""
    from skimage.registration import optical_flow_tvl1

    return np.asarray(optical_flow_tvl1(now, before, num_warp=4, num_iter=8, attachment=20, dtype=np.float32))


def with_contrast_of(wanted: np.ndarray, blend: np.ndarray) -> np.ndarray:
    """`blend` with its detail enlarged to the root mean square around each pixel of that in `wanted`, never made smaller.

    Both are H×W×3 with values of one scale; what comes back may leave it a little.
    """
    detail = blend - _blurred(blend, FINE)
    there, asked = (
        _blurred((each**2).mean(axis=2, keepdims=True), AROUND) for each in (detail, wanted - _blurred(wanted, FINE))
    )
    gain = np.sqrt(asked / np.maximum(there, 1e-6)).clip(1, MOST_GAIN)
    return np.asarray(blend + (gain - 1) * detail, dtype=np.float32)


def _blurred(values: np.ndarray, sigma: float) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(values, (sigma, sigma, 0), truncate=3))


def warped(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """`picture` (h×w or h×w×3) fetched from where `flow` says, between its pixels; beyond its edge the edge goes on."""
    height, width = picture.shape[:2]
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    down, across = (down + flow[0]).clip(0, height - 1), (across + flow[1]).clip(0, width - 1)
    grid = np.stack([2 * across / (width - 1) - 1, 2 * down / (height - 1) - 1], axis=2)
    planes = torch.from_numpy(np.ascontiguousarray(picture.reshape(height, width, -1).transpose(2, 0, 1)))
    # bicubic: a frame is fetched from the one before again and again, and each time bilinear would blur it
    found = grid_sample(planes[None], torch.from_numpy(grid)[None], "bicubic", "border", align_corners=True)[0]
    return np.asarray(found.numpy().transpose(1, 2, 0).reshape(picture.shape))


def _trust(now: np.ndarray, before: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """How far each pixel's way back can be believed, h×w in [0, 1]: by whether it ends where the film looks the same, and
    by whether it was there at all.

    What something has uncovered was not; before a plain sky it looks the same all the same, and the flow fills it from a
    narrow strip beside it. There the area from which a pixel comes, |∂(x + u)/∂x|, is near 0.
    """
    height, width = now.shape
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    inside = (np.abs(down + flow[0] - (height - 1) / 2) <= height / 2) & (
        np.abs(across + flow[1] - (width - 1) / 2) <= width / 2
    )
    difference = np.abs(now - warped(before, flow))
    was_there = ((_area(flow) - NARROW) / (WIDE - NARROW)).clip(0, 1)
    return np.where(inside, np.exp(-((difference / DOUBT) ** 2)) * was_there, 0).astype(np.float32)


def _area(flow: np.ndarray) -> np.ndarray:
    """The area from which each pixel comes, in pixels, h×w: the determinant of the Jacobian of x + u(x), the least around."""
    from scipy.ndimage import minimum_filter

    (down_down, down_across), (across_down, across_across) = (np.gradient(each) for each in flow)
    area = (1 + down_down) * (1 + across_across) - down_across * across_down
    return np.asarray(minimum_filter(area, AROUND_SEAM))


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
