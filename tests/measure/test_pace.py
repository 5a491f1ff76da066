"""How a machine's speed is learnt from runs, kept, and told of sizes that were not painted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from playground import load_preset
from playground.engine.frames import Result
from playground.images.convert import fit_size
from playground.measure import estimate, operations, pace
from playground.measure.estimate import observe_run
from playground.measure.operations import work_of_evaluation
from playground.measure.pace import FIXED_UNITS, SecondsPerOperation, seconds_per_operation_on
from playground.recipe.model import Change, Recipe, Stage

pytestmark = pytest.mark.usefixtures("winograd")


def finished(recipe: Recipe, content_image: tuple[int, int], machine: SecondsPerOperation) -> Result:
    """What a run of `recipe` would leave on this machine, whose first evaluation of a size takes twice as long."""
    cost = estimate.estimate(recipe, content_image, content_image, machine)
    curve, seconds, evaluations, plan = [], 0.0, 0, []
    for stage in cost.stages:
        each = stage.seconds / stage.evaluations
        for index in range(stage.evaluations):
            seconds += 2 * each if index == 0 else each
            evaluations += 1
            curve.append({"evaluations": float(evaluations), "seconds": seconds})
        plan.append(Stage(size=max(stage.size), iterations=stage.evaluations, evaluations=stage.evaluations))
    size = fit_size(*content_image, recipe.size)
    return Result(
        picture=Image.new("RGB", size), recipe=recipe.changed({"plan": plan}), ended="done", losses={}, layers={},
        curve=curve, steps=evaluations, evaluations=evaluations, seconds=seconds, first_preview_seconds=0.1,
    )  # fmt: skip


def test_one_run_teaches_the_seconds_per_operation(own_home: Path) -> None:
    recipe, content_image = Recipe(size=384, scales=2, iterations=60), (600, 400)
    by_size = {14: 0.08, 16: 0.05, 20: 0.03}  # slower for small pictures
    machine = SecondsPerOperation(0.0, by_size, pace.fixed_units("cpu"))
    observe_run(finished(recipe, content_image, machine))
    truth = estimate.estimate(recipe, content_image, content_image, machine)
    learnt = estimate.estimate(recipe, content_image, content_image)
    assert learnt.measured
    assert learnt.seconds == pytest.approx(truth.seconds, rel=0.1)
    # other settings and a size that was not measured
    other = Recipe(size=512, iterations=30, style_layers={"conv1_1": 1, "conv3_1": 1}, content_layers={})
    truth = estimate.estimate(other, content_image, content_image, machine)
    assert estimate.estimate(other, content_image, content_image).seconds == pytest.approx(truth.seconds, rel=0.25)


@pytest.mark.parametrize("learnt", [192, 256, 384, 512])
def test_one_size_tells_of_twice_and_half_the_size(learnt: int) -> None:
    """The seconds of a step that the benchmark measured, five style layers and conv4_2, without strips."""
    measured = {128: 0.065, 192: 0.101, 256: 0.155, 384: 0.343, 512: 0.552, 768: 1.306}
    layers = {f"conv{block}_1": 1.0 for block in range(1, 6)}
    recipe = Recipe(style_layers=layers, content_layers={"conv4_2": 1.0})
    work = {size: operations.work_of_evaluation(recipe, (size, size)) for size in measured}
    machine = SecondsPerOperation(0.0).observed(work[learnt], (learnt, learnt), measured[learnt])
    for size, seconds in measured.items():
        if learnt / 2 <= size <= 2 * learnt:
            assert machine.seconds(work[size], (size, size)) == pytest.approx(seconds, rel=0.25)


def test_what_was_learnt_survives_the_program_and_a_broken_file_does_not_hurt(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = SecondsPerOperation(0.02, fixed=pace.fixed_units("cpu"))
    observe_run(finished(Recipe(iterations=20), (300, 300), here))
    points = seconds_per_operation_on().by_size
    assert list(points.values()) == [pytest.approx(0.02, rel=0.05)]
    monkeypatch.setattr(pace, "known", {})
    assert seconds_per_operation_on().by_size == points
    assert [path.name for path in own_home.iterdir()] == ["pace.json"]
    for broken in ("", "[]", '{"x": 3}', json.dumps({pace.machine_name("cpu"): {"a": 1}})):
        (own_home / "pace.json").write_text(broken)
        monkeypatch.setattr(pace, "known", {})
        assert seconds_per_operation_on().by_size == {}  # probed
        assert seconds_per_operation_on().guess > 0


def test_one_thread_is_as_busy_with_small_pictures(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds of an evaluation that one thread took, and by how much they grow from 96 to 384 px: as the work does."""
    monkeypatch.setattr(pace, "probe", lambda device: 0.01)
    took, sizes = {96: 0.0824, 384: 1.214}, {96: (96, 64), 384: (384, 255)}
    grew = []
    for threads in (1, 2, 4, 8):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        machine = seconds_per_operation_on("cpu", "direct")
        small, large = (
            machine.seconds(work_of_evaluation(load_preset().changed({"arithmetic": "direct"}), size), size)
            for size in sizes.values()
        )
        grew.append(large / small)
    assert grew[0] == pytest.approx(took[384] / took[96], rel=0.1)
    assert grew == sorted(grew, reverse=True)
    assert grew[2] == grew[3]


def test_later_runs_move_it_half_way() -> None:
    def seconds(per_billion: float) -> float:
        return 0.004 + per_billion * (1 + FIXED_UNITS / 1e9)

    work = operations.Work(operations=1e9, units=1e9, seconds=0.004)
    machine = (
        SecondsPerOperation(1.0).observed(work, (256, 256), seconds(0.02)).observed(work, (250, 260), seconds(0.04))
    )
    assert machine.by_size == {16: pytest.approx(0.03)}
    assert machine.at((64, 64)) == pytest.approx(0.03)


def test_a_home_that_cannot_be_written_only_forgets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setattr(pace, "known", {})
    observe_run(finished(Recipe(iterations=20), (300, 300), SecondsPerOperation(0.02)))
    assert seconds_per_operation_on().by_size


def test_nothing_is_learnt_where_it_cannot_be(own_home: Path) -> None:
    run = finished(Recipe(iterations=20), (300, 300), SecondsPerOperation(0.02))
    steered = run.recipe.changed({"journal": [Change(evaluation=3, key="style_layers", value={"conv1_1": 1})]})
    observe_run(replace(run, recipe=steered))
    observe_run(replace(run, curve=run.curve[:1]))
    assert not seconds_per_operation_on().by_size
