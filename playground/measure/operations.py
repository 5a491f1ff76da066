"""How much work one evaluation is: operations counted layer by layer, from shapes alone.

Called by memory.py and estimate.py. It knows no machine and no clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import torch

from playground.engine.canvas import CANVASES
from playground.engine.losses import STYLE_LOSSES
from playground.engine.optimisers import OPTIMISERS
from playground.engine.schedule import TILED_ABOVE
from playground.engine.strips import segments, skipped
from playground.engine.tiles import CORE, HALO
from playground.networks.arithmetic import winograd_pays
from playground.networks.catalogue import CHANNELS, LAYERS
from playground.networks.read import describe
from playground.networks.transformer import TransformerNet
from playground.recipe.base import BaseRecipe
from playground.recipe.model import Recipe
from playground.recipe.training import TrainingRecipe

Size = tuple[int, int]  # width, height

# Time besides the products: every value of a map is written, rectified, pooled and read again on the way back.
ELEMENT_OPERATIONS = 500.0  # direct-convolution operations that take as long as one value's share of that
WINOGRAD_RATIO = 0.6  # time of a layer by Winograd over its time by direct convolution
FIXED_SECONDS = {"cpu": 0.004, "cuda": 0.0003, "mps": 0.004}  # of an evaluation at any size: calls, Adam, the frame
LAYER_SECONDS = {"cpu": 0.0, "cuda": 0.000065, "mps": 0.0}  # of a layer at any size, there and back
# A GPU computes so fast that what moves values counts for more; measured on one of the fastest.
GENERATOR_RATIO = {"cpu": 1.0, "cuda": 23.0, "mps": 1.0}  # units of the photorealistic network over what is counted
TILED_PASSES = 5.0  # of a picture in tiles: a first look, the content image, a second look in strips twice, and back
MB = 2**20
FLOAT = 4


@dataclass(frozen=True)
class LayerInUse:
    """One convolution on the way to the deepest layer in use, at one picture size."""

    name: str
    inputs: int
    outputs: int
    width: int
    height: int
    products: float
    """Matrix products that its style loss takes; 0 where it carries no style."""

    @property
    def elements(self) -> int:
        return self.outputs * self.width * self.height

    @property
    def convolution(self) -> int:
        """Operations (two a multiply-add) of the convolution, one way."""
        return 2 * 9 * self.inputs * self.elements

    @property
    def product(self) -> float:
        """Operations of the style statistic, one way."""
        return 2 * self.outputs * self.elements * self.products


def bytes_of_value(recipe: BaseRecipe, device: str = "cpu") -> int:
    """What a value of a map takes, in an arithmetic that is settled; an accelerator's is not told apart."""
    return 2 if device == "cpu" and recipe.arithmetic == "bfloat16" else FLOAT


def layers_in_use(recipe: BaseRecipe, size: Size) -> list[LayerInUse]:
    """The network's convolutions up to the deepest layer that carries a term, for a picture of `size`."""
    style, products = recipe.active_layers("style"), STYLE_LOSSES[recipe.style_loss].products
    names = LAYERS[architecture_of(recipe.network)]
    deepest = max(names.index(name) for kind in recipe.layered for name in recipe.active_layers(kind))
    width, height = size
    layers: list[LayerInUse] = []
    inputs = 3
    for index, name in enumerate(names[: deepest + 1]):
        if index and name[4] != names[index - 1][4]:
            width, height = width // 2, height // 2
        layers.append(LayerInUse(name, inputs, CHANNELS[name], width, height, products if name in style else 0))
        inputs = CHANNELS[name]
    return layers


@cache
def architecture_of(network: str) -> str:
    return describe(network).architecture


def by_winograd(layer: LayerInUse, arithmetic: str) -> bool:
    """Whether a CPU computes a layer by Winograd, in an arithmetic that is settled."""
    return arithmetic == "winograd" and winograd_pays(layer.inputs, layer.outputs, layer.height, layer.width)


@cache
def generator_per_pixel(canvas: str) -> tuple[float, float]:
    """Of a canvas's own network, for each pixel: operations one way, and values kept for the way back; 0 without one."""
    make = CANVASES[canvas].network
    return _per_pixel(make) if make is not None else (0.0, 0.0)


@cache
def trained_per_pixel(width: int, blocks: int) -> tuple[float, float]:
    """The same of a network that is trained for one style."""
    return _per_pixel(partial(TransformerNet, width, blocks))


