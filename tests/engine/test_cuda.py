"""The engine on CUDA: it sees what it sees on the CPU, recorded evaluations are those that were recorded, nothing grows."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from playground import load_preset
from playground.engine import evaluator as evaluator_module
from playground.engine import run as run_module
from playground.engine import strips
from playground.engine.frames import Result
from playground.engine.losses import Losses, Objective
from playground.engine.run import Run
from playground.images.convert import to_tensor
from playground.images.pictures import Pictures as Given
from playground.networks.read import Weights
from playground.networks.vgg import Vgg
from playground.recipe.base import DEFAULT_NETWORK
from playground.recipe.model import Change, Recipe
from playground.recipe.presets import presets
from playground.service.faults import did_not_fit, explain
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.system.memory import free_megabytes, is_out_of_memory

pytestmark = [pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA on this machine")]

SMALL = {"size": 96, "smallest": 48, "iterations": 12}
Pictures = tuple[Image.Image, Image.Image]


@pytest.fixture(scope="module")
def gpu(hed: Weights) -> Vgg:
    return Vgg(hed, "cuda")


@pytest.fixture
def unrecorded(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it to have evaluations computed as they come from now on."""
    return lambda: monkeypatch.setattr(evaluator_module, "RECORD_AFTER", math.inf)


def painted(pictures: Pictures, network: Vgg, recipe: Recipe, recorded: bool | None = None) -> Result:
    """The result of a run.

    Args:
        recorded: whether its last evaluations must have been replayed; None where it does not matter.
    """
    run = Run(*pictures, recipe, network)
    result = list(run.frames())[-1].result
    assert recorded is None or recorded == (run.painting.evaluator._recorded is not None)
    assert result is not None
    return result


def apart(first: Image.Image, second: Image.Image) -> float:
    """Mean difference of two pictures' bytes."""
    return float(np.abs(np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)).mean())


def narrow(monkeypatch: pytest.MonkeyPatch, in_strips: bool = True) -> None:
    """Strips at any size and as narrow as their halo allows, or none at all."""
    monkeypatch.setattr(strips, "strips_from", lambda device: 1 if in_strips else 10**9)
    monkeypatch.setattr(strips, "SEGMENTS", tuple(replace(segment, positions=1) for segment in strips.SEGMENTS))


@pytest.mark.parametrize("loss", ["relative", "moments"])
@pytest.mark.parametrize("in_strips", [False, True])
def test_a_gpu_sees_what_the_cpu_sees(
    monkeypatch: pytest.MonkeyPatch, network: Vgg, gpu: Vgg, pictures: Pictures, loss: str, in_strips: bool
) -> None:
    narrow(monkeypatch, in_strips)
    content_image, painting = map(to_tensor, pictures)
    found = []
    for seeing in (network, gpu):
        recipe = Recipe(style_loss=loss, pool="max", variation_weight=10)
        objective = Objective(seeing, content_image.to(seeing.device), painting.to(seeing.device), recipe)
        image = (content_image * 0.8 + 0.1).to(seeing.device).requires_grad_(True)
        losses = objective(image)
        (gradient,) = torch.autograd.grad(losses.total, image)
        found.append((losses.stacked().cpu(), gradient.cpu()))
    (ours, slope), (theirs, its_slope) = found
    assert ours.tolist() == pytest.approx(theirs.tolist(), rel=0.03)  # bfloat16 has 8 bits of mantissa
    assert float((slope - its_slope).norm() / slope.norm()) < 0.1


def test_single_precision_is_nearer_to_the_cpu(network: Vgg, gpu: Vgg, pictures: Pictures) -> None:
    found = []
    for seeing, precision in ((network, "auto"), (gpu, "float32")):
        recipe = Recipe(size=96, iterations=1, precision=precision)
        found.append(painted(pictures, seeing, recipe).curve[0]["total"])
    assert found[1] == pytest.approx(found[0], rel=1e-4)


