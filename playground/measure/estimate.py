"""What a run will cost on this machine, in seconds and megabytes, before it starts: arithmetic on shapes, no tensor.

Operations are counted layer by layer; how long one takes is a `Pace`, first guessed from a short probe, then taken from
every run that has ended. Called by the page whenever a control moves, by jobs.py and by the command line.
"""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise

import torch
import torch.nn.functional as F

from playground.engine.evaluator import RECORD_AFTER
from playground.engine.frames import Result
from playground.engine.optimisers import lbfgs_history
from playground.engine.schedule import evaluations_of, plan_stages, style_long_side
from playground.engine.tiling import segments
from playground.images.load import fit_size
from playground.networks import winograd
from playground.networks.hrnet import HrNet
from playground.networks.weights import CHANNELS, LAYERS, describe, home
from playground.recipe.model import Recipe
from playground.recipe.training import TrainingRecipe
from playground.system.device import describe_device, processor_name
from playground.system.files import whole_file

Size = tuple[int, int]  # width, height

# Time besides the products: every value of a map is written, rectified, pooled and read again on the way back.
ELEMENT_OPERATIONS = 500.0  # direct-convolution operations that take as long as one value's share of that
WINOGRAD_SHARE = 0.6  # time of a layer by Winograd over its time by direct convolution
FIXED_SECONDS = {"cpu": 0.004, "cuda": 0.0003, "mps": 0.004}  # of an evaluation at any size: calls, Adam, the frame
LAYER_SECONDS = {"cpu": 0.0, "cuda": 0.000065, "mps": 0.0}  # of a layer at any size, there and back
# A GPU computes so fast that what moves values counts for more; measured on one of the fastest.
LBFGS_SECONDS = {"cpu": 0.0, "cuda": 0.0013, "mps": 0.0}  # more than Adam, of an evaluation at any size
LBFGS_SHARE = {"cpu": 1.0, "cuda": 1.6, "mps": 1.0}  # units of an evaluation over those with Adam
RECORDING_SECONDS = {"cpu": 0.0, "cuda": 0.03, "mps": 0.0}  # of a size, before its evaluations are replayed
GENERATOR_SHARE = {"cpu": 1.0, "cuda": 23.0, "mps": 1.0}  # units of the photorealistic network over what is counted
FIXED_UNITS = 1.1e10  # of work at any size, fitted to 128 to 768 px: kernels and small maps keep the machine less busy
PROBED_SHARE = 0.7  # pace of whole evaluations over that of the convolution in the probe
PACE_FILE = "pace.json"
# Memory, fitted to the peaks that `python -m benchmarks --only memory` measures.
BASE_MB = {"cpu": 640.0, "cuda": 100.0, "mps": 100.0}  # the interpreter with torch; an accelerator's workspaces
FRAGMENTS = {"cpu": 1.15, "cuda": 1.5, "mps": 1.15}  # what the allocator holds over what is in use
GRADIENTS = 3  # maps of a layer's size alive on the way back: incoming, masked, outgoing
PICTURES = 8  # of the canvas's size beside the optimiser's: gradient, best, targets, previews and passing copies
GENERATOR_MAPS, GENERATOR_MAPS_PER_BLOCK = 9.75, 1.5  # of a training's network, full-size maps for one of its width
TRAINING_HELD_MB = 200.0  # its network, the optimiser's moments, photographs on the way
TRAINING_FRAGMENTS = 1.45  # as FRAGMENTS, with the photographs' own targets
MB = 2**20
FLOAT = 4

logger = logging.getLogger(__name__)


# --- counting -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """One convolution on the way to the deepest layer in use, at one picture size."""

    name: str
    inputs: int
    outputs: int
    width: int
    height: int
    gram: bool

    @property
    def elements(self) -> int:
        return self.outputs * self.width * self.height

    @property
    def convolution(self) -> int:
        """Operations (two a multiply-add) of the convolution, one way."""
        return 2 * 9 * self.inputs * self.elements

    @property
    def product(self) -> int:
        """Operations of the Gram matrix, one way; nothing where the layer carries no style."""
        return 2 * self.outputs * self.elements if self.gram else 0


