"""Applying a trained network to a picture of any size in one pass, or in tiles with common statistics.

Called by the command line, the page and measure/. It knows nothing of training.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Protocol

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from playground.errors import PlaygroundError
from playground.feedforward.model import Model
from playground.images.colour import keep_colours
from playground.images.convert import to_picture, to_tensor
from playground.networks.hrnet import pad_to_multiple
from playground.networks.normalisation import TorchConvention
from playground.networks.transformer import Layer, Residual

WHOLE = 128_000_000  # channels × pixels up to which a picture is stylized in one piece: about 2 GB
TILE = 768  # pixels, side of a tile without its overlap
# Pixels of the mirrored picture that are added around it and cut off again: a network that learnt from small crops has
# seen their edges in each, and keeps a band of colour for them.
MARGIN = 24
STROKES = (0.5, 3.0)
"""How fine and how broad strokes can be made, as a factor."""
# Short side and pixels of what is painted for that; a picture beyond stays as it is.
MIN_WORKED, MAX_WORKED = 48, 24_000_000
SAMPLES = (3, 2)  # tiles along the long and the short side that stand for the whole picture's statistics

Statistics = list[tuple[Tensor, Tensor]]
"""Mean and variance per channel at every normalisation, in order."""


class OnePass(Protocol):
    """What paints a picture in one pass: a trained model, or the network for any style image.

    Attributes:
        title: what its style is called.
    """

    title: str

    def __call__(self, content: Tensor, tile: int | None = None) -> Tensor:
        """Unit RGB 1×3×H×W in the style, at the same size, in [0, 1]."""
        ...


class Stylizer:
    """A model made ready to be applied: channels last, in place, upsampling folded into the convolutions behind it.

    Args:
        model: its network is not changed.
        device: where to apply it.
    """

    def __init__(self, model: Model, device: str = "cpu") -> None:
        self.title, self.device = model.card.title, torch.device(device)
        self.convention = TorchConvention(self.device)
        network = model.network
        self.width, self.overlap = network.width, 24 + 8 * network.blocks  # beyond what any output pixel can see
        self._head = [self._ready(layer) for layer in (network.down1, network.down2, network.down3)]
        self._residuals = [self._residual(block) for block in network.residuals]
        self._tail = [self._ready(layer) for layer in (network.up1, network.up2, network.out)]

    def _residual(self, block: torch.nn.Module) -> tuple[_Ready, _Ready]:
        assert isinstance(block, Residual)
        return self._ready(block.first), self._ready(block.second)

    def _ready(self, layer: Layer) -> _Ready:
        return _Ready(layer, self.device)

    @torch.inference_mode()
    def __call__(self, content: Tensor, tile: int | None = None) -> Tensor:
        """The content image in the model's style.

        Args:
            content: unit RGB 1×3×H×W, at least 8 px a side.
            tile: side of the tiles in pixels, rounded up to a multiple of four; None takes what memory allows.

        Returns:
            Unit RGB 1×3×H×W of the same size, in [0, 1].
        """
        height, width = content.shape[-2:]
        x = pad_to_multiple(self.convention.to(content.to(self.device))).contiguous(memory_format=torch.channels_last)
        if tile is None and height * width * self.width > WHOLE:
            tile = TILE
        whole = tile is None or max(height, width) <= tile
        y = self.run(x) if tile is None or whole else self._in_tiles(x, -(-tile // 4) * 4)
        return self.convention.of(y[..., :height, :width]).clamp_(0, 1)

    def _in_tiles(self, x: Tensor, tile: int) -> Tensor:
        """Every tile with the statistics of the whole picture, and seen with more around it than the network can see.

        Both together leave no seam: a tile's pixels are those that one pass with these statistics would give.
        """
        statistics = self.estimate(x, tile)
        y = torch.empty_like(x)
        height, width = x.shape[-2:]
        for top in range(0, height, tile):
            for left in range(0, width, tile):
                bottom, right = min(top + tile, height), min(left + tile, width)
                up, before = max(0, top - self.overlap), max(0, left - self.overlap)
                seen = x[..., up : bottom + self.overlap, before : right + self.overlap]
                stylized = self.run(seen.contiguous(memory_format=torch.channels_last), statistics)
                y[..., top:bottom, left:right] = stylized[..., top - up : bottom - up, left - before : right - before]
        return y

    def estimate(self, x: Tensor, tile: int) -> Statistics:
        """The normalisations' statistics from evenly spread samples of the picture at its own scale.

        A smaller copy of the picture would have harder edges, and so other statistics; samples do not.
        """
        height, width = x.shape[-2:]
        rows, columns = SAMPLES if height > width else SAMPLES[::-1]
        high, wide = min(height, tile), min(width, tile)
        samples = [
            x[..., top : top + high, left : left + wide]
            for top in _spread(height - high, rows)
            for left in _spread(width - wide, columns)
        ]
        collected: Statistics = []
        self.run(torch.cat(samples).contiguous(memory_format=torch.channels_last), collected=collected)
        return collected

    def run(self, x: Tensor, statistics: Statistics | None = None, collected: Statistics | None = None) -> Tensor:
        """One pass in torch's convention, sides divisible by four.

        Args:
            x: N×3×H×W; more than one picture share their statistics.
            statistics: to normalise with; those of `x` itself when None.
            collected: takes the statistics of `x`.
        """
        given = iter(statistics) if statistics is not None else None
        for ready in self._head:
            x = ready(x, given, collected)
        for first, second in self._residuals:
            x = second(first(x, given, collected), given, collected).add_(x)
        for ready in self._tail:
            x = ready(x, given, collected)
        return x


class _Ready:
    """A layer's kernels in the form that is fastest."""

    def __init__(self, layer: Layer, device: torch.device) -> None:
        weight = layer.conv.weight.detach().to(device, torch.float32)
        self.up, self.relu, self.pad, self.stride = layer.up, layer.relu, layer.pad, layer.conv.stride
        self.outputs = weight.shape[0]
        self.kernel = (_folded(weight) if self.up else weight).contiguous(memory_format=torch.channels_last)
        self.norm = layer.norm
        if layer.norm is not None:
            self.scale = layer.norm.weight.detach().to(device, torch.float32)
            self.shift = layer.norm.bias.detach().to(device, torch.float32)
            self.bias = None  # a constant per channel, which the normalisation takes out again
        else:
            assert layer.conv.bias is not None
            self.bias = layer.conv.bias.detach().to(device, torch.float32)

    def __call__(
        self, x: Tensor, given: Iterator[tuple[Tensor, Tensor]] | None, collected: Statistics | None
    ) -> Tensor:
        if self.up:
            x = self._enlarged(x)
        else:
            x = F.conv2d(F.pad(x, [self.pad] * 4, mode="reflect"), self.kernel, self.bias, self.stride)
        if self.norm is not None:
            x = self._normalised(x, given, collected)
        return x.relu_() if self.relu else x

    def _enlarged(self, x: Tensor) -> Tensor:
        """Nearest ×2, mirrored by one, 3×3 convolution: the same as four 2×2 convolutions of the small map.

        Each 2×2 block of the result sees only 2×2 pixels of the small map, whose edge the mirrored enlarged map repeats.
        """
        n, _, height, width = x.shape
        four = F.conv2d(F.pad(x, [1] * 4, mode="replicate"), self.kernel)
        size = (n, self.outputs, height * 2, width * 2)
        y = torch.empty(size, device=x.device, memory_format=torch.channels_last)
        for index, phase in enumerate(four.split(self.outputs, 1)):
            row, column = divmod(index, 2)
            y[..., row::2, column::2] = phase[..., row : row + height, column : column + width]
        return y

    def _normalised(
        self, x: Tensor, given: Iterator[tuple[Tensor, Tensor]] | None, collected: Statistics | None
    ) -> Tensor:
        """Over a single picture, batch normalisation is instance normalisation, with a faster channels-last kernel."""
        assert self.norm is not None
        if given is not None:
            return F.batch_norm(x, *next(given), self.scale, self.shift, eps=self.norm.eps)
        mean, var = torch.zeros_like(self.scale), torch.ones_like(self.scale)
        x = F.batch_norm(x, mean, var, self.scale, self.shift, training=True, momentum=1.0, eps=self.norm.eps)
        if collected is not None:
            collected.append((mean, var))
        return x


