"""The presets that follow a source, on the real network, against references written apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from playground.engine.canvas import HrnetCanvas, Space, first_picture
from playground.engine.lbfgs import SearchingLbfgs
from playground.images.convert import resize_picture, to_tensor
from playground.networks.read import Weights
from playground.networks.vgg import Vgg
from playground.recipe.presets import load_preset
from tests.helpers import reference, reference_networks
from tests.helpers.networks import identity_vgg19
from tests.helpers.painting import paint, result, totals


def maps_of(weights: Weights, convert: Callable[[Tensor], Tensor], pool: str = "max") -> Callable[[Tensor], Any]:
    return lambda unit: reference.forward(weights.tensors, convert(unit), pool)


def at_size(pictures: tuple[Image.Image, Image.Image], size: int) -> list[torch.Tensor]:
    return [to_tensor(resize_picture(picture, size)) for picture in pictures]


def test_gatys_adam_follows_its_source(hed: Weights, pictures: tuple[Image.Image, Image.Image]) -> None:
    weights = identity_vgg19(hed)
    # The source's network takes torch's convention; with it these weights see a picture scaled down, which is fine.
    weights = replace(weights, network=replace(weights.network, convention="torch"))
    recipe = load_preset("gatys-adam").changed({"size": 64, "iterations": 4, "style_size": 96})
    assert (recipe.learning_rate, recipe.space, recipe.init) == (0.003, "normalised", "content")
    content, style = at_size(pictures, 64)[0], at_size(pictures, 96)[1]
    see = maps_of(weights, lambda normalised: normalised)
    content_image, style_image = see(reference.torch_input(content)), see(reference.torch_input(style))
    layers = {"conv1_1": 1.0, "conv2_1": 0.8, "conv3_1": 0.4, "conv4_1": 0.2, "conv5_1": 0.1}

    def loss(x: torch.Tensor) -> torch.Tensor:
        maps, value = see(x), recipe.content_weight * ((see(x)["conv4_2"] - content_image["conv4_2"]) ** 2).mean()
        for name, weight in layers.items():
            ours = reference.raw_gram(maps[name]) / maps[name][0, 0].numel()
            theirs = reference.raw_gram(style_image[name]) / style_image[name][0, 0].numel()
            value = value + recipe.style_weight * weight / 4 * ((ours - theirs) ** 2).mean()
        return value

    expected = reference.adam(reference.torch_input(content), loss, 4, 0.003, (0.9, 0.999), 1e-8)
    assert totals(paint(pictures, Vgg(weights), recipe)) == pytest.approx(expected, rel=2e-3)
    # At equal sizes the loss is the source's own formula, with undivided Gram matrices.
    same = see(reference.torch_input(at_size(pictures, 64)[1]))
    total = reference.gatys_total(layers, recipe.content_weight, recipe.style_weight)(
        content_image, content_image, _as_size(same, content_image)
    )
    recipe = recipe.changed({"style_size": "content"})
    first = totals(paint((pictures[0], pictures[1].resize(pictures[0].size)), Vgg(weights), recipe))[0]
    square = see(reference.torch_input(to_tensor(resize_picture(pictures[1].resize(pictures[0].size), 64))))
    total = reference.gatys_total(layers, recipe.content_weight, recipe.style_weight)(
        content_image, content_image, square
    )
    assert first == pytest.approx(float(total), rel=1e-3)


def _as_size(maps: dict[str, torch.Tensor], like: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: maps[name][..., : like[name].shape[2], : like[name].shape[3]] for name in maps}


ROUNDS_LAYERS = {"conv1_2": 0.05, "conv2_2": 0.2, "conv3_2": 0.2, "conv4_2": 0.25, "conv5_2": 0.3}
CENTRE = torch.tensor([123.68, 116.779, 103.939], dtype=torch.float64).view(1, 3, 1, 1)


def rounds_loss(hed: Weights, content: torch.Tensor, style: torch.Tensor) -> Callable[[Tensor], Tensor]:
    """Recipe 2's loss of a centred picture, in double precision."""
    see = maps_of(hed, reference.caffe_input, "average")
    total, content_image, style_image = reference.rounds_total(ROUNDS_LAYERS, 15), see(content), see(style)
    return lambda centred: total(see((centred + CENTRE) / 255), content_image, style_image)


