"""How much memory a run or a training takes, and the largest size that fits, from shapes alone.

Called by whoever admits a run and by the page. What this machine has stands in system/memory.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

from playground.engine.canvas import CANVASES
from playground.engine.neighbours import MAX_CANDIDATES, MAX_POSITIONS, ROWS
from playground.engine.optimisers import OPTIMISERS
from playground.engine.schedule import TILED_ABOVE, style_long_side
from playground.engine.strips import segments, skipped
from playground.engine.tiles import CORE, HALO
from playground.images.convert import cut_size, fit_size
from playground.measure.operations import (
    FLOAT,
    MB,
    LayerInUse,
    Size,
    architecture_of,
    by_winograd,
    bytes_of_value,
    generator_per_pixel,
    layers_in_use,
)
from playground.networks.arithmetic_choice import settled
from playground.networks.catalogue import CHANNELS, LAYERS
from playground.recipe.model import Recipe
from playground.recipe.training import TrainingRecipe

# Memory, fitted to the peaks that `python -m benchmarks --only memory` measures.
BASE_MB = {"cpu": 640.0, "cuda": 100.0, "mps": 100.0}  # the interpreter with torch; an accelerator's workspaces
FRAGMENTS = {"cpu": 1.15, "cuda": 1.5, "mps": 1.15}  # what the allocator holds over what is in use
GRADIENTS = 3  # maps of a layer's size alive on the way back: incoming, masked, outgoing
PICTURES = 8  # of the canvas's size beside the optimiser's: gradient, best, targets, previews and passing copies
PRINT_PICTURES = 7  # the same of a size for print
RESULT_BYTES = (
    18.0  # a pixel of a result larger than what is painted: the content image at its size, best and last result
)
GENERATOR_MAPS, GENERATOR_MAPS_PER_BLOCK = 9.75, 1.5  # of a training's network, full-size maps for one of its width
TRAINING_HELD_MB = 200.0  # its network, the optimiser's moments, photographs on the way
PLACE = 1.0  # of a pooled value: which of four it was
MAPPED = ("content", "neighbours")  # terms that want a layer's maps, which style does not
TRAINING_FRAGMENTS = 1.45  # as FRAGMENTS, with the photographs' own targets


def _peak_of_maps(layers: list[LayerInUse], pool: str, each: int) -> float:
    """Most bytes of maps and their gradients at any moment of one evaluation that keeps all of them.

    Args:
        each: bytes of a value; of maps in bfloat16 statistics are taken of a copy in float32.
    """
    kept, highest = 0.0, 0.0
    for layer, after in pairwise([*layers, None]):
        assert layer is not None
        kept += each * layer.elements
        deeper = after.elements if after is not None else 0
        single = FLOAT * layer.elements if each < FLOAT and (layer.products or layer.inputs == 3) else 0
        highest = max(highest, kept + max(GRADIENTS * each * (layer.elements + deeper), single))
        if after is not None and after.name[4] != layer.name[4]:
            kept += (
                (each + (8 if pool == "max" else 0)) * layer.elements / 4
            )  # the pooled maps and where they came from
    return highest


def _peak_of_evaluation(recipe: Recipe, size: Size, device: str) -> float:
    layers, each = layers_in_use(recipe, size), bytes_of_value(recipe, device)
    highest = held = 0.0
    whole, looked_at = layers, {name for kind in recipe.layered for name in recipe.active_layers(kind)}
    for segment, names in segments([layer.name for layer in layers], size[0] * size[1], device):
        ours, whole = whole[: len(names)], whole[len(names) :]
        rows = segment.rows(ours[0].width) * segment.growth(ours[0].width)
        strip = [replace(layer, height=math.ceil(rows * layer.height / ours[0].height)) for layer in ours]
        passed_on = whole[0].inputs * whole[0].width * whole[0].height
        pooled = (each + (PLACE if skipped(recipe.pool, names[-1], looked_at) else 0)) * passed_on
        gradient = each * passed_on
        highest = max(highest, held + _peak_of_maps(strip, recipe.pool, each) + pooled + gradient)
        held += pooled + FLOAT * sum(
            layer.elements for layer in ours if any(layer.name in recipe.active_layers(kind) for kind in MAPPED)
        )
    return max(highest, held + _peak_of_maps(whole, recipe.pool, each))  # on the way back one follows the other


def _held_by_neighbours(recipe: Recipe, layers: list[LayerInUse]) -> float:
    """Bytes of the style images' vectors, those that the picture is compared with, and the content image's in half precision."""
    wanted = recipe.active_layers("neighbours")
    rows = MAX_CANDIDATES + MAX_POSITIONS
    return sum(
        FLOAT * layer.outputs * rows + FLOAT / 2 * layer.elements for layer in layers if layer.name in wanted
    ) + (FLOAT * ROWS * MAX_CANDIDATES if wanted else 0)


def _peak_of_targets(recipe: Recipe, size: Size, device: str) -> float:
    """Most bytes of describing a style picture: the maps of its layers and the two being worked on."""
    layers = layers_in_use(recipe, size)
    in_strips = sum(len(names) for _, names in segments([layer.name for layer in layers], size[0] * size[1], device))
    held = layers[in_strips:]
    each = bytes_of_value(recipe, device)
    single = FLOAT * held[0].elements if each < FLOAT else 0
    return each * (sum(layer.elements for layer in held if layer.products) + 2 * held[0].elements) + single


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


def memory_of(recipe: Recipe | TrainingRecipe, content_size: Size, style_size: Size, device: str = "cpu") -> Memory:
    """What a run or a training takes here, by when it takes it.

    Args:
        content_size: of no account for a training.

    Raises:
        PlaygroundError: the recipe names a network that cannot be used.
    """
    recipe, _ = settled(recipe, device)
    if isinstance(recipe, TrainingRecipe):
        size = (recipe.image_size, recipe.image_size)
    else:
        content_size, style_size = cut_size(*content_size, recipe.crop), cut_size(*style_size, recipe.style_crop)
        size = fit_size(*content_size, recipe.painted_size)
    layers, pixels = layers_in_use(recipe, size), size[0] * size[1]
    names = LAYERS[architecture_of(recipe.network)]
    kernels = {name: 9 * CHANNELS[name] * CHANNELS.get(before, 3) for before, name in pairwise(("", *names))}
    network = 2.0 * FLOAT * sum(kernels.values())  # twice: while the file is read
    if device == "cpu" and recipe.arithmetic != "winograd":
        network += 2 * bytes_of_value(recipe) * sum(kernels[layer.name] for layer in layers)  # laid out, for both ways
    elif device == "cpu":
        planes = [4 * FLOAT * kernels[layer.name] for layer in layers if by_winograd(layer, recipe.arithmetic)]
        network += sum(planes) + 2 * max(planes, default=0)  # the largest in double precision, while it is made
    if isinstance(recipe, TrainingRecipe):
        generator = FLOAT * recipe.width * (GENERATOR_MAPS + GENERATOR_MAPS_PER_BLOCK * recipe.blocks)
        maps = recipe.batch_size * (
            _peak_of_maps(layers, recipe.pool, bytes_of_value(recipe, device)) + generator * pixels
        )
        return Memory(network / MB, TRAINING_HELD_MB, TRAINING_FRAGMENTS * maps / MB)
    style = fit_size(*style_size, style_long_side(recipe, style_size, recipe.painted_size))
    for_print = bool(recipe.plan and recipe.plan[-1].tiled)  # plain pixels and Adam
    tile = (min(CORE + 2 * HALO, size[0]), min(CORE + 2 * HALO, size[1]))
    maps = _peak_of_evaluation(recipe, tile if for_print or max(size) > TILED_ABOVE else size, device)
    maps += 0 if for_print else FLOAT * generator_per_pixel(recipe.canvas)[1] * pixels
    parameters = CANVASES["pixels" if for_print else recipe.canvas].parameters * 3.0 * pixels
    optimiser = OPTIMISERS["adam" if for_print else recipe.optimizer]
    held = optimiser.held(recipe, FLOAT * parameters, device)
    beside = PRINT_PICTURES if for_print else PICTURES
    pictures = FLOAT * (parameters * held + beside * 3.0 * pixels) + _held_by_neighbours(recipe, layers)
    if recipe.size > recipe.painted_size:
        pictures += RESULT_BYTES * math.prod(fit_size(*content_size, recipe.size))
    maps = FRAGMENTS[device] * max(maps, _peak_of_targets(recipe, style, device))
    found = Memory(network / MB, pictures / MB, maps / MB)
    before = max((stage.size for stage in recipe.plan or () if not stage.tiled), default=0)
    if not for_print or not before:
        return found
    smaller = recipe.model_copy(update={"size": before, "plan": None})
    other = memory_of(smaller, content_size, style_size, device)  # what the sizes before took, in their own way
    return Memory(found.network, max(found.held, other.held), max(found.passing, other.passing))


def megabytes_of(recipe: Recipe, content_size: Size, style_size: Size, device: str = "cpu") -> float:
    """Peak resident memory of a process that paints this (MiB); on an accelerator the allocator's peak.

    Raises:
        PlaygroundError: the recipe names a network that cannot be used.
    """
    memory = memory_of(recipe, content_size, style_size, device)
    return BASE_MB[device] + memory.network + memory.held + memory.passing


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
