"""What the optimiser paints on: the pixels themselves, a pyramid of sizes whose sum is the picture, or a network's weights.

A canvas gives a unit RGB image and the tensors to optimise; painting.py needs nothing else, and finds it by the recipe's
word in `CANVASES`. It knows nothing of losses and optimisers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from playground.networks.hrnet import HrNet, repaint
from playground.networks.normalisation import CAFFE_MEAN_BGR, TORCH_MEAN, TORCH_STD, TorchConvention
from playground.recipe.model import Recipe

Size = Sequence[int]  # height, width


class Canvas(Protocol):
    """What the loop asks of a canvas."""

    parameters: list[Tensor]

    def image(self) -> Tensor:
        """The picture as unit RGB, 1×3×H×W, differentiable with respect to the parameters."""
        ...

    def clip(self) -> None:
        """Bring every pixel back within what a screen can show, in place."""
        ...

    def resized(self, size: Size) -> Canvas:
        """The same picture at another size, as a new canvas."""
        ...

    def resize_like_parameter(self, index: int, tensor: Tensor) -> Tensor:
        """An optimiser's moment of a smaller canvas's parameter `index` in the shape of this canvas's."""
        ...

    def weights(self, values: Sequence[Tensor]) -> dict[str, np.ndarray] | None:
        """Such parameters by name, where they are a network's that can repaint other pictures; else None."""
        ...


class Space:
    """The units of the optimised pixels: unit [0, 1], normalised (mean 0, deviation 1), or centred (±127).

    `to` and `of` are affine maps per channel: value = unit·scale − shift.
    """

    def __init__(self, name: str, device: torch.device | str = "cpu") -> None:
        scale, shift = {
            "unit": ([1.0] * 3, [0.0] * 3),
            "normalised": ([1 / s for s in TORCH_STD], [m / s for m, s in zip(TORCH_MEAN, TORCH_STD, strict=True)]),
            "centred": ([255.0] * 3, list(reversed(CAFFE_MEAN_BGR))),
        }[name]
        self.scale = torch.tensor(scale, device=device).view(1, 3, 1, 1)
        self.shift = torch.tensor(shift, device=device).view(1, 3, 1, 1)
        # The L-BFGS source clips its centred image to ±127 around the mean; the others to the black and white of a screen.
        bound = torch.full_like(self.scale, 127.0)
        self.low, self.high = (-bound, bound) if name == "centred" else (self.to(0.0), self.to(1.0))
        self.grey = torch.zeros_like(self.scale) if name != "unit" else torch.full_like(self.scale, 0.5)
        self.identity = name == "unit"
        self.narrow = name == "centred"  # its bounds cut off what a screen could still show

    def to(self, unit: Tensor | float) -> Tensor:
        """Unit values in this space."""
        return unit * self.scale - self.shift

    def of(self, value: Tensor) -> Tensor:
        """Values of this space as unit values."""
        return value if self.identity else (value + self.shift) / self.scale

    def clipped(self, unit: Tensor) -> Tensor:
        """A unit image within this space's bounds where they are narrower than a screen's, else as it is."""
        return torch.clamp(unit, self.of(self.low), self.of(self.high)) if self.narrow else unit


def resample(image: Tensor, size: Size) -> Tensor:
    """N×3×H×W at another size: antialiased bicubic, which neither rings much nor blurs like bilinear."""
    if tuple(image.shape[-2:]) == tuple(size):
        return image
    return F.interpolate(image, size=tuple(size), mode="bicubic", align_corners=False, antialias=True)


