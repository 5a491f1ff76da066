"""Painting like any picture in one pass: blends of paintings, long paintings, and pictures too large for one pass."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from playground.errors import PlaygroundError
from playground.feedforward import any_stylizer
from playground.feedforward.any_stylizer import AnyStylizer
from playground.feedforward.apply import stylize_picture
from playground.images.convert import to_tensor
from playground.networks.any_painting import blended, load_any_painting, style_numbers

Pictures = tuple[Image.Image, Image.Image]


pytestmark = pytest.mark.usefixtures("any_painting")


def test_another_painting_makes_another_picture_of_the_same_size(pictures: Pictures) -> None:
    content, coffee = pictures[0].resize((93, 62)), pictures[1]
    red = Image.new("RGB", (80, 80), (200, 20, 20))
    first, second = (stylize_picture(AnyStylizer([(one, 1.0)], "x"), content).result for one in (coffee, red))
    assert first.size == second.size == content.size
    assert np.abs(np.asarray(first, float) - np.asarray(second, float)).mean() > 10


def test_a_blend_is_the_weighted_mean_of_the_styles_whatever_the_weights_add_up_to(pictures: Pictures) -> None:
    predictor, _ = load_any_painting()
    one, other = (style_numbers(predictor, picture) for picture in pictures)
    expected = 0.25 * one.double() + 0.75 * other.double()
    for weights in ((1.0, 3.0), (0.1, 0.3)):
        both = AnyStylizer(list(zip(pictures, weights, strict=True)), "both")
        torch.testing.assert_close(both.style.double(), expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(blended([(one, 2.0), (other, 0.0)]), one)


def test_a_long_painting_is_seen_in_its_middle_and_a_small_one_enlarged() -> None:
    predictor, _ = load_any_painting()
    middle = Image.effect_noise((90, 30), 60).convert("RGB")
    long = Image.new("RGB", (290, 30), "blue")
    long.paste(middle, (100, 0))
    assert torch.equal(style_numbers(predictor, long), style_numbers(predictor, middle))


def test_a_picture_too_large_for_one_pass_is_painted_smaller_and_enlarged(
    pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    stylizer, content = AnyStylizer([(pictures[1], 1.0)], "x"), to_tensor(pictures[0].resize((96, 64)))
    monkeypatch.setattr(any_stylizer, "ONE_PASS_PIXELS", 48 * 32)
    painted = stylizer(content)
    assert painted.shape == content.shape
    small = stylizer(torch.nn.functional.interpolate(content, size=(32, 48), mode="area"))
    assert (torch.nn.functional.interpolate(painted, size=(32, 48), mode="area") - small).abs().mean() < 0.03


@pytest.mark.parametrize(
    ("count", "weight", "words"), [(0, 1, "one to 4"), (5, 1, "not 5"), (2, 0, "needs a weight above 0")]
)
def test_what_cannot_be_blended_is_refused(pictures: Pictures, count: int, weight: float, words: str) -> None:
    with pytest.raises(PlaygroundError, match=words):
        AnyStylizer([(pictures[1], weight)] * count, "x")
