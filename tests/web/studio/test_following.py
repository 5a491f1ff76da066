"""Following a run on the page, without a browser."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from playground.engine.first_light import NOTE
from playground.engine.previews import Previews
from playground.engine.pulls import Pulls
from playground.recipe.presets import load_preset
from playground.service.classroom import CLEARED, Classroom
from playground.web.studio import following as following_module
from playground.web.studio.following import Following
from playground.web.studio.open_pages import OpenPages
from playground.web.studio.result_actions import ResultActions
from playground.web.studio.running import LIVE_PARTS
from playground.web.studio.session import Session


def told_by_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page is told of a run by its steps alone."""
    monkeypatch.setattr(following_module, "status_line", lambda job, *_: f"step {job.frame.step}")
    monkeypatch.setattr(following_module, "seconds_left", lambda _: None)
    monkeypatch.setattr(following_module, "coached", lambda _: {})


def test_a_page_that_is_still_told_is_followed_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradio's sign of life may fail on a busy machine; what counts is whether anybody reads the stream."""
    monkeypatch.setattr(following_module, "SIGN_EVERY", 0.1)
    touched: list[bool] = []
    job: Any = SimpleNamespace(
        ended=False, version=-1, state="running", control=SimpleNamespace(stop=lambda: None), visitor="v", parent=None,
        touch=lambda: touched.append(True), id="run", branches=[],
    )  # fmt: skip
    jobs: Any = SimpleNamespace(device="cpu", people=set(), get=lambda _: None, find=lambda _: [])
    parts: Any = defaultdict(object)
    following = Following(parts, OpenPages(jobs), ResultActions(parts, SimpleNamespace(jobs=jobs)))  # type: ignore[arg-type]
    session = Session(load_preset())
    session.job = session.watched = job

    async def look_on() -> bool:
        stream = following.follow(session)
        await anext(stream)
        session.gone = True
        before = len(touched)
        await anext(stream)
        await anext(stream)
        job.ended = True
        async for _ in stream:
            pass
        return len(touched) > before

    assert asyncio.run(asyncio.wait_for(look_on(), 10))


def test_pulls_of_a_moment_that_is_looked_at_stay_while_the_run_goes_on() -> None:
    job: Any = SimpleNamespace(
        ended=False, version=1, state="running", touch=lambda: None, notes=[], curve=[],
        reported=SimpleNamespace(rounds=[], unweighted=[]),
        picture_version=0, frame=None, pulls=Pulls({"content": 1.0, "style": 1.0}, 0.5, -0.5, {}), id="run",
        control=SimpleNamespace(read=lambda: SimpleNamespace(shares=True, settings={}, paused=False)), recipe=load_preset(),
        place=0, wait_seconds=None, doing="", cost=None,
    )  # fmt: skip
    jobs: Any = SimpleNamespace(device="cpu", people=set())
    parts: Any = {name: name for name in (*LIVE_PARTS, "coach")}
    following = Following(parts, OpenPages(jobs), ResultActions(parts, SimpleNamespace(jobs=jobs)))  # type: ignore[arg-type]

    async def told(at: int | None) -> bool:
        session = Session(load_preset())
        session.job = session.watched = job
        session.tug_at = at
        stream = following.follow(session)
        await anext(stream)
        return "shares" in await anext(stream)

    assert asyncio.run(asyncio.wait_for(told(None), 10))
    assert not asyncio.run(asyncio.wait_for(told(40), 10))


