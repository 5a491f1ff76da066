"""A loss of single differences is one entry, whether a picture is judged whole, by regions or tile by tile."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from playground.engine import tiles
from playground.engine.losses import Objective
from playground.engine.pointwise import CONTENT_LOSSES, VARIATION_LOSSES, Pointwise, content_loss
from playground.engine.tiles import TiledObjective
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe

EACH = Pointwise(each=lambda difference: difference.abs().pow(1.5), over=lambda channels, energy: channels * energy())


@pytest.fixture(autouse=True)
def entered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CONTENT_LOSSES, "new", EACH)
    monkeypatch.setitem(VARIATION_LOSSES, "new", EACH)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_new_content_loss_is_its_formula_with_and_without_weights(weighted: bool) -> None:
    draw = np.random.default_rng(5)
    ours, target, weights = draw.random((3, 4, 5)), draw.random((3, 4, 5)), draw.random((4, 5))
    total = energy = 0.0
    for c in range(3):
        for y in range(4):
            for x in range(5):
                total += (weights[y, x] if weighted else 1.0) * abs(ours[c, y, x] - target[c, y, x]) ** 1.5 / 60
                energy += target[c, y, x] ** 2 / 60
    maps = [torch.from_numpy(each)[None] for each in (ours, target)]
    found = content_loss(maps[0], maps[1], "new", torch.from_numpy(weights) if weighted else None)
    assert float(found) == pytest.approx(total / (3 * energy), rel=1e-10)


@pytest.mark.parametrize("form", CONTENT_LOSSES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("which", ["both", "target"])
def test_maps_in_bfloat16_are_compared_as_their_values_in_single_precision(
    form: str, weighted: bool, which: str
) -> None:
    """To the bit, and with the gradient rounded once: the target of a layer whose neighbours count too is so alone."""
    generator = torch.Generator().manual_seed(2)
    maps, target = (
        torch.rand(2, 4, 75, 9, generator=generator).bfloat16().contiguous(memory_format=torch.channels_last)
        for _ in range(2)
    )
    weights = torch.rand(75, 9, generator=generator) if weighted else None
    ours = maps if which == "both" else maps.float()

    def judged(maps: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        leaf = maps.detach().clone().requires_grad_(True)
        loss = 0.7 * content_loss(leaf, target, form, weights)
        return loss.detach(), torch.autograd.grad(loss, leaf)[0]

    loss, gradient = judged(ours, target)
    expected, their_gradient = judged(maps.float(), target.float())
    assert loss.dtype == torch.float32
    assert torch.equal(loss, expected)
    assert gradient.dtype == ours.dtype
    assert torch.equal(gradient, their_gradient.to(ours.dtype))


def test_a_print_judges_by_it_as_a_whole_picture_does(network: Vgg, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "CORE", 64)
    content_image, style_image, image = torch.rand(
        (3, 1, 3, 96, 128), generator=torch.Generator().manual_seed(1)
    ).unbind(0)
    recipe = Recipe(style_layers={"conv1_1": 1.0}, content_layers={"conv2_1": 1.0}, variation_weight=0.5)
    recipe = recipe.model_copy(update={"content_loss": "new", "variation_loss": "new"})
    whole, tiled = (
        kind(network, content_image, [style_image], recipe)(image).terms for kind in (Objective, TiledObjective)
    )
    assert tiled.keys() == whole.keys()
    assert len(whole) == 3
    for name in whole:
        assert float(tiled[name]) == pytest.approx(float(whole[name]), rel=2e-4), name