def _per_pixel(make: Callable[[], torch.nn.Module]) -> tuple[float, float]:
    operations, kept, side = 0, {}, 64

    def count(module: torch.nn.Module, _inputs: object, output: torch.Tensor) -> None:
        nonlocal operations
        assert isinstance(module, torch.nn.Conv2d)
        operations += 2 * output.numel() * module.in_channels * math.prod(module.kernel_size)

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[id(tensor.untyped_storage())] = tensor  # held, so that no two share an id
        return tensor

    with torch.device("meta"):  # shapes only
        network, content = make(), torch.empty(1, 3, side, side)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(count)
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network(content)
    return operations / side**2, sum(tensor.numel() for tensor in kept.values()) / side**2


@dataclass(frozen=True)
class Work:
    """What one evaluation of a picture takes: direct-convolution operations, and the time that comes of them.

    Attributes:
        units: operations that take as long, all in all.
        seconds: on top, on a machine of any speed.
    """

    operations: float
    units: float
    seconds: float


def work_of_step(recipe: TrainingRecipe, device: str = "cpu") -> Work:
    """One step of a training: every crop through the network that is trained, there and back, and seen by the other one.

    Operations are in direct convolution, as for `work_of_evaluation`.
    """
    layers = layers_in_use(recipe, (recipe.image_size, recipe.image_size))
    deepest = max(
        (layers.index(layer) for layer in layers if layer.name in recipe.active_layers("content")), default=-1
    )
    operations = units = 0.0
    for index, layer in enumerate(layers):
        passes = 2.0 + (index <= deepest)  # the content image itself
        ratio = WINOGRAD_RATIO if device == "cpu" and by_winograd(layer, recipe.arithmetic) else 1.0
        operations += passes * layer.convolution + 2 * layer.product
        units += passes * (ratio * layer.convolution + ELEMENT_OPERATIONS / 2 * layer.elements) + 2 * layer.product
    each, kept = trained_per_pixel(recipe.width, recipe.blocks)
    pixels = recipe.image_size**2
    operations += 3 * each * pixels
    units += GENERATOR_RATIO[device] * (3 * each + ELEMENT_OPERATIONS * kept) * pixels
    seconds = FIXED_SECONDS[device] + LAYER_SECONDS[device] * len(layers)
    return Work(recipe.batch_size * operations, recipe.batch_size * units, seconds)


def work_of_evaluation(recipe: Recipe, size: Size, device: str = "cpu", tiled: bool | None = None) -> Work:
    """Loss and gradient of one picture of `size`; operations are in direct convolution, also where Winograd is used.

    Args:
        tiled: whether it is judged in tiles; by its size where None.
    """
    tiled = max(size) > TILED_ABOVE if tiled is None else tiled
    layers = layers_in_use(recipe, size)
    passes = {layer.name: 2.0 for layer in layers}
    looked_at = {name for kind in recipe.layered for name in recipe.active_layers(kind)}
    for segment, names in segments(list(passes), size[0] * size[1], device):
        width = next(layer.width for layer in layers if layer.name == names[0])
        passes |= dict.fromkeys(names, 3 * segment.growth(width))  # forward, forward again and back, with the halos
        if skipped(recipe.pool, names[-1], looked_at):
            passes[names[-1]] = 2 * segment.growth(width)  # what the pool made of it is known
    if tiled:  # both looks at every tile, the second with the content image's own and strips, all with their halos
        halos = ((CORE + 2 * HALO) / CORE) ** 2 if max(size) > CORE else 1.0
        passes = dict.fromkeys(passes, TILED_PASSES * halos)
    operations = units = 0.0
    for layer in layers:
        ratio = WINOGRAD_RATIO if device == "cpu" and by_winograd(layer, recipe.arithmetic) else 1.0
        operations += passes[layer.name] * (layer.convolution + layer.product)
        units += passes[layer.name] * (
            ratio * layer.convolution + layer.product + ELEMENT_OPERATIONS / 2 * layer.elements
        )
    each, kept = generator_per_pixel(recipe.canvas)
    pixels = size[0] * size[1]
    operations += 3 * each * pixels  # its weights have gradients too
    units += GENERATOR_RATIO[device] * (3 * each + ELEMENT_OPERATIONS * kept) * pixels
    seconds = FIXED_SECONDS[device] + LAYER_SECONDS[device] * len(layers)
    optimiser = OPTIMISERS[recipe.optimizer]
    return Work(operations, units * optimiser.units.get(device, 1.0), seconds + optimiser.seconds.get(device, 0.0))