class PixelCanvas:
    """The pixels themselves, in the recipe's space."""

    def __init__(self, unit: Tensor, space: Space) -> None:
        self.space = space
        self.parameters = [space.to(unit.detach()).clone().requires_grad_(True)]

    def image(self) -> Tensor:
        return self.space.of(self.parameters[0])

    @torch.no_grad()
    def clip(self) -> None:
        torch.clamp(self.parameters[0], self.space.low, self.space.high, out=self.parameters[0].data)

    @torch.no_grad()
    def resized(self, size: Size) -> PixelCanvas:
        return PixelCanvas(resample(self.image(), size), self.space)

    def resize_like_parameter(self, index: int, tensor: Tensor) -> Tensor:
        return resample(tensor, tuple(self.parameters[index].shape[-2:]))

    def weights(self, values: Sequence[Tensor]) -> dict[str, np.ndarray] | None:
        return None


class PyramidCanvas:
    """A Laplacian pyramid: the picture is the sum of levels, each half the size of the one before, all enlarged.

    One step then moves large forms as easily as fine grain (Mordvintsev et al. 2018, "Differentiable image
    parameterizations").
    """

    def __init__(self, unit: Tensor, space: Space, levels: int) -> None:
        self.space, self.levels = space, levels
        self.size: Size = tuple(unit.shape[-2:])
        image, parameters = space.to(unit.detach()), []
        for level in range(levels - 1):
            height, width = self.size[0] >> (level + 1), self.size[1] >> (level + 1)
            if min(height, width) < 4:
                break
            smaller = resample(image, (height, width))
            parameters.append(image - self._enlarge(smaller, image.shape[-2:]))
            image = smaller
        parameters.append(image)
        # A pixel of level k moves 4ᵏ pixels of the picture. With a gain of 2⁻ᵏ on the way in and out a step of the same
        # length moves all levels' forms equally; without it large forms run away before the grain has settled.
        self.gains = [2.0**-level for level in range(len(parameters))]
        self.parameters = [
            (level / gain).requires_grad_(True) for level, gain in zip(parameters, self.gains, strict=True)
        ]

    @staticmethod
    def _enlarge(image: Tensor, size: Size) -> Tensor:
        return F.interpolate(image, size=tuple(size), mode="bilinear", align_corners=False)

    def image(self) -> Tensor:
        picture = self.parameters[-1] * self.gains[-1]
        for level, gain in zip(reversed(self.parameters[:-1]), reversed(self.gains[:-1]), strict=True):
            picture = level * gain + self._enlarge(picture, level.shape[-2:])
        return self.space.of(picture)

    @torch.no_grad()
    def clip(self) -> None:
        # The finest level takes up what is out of range, so that the sum is exactly the clipped picture.
        picture = self.space.to(self.image()) if not self.space.identity else self.image()
        self.parameters[0].add_(torch.clamp(picture, self.space.low, self.space.high) - picture)

    @torch.no_grad()
    def resized(self, size: Size) -> PyramidCanvas:
        return PyramidCanvas(resample(self.image(), size), self.space, self.levels)

    def resize_like_parameter(self, index: int, tensor: Tensor) -> Tensor:
        return resample(tensor, tuple(self.parameters[index].shape[-2:]))

    def weights(self, values: Sequence[Tensor]) -> dict[str, np.ndarray] | None:
        return None


class HrnetCanvas:
    """A picture that is a network's output; what is optimised are the network's weights.

    It paints at one size, without clipping: the losses alone keep the output in range, and it is clamped when shown.

    Args:
        content: what the network sees, unit RGB 1×3×H×W.
        seed: of the first weights, drawn on the CPU so that they are the same on every device.
    """

    def __init__(self, content: Tensor, seed: int, network: HrNet | None = None) -> None:
        if network is None:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                network = HrNet()
        self.network = network.to(content.device)
        self.content, self.seed = content.detach(), seed
        self.convention = TorchConvention(content.device)
        self.parameters: list[Tensor] = list(self.network.parameters())

    def image(self) -> Tensor:
        return repaint(self.network, self.content, self.convention)

    def clip(self) -> None:
        """Nothing: weights have no black and white."""

    def resized(self, size: Sequence[int]) -> HrnetCanvas:
        """The same network on the content image at another size; a network has no size of its own."""
        content = F.interpolate(self.content, size=tuple(size), mode="bicubic", align_corners=False, antialias=True)
        return HrnetCanvas(content, self.seed, self.network)

    def resize_like_parameter(self, index: int, tensor: Tensor) -> Tensor:
        return tensor

    def weights(self, values: Sequence[Tensor]) -> dict[str, np.ndarray] | None:
        """Parameters in the order of `parameters` as plain arrays by name, for a `Repainter`."""
        names = [name for name, _ in self.network.named_parameters()]
        return {name: value.detach().cpu().numpy().copy() for name, value in zip(names, values, strict=True)}