def layers_in_use(recipe: Recipe, size: Size) -> list[Layer]:
    """The network's convolutions up to the deepest layer that carries content or style, for a picture of `size`."""
    style = recipe.active_layers("style")
    names = LAYERS[_architecture(recipe.network)]
    deepest = max(names.index(name) for name in {*style, *recipe.active_layers("content")})
    width, height = size
    layers: list[Layer] = []
    inputs = 3
    for index, name in enumerate(names[: deepest + 1]):
        if index and name[4] != names[index - 1][4]:
            width, height = width // 2, height // 2
        layers.append(Layer(name, inputs, CHANNELS[name], width, height, name in style))
        inputs = CHANNELS[name]
    return layers


@cache
def _architecture(network: str) -> str:
    return describe(network).architecture


def _by_winograd(layer: Layer) -> bool:
    return winograd.pays(layer.inputs, layer.outputs, layer.height, layer.width)


@cache
def _generator_per_pixel() -> tuple[float, float]:
    """Of the photorealistic network, for each pixel: operations one way, and values kept for the way back."""
    operations, kept, side = 0, {}, 64

    def count(module: torch.nn.Module, _inputs: object, output: torch.Tensor) -> None:
        nonlocal operations
        assert isinstance(module, torch.nn.Conv2d)
        operations += 2 * output.numel() * module.in_channels * math.prod(module.kernel_size)

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[id(tensor.untyped_storage())] = tensor  # held, so that no two share an id
        return tensor

    with torch.device("meta"):  # shapes only
        network, photo = HrNet(), torch.empty(1, 3, side, side)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(count)
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network(photo)
    return operations / side**2, sum(tensor.numel() for tensor in kept.values()) / side**2


@dataclass(frozen=True)
class Work:
    """What one evaluation of a picture takes: direct-convolution operations, and the time that comes of them.

    Attributes:
        units: of time at a pace of 1.
        seconds: at any pace.
    """

    operations: float
    units: float
    seconds: float


def work_of_evaluation(recipe: Recipe, size: Size, device: str = "cpu") -> Work:
    """Loss and gradient of one picture of `size`; operations are in direct convolution, also where Winograd is used."""
    layers = layers_in_use(recipe, size)
    passes = {layer.name: 2.0 for layer in layers}
    for segment, names in segments(
        list(passes), size[0] * size[1], device
    ):  # forward, forward again and back, with the halos
        width = next(layer.width for layer in layers if layer.name == names[0])
        passes |= dict.fromkeys(names, 3 * segment.growth(width))
    operations = units = 0.0
    for layer in layers:
        share = WINOGRAD_SHARE if device == "cpu" and _by_winograd(layer) else 1.0
        operations += passes[layer.name] * (layer.convolution + layer.product)
        units += passes[layer.name] * (
            share * layer.convolution + layer.product + ELEMENT_OPERATIONS / 2 * layer.elements
        )
    if recipe.canvas == "hrnet":
        each, kept = _generator_per_pixel()
        pixels = size[0] * size[1]
        operations += 3 * each * pixels  # its weights have gradients too
        units += GENERATOR_SHARE[device] * (3 * each + ELEMENT_OPERATIONS * kept) * pixels
    seconds = FIXED_SECONDS[device] + LAYER_SECONDS[device] * len(layers)
    if recipe.optimizer == "lbfgs":
        units, seconds = units * LBFGS_SHARE[device], seconds + LBFGS_SECONDS[device]
    return Work(operations, units, seconds)


# --- memory -------------------------------------------------------------------------------------------------------


def _moments(recipe: Recipe, parameters: float, device: str) -> int:
    """Tensors of the canvas's size that the optimiser holds: Adam's two, or L-BFGS's memory and its own copies.

    The whole memory is asked for at once; a CPU takes a page when it is written to.
    """
    if recipe.optimizer == "adam":
        return 2
    pairs = lbfgs_history(recipe.lbfgs_history, math.ceil(2 * FLOAT * parameters))
    if device == "cpu":
        pairs = min(pairs, recipe.lbfgs_evaluations * (1 if recipe.lbfgs_restart else recipe.iterations))
    return 2 * pairs + 6


def _peak_of_maps(layers: list[Layer], pool: str) -> float:
    """Most bytes of maps and their gradients at any moment of one evaluation that keeps all of them."""
    kept, highest = 0.0, 0.0
    for layer, after in pairwise([*layers, None]):
        assert layer is not None
        kept += FLOAT * layer.elements
        deeper = after.elements if after is not None else 0
        highest = max(highest, kept + GRADIENTS * FLOAT * (layer.elements + deeper))
        if after is not None and after.name[4] != layer.name[4]:
            kept += (
                (FLOAT + (8 if pool == "max" else 0)) * layer.elements / 4
            )  # the pooled maps and where they came from
    return highest


