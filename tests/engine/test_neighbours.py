"""Neighbours against slow loops in double precision, in a run that looks anew, through checkpoints and changes."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from playground.engine import neighbours as module
from playground.engine.control import MemoryControl
from playground.engine.guided import Guide
from playground.engine.losses import Objective, by_term, unweighted
from playground.engine.neighbours import Neighbours, nearest, neighbours_loss, unit_vectors
from playground.engine.run import Run
from playground.images.convert import to_tensor
from playground.networks.vgg import Vgg
from playground.recipe.base import RecipeError
from playground.recipe.model import Recipe
from tests.helpers.painting import Pictures, paint, plain, result

LAYERS = {"conv2_1": 0.5, "conv3_1": 0.25}


def recipe_with(**settings: object) -> Recipe:
    """A run that looks for neighbours, in few and early layers."""
    return plain(
        **{
            "neighbours_weight": 2.0,
            "neighbours_layers": LAYERS,
            "style_weight": 0.1,
            "content_weight": 0.1,
            **settings,
        }
    )


@pytest.fixture
def seen(pictures: Pictures) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A photo, a painting of another shape, and a picture on its way, as unit RGB."""
    content_image, painting = pictures[0].resize((48, 32)), pictures[1].resize((40, 56))
    return (
        to_tensor(content_image),
        to_tensor(painting),
        to_tensor(Image.blend(content_image, painting.resize(content_image.size), 0.4)),
    )


# ---------------------------------------------------------------- formulas


def by_loops(maps: np.ndarray) -> list[np.ndarray]:
    """x̂ at every position of C×h×w, row by row, in double precision."""
    channels, height, width = maps.shape
    means = [sum(float(maps[c, y, x]) for y in range(height) for x in range(width)) for c in range(channels)]
    vectors = []
    for y in range(height):
        for x in range(width):
            vector = [float(maps[c, y, x]) - means[c] / (height * width) for c in range(channels)]
            length = math.sqrt(sum(value * value for value in vector))
            vectors.append(np.array([value / length for value in vector]))
    return vectors


def test_the_term_is_that_of_slow_loops(network: Vgg, seen: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
    """q = normalise(c·ĉ + (1 − c)·x̂), t = the ŝ with the largest q·ŝ, loss = mean(1 − x̂·t); layers by their weights."""
    content_image, painting, image = seen
    recipe = recipe_with(content_query=0.3)
    found = Objective(network, content_image, painting, recipe)(image).terms
    for layer, weight in LAYERS.items():
        ours, theirs, of_content = (
            by_loops(network(one, [layer])[layer][0].double().numpy()) for one in (image, painting, content_image)
        )
        total = 0.0
        for mine, before in zip(ours, of_content, strict=True):
            query = 0.3 * before + 0.7 * mine
            products = [float(query @ candidate) for candidate in theirs]  # its length changes no order
            total += 1 - float(mine @ theirs[int(np.argmax(products))])
        assert float(found[f"neighbours:{layer}"]) == pytest.approx(2.0 * weight * total / len(ours), rel=1e-4)


def test_the_gradient_is_that_of_finite_differences() -> None:
    generator = torch.Generator().manual_seed(4)
    maps = torch.rand((1, 3, 3, 4), generator=generator, dtype=torch.float64).requires_grad_(True)
    targets = unit_vectors(torch.rand((1, 3, 3, 4), generator=generator, dtype=torch.float64))
    assert torch.autograd.gradcheck(lambda x: neighbours_loss(x, targets), (maps,))
    large = torch.rand((1, 3, 7, 9), generator=generator, dtype=torch.float64).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: neighbours_loss(x, targets, (2, 1, 1)), (large,))  # every second position


def test_the_gradient_has_the_maps_layout_where_some_positions_are_looked_at() -> None:
    """Channels together, so that adding it to the others is as fast as memory."""
    maps = torch.rand(1, 8, 9, 9).contiguous(memory_format=torch.channels_last).requires_grad_(True)
    targets = unit_vectors(torch.rand(1, 8, 4, 4))
    (slope,) = torch.autograd.grad(neighbours_loss(maps, targets, (2, 1, 1)), maps)
    assert slope.is_contiguous(memory_format=torch.channels_last)
    assert not slope[..., ::2, :].any()
    assert slope[..., 1::2, 1::2].abs().sum() > 0


