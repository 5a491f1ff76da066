"""Blends of trained networks against a slow loop written apart, their bits where one counts alone, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from playground.errors import PlaygroundError
from playground.feedforward.any_stylizer import AnyStylizer
from playground.feedforward.apply import Stylizer, stylize_picture
from playground.feedforward.blended import BlendedStylizer, blended_stylizer
from playground.feedforward.model import Model, ModelCard, load_model
from playground.images.convert import to_tensor


@pytest.fixture(scope="module")
def models() -> list[Model]:
    return [load_model(name) for name in ("mosaic", "swirls", "woodcut_wave")]


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    from skimage import data

    return Image.fromarray(data.astronaut()[:90, 180:300])


def by_loops(results: list[np.ndarray], weights: list[float]) -> np.ndarray:
    """The weighted mean of pictures H×W×3 in [0, 1], each channel with the weighted mean of their deviations about its own."""
    height, width, _ = results[0].shape
    blend = np.zeros((height, width, 3))
    for channel in range(3):
        wanted, mean, spread = 0.0, 0.0, 0.0
        for result, weight in zip(results, weights, strict=True):
            own = math.fsum(result[:, :, channel].ravel()) / (height * width)
            squares = math.fsum((value - own) ** 2 for value in result[:, :, channel].ravel())
            wanted += weight / sum(weights) * math.sqrt(squares / (height * width))
        for y in range(height):
            for x in range(width):
                for result, weight in zip(results, weights, strict=True):
                    blend[y, x, channel] += weight * result[y, x, channel] / sum(weights)
                mean += blend[y, x, channel] / (height * width)
        for value in blend[:, :, channel].ravel():
            spread += (value - mean) ** 2 / (height * width)
        for y in range(height):
            for x in range(width):
                stretched = mean + (blend[y, x, channel] - mean) * wanted / math.sqrt(spread)
                blend[y, x, channel] = min(1.0, max(0.0, stretched))
    return blend


@pytest.mark.parametrize("weights", [[1.0, 1.0], [0.3, 0.9], [2.0, 0.5, 1.0]])
def test_a_blend_against_loops(models: list[Model], photo: Image.Image, weights: list[float]) -> None:
    x = to_tensor(photo)
    chosen = list(zip(models, weights, strict=False))
    results = [Stylizer(model)(x)[0].permute(1, 2, 0).double().numpy() for model, _ in chosen]
    found = blended_stylizer(chosen, "both")(x)[0].permute(1, 2, 0).numpy()
    assert np.abs(found - by_loops(results, weights)).max() < 2e-6
    again = blended_stylizer([(model, 10 * weight) for model, weight in chosen], "both")(x)[0].permute(1, 2, 0)
    assert np.abs(found - again.numpy()).max() < 2e-6


def test_one_that_counts_alone_paints_its_own_bits(models: list[Model], photo: Image.Image) -> None:
    alone = np.asarray(stylize_picture(Stylizer(models[0]), photo, strokes=0.8).result)
    others: list[Model | Image.Image] = [models[1], photo]  # without weight, it does not ask for its network either
    for other in others:
        styles = [(models[0], 0.3), (other, 0.0)]
        blend = stylize_picture(blended_stylizer(styles, "x"), photo, strokes=0.8).result
        assert np.array_equal(alone, np.asarray(blend))


def test_one_result_is_held_at_a_time(photo: Image.Image) -> None:
    """A part is asked only when the one before has been added, and what it gave is not kept."""
    import weakref

    given: list[weakref.ref[Tensor]] = []

    class Part:
        title = "part"

        def __call__(self, content: Tensor, tile: int | None = None) -> Tensor:
            assert tile == 64
            assert [one() for one in given] == [None] * len(given)
            painted = content * 0.5 + 0.01 * len(given)
            given.append(weakref.ref(painted))
            return painted

    BlendedStylizer([(Part(), 1.0)] * 4, "x")(to_tensor(photo), 64)
    assert len(given) == 4


def test_results_that_cancel_each_other_out_are_not_stretched_to_noise(photo: Image.Image) -> None:
    class Same:
        title = "same"

        def __call__(self, content: Tensor, tile: int | None = None) -> Tensor:
            return content.clone()

    class Negative(Same):
        def __call__(self, content: Tensor, tile: int | None = None) -> Tensor:
            return 1 - content

    x = to_tensor(photo)
    assert float(BlendedStylizer([(Same(), 1.0), (Negative(), 1.0)], "grey")(x).std()) < 1e-5
    flat = torch.full((1, 3, 16, 16), 0.5)
    assert torch.equal(BlendedStylizer([(Same(), 1.0), (Same(), 3.0)], "flat")(flat), flat)


@pytest.mark.usefixtures("any_painting")
def test_trained_networks_and_style_images_are_blended(models: list[Model], photo: Image.Image) -> None:
    x, other = to_tensor(photo), photo.rotate(90, expand=True)
    found = blended_stylizer([(photo, 1.0), (models[1], 3.0), (other, 2.0)], "all")(x)
    images = AnyStylizer([(photo, 1.0), (other, 2.0)], "images")
    expected = BlendedStylizer([(Stylizer(models[1]), 1.0), (images, 1.0)], "all")(x)
    assert torch.allclose(found, expected, atol=1e-6)
    assert torch.equal(blended_stylizer([(photo, 1.0), (models[1], 0.0), (other, 2.0)], "images")(x), images(x))


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([], "one to 4 styles, not 0"),
        ([1.0] * 5, "one to 4 styles, not 5"),
        ([0.0, 0.0], "at least one style needs a weight above 0"),
        ([1.0, -1.0], "0 or more, not -1"),
        ([1.0, math.nan], "0 or more, not nan"),
        ([1.0, math.inf], "0 or more, not inf"),
        ([1e308, 1e308], "too large to be added up"),
    ],
)
def test_what_cannot_be_blended_is_refused(weights: list[float], words: str) -> None:
    model = Model(load_model("swirls").network, ModelCard(title="one"))
    with pytest.raises(PlaygroundError, match=words):
        blended_stylizer([(model, weight) for weight in weights], "x")