@pytest.mark.parametrize("loudness", [0.025, 160.0])
def test_vgg16_lbfgs_follows_its_source(
    hed: Weights, network: Vgg, pictures: tuple[Image.Image, Image.Image], loudness: float
) -> None:
    """Evaluation by evaluation as scipy's; noise that is loud enough is clipped."""
    recipe = load_preset("vgg16-lbfgs")
    assert recipe.noise_scale == 0.025
    recipe = recipe.changed({"size": 64, "iterations": 3, "noise_scale": loudness, "lbfgs_evaluations": 6})
    content, style = at_size(pictures, 64)
    space = Space("centred")
    start = space.to(first_picture(recipe, content, style, space))
    assert float(start.abs().max()) == pytest.approx(loudness, rel=0.01)
    seen, _ = reference.scipy_rounds(start, rounds_loss(hed, content, style), 3, recipe.lbfgs_evaluations, 127.0)
    frames = paint(pictures, network, recipe)
    found, expected = totals(frames), [loss for losses in seen for loss in losses]
    assert found[:5] == pytest.approx(expected[:5], rel=1e-4)
    assert found == pytest.approx(expected, rel=2e-2)  # rounding grows with every step
    assert len(found) == len(expected)
    assert (result(frames).steps, result(frames).evaluations) == (3, len(expected))
    assert all(len(losses) > recipe.lbfgs_evaluations for losses in seen)


@pytest.mark.parametrize("clip", [True, False])
def test_the_result_is_clipped_as_the_source_s_is(
    network: Vgg, pictures: tuple[Image.Image, Image.Image], clip: bool
) -> None:
    """The lowest loss is that of an evaluation within the round, whose picture is not clipped yet."""
    recipe = load_preset("vgg16-lbfgs").changed({"size": 64, "iterations": 1, "noise_scale": 160.0, "clip": clip})
    found = result(paint(pictures, network, recipe.changed({"lbfgs_evaluations": 4})))
    brightest = np.asarray(found.picture).reshape(-1, 3).max(0)
    assert (brightest <= (251, 244, 231)).all() == clip  # the means and 127, rounded
    if clip:
        assert (brightest == (251, 244, 231)).all()
        assert found.last is not None
        assert (np.asarray(found.last).reshape(-1, 3).max(0) == brightest).all()


def in_double_precision(
    start: torch.Tensor, loss_of: Callable[[Tensor], Tensor], rounds: int, evaluations: int, clip: float
) -> tuple[Any, Any]:
    """What `SearchingLbfgs` itself makes of a loss in float64, as `scipy_rounds`."""
    x = start.double().clone().requires_grad_(True)
    seen, ends = list[list[float]](), list[float]()
    for _ in range(rounds):
        optimiser, standing = SearchingLbfgs([x], 1.0, 10, 255.0), "searching"
        seen.append([])
        while standing != "at rest" or len(seen[-1]) <= evaluations:
            loss = loss_of(x)
            (x.grad,) = torch.autograd.grad(loss, x)
            seen[-1].append(float(loss.detach()))
            standing = optimiser.step(loss.detach()[None], rest=len(seen[-1]) > evaluations)
            assert standing != "stuck"
        ends.append(seen[-1][-1])
        with torch.no_grad():
            x.clamp_(-clip, clip)
    return seen, ends


@pytest.mark.slow
@pytest.mark.timeout(3600)  # double precision takes minutes
@pytest.mark.parametrize("size", [64, 96, 144])
def test_ten_rounds_end_where_scipy_s_end(hed: Weights, pictures: tuple[Image.Image, Image.Image], size: int) -> None:
    recipe, space = load_preset("vgg16-lbfgs").changed({"size": size}), Space("centred")
    content, style = at_size(pictures, size)
    start, loss_of = space.to(first_picture(recipe, content, style, space)), rounds_loss(hed, content, style)
    theirs, their_ends = reference.scipy_rounds(start, loss_of, 10, 20, 127.0)
    ours, our_ends = in_double_precision(start, loss_of, 10, 20, 127.0)
    print(size, [round(a / b, 3) for a, b in zip(our_ends, their_ends, strict=True)])
    assert our_ends[0] <= 1.1 * their_ends[0]
    assert our_ends[-1] <= 1.1 * their_ends[-1]
    for losses in (*ours, *theirs):
        assert 21 <= len(losses) <= 22
    assert ours[0] == pytest.approx(theirs[0], rel=1e-6)


