"""What the chart of a run is told: losses with and without weights, sizes, steering, steps; from a real run."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from playground.engine.control import MemoryControl
from playground.engine.run import Run
from playground.images.pictures import Pictures
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe
from playground.service.job import Job
from playground.web.components import run_chart

RECIPE = Recipe(
    size=96, smallest=48, scales=2, iterations=8, style_layers={"conv1_1": 0.5, "conv2_1": 2.0}, variation_weight=0.1
)


@pytest.fixture(scope="module")
def job(pictures: tuple[Image.Image, Image.Image], network: Vgg) -> Job:
    """A run whose style weight was dragged from 1 to 40 before its fifth evaluation and after."""
    control = MemoryControl()
    made = Job(Pictures(pictures[0], (pictures[1],)), RECIPE, "me", control, 5.0)
    for frame in Run(*pictures, RECIPE, network, control).frames():
        made.store(frame)
        if frame.evaluations in (4, 5):
            control.change({"style_weight": {4: 10.0, 5: 40.0}[frame.evaluations]})
    return made


def column(told: dict[str, object], key: str, weighted: bool) -> list[float | None]:
    keys, points = told["keys"], told["points"]
    assert isinstance(keys, list)
    assert isinstance(points, list)
    return [point[4 if weighted else 5][keys.index(key)] for point in points]


def test_turning_a_weight_moves_the_weighted_curve_and_not_the_other(job: Job) -> None:
    told = run_chart.data(job)
    weighted, plain = column(told, "style", True), column(told, "style", False)
    factors = [w / p for w, p in zip(weighted, plain, strict=True) if w and p]
    assert factors == pytest.approx([1, 1, 1, 1, 10, 40, 40, 40], rel=2e-3)
    assert max(plain) < 20 * min(plain)  # type: ignore[type-var, operator]
    for layer, weight in RECIPE.style_layers.items():
        of_layer = column(told, f"style:{layer}", True), column(told, f"style:{layer}", False)
        ratios = [w / p / f for w, p, f in zip(*of_layer, factors, strict=True) if w and p]
        assert ratios == pytest.approx([weight] * 8, rel=2e-3)
    assert column(told, "total", False) == [None] * 8  # a sum of weighted terms says nothing before the weights
    json.dumps(told, allow_nan=False)


def test_the_layers_without_weights_add_up_to_their_term(job: Job) -> None:
    told = run_chart.data(job)
    layers = [column(told, f"style:{layer}", False) for layer in RECIPE.style_layers]
    for term, *parts in zip(column(told, "style", False), *layers, strict=True):
        whole = sum(weight * part for weight, part in zip(RECIPE.style_layers.values(), parts, strict=True))
        assert term == pytest.approx(whole, rel=2e-3)


def test_sizes_are_bands_and_a_dragged_slider_is_one_flag(job: Job) -> None:
    told = run_chart.data(job)
    assert [(begin, end) for begin, end, _ in told["stages"]] == [(0, 4), (4, 8)]
    sizes = [size for *_, size in told["stages"]]
    assert sizes == [48, 96]
    assert [point[2] for point in told["points"]] == [sizes[0]] * 4 + [sizes[1]] * 4
    assert [words for _, words in told["flags"]] == ["Step 5: Style weight from 1 to 40"]
    assert told["flags"][0][0] == 5
    assert told["ended"]


def test_the_last_points_overlap_those_before(job: Job) -> None:
    tail = run_chart.data(job, whole=False)
    assert tail["points"] == run_chart.data(job)["points"][-run_chart.TAIL :]
    assert not tail["whole"]


def test_evaluations_within_a_round_share_out_its_step() -> None:
    """What the curve says of three rounds of four evaluations, the last of each ending it; and of Adam, where each does."""
    rounds = [{"step": step} for step in (0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3)]
    assert run_chart.along(rounds) == pytest.approx([nth / 4 for nth in range(1, 13)])
    assert run_chart.along([{"step": step} for step in (1, 2, 3)]) == [1, 2, 3]


def test_a_run_without_a_point_is_empty(job: Job) -> None:
    bare = Job(job.pictures, RECIPE, "me", MemoryControl(), 5.0)
    assert run_chart.data(bare)["points"] == []
    assert run_chart.overlay("another", job)["name"] == "another"
