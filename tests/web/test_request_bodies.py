"""Bodies of requests: read whole, refused unread where they state too much, given one after another where they are large."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import Message, Receive

from playground.web.request_bodies import LARGE, MAX_BODY, REST, Bodies, TooLargeError, _Line


def sending(*pieces: bytes) -> Receive:
    """A client that sends these, then nothing more."""
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces[:-1]]
    messages.append({"type": "http.request", "body": pieces[-1]})
    messages.append({"type": "http.disconnect"})

    async def receive() -> Message:
        return messages.pop(0)

    return receive


def whole(*pieces: bytes) -> list[Message]:
    async def read() -> list[Message]:
        give = await Bodies().whole(sending(*pieces))
        return [await give(), await give()]

    return asyncio.run(read())


def test_a_body_reaches_gradio_as_it_was_sent() -> None:
    for pieces in ([b""], [b"{}"], [b'{"da', b"", b'ta":[]}'], [b'["' + b"x" * LARGE, b"x" * LARGE + b'"]']):
        first, second = whole(*pieces)
        assert first["body"] == b"".join(pieces)
        assert not first.get("more_body")
        assert second["type"] == "http.disconnect"


def test_whoever_hangs_up_in_the_middle_is_gone() -> None:
    async def read() -> Message:
        receive = sending(b"{", b"")
        await receive()

        async def gone() -> Message:
            return {"type": "http.disconnect"}

        return await (await Bodies().whole(gone))()

    assert asyncio.run(read())["type"] == "http.disconnect"


@pytest.mark.parametrize(
    ("pieces", "why"),
    [
        ([b"x" * MAX_BODY, b"x"], "may hold 4 MB"),
        ([b'{"data":[' + b"[]," * 1_000_000 + b"1]}"], "may state 60,000 values"),
        ([b'{"data":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}"], "may state 60,000 values"),
        ([b'{"data":[' + b'"",' * 1_000_000 + b"1]}"], "may state 60,000 values"),
        ([json.dumps([0] * 100_000).encode("utf-16")], "may state 60,000 values"),
    ],
    ids=["long", "lists", "nested", "words", "another encoding"],
)
def test_what_states_more_than_a_page_does_is_refused_unread(pieces: list[bytes], why: str) -> None:
    with pytest.raises(TooLargeError, match=why):
        whole(*pieces)


def test_a_long_text_and_the_names_of_five_thousand_photographs_pass() -> None:
    file = {
        "path": "/a/b.png", "url": "http://a/b", "orig_name": "b.png", "size": 5, "mime_type": "image/png",
        "is_stream": False, "meta": {"_type": "gradio.FileData"},
    }  # fmt: skip
    for data in ([{"journal": [{"evaluation": 1, "key": "size", "value": 2}] * 10_000}], [file] * 5000):
        text = json.dumps({"data": [json.dumps(data[0])] if len(data) == 1 else [data]}).encode()
        assert whole(text)[0]["body"] == text


def test_large_ones_are_read_one_after_another_and_leave_python_to_others_between_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Several at once hold everybody for one's reading at a time, and small ones overtake them."""
    now, read, later = [0.0], list[str](), list[tuple[float, Callable[[], Any]]]()

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "time", lambda: now[0])
        monkeypatch.setattr(
            loop, "call_later", lambda seconds, call, *given: later.append((seconds, lambda: call(*given)))
        )
        limit = Bodies()

        async def ask(name: str, size: int) -> None:
            give = await limit.whole(sending(b'"' + b"x" * size + b'"'), name)
            await give()
            now[0] += 3.0 if size > LARGE else 0.0  # what reading it keeps Python for
            read.append(name)

        async def until_read(count: int) -> None:
            while len(read) < count or not any(seconds for seconds, _ in later):
                for rest in [rest for rest in later if not rest[0]]:  # after counting, which takes no time here
                    later.remove(rest)
                    rest[1]()
                time.sleep(0.0005)
                await asyncio.sleep(0)

        asking = [asyncio.create_task(ask(name, 2 * LARGE)) for name in ("first", "second", "third")]
        await until_read(1)
        assert len(read) == 1
        await ask("small", 100)
        assert read[1:] == ["small"]
        for count in (3, 4):
            ((seconds, release),) = later
            assert seconds == REST * 3.0
            later.clear()
            release()
            await until_read(count)
            assert len(read) == count
        await asyncio.gather(*asking)

    asyncio.run(scenario())
    assert sorted(read) == ["first", "second", "small", "third"]


def test_whoever_sends_many_waits_in_line_with_one_of_them() -> None:
    line, order = _Line(), list[str]()

    async def scenario() -> None:
        async def body(person: str) -> None:
            await line.enter(person)
            order.append(person)
            line.leave_soon(person)

        await asyncio.gather(*(body(person) for person in ("flood", "flood", "flood", "one", "two")))
        await asyncio.sleep(0.05)

    asyncio.run(scenario())
    assert order == ["flood", "one", "two", "flood", "flood"]
    assert not line._own, "nobody is remembered"


def test_whoever_gives_up_in_line_holds_nobody_up() -> None:
    line = _Line()

    async def scenario() -> None:
        await line.enter("a")
        waiting = [asyncio.create_task(line.enter(person)) for person in ("a", "b")]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        line.leave_soon("a")
        for person in ("b", "a"):
            await asyncio.wait_for(line.enter(person), 5)
            line.leave_soon(person)

    asyncio.run(scenario())
