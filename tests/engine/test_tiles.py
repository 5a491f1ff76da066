"""Tiles give the whole picture's loss and gradient: so no seam can be, and a run for print goes through them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from PIL import Image

from playground.engine import schedule, tiles
from playground.engine.canvas import PixelCanvas
from playground.engine.guided import Guide
from playground.engine.losses import Objective
from playground.engine.run import Run
from playground.engine.schedule import style_long_side
from playground.engine.tiles import TiledObjective
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe, Stage
from tests.helpers.painting import result

SIZE = (1, 3, 200, 270)  # no multiples of a tile or of 16
LAYERS = {"conv1_1": 1.0, "conv3_1": 1.0, "conv5_1": 1.0}


def picture(seed: int, shape: tuple[int, ...] = SIZE) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def regions() -> Guide:
    areas = torch.rand((3, *SIZE[2:]), generator=torch.Generator().manual_seed(5))
    return Guide(areas / areas.sum(0), picture(6)[0, 0])


@pytest.mark.parametrize(("loss", "guided"), [
    ("moments", True),
    pytest.param("relative", False, marks=pytest.mark.slow),  # each takes a dozen seconds
    pytest.param("raw", False, marks=pytest.mark.slow),
    pytest.param("raw", True, marks=pytest.mark.slow),
    pytest.param("moments", False, marks=pytest.mark.slow),
    pytest.param("relative", True, marks=pytest.mark.slow),
])  # fmt: skip
def test_loss_and_gradient_are_the_whole_picture_s(
    network: Vgg, monkeypatch: pytest.MonkeyPatch, loss: str, guided: bool
) -> None:
    monkeypatch.setattr(tiles, "CORE", 96)
    recipe = Recipe(
        style_layers=LAYERS, content_layers={"conv3_2": 1.0, "conv4_2": 0.5}, style_loss=loss, variation_weight=0.3,
        variation_loss="relative", style_weights=(1.0, 2.0),
    )  # fmt: skip
    found = []
    for kind in (Objective, TiledObjective):
        guide = regions() if guided else None
        objective = kind(
            network, picture(1), [picture(2, (1, 3, 90, 80)), picture(3, (1, 3, 64, 64))], recipe, guide=guide
        )
        image = picture(4).requires_grad_(True)
        losses = objective(image)
        (gradient,) = torch.autograd.grad(losses.total, image)
        found.append((losses, gradient))
    (whole, slope), (tiled, ours) = found
    assert whole.terms.keys() == tiled.terms.keys()
    for name in whole.terms:
        assert float(tiled.terms[name]) == pytest.approx(float(whole.terms[name].detach()), rel=2e-4), name
    assert torch.allclose(slope, ours, rtol=1e-2, atol=2e-3 * float(slope.abs().max()))
    seams = (slope - ours).abs().mean((0, 1))  # no more wrong where tiles meet than elsewhere
    assert float(seams[:, 62:70].mean()) < 3 * float(seams.mean()) + 1e-9


def test_a_run_paints_on_in_tiles(
    network: Vgg, pictures: tuple[Image.Image, Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound is set low, so that 160 px is one for print: the same picture comes as without tiles, but for rounding."""
    plan = (Stage(size=96, iterations=3), Stage(size=160, iterations=3))
    recipe = Recipe(size=160, plan=plan, iterations=6, scales=2, smallest=48)
    whole = result(list(Run(*pictures, recipe, network).frames()))
    monkeypatch.setattr(schedule, "TILED_ABOVE", 100)
    monkeypatch.setattr(tiles, "CORE", 96)
    monkeypatch.setattr(schedule, "_largest_without_print", lambda recipe: recipe.size)
    run = Run(*pictures, recipe, network)
    run.control.want_shares(True)  # type: ignore[attr-defined]
    tiled = result(list(run.frames()))
    assert tiled.losses["total"] == pytest.approx(whole.losses["total"], rel=1e-2)
    difference = np.abs(np.asarray(tiled.picture, dtype=int) - np.asarray(whole.picture, dtype=int))
    assert difference.mean() < 1


