"""`experiments`: the source's five trainings side by side, as a grid of what each makes of the same photographs.

Called by app.py. By itself it trains for a few steps each, on the small; the commands for the real ones are printed with it.
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from playground.cli.common import (
    explained_lack_of_memory,
    make_network_ready,
    requested_settings,
)
from playground.cli.options import Device, LearntStyle, PhotosFolder
from playground.cli.train import training_in_words
from playground.engine.control import MemoryControl
from playground.recipe.parse import training_on_preset
from playground.recipe.presets import presets
from playground.recipe.training import TrainingRecipe
from playground.system.progress import progress_on_stderr
from playground.system.signals import stopped_by_signals

if TYPE_CHECKING:
    from PIL import Image

    from playground.feedforward.photos import Photos

EXPERIMENTS = tuple(name for name in presets() if name.startswith("fast-") and name != "fast-default")
SMALL: dict[str, Any] = {
    "image_size": 96,
    "style_size": 168,
}  # the source's proportion: what two cores can do in minutes
COLUMN = 256  # pixels, the height of a picture in the sheet


def experiments(
    style: LearntStyle,
    photos: PhotosFolder = "scikit-image",
    output: Annotated[Path, typer.Option("-o", "--output", help="The grid (.png, .jpg, .webp).")] = Path(
        "experiments.png"
    ),
    steps: Annotated[int, typer.Option(min=1, help="Steps of each training.")] = 30,
    samples: Annotated[int, typer.Option(min=1, max=12, help="Photographs in the grid.")] = 3,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting of all of them, as in `train`.")
    ] = None,
    device: Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object about the grid.")] = False,
) -> None:
    """Train the source's five experiments for a few steps each, and show what they make of the same photographs."""
    from playground.feedforward.photos import Photos
    from playground.images.convert import resize_picture
    from playground.images.load import load_picture
    from playground.images.save import check_output_path, save_picture
    from playground.measure.sheet import grid
    from playground.system.device import pick_device

    check_output_path(output)
    style_image = load_picture(style, name="the style picture")
    requested = requested_settings(settings or [], {})
    network = requested.get("network", "vgg16-hed")
    recipes = {
        name: training_on_preset(name, {**SMALL, "network": network, **requested, "steps": steps})
        for name in EXPERIMENTS
    }
    with progress_on_stderr() as report:
        found = Photos(photos, report)
    device = pick_device(device)
    photographs = [load_picture(source) for source in found.sources[:samples]]
    shown = [resize_picture(photo, round(COLUMN * max(photo.size) / photo.height)) for photo in photographs]
    rows: list[tuple[list[str], list[Image.Image]]] = []
    about: list[dict[str, Any]] = []
    for name, recipe in recipes.items():
        make_network_ready(recipe, device, adapted_would_apply=False)
        pictures, losses, seconds = _trained(name, recipe, style_image, found, shown, device)
        words = what_varies(name)
        rows.append(([presets()[name].title, *words.split(", "), f"{steps} steps in {seconds:.0f} s"], pictures))
        command = f"python -m playground train {shlex.quote(style)} --photos DIR -o {name}.safetensors --preset {name}"
        about.append({"preset": name, "varies": words, "seconds": seconds, "losses": losses, "command": command})
    save_picture(grid(shown, rows, COLUMN), output)
    if as_json:
        print(json.dumps({"sheet": str(output), "steps": steps, "photos": len(found), "experiments": about}))
        return
    print(f"{output}: {len(rows)} trainings of {steps} steps each. The real ones, on a folder of photographs:")
    for one in about:
        print(f"  {one['command']}    # {one['varies']}")


def what_varies(name: str) -> str:
    """What sets an experiment apart: batch, epochs, weights and pools, as the source has them."""
    stated = presets()[name].recipe
    return (
        f"batches of {stated['batch_size']}, {stated['epochs']} epochs, style {stated['style_weight']:.0e}, "
        f"content {stated['content_weight']:.0e}, {stated['pool']} pools"
    )


def _trained(
    name: str, recipe: TrainingRecipe, style_image: Image.Image, found: Photos, shown: list[Image.Image], device: str
) -> tuple[list[Image.Image], dict[str, float], float]:
    """What one experiment makes of the photographs, its last losses, and its seconds."""
    from playground.feedforward.apply import Stylizer
    from playground.feedforward.training import Training
    from playground.images.convert import to_picture, to_tensor
    from playground.networks.vgg import load_network

    control = MemoryControl()
    with explained_lack_of_memory():
        training = Training(style_image, found, recipe, load_network(recipe.network, device), None, control, title=name)
        with stopped_by_signals(control.stop), progress_on_stderr() as report:
            for frame in training.frames():
                report(f"{name}: {training_in_words(frame, device)[0]}", training_in_words(frame, device)[1])
                if frame.note:
                    print(frame.note, file=sys.stderr)
        assert frame.result is not None
        stylize = Stylizer(training.model(), device)
        painted = [to_picture(stylize(to_tensor(photo))) for photo in shown]
    return painted, frame.result.losses, frame.result.seconds
