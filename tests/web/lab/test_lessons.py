"""Lessons of the Lab without a browser: predicted, refused or run, kept for the next page, taken into the Studio."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from playground.engine.evaluator import Evaluator
from playground.errors import PlaygroundError
from playground.experiments.experiment import of_cells
from playground.experiments.lessons import base_recipe, lessons
from playground.experiments.results import CellCache
from playground.networks import read
from playground.service.job import Job, Pictures
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.web.components.layout import Parts
from playground.web.lab.bench import Plan, Sheet
from playground.web.lab.grid import Grid, written
from playground.web.lab.lessons import Lessons
from playground.web.lab.tab import lay_out_grid, lay_out_lessons
from playground.web.words import LANGUAGES, words
from tests.helpers.waiting import until

Pair = tuple[Image.Image, Image.Image]
SMALL = {"size": 64, "scales": 1, "smallest": 48, "iterations": 4}


@pytest.fixture(scope="module")
def jobs(hed: read.Weights) -> Iterator[Jobs]:
    made = Jobs("cpu", Limits(max_size=128))
    yield made
    made.close()


@pytest.fixture
def desk(jobs: Jobs) -> Lessons:
    parts: Parts = {}
    with gr.Blocks():
        lay_out_lessons(parts)
    return Lessons(jobs, parts, "lesson", CellCache())


def plan_of(pair: Pair, *cells: dict[str, Any]) -> Plan:
    experiment = of_cells(base_recipe().changed(SMALL), [(str(index), cell) for index, cell in enumerate(cells)])
    return Plan(experiment, pair, tuple(str(index) for index in range(len(cells))), "a sheet", "total")


async def told(desk: Lessons, sheet: Sheet, plan: Plan) -> list[dict[Any, Any]]:
    return [updates async for updates in desk.run(sheet, lambda: plan) if isinstance(updates, dict)]


def ended(job: Job) -> bool:
    return job.ended


def run(desk: Lessons, sheet: Sheet, plan: Plan) -> list[dict[Any, Any]]:
    return asyncio.run(told(desk, sheet, plan))


def test_a_second_page_gets_the_cells_of_the_first_without_an_evaluation(
    desk: Lessons, pictures: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluations: list[Evaluator] = []
    judge = Evaluator.__call__
    monkeypatch.setattr(Evaluator, "__call__", lambda self: evaluations.append(self) or judge(self))
    plan = plan_of(pictures, {"style_weight": 1}, {"style_weight": 5})
    first, second = Sheet(), Sheet()
    last = run(desk, first, plan)[-1]
    assert len(evaluations) >= 2 * SMALL["iterations"]
    evaluations.clear()
    assert last[desk.part("sheet")].count("<img") == 2
    assert "total loss" in last[desk.part("sheet")]
    assert last[desk.part("table")].count("<tr>") == 3
    run(desk, second, plan)
    assert evaluations == []
    assert [result.cached for result in first.results.values()] == [False, False]
    assert [result.cached for result in second.results.values()] == [True, True]
    for mine, theirs in zip(first.results.values(), second.results.values(), strict=True):
        assert np.array_equal(np.asarray(mine.picture), np.asarray(theirs.picture))


def test_a_figure_beneath_a_cell_is_one_measure_for_all_cells(desk: Lessons, pictures: Pair) -> None:
    sheet = Sheet()
    layers: list[dict[str, Any]] = [{"style_layers": {"conv1_1": 1}}, {"style_layers": {"conv4_1": 1}}]
    last = run(desk, sheet, replace(plan_of(pictures, *layers), shows="style"))[-1]
    for result in sheet.results.values():
        assert f"distance from the painting {result.distances['style']:.3g}" in last[desk.part("sheet")]
    assert "cannot be compared" in last[desk.part("chart")]
    alike = run(desk, Sheet(), plan_of(pictures, {"init": "content"}, {"init": "grey"}))[-1]
    assert "cannot be compared" not in alike[desk.part("chart")]


def test_a_grid_of_weights_shows_distances_and_one_of_starts_the_total(grid: Grid, files: tuple[str, str]) -> None:
    def shown(*asked: str) -> str:
        return grid.planned(base_recipe(), *files, 64, 2, *asked).shows

    assert shown("init", "content, noise", "", "") == "total"
    for key, values in {
        "style_weight": "1, 10",
        "size": "64, 96",
        "network": "vgg16-hed, vgg19",
    }.items():
        assert shown(key, values, "", "") == "distances"
    sheet = Sheet()

    async def painted() -> dict[Any, Any]:
        asked = ("style_weight", "1, 10", "", "")
        return [found async for found in grid.paint(sheet, base_recipe(), *files, 64, 2, *asked)][-1]

    note = asyncio.run(painted())[grid.part("sheet")]
    for result in sheet.results.values():
        near = result.distances
        assert f"from the painting {near['style']:.3g}, from the photo {near['content']:.3g}" in note


def test_values_are_written_as_a_person_would() -> None:
    assert written([0.1, 1.0, 10.0, 3, "noise"]) == "0.1, 1, 10, 3, noise"


def test_a_recipe_taken_into_the_studio_paints_the_cells_bits(desk: Lessons, jobs: Jobs, pictures: Pair) -> None:
    sheet = Sheet()
    run(desk, sheet, plan_of(pictures, {"style_weight": 1}, {"init": "noise", "seed": 3}))
    for cell in (0, 1):
        chosen = desk.chosen(sheet, cell)
        job = jobs.start(Pictures(pictures[0], (pictures[1],)), chosen.recipe, "somebody")
        until(partial(ended, job))
        assert job.result is not None
        assert np.array_equal(np.asarray(job.result.picture), np.asarray(chosen.picture))
    with pytest.raises(PlaygroundError):
        desk.chosen(sheet, 7)


def test_stop_keeps_the_cells_that_are_done(desk: Lessons, pictures: Pair) -> None:
    sheet, plan = Sheet(), plan_of(pictures, {"iterations": 2}, {"iterations": 5000})

    async def stopped() -> dict[Any, Any]:
        last = {}
        async for updates in desk.run(sheet, lambda: plan):
            if isinstance(updates, dict) and updates:
                last = updates
            assert desk.predict(sheet, 1) == gr.skip() or not sheet.busy  # Run stays locked until the end
            if sheet.results:
                desk.stop(sheet)
        return last

    last = asyncio.run(stopped())
    assert list(sheet.results) == [0]
    assert last[desk.part("cell")].choices == [("0", 0)]
    assert "stopped" in last[desk.part("sheet")]


def test_a_cell_beyond_the_servers_limits_is_refused_before_anything_is_painted(desk: Lessons, pictures: Pair) -> None:
    sheet, plan = Sheet(), plan_of(pictures, {}, {"size": 192})
    with pytest.raises(PlaygroundError, match="this server allows 128 at most"):
        desk.cost(plan.experiment, pictures)
    said = run(desk, sheet, plan)
    assert "this server allows 128 at most" in said[-1][desk.part("message")]
    assert sheet.task is None


def test_a_prediction_unlocks_run_and_is_compared_with_what_was_seen(desk: Lessons) -> None:
    sheet = Sheet()
    asked = desk.choose(sheet, "colour", None, None)
    assert asked[desk.part("run")].interactive is False
    assert "conv4_1 and conv5_1" in asked[desk.part("question")]
    assert "2 pictures, about" in asked[desk.part("cost")]
    assert asked[desk.part("cost")].count('<img src="data:') == 2
    assert "Harbour wind" in asked[desk.part("cost")]
    assert desk.predict(sheet, None) == gr.skip()
    assert desk.predict(sheet, 0)[desk.part("run")].interactive is True
    lesson = lessons()["colour"]
    assert "You predicted “the painting&#x27;s”; what was seen is “the photo&#x27;s”." in desk.verdict(sheet, lesson)
    desk.predict(sheet, 1)
    assert "and so it was seen" in desk.verdict(sheet, lesson)
    assert desk.skip(sheet)[desk.part("run")].interactive is True
    assert "What was seen: “the photo&#x27;s”" in desk.verdict(sheet, lesson)


def test_the_lesson_on_tiles_listens_to_its_edits(desk: Lessons) -> None:
    sheet = Sheet()

    async def answered() -> dict[Any, Any]:
        desk.choose(sheet, "tiles", None, None)
        desk.predict(sheet, 1)
        return [updates async for updates in desk.answer(sheet, False, None, None)][-1]

    last = asyncio.run(answered())
    assert last[desk.part("sheet")].count("<figure>") == len(lessons()["tiles"].edits)
    assert "and so it was seen" in last[desk.part("said")]


def test_a_link_names_a_lesson_by_number_or_name() -> None:
    assert Lessons.linked("3") is lessons()["strokes"]
    assert Lessons.linked("step") is lessons()["step"]
    assert Lessons.linked("99") is None
    assert Lessons.linked("") is None


def test_every_lesson_is_told_in_every_language() -> None:
    english = {key: text for key, text in words("en").items() if key.startswith("lesson.")}
    assert len(english) > 80
    for language in set(LANGUAGES) - {"en"}:
        same = [key for key, text in english.items() if words(language)[key] == text and len(text) > 30]
        assert same == []


@pytest.fixture
def grid(jobs: Jobs) -> Grid:
    parts: Parts = {}
    with gr.Blocks():
        lay_out_grid(parts)
    return Grid(jobs, parts, "grid", CellCache())


@pytest.fixture
def files(pictures: Pair, tmp_path: Path) -> tuple[str, str]:
    for name, picture in zip("ab", pictures, strict=True):
        picture.save(tmp_path / f"{name}.png")
    return str(tmp_path / "a.png"), str(tmp_path / "b.png")


def test_a_grid_of_two_settings_has_every_pair_of_values(grid: Grid, files: tuple[str, str]) -> None:
    asked = ("style_weight", "1, 10", "init", "content, noise, grey")
    plan = grid.planned(base_recipe(), *files, 64, 5, *asked)
    assert plan.experiment.rows == 2
    assert [cell.settings["init"] for cell in plan.experiment.cells] == ["content", "noise", "grey"] * 2
    assert [cell.settings["style_weight"] for cell in plan.experiment.cells] == [1] * 3 + [10] * 3
    assert plan.titles[4].startswith("style weight 10, ")
    assert plan.titles[4].endswith(" noise")
    assert {(cell.recipe.size, cell.recipe.iterations) for cell in plan.experiment.cells} == {(64, 5)}
    priced = grid.price(base_recipe(), *files, 64, 5, *asked)
    assert "6 pictures, about" in priced[grid.part("cost")]
    assert priced[grid.part("run")].interactive is True


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("", "", "", ""), "choose a setting"),
        (("style_weight", "", "", ""), "write the values of “style weight”"),
        (("style_weight", "[1", "", ""), "write the values of “style weight”"),
        (("style_weight", "1, a", "", ""), "takes numbers, and “a” is none"),
        (("seed", "1", "seed", "2"), "both settings are “seed”"),
        (("style_weight", "1,2,3,4,5,6,7", "init", "content,noise"), "14 pictures and at most 12"),
        (("size", "64,256", "", ""), "this server allows 128 at most"),
        (("init", "chaos", "", ""), "cannot be “chaos”: choose among content, noise"),
    ],
)
def test_a_grid_that_cannot_be_painted_is_refused_in_words(
    grid: Grid, files: tuple[str, str], asked: tuple[str, ...], said: str
) -> None:
    priced = grid.price(base_recipe(), *files, 64, 5, *asked)
    assert re.search(said, priced[grid.part("cost")], re.IGNORECASE)
    assert priced[grid.part("run")].interactive is False
