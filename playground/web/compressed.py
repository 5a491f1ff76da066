"""The page's own description made once for all who read it alike, and compressed.

Gradio describes the page anew for everybody who opens it, a fifth of a second of the server's Python each time, and sends it
as it is, twelve times as large as it need be. Only what holds no secret of a person is kept: the page, its layout and its
theme. Streams and pictures pass untouched. Whoever asks for a description that is not there, under another address every time,
waits for their turn (loop_time.py).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.web.gradio_patches.private_names import logged_in
from playground.web.loop_time import LoopTime
from playground.web.people import person_of
from playground.web.words import ASKED

PATHS = ("/", "/config", "/theme.css")
MAX_KEPT = 16  # descriptions of up to a megabyte: so many languages, addresses and ways to compress at a time
DESCRIBING_SECONDS = 0.1  # that each is charged: half of what it takes, since whoever comes first describes it for all
NAMED_BY = ("host", "x-forwarded-host", "x-forwarded-proto", "x-gradio-server")  # the page holds its own address
OTHERS = {"page", "deep_link"}  # parts of a query for which gradio describes something else


class CompressedPage:
    """ASGI middleware that keeps the answers for the page, its layout and its theme, compressed for whoever can read that.

    Everybody who reads the same language under the same address has the same answer: whoever is logged in is the same user.

    Args:
        loop_time: the loop's time by person, which describing takes much of.
    """

    def __init__(self, app: ASGIApp, loop_time: LoopTime) -> None:
        self.app, self.compressed = app, GZipMiddleware(app, minimum_size=2000, compresslevel=6)
        self._loop_time = loop_time
        self._kept: OrderedDict[tuple[object, ...], asyncio.Task[list[Message]]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in PATHS:
            await self.app(scope, receive, send)
        elif scope["method"] != "GET" or OTHERS & parse_qs(scope["query_string"].decode("latin-1")).keys():
            await self._turn(scope)
            await self.compressed(scope, receive, send)
        else:
            for message in await self._answer(scope, receive):
                if message["type"] == "http.response.start":  # into which the guard writes a person's cookie
                    message = {**message, "headers": [*message["headers"]]}
                await send(message)

    async def _answer(self, scope: Scope, receive: Receive) -> Sequence[Message]:
        headers = Headers(scope=scope)
        named = tuple(headers.get(name) for name in NAMED_BY)
        small = "gzip" in headers.get("accept-encoding", "")
        key = scope["path"], scope["scheme"], scope.get("root_path"), named, small, ASKED.get(), logged_in(scope)
        if key not in self._kept:
            await self._turn(scope)
        if key not in self._kept:  # still: others may have asked meanwhile
            self._kept[key] = asyncio.ensure_future(self._made(scope, receive))
        self._kept.move_to_end(key)
        making = self._kept[key]
        try:
            answer = await asyncio.shield(making)  # others may wait for it too
        except Exception:
            self._kept.pop(key, None)
            raise
        if answer[0]["status"] != 200 and self._kept.get(key) is making:
            del self._kept[key]
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return answer

    async def _turn(self, scope: Scope) -> None:
        """Wait until whoever asks may have a page described."""
        person = person_of(HTTPConnection(scope))
        if person:
            await self._loop_time.turn(person)
            self._loop_time.charge(person, DESCRIBING_SECONDS)

    async def _made(self, scope: Scope, receive: Receive) -> list[Message]:
        answer = list[Message]()

        async def keep(message: Message) -> None:
            answer.append(message)

        await self.compressed(scope, receive, keep)
        return answer
