"""`lens`: what the network sees in a photo, a painting and a result, as one sheet and as numbers.

Called by app.py. What is looked at, and how, is known to playground/lens.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from playground.cli.common import (
    chosen_recipe,
    explained_lack_of_memory,
    free_path,
    make_network_ready,
)
from playground.cli.options import (
    AsJson,
    ContentImage,
    Device,
    PresetName,
    RecipeFile,
    SettingTexts,
    SheetPath,
    StyleImage,
)
from playground.errors import PlaygroundError

if TYPE_CHECKING:
    from PIL import Image

    from playground.networks.vgg import Vgg
    from playground.recipe.model import Recipe

Show = Literal["channels", "statistics", "pulls", "similar"]
NAMES = ("photo", "painting", "result")  # what is looked at; without a result the third is the recipe's start
COLUMN = 220  # pixels, the height of a picture in the sheet
SHOWN_CHANNELS = 6


def lens(
    content: ContentImage,
    style: StyleImage,
    result: Annotated[
        str | None,
        typer.Argument(metavar="RESULT", help="What was painted of them; else the recipe's start.", show_default=False),
    ] = None,
    show: Annotated[Show, typer.Option(help="channels, statistics, pulls or similar.")] = "channels",
    layer: Annotated[str | None, typer.Option(help="The layer to look at, such as conv4_1.")] = None,
    at: Annotated[
        str | None, typer.Option(metavar="X,Y", help="A place in the photo, in its pixels; by default its middle.")
    ] = None,
    size: Annotated[int, typer.Option(min=64, max=1024, help="Long side at which the pictures are looked at.")] = 256,
    output: SheetPath = None,
    preset: PresetName = None,
    recipe_file: RecipeFile = None,
    settings: SettingTexts = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Show what the network sees: strongest channels, statistics, pulls, or what it finds similar to a place."""
    from playground.engine.canvas import Space, first_picture
    from playground.images.convert import resize_picture, to_picture, to_tensor
    from playground.images.load import load_picture
    from playground.images.save import check_output_path, save_picture
    from playground.networks.vgg import load_network
    from playground.system.device import pick_device

    pair = load_picture(content, name="the content picture"), load_picture(style, name="the style picture")
    painted = load_picture(result, name="the result") if result is not None else None
    if output is None:
        output = free_path(Path(content).with_name(f"{Path(content).stem}-{show}.png"))
    check_output_path(output)
    recipe = chosen_recipe(preset, recipe_file, settings or [], {"size": size})
    spot = _spot(at, pair[0].size)
    device = pick_device(device)
    make_network_ready(recipe, device, adapted_would_apply=True)
    network = load_network(recipe.network, device).configured(recipe.pool, recipe.pool_rescale, recipe.padding)
    small = [resize_picture(picture, size) for picture in pair]
    if painted is None:
        first, second = (to_tensor(picture) for picture in small)
        third = to_picture(first_picture(recipe, first, second, Space(recipe.space)))
    else:
        third = resize_picture(painted, size)
    lenses: dict[str, Callable[..., tuple[Image.Image, dict[str, Any]]]] = {
        "channels": _channels, "statistics": _statistics, "similar": _similar
    }  # fmt: skip
    with explained_lack_of_memory():
        if show == "pulls":
            sheet, about = _pulls(pair, painted, third, recipe, network)
        else:
            called = (*NAMES[:2], _third(painted))
            sheet, about = lenses[show]([*small, third], called, network, layer or "conv4_1", spot)
    save_picture(sheet, output)
    if as_json:
        print(json.dumps({"show": show, "sheet": str(output), "size": size, **about}, allow_nan=False))
        return
    print(about["said"])
    print(output)


def _third(painted: Image.Image | None) -> str:
    return "start" if painted is None else "result"


def _spot(at: str | None, size: tuple[int, int]) -> tuple[float, float]:
    """A place as fractions of width and height.

    Raises:
        PlaygroundError: it is none, or lies outside.
    """
    if at is None:
        return 0.5, 0.5
    try:
        x, y = (float(number) for number in at.split(","))
    except ValueError:
        raise PlaygroundError(f"--at {at!r} is no place: write X,Y in the photo's pixels, such as 120,80") from None
    if not (0 <= x < size[0] and 0 <= y < size[1]):
        raise PlaygroundError(f"--at {at} lies outside the photo, which is {size[0]}×{size[1]} px")
    return x / size[0], y / size[1]


def _maps(pictures: list[Image.Image], network: Vgg, layers: list[str]) -> list[dict[str, Any]]:
    import torch

    from playground.images.convert import to_tensor

    with torch.no_grad():
        return [network(to_tensor(picture).to(network.device), layers) for picture in pictures]


