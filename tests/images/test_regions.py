"""Maps of regions: what is read, what is refused in one sentence, and how they lie over a size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

from playground.errors import PlaygroundError
from playground.images.regions import (
    COLOURS,
    areas_of,
    decode_labels,
    decode_soft,
    encode_labels,
    encode_soft,
    misfit,
    picture_of,
    read_map,
    with_map,
    without_a_region,
)
from playground.recipe.model import Recipe
from tests.helpers.images import encoded

PHOTO = (120, 90)


def drawn(*shapes: tuple[str, tuple[int, int, int, int]], size: tuple[int, int] = PHOTO) -> Image.Image:
    picture = Image.new("RGB", size)
    for colour, box in shapes:
        ImageDraw.Draw(picture).rectangle(box, fill=COLOURS.get(colour, colour))
    return picture


def test_each_colour_is_a_region() -> None:
    labels = decode_labels(
        read_map(drawn(*((name, (20 * k, 0, 20 * k + 19, 89)) for k, name in enumerate(COLOURS))), [PHOTO])
    )
    assert labels.shape == (90, 120)
    assert [int(labels[40, 20 * k + 10]) for k in range(5)] == [0, 1, 2, 3, 4]


def test_a_jpeg_and_smoothed_edges_are_understood() -> None:
    wanted = drawn(("red", (0, 0, 59, 89)), ("blue", (60, 0, 119, 89)))
    for source in (encoded(wanted, "JPEG", quality=85), wanted.resize((240, 180), Image.Resampling.BILINEAR)):
        labels = decode_labels(read_map(source, [PHOTO]))
        assert {int(value) for value in np.unique(labels)} == {1, 3}


def rainbow() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: drawn(("red", (0, 0, 9, 9)), size=(90, 120)), "must have the photo's shape"),
        (lambda: drawn(("#808080", (0, 0, 40, 80))), "the colour #808080"),
        (rainbow, "other colours, such as"),
        (lambda: drawn(("red", (0, 0, 40, 80))).convert("RGBA").rotate(20), "transparent in places"),
        (lambda: b"no picture at all", "is no picture"),
    ],
)
def test_what_is_no_map_is_refused_in_one_sentence(make: Callable[[], Image.Image | bytes], words: str) -> None:
    with pytest.raises(PlaygroundError, match=words) as caught:
        read_map(make(), [PHOTO])
    assert "\n" not in str(caught.value)


def test_paintings_without_a_region_are_named() -> None:
    recipe = Recipe(regions=read_map(drawn(("red", (0, 0, 59, 89)), ("blue", (60, 0, 119, 89))), [PHOTO]))
    assert without_a_region(recipe, 4) == [2, 4]
    assert without_a_region(recipe, 1) == without_a_region(Recipe(), 4) == []


def test_speckles_are_kept_smaller_or_refused() -> None:
    speckled = np.random.default_rng(0).integers(0, 5, (700, 1000)).astype(np.uint8)
    assert max(decode_labels(encode_labels(speckled)).shape) < 1000


def test_soft_and_sharp_areas() -> None:
    text = read_map(drawn(("red", (0, 0, 59, 89))), [PHOTO])
    sharp = areas_of(Recipe(regions=text), (60, 45))
    assert sharp.shape == (5, 45, 60)
    assert set(np.unique(sharp)) == {0, 1}
    assert sharp[1, :, :30].all()
    assert sharp[0, :, 30:].all()
    soft = areas_of(Recipe(regions=text, region_softness=0.1), (60, 45))
    assert np.allclose(soft.sum(0), 1)
    assert soft[0, 20, 25] == 0 < soft[0, 20, 28] < soft[0, 20, 31] < 1 == soft[0, 20, 35]


def test_a_map_of_the_whole_photo_is_cut_as_the_photo_is() -> None:
    recipe = with_map(Recipe(crop="1:1"), drawn(("red", (0, 0, 29, 89)), ("green", (30, 0, 119, 89))), PHOTO)
    assert areas_of(recipe, (90, 90))[1].sum() == 15 * 90  # 15 pixels of 30 are cut away
    cut = with_map(Recipe(crop="1:1"), drawn(("red", (0, 0, 44, 89)), size=(90, 90)), PHOTO)
    assert areas_of(cut, (90, 90))[1].sum() == 45 * 90


def test_as_a_picture_it_can_be_loaded_again() -> None:
    text = read_map(drawn(("yellow", (10, 10, 50, 50))), [PHOTO])
    assert read_map(picture_of(text), [PHOTO]) == text


def test_soft_maps() -> None:
    kept = decode_soft(encode_soft(np.linspace(0, 1, 640 * 480).reshape(480, 640)))
    assert kept.shape == (120, 160)
    assert kept[0, 0] < 0.02 < 0.98 < kept[-1, -1]


@pytest.mark.parametrize("text", ["AAAA", "iVBORw0KGgo=", encode_soft(np.zeros((9, 9)))])
def test_damaged_text_is_refused(text: str) -> None:
    with pytest.raises(PlaygroundError, match="damaged"):
        decode_labels(text)


def test_a_map_of_another_shape_than_the_photo_is_named() -> None:
    text = read_map(drawn(("red", (0, 0, 59, 89))), [PHOTO])  # 4:3
    assert misfit(Recipe(regions=text), PHOTO) == misfit(Recipe(regions=text), (4000, 3001)) == ""
    assert misfit(Recipe(), (90, 90)) == ""
    assert "the map of regions was made for a photo of another shape" in misfit(Recipe(regions=text), (90, 90))
    square = read_map(drawn(("red", (0, 0, 59, 89)), size=(90, 90)), [(90, 90)])
    assert misfit(Recipe(regions=square, crop="1:1"), PHOTO) == ""  # of what is cut
    assert "another shape" in misfit(Recipe(regions=square), PHOTO)
    kept = encode_soft(np.ones((90, 120), np.float32))
    assert misfit(Recipe(kept=kept), PHOTO) == ""
    assert "what is kept more was made" in misfit(Recipe(kept=kept), (90, 120))
    strip = encode_soft(np.ones((24, 1000), np.float32))  # kept 160×4
    assert misfit(Recipe(kept=strip), (1000, 24)) == ""