def _peak_of_evaluation(recipe: Recipe, size: Size, device: str) -> float:
    layers = layers_in_use(recipe, size)
    highest = held = 0.0
    whole = layers
    for segment, names in segments([layer.name for layer in layers], size[0] * size[1], device):
        ours, whole = whole[: len(names)], whole[len(names) :]
        rows = segment.rows(ours[0].width) * segment.growth(ours[0].width)
        strip = [replace(layer, height=math.ceil(rows * layer.height / ours[0].height)) for layer in ours]
        passed_on = FLOAT * whole[0].inputs * whole[0].width * whole[0].height
        highest = max(highest, held + _peak_of_maps(strip, recipe.pool) + 2 * passed_on)  # the maps and their gradient
        held += passed_on + FLOAT * sum(
            layer.elements for layer in ours if layer.name in recipe.active_layers("content")
        )
    return max(highest, held + _peak_of_maps(whole, recipe.pool))  # on the way back one follows the other


def _peak_of_targets(recipe: Recipe, size: Size, device: str) -> float:
    """Most bytes of describing a style picture: the maps of its layers and the two being worked on."""
    layers = layers_in_use(recipe, size)
    in_strips = sum(len(names) for _, names in segments([layer.name for layer in layers], size[0] * size[1], device))
    held = layers[in_strips:]
    return FLOAT * (sum(layer.elements for layer in held if layer.gram) + 2 * held[0].elements)


@dataclass(frozen=True)
class Memory:
    """What a run takes (MiB) beside the bare program.

    Attributes:
        network: once for all runs that paint with it.
        held: from the run's beginning to its end: the picture, the optimiser's memory, targets.
        passing: during one evaluation alone, so that of runs which take turns only the largest counts.
    """

    network: float
    held: float
    passing: float


def memory_of(recipe: Recipe, content_size: Size, style_size: Size, device: str = "cpu") -> Memory:
    """What a run or a training takes, by when it takes it.

    Args:
        content_size: of no account for a training.

    Raises:
        PlaygroundError: the recipe names a network that cannot be used.
    """
    size = (recipe.image_size,) * 2 if isinstance(recipe, TrainingRecipe) else fit_size(*content_size, recipe.size)
    layers, pixels = layers_in_use(recipe, size), size[0] * size[1]
    names = LAYERS[_architecture(recipe.network)]
    kernels = {name: 9 * CHANNELS[name] * CHANNELS.get(before, 3) for before, name in pairwise(("", *names))}
    network = 2.0 * FLOAT * sum(kernels.values())  # twice: while the file is read
    if device == "cpu":
        planes = [4 * FLOAT * kernels[layer.name] for layer in layers if _by_winograd(layer)]
        network += sum(planes) + 2 * max(planes, default=0)  # the largest in double precision, while it is made
    if isinstance(recipe, TrainingRecipe):
        generator = FLOAT * recipe.width * (GENERATOR_MAPS + GENERATOR_MAPS_PER_BLOCK * recipe.blocks)
        maps = recipe.batch_size * (_peak_of_maps(layers, recipe.pool) + generator * pixels)
        return Memory(network / MB, TRAINING_HELD_MB, TRAINING_FRAGMENTS * maps / MB)
    style = fit_size(*style_size, style_long_side(recipe, style_size, recipe.size))
    maps = _peak_of_evaluation(recipe, size, device)
    parameters = 3.0 * pixels
    if recipe.canvas == "pyramid":
        parameters *= 4 / 3  # 1 + 1/4 + 1/16 + ...
    if recipe.canvas == "hrnet":
        maps += FLOAT * _generator_per_pixel()[1] * pixels
        parameters = 0.0  # of the size of the picture
    pictures = FLOAT * (parameters * _moments(recipe, parameters, device) + PICTURES * 3.0 * pixels)
    return Memory(
        network / MB, pictures / MB, FRAGMENTS[device] * max(maps, _peak_of_targets(recipe, style, device)) / MB
    )


