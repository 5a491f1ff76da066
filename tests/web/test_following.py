"""Following a run on the page, without a browser."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

from playground.recipe.presets import load_preset
from playground.web.studio.following import Following
from playground.web.studio.open_pages import OpenPages
from playground.web.studio.result_actions import ResultActions
from playground.web.studio.session import Session


def test_a_page_that_is_still_told_is_followed_to_the_end() -> None:
    """Gradio's sign of life may fail on a busy machine; what counts is whether anybody reads the stream."""
    touched: list[bool] = []
    job: Any = SimpleNamespace(
        ended=False, version=-1, state="running", control=SimpleNamespace(stop=lambda: None), visitor="v", parent=None,
        touch=lambda: touched.append(True), id="run", branches=[],
    )  # fmt: skip
    jobs: Any = SimpleNamespace(device="cpu", people_gone=lambda _: None, get=lambda _: None, find=lambda _: [])
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
