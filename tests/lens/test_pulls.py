"""Pulls against their definition, and the figures that a learner reads off them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image

from playground.engine.pulls import Pulls, heat_map, in_words, pulls
from playground.experiments.lessons import base_recipe
from playground.lens.pulls import pulls_on
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe
from tests.helpers.painting import paint, plain, result

PAIR = tuple[Image.Image, Image.Image]


def test_lengths_left_over_and_cosine_are_those_of_slow_loops() -> None:
    generator = torch.Generator().manual_seed(0)
    gradients = {kind: torch.randn(1, 3, 6, 5, generator=generator) for kind in ("content", "style", "variation")}
    found = pulls(gradients)
    flat = {kind: gradient.double().flatten().tolist() for kind, gradient in gradients.items()}

    def length(values: list[float]) -> float:
        return math.sqrt(math.fsum(value * value for value in values))

    whole = [math.fsum(values) for values in zip(*flat.values(), strict=True)]
    others = [a + b for a, b in zip(flat["style"], flat["variation"], strict=True)]
    assert found.lengths == pytest.approx({kind: length(values) for kind, values in flat.items()}, rel=1e-5)
    assert found.left_over == pytest.approx(length(whole) / sum(map(length, flat.values())), rel=1e-5)
    product = math.fsum(a * b for a, b in zip(flat["content"], others, strict=True))
    assert found.cosine == pytest.approx(product / length(flat["content"]) / length(others), rel=1e-5)
    assert sum(found.shares.values()) == pytest.approx(1)


def test_opposite_pulls_leave_nothing_and_one_alone_leaves_all() -> None:
    one = torch.ones(1, 3, 4, 4)
    both = pulls({"content": one, "style": -one})
    assert (both.left_over, both.cosine) == (0, pytest.approx(-1))
    assert in_words(both) == "Content 50 %, style 50 %, nearly opposite; 0 % left over."
    alone = pulls({"style": one})
    assert (alone.left_over, alone.cosine, alone.shares) == (pytest.approx(1), None, {"style": 1})
    nothing = pulls({"content": 0 * one, "style": 0 * one})
    assert (nothing.left_over, nothing.cosine, nothing.shares) == (0, None, {"content": 0, "style": 0})
    assert in_words(nothing) == in_words(pulls({})) == "Nothing pulls."


def test_a_heat_map_has_at_most_64_cells_and_their_averages() -> None:
    gradient = torch.rand(1, 3, 96, 128, generator=torch.Generator().manual_seed(2))
    found = heat_map(gradient)
    assert found.shape == (48, 64)
    cell = [math.sqrt(sum(float(gradient[0, k, y, x]) ** 2 for k in range(3))) for y in (10, 11) for x in (20, 21)]
    assert found[5, 10] == pytest.approx(sum(cell) / 4, rel=1e-5)
    assert heat_map(gradient[..., :5, :7]).shape == (5, 7)


def test_from_the_photo_content_does_not_pull_yet(network: Vgg, pictures: PAIR) -> None:
    found = pulls_on(*pictures, None, plain(), network)
    assert found.shares["content"] == 0
    assert found.left_over == pytest.approx(1)
    assert found.cosine is None


def test_where_pulls_cancel_a_run_has_come_to_rest(network: Vgg, pictures: PAIR) -> None:
    recipe = Recipe(size=64, iterations=60, style_loss="moments", optimizer="lbfgs", learning_rate=1.0, lbfgs_evaluations=1,
                    lbfgs_restart=False, canvas="pyramid")  # fmt: skip
    frames = paint(pictures, network, recipe)
    start = pulls_on(*pictures, None, recipe, network)
    end = pulls_on(*pictures, result(frames).picture, recipe, network)
    assert end.left_over < 0.25 < start.left_over
    assert end.cosine is not None
    assert end.cosine < -0.8
    assert set(end.maps) == {"content", "style"}
    assert all(np.isfinite(heat).all() for heat in end.maps.values())


def test_a_run_that_is_measured_paints_the_same_bits(network: Vgg, pictures: PAIR) -> None:
    from playground.engine.control import MemoryControl

    control = MemoryControl()
    control.want_shares(True)
    measured, alone = paint(pictures, network, plain(), control), paint(pictures, network, plain())
    assert any(isinstance(frame.pulls, Pulls) for frame in measured)
    assert result(measured).picture.tobytes() == result(alone).picture.tobytes()


def test_pulls_can_be_felt_at_another_size_and_with_more_paintings(network: Vgg, pictures: PAIR) -> None:
    recipe = plain(size=128)
    whole = pulls_on(*pictures, pictures[1], recipe, network)
    small = pulls_on(*pictures, pictures[1], recipe, network, size=64)
    assert max(whole.maps["style"].shape) == max(small.maps["style"].shape) == 64
    alone = pulls_on(*pictures, pictures[1], plain(), network)
    assert small.lengths == pytest.approx(alone.lengths)
    both = pulls_on(*pictures, pictures[1], plain(), network, more=[pictures[0]])
    assert both.lengths["style"] != pytest.approx(alone.lengths["style"])
    assert both.lengths["content"] == pytest.approx(alone.lengths["content"])


@pytest.mark.slow
def test_at_rest_less_than_a_tenth_is_left_over(network: Vgg, pictures: PAIR) -> None:
    """The lessons' base at 128 px and one size: content does not pull at the photo, and after 100 steps the pulls cancel."""
    recipe = base_recipe().changed({"size": 128, "scales": 1, "iterations": 100})
    start = pulls_on(*pictures, None, recipe, network)
    assert start.shares["content"] < 0.005
    end = pulls_on(*pictures, result(paint(pictures, network, recipe)).picture, recipe, network)
    assert end.left_over < 0.1