def megabytes_of(recipe: Recipe, content_size: Size, style_size: Size, device: str = "cpu") -> float:
    """Peak resident memory of a process that paints this (MiB); on an accelerator the allocator's peak.

    Raises:
        PlaygroundError: the recipe names a network that cannot be used.
    """
    memory = memory_of(recipe, content_size, style_size, device)
    return BASE_MB[device] + memory.network + memory.held + memory.passing


# --- the estimate -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StageCost:
    """One size of the plan."""

    size: Size
    evaluations: int
    work: Work
    """Of one evaluation."""
    seconds: float
    """Of all evaluations and recording one, with describing both pictures at every size but the first, as a run counts
    its seconds."""


@dataclass(frozen=True)
class Estimate:
    """What a run will cost.

    Attributes:
        seconds: of the loop, as `Result.seconds` counts them: without reading files and first targets.
        megabytes: peak resident memory of the process (MiB), on an accelerator the allocator's.
        first_preview_seconds: from the loop's start to the first picture that is not the start itself.
        stages: size by size.
        measured: whether the pace comes from runs on this machine, not from a probe or a guess.
    """

    seconds: float
    megabytes: float
    first_preview_seconds: float
    stages: tuple[StageCost, ...]
    measured: bool


def estimate(
    recipe: Recipe, content_size: Size, style_size: Size, pace: Pace | None = None, device: str = "cpu"
) -> Estimate:
    """Seconds and megabytes of a run.

    Args:
        content_size, style_size: width and height of the two pictures as they are, before any resizing.
        pace: of the machine; `pace_of(device)` where None.
        device: "cpu", "cuda" or "mps".

    Raises:
        PlaygroundError: the recipe names a network that cannot be used.
    """
    pace = pace or pace_of(device)
    stages: list[StageCost] = []
    for stage in plan_stages(recipe, max(content_size) / min(content_size)):
        size = fit_size(*content_size, stage.size)
        work = work_of_evaluation(recipe, size, device)
        evaluations = evaluations_of(stage, recipe)
        seconds = evaluations * pace.seconds(work, size)
        if evaluations > RECORD_AFTER:
            seconds += RECORDING_SECONDS[device]
        if stages:  # the targets, forward only
            style = fit_size(*style_size, style_long_side(recipe, style_size, stage.size))
            both = work.units + work_of_evaluation(recipe, style, device).units
            seconds += pace.seconds(replace(work, units=both / 2), size)
        stages.append(StageCost(size, evaluations, work, seconds))
    first = pace.seconds(stages[0].work, stages[0].size)
    return Estimate(
        seconds=min(sum(stage.seconds for stage in stages), recipe.seconds or math.inf),
        megabytes=megabytes_of(recipe, content_size, style_size, device),
        first_preview_seconds=first,
        stages=tuple(stages),
        measured=bool(pace.points),
    )


def too_large(
    recipe: Recipe, content_size: Size, style_size: Size, limit: float | None, device: str = "cpu"
) -> str | None:
    """A sentence for a run that needs more than `limit` megabytes, with the next size that fits; None where it fits."""
    needed = megabytes_of(recipe, content_size, style_size, device)
    if limit is None or needed <= limit:
        return None
    fitting = largest_size_that_fits(recipe, content_size, style_size, limit, device)
    advice = f"try {fitting} px" if fitting else "close other programs or use another machine"
    return (
        f"{recipe.size} px needs about {needed / 1024:.1f} GB of memory and {limit / 1024:.1f} GB are free: {advice}."
    )


