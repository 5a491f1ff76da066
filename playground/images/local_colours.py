"""The colours and the light of a painted picture, given to the content image at its full size as changes that vary slowly.

What a small painted picture says of each place is an affine change of colour; it is fitted to the small content image by a guided
filter (He, Sun and Tang 2013, "Guided image filtering", section 3.5) and applied to the large one, whose edges and texture
stay. Called by finish.py and by the engine at the end of a run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from playground.images.convert import fit_size, to_tensor

WINDOW = 13  # pixels of the small picture, along one side
EPSILON = 0.1  # ε: below this variance a window tells little of slopes, and the content image's own are kept, and so its edges
MARGIN = 2  # pixels along the frame that a network paints without knowing what lies beyond; they are not believed
FIT_SIDE = 64  # long side of the small picture: what is finer than a fifth of it is a stroke or a band, and no light
BAND_VALUES = 8_000_000  # coefficients enlarged at once, 32 MB


@dataclass(frozen=True)
class LocalColours:
    """An affine change of colour at every place of a small picture.

    Attributes:
        matrices: a, 9×h×w: output channel k takes a[3k + c] of input channel c.
        offsets: b, 3×h×w.
    """

    matrices: Tensor
    offsets: Tensor

    @torch.no_grad()
    def applied(self, content: Image.Image) -> Image.Image:
        """`content`, of any size and the small picture's shape, with its colours changed; by bands of rows."""
        width, height = content.size
        coefficients = torch.cat([self.matrices, self.offsets])
        first, second, part = _between(coefficients.shape[2], width)
        across = torch.zeros(
            coefficients.shape[2], width
        )  # a product with it enlarges lines faster than looking them up
        across[first, torch.arange(width)] = 1 - part
        across[second, torch.arange(width)] += part
        pixels, result = np.asarray(content.convert("RGB")), np.empty((height, width, 3), np.uint8)
        rows = max(1, BAND_VALUES // (len(coefficients) * width))
        for top in range(0, height, rows):
            bottom = min(height, top + rows)
            first, second, part = _between(coefficients.shape[1], height, top, bottom)
            lines = torch.lerp(coefficients[:, first], coefficients[:, second], part[:, None])
            band = torch.from_numpy(pixels[top:bottom].copy()).permute(2, 0, 1).float() / 255
            enlarged = lines @ across
            for channel in range(3):
                value = enlarged[9 + channel]
                for source in range(3):
                    value.addcmul_(enlarged[3 * channel + source], band[source])
                result[top:bottom, :, channel] = value.clamp_(0, 1).mul_(255).round_().to(torch.uint8).numpy()
        return Image.fromarray(result)


def _between(small: int, large: int, start: int = 0, stop: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """For pixels start to stop of `large` in a row: the two of `small` that each lies between, and how far on."""
    middle = (torch.arange(start, large if stop is None else stop, dtype=torch.float64) + 0.5) * (small / large) - 0.5
    middle = middle.clamp(0, small - 1)
    first = middle.floor().long()
    return first, (first + 1).clamp(max=small - 1), (middle - first).float()


@torch.no_grad()
def fit_local_colours(content: Tensor, painted: Tensor, margin: int = MARGIN) -> LocalColours:
    """The affine changes that turn a small content image into a small painted picture as nearly as windows of them can.

    In each window of `WINDOW`² pixels (Σ_I + ε·1)·a_k = cov(I, P_k) + ε·e_k, b_k = mean(P_k) − a_kᵀ·mean(I), means over the
    pixels that are there; a and b of a place are the means over the windows that hold it. The guided filter lacks ε·e_k
    (the unit vector of channel k): with it a is drawn to the content image's own colours, not to nothing, so that what is faint
    in a window stays as clear as it was.

    Args:
        content, painted: I and P, unit RGB 1×3×h×w of one size.
        margin: pixels along the frame whose painted colours do not count; none where the picture is small.
    """
    guide, target = content.double(), painted.double().clamp(0, 1)
    height, width = guide.shape[-2:]
    if min(height, width) <= 4 * margin:
        margin = 0
    believed = torch.zeros(1, 1, height, width, dtype=torch.float64)
    believed[..., margin : height - margin, margin : width - margin] = 1
    count = _box(believed)

    def mean(values: Tensor) -> Tensor:
        return (_box(values * believed) / count)[0]

    guide_mean, target_mean = mean(guide), mean(target)
    pairs = mean((guide[:, :, None] * guide[:, None]).flatten(1, 2)).unflatten(0, (3, 3))
    cross = mean((guide[:, :, None] * target[:, None]).flatten(1, 2)).unflatten(0, (3, 3))
    ridge = EPSILON * torch.eye(3, dtype=torch.float64)[:, :, None, None]
    variance = pairs - guide_mean[:, None] * guide_mean[None] + ridge
    covariance = cross - guide_mean[:, None] * target_mean[None] + ridge
    solved = torch.linalg.solve(variance.permute(2, 3, 0, 1), covariance.permute(2, 3, 0, 1))  # h×w×3 (of I)×3 (of P)
    offsets = target_mean - torch.einsum("hwck,chw->khw", solved, guide_mean)
    matrices = solved.permute(3, 2, 0, 1).flatten(0, 1)
    everywhere = _box(torch.ones_like(believed))
    smooth = (_box(torch.cat([matrices, offsets])[None]) / everywhere)[0].float()
    return LocalColours(smooth[:9].contiguous(), smooth[9:].contiguous())


def _box(values: Tensor) -> Tensor:
    """Sums over windows of N×C×h×w, zero beyond the frame."""
    radius = WINDOW // 2
    for axis in ((radius, radius, 0, 0), (0, 0, radius, radius)):
        kernel = (1, WINDOW) if axis[0] else (WINDOW, 1)
        values = F.avg_pool2d(F.pad(values, axis), kernel, 1) * WINDOW
    return values


def take_light(painted: Image.Image, content: Image.Image, margin: int = MARGIN) -> Image.Image:
    """`content` with the colours and the light of `painted`, a picture of the same shape at any size, at its own size."""
    side = min(FIT_SIDE, max(painted.size))
    size = fit_size(*content.size, side)
    small_content, small_painted = (picture.resize(size, Image.Resampling.LANCZOS) for picture in (content, painted))
    return fit_local_colours(to_tensor(small_content), to_tensor(small_painted), margin).applied(content)


def within_pixels(width: int, height: int, most: float) -> int:
    """The long side of a picture of this shape, its own or that of `most` pixels."""
    return min(max(width, height), math.floor(max(width, height) * math.sqrt(most / (width * height))))
