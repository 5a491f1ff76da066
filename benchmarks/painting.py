"""The methods that are compared, and painting with one of them under a clock. Called by parts.py and sheet.py."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from PIL import Image

from playground import load_preset
from playground.engine.frames import Result
from playground.engine.run import Run
from playground.images.convert import fit_size
from playground.measure.distances import distances
from playground.networks.read import load
from playground.networks.vgg import Vgg, load_network
from playground.recipe.base import DEFAULT_NETWORK, STYLE_BLOCKS
from playground.recipe.model import Recipe

MANY = 100_000  # iterations: the clock ends the run
SCALES = (1, 2, 4)  # the output is judged at its size, half and a quarter of it


def single_scale() -> Recipe:
    """Gram matrices on plain pixels at one size with L-BFGS and max pools: the classic way to a good picture."""
    return Recipe(
        network=DEFAULT_NETWORK, pool="max", padding="replicate", init="content", canvas="pixels", scales=1,
        content_layers={"conv4_2": 1.0}, content_loss="relative", content_weight=0.5, style_weight=1.0,
        style_layers=dict.fromkeys(STYLE_BLOCKS, 1.0), style_loss="relative", variation_weight=10.0, iterations=MANY,
        optimizer="lbfgs", learning_rate=1.0, lbfgs_history=20, lbfgs_evaluations=1, lbfgs_restart=False,
    )  # fmt: skip


def methods(size: int) -> dict[str, Recipe]:
    """The recipes that are compared, by name, at a size."""
    found = {
        "default": load_preset("default"),
        "gatys-adam": load_preset("gatys-adam", DEFAULT_NETWORK).changed({"iterations": MANY}),
        "vgg16-lbfgs": load_preset("vgg16-lbfgs", DEFAULT_NETWORK).changed({"iterations": MANY}),
        "single-scale L-BFGS": single_scale(),
    }
    return {name: recipe.changed({"size": size}) for name, recipe in found.items()}


@dataclass(frozen=True)
class Moment:
    """What a viewer sees `seconds` after the loop's start."""

    seconds: float
    picture: Image.Image


def paint(
    content: Image.Image, style: Image.Image, recipe: Recipe, seconds: float, times: list[float], device: str = "cpu"
) -> tuple[Result, list[Moment]]:
    """Paint for at most `seconds`; the result, and what was on the screen at the `times` that were reached."""
    recipe = recipe.changed({"seconds": seconds, "preview_rate": 4})
    run = Run(content, style, recipe, load_network(recipe.network, device))
    seen: list[Moment] = []
    shown: tuple[float, np.ndarray] | None = None
    result = None
    for frame in run.frames():
        while shown is not None and len(seen) < len(times) and frame.seconds > times[len(seen)]:
            seen.append(Moment(times[len(seen)], Image.fromarray(shown[1])))
        if frame.picture is not None:
            shown = frame.seconds, frame.picture
        result = frame.result
    assert result is not None
    return result, [*seen, Moment(result.seconds, result.picture)]


@lru_cache(maxsize=1)
def stranger() -> Vgg:
    """A VGG16 that has learnt nothing and that no method paints with: random kernels tell textures apart too."""
    weights, generator = load(DEFAULT_NETWORK), torch.Generator().manual_seed(0)
    tensors = {
        name: torch.randn(tensor.shape, generator=generator) * math.sqrt(2 / max(1, tensor[0].numel()))
        if name.endswith("weight")
        else torch.zeros_like(tensor)
        for name, tensor in weights.tensors.items()
    }
    return Vgg(replace(weights, tensors=tensors))


def judge(
    content: Image.Image, style: Image.Image, picture: Image.Image, size: int, network: Vgg | None = None
) -> dict[str, list[float]]:
    """Content and style distance of a picture, enlarged to `size` as a screen does, at each of `SCALES`.

    Args:
        network: whose distances; the default network's where None.
    """
    network = network or load_network(DEFAULT_NETWORK)
    width, height = fit_size(*content.size, size)
    found: dict[str, list[float]] = {"content": [], "style": []}
    for scale in SCALES:
        seen = picture.resize((width, height), Image.Resampling.BICUBIC)
        if scale > 1:
            seen = seen.resize((width // scale, height // scale), Image.Resampling.LANCZOS)
        for name, value in distances(content, style, seen, network).items():
            found[name].append(value)
    return found