def largest_size_that_fits(
    recipe: Recipe, content_size: Size, style_size: Size, limit: float, device: str = "cpu"
) -> int | None:
    """The largest size below the recipe's, a multiple of 32, that takes at most `limit` megabytes; None for none."""
    for size in range((recipe.size - 1) // 32 * 32, 63, -32):  # from above: strips let a larger size need less
        if megabytes_of(recipe.model_copy(update={"size": size}), content_size, style_size, device) <= limit:
            return size
    return None


# --- pace ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pace:
    """How fast a machine is: seconds for 10⁹ units of work, by size of picture.

    Attributes:
        points: by class of size, the rounded binary logarithm of the pixels; from runs that have ended.
        guess: where there are no points.
    """

    guess: float
    points: dict[int, float] = field(default_factory=dict)

    def at(self, size: Size) -> float:
        """The pace between the two nearest sizes that were measured, or at the nearest."""
        wanted = math.log2(size[0] * size[1])
        classes = sorted(self.points)
        if not classes:
            return self.guess
        below = max((c for c in classes if c <= wanted), default=classes[0])
        above = min((c for c in classes if c >= wanted), default=classes[-1])
        part = (wanted - below) / (above - below) if above > below else 0.0
        return self.points[below] * (1 - part) + self.points[above] * part

    def seconds(self, work: Work, size: Size) -> float:
        return work.seconds + (work.units + FIXED_UNITS) / 1e9 * self.at(size)

    def observed(self, work: Work, size: Size, seconds: float) -> Pace:
        """With one measured evaluation more: the first of its class as it is, later ones half way towards it."""
        key = round(math.log2(size[0] * size[1]))
        new = max(seconds - work.seconds, seconds / 10) / ((work.units + FIXED_UNITS) / 1e9)
        return Pace(self.guess, {**self.points, key: (self.points.get(key, new) + new) / 2})


_paces: dict[str, Pace] = {}
_lock = threading.Lock()


def pace_of(device: str = "cpu") -> Pace:
    """This machine's pace on a device: from runs in this process or before it, else from a probe of a tenth of a second."""
    name = _machine(device)
    with _lock:
        if name not in _paces:
            points = _stored().get(name)
            _paces[name] = Pace(0.0, points) if points else Pace(probe(device))
        return _paces[name]


def observe_run(result: Result, device: str = "cpu") -> None:
    """Learn from a run that had the device to itself, and keep it for the next start of the program.

    Nothing is learnt where a journal changed the layers, or from sizes that saw too few evaluations to tell.
    """
    if any(change.key in ("content_layers", "style_layers") for change in result.recipe.journal):
        return
    pace = pace_of(device)
    for size, seconds in seconds_of_evaluations(result):
        pace = pace.observed(work_of_evaluation(result.recipe, size, device), size, seconds)
    with _lock:
        _paces[_machine(device)] = pace
        _store(_machine(device), pace.points)


def seconds_of_evaluations(result: Result) -> list[tuple[Size, float]]:
    """The mean time of an evaluation at each size of a run, from its curve, without those that warm up or are recorded."""
    found = []
    before = 0
    for stage in result.recipe.plan or ():
        until = before + (stage.evaluations or 0)
        points = [point for point in result.curve if before < point["evaluations"] <= until]
        if len(points) >= 2:
            first, last = points[min(RECORD_AFTER, len(points) // 2 - 1)], points[-1]
            each = (last["seconds"] - first["seconds"]) / (last["evaluations"] - first["evaluations"])
            found.append((fit_size(*result.picture.size, stage.size), each))
        before = until
    return found


@torch.no_grad()
def probe(device: str = "cpu") -> float:
    """Seconds for 10⁹ units of work, from a convolution like those of the network's middle, the best of three."""
    x = torch.ones(1, 256, 64, 64, device=device).contiguous(memory_format=torch.channels_last)
    kernel = torch.ones(256, 256, 3, 3, device=device).contiguous(memory_format=torch.channels_last)
    best = math.inf
    for _ in range(4):  # the first warms up and is never the best
        began = time.perf_counter()
        F.conv2d(x, kernel, padding=1).flatten()[0].item()  # waits for the device
        best = min(best, time.perf_counter() - began)
    return PROBED_SHARE * best / (2 * 9 * 256 * 256 * 64 * 64 / 1e9)


@cache
def _machine(device: str) -> str:
    return f"{describe_device(device)}, {processor_name()}"


def _stored() -> dict[str, dict[int, float]]:
    """The paces in the file by machine and device; empty where there is none that can be read."""
    try:
        data = json.loads((home() / PACE_FILE).read_text("utf-8"))
        return {
            name: {int(key): float(value) for key, value in points.items() if 0 < float(value) < math.inf}
            for name, points in data.items()
        }
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _store(name: str, points: dict[int, float]) -> None:
    """Write the file anew, whole or not at all; a home that cannot be written only forgets."""
    path = home() / PACE_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path, durable=False) as unfinished:
            unfinished.write_text(json.dumps({**_stored(), name: points}, indent=1), "utf-8")
    except OSError as error:
        logger.info("the pace of this machine could not be kept: %s", error)