def test_a_size_for_print_is_plain_pixels_whatever_was_painted_before(
    network: Vgg, pictures: tuple[Image.Image, Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The smaller picture as it ended, enlarged, and then a step of Adam an iteration; a snapshot goes on to the same bits."""
    monkeypatch.setattr(tiles, "CORE", 96)
    plan = (Stage(size=64, iterations=2), Stage(size=128, iterations=3, tiled=True))
    rounds = {"optimizer": "lbfgs", "lbfgs_evaluations": 4, "lbfgs_search": "wolfe", "learning_rate": 1.0}
    recipe = Recipe(size=128, plan=plan, iterations=5, canvas="pyramid", **rounds)
    run, taken, small = Run(*pictures, recipe, network), None, 0
    for frame in run.frames():
        schedule_ = run.painting.schedule
        small = frame.evaluations if schedule_.stage == 0 else small
        if schedule_.stage == 1 and schedule_.stage_evaluations == 2 and taken is None:
            taken = run.snapshot()
            assert isinstance(run.painting.canvas, PixelCanvas)
            assert run.painting.optimiser.title == "Adam"
    whole = frame.result
    assert whole is not None
    assert whole.evaluations == small + 3
    assert whole.losses["total"] < whole.curve[-3]["total"]  # of the first look at the large picture
    assert whole.recipe.plan is not None
    assert whole.recipe.plan[-1] == Stage(size=128, iterations=3, evaluations=3, tiled=True)
    again = result(list(Run(*pictures, whole.recipe, network).frames()))
    resumed = result(list(Run(*pictures, recipe, network, snapshot=taken).frames()))
    for other in (again, resumed):
        assert np.array_equal(np.asarray(other.picture), np.asarray(whole.picture))


def test_another_number_of_iterations_leaves_a_size_for_print_what_it_is() -> None:
    plan = (Stage(size=64, iterations=2), Stage(size=128, iterations=3, tiled=True))
    planned = schedule.Schedule(Recipe(size=128, plan=plan, iterations=5, optimizer="lbfgs"), 1)
    planned.recipe = planned.recipe.model_copy(update={"iterations": 9})
    planned.replan()
    assert planned.stages[-1] == Stage(size=128, iterations=5, tiled=True)
    assert schedule.evaluations_of(planned.stages[-1], planned.recipe) == 5


def test_a_painting_is_never_enlarged_for_print() -> None:
    plan = (Stage(size=512, iterations=3), Stage(size=6000, iterations=3))
    recipe = Recipe(size=6000, plan=plan)
    assert style_long_side(recipe, (800, 600), 512) == 512  # as before it was painted on
    assert style_long_side(recipe, (800, 600), 6000) == 800
    assert style_long_side(recipe, (9000, 6000), 6000) == 2048
    assert style_long_side(recipe.changed({"style_size": 256, "plan": plan}), (800, 600), 512) == 256
    steps = (Stage(size=512, iterations=3), *(Stage(size=size, iterations=3, tiled=True) for size in (1024, 2048)))
    recipe = Recipe(size=2048, plan=steps, style_size=256)
    sides = [style_long_side(recipe, (800, 600), size) for size in (256, 512, 1024, 2048)]
    assert sides == [128, 256, 512, 800]  # as before, and then on in proportion, as far as the painting goes


def test_tiles_cover_a_length_once() -> None:
    for length in (4097, 6000, 896, 900, 1800, 10_000):
        parts = tiles.pieces(length)
        assert parts[0][0] == 0
        assert parts[-1][1] == length
        assert all(end == begin for (_, end), (begin, _) in itertools.pairwise(parts))
        assert all(begin % 16 == 0 and 0 < end - begin <= tiles.CORE + 32 for begin, end in parts)
