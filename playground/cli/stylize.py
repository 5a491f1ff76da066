"""`stylize`: paints one content image in the style of another, and says how it went.

Called by app.py. The run itself is the library's; here stand the options, the order of the checks before any work, and
what is printed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import playground
from playground.cli.common import (
    chosen_recipe,
    explained_lack_of_memory,
    free_result_path,
    make_network_ready,
    more_styles,
    watch,
)
from playground.cli.options import ContentImage, Device, PresetName, RecipeFile, SettingTexts, StyleImage
from playground.cli.recording import Recording
from playground.engine.control import MemoryControl
from playground.errors import PlaygroundError
from playground.recipe.model import Recipe
from playground.recipe.other_network import against
from playground.system.signals import stopped_by_signals

if TYPE_CHECKING:
    from PIL import Image

    from playground.engine.frames import Result


MAX_RESULT = 24e6  # pixels

OutputPath = Annotated[
    Path | None, typer.Option("-o", "--output", help="The result (.png, .jpg, .webp); else beside CONTENT.")
]
MoreStyles = Annotated[
    list[str] | None,
    typer.Option(
        "--style", metavar="MORE[:WEIGHT]", help="Another painting, up to three, with its weight beside the first's 1."
    ),
]
RegionMap = Annotated[
    str | None,
    typer.Option(
        help="A picture that says where: red, green, blue, yellow for paintings 1 to 4, black to leave as it is."
    ),
]
WhoseColours = Annotated[
    str | None, typer.Option(help="style, content, matched, palette or fitted: whose colours the result has.")
]
LongSide = Annotated[
    str | None, typer.Option(metavar="N|original", help="Long side of the result in pixels, or the photo's own.")
]
Iterations = Annotated[int | None, typer.Option(help="How many times the picture is improved.")]
Seed = Annotated[int | None, typer.Option(help="For starts from noise.")]
Seconds = Annotated[float | None, typer.Option(help="End after so long with the best picture so far.")]
CurvePath = Annotated[Path | None, typer.Option(help="A CSV file for the losses, a row an evaluation.")]
FramesFolder = Annotated[
    Path | None, typer.Option(help="A folder, made where it is missing, for the picture after every iteration.")
]
FramesEvery = Annotated[int, typer.Option(min=1, help="Iterations from one of these pictures to the next.")]
LastPath = Annotated[
    Path | None, typer.Option(help="A file for the last picture too; the result is that of the lowest loss.")
]
AboutTheRun = Annotated[bool, typer.Option("--json", help="Print one JSON object about the run.")]


def stylize(
    content: ContentImage,
    style: StyleImage,
    output: OutputPath = None,
    more: MoreStyles = None,
    regions: RegionMap = None,
    colours: WhoseColours = None,
    preset: PresetName = None,
    recipe_file: RecipeFile = None,
    settings: SettingTexts = None,
    size: LongSide = None,
    iterations: Iterations = None,
    seed: Seed = None,
    seconds: Seconds = None,
    curve: CurvePath = None,
    frames: FramesFolder = None,
    last: LastPath = None,
    frames_every: FramesEvery = 1,
    device: Device = "auto",
    as_json: AboutTheRun = False,
) -> None:
    """Paint CONTENT in the style of STYLE."""
    started = time.perf_counter()
    named = {"size": result_size(size), "iterations": iterations, "seed": seed, "seconds": seconds, "colours": colours}
    recipe = chosen_recipe(preset, recipe_file, settings or [], named)
    others, recipe = more_styles(more or [], recipe, settings or [])
    recording = Recording(recipe, frames, frames_every, curve)

    from playground.system.device import describe_device, pick_device
    from playground.system.memory import peak_megabytes

    pictures, recipe = _inputs(content, (style, *others), recipe, (output, last), regions, size == "original")
    device = pick_device(device)
    make_network_ready(recipe, device, adapted_would_apply=recipe_file is None)
    control = MemoryControl()
    control.want_shares(curve is not None)
    with explained_lack_of_memory():
        painted = playground.stylize(
            *pictures, recipe, device=device, control=control, pictures_every=recording.pictures_every
        )
        startup_seconds = time.perf_counter() - started
        with stopped_by_signals(control.stop):
            result = watch(recording.of(painted), recipe, describe_device(device))
            written = output or free_result_path(content, recipe)  # chosen now: its name may have been taken meanwhile
            _write(result, written, last, device)
            if as_json:
                about = run_as_json(result, written, device, startup_seconds, peak_megabytes(device))
                print(json.dumps({**about, "rounds": recording.rounds}, allow_nan=False))
            else:
                print(_last_line(result, written, describe_device(device)))
            if recording.trouble:
                raise PlaygroundError(recording.trouble)


def _inputs(
    content: str, styles: Sequence[str], recipe: Recipe, outputs: tuple[Path | None, Path | None],
    regions: str | None, original_size: bool,
) -> tuple[tuple[Image.Image, list[Image.Image]], Recipe]:  # fmt: skip
    """The content image and the style images, read and judged before any work, and the recipe fitted to them.

    Args:
        outputs: the result's file and that of the last picture, which must be such as can be written.

    Raises:
        PlaygroundError: a picture, a path or a setting cannot be used.
    """
    from playground.engine.run import check_pictures
    from playground.images.load import load_picture
    from playground.images.regions import check_styles, misfit, with_map, without_a_region
    from playground.images.save import check_output_path

    for path in filter(None, outputs):
        check_output_path(path)
    content_image = load_picture(content, name="the content picture")
    style_images = [load_picture(path, name="the style picture") for path in styles]
    check_output_path(outputs[0] or free_result_path(content, recipe))
    if original_size:
        recipe = at_original_size(recipe, content_image)
    check_pictures(content_image, recipe.size, recipe.crop)
    if regions is not None:
        recipe = with_map(recipe, regions, content_image.size)
    check_styles(recipe, len(style_images))
    if said := misfit(recipe, content_image.size):  # such a recipe has been painted with, so it is not refused
        print(said, file=sys.stderr)
    for number in without_a_region(recipe, len(style_images)):
        print(f"painting {number} is nowhere in the map of regions, so nothing is painted like it", file=sys.stderr)
    return (content_image, style_images), recipe


def _write(result: Result, output: Path, last: Path | None, device: str) -> None:
    """Save the result, and the last picture where it is wanted; remember how fast this machine was."""
    from playground.images.save import save_picture
    from playground.measure.estimate import observe_run

    save_picture(result.picture, output, recipe=result.recipe.to_json())
    if last is not None and result.last is not None:
        save_picture(result.last, last, recipe=result.recipe.to_json())
    observe_run(result, device)


def result_size(asked: str | None) -> int | None:
    """What `--size` asks for as a number; None for "original", which needs the content image, and where it is not given.

    Raises:
        PlaygroundError: it is neither.
    """
    if asked is None or asked == "original":
        return None
    try:
        return int(asked)
    except ValueError:
        raise PlaygroundError(f"--size {asked} is neither a number of pixels nor `original`") from None


def at_original_size(recipe: Recipe, content_image: Image.Image) -> Recipe:
    """The recipe for a result of the content image's own size, up to `MAX_RESULT` pixels.

    Raises:
        RecipeError: so large a picture cannot be painted, and its recipe has no work size.
    """
    from playground.images.convert import cut_size
    from playground.images.local_colours import within_pixels

    return recipe.changed({"size": within_pixels(*cut_size(*content_image.size, recipe.crop), MAX_RESULT)})


def run_as_json(
    result: Result, output: Path, device: str, startup_seconds: float, memory_mb: float | None
) -> dict[str, Any]:
    """What `--json` says about a run; seconds of the loop alone, except `startup_seconds`, and MiB."""
    recipe = result.recipe
    return {
        "output": str(output),
        "width": result.picture.width,
        "height": result.picture.height,
        "preset": recipe.preset,
        "device": device,
        "network": recipe.network,
        "numbers": recipe.numbers,
        "iterations": result.steps,
        "evaluations": result.evaluations,
        "seconds": result.seconds,
        "startup_seconds": startup_seconds,
        "first_preview_seconds": result.first_preview_seconds,
        "ended": result.ended,
        "losses": result.losses,
        "layers": result.layers,
        "curve": result.curve,
        "seed": recipe.seed,
        "peak_memory_mb": memory_mb,
        "recipe": recipe.model_dump(mode="json"),
    }


def _last_line(result: Result, output: Path, device: str) -> str:
    recipe, (width, height) = result.recipe, result.picture.size
    whose = {"own": "the playground's own", "source": "the source's", "adapted": "adapted", "converted": "converted"}[
        recipe.numbers
    ]
    return (
        f"{output}: {width}×{height} px, {result.ended} after {result.steps} iterations "
        f"and {result.seconds:.1f} s on {device}, {recipe.network} with {whose} numbers{against(recipe)}"
    )
