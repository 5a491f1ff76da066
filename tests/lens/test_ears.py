"""What each loss notices when a painting is edited: the edits themselves, and what is heard of them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image

from playground.images.convert import resize_picture, to_tensor
from playground.images.load import load_picture
from playground.lens import edits
from playground.lens.distances import LAYERS
from playground.lens.ears import Heard, heard, in_words, seen
from playground.networks.vgg import Vgg
from playground.recipe.presets import PRESET_FOLDER


def style_image(name: str, size: int = 256) -> Image.Image:
    return resize_picture(load_picture(PRESET_FOLDER / "styles" / f"{name}.jpg"), size)


def listened(network: Vgg, before: Image.Image, after: Image.Image) -> Heard:
    with torch.no_grad():
        return heard(*(seen(network(to_tensor(picture), LAYERS)) for picture in (before, after)))


def test_cut_into_tiles_content_notices_and_style_hardly(network: Vgg) -> None:
    before = style_image("swirls")
    found = listened(network, before, edits.edited(before, "cut", 4))
    assert found.content is not None
    assert found.content > 0.8
    assert found.style < 0.1
    shuffled = listened(network, before, edits.edited(before, "shuffle"))
    assert shuffled.style > listened(network, before, style_image("mosaic")).style > 0.5


def test_nothing_done_is_exactly_nothing(network: Vgg) -> None:
    before = style_image("swirls", 96)
    found = listened(network, before, before.copy())
    assert (found.content, found.style) == (0, 0)
    assert in_words(found) == "Nothing has changed: both are exactly 0."


def test_another_size_has_no_content_distance(network: Vgg) -> None:
    before = style_image("swirls", 96)
    found = listened(network, before, edits.edited(before, "rescale", 50))
    assert found.content is None
    assert found.style > 0
    assert "cannot be compared" in in_words(found)


def test_words_name_who_notices() -> None:
    layers = dict.fromkeys(LAYERS[:-1], 0.05)
    assert in_words(Heard(0.9, layers), 0.73) == (
        "Content notices, style hardly: content 0.90, style 0.05 (another painting: 0.73)."
    )
    assert in_words(Heard(0.01, dict.fromkeys(layers, 0.5))).startswith("Style notices, content hardly")
    assert in_words(Heard(0.5, dict.fromkeys(layers, 0.5))).startswith("Both notice")
    assert in_words(Heard(0.01, layers)).startswith("Neither notices much")


@pytest.mark.parametrize("name", [name for name in edits.EDITS if name != "rescale"])
def test_an_edit_keeps_the_size_and_changes_something(name: str) -> None:
    before = style_image("swirls", 96)
    after = edits.edited(before, name)
    assert (after.size, after.mode) == (before.size, "RGB")
    assert not np.array_equal(np.asarray(after), np.asarray(before))
    assert np.array_equal(np.asarray(after), np.asarray(edits.edited(before, name)))  # the same each time


@pytest.mark.parametrize("name", ["shift", "mirror", "cut", "shuffle"])
def test_edits_of_places_lose_no_pixel(name: str) -> None:
    before = style_image("swirls", 97)
    pixels = [
        Counter(map(tuple, np.asarray(picture).reshape(-1, 3).tolist()))
        for picture in (before, edits.edited(before, name))
    ]
    assert pixels[0] == pixels[1]


def test_no_tile_keeps_its_place() -> None:
    values = np.repeat(np.repeat(np.arange(16, dtype=np.uint8).reshape(4, 4), 8, 0), 8, 1)
    laid = np.asarray(edits.cut(Image.fromarray(np.stack([values] * 3, 2)), 4))[::8, ::8, 0]
    assert sorted(laid.ravel().tolist()) == list(range(16))
    assert not (laid == values[::8, ::8]).any()


def test_an_amount_beyond_its_bounds_is_brought_to_the_nearest() -> None:
    before = style_image("swirls", 64)
    assert edits.edited(before, "darken", 1e9).tobytes() == edits.edited(before, "darken", 80).tobytes()
    assert edits.edited(before, "rescale", 1).size == (32, 32)
    assert edits.cut(before, 1).tobytes() == before.tobytes()
