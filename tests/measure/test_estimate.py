"""The estimate's arithmetic against counted operations, and its memory against measured peaks."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from playground import PlaygroundError, load_preset
from playground.engine.losses import Objective
from playground.feedforward.learner import Learner
from playground.feedforward.processes import Processes
from playground.measure import estimate, memory, operations, pace
from playground.measure.memory import megabytes_of, too_large
from playground.measure.operations import work_of_evaluation
from playground.measure.pace import SecondsPerOperation
from playground.networks.hrnet import HrNet
from playground.networks.read import Weights
from playground.networks.transformer import new_network
from playground.networks.vgg import Vgg
from playground.recipe.base import STYLE_BLOCKS
from playground.recipe.model import Recipe, Stage
from playground.recipe.presets import load_training_preset
from playground.system.memory import free_megabytes

pytestmark = pytest.mark.usefixtures("winograd")
STEADY = SecondsPerOperation(0.01)  # seconds for 10⁹ units


@pytest.mark.parametrize(
    ("style", "content", "size"),
    [
        (STYLE_BLOCKS, "conv4_2", (64, 64)),
        (["conv1_2", "conv3_1"], "conv2_2", (70, 51)),
        (["conv1_1"], "conv5_3", (64, 48)),
    ],
)
def test_operations_are_those_torch_counts(hed: Weights, style: list[str], content: str, size: tuple[int, int]) -> None:
    recipe = Recipe(style_layers=dict.fromkeys(style, 1.0), content_layers={content: 1.0})
    width, height = size
    image = torch.rand(1, 3, height, width).requires_grad_(True)
    objective = Objective(Vgg(hed), torch.rand(1, 3, height, width), torch.rand(1, 3, 64, 64), recipe)
    with FlopCounterMode(display=False) as counter:
        objective(image).total.backward()
    assert work_of_evaluation(recipe, size).operations == counter.get_total_flops()


def test_the_photorealistic_network_counts_too() -> None:
    recipe = load_preset("hrnet-photorealistic")
    without = work_of_evaluation(recipe.changed({"canvas": "pixels"}), (64, 64)).operations
    network, content_image = HrNet(), torch.rand(1, 3, 64, 64)
    with FlopCounterMode(display=False) as counter:
        network(content_image)
    forward = counter.get_total_flops()
    assert work_of_evaluation(recipe, (64, 64)).operations - without == 3 * forward


def test_strips_are_computed_twice_with_their_halo() -> None:
    recipe = Recipe()
    below, above = work_of_evaluation(recipe, (768, 768)), work_of_evaluation(recipe, (800, 800))
    pixels = 800**2 / 768**2
    assert 1.1 * pixels < above.operations / below.operations < 1.7 * pixels


def test_what_a_max_pool_made_of_a_layer_is_not_computed_twice() -> None:
    layers = {"content_layers": {"conv4_2": 1.0}, "style_layers": {"conv4_1": 1.0}}
    largest, mean = (
        work_of_evaluation(Recipe().changed({**layers, "pool": pool}), (1024, 1024)) for pool in ("max", "average")
    )
    skipped = (
        1024**2 * 64**2 * 132 / 128,
        512**2 * 128**2 * 132 / 128,
        256**2 * 256**2 * 136 / 128,
    )  # with their halos
    assert mean.operations - largest.operations == pytest.approx(2 * 9 * sum(skipped))


def test_more_of_anything_costs_more_time() -> None:
    def seconds(**changes: object) -> float:
        return estimate.estimate(Recipe().changed(changes), (300, 200), (300, 200), STEADY).seconds

    sizes = [seconds(size=size) for size in range(64, 2049, 64)]
    assert sizes == sorted(sizes)
    assert seconds(iterations=400) == pytest.approx(2 * seconds(iterations=200))
    assert seconds(style_layers={"conv1_1": 1}, content_layers={}) < seconds(content_layers={}) / 3
    assert seconds(seconds=3) == 3
    assert seconds(scales=3) < 0.7 * seconds(scales=1)  # two sizes
    assert seconds(optimizer="lbfgs") == pytest.approx(20 * seconds())


def test_a_recorded_plan_and_every_size_count() -> None:
    recipe = Recipe(size=256, plan=(Stage(size=128, iterations=9, evaluations=30), Stage(size=256, iterations=10)))
    cost = estimate.estimate(recipe, (400, 300), (300, 400), STEADY)
    assert [(stage.size, stage.evaluations) for stage in cost.stages] == [((128, 96), 30), ((256, 192), 10)]
    assert cost.seconds == pytest.approx(sum(stage.seconds for stage in cost.stages))
    small = cost.stages[0]
    assert cost.first_preview_seconds == pytest.approx(small.seconds / 30)
    fixed = operations.FIXED_SECONDS["cpu"]
    each = [fixed + (stage.work.units + pace.FIXED_UNITS) / 1e9 * 0.01 for stage in cost.stages]
    assert small.seconds / 30 == pytest.approx(each[0])
    entering = cost.stages[1].seconds / 10 - each[1]
    assert entering > 0  # the second size's targets


def test_a_training_step_s_operations_are_those_torch_counts(hed: Weights) -> None:
    recipe = load_training_preset().changed(
        {"image_size": 64, "style_size": 64, "batch_size": 2, "width": 8, "blocks": 2, "arithmetic": "winograd"}
    )
    photos, style = torch.rand(2, 3, 64, 64), Image.new("RGB", (64, 64), "red")
    learner = Learner(new_network(8, 2, 0), Vgg(hed), style, photos[:1], recipe, Processes())
    with FlopCounterMode(display=False) as counter:
        learner.learn(photos, 1e-3)
    # Of the trained network's first layer no gradient reaches the photograph.
    assert operations.work_of_step(recipe).operations == pytest.approx(counter.get_total_flops(), rel=0.03)
    assert operations.work_of_step(recipe).units > operations.work_of_step(recipe).operations / 2


def test_a_training_takes_its_steps() -> None:
    recipe = load_training_preset("fast-4").changed({"network": "vgg16-hed"})
    assert estimate.steps_of(recipe, 100) == 250  # 20 epochs in batches of 8
    assert estimate.steps_of(recipe.changed({"steps": 30}), 100) == 30
    one = estimate.seconds_of_training(recipe.changed({"steps": 1}), 100, STEADY)
    assert estimate.seconds_of_training(recipe, 100, STEADY) == pytest.approx(250 * one)
    assert estimate.seconds_of_training(recipe.changed({"seconds": 1.5}), 100, STEADY) == min(1.5, 250 * one)
    half = recipe.changed({"steps": 1, "batch_size": 4})
    assert 0.5 * one < estimate.seconds_of_training(half, 100, STEADY) < 0.7 * one


def test_what_is_cut_away_costs_nothing() -> None:
    whole, cut = ((400, 200), (300, 900)), ((200, 200), (300, 300))
    recipe = Recipe(crop="1:1", scales=2)
    plain = recipe.changed({"crop": "none"})
    assert estimate.estimate(recipe, *whole, STEADY) == estimate.estimate(plain, *cut, STEADY)
    assert megabytes_of(recipe, *whole) == megabytes_of(plain, *cut)
    fixed = {"style_size": 700}  # such a painting is not cut
    assert megabytes_of(recipe.changed(fixed), *whole) == megabytes_of(plain.changed(fixed), cut[0], whole[1])


def test_memory_grows_with_the_size_and_the_history() -> None:
    def megabytes(**changes: object) -> float:
        return megabytes_of(Recipe().changed(changes), (300, 300), (300, 300))

    below = [megabytes(size=size) for size in range(64, 769, 32)]
    above = [megabytes(size=size) for size in range(800, 2049, 32)]
    assert below == sorted(below)
    assert above == sorted(above)
    assert above[0] < below[-1]  # strips
    lbfgs = {"optimizer": "lbfgs", "lbfgs_restart": False}
    history = 2 * 30 * 384**2 * 3 * 4 / 2**20
    assert megabytes(**lbfgs, lbfgs_history=40) - megabytes(**lbfgs) == pytest.approx(history)
    assert megabytes(**lbfgs, lbfgs_history=100) - megabytes(**lbfgs) < 192  # the run cuts it short
    assert megabytes(optimizer="lbfgs", lbfgs_history=40) < megabytes(**lbfgs, lbfgs_history=40)  # it restarts
    assert megabytes(canvas="hrnet") > megabytes() + 700
    assert megabytes(style_size=3000) > megabytes()


PEAK = """
import sys
from PIL import Image
from playground import load_preset
from playground.system.memory import peak_megabytes
from playground.networks.vgg import load_network
from playground.engine.run import Run
size = int(sys.argv[1])
picture = Image.effect_noise((size, size), 80).convert("RGB")
recipe = load_preset().changed({"size": size, "scales": 1, "iterations": 2})
for _ in Run(picture, picture, recipe, load_network(recipe.network)).frames():
    pass