def _channels(
    pictures: list[Image.Image], called: tuple[str, ...], network: Vgg, layer: str, _spot: object
) -> tuple[Image.Image, dict[str, Any]]:
    from playground.lens import products
    from playground.lens.drawn import enlarged, heat
    from playground.measure.sheet import board, stacked

    content_maps, style_maps, third = (found[layer] for found in _maps(pictures, network, [layer]))
    channels = products.strongest_channels(content_maps, style_maps)
    fraction = products.block_fraction(content_maps, style_maps, channels)
    blocks = {
        name: products.block(maps, channels)
        for name, maps in zip(NAMES, (content_maps, style_maps, third), strict=True)
    }
    most = max(float(cells.max()) for cells in blocks.values())
    rows = []
    for name, picture, maps, cells in zip(
        called, pictures, (content_maps, style_maps, third), blocks.values(), strict=True
    ):
        columns = [(picture, [name]), (enlarged(heat(cells, most), COLUMN), ["Gram / positions"])]
        for channel in channels[:SHOWN_CHANNELS]:
            top = max(float(other[0, channel].max()) for other in (content_maps, style_maps, third))
            columns.append((heat(maps[0, channel].cpu().numpy(), top).resize(picture.size), [f"channel {channel}"]))
        rows.append(board(columns, COLUMN))
    said = (
        f"{layer}: the {len(channels)} channels in which photo and painting differ most hold {fraction:.0%} of the difference "
        "between their Gram matrices."
    )
    about = {
        "layer": layer,
        "channels": channels,
        "share": fraction,
        "matrices": {name: cells.tolist() for name, cells in blocks.items()},
    }
    return stacked(rows), {**about, "said": said}


def _statistics(
    pictures: list[Image.Image], called: tuple[str, ...], network: Vgg, _layer: str, _spot: object
) -> tuple[Image.Image, dict[str, Any]]:
    import numpy as np

    from playground.lens import products
    from playground.lens.drawn import enlarged, heat
    from playground.lens.statistics import differences, layer_statistics
    from playground.measure.sheet import board, stacked
    from playground.recipe.base import STYLE_BLOCKS

    found = _maps(pictures, network, list(STYLE_BLOCKS))
    each = [{name: layer_statistics(maps) for name, maps in one.items()} for one in found]
    apart = differences(each[2], each[1])
    columns: list[tuple[Image.Image, list[str]]] = []
    for name, difference in apart.items():
        channels = products.strongest_channels(found[2][name], found[1][name])
        cells = np.abs(each[2][name].gram - each[1][name].gram)[np.ix_(channels, channels)]
        columns.append((enlarged(heat(cells), COLUMN), [
            name, f"Gram {difference.gram:.3f}", f"means {difference.mean:.3f}",
            f"covariances {difference.covariance:.3f}", f"{difference.share:.0%} of the difference",
        ]))  # fmt: skip
    most = max(apart, key=lambda name: apart[name].share)
    said = f"The {called[2]} is furthest from the painting at {most}, with {apart[most].share:.0%} of the difference."
    sheet = stacked(
        [board([(p, [name]) for p, name in zip(pictures, called, strict=True)], COLUMN), board(columns, COLUMN)]
    )
    return sheet, {"layers": {name: asdict(difference) for name, difference in apart.items()}, "said": said}


def _similar(
    pictures: list[Image.Image], called: tuple[str, ...], network: Vgg, layer: str, spot: tuple[float, float]
) -> tuple[Image.Image, dict[str, Any]]:
    from playground.lens.drawn import glow, marked
    from playground.lens.receptive_fields import receptive_field
    from playground.lens.similarity import alike, echo, in_words
    from playground.measure.sheet import board

    maps = [found[layer] for found in _maps(pictures, network, [layer])]
    seen, field = echo(maps), receptive_field(layer, network.network.architecture)
    height, width = maps[0].shape[-2:]
    x, y = spot[0] * pictures[0].width, spot[1] * pictures[0].height
    row, column = field.position(y, height), field.position(x, width)
    cosines = alike(seen, 0, row, column)
    shown = [glow(picture, values) for picture, values in zip(pictures, cosines, strict=True)]
    shown[0] = marked(shown[0], field.centre(column), field.centre(row), field.pixels)
    said = f"{layer} sees {field.pixels} px around a place. {in_words(cosines, [f'the {name}' for name in called])}"
    labelled = [(picture, [name]) for picture, name in zip(shown, called, strict=True)]
    about = {
        "layer": layer,
        "at": [x, y],
        "field": field.pixels,
        "kept": seen.kept,
        "most": {name: float(values.max()) for name, values in zip(NAMES, cosines, strict=True)},
    }
    return board(labelled, 2 * COLUMN), {**about, "said": said}


def _pulls(
    pair: tuple[Image.Image, Image.Image], painted: Image.Image | None, shown: Image.Image, recipe: Recipe, network: Vgg
) -> tuple[Image.Image, dict[str, Any]]:
    from playground.engine.pulls import in_words
    from playground.lens.drawn import heat
    from playground.lens.pulls import pulls_on
    from playground.measure.sheet import board

    found = pulls_on(*pair, painted, recipe, network)
    most = max((float(values.max()) for values in found.maps.values()), default=0.0)
    columns: list[tuple[Image.Image, list[str]]] = [(shown, [_third(painted)])]
    for kind, values in found.maps.items():
        columns.append((heat(values, most), [kind, f"length {found.lengths[kind]:.3g}", f"{found.shares[kind]:.0%}"]))
    about = {"lengths": found.lengths, "shares": found.shares, "cosine": found.cosine, "left_over": found.left_over}
    return board(columns, 2 * COLUMN), {**about, "said": in_words(found)}
