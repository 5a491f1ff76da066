"""The files of a training: the model, the checkpoint from which it goes on to the same bits, a before/after picture.

Called by training.py, and by whoever starts or resumes one. It must not know how a step is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from playground.feedforward.layouts import ModelError
from playground.feedforward.model import Model, read_tensors, save_model, write_tensors
from playground.images.save import save_picture
from playground.recipe.parse import stored_training
from playground.recipe.training import TrainingRecipe


@dataclass(frozen=True)
class Paths:
    """The files of one training: the model, all that is needed to go on, and the latest before/after picture."""

    model: Path

    @property
    def state(self) -> Path:
        return self.model.with_name(f"{self.model.stem}.state.safetensors")

    @property
    def grid(self) -> Path:
        return self.model.with_name(f"{self.model.stem}.jpg")


def write_checkpoint(
    paths: Paths, model: Model, grid: np.ndarray, tensors: dict[str, Tensor], state: dict[str, Any], *, half: bool
) -> None:
    """Write the model, the before/after picture, and last all that is needed to go on, each whole or not at all.

    Args:
        grid: H×W×3 uint8.
        tensors: weights and the optimiser's moments.
        state: the rest, as plain data.
        half: keep 16 bits a weight in the model; `tensors` always keep 32.

    Raises:
        PlaygroundError: a file cannot be written.
    """
    save_model(model.network, model.card, paths.model, half=half)
    save_picture(Image.fromarray(grid), paths.grid, sole=True)
    write_tensors(paths.state, tensors, state)


def read_checkpoint(
    paths: Paths, style_sha256: str, photos: int, recipe: TrainingRecipe
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `write_checkpoint` was given, once it is known to be of this style, these photographs and this network.

    Args:
        style_sha256: of the style picture's pixels.
        photos: how many photographs there are.

    Raises:
        PlaygroundError: there is no checkpoint, or one of something else.
    """
    name = paths.state.name
    tensors, state = _read_state(paths.model)
    if state["style_sha256"] != style_sha256:
        raise ModelError(f"{name!r} was trained on another style picture: give that one, or another output")
    if state["photos"] != photos:
        raise ModelError(
            f"{name!r} was trained on {state['photos']} photographs and there are {photos} now: "
            "give the same folder, or another output and start_from"
        )
    for key in ("width", "blocks"):
        if state["recipe"].get(key) != getattr(recipe, key):
            raise ModelError(f"{name!r} has {key} {state['recipe'].get(key)}, which cannot change any more")
    return tensors, state


def saved_recipe(output: Path) -> TrainingRecipe:
    """The settings of the checkpoint beside `output`, to be gone on with.

    Raises:
        PlaygroundError: there is no checkpoint, or none of a training.
    """
    return stored_training(_read_state(output)[1]["recipe"])


def _read_state(output: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    path = Paths(output).state
    if not path.is_file():
        raise ModelError(f"there is no checkpoint {str(path)!r} to go on from: train without --resume first")
    tensors, state = read_tensors(path)
    wanted = {"recipe", "step", "seconds", "rate_scale", "recoveries", "curve", "style_sha256", "photos"}
    if not wanted <= state.keys():
        raise ModelError(f"{path.name!r} is no checkpoint of a training: train without --resume")
    return tensors, state
