"""The methods that are compared, and painting with one of them under a clock. Called by parts.py and sheet.py."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from playground import load_preset
from playground.features import load_network
from playground.frames import Result
from playground.images import fit_size
from playground.measures import distances
from playground.recipe import DEFAULT_NETWORK, Recipe
from playground.run import Run

MANY = 100_000  # iterations: the clock ends the run
SCALES = (1, 2, 4)  # the output is judged at its size, half and a quarter of it


def single_scale() -> Recipe:
    """Gram matrices on plain pixels at one size with L-BFGS and max pools: the classic way to a good picture."""
    return load_preset("default").changed({
        "style_loss": "relative", "content_weight": 0.5, "variation_weight": 10.0, "canvas": "pixels", "scales": 1,
        "pool": "max", "init": "content", "optimizer": "lbfgs", "learning_rate": 1.0, "lbfgs_history": 20,
        "lbfgs_evaluations": 1, "lbfgs_restart": False, "iterations": MANY, "average": 0.0,
    })  # fmt: skip


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
    photo: Image.Image, style: Image.Image, recipe: Recipe, seconds: float, moments: list[float], device: str = "cpu"
) -> tuple[Result, list[Moment]]:
    """Paint for at most `seconds`; the result, and what was on the screen at the `moments` that were reached."""
    recipe = recipe.changed({"seconds": seconds, "preview_rate": 4})
    run = Run(photo, style, recipe, load_network(recipe.network, device))
    seen: list[Moment] = []
    shown: tuple[float, np.ndarray] | None = None
    result = None
    for frame in run.frames():
        while shown is not None and len(seen) < len(moments) and frame.seconds > moments[len(seen)]:
            seen.append(Moment(moments[len(seen)], Image.fromarray(shown[1])))
        if frame.picture is not None:
            shown = frame.seconds, frame.picture
        result = frame.result
    assert result is not None
    return result, [*seen, Moment(result.seconds, result.picture)]


def judge(photo: Image.Image, style: Image.Image, picture: Image.Image, size: int) -> dict[str, list[float]]:
    """Content and style distance of a picture, enlarged to `size` as a screen does, at each of `SCALES`."""
    network = load_network(DEFAULT_NETWORK)
    width, height = fit_size(*photo.size, size)
    found: dict[str, list[float]] = {"content": [], "style": []}
    for scale in SCALES:
        seen = picture.resize((width, height), Image.Resampling.BICUBIC)
        if scale > 1:
            seen = seen.resize((width // scale, height // scale), Image.Resampling.LANCZOS)
        for name, value in distances(photo, style, seen, network).items():
            found[name].append(value)
    return found
