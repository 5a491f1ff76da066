"""Statistics of regions against loops in double precision written apart, and their gradients; blends; runs with both."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from playground.engine.blends import blend
from playground.engine.control import MemoryControl
from playground.engine.guided import Guide, guided_statistic, guided_sums, one_region
from playground.engine.losses import Objective, style_loss
from playground.engine.pointwise import content_loss
from playground.engine.run import Run
from playground.engine.statistics import StyleStatistic, style_statistic
from playground.engine.strips import observe
from playground.errors import PlaygroundError
from playground.images.convert import resize_picture
from playground.images.regions import encode_labels, encode_soft
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe
from playground.recipe.parse import parse_recipe
from tests.helpers.painting import paint, plain, result

Pictures = tuple[Image.Image, Image.Image]


def features(seed: int, channels: int = 3, height: int = 6, width: int = 8) -> torch.Tensor:
    return torch.rand((1, channels, height, width), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def soft_areas(height: int = 6, width: int = 8) -> torch.Tensor:
    """Three maps that add up to 1, the first of them "as it is"; the last is 0 in places."""
    areas = torch.rand((3, height, width), generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    areas[2, :, :3] = 0
    return areas / areas.sum(0)


def hard_areas(height: int = 6, width: int = 8) -> torch.Tensor:
    areas = torch.zeros(3, height, width, dtype=torch.float64)
    areas[0, :2], areas[1, 2:, :5], areas[2, 2:, 5:] = 1, 1, 1
    return areas


def bordered_areas(height: int = 6, width: int = 8) -> torch.Tensor:
    """Three regions each with positions of their own, and between them one or two columns that two or all three share."""
    areas = torch.zeros(4, height, width, dtype=torch.float64)
    areas[1, :, :3], areas[2, :, 4:6], areas[3, :, 7:] = 1, 1, 1
    areas[1:, :, 3] = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)[:, None]
    areas[2:, :, 6] = torch.tensor([0.6, 0.4], dtype=torch.float64)[:, None]
    areas[:, 0, 0] = torch.tensor([1.0, 0, 0, 0], dtype=torch.float64)
    return areas


def by_loops(maps: np.ndarray, area: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """G = Σ T²·F·Fᵀ / ΣT², the mean Σ T²·F / ΣT², and the covariance about it with the same weights; maps is C×H×W."""
    channels, height, width = maps.shape
    mass = sum(area[y, x] ** 2 for y in range(height) for x in range(width))
    mean, gram, covariance = np.zeros(channels), np.zeros((channels, channels)), np.zeros((channels, channels))
    for y in range(height):
        for x in range(width):
            for i in range(channels):
                mean[i] += area[y, x] ** 2 * maps[i, y, x] / mass
    for y in range(height):
        for x in range(width):
            for i in range(channels):
                for j in range(channels):
                    gram[i, j] += area[y, x] ** 2 * maps[i, y, x] * maps[j, y, x] / mass
                    off = (maps[i, y, x] - mean[i]) * (maps[j, y, x] - mean[j])
                    covariance[i, j] += area[y, x] ** 2 * off / mass
    return gram, mean, covariance


@pytest.mark.parametrize("areas", [soft_areas(), hard_areas(), bordered_areas()])
def test_guided_statistics_against_loops(areas: torch.Tensor) -> None:
    maps, guide = features(1), Guide(areas)
    found = guided_statistic(*guided_sums(maps, guide.positions(1)), guide, 1)
    assert (found.positions, len(found.gram)) == (48, len(areas) - 1)
    for number in range(len(areas) - 1):
        gram, mean, covariance = by_loops(maps[0].numpy(), areas[number + 1].numpy())
        own = one_region(found, number)
        assert np.allclose(own.gram[0].numpy() / 48, gram, rtol=1e-10)
        assert np.allclose(own.mean[0].numpy(), mean, rtol=1e-10)
        assert np.allclose(own.covariance[0].numpy(), covariance, rtol=1e-8)


@pytest.mark.parametrize("areas", [soft_areas(), hard_areas(), bordered_areas()])
def test_gradients_by_finite_differences(areas: torch.Tensor) -> None:
    guide = Guide(areas)
    assert torch.autograd.gradcheck(lambda x: guided_sums(x, guide.positions(1)), (features(2).requires_grad_(True),))


@pytest.mark.parametrize("areas", [soft_areas(48, 64), hard_areas(48, 64), bordered_areas(48, 64)])
def test_single_precision_against_double(areas: torch.Tensor) -> None:
    """The path through convolutions that float32 takes on a CPU."""
    exact, guide, single = features(3, 16, 48, 64), Guide(areas), Guide(areas.float())
    pull = torch.randn((len(areas) - 1, 16, 16), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = []
    for maps, where in ((exact.clone(), guide), (exact.float(), single)):
        maps.requires_grad_(True)
        gram, sums = guided_sums(maps, where.positions(1))
        ((gram * pull.to(gram)).sum() + (sums * pull[:, 0].to(gram)).sum()).backward()
        assert maps.grad is not None
        found.append((gram.double(), sums.double(), maps.grad.double()))
    for doubled, ours in zip(*found, strict=True):
        assert torch.allclose(doubled, ours, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("areas", [hard_areas(24, 32), bordered_areas(24, 32)])
def test_maps_in_bfloat16_are_those_numbers_in_single_precision(areas: torch.Tensor) -> None:
    positions = Guide(areas.float()).positions(1)
    coarse, found = features(3, 16, 24, 32).bfloat16(), []
    for maps in (coarse.clone(), coarse.float()):
        maps.requires_grad_(True)
        gram, sums = guided_sums(maps, positions)
        (gram.square().sum() + sums.square().sum()).backward()
        assert gram.dtype == torch.float32
        assert maps.grad is not None
        assert maps.grad.dtype == maps.dtype
        found.append((gram, sums, maps.grad.bfloat16()))
    for ours, single in zip(*found, strict=True):
        assert torch.equal(ours, single)


def test_a_deep_layer_s_position_belongs_to_where_most_of_it_lies() -> None:
    areas = torch.zeros(3, 8, 8)
    areas[1, :, :5], areas[2, :, 5:] = 1, 1
    guide = Guide(areas)
    assert guide.maps(4)[0].tolist() == [[1, 0], [1, 0]]  # 8 of the second's pixels are 5 : 3 the other's
    assert guide.masses(4) == [2, 2]
    assert guide.fractions(1) == [5 / 8, 3 / 8]
    soft = Guide(areas * 0.9 + 0.1 / 3)
    assert not soft.hard
    assert torch.allclose(soft.maps(4)[0, :, 1], torch.full((2,), 0.9 / 4 + 0.1 / 3))


@pytest.mark.parametrize("normalisation", ["gatys", "relative", "raw", "moments", "rows"])
def test_one_region_over_all_is_the_picture_s_own_loss(normalisation: str) -> None:
    maps, target = features(4), style_statistic(features(5))
    whole = torch.zeros(2, 6, 8, dtype=torch.float64)
    whole[1] = 1
    guide = Guide(whole)
    found = guided_statistic(*guided_sums(maps, guide.positions(1)), guide, 1)
    assert float(style_loss(one_region(found, 0), target, normalisation)) == pytest.approx(
        float(style_loss(style_statistic(maps), target, normalisation)), rel=1e-10
    )


def test_strips_see_the_same_regions(network: Vgg, pictures: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    image = torch.rand((1, 3, 150, 97), generator=torch.Generator().manual_seed(1))
    areas = torch.rand((3, 150, 97), generator=torch.Generator().manual_seed(2))
    guide = Guide(areas / areas.sum(0))
    layers = ["conv1_1", "conv2_1", "conv3_1", "conv4_1"]
    gradients, found = list[torch.Tensor](), []
    for limit in (10**9, 1):
        monkeypatch.setattr("playground.engine.strips.STRIPS_FROM", limit)
        monkeypatch.setattr("playground.engine.strips.Segment.rows", lambda self, width: 4 * self.halo)
        seen = image.clone().requires_grad_(True)
        _, statistics = observe(network, seen, [], layers, guide)
        torch.stack([statistics[name].gram.mean() + statistics[name].mean.mean() for name in layers]).sum().backward()
        assert seen.grad is not None
        gradients.append(seen.grad)
        found.append(statistics)
    for name in layers:
        assert torch.allclose(found[0][name].gram, found[1][name].gram, rtol=1e-3)
    whole, strips = gradients
    assert torch.allclose(whole, strips, rtol=1e-2, atol=1e-3 * float(whole.abs().max()))


def test_content_weights_against_loops() -> None:
    ours, target, weights = features(6), features(7), features(8, 1)[0, 0]
    total = energy = 0.0
    for i in range(3):
        for y in range(6):
            for x in range(8):
                total += float(weights[y, x] * (ours[0, i, y, x] - target[0, i, y, x]) ** 2)
                energy += float(target[0, i, y, x] ** 2)
    for form, expected in (("mean", total / 144), ("channels", total / 144 / 3), ("relative", total / energy)):
        assert float(content_loss(ours, target, form, weights)) == pytest.approx(expected, rel=1e-10)


# ---- blends ---------------------------------------------------------------------------------------------------------


def test_a_blend_has_weighted_gram_matrices_means_and_covariances() -> None:
    first, second = style_statistic(features(10)), style_statistic(features(11, 3, 4, 4))
    mixed = blend([first, second], [0.25, 0.75])
    for part in ("mean", "covariance"):
        assert torch.allclose(getattr(mixed, part), 0.25 * getattr(first, part) + 0.75 * getattr(second, part))
    assert torch.allclose(mixed.gram / mixed.positions, 0.25 * first.gram / 48 + 0.75 * second.gram / 16)
    assert mixed.positions == 24
    assert blend([first, second], [0.0, 1.0]) is second


def test_an_objective_of_several_paintings(network: Vgg) -> None:
    """Weights count by their share, and moving one changes the targets at once."""
    content, first, second = (torch.rand((1, 3, 48, 64), generator=torch.Generator().manual_seed(n)) for n in range(3))
    alone = [float(Objective(network, content, style, Recipe())(content).total) for style in (first, second)]
    both = Objective(network, content, [first, second], Recipe(style_weights=(3.0, 0.0)))
    assert float(both(content).total) == alone[0]
    both.set_weights(Recipe(style_weights=(0.0, 0.5)))
    assert float(both(content).total) == alone[1]
    both.set_weights(Recipe(style_weights=(1.0, 1.0)))
    assert float(both(content).total) not in alone


def test_regions_are_compared_with_their_own_paintings(network: Vgg) -> None:
    """By hand: each region's loss, by its weight and its share of the picture."""
    content, first, second = (torch.rand((1, 3, 48, 64), generator=torch.Generator().manual_seed(n)) for n in range(3))
    areas = hard_areas(48, 64).float()
    recipe = Recipe(style_layers={"conv1_1": 1.0}, content_weight=0, style_weights=(1.0, 4.0), style_loss="gatys")
    objective = Objective(network, content, [first, second], recipe, guide=Guide(areas))
    maps = observe(network, content, ["conv1_1"], [])[0]["conv1_1"][0].double().numpy()
    expected = 0.0
    for area, style_image, weight in zip(areas[1:].double(), (first, second), (1, 4), strict=True):
        whole = observe(network, style_image, [], ["conv1_1"])[1]["conv1_1"]
        own = maps[:, area.numpy() > 0]
        difference = own @ own.T / own.shape[1] - (whole.gram[0] / whole.positions).double().numpy()
        expected += weight * own.shape[1] / (48 * 64) * (difference**2).mean() / 4
    assert float(objective(content).total) == pytest.approx(expected, rel=1e-4)


