"""Every loss against loops in double precision written apart, its gradient against finite differences, and their sum."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch

from playground.engine import targets as remembered
from playground.engine.losses import (
    MIN_VARIATION,
    STYLE_LOSSES,
    Objective,
    by_term,
    content_loss,
    style_loss,
    variation_loss,
)
from playground.engine.statistics import style_statistic
from playground.engine.targets import targets
from playground.networks.read import Weights
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe
from tests.helpers.reference import gram_loops

NORMALISATIONS = sorted(STYLE_LOSSES)  # each wants its loops below


def features(seed: int, height: int = 4, width: int = 5, channels: int = 3) -> torch.Tensor:
    return torch.rand((1, channels, height, width), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def style_by_loops(maps: torch.Tensor, style: torch.Tensor, normalisation: str) -> float:
    """The documented formula of each normalisation, summed entry by entry."""
    if normalisation == "moments":
        return moments_by_loops(maps[0].numpy(), style[0].numpy())
    gram, target = gram_loops(maps[0].numpy()), gram_loops(style[0].numpy())
    channels, m, ms = maps.shape[1], maps.shape[2] * maps.shape[3], style.shape[2] * style.shape[3]
    total = energy = 0.0
    for i in range(channels):
        row = 0.0
        for j in range(channels):
            if normalisation == "raw":
                row += (gram[i, j] - target[i, j]) ** 2
            elif normalisation in ("volume", "rows"):
                row += (gram[i, j] / (channels * m) - target[i, j] / (channels * ms)) ** 2
            else:
                row += (gram[i, j] / m - target[i, j] / ms) ** 2
            energy += (target[i, j] / ms) ** 2
        total += row / channels if normalisation == "rows" else row
    count = channels**2
    return {
        "gatys": total / count / 4,
        "positions": total / count,
        "mean_positions": total / count,
        "volume": total / count,
        "rows": total,
        "raw": total / count / (channels * m),
        "relative": total / energy,
    }[normalisation]


def moments_by_loops(maps: np.ndarray, style: np.ndarray) -> float:
    """Relative squared distance of the covariances, about the means, and of the means."""

    def moments(picture: np.ndarray) -> tuple[list[float], list[float]]:
        rows = [[float(value) for value in channel.flatten()] for channel in picture]
        means = [sum(row) / len(row) for row in rows]
        covariances = []
        for one, its_mean in zip(rows, means, strict=True):
            for other, other_mean in zip(rows, means, strict=True):
                products = [(a - its_mean) * (b - other_mean) for a, b in zip(one, other, strict=True)]
                covariances.append(sum(products) / len(products))
        return covariances, means

    total = 0.0
    for ours, target in zip(moments(maps), moments(style), strict=True):
        total += sum((a - b) ** 2 for a, b in zip(ours, target, strict=True)) / sum(b**2 for b in target)
    return total


def test_gram_matrix_against_loops() -> None:
    maps = features(1)
    assert np.allclose(style_statistic(maps).gram[0].numpy(), gram_loops(maps[0].numpy()), rtol=1e-12)


@pytest.mark.parametrize("pictures", [1, 2])
def test_single_precision_gram_and_its_gradient_against_double(pictures: int) -> None:
    """The path that one picture in single precision takes on a CPU, and that of a batch."""
    exact = torch.randn((pictures, 64, 9, 11), generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    pull = torch.randn((pictures, 64, 64), generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    gradients = []
    for maps in (exact.clone(), exact.float().contiguous(memory_format=torch.channels_last)):
        maps.requires_grad_(True)
        found = style_statistic(maps)
        assert torch.allclose(found.gram.double(), exact.flatten(2) @ exact.flatten(2).mT, rtol=1e-4, atol=1e-4)
        assert torch.allclose(found.sums.double(), exact.sum((2, 3)), rtol=1e-4, atol=1e-4)
        ((found.gram * pull).sum() + (found.sums * pull[:, 0]).sum()).backward()
        assert maps.grad is not None
        gradients.append(maps.grad.double())
    doubled, single = gradients
    assert torch.allclose(doubled, single, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gram_gradient_by_finite_differences(layout: torch.memory_format) -> None:
    maps = features(2).contiguous(memory_format=layout).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: style_statistic(x).gram, (maps,))


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
@pytest.mark.parametrize("style_shape", [(4, 5), (6, 3)])
def test_style_loss_against_loops(normalisation: str, style_shape: tuple[int, int]) -> None:
    maps, style = features(3), features(4, *style_shape)
    got = float(style_loss(style_statistic(maps), style_statistic(style), normalisation))
    assert got == pytest.approx(style_by_loops(maps, style, normalisation), rel=1e-10)


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_style_loss_gradient_by_finite_differences(normalisation: str) -> None:
    target = style_statistic(features(5, 3, 3))
    assert torch.autograd.gradcheck(
        lambda x: style_loss(style_statistic(x), target, normalisation), (features(6).requires_grad_(True),)
    )


@pytest.mark.parametrize("what", ["mean", "covariance"])
def test_moments_hear_contrast_where_gram_matrices_hardly_do(what: str) -> None:
    """Bright activations with little contrast: halving the contrast is a tenth of a percent of a Gram matrix."""
    style = 10 + features(15, 8, 8)
    mean = style.mean((2, 3), keepdim=True)
    other = mean + (style - mean) / 2 if what == "covariance" else style - mean / 2
    moments, relative = (
        float(style_loss(style_statistic(other), style_statistic(style), form)) for form in ("moments", "relative")
    )
    if what == "covariance":  # Σ/4 for Σ
        assert moments == pytest.approx(0.75**2, rel=1e-9)
        assert relative < 1e-5
    else:
        assert moments == pytest.approx(0.25, rel=1e-9)


def test_gatys_is_the_paper_s_formula_at_equal_sizes() -> None:
    """1/(4N²M²)·Σ(G−G_S)² with N channels and M positions."""
    maps, style = features(7), features(8)
    difference = gram_loops(maps[0].numpy()) - gram_loops(style[0].numpy())
    n, m = 3, 20
    expected = sum(d * d for d in difference.flatten()) / (4 * n**2 * m**2)
    assert float(style_loss(style_statistic(maps), style_statistic(style), "gatys")) == pytest.approx(
        expected, rel=1e-12
    )


def test_raw_is_h_w_over_c_times_the_size_independent_form_at_equal_sizes() -> None:
    maps, style = features(9), features(10)
    ratio = style_loss(style_statistic(maps), style_statistic(style), "raw") / style_loss(
        style_statistic(maps), style_statistic(style), "positions"
    )
    assert float(ratio) == pytest.approx(20 / 3, rel=1e-12)


@pytest.mark.parametrize(("normalisation", "factor"), [("mean", 1.0), ("channels", 1 / 3), ("relative", None)])
def test_content_loss_against_loops(normalisation: str, factor: float | None) -> None:
    maps, content_image = features(11), features(12)
    total = energy = 0.0
    for a, b in zip(maps.flatten().tolist(), content_image.flatten().tolist(), strict=True):
        total += (a - b) ** 2
        energy += b**2
    expected = total / energy if factor is None else total / maps.numel() * factor
    assert float(content_loss(maps, content_image, normalisation)) == pytest.approx(expected, rel=1e-12)
    assert torch.autograd.gradcheck(
        lambda x: content_loss(x, content_image, normalisation), (maps.requires_grad_(True),)
    )


@pytest.mark.parametrize(("form", "own"), [("squared", 3.0), ("absolute", 3.0), ("relative", 3.0), ("relative", 1.0)])
def test_variation_loss_against_loops(form: str, own: float) -> None:
    image = features(13, 4, 6)
    dx, dy = [], []
    for c in range(3):
        for y in range(4):
            for x in range(6):
                if x + 1 < 6:
                    dx.append(float(image[0, c, y, x + 1] - image[0, c, y, x]))
                if y + 1 < 4:
                    dy.append(float(image[0, c, y + 1, x] - image[0, c, y, x]))
    power = 1 if form == "absolute" else 2
    expected = sum(abs(d) ** power for d in dx) / len(dx) + sum(abs(d) ** power for d in dy) / len(dy)
    expected /= own if form == "relative" else 1
    assert float(variation_loss(image, form, own)) == pytest.approx(expected, rel=1e-12)
    assert torch.autograd.gradcheck(lambda x: variation_loss(x, form, own), (image.requires_grad_(True),))


def test_relative_variation_is_that_of_the_painting(hed: Weights) -> None:
    """As rough as the painting is 1, at any size of either; a flat painting does not forbid every edge."""
    settings = {
        "variation_weight": 1.0,
        "variation_loss": "relative",
        "content_weight": 0.0,
        "style_layers": {"conv1_1": 1.0},
    }
    style_image = features(3, 40, 48).float().sigmoid()
    for image in (style_image, style_image[..., :32, :32]):
        made = Objective(Vgg(hed), image, style_image, Recipe(**settings))
        ours, its = (float(variation_loss(one)) for one in (image, style_image))
        assert float(made(image).terms["variation"]) == pytest.approx(ours / its, rel=1e-5)
    flat = Objective(Vgg(hed), style_image, torch.full_like(style_image, 0.5), Recipe(**settings))
    found = float(flat(style_image).terms["variation"])
    assert found == pytest.approx(float(variation_loss(style_image)) / MIN_VARIATION, rel=1e-5)


def objective(hed: Weights, growth: float = 1.0, **settings: object) -> tuple[Objective, torch.Tensor]:
    generator = torch.Generator().manual_seed(14)
    content, style, image = (torch.rand((1, 3, 32, 40), generator=generator) for _ in range(3))
    return Objective(Vgg(hed), content, style, Recipe(**settings), growth), image


def test_total_is_the_sum_of_its_terms_and_weights_are_linear(hed: Weights) -> None:
    once, image = objective(hed, style_weight=2.0, content_weight=3.0, variation_weight=5.0)
    losses = once(image)
    assert float(losses.total) == pytest.approx(sum(float(value) for value in losses.terms.values()), rel=1e-6)
    once.set_weights(once.recipe.changed({"style_weight": 4.0, "style_layers.conv2_1": 3.0}))
    twice = once(image)
    assert float(twice.terms["style:conv1_1"]) == pytest.approx(2 * float(losses.terms["style:conv1_1"]), rel=1e-5)
    assert float(twice.terms["style:conv2_1"]) == pytest.approx(6 * float(losses.terms["style:conv2_1"]), rel=1e-5)
    assert float(twice.terms["content:conv4_2"]) == pytest.approx(float(losses.terms["content:conv4_2"]), rel=1e-5)


def test_weightless_layers_and_terms_cost_nothing_and_add_nothing(hed: Weights) -> None:
    made, image = objective(hed, content_weight=0.0, style_layers={"conv1_1": 1.0, "conv5_1": 0.0})
    assert list(made(image).terms) == ["style:conv1_1"]


def test_new_layers_are_not_covered(hed: Weights) -> None:
    made, _ = objective(hed)
    assert made.covers(made.recipe.changed({"style_layers.conv3_1": 9.0}))
    assert not made.covers(made.recipe.changed({"style_layers.conv3_2": 1.0}))


def test_rows_divides_by_the_first_style_layer_and_mean_positions_by_their_number(hed: Weights) -> None:
    layers = {"conv1_2": 1.0, "conv2_2": 1.0}
    rows, image = objective(hed, style_loss="rows", style_layers=layers, content_weight=0.0)
    maps = Vgg(hed)(image, ["conv1_2", "conv2_2"])
    expected = style_loss(style_statistic(maps["conv2_2"]), rows.style_targets["conv2_2"], "rows") / (64 * 32 * 40)
    assert float(rows(image).terms["style:conv2_2"]) == pytest.approx(float(expected), rel=1e-5)
    mean, image = objective(hed, style_loss="mean_positions", style_layers=layers, content_weight=0.0)
    expected = style_loss(style_statistic(maps["conv2_2"]), mean.style_targets["conv2_2"], "positions") / 2
    assert float(mean(image).terms["style:conv2_2"]) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize(("form", "power"), [("raw", 1), ("rows", -1), ("gatys", 0), ("relative", 0), ("moments", 0)])
def test_growth_corrects_what_depends_on_the_area(hed: Weights, form: str, power: int) -> None:
    plain, image = objective(hed, style_loss=form)
    grown, _ = objective(hed, 4.0, style_loss=form)
    ratio = float(grown(image).terms["style:conv2_1"]) / float(plain(image).terms["style:conv2_1"])
    assert ratio == pytest.approx(4.0**power, rel=1e-5)


def test_by_term_sums_layers() -> None:
    sums = by_term({"content:conv4_2": 1.0, "style:conv1_1": 2.0, "style:conv2_1": 3.0, "variation": 4.0})
    assert sums == {"content": 1.0, "style": 5.0, "variation": 4.0, "total": 10.0}
    assert math.isclose(by_term({})["total"], 0.0)


def test_targets_of_the_same_picture_are_computed_once(hed: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[tuple[int, ...]] = []
    original = remembered.observe

    def look(*given: Any, **more: Any) -> Any:
        looked.append(given[1].shape)
        return original(*given, **more)

    monkeypatch.setattr(remembered, "observe", look)
    monkeypatch.setattr(remembered, "kept", OrderedDict())
    network, picture = Vgg(hed), torch.rand((1, 3, 32, 40), generator=torch.Generator().manual_seed(20))
    first = targets(network, picture, [], ["conv1_1"])
    assert targets(network, picture.clone(), [], ["conv1_1"]) is first
    assert len(looked) == 1
    targets(network, picture + 1e-3, [], ["conv1_1"])  # another picture, layer or pool is looked at anew
    targets(network, picture, [], ["conv1_2"])
    targets(network.configured("average", False, "zeros"), picture, [], ["conv1_1"])
    assert len(looked) == 4


def test_kept_targets_are_bounded(hed: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "kept", OrderedDict())
    monkeypatch.setattr(remembered, "KEEP_BYTES", 3 * (64 * 64 + 64) * 4)
    network = Vgg(hed)
    for seed in range(5):
        targets(network, torch.rand((1, 3, 32, 40), generator=torch.Generator().manual_seed(seed)), [], ["conv1_1"])
    assert len(remembered.kept) == 3
    targets(network, torch.rand(1, 3, 64, 64), ["conv1_1"], [])  # larger than the bound by itself
    assert len(remembered.kept) <= 3


@pytest.mark.parametrize("normalisation", ["mean", "channels", "relative"])
def test_the_content_loss_s_gradient_is_torch_s_in_the_maps_layout(normalisation: str) -> None:
    generator = torch.Generator().manual_seed(3)
    maps, target = (
        torch.rand(1, 6, 5, 7, generator=generator).contiguous(memory_format=torch.channels_last) for _ in range(2)
    )
    divisor = {"mean": 1.0, "channels": 6.0, "relative": float(target.square().mean())}[normalisation]
    (ours,) = torch.autograd.grad(0.3 * content_loss(maps.requires_grad_(True), target, normalisation), maps)
    (theirs,) = torch.autograd.grad(0.3 * torch.nn.functional.mse_loss(maps, target) / divisor, maps)
    torch.testing.assert_close(ours, theirs)
    assert ours.is_contiguous(memory_format=torch.channels_last)