def test_a_first_step_is_told_at_once_and_the_next_when_it_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """With thirty pages open each is told of its run every four seconds: whoever waits for a sign of life would wait twice."""
    monkeypatch.setattr(following_module, "NEWS_PER_PAGE", 1000.0)
    monkeypatch.setattr(following_module, "SIGN_EVERY", 0.05)
    monkeypatch.setattr(following_module, "LOOK_EVERY", 0.001)
    told_by_steps(monkeypatch)
    job: Any = SimpleNamespace(
        ended=False, version=0, state="running", touch=lambda: None, notes=[], curve=[], id="run", parent=None,
        reported=SimpleNamespace(rounds=[]), picture_version=0, frame=SimpleNamespace(step=0),
        control=SimpleNamespace(read=lambda: SimpleNamespace(shares=False)), pulls=None, visitor="v",
    )  # fmt: skip
    jobs: Any = SimpleNamespace(device="cpu", people=set(), get=lambda _: None, find=lambda _: [])
    parts: Any = {name: name for name in (*LIVE_PARTS, "coach")}
    pages = OpenPages(jobs)
    following = Following(parts, pages, ResultActions(parts, SimpleNamespace(jobs=jobs)))  # type: ignore[arg-type]
    session = Session(load_preset())
    session.job = session.watched = pages.open["this"] = job  # one page is open
    told: list[str] = []

    async def look_on() -> None:
        signs = 0
        async for updates in following.follow(session):
            if "status" in updates:
                told.append(updates["status"])
                if job.frame.step < 2:
                    job.version, job.frame = job.version + 1, SimpleNamespace(step=job.frame.step + 1)
            elif told:
                signs += 1
                job.ended = signs == 3

    asyncio.run(asyncio.wait_for(look_on(), 10))
    assert told == ["step 0", "step 1"]


@pytest.mark.parametrize("looks_late", [False, True])
def test_first_light_is_seen_also_where_the_first_steps_are_quicker_than_the_page(
    looks_late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following_module, "LOOK_EVERY", 0.001)
    monkeypatch.setattr(
        following_module, "NEWS_PER_PAGE", 1000.0
    )  # the first step is told without waiting for its turn
    told_by_steps(monkeypatch)
    light, painted = (np.full((8, 8, 3), grey, np.uint8) for grey in (200, 50))
    previews = Previews()
    previews.add(light, 0, 0.0)

    def at(step: int) -> Any:
        return SimpleNamespace(step=step, evaluations=step, seconds=0.1 * step)

    job: Any = SimpleNamespace(
        ended=False, version=1, state="running", touch=lambda: None, notes=[NOTE], curve=[], id="run", parent=None,
        reported=SimpleNamespace(rounds=[]), picture_version=1, frame=at(0), picture=light, previews=previews,
        control=SimpleNamespace(read=lambda: SimpleNamespace(shares=False)), pulls=None, visitor="v",
    )  # fmt: skip
    jobs: Any = SimpleNamespace(device="cpu", people=set(), get=lambda _: None, find=lambda _: [])
    parts: Any = {name: name for name in (*LIVE_PARTS, "coach")}
    pages = OpenPages(jobs)
    following = Following(parts, pages, ResultActions(parts, SimpleNamespace(jobs=jobs)))  # type: ignore[arg-type]
    session = Session(load_preset())
    session.job = session.watched = pages.open["this"] = job
    told: list[tuple[float, float]] = []

    def goes_on() -> None:
        job.version, job.picture_version, job.frame, job.picture = 3, 3, at(2), painted

    async def look_on() -> None:
        if looks_late:
            goes_on()
        async for updates in following.follow(session):
            if "preview" in updates:
                told.append((round(float(np.mean(updates["preview"])), -1), time.monotonic()))
                goes_on()
            job.ended = len(told) == 2

    asyncio.run(asyncio.wait_for(look_on(), 10))
    assert [grey for grey, _ in told] == [200, 50]
    assert told[1][1] - told[0][1] > following_module.LIGHT_STAYS / 2


def test_first_light_is_not_shown_to_who_opens_the_page_later() -> None:
    previews = Previews()
    previews.add(np.full((8, 8, 3), 200, np.uint8), 0, 0.0)
    frame = SimpleNamespace(evaluations=40, seconds=following_module.JUST_BEGUN + 1)
    job: Any = SimpleNamespace(notes=[NOTE], frame=frame, previews=previews)
    assert following_module._light(job) is None
    frame.seconds = 1.0
    assert following_module._light(job) is not None
    job.notes = []
    assert following_module._light(job) is None