print(peak_megabytes("cpu"))
"""


@pytest.mark.parametrize("size", [192, pytest.param(800, marks=pytest.mark.slow)])  # whole maps and strips
@pytest.mark.skipif(sys.platform != "linux", reason="peaks are measured on Linux")
def test_memory_is_near_the_measured_peak(hed: Weights, size: int) -> None:
    child = subprocess.run(
        [sys.executable, "-c", PEAK, str(size)], check=True, capture_output=True, text=True, timeout=240
    )
    recipe = load_preset().changed({"size": size, "scales": 1, "iterations": 2})
    assert megabytes_of(recipe, (size, size), (size, size)) == pytest.approx(float(child.stdout), rel=0.25)


def test_too_large_names_the_next_size_that_fits() -> None:
    recipe, content_image = load_preset().changed({"size": 4096}), (3000, 2000)
    assert too_large(recipe, content_image, content_image, None) is None
    assert too_large(recipe, content_image, content_image, 10**6) is None
    fitting = memory.largest_size_that_fits(recipe, content_image, content_image, 3000)
    assert fitting is not None
    assert 800 < fitting < 4096
    sentence = too_large(recipe, content_image, content_image, 3000)
    assert sentence is not None
    assert f"try {fitting} px" in sentence
    assert megabytes_of(recipe.changed({"size": fitting}), content_image, content_image) <= 3000
    assert megabytes_of(recipe.changed({"size": fitting + 32}), content_image, content_image) > 3000
    assert "another machine" in (too_large(recipe, content_image, content_image, 100) or "")


def test_free_memory_is_known_on_linux() -> None:
    free = free_megabytes()
    assert free is None or free > 50


def test_an_unknown_network_is_said() -> None:
    with pytest.raises(PlaygroundError):
        estimate.estimate(Recipe(network="no-such-file.pth"), (100, 100), (100, 100), STEADY)


def test_an_estimate_is_quick_enough_for_a_slider() -> None:
    recipe = load_preset()
    estimate.estimate(recipe, (800, 600), (800, 600), STEADY)
    began = time.process_time()
    for _ in range(20):
        estimate.estimate(recipe, (800, 600), (800, 600), STEADY)
    assert (time.process_time() - began) / 20 < 0.005


def test_what_turns_share_is_told_apart_from_what_each_run_holds() -> None:
    recipe, sizes = Recipe(size=256), ((400, 300), (300, 400))
    found = memory.memory_of(recipe, *sizes)
    whole = memory.megabytes_of(recipe, *sizes)
    assert memory.BASE_MB["cpu"] + found.network + found.held + found.passing == pytest.approx(whole)
    assert found.held < found.passing / 5  # thirty runs that take turns cost far less than thirty times one
    assert memory.memory_of(recipe.changed({"size": 512}), *sizes).held == pytest.approx(4 * found.held)


def test_a_training_takes_more_with_every_crop() -> None:
    recipe = load_training_preset()
    one, four = (
        memory.memory_of(recipe.changed({"batch_size": count}), (1, 1), (256, 256)).passing for count in (1, 4)
    )
    assert four == pytest.approx(4 * one)


def test_an_optimiser_adds_what_its_entry_says() -> None:
    adam, lbfgs = (
        operations.work_of_evaluation(Recipe(optimizer=name), (96, 64), "cuda") for name in ("adam", "lbfgs")
    )
    assert lbfgs.units == pytest.approx(1.6 * adam.units)
    assert lbfgs.seconds == pytest.approx(adam.seconds + 0.0013)
    adam, lbfgs = (operations.work_of_evaluation(Recipe(optimizer=name), (96, 64), "cpu") for name in ("adam", "lbfgs"))
    assert lbfgs == adam
