"""Following a run on the page, without a browser."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest

from playground.engine.pulls import Pulls
from playground.recipe.presets import load_preset
from playground.web.studio import following as following_module
from playground.web.studio.following import Following
from playground.web.studio.open_pages import OpenPages
from playground.web.studio.result_actions import ResultActions
from playground.web.studio.running import LIVE_PARTS
from playground.web.studio.session import Session


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