def test_a_pupil_is_told_by_pause_that_the_teacher_paused_or_cleared_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following_module, "LOOK_EVERY", 0.001)
    monkeypatch.setattr(following_module, "status_line", lambda *_: "step 59")
    monkeypatch.setattr(following_module, "seconds_left", lambda _: None)
    job: Any = SimpleNamespace(
        ended=False, version=0, state="running", touch=lambda: None, notes=[], curve=[], picture_version=0, frame=None,
        pulls=None, id="run", person="ada", reported=SimpleNamespace(rounds=[]), recipe=load_preset(),
        control=SimpleNamespace(read=lambda: SimpleNamespace(shares=False)),
    )  # fmt: skip
    room = Classroom()
    jobs: Any = SimpleNamespace(device="cpu", people=set(), classroom=room)
    parts: Any = {name: name for name in (*LIVE_PARTS, "coach")}
    following = Following(parts, OpenPages(jobs), ResultActions(parts, SimpleNamespace(jobs=jobs)))  # type: ignore[arg-type]
    monkeypatch.setattr(following_module, "coached", lambda _: {})
    session = Session(load_preset())
    session.job = session.watched = job
    told: list[tuple[bool, str]] = []

    async def look_on() -> None:
        async for updates in following.follow(session):
            if "pause" not in updates:
                job.state = "paused"
                room.pause(not told)
                continue
            told.append((updates["pause"].interactive, updates["status"]))
            room.pause(False)
            job.ended = len(told) == 2

    asyncio.run(asyncio.wait_for(look_on(), 10))
    assert told == [(False, "The teacher has paused the room · step 59"), (True, "step 59")]
    job.notes.append(CLEARED)
    assert following._line(job) == "The teacher has cleared the room · step 59"


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> tuple[Following, Session, dict[Any, Any]]:
    """What tells a session of its run's end, and the updates that make up its result."""
    done: Any = SimpleNamespace(job=None)
    job: Any = SimpleNamespace(
        ended=True, state="done", notes=[], error=None, result=object(), curve=[], id="run",
        reported=SimpleNamespace(rounds=[], unweighted=[]),
    )  # fmt: skip
    session = Session(load_preset())
    session.job = session.watched = job
    session.content, session.finished = Image.new("RGB", (8, 8)), []
    parts: Any = defaultdict(object)
    result = {parts["before-after"]: "the comparison", parts["save-png"]: "painted.png", parts["preview"]: "hidden"}
    for module, name, value in (
        (following_module.results, "finish", lambda *_: done),
        (following_module.results, "remember", lambda *_: None),
        (following_module.results, "shown", lambda *_: result),
        (following_module.results, "curves", lambda *_: {}),
        (following_module, "cards", lambda _: []),
        (following_module, "status_line", lambda *_: ""),
        (following_module, "seconds_left", lambda _: None),
        (following_module.run_chart, "data", lambda _: {}),
        (following_module.rounds, "table", lambda _: ""),
        (following_module, "run_buttons", lambda *_: {}),
    ):
        monkeypatch.setattr(module, name, value)
    jobs: Any = SimpleNamespace(device="cpu", people=set())
    panel: Any = SimpleNamespace(jobs=jobs)
    following = Following(parts, OpenPages(jobs), ResultActions(parts, panel))
    monkeypatch.setattr(following.results, "recollect", lambda _: None)

    return following, session, result


def test_a_result_is_told_twice(ends: tuple[Following, Session, dict[Any, Any]]) -> None:
    """A busy page may lose an update: without the second telling its result and its files would never come."""
    following, session, result = ends
    parts = following.parts

    async def told() -> list[Any]:
        return [updates async for updates in following.finish(session)]

    _, first, second = asyncio.run(told())
    for name in ("before-after", "save-png"):
        assert first[parts[name]] == second[parts[name]] == result[parts[name]]
    assert second[parts["preview"]] != "hidden", "its picture is sent once"


def test_of_a_run_whose_place_is_taken_only_the_card_is_told(
    ends: tuple[Following, Session, dict[Any, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one's buttons stand already: those of an ended run would take them away."""
    following, session, _ = ends

    def taken(_: Session) -> None:
        session.job = SimpleNamespace()  # type: ignore[assignment]

    monkeypatch.setattr(following.results, "recollect", taken)

    async def told() -> list[Any]:
        return [updates async for updates in following.finish(session)]

    _, first, second = asyncio.run(told())
    assert set(first) == {following.parts["earlier"], following.parts["strip"]}
    assert set(second) == {following.parts["earlier"]}
