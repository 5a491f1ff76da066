"""Whoever is refused waits as for an answer, where they have lately kept the event loop busy."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from playground.service.settings import Settings
from playground.web import people as people_module
from playground.web import security
from playground.web.loop_time import LoopTime
from playground.web.pagefiles import PageFiles
from playground.web.people import Cookies, People

HOST = [(b"host", b"127.0.0.1")]


@pytest.mark.parametrize("owes", [False, True])
def test_a_refusal_waits_as_an_answer_would_where_its_person_owes_time(
    owes: bool, files: PageFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answered at once they were free: who had all streams open asked for thousands more."""
    monkeypatch.setattr(people_module, "MAX_STREAMS", 0)
    loop_time, sent, hangs_up = LoopTime(clock=lambda: 1000.0), list[int](), asyncio.Event()
    loop_time.charge("somebody else", 0.001)
    if owes:
        loop_time.charge("address ann", 1.0)
    before = loop_time.debt("address ann")
    monkeypatch.setattr(loop_time, "allowance", lambda person: 0.5)

    async def receive() -> Message:
        await hangs_up.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message.get("status", 0))

    async def scenario() -> list[int]:
        guard = security.Guard(sent_nothing, Settings(), files, People(Cookies(bytes(32)), 30.0), loop_time)
        heartbeat = {
            "path": "/gradio_api/heartbeat/abc",
            "method": "GET",
            "headers": HOST,
            "query_string": b"",
            "app": None,
        }
        asked = asyncio.create_task(guard({"type": "http", "client": ("ann", 1), **heartbeat}, receive, send))
        await asyncio.sleep(0.05)
        at_first = [*sent]
        hangs_up.set()  # and whoever does so is waited for no longer
        await asyncio.wait_for(asked, 5)
        return at_first

    assert asyncio.run(scenario()) == ([] if owes else [429, 0])
    assert sent == [429, 0]
    assert owes or loop_time.debt("address ann") > before, "and it is charged"


async def sent_nothing(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("it is refused before")


def test_a_refusal_waits_so_long_and_no_longer(files: PageFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "MOST_HELD", 0.02)
    monkeypatch.setattr(security, "READ_EVERY", 0.001)
    loop_time, sent, read = LoopTime(clock=lambda: 1000.0), list[int](), list[int]()
    loop_time.charge("somebody else", 0.001)
    loop_time.charge("address ann", 1.0)
    assert loop_time.wait_of("address ann") > 1.0

    async def receive() -> Message:
        read.append(1)
        return {"type": "http.request", "body": b"x" * 1000, "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message.get("status", 0))

    guard = security.Guard(sent_nothing, Settings(), files, People(Cookies(bytes(32)), 30.0), loop_time)
    closed = {"path": "/logout", "method": "POST", "headers": HOST, "client": ("ann", 1)}
    asyncio.run(guard({"type": "http", **closed}, receive, send))
    assert sent == [404, 0]
    assert 1 <= len(read) <= 20, "what is sent along is read slowly"
