"""Lessons in a class, by their handlers.

The prediction is the vote, Run waits for the teacher, and what is heard hangs on the wall.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest

from playground.experiments.results import CellCache
from playground.networks import read
from playground.service.jobs import Jobs
from playground.web.classroom.teacher import ClassDesk
from playground.web.classroom.wall import Wall
from playground.web.components.layout import Parts
from playground.web.lab.bench import Sheet
from playground.web.lab.lessons import Lessons
from playground.web.lab.tab import lay_out_lessons
from playground.web.people import CALLER, Caller
from tests.helpers.samples import sample


@pytest.fixture
def wall(jobs: Jobs) -> Wall:
    return ClassDesk(jobs).wall


@pytest.fixture
def lab(jobs: Jobs, wall: Wall) -> Lessons:
    parts: Parts = {}
    with gr.Blocks():
        lay_out_lessons(parts)
    return Lessons(jobs, parts, "lesson", CellCache(), wall.show_sheet)


@pytest.fixture
def ada(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for module in ("lessons", "bench"):
        monkeypatch.setattr(f"playground.web.lab.{module}.caller", lambda: Caller("ada"))
    token = CALLER.set(Caller("ada"))
    yield "ada"
    CALLER.reset(token)


def interactive(updates: dict[Any, Any], part: Any) -> bool:
    return bool(updates[part].interactive)


def test_the_lessons_prediction_is_the_vote_and_run_waits(lab: Lessons, jobs: Jobs, ada: str) -> None:
    room, sheet = jobs.classroom, Sheet()
    room.look("teacher", teacher=True)
    room.look(ada)
    room.open("strokes", 3)
    chosen = lab.choose(sheet, "strokes", None, None)
    assert not interactive(chosen, lab.part("run"))
    assert not interactive(chosen, lab.part("skip"))
    assert interactive(chosen, lab.part("options"))
    assert lab.part("run") not in lab.predict(sheet, 2)
    assert room.look(ada).vote == 2
    assert lab.choose(Sheet(), "strokes", None, None)[lab.part("options")].value == 2  # after a reload
    assert lab.part("run") not in lab.skip(sheet)

    async def asked() -> list[dict[Any, Any]]:
        return [updates async for updates in lab.answer(sheet, False, None, None)]

    (refused,) = asyncio.run(asked())
    assert "still predicting" in refused[lab.part("message")]
    room.move("discuss")
    assert not interactive(lab.follow(sheet), lab.part("options"))
    room.move("run")
    free = lab.follow(sheet)
    assert interactive(free, lab.part("run"))
    assert free[lab.part("options")].value == 2
    assert sheet.predicted == 2
    room.close()
    assert lab.part("run") not in lab.follow(sheet)
    assert interactive(lab.choose(sheet, "strokes", None, None), lab.part("options"))


def test_a_lesson_that_is_heard_hangs_on_the_wall_by_prediction(
    lab: Lessons, wall: Wall, jobs: Jobs, ada: str, hed: read.Weights
) -> None:
    room, sheet = jobs.classroom, Sheet()
    room.look("teacher", teacher=True)
    room.open("tiles", 4)
    room.hang(True)
    for person in (ada, "ben"):
        room.look(person)
        room.vote(person, "tiles", 1)
    room.move("run")

    async def asked() -> None:
        async for _ in lab.answer(sheet, False, None, None):
            pass

    asyncio.run(asked())
    (tile,) = wall.tiles({})
    assert (tile.group, tile.count) == (1, 1)
    shown = wall.current(ada)
    assert shown is not None
    wall.show_sheet("ben", "tiles", [sample("styles", "swirls")], shown.sheet)
    (tile,) = wall.tiles({})
    assert tile.count == 2  # the very same pictures once
    wall.remove(tile.id)
    assert wall.tiles({}) == []
    assert room.standing("ben", shown.name, False) == "removed"