# ---- runs -----------------------------------------------------------------------------------------------------------


def halves(*numbers: int) -> str:
    labels = np.zeros((48, 64), np.uint8)
    for place, number in enumerate(numbers):
        labels[:, place * 64 // len(numbers) : (place + 1) * 64 // len(numbers)] = number
    return encode_labels(labels)


@pytest.mark.parametrize("softness", [0.0, 0.1])
def test_what_is_left_as_it_is_is_the_photo_to_the_bit(network: Vgg, pictures: Pictures, softness: float) -> None:
    content_image, style = pictures
    recipe = plain(regions=halves(0, 1), region_softness=softness, init="noise", scales=2, smallest=48, size=96)
    frames = paint((content_image, style), network, recipe)
    picture = np.asarray(result(frames).picture)
    at_size = np.asarray(resize_picture(content_image, 96))
    border = 48 - round(softness * 96 / 2) - 1
    assert np.array_equal(picture[:, :border], at_size[:, :border])
    assert not np.array_equal(picture[:, 60:], at_size[:, 60:])
    previews = [frame.picture for frame in frames if frame.picture is not None and frame.picture.shape == picture.shape]
    assert all(np.array_equal(preview[:, :border], at_size[:, :border]) for preview in previews)


def test_regions_are_steered_and_replayed_from_the_recipe_alone(network: Vgg, pictures: Pictures) -> None:
    content_image, style = pictures
    other = style.transpose(Image.Transpose.ROTATE_90)
    recipe = plain(regions=halves(1, 2, 0), kept=encode_soft(np.eye(12)), region_softness=0.05, iterations=9)
    control, frames = MemoryControl(), []
    for frame in Run(content_image, [style, other], recipe, network, control).frames():
        frames.append(frame)
        if frame.evaluations == 3:
            control.change({"style_weights": [1.0, 5.0], "region_content_weights": [2.0, 1.0], "kept_weight": 3.0})
        if frame.evaluations == 6:
            control.change({"style_weights": [1.0, 5.0, 2.0]})  # of three paintings, which there are not
    painted = result(frames)
    assert {change.key for change in painted.recipe.journal} == {
        "style_weights",
        "region_content_weights",
        "kept_weight",
    }
    assert any("for 3 paintings and 2 are given" in (frame.note or "") for frame in frames)
    text = painted.recipe.to_json()
    assert json.loads(text)["style_weights"] == [1.0, 1.0]  # how many there were stands there
    again = result(list(Run(content_image, [style, other], parse_recipe(text), network).frames()))
    assert np.array_equal(np.asarray(again.picture), np.asarray(painted.picture))
    with pytest.raises(PlaygroundError, match="for 2 paintings and 1 is given: give the others too"):
        Run(content_image, style, parse_recipe(text), network)


def test_a_snapshot_goes_on_with_regions(network: Vgg, pictures: Pictures) -> None:
    content_image, style = pictures
    recipe = plain(regions=halves(1, 2))
    run = Run(content_image, [style, content_image], recipe, network)
    moment = None
    for frame in run.frames():
        moment = run.snapshot() if frame.evaluations == 3 else moment
    whole = result([frame])
    rest = (
        result(list(Run(content_image, [style, content_image], Recipe(), network, snapshot=moment).frames()))
        if moment
        else None
    )
    assert rest is not None
    assert np.array_equal(np.asarray(rest.picture), np.asarray(whole.picture))


def test_whose_colours(network: Vgg, pictures: Pictures) -> None:
    """Matched ones are settled at the start; a palette is the photo without a stroke; the others change on the way."""
    content_image, style = pictures
    at_size = np.asarray(resize_picture(content_image, 64), dtype=float)
    palette = np.asarray(result(paint(pictures, network, plain(colours="palette"))).picture, dtype=float)
    style_image = np.asarray(style, dtype=float).reshape(-1, 3)
    assert np.abs(palette.reshape(-1, 3).mean(0) - style_image.mean(0)).max() < 12  # some is clipped
    grey, photo_grey = palette.mean(2).ravel(), at_size.mean(2).ravel()
    assert np.corrcoef(grey, photo_grey)[0, 1] > 0.9
    control, notes = MemoryControl(), []
    for frame in Run(*pictures, plain(colours="matched"), network, control).frames():
        control.change({"colours": "style"})
        notes.append(frame.note or "")
    assert any("settled when a run starts" in note for note in notes)
    assert result([frame]).recipe.colours == "matched"


def test_a_map_that_asks_for_what_is_not_there(network: Vgg, pictures: Pictures) -> None:
    for numbers, words in (((1, 4), "yellow in places, for painting 4, and only 1 is given"), ((0, 0), "all black")):
        with pytest.raises(PlaygroundError, match=words):
            Run(*pictures, plain(regions=halves(*numbers)), network)


def test_statistics_say_what_they_hold() -> None:
    """Of a region too small for a layer nothing is compared."""
    areas = torch.zeros(3, 16, 16)
    areas[1] = 1
    areas[1, 0, 0], areas[2, 0, 0] = 0, 1
    guide = Guide(areas)
    found = guided_statistic(*guided_sums(torch.rand(1, 4, 4, 4), guide.positions(4)), guide, 4)
    assert isinstance(found, StyleStatistic)
    assert guide.masses(4) == [16, 0]
    assert torch.isfinite(found.gram).all()


def test_the_text_of_a_recipe_with_a_map_is_read(tmp_path: Path) -> None:
    recipe = plain(regions=halves(1, 2, 3, 4))
    assert parse_recipe(recipe.to_json()) == recipe