@pytest.mark.parametrize("name", [one.name for one in presets().values() if one.kind == "stylize"])
def test_every_preset_paints(gpu: Vgg, pictures: Pictures, name: str) -> None:
    recipe = load_preset(name, DEFAULT_NETWORK).changed(SMALL)
    result = painted(pictures, gpu, recipe)
    assert result.ended == "done"
    assert result.curve[-1]["total"] < result.curve[0]["total"]


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("canvas", ["pixels", "pyramid", "hrnet"])
def test_a_recorded_run_is_the_run(
    unrecorded: Callable[[], None], gpu: Vgg, pictures: Pictures, optimizer: str, canvas: str
) -> None:
    """As near to one that was computed as it came as another such: a GPU adds up in no fixed order."""
    rate = 0.02 if optimizer == "adam" else 1.0
    recipe = load_preset().changed(
        {**SMALL, "canvas": canvas, "optimizer": optimizer, "learning_rate": 0.002 if canvas == "hrnet" else rate}
    )
    recorded = painted(pictures, gpu, recipe, recorded=True)
    unrecorded()
    plain, again = painted(pictures, gpu, recipe, recorded=False), painted(pictures, gpu, recipe)
    assert recorded.evaluations == plain.evaluations == len(recorded.curve)  # none is lost at the end
    totals = [[point["total"] for point in one.curve] for one in (recorded, plain)]
    assert totals[0][:4] == pytest.approx(totals[1][:4], rel=0.02)  # two of them replayed, before paths part
    assert totals[0] == pytest.approx(totals[1], rel=0.1)
    assert apart(recorded.picture, plain.picture) < 2 + 3 * apart(again.picture, plain.picture)


def test_what_changes_on_the_way_is_recorded_anew(unrecorded: Callable[[], None], gpu: Vgg, pictures: Pictures) -> None:
    changes = (
        Change(evaluation=8, key="style_weight", value=7.0),
        Change(evaluation=16, key="pool", value="average"),
        Change(evaluation=20, key="learning_rate", value=0.001),
    )
    settings = {"size": 96, "scales": 1, "iterations": 24, "optimizer": "adam", "learning_rate": 0.02}
    recipe = load_preset().changed({**settings, "journal": changes})
    recorded = painted(pictures, gpu, recipe, recorded=True)
    unrecorded()
    plain = painted(pictures, gpu, recipe, recorded=False)
    ours, theirs = ([point["total"] for point in one.curve] for one in (recorded, plain))
    assert ours == pytest.approx(theirs, rel=0.1)
    assert ours[8] > 3 * ours[7]
    assert len(set(ours)) == 24


def test_it_goes_on_from_a_moment_on_either_device(
    monkeypatch: pytest.MonkeyPatch, network: Vgg, gpu: Vgg, pictures: Pictures
) -> None:
    recipe = load_preset().changed(SMALL)
    monkeypatch.setattr(run_module, "READ_EVERY", 0.0)
    run = Run(*pictures, recipe, gpu)
    for frame in run.frames():
        if frame.evaluations == 9:
            break
    assert run.evaluations == 9
    file = io.BytesIO()
    torch.save(run.snapshot(), file)
    file.seek(0)
    moment = torch.load(file, weights_only=True)
    whole = painted(pictures, gpu, recipe)
    for seeing in (gpu, network):
        result = list(Run(*pictures, recipe, seeing, snapshot=moment).frames())[-1].result
        assert result is not None
        assert result.losses["total"] == pytest.approx(whole.losses["total"], rel=0.05)


def test_runs_that_take_turns_share_the_memory_of_their_recordings(
    monkeypatch: pytest.MonkeyPatch, gpu: Vgg, pictures: Pictures
) -> None:
    """Two that are judged by turns leave each other's pictures alone."""
    recipe = load_preset().changed({**SMALL, "scales": 1})
    monkeypatch.setattr(run_module, "READ_EVERY", 0.0)
    alone = painted(pictures, gpu, recipe)
    other = painted(pictures[::-1], gpu, recipe.changed({"size": 128}))
    runs = [Run(*pictures, recipe, gpu), Run(*pictures[::-1], recipe.changed({"size": 128}), gpu)]
    results: list[Any] = [None, None]
    streams = [run.frames() for run in runs]
    while not all(results):
        for index, stream in enumerate(streams):
            if (frame := next(stream, None)) is not None and frame.result is not None:
                results[index] = frame.result
    for result, expected in zip(results, (alone, other), strict=True):
        assert result.losses["total"] == pytest.approx(expected.losses["total"], rel=0.03)


