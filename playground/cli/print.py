"""`print`: a result is painted on to a large size, in tiles, with its own recipe; says first how long that will take.

Called by app.py. The run is the library's; here stand the sizes in pixels or on paper.
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from playground.cli.common import (
    RecipeMissingError,
    explained_lack_of_memory,
    free_path,
    in_words,
    make_network_ready,
    read_settings,
    watch,
)
from playground.cli.options import ContentImage, Device
from playground.engine.control import MemoryControl
from playground.errors import PlaygroundError
from playground.recipe.model import Recipe, Stage
from playground.recipe.picture_limits import CM_PER_INCH, DPI, MAX_SIZE
from playground.system.signals import stopped_by_signals


def print_result(
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="A picture painted here, with its recipe inside.")],
    content: ContentImage,
    styles: Annotated[list[str], typer.Argument(metavar="STYLE...", help="Its paintings, in their order.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The print (.png or .jpg); else beside RESULT.")
    ] = None,
    size: Annotated[int | None, typer.Option(help="Long side in pixels.")] = None,
    cm: Annotated[float, typer.Option(help="Long side on paper, where --size is not given.")] = 30.0,
    dpi: Annotated[int, typer.Option(min=30, max=1200, help="Dots per inch, also written into the file.")] = DPI,
    iterations: Annotated[int, typer.Option(min=1, max=1000, help="How many times the large picture is improved.")] = 8,
    device: Device = "auto",
) -> None:
    """Paint RESULT on to a size for print."""
    recipe = for_print(Recipe.of(_settings_of(result)), size or pixels_for(cm, dpi), iterations)

    from playground.engine.run import check_pictures
    from playground.images.load import load_picture
    from playground.images.regions import check_styles
    from playground.images.save import check_output_path, save_picture
    from playground.measure.estimate import estimate
    from playground.system.device import describe_device, pick_device

    if output is not None:
        check_output_path(output)
    content_image = load_picture(content, name="the content picture")
    style_images = [load_picture(style, name="the style picture") for style in styles]
    check_styles(recipe, len(style_images))
    check_pictures(content_image, recipe.size, recipe.crop)
    device = pick_device(device)
    make_network_ready(recipe, device, adapted_would_apply=False)
    expected = estimate(recipe, content_image.size, style_images[0].size, device=device)
    print(
        f"{recipe.size} px, {recipe.size / dpi * CM_PER_INCH:.0f} cm at {dpi} dpi: about {in_words(expected.seconds)} "
        f"and {expected.megabytes / 1024:.1f} GB of memory",
        file=sys.stderr,
    )
    control, started = MemoryControl(), time.perf_counter()
    with explained_lack_of_memory():
        import playground

        frames = playground.stylize(content_image, style_images, recipe, device=device, control=control)
        with stopped_by_signals(control.stop):
            painted = watch(frames, recipe, describe_device(device))
    target = output or free_path(result.with_name(f"{result.stem}-{recipe.size}.png"))
    save_picture(painted.picture, target, recipe=painted.recipe.to_json(), dpi=dpi)
    width, height = painted.picture.size
    print(f"{target}: {width}×{height} px at {dpi} dpi, after {in_words(time.perf_counter() - started)}")


def _settings_of(result: Path) -> dict[str, Any]:
    try:
        return read_settings(result)
    except RecipeMissingError as error:
        raise PlaygroundError(f"{error}; an instant style's is painted larger by `apply --cm 30`") from None


def for_print(recipe: Recipe, size: int, iterations: int) -> Recipe:
    """The recipe of a result, which is painted again as it was and then on to `size`.

    Raises:
        PlaygroundError: it is none of a result, or the size is no larger, or too large.
    """
    if not recipe.plan:
        raise PlaygroundError("that recipe is not of a finished picture: give one that was painted here")
    largest = max(stage.size for stage in recipe.plan)
    if not max(largest, recipe.size) < size <= MAX_SIZE:
        raise PlaygroundError(
            f"a print must be larger than the {max(largest, recipe.size)} px of the result, and at most {MAX_SIZE}"
        )
    if recipe.work_size is not None:  # the content image is large there, what is painted says its colours
        return recipe.changed({"size": size, "plan": recipe.plan, "first_light": False})
    sizes = [size]
    while sizes[0] > 2 * largest:
        sizes = [math.ceil(sizes[0] / 2), *sizes]
    counts = [*(2 * iterations for _ in sizes[1:]), iterations]  # on the way, where they cost little, twice as many
    added = [Stage(size=each, iterations=count, tiled=True) for each, count in zip(sizes, counts, strict=True)]
    plan = (*recipe.plan, *added)
    whole = sum(stage.iterations for stage in plan)
    # First light is for looking at on a screen, and would be as large as the print.
    return recipe.changed({"size": size, "plan": plan, "iterations": whole, "first_light": False})


def pixels_for(cm: float, dpi: int) -> int:
    """Pixels of a length on paper."""
    return round(cm / CM_PER_INCH * dpi)