def first_picture(recipe: Recipe, content: Tensor, style: Tensor, space: Space) -> Tensor:
    """The picture a run starts from, as unit RGB of the content picture's size.

    Noise is drawn on the CPU from the recipe's seed, so that it is the same on every device.

    Args:
        content: 1×3×H×W in [0, 1].
        style: 1×3×h×w in [0, 1]; stretched over the canvas for the "style" start.
    """
    if recipe.init == "content":
        return content.clone()
    if recipe.init == "grey":
        return space.of(space.grey.expand_as(content).clone())
    if recipe.init == "style":
        return resample(style, tuple(content.shape[-2:])).clamp(0, 1)
    generator = torch.Generator().manual_seed(recipe.seed)
    shape = content.shape
    if recipe.noise == "uniform":
        noise = torch.rand(shape, generator=generator) * 2 - 1
    else:
        noise = torch.randn(shape, generator=generator)
    noisy = space.of(recipe.noise_mean + noise.to(content.device) * recipe.noise_scale)
    return noisy if recipe.init == "noise" else recipe.init_mix * content + (1 - recipe.init_mix) * noisy


@dataclass(frozen=True)
class CanvasKind:
    """One kind of canvas, as a recipe names it.

    Attributes:
        make: from the recipe, the first picture (unit RGB, 1×3×H×W) and the pixel space.
        parameters: optimised values for each value of the picture, by which measure/ foresees memory.
        network: what is run in each evaluation besides the network that looks, by which measure/ foresees time; or None.
        scales: whether it is painted coarse to fine; a network works at several sizes by itself.
    """

    make: Callable[[Recipe, Tensor, Space], Canvas]
    parameters: float
    network: Callable[[], nn.Module] | None = None
    scales: bool = True


CANVASES: dict[str, CanvasKind] = {
    "pixels": CanvasKind(lambda recipe, first, space: PixelCanvas(first, space), parameters=1),
    "pyramid": CanvasKind(
        lambda recipe, first, space: PyramidCanvas(first, space, recipe.pyramid_levels),
        parameters=4 / 3,  # 1 + 1/4 + 1/16 + ...
    ),
    # The start is what the network sees, in the network's own space.
    "hrnet": CanvasKind(
        lambda recipe, first, space: HrnetCanvas(first, recipe.seed), parameters=0, network=HrNet, scales=False
    ),
}


def make_canvas(recipe: Recipe, first: Tensor, space: Space) -> Canvas:
    """The recipe's canvas, showing `first` (unit RGB, 1×3×H×W)."""
    return CANVASES[recipe.canvas].make(recipe, first, space)


@torch.no_grad()
def set_parameters(canvas: Canvas, values: Sequence[Tensor]) -> None:
    """Let a canvas show other parameters, of the same shapes."""
    for parameter, value in zip(canvas.parameters, values, strict=True):
        parameter.copy_(value)


@torch.no_grad()
def image_with(canvas: Canvas, values: Sequence[Tensor]) -> Tensor:
    """The unit image, 1×3×H×W, that a canvas would show with other parameters."""
    kept = [parameter.detach().clone() for parameter in canvas.parameters]
    set_parameters(canvas, values)
    image = canvas.image().clone()
    set_parameters(canvas, kept)
    return image