def test_runs_in_threads_of_their_own_do_not_meet(gpu: Vgg, pictures: Pictures) -> None:
    """Whoever calls the API from two threads has no turns, and the same pool of memory."""
    recipe = load_preset().changed({**SMALL, "iterations": 45})
    expected = [painted(pictures, gpu, recipe), painted(pictures[::-1], gpu, recipe)]
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(lambda pair: painted(pair, gpu, recipe), [pictures, pictures[::-1]]))
    for ours, alone in zip(found, expected, strict=True):
        assert ours.losses["total"] == pytest.approx(alone.losses["total"], rel=0.05)


def test_thirty_at_one_gpu(pictures: Pictures) -> None:
    jobs = Jobs("cuda", Limits(max_runs=32, max_waiting=40, runs_each=1))
    try:
        recipe = load_preset().changed(SMALL)
        made = [jobs.start(Given(pictures[0], (pictures[1],)), recipe, f"visitor {number}") for number in range(30)]
        for job in made:
            version = 0
            while not job.ended:
                version = job.wait(version, 60.0)
        assert [job.error for job in made] == [None] * 30
        totals = [job.result.losses["total"] for job in made if job.result is not None]
        assert len(totals) == 30
        assert totals == pytest.approx([totals[0]] * 30, rel=0.05)
    finally:
        jobs.close()


def test_nothing_grows(gpu: Vgg, pictures: Pictures) -> None:
    recipe = load_preset().changed({**SMALL, "iterations": 9})
    held = []
    for _ in range(24):
        painted(pictures, gpu, recipe)
        held.append((torch.cuda.memory_allocated(), torch.cuda.memory_reserved()))
    assert held[-1][0] <= held[5][0] + 2**20
    assert held[-1][1] <= held[5][1] * 1.05


@pytest.fixture
def little_memory() -> Iterator[Callable[[float], None]]:
    """Call it to have no more megabytes than so many from now on."""
    torch.cuda.empty_cache()
    whole = torch.cuda.get_device_properties(0).total_memory
    yield lambda megabytes: torch.cuda.set_per_process_memory_fraction(megabytes * 2**20 / whole)
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()


def test_too_large_a_picture_is_said_and_the_next_one_paints(
    gpu: Vgg, pictures: Pictures, little_memory: Callable[[float], None]
) -> None:
    recipe = load_preset().changed({"size": 768, "scales": 1, "iterations": 4})
    little_memory(torch.cuda.memory_reserved() / 2**20 + 500)
    with pytest.raises(torch.OutOfMemoryError) as caught:
        painted(pictures, gpu, recipe)
    assert is_out_of_memory(caught.value)
    assert explain(caught.value, "a run", recipe) == did_not_fit(recipe)
    assert "try 384 px" in did_not_fit(recipe)
    del caught
    torch.cuda.empty_cache()
    assert painted(pictures, gpu, recipe.changed({"size": 192})).ended == "done"


def test_where_a_recording_fails_the_run_goes_on_without(
    monkeypatch: pytest.MonkeyPatch, gpu: Vgg, pictures: Pictures
) -> None:
    """A transfer cannot be recorded; the next run is none the worse."""
    whole, recipe = Objective.__call__, load_preset().changed({**SMALL, "scales": 1})
    expected = painted(pictures, gpu, recipe, recorded=True)

    def with_a_transfer(self: Objective, image: torch.Tensor) -> Losses:
        losses = whole(self, image)
        losses.total.item()
        return losses

    with monkeypatch.context() as patch:
        patch.setattr(Objective, "__call__", with_a_transfer)
        assert painted(pictures, gpu, recipe, recorded=False).ended == "done"
    assert torch.cuda.current_stream() == torch.cuda.default_stream()
    again = painted(pictures, gpu, recipe)
    assert again.losses["total"] == pytest.approx(expected.losses["total"], rel=0.05)


def test_strips_are_recorded_too(monkeypatch: pytest.MonkeyPatch, gpu: Vgg, pictures: Pictures) -> None:
    recipe = load_preset().changed({**SMALL, "scales": 1})
    whole = painted(pictures, gpu, recipe)
    narrow(monkeypatch)
    strip_by_strip = painted(pictures, gpu, recipe, recorded=True)
    assert strip_by_strip.losses["total"] == pytest.approx(whole.losses["total"], rel=0.05)


def test_the_free_memory_is_the_device_s() -> None:
    free = free_megabytes("cuda")
    assert free is not None
    assert 0 < free <= torch.cuda.get_device_properties(0).total_memory / 2**20
