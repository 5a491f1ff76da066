"""A result larger than what is painted for it: sizes, plan, colours, the same bits again, and what it is expected to cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from playground import load_preset
from playground.cli.stylize import at_original_size, result_size
from playground.engine.frames import Result
from playground.engine.run import Run
from playground.errors import PlaygroundError
from playground.images.convert import resize_picture
from playground.images.local_colours import take_light
from playground.measure.distances import photorealism
from playground.measure.estimate import estimate
from playground.measure.memory import megabytes_of
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe, Stage

Pair = tuple[Image.Image, Image.Image]


def painted(network: Vgg, pair: Pair, recipe: Recipe) -> tuple[Result, list[tuple[int, int]]]:
    frames = list(Run(*pair, recipe, network).frames())
    assert frames[-1].result is not None
    return frames[-1].result, [frame.size for frame in frames]


@pytest.mark.parametrize("canvas", ["pixels", "hrnet"])
def test_painted_small_and_shown_large(network: Vgg, pictures: Pair, canvas: str) -> None:
    recipe = Recipe(size=200, work_size=80, iterations=2, canvas=canvas, colours="fitted")
    result, sizes = painted(network, pictures, recipe)
    assert result.picture.size == (200, 150)
    assert set(sizes[:-1]) == {(80, 60)}
    assert result.recipe.plan == (Stage(size=80, iterations=2, evaluations=2),)
    assert (result.recipe.size, result.recipe.work_size) == (200, 80)
    assert painted(network, pictures, result.recipe)[0].picture.tobytes() == result.picture.tobytes()
    own, _ = painted(network, pictures, recipe.changed({"colours": "style"}))
    small, _ = painted(network, pictures, recipe.changed({"colours": "style", "size": 80}))
    assert own.picture.size == (200, 150)
    content_image = resize_picture(pictures[0], 200)
    assert result.picture.tobytes() == take_light(small.picture, content_image).tobytes()
    if canvas == "pixels":  # two steps of a network that has learnt nothing are no picture
        kept = photorealism(content_image, result.picture)["edges"]
        assert kept > 0.9
        assert photorealism(content_image, own.picture)["edges"] < kept


def test_style_scale_and_losses_are_those_of_the_painted_size(network: Vgg, pictures: Pair) -> None:
    large = Recipe(size=160, work_size=64, iterations=1, style_loss="raw")
    small = large.changed({"size": 64, "work_size": None})
    assert painted(network, pictures, large)[0].losses == painted(network, pictures, small)[0].losses


def test_a_result_smaller_than_the_work_size_is_painted_at_its_own() -> None:
    assert Recipe(size=128, work_size=256).painted_size == 128
    assert Recipe(size=128).painted_size == 128


def test_it_costs_what_is_painted_and_its_own_pixels() -> None:
    sizes: tuple[Any, Any] = ((6000, 4000), (1280, 900))
    small = Recipe(size=192, work_size=192)
    large = small.changed({"size": 6000})
    assert estimate(large, *sizes).seconds == estimate(small, *sizes).seconds
    more = megabytes_of(large, *sizes) - megabytes_of(small, *sizes)
    assert 3 * 3 * 24e6 / 2**20 < more < 1000


def test_the_size_of_the_photo() -> None:
    recipe = load_preset("hrnet-photorealistic")
    assert result_size("original") is None
    assert result_size("640") == 640
    assert result_size(None) is None
    with pytest.raises(PlaygroundError, match="--size huge is neither a number of pixels nor `original`"):
        result_size("huge")
    content_image = Image.fromarray(np.zeros((90, 500, 3), np.uint8))
    assert at_original_size(recipe, content_image).size == 500
    assert at_original_size(recipe.changed({"crop": "1:1"}), content_image).size == 90
