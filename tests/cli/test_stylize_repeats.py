"""The same seed, or the recipe inside a picture, gives the same bits; also of a run that was steered or stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from playground import load_preset, stylize
from playground.engine.control import MemoryControl
from playground.engine.frames import Frame, Result
from playground.images.load import load_picture
from playground.images.save import save_picture
from playground.recipe.model import Recipe
from tests.helpers.cli import LIGHT, QUICK, having, paint, pixels

FROM_NOISE = having("init=mix", "init_mix=0.7")
TWO_SIZES = having("scales=2", "smallest=48", "scale_factor=1.3")
BY_LBFGS = having("optimizer=lbfgs", "learning_rate=1", "lbfgs_evaluations=3")
RECIPES = {
    "coarse to fine": ["--size", "64", "--iterations", "4", *TWO_SIZES, *FROM_NOISE, *LIGHT],
    "pyramid": ["--size", "64", "--iterations", "2", *having("canvas=pyramid"), *FROM_NOISE, *LIGHT],
    "lbfgs": ["--size", "64", "--iterations", "2", *BY_LBFGS, *FROM_NOISE, *LIGHT],
    "cut": ["--size", "64", "--iterations", "2", *having("crop=16:9"), *FROM_NOISE, *LIGHT],
    "tf-adam-tv": [
        *("--preset", "tf-adam-tv", "--size", "64", "--iterations", "2"),
        *having("network=vgg16-hed", "style_size=content"),
    ],
}


@pytest.mark.usefixtures("hed")
@pytest.mark.parametrize("kind", RECIPES)
def test_the_same_seed_and_the_recipe_inside_give_the_same_bits(
    kind: str, pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, same, again, other = (folder / f"{name}.png" for name in ("first", "same", "again", "other"))
    about = paint(capsys, *pair, "-o", str(first), *RECIPES[kind], "--seed", "5")
    paint(capsys, *pair, "-o", str(same), *RECIPES[kind], "--seed", "5")
    assert pixels(same) == pixels(first)
    replayed = paint(capsys, *pair, "-o", str(again), "--recipe", str(first))
    assert pixels(again) == pixels(first)
    assert replayed["losses"] == about["losses"]
    assert replayed["recipe"] == about["recipe"]
    paint(capsys, *pair, "-o", str(other), "--recipe", str(first), "--seed", "6")
    assert pixels(other) != pixels(first)


@pytest.mark.usefixtures("hed")
def test_a_recipe_travels_through_json_jpeg_and_webp(
    pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = folder / "first.png"
    about = paint(capsys, *pair, "-o", str(first), *QUICK)
    carriers = [folder / "recipe.json", folder / "copy.jpg", folder / "copy.webp"]
    carriers[0].write_text(json.dumps(about["recipe"]))
    with Image.open(first) as picture:
        for carrier in carriers[1:]:
            save_picture(picture, carrier, recipe=Recipe.of(about["recipe"]).to_json())
    for carrier in carriers:
        again = folder / f"from-{carrier.suffix[1:]}.png"
        paint(capsys, *pair, "-o", str(again), "--recipe", str(carrier))
        assert pixels(again) == pixels(first), carrier.name


Script = dict[int, Callable[[MemoryControl], None]]


def steered(pair: list[str], recipe: Recipe, script: Script) -> Result:
    """A run in Python during which `script` gives its orders after the evaluations it names."""
    control, left = MemoryControl(), dict(script)
    frame: Frame | None = None
    content, style = map(load_picture, pair)
    for frame in stylize(content, style, recipe, device="cpu", control=control):
        if frame.evaluations in left:
            left.pop(frame.evaluations)(control)
    assert not left
    assert frame is not None
    assert frame.result is not None
    return frame.result


FIRST_BLOCKS = {"content_layers": {"conv2_1": 1.0}, "style_layers": {"conv1_1": 1.0, "conv2_1": 1.0}, "size": 64}
ADAM = load_preset().changed(
    {**FIRST_BLOCKS, "scales": 2, "smallest": 48, "scale_factor": 1.3, "iterations": 8, "average": 0.5}
)
LBFGS = load_preset().changed(
    {**FIRST_BLOCKS, "optimizer": "lbfgs", "learning_rate": 1, "iterations": 3, "lbfgs_evaluations": 4, "init": "mix"}
)
STEERED: dict[str, tuple[Recipe, Script]] = {
    "adam": (
        ADAM,
        {
            2: lambda control: control.change({"style_weight": 5.0, "pool": "average"}),
            3: lambda control: control.change({"style_layers": {"conv1_1": 1.0, "conv1_2": 0.5}}),
            5: lambda control: control.change({"learning_rate": 0.05, "colours": "content"}),
            6: lambda control: control.change({"iterations": 10, "variation_weight": 0.1}),
        },
    ),
    "lbfgs": (
        LBFGS,
        {
            3: lambda control: control.change({"content_weight": 1.0}),
            6: lambda control: control.change({"learning_rate": 0.5, "clip": False}),
        },
    ),
    "lbfgs stopped within a round": (LBFGS, {6: lambda control: control.stop()}),
    "adam stopped within a size": (ADAM, {6: lambda control: control.stop()}),
    "adam stopped before its full size": (ADAM, {2: lambda control: control.stop()}),
    "steered, then stopped": (
        LBFGS,
        {2: lambda control: control.change({"style_weight": 3.0}), 5: lambda control: control.stop()},
    ),
}


@pytest.mark.usefixtures("hed")
@pytest.mark.parametrize("kind", STEERED)
def test_a_steered_or_stopped_run_is_repeated_from_its_picture(
    kind: str, pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, script = STEERED[kind]
    result = steered(pair, recipe, script)
    first, again = folder / "first.png", folder / "again.png"
    save_picture(result.picture, first, recipe=result.recipe.to_json())
    replayed = paint(capsys, *pair, "-o", str(again), "--recipe", str(first))
    assert pixels(again) == pixels(first)
    assert replayed["losses"] == result.losses
    assert replayed["evaluations"] == result.evaluations
    assert replayed["recipe"] == result.recipe.model_dump(mode="json")
    if "stopped" in kind:
        assert result.ended == "stopped"
        assert result.evaluations == max(script)
    else:
        assert result.recipe.journal
        unsteered = steered(pair, recipe, {})
        assert np.asarray(unsteered.picture).tobytes() != pixels(first)


@pytest.mark.usefixtures("hed")
def test_a_weight_moved_to_and_fro_in_a_pause_changes_nothing(pair: list[str]) -> None:
    recipe = load_preset().changed({**FIRST_BLOCKS, "scales": 1, "iterations": 4, "average": 0, "learning_rate": 2.0})
    orders = [{"style_weight": 9.0}, {"style_weight": recipe.style_weight}]
    control = MemoryControl()
    content, style = pair
    for frame in stylize(content, style, recipe, device="cpu", control=control):
        if frame.state == "paused":
            control.change(orders.pop(0)) if orders else control.resume()
        elif frame.evaluations == 2 and orders:
            control.pause()
    assert not orders
    assert frame.result is not None
    untouched = steered(pair, recipe, {})
    assert frame.result.losses == untouched.losses
    assert frame.result.recipe == untouched.recipe