def test_a_picture_is_its_own_neighbour(network: Vgg, seen: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
    content_image, _, _ = seen
    terms = Objective(network, content_image, content_image, recipe_with())(content_image).terms
    assert all(abs(float(value)) < 1e-4 for name, value in terms.items() if name.startswith("neighbours"))


def test_nearest_in_pieces_is_nearest_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(5)
    queries, candidates = torch.randn(37, 6, generator=generator), torch.randn(23, 6, generator=generator)
    apart = torch.rand(37, 23, generator=generator) < 0.5
    whole = (queries @ candidates.T).masked_fill(apart, -math.inf).argmax(1)
    monkeypatch.setattr(module, "ROWS", 10)
    assert torch.equal(nearest(queries, candidates, apart), whole)


def test_hypercolumns_find_one_neighbour_for_all_layers(
    network: Vgg, seen: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
) -> None:
    content_image, painting, image = seen
    recipe = recipe_with(neighbours_features="hypercolumns", content_query=0.0)
    terms = Objective(network, content_image, painting, recipe)(image).terms

    def columns(one: torch.Tensor, scales: dict[str, float]) -> torch.Tensor:
        maps = network(one, LAYERS)
        grid = maps["conv3_1"].shape[-2:]
        parts = []
        for layer in LAYERS:
            centred = maps[layer] - maps[layer].mean((2, 3), keepdim=True)
            parts.append(torch.nn.functional.interpolate(centred, size=tuple(grid), mode="bilinear") * scales[layer])
        return torch.cat(parts, 1)

    scales = {}
    for layer, weight in LAYERS.items():
        centred = network(painting, [layer])[layer]
        centred = centred - centred.mean((2, 3), keepdim=True)
        scales[layer] = weight / float(centred.square().sum(1).mean().sqrt())
    ours, theirs = (
        unit_vectors(columns(image, scales))[0].flatten(1),
        unit_vectors(columns(painting, scales))[0].flatten(1),
    )
    expected = 2.0 * float((1 - (ours.T @ theirs).max(1).values).mean())
    assert float(terms["neighbours"]) == pytest.approx(expected, rel=1e-3)
    assert [name for name in terms if name.startswith("neighbours")] == ["neighbours"]


def test_a_region_looks_at_its_own_painting_alone(network: Vgg, pictures: Pictures) -> None:
    content_image = to_tensor(pictures[0].resize((64, 32)))
    left, right = (to_tensor(one.resize((48, 48))) for one in pictures)
    areas = torch.zeros(3, 32, 64)
    areas[1, :, :32] = areas[2, :, 32:] = 1
    guide = Guide(areas)
    found = Objective(network, content_image, [left, right], recipe_with(), guide=guide)
    found(content_image)
    assert found.neighbours is not None
    state, owners = found.neighbours.state_dict(), found.neighbours.owners
    for layer, width in (("conv2_1", 32), ("conv3_1", 16)):
        whose = owners[layer][state["matches"][layer]].view(-1, width)
        assert (whose[:, : width // 2] == 0).all()
        assert (whose[:, width // 2 :] == 1).all()


def test_turned_paintings_are_candidates_too(
    network: Vgg, seen: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
) -> None:
    _, painting, _ = seen
    turned = torch.rot90(painting, 1, (2, 3)).contiguous()
    losses = []
    for turns in (0, 1):
        terms = Objective(network, turned, painting, recipe_with(neighbours_rotations=turns))(turned).terms
        losses.append(sum(float(value) for name, value in terms.items() if name.startswith("neighbours")))
    assert losses[1] < 1e-4 < 0.05 < losses[0]


def test_of_large_maps_other_positions_are_compared_at_each_look(
    network: Vgg, seen: tuple[torch.Tensor, torch.Tensor, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_POSITIONS", 30)
    content_image, painting, image = seen
    recipe = recipe_with(neighbours_layers={"conv2_1": 1.0})
    found = Neighbours(network, content_image, [painting], recipe)
    maps = network(image, ["conv2_1"])
    places = []
    for _ in range(16):
        found.age = None
        found.terms(maps)
        places.append(tuple(found.state_dict()["places"]["conv2_1"]))
    stride = places[0][0]
    assert stride == 4  # 24×16 positions, of which at most 30 are wanted
    assert set(places) == {(stride, row, column) for row in range(stride) for column in range(stride)}
    assert len(found.candidates["conv2_1"]) == 20 * 28


# ---------------------------------------------------------------- runs


@pytest.mark.parametrize(
    "settings", [{}, {"optimizer": "lbfgs", "learning_rate": 1.0, "lbfgs_evaluations": 1, "lbfgs_restart": False}]
)
def test_the_terms_add_up_and_the_result_is_among_the_last(
    network: Vgg, pictures: Pictures, settings: dict[str, object]
) -> None:
    recipe = recipe_with(neighbours_every=3, iterations=8, **settings)
    frames = paint(pictures, network, recipe)
    for frame in frames[1:]:
        assert frame.losses["total"] == pytest.approx(
            sum(value for key, value in frame.losses.items() if key != "total")
        )
        assert frame.losses["neighbours"] > 0
        assert {"neighbours:conv2_1", "neighbours:conv3_1"} <= frame.layers.keys()
    done = result(frames)
    last = [point["total"] for point in done.curve][-2:]  # looked for anew at 0, 3 and 6
    assert done.losses["total"] == pytest.approx(min(last))
    assert all("neighbours" in point for point in done.curve)
    plainly = unweighted(done.layers, recipe)
    assert plainly["neighbours:conv2_1"] == pytest.approx(done.layers["neighbours:conv2_1"] / (2.0 * 0.5))
    assert by_term(done.layers)["neighbours"] == pytest.approx(2.0 * plainly["neighbours"])


def test_without_a_weight_nothing_is_looked_for(network: Vgg, pictures: Pictures) -> None:
    off = recipe_with(neighbours_weight=0.0)
    run = Run(*pictures, off, network)
    assert run.painting.objective.neighbours is None
    done = result(list(run.frames()))
    assert np.array_equal(
        np.asarray(done.picture),
        np.asarray(result(paint(pictures, network, plain(style_weight=0.1, content_weight=0.1))).picture),
    )


@pytest.mark.parametrize("at", [2, 3, 5])
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_snapshot_goes_on_to_the_same_bits(
    network: Vgg, pictures: Pictures, at: int, optimizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two looks, where the next look is due, and with positions that change from look to look."""
    monkeypatch.setattr(module, "MAX_POSITIONS", 100)
    settings: dict[str, Any] = {"lbfgs_evaluations": 1, "lbfgs_restart": False} if optimizer == "lbfgs" else {}
    recipe = recipe_with(neighbours_every=3, iterations=8, optimizer=optimizer, learning_rate=0.05, **settings)
    whole = result(paint(pictures, network, recipe))
    run = Run(*pictures, recipe, network)
    for frame in run.frames():
        if frame.evaluations == at:
            break
    file = io.BytesIO()
    torch.save(run.snapshot(), file)
    file.seek(0)
    rest = result(list(Run(*pictures, recipe, network, snapshot=torch.load(file, weights_only=True)).frames()))
    assert np.array_equal(np.asarray(rest.picture), np.asarray(whole.picture))
    assert [point["total"] for point in rest.curve] == [point["total"] for point in whole.curve]


def test_a_result_replays_to_the_same_bits_with_the_dial_turned_on_the_way(network: Vgg, pictures: Pictures) -> None:
    control = MemoryControl()
    run = Run(*pictures, recipe_with(neighbours_every=4, iterations=8), network, control)
    for frame in run.frames():
        if frame.evaluations == 3:
            control.change({"content_query": 1.0, "neighbours_weight": 4.0})
        if frame.evaluations == 5:
            control.change({"neighbours_rotations": 1})
    done = result([frame])
    assert {change.key for change in done.recipe.journal} == {
        "content_query",
        "neighbours_weight",
        "neighbours_rotations",
    }
    again = result(paint(pictures, network, done.recipe))
    assert np.array_equal(np.asarray(again.picture), np.asarray(done.picture))


def test_a_dial_that_is_turned_looks_anew_at_once(
    network: Vgg, seen: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
) -> None:
    content_image, painting, image = seen
    objective = Objective(network, content_image, painting, recipe_with(content_query=0.0))
    before = float(objective(image).total)
    objective.set_weights(recipe_with(content_query=1.0))
    assert float(objective(image).total) != before
    assert objective.covers(recipe_with(neighbours_weight=9.0))
    assert not objective.covers(recipe_with(neighbours_rotations=2))
    assert objective.covers(recipe_with(neighbours_weight=0.0))
    objective.set_weights(recipe_with(neighbours_weight=0.0))
    assert not any(name.startswith("neighbours") for name in objective(image).terms)


def test_what_is_no_neighbours_state_is_refused(
    network: Vgg, seen: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
) -> None:
    content_image, painting, image = seen
    found = Neighbours(network, content_image, [painting], recipe_with())
    found.terms(network(image, LAYERS))
    found.age = 1
    good = found.state_dict()
    other = Neighbours(network, content_image, [painting], recipe_with())
    other.load_state_dict(good)
    assert other.age == 1
    for spoilt in (
        {**good, "looks": "many"},
        {**good, "matches": {"conv2_1": good["matches"]["conv2_1"]}},
        {**good, "matches": {name: values + 10_000 for name, values in good["matches"].items()}},
        {**good, "matches": {name: values[1:] for name, values in good["matches"].items()}},
    ):
        with pytest.raises(ValueError, match="neighbours"):
            other.load_state_dict(spoilt)


def test_neighbours_alone_are_enough_and_their_layers_must_exist() -> None:
    alone = Recipe(content_weight=0, style_weight=0, neighbours_weight=1.0)
    assert alone.active_layers("neighbours").keys() == Recipe().neighbours_layers.keys()
    with pytest.raises(RecipeError, match="conv9_1"):
        Recipe().changed({"neighbours_layers": {"conv9_1": 1.0}})
