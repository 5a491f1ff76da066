"""Bodies of requests, read whole and looked at before gradio makes objects of them.

Four megabytes of `[]` are a million lists, which hold everybody's event loop for two seconds and take a hundred megabytes.
What states more values than the page ever sends is therefore refused unread. Reading what remains keeps Python from all
threads, whichever of them does it: so large bodies are read one after another, one of each person, with a rest after each.
The guard (security.py) has one `Bodies`; it knows no request.
"""

from __future__ import annotations

import asyncio
from collections import Counter

import anyio.to_thread
from starlette.types import Message, Receive

from playground.recipe.json_values import values_in

MAX_BODY = 4 * 10**6  # bytes of a request that is no upload; the page's largest names 5000 uploaded photographs
MAX_VALUES = 60_000  # in it; a recipe with its journal is one word
TOO_LONG = f"A request may hold {MAX_BODY // 10**6} MB."
LARGE = 64_000  # bytes; what is smaller holds nobody up
REST = 9.0  # times as long as a large one took to be read until the next is


class TooLargeError(Exception):
    """A request's body went past what it may hold; its text is for whoever sent it."""


class Bodies:
    """The bodies of a server's requests that are no uploads."""

    def __init__(self) -> None:
        self._line = _Line()

    async def whole(self, receive: Receive, person: str = "") -> Receive:
        """Read a body to its end; what gives it to gradio, a large one when its turn has come.

        Args:
            person: who sends it.

        Raises:
            TooLargeError: it is too long, or states too many values.
        """
        pieces, size = list[bytes](), 0
        while True:
            message = await receive()
            size += len(message.get("body", b""))
            if size > MAX_BODY:
                raise TooLargeError(TOO_LONG)
            pieces.append(message.get("body", b""))
            if not message.get("more_body"):  # nor has whoever hangs up
                break
        if message["type"] == "http.request":
            message = {**message, "body": b"".join(pieces)}
        large = size > LARGE
        if large:
            await self._line.enter(person)
            try:
                count = await anyio.to_thread.run_sync(values_in, message.get("body", b""), MAX_VALUES)
            finally:
                self._line.leave_soon(person)
            if count > MAX_VALUES:
                raise TooLargeError(f"A request may state {MAX_VALUES:,} values.")
        given = False

        async def give() -> Message:
            nonlocal given
            if given:
                return await receive()
            if large:
                await self._line.enter(person)
                self._line.leave_soon(person)
            given = True
            return message

        return give


class _Line:
    """Where people wait, each with one of their bodies at a time, until it is read."""

    def __init__(self) -> None:
        self._first, self._own = asyncio.Lock(), dict[str, asyncio.Lock]()
        self._waiting: Counter[str] = Counter()
        self._began = 0.0

    async def enter(self, person: str) -> None:
        """Wait for a turn."""
        own = self._own.setdefault(person, asyncio.Lock())
        self._waiting[person] += 1
        try:
            await own.acquire()
            try:
                await self._first.acquire()
            except BaseException:
                own.release()
                raise
        except BaseException:
            self._forget(person)
            raise
        self._began = asyncio.get_running_loop().time()

    def leave_soon(self, person: str) -> None:
        """Let the next one in when the loop is free again, and has been left to others for `REST` times as long."""
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: loop.call_later(REST * (loop.time() - self._began), self._leave, person))

    def _leave(self, person: str) -> None:
        self._first.release()
        self._own[person].release()
        self._forget(person)

    def _forget(self, person: str) -> None:
        self._waiting[person] -= 1
        if not self._waiting[person]:
            del self._waiting[person], self._own[person]
