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
from playground.service.classroom import PHASES
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
    room.move("reveal")
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
    room.open("strokes", 3)  # another lesson, whose votes are no prediction of what hangs
    for phase in PHASES:
        room.move(phase)
        room.vote(ada, "strokes", 1)
        room.vote("ben", "strokes", 2)
        assert [(one.group, one.count) for one in wall.tiles({})] == [(None, 2)], phase
    (tile,) = wall.tiles({})
    wall.remove(tile.id)
    assert wall.tiles({}) == []
    assert room.standing("ben", shown.name, False) == "removed"


def test_votes_are_not_told_by_the_wall_before_they_are_shown(wall: Wall, jobs: Jobs) -> None:
    room, painting = jobs.classroom, sample("styles", "swirls")
    room.look("teacher", teacher=True)
    room.open("strokes", 3)
    room.hang(True)
    for person, option in (("ada", 0), ("ben", 2)):
        room.look(person)
        room.vote(person, "strokes", option)
        wall.show_sheet(person, "strokes", [painting], [painting])
    for phase in ("discuss", "again", "run"):
        room.move(phase)
        assert [(one.group, one.count) for one in wall.tiles({})] == [(None, 2)], phase
    room.move("reveal")
    assert [one.group for one in wall.tiles({})] == [0, 2]


def test_a_lesson_that_runs_frees_nothing_and_waits_with_the_room(
    lab: Lessons, jobs: Jobs, ada: str, hed: read.Weights
) -> None:
    desk, sheet, room = ClassDesk(jobs), Sheet(), jobs.classroom
    room.look("teacher", teacher=True)
    desk.act("open", {"lesson": "strokes"})
    room.look(ada)
    lab.choose(sheet, "strokes", None, None)
    lab.predict(sheet, 2)
    desk.act("move", {"phase": "run"})
    assert interactive(lab.follow(sheet), lab.part("run"))

    async def paused() -> list[dict[Any, Any]]:
        found, stood = [], 0
        async for updates in lab.answer(sheet, False, None, None):
            if updates == gr.skip():
                stood += sheet.busy and room.holds(ada)
            else:
                found.append(updates)
            if sheet.works and not room.holds(ada) and not stood:
                desk.act("pause", {"on": True})
                found.append(followed := lab.follow(sheet))
                assert not interactive(followed, lab.part("options"))
                assert not interactive(followed, lab.part("skip"))
                assert lab.part("run") not in followed
                assert lab.skip(sheet) == gr.skip()
                assert sheet.predicted == 2
            if stood == 2:
                done = [work.done for work in sheet.works.values()]
                await asyncio.sleep(0.5)
                assert [work.done for work in sheet.works.values()] == done
                lab.stop(sheet)
        return found

    updates = asyncio.run(paused())
    begun = next(one[lab.part("run")] for one in updates if lab.part("run") in one)
    assert (begun.interactive, begun.value) == (False, "Running")
    assert any("paused the room: 0 of 5" in one.get(lab.part("status"), "") for one in updates)
    last: dict[Any, Any] = {}
    for one in updates:
        last |= one
    assert not interactive(last, lab.part("run"))  # the room is still paused
    desk.act("pause", {"on": False})
    free = lab.follow(sheet)
    assert interactive(free, lab.part("run"))
    assert interactive(free, lab.part("skip"))
    assert last[lab.part("message")] == ""