def test_hrnet_source_follows_its_source(hed: Weights, pictures: tuple[Image.Image, Image.Image]) -> None:
    """Six steps of the generator's weights: a photo whose sides do not divide by 4, a painting of another size."""
    weights = identity_vgg19(hed)
    weights = replace(weights, network=replace(weights.network, convention="torch"))
    content_image, style_image = pictures[0], resize_picture(pictures[1], 80)
    recipe = load_preset("hrnet-source")
    assert (recipe.learning_rate, recipe.decay_steps, recipe.decay_factor) == (0.005, 200, 0.9)
    assert recipe.style_size == "original"
    # At the full rate single precision itself parts from double within five steps, since instance normalisation enlarges
    # what is nearly level.
    recipe = recipe.changed({"size": 66, "iterations": 6, "decay_steps": 3, "learning_rate": 5e-4})
    content = to_tensor(resize_picture(content_image, 66))
    assert all(side % 4 for side in content.shape[2:])
    see = maps_of(weights, reference.torch_input)
    of_content, of_style = see(content), see(to_tensor(style_image))
    total = reference_networks.hrnet_total(150, 1)
    first = {name: value.detach().clone() for name, value in HrnetCanvas(content, 0).network.named_parameters()}
    expected = reference_networks.train(
        first,
        lambda tensors, _: total(see(reference_networks.hrnet(tensors, content)), of_content, of_style),
        [5e-4] * 3 + [0.9 * 5e-4] * 3,
    )
    found = totals(paint((content_image, style_image), Vgg(weights), recipe))
    assert found == pytest.approx(expected, rel=1e-3)
    assert found[0] == pytest.approx(expected[0], rel=1e-5)
    assert expected[-1] < 0.9 * expected[0]


@pytest.mark.parametrize("weaker", [1.0, 1e-5])
def test_tf_adam_tv_follows_its_source(hed: Weights, pictures: tuple[Image.Image, Image.Image], weaker: float) -> None:
    """With losses as small as the second's, the source's ε of 0.1 is what decides on each step."""
    weights = identity_vgg19(hed)
    recipe = load_preset("tf-adam-tv")
    assert (recipe.style_weight, recipe.content_weight, recipe.variation_weight) == (1e-2, 1e4, 1e8)
    assert (recipe.learning_rate, recipe.beta1, recipe.beta2, recipe.epsilon) == (0.02, 0.99, 0.999, 0.1)
    assert (recipe.style_size, recipe.clip) == (512, True)
    terms = ("style_weight", "content_weight", "variation_weight")
    weighted = {term: weaker * getattr(recipe, term) for term in terms}
    recipe = recipe.changed({"size": 64, "iterations": 6, "style_size": 64, **weighted})
    content, style = at_size(pictures, 64)
    see = maps_of(weights, reference.caffe_input)
    content_image, style_image = see(content), see(style)
    total = reference.variation_total(1e-2, 1e4, 1e8)
    start = first_picture(recipe, content, style, Space("unit"))
    assert float(start.std()) == pytest.approx(1, abs=0.05)
    assert float(start.mean()) == pytest.approx(0, abs=0.05)

    def loss_of(given: np.ndarray) -> tuple[float, np.ndarray]:
        x = torch.tensor(given).requires_grad_(True)
        loss = weaker * total(see(x), content_image, style_image, x)
        return float(loss.detach()), torch.autograd.grad(loss, x)[0].numpy()

    expected = reference.tensorflow_adam(start.numpy(), loss_of, 6, 0.02, 0.99, 0.999, 0.1, (0.0, 1.0))
    assert totals(paint(pictures, Vgg(weights), recipe)) == pytest.approx(expected, rel=2e-3)
