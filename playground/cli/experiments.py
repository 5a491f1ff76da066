"""`experiments`: the source's five trainings side by side, as a grid of what each makes of the same photographs.

Called by app.py. By itself it trains for a few steps each, on the small; the commands for the real ones are printed with it.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from playground.cli.common import (
    explained_lack_of_memory,
    known_network,
    make_network_ready,
    requested_settings,
)
from playground.cli.options import Device, LearntStyle, PhotosFolder
from playground.cli.train import training_in_words
from playground.engine.control import MemoryControl
from playground.recipe.base import DEFAULT_NETWORK
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
    requested = {"network": DEFAULT_NETWORK, **requested_settings(settings or [], {})}
    requested.pop("steps", None)  # an option of its own
    recipes = {
        name: training_on_preset(name, {**SMALL, **requested, "steps": steps}, known=known_network)
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
        rows.append(([name, *what_varies(recipe), f"{steps} steps in {seconds:.0f} s"], pictures))
        about.append({"preset": name, "seconds": seconds, "losses": losses, **_about(style, name, recipe, requested)})
    save_picture(grid(shown, rows, COLUMN), output)
    if as_json:
        print(json.dumps({"sheet": str(output), "steps": steps, "photos": len(found), "experiments": about}))
        return
    print(f"{output}: {len(rows)} trainings of {steps} steps each. The real ones, on a folder of photographs:")
    for one in about:
        print(f"  {one['command']}    # {one['trains']}")
    if any(recipe.numbers != "source" for recipe in recipes.values()):
        own = presets()[EXPERIMENTS[0]].network
        print(f"Exactly the source's numbers are for {own}: `--set network={own}`.")


def what_varies(recipe: TrainingRecipe) -> list[str]:
    """What sets an experiment apart, as it is trained: batch, weights and whose they are, pools."""
    whose = "the source's numbers" if recipe.numbers == "source" else f"{recipe.numbers} to {recipe.network}"
    return [
        f"batches of {recipe.batch_size}",
        f"style {recipe.style_weight:.2g}",
        f"content {recipe.content_weight:.2g}",
        f"{whose}, {recipe.pool} pools",
    ]


def _about(style: str, name: str, recipe: TrainingRecipe, requested: Mapping[str, Any]) -> dict[str, Any]:
    """An experiment as it was trained here, and what trains it to its end."""
    real = training_on_preset(name, requested, known=known_network)
    return {
        "varies": ", ".join(what_varies(recipe)),
        "numbers": recipe.numbers,
        "command": _command(style, name, requested),
        "trains": ", ".join([*what_varies(real), f"{real.epochs} epochs"]),
    }


def _command(style: str, name: str, requested: Mapping[str, Any]) -> str:
    """What trains an experiment to its end, with everything that was set for all of them."""
    words = ["python", "-m", "playground", "train", style, "--photos", "DIR", "-o", f"{name}.safetensors"]
    words += ["--preset", name]
    for key, value in requested.items():
        words += ["--set", f"{key}={value if isinstance(value, str) else json.dumps(value)}"]
    return shlex.join(words)


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
