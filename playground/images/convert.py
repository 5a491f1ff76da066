"""Sizes, and pictures as tensors and arrays and back.

Called wherever a network looks at a picture or a person at a tensor.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from playground.recipe.picture_limits import MIN_SIDE


def fit_size(width: int, height: int, long_side: int) -> tuple[int, int]:
    """(width, height) with the long side exactly `long_side` pixels and the other rounded to keep the aspect ratio.

    The other side is at least `MIN_SIDE`, which bends the ratio only where a strip would vanish.
    Raises ValueError for sides below 1 or a long side below `MIN_SIDE`.
    """
    if min(width, height) < 1 or long_side < MIN_SIDE:
        raise ValueError(f"cannot fit {width}×{height} into {long_side}")
    if width >= height:
        return long_side, max(MIN_SIDE, round(height * long_side / width))
    return max(MIN_SIDE, round(width * long_side / height)), long_side


def cut_size(width: int, height: int, shape: str) -> tuple[int, int]:
    """The largest (width, height) within a picture that is exactly `shape`, "W:H" or "none", which keeps all of it.

    Where the picture has fewer pixels than W and H it is cut to one column or row more than none.
    """
    if shape == "none":
        return width, height
    across, down = map(int, shape.split(":"))
    times = min(width // across, height // down)
    if times:
        return times * across, times * down
    return max(1, min(width, height * across // down)), max(1, min(height, width * down // across))


def cut_box(width: int, height: int, shape: str) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of that, from the picture's middle."""
    kept_width, kept_height = cut_size(width, height, shape)
    left, top = (width - kept_width) // 2, (height - kept_height) // 2
    return left, top, left + kept_width, top + kept_height


def cut_picture(picture: Image.Image, shape: str) -> Image.Image:
    """The middle of a picture in that shape; the picture itself where nothing is cut. Cutting it again changes nothing."""
    box = cut_box(*picture.size, shape)
    return picture if box == (0, 0, *picture.size) else picture.crop(box)


def resize_picture(picture: Image.Image, long_side: int) -> Image.Image:
    """The picture with its long side exactly `long_side` pixels: Lanczos down, bicubic up (it rings less)."""
    size = fit_size(*picture.size, long_side)
    enlarged = long_side > max(picture.size)
    return picture.resize(size, Image.Resampling.BICUBIC if enlarged else Image.Resampling.LANCZOS)


def to_tensor(picture: Image.Image) -> torch.Tensor:
    """The picture as a contiguous float32 tensor of shape 1×3×H×W, RGB in [0, 1]."""
    values = torch.from_numpy(np.array(picture.convert("RGB")))
    return values.permute(2, 0, 1)[None].to(torch.float32, memory_format=torch.contiguous_format) / 255


def to_array(tensor: torch.Tensor) -> np.ndarray:
    """A tensor of shape 1×3×H×W or 3×H×W, RGB in [0, 1] on any device, as a uint8 array of shape H×W×3.

    Values are clamped, then rounded; `to_array(to_tensor(picture))` gives the picture's own bytes.
    Raises ValueError for any other shape.
    """
    if tensor.ndim == 4 and tensor.shape[0] == 1:
        tensor = tensor[0]
    if tensor.ndim != 3 or tensor.shape[0] != 3:
        raise ValueError(f"expected 1×3×H×W or 3×H×W, got {tuple(tensor.shape)}")
    values = tensor.detach().to(torch.float32).clamp(0, 1).mul_(255).round_().to(torch.uint8)
    return values.permute(1, 2, 0).contiguous().cpu().numpy()


def to_picture(tensor: torch.Tensor) -> Image.Image:
    """A tensor as `to_array` takes it, as a PIL image of mode RGB."""
    return Image.fromarray(to_array(tensor))
