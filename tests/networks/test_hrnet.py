"""The photorealistic network: its graph, its canvas, its presets, and the traps that the published code fell into."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from playground.engine.canvas import HrnetCanvas, Space, make_canvas
from playground.engine.frames import Result
from playground.engine.losses import style_loss
from playground.engine.run import Run
from playground.engine.schedule import plan_stages
from playground.engine.statistics import style_statistic
from playground.images.convert import to_tensor
from playground.images.load import load_picture
from playground.measure.distances import distances, photorealism
from playground.networks.hrnet import Block, HrNet, Repainter, pad_to_multiple
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe
from playground.recipe.presets import load_preset


@pytest.fixture(scope="module")
def pictures() -> tuple[Image.Image, Image.Image]:
    from skimage import data

    return load_picture(data.coffee()[:300, :400]), load_picture(data.chelsea()[:240, 60:380])


def run(
    pictures: tuple[Image.Image, Image.Image], network: Vgg, recipe: Recipe
) -> tuple[Result, list[float], list[float]]:
    """The result, the totals and the learning rates of a run."""
    frames = list(Run(*pictures, recipe, network).frames())
    assert frames[-1].result is not None
    judged = frames[1:-1]
    return frames[-1].result, [frame.losses["total"] for frame in judged], [frame.learning_rate for frame in judged]


def small(**settings: object) -> Recipe:
    return load_preset("hrnet-photorealistic").changed({"size": 64, "iterations": 8, "style_size": 64, **settings})


# ---- the graph ------------------------------------------------------------------------------------------------------


def test_no_parameter_is_idle_and_their_number_is_the_published_one_without_the_unused_shortcuts() -> None:
    network = HrNet()
    unused = sum(n * n + n for n in (32, 32, 64))  # 1×1 shortcuts of the blocks whose widths do not change
    assert unused == 6272
    assert sum(p.numel() for p in network.parameters()) == 70_879 - unused
    network(torch.rand(1, 3, 32, 32)).square().mean().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_the_branches_have_the_documented_widths_and_sizes() -> None:
    network = HrNet()
    sizes: dict[str, tuple[int, ...]] = {}
    for name, module in network.named_modules():
        module.register_forward_hook(lambda _m, _i, out, name=name: sizes.__setitem__(name, tuple(out.shape[1:])))
    assert network(torch.rand(1, 3, 40, 48)).shape == (1, 3, 40, 48)
    full, half, quarter = (40, 48), (20, 24), (10, 12)
    assert sizes["stem"] == (16, *full)
    assert sizes["full2"] == (32, *full)
    assert sizes["half2"] == (32, *half)
    assert sizes["full3"] == (32, *full)
    assert sizes["full_to_half3"] == sizes["half3"] == (32, *half)
    assert sizes["full_to_quarter3"] == sizes["half_to_quarter3"] == (32, *quarter)
    assert sizes["full4"] == (64, *full)
    assert [sizes[f"head.{i}"][0] for i in range(4)] == [64, 32, 16, 3]
    first: Any = network.head[0]
    assert first.reduce.in_channels == 192


def test_a_block_computes_its_formula() -> None:
    torch.manual_seed(0)
    norm = nn.InstanceNorm2d(8, affine=False)
    for inputs in (8, 3):
        block, x = Block(inputs, 8), torch.randn(1, inputs, 6, 6)
        y = x
        for conv in (block.reduce, block.look, block.expand):
            y = nn.functional.instance_norm(conv(y)).clamp_min(0)
        past = x if block.shortcut is None else norm(block.shortcut(x))
        assert (block.shortcut is None) == (inputs == 8)
        assert torch.allclose(block(x), (past + y).clamp_min(0), atol=1e-6)


# ---- the traps of the published code --------------------------------------------------------------------------------


def test_it_trains_although_a_relu_stands_before_the_residual_sum(
    network: Vgg, pictures: tuple[Image.Image, Image.Image]
) -> None:
    _, totals, _ = run(pictures, network, small(iterations=12))
    assert totals[-1] < 0.8 * totals[0]


def test_the_rate_falls_after_its_steps_and_the_first_step_has_the_full_one(
    network: Vgg, pictures: tuple[Image.Image, Image.Image]
) -> None:
    run = Run(*pictures, small(iterations=5, decay_steps=2), network)
    taken: list[float] = []
    for _ in run.frames():
        if run.evaluations > len(taken):
            taken.append(run.painting.optimiser.rate)
    assert taken == pytest.approx([0.005, 0.005, 0.0045, 0.0045, 0.00405])


@pytest.mark.parametrize("size", [(97, 64), (64, 97), (66, 65), (63, 63)])
def test_any_size_keeps_its_aspect_to_the_pixel(
    network: Vgg, pictures: tuple[Image.Image, Image.Image], size: tuple[int, int]
) -> None:
    content_image = pictures[0].resize(size)
    result, _, _ = run((content_image, pictures[1]), network, small(size=max(64, *size), iterations=1))
    assert result.picture.size == (size if max(size) > 63 else (64, 64))


def test_transparent_and_grey_pictures_are_painted(network: Vgg, pictures: tuple[Image.Image, Image.Image]) -> None:
    clear, grey = pictures[0].convert("RGBA"), pictures[1].convert("L")
    clear.putalpha(128)
    result, _, _ = run((load_picture(clear), load_picture(grey)), network, small(iterations=1))
    assert result.picture.mode == "RGB"


def test_padding_mirrors_and_adds_at_most_three_pixels() -> None:
    x = torch.arange(30.0).view(1, 1, 5, 6)
    padded = pad_to_multiple(x)
    assert padded.shape == (1, 1, 8, 8)
    assert torch.equal(padded[..., :5, :6], x)
    assert torch.equal(padded[0, 0, 5], padded[0, 0, 3])
    assert pad_to_multiple(x[..., :4, :4]).shape == (1, 1, 4, 4)


# ---- the canvas -----------------------------------------------------------------------------------------------------


def test_the_canvas_starts_the_same_from_the_same_seed_alone(pictures: tuple[Image.Image, Image.Image]) -> None:
    content_image = to_tensor(pictures[0].resize((48, 36)))
    torch.manual_seed(123)
    undisturbed = torch.rand(1)
    torch.manual_seed(123)
    first, again, other = (HrnetCanvas(content_image, seed).image() for seed in (1, 1, 2))
    assert torch.equal(torch.rand(1), undisturbed)  # nobody else's numbers are drawn
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == content_image.shape


def test_the_recipe_makes_this_canvas_at_one_size(pictures: tuple[Image.Image, Image.Image]) -> None:
    recipe = Recipe(canvas="hrnet", scales=3, size=512)
    assert isinstance(make_canvas(recipe, to_tensor(pictures[0]), Space("unit")), HrnetCanvas)
    assert [stage.size for stage in plan_stages(recipe)] == [512]


def test_values_out_of_range_are_clamped_when_shown_not_while_painting(
    pictures: tuple[Image.Image, Image.Image],
) -> None:
    canvas = HrnetCanvas(to_tensor(pictures[0].resize((32, 32))), 0)
    last: Any = canvas.network.head[3]
    with torch.no_grad():
        last.bias += 100
    before = canvas.image().detach()
    canvas.clip()
    assert float(before.min()) > 1
    assert torch.equal(canvas.image().detach(), before)


def test_a_run_leaves_its_network_which_repaints_the_pair_and_any_other_photo(
    network: Vgg, pictures: tuple[Image.Image, Image.Image]
) -> None:
    recipe = small(iterations=4, colours="style", work_size=64)
    result, _, _ = run(pictures, network, recipe)
    assert result.generator is not None
    repainter = Repainter(result.generator)
    from playground.images.convert import resize_picture, to_array

    again = to_array(repainter(to_tensor(resize_picture(pictures[0], 64))))
    assert np.abs(again.astype(int) - np.asarray(result.picture).astype(int)).max() <= 1
    other = repainter(to_tensor(pictures[1].resize((50, 71))))
    assert other.shape == (1, 3, 71, 50)
    assert 0 <= float(other.min()) <= float(other.max()) <= 1
    pixels, _, _ = run(pictures, network, Recipe(size=64, iterations=1))
    assert pixels.generator is None


def test_a_run_is_repeated_to_the_same_bits_from_its_recipe(
    network: Vgg, pictures: tuple[Image.Image, Image.Image]
) -> None:
    first, _, _ = run(pictures, network, small(iterations=3, seed=5))
    again, _, _ = run(pictures, network, first.recipe)
    assert np.array_equal(np.asarray(first.picture), np.asarray(again.picture))


# ---- the presets ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "style"), [("hrnet-source", (150, 150), (1, 1)), ("hrnet-paper", (50, 100), (1, 10))]
)
def test_the_sources_numbers(name: str, content: tuple[float, float], style: tuple[float, float]) -> None:
    recipe = load_preset(name)
    assert (recipe.canvas, recipe.network, recipe.numbers) == ("hrnet", "vgg19-imagenet", "source")
    assert content[0] <= recipe.content_weight <= content[1]
    assert style[0] <= recipe.style_weight <= style[1]
    assert recipe.content_layers == {"conv4_2": 1.0}
    assert recipe.style_layers == {"conv1_1": 0.1, "conv2_1": 0.2, "conv3_1": 0.4, "conv4_1": 0.8, "conv5_1": 1.6}
    assert (recipe.style_loss, recipe.content_loss, recipe.style_size) == ("raw", "mean", "original")
    assert (recipe.learning_rate, recipe.decay_steps, recipe.decay_factor) == (0.005, 200, 0.9)
    assert (recipe.iterations, recipe.size, recipe.variation_weight) == (1000, 500, 0)
    adapted = load_preset(name, network="vgg16-hed")
    assert adapted.numbers == "adapted"
    same = {"network", "numbers", "content_weight", "style_weight"}
    assert adapted.model_dump(exclude=same) == recipe.model_dump(exclude=same)


def test_our_preset_does_not_depend_on_the_style_pictures_size() -> None:
    recipe = load_preset("hrnet-photorealistic")
    assert (recipe.network, recipe.numbers, recipe.canvas) == ("vgg16-hed", "own", "hrnet")
    torch.manual_seed(0)
    features, painting = torch.rand(1, 8, 12, 10), torch.rand(1, 8, 9, 9)
    doubled = painting.repeat_interleave(2, 2).repeat_interleave(2, 3)  # the same statistics over four times the area
    ours = style_statistic(features)
    small, large = (style_loss(ours, style_statistic(p), recipe.style_loss) for p in (painting, doubled))
    assert float(small) == pytest.approx(float(large), rel=1e-5)
    raw = [float(style_loss(ours, style_statistic(p), "raw")) for p in (painting, doubled)]
    assert raw[1] > 5 * raw[0]


def test_at_equal_sizes_raw_is_the_size_independent_form_times_area_over_channels() -> None:
    torch.manual_seed(0)
    ours, target = style_statistic(torch.rand(1, 8, 12, 10)), style_statistic(torch.rand(1, 8, 12, 10))
    raw, independent = style_loss(ours, target, "raw"), style_loss(ours, target, "positions")
    assert float(raw) == pytest.approx(float(independent) * 12 * 10 / 8, rel=1e-5)


def test_the_presets_survive_json() -> None:
    for name in ("hrnet-photorealistic", "hrnet-source", "hrnet-paper"):
        assert Recipe.of(json.loads(load_preset(name).to_json())) == load_preset(name)


# ---- measures -------------------------------------------------------------------------------------------------------


def test_photorealism_is_one_for_the_photo_itself_and_falls_with_blur_and_invented_texture(
    pictures: tuple[Image.Image, Image.Image],
) -> None:
    from PIL import ImageFilter, ImageOps

    content_image = pictures[0].resize((96, 72))
    assert photorealism(content_image, content_image) == pytest.approx({"structure": 1, "edges": 1})
    blurred = photorealism(content_image, content_image.filter(ImageFilter.GaussianBlur(3)))
    noise = np.random.default_rng(0).integers(-60, 60, (72, 96, 3))
    noisy = photorealism(
        content_image, Image.fromarray((np.asarray(content_image) + noise).clip(0, 255).astype(np.uint8))
    )
    assert max(blurred.values()) < 0.95
    assert noisy["structure"] < 0.7
    assert noisy["edges"] < 0.95
    recoloured = photorealism(content_image, ImageOps.posterize(ImageOps.autocontrast(content_image), 7))
    assert min(recoloured.values()) > 0.85
    assert photorealism(content_image, Image.new("RGB", content_image.size, "grey"))["edges"] == 0


def test_distances_are_zero_where_nothing_differs(network: Vgg, pictures: tuple[Image.Image, Image.Image]) -> None:
    content_image, style = pictures[0].resize((80, 60)), pictures[1].resize((80, 60))
    assert distances(content_image, style, content_image, network)["content"] == pytest.approx(0, abs=1e-6)
    assert distances(content_image, style, style, network)["style"] == pytest.approx(0, abs=1e-6)
    both = distances(content_image, style, content_image, network)
    assert both["style"] > 0.05
    assert distances(content_image, style, style, network)["content"] > 0.1