def check_strokes(strokes: float) -> None:
    """Refuse strokes so fine or so broad that nothing good comes of them."""
    if not STROKES[0] <= strokes <= STROKES[1]:  # also refuses NaN
        raise PlaygroundError(f"strokes can be {STROKES[0]:g} to {STROKES[1]:g} times as large, not {strokes:g}")


def worked_size(size: tuple[int, int], strokes: float) -> tuple[int, int]:
    """At what width and height a picture is painted: no side too short for the network, no picture too large for memory."""
    width, height = size
    smallest = min(1.0, MIN_WORKED / min(size))
    largest = max(1.0, math.sqrt(MAX_WORKED / (width * height)))
    factor = min(largest, max(smallest, 1 / strokes))
    return max(1, round(width * factor)), max(1, round(height * factor))


def _spread(room: int, count: int) -> list[int]:
    """`count` places from 0 to `room`, evenly."""
    return [round(room * i / (count - 1)) for i in range(count)]


def _folded(weight: Tensor) -> Tensor:
    """A 3×3 kernel behind nearest ×2 as the 2×2 kernels of the four phases, 4·out×in×2×2."""
    first, second, third = weight.unbind(2)
    rows = (torch.stack([first, second + third], 2), torch.stack([first + second, third], 2))
    kernels = []
    for row in rows:
        left, middle, right = row.unbind(3)
        kernels += [torch.stack([left, middle + right], 3), torch.stack([left + middle, right], 3)]
    return torch.cat(kernels)


class Stylized:
    """A content image and its stylized version, from which every strength follows without another pass.

    Args:
        content: a clean RGB picture.
        result: of the same size.
    """

    def __init__(self, content: Image.Image, result: Image.Image) -> None:
        self.content, self.result = content, result

    @cached_property
    def _in_own_colours(self) -> Image.Image:
        return keep_colours(self.result, self.content)

    def at(self, strength: float = 1.0, original_colours: bool = False) -> Image.Image:
        """0 the content image, 1 the style, between them a blend; on request with the content image's colours."""
        full = self._in_own_colours if original_colours else self.result
        return Image.blend(self.content, full, strength)


def stylize_picture(stylizer: OnePass, content: Image.Image, tile: int | None = None, strokes: float = 1.0) -> Stylized:
    """A clean RGB picture in a style, at its own size to the pixel.

    Args:
        strokes: how large they are, `STROKES`. A network paints strokes of so many pixels, whatever the size; so a smaller
            picture is painted for broader ones and brought back to its size, a larger one for finer ones.
    """
    check_strokes(strokes)
    size = worked_size(content.size, strokes)
    if size != content.size:
        painted = stylize_picture(stylizer, content.resize(size, Image.Resampling.LANCZOS), tile).result
        return Stylized(content, painted.resize(content.size, Image.Resampling.LANCZOS))
    margin = min(MARGIN, min(content.size) - 1)
    stylized = stylizer(F.pad(to_tensor(content), [margin] * 4, mode="reflect"), tile)
    return Stylized(
        content, to_picture(stylized[..., margin : margin + content.height, margin : margin + content.width])
    )
