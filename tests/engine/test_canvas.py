"""What a canvas starts from, and the registry of canvases."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from PIL import Image

from playground.engine.canvas import CANVASES, Space, first_picture, make_canvas
from playground.images.convert import resize_picture, to_tensor
from playground.recipe.model import Recipe
from tests.helpers.painting import plain


@pytest.mark.parametrize("init", ["content", "noise", "grey", "style", "mix"])
@pytest.mark.parametrize("space", ["unit", "normalised", "centred"])
def test_starts(pictures: tuple[Image.Image, Image.Image], init: str, space: str) -> None:
    content, style = (to_tensor(resize_picture(picture, 64)) for picture in pictures)
    mean = 0.5 if space == "unit" else 0.0
    recipe = plain(
        init=init, space=space, noise_mean=mean, noise_scale=25.0 if space == "centred" else 0.1, init_mix=0.25
    )
    units = Space(space)
    first = first_picture(recipe, content, style, units)
    assert first.shape == content.shape
    shown = make_canvas(recipe, first, units).image()
    assert torch.allclose(shown, first, atol=1e-5)
    if init == "content":
        assert torch.equal(first, content)
    if init == "grey":
        assert float(first.std(dim=(2, 3)).max()) < 1e-6
        assert 0.4 < float(first.mean()) < 0.51
    if init == "noise":
        assert 0.0 < float(first.std()) < 0.2
    if init == "mix":
        noise = first_picture(recipe.changed({"init": "noise"}), content, style, units)
        assert torch.allclose(first, 0.25 * content + 0.75 * noise, atol=1e-6)


def test_every_word_of_the_recipe_has_its_canvas() -> None:
    assert set(get_args(Recipe.model_fields["canvas"].annotation)) == set(CANVASES)
