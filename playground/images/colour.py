"""Whose colours a picture has: the content image's kept, the style image's matched to it, or the style image's given to it.

Plain functions on pictures, called before a run, and when a result is shown or saved.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from playground.images.clean import to_8_bits

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, the Y of YIQ and of JPEG's YCbCr


def keep_colours(result: Image.Image, content: Image.Image) -> Image.Image:
    """The brightness of `result` with the colours of `content`, at the size of `result`.

    Luminance-only transfer after Gatys et al. 2016 (arXiv 1606.05897), in their YIQ space. Its Y = w·rgb has weights
    that add up to one, so keeping I and Q means keeping rgb − Y, and the result is Y_result + s·(rgb − Y)_content,
    exact without a matrix. s ≤ 1 is the largest saturation that stays within [0, 1]: colours that do not fit fade
    towards grey at the same brightness and hue, where clipping would shift both.
    """
    if content.size != result.size:
        content = content.resize(result.size, Image.Resampling.LANCZOS)
    kept = _floats(content)
    luma = (_floats(result) @ _LUMA)[:, :, None]
    chroma = kept - (kept @ _LUMA)[:, :, None]
    room = np.where(chroma > 0, 1 - luma, luma)
    saturation = (room / np.maximum(np.abs(chroma), 1e-6)).min(axis=2, keepdims=True).clip(0, 1)
    return Image.fromarray(to_8_bits(luma + saturation * chroma, 0, 1))


def palette_of(content: Image.Image, styles: Sequence[Image.Image], shares: Sequence[float]) -> Image.Image:
    """The content image in the style images' colours, without a stroke: matched to each, mixed by their shares.

    Args:
        shares: of the style images, adding up to 1.
    """
    matched = [share * _floats(match_colours(content, style)) for style, share in zip(styles, shares, strict=True)]
    return Image.fromarray(to_8_bits(np.sum(matched, axis=0), 0, 1))


def match_colours(style: Image.Image, content: Image.Image) -> Image.Image:
    """The style picture with the mean and covariance of the content's colours (Gatys et al. 2016, arXiv 1606.05897).

    Every pixel becomes A·(rgb − mean_S) + mean_C with A = Σ_C^½ · Σ_S^(−½), so that A·Σ_S·Aᵀ = Σ_C; values that leave
    [0, 1] are clipped.
    """
    pixels = _floats(style).reshape(-1, 3)
    target = _floats(content).reshape(-1, 3)
    transform = _matrix_power(np.cov(target.T), 0.5) @ _matrix_power(np.cov(pixels.T), -0.5)
    matched = (pixels - pixels.mean(axis=0)) @ transform.T.astype(np.float32) + target.mean(axis=0)
    return Image.fromarray(to_8_bits(matched.reshape(style.height, style.width, 3), 0, 1))


def _floats(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("RGB"), dtype=np.float32) / 255


def _matrix_power(covariance: np.ndarray, power: float) -> np.ndarray:
    """A symmetric 3×3 matrix to a power; 1e-5 (under one grey level) keeps a flat colour from dividing by zero."""
    values, vectors = np.linalg.eigh(covariance + 1e-5 * np.eye(3))
    return (vectors * values**power) @ vectors.T
