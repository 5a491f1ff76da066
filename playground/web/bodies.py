"""Bodies of requests, read whole and looked at before gradio makes objects of them.

Four megabytes of `[]` are a million lists, which hold everybody's event loop for two seconds and take a hundred megabytes.
What states more values than the page ever sends is therefore refused unread, and large bodies are read one after another,
each after as long a rest as the one before has taken. The guard (security.py) has one `Bodies`; it knows no request.
"""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive

from playground.recipe.extent import values_in

MAX_BODY = 4 * 10**6  # bytes of a request that is no upload; the page's largest names 5000 uploaded photographs
MAX_VALUES = 60_000  # in it; a recipe with its journal is one word
TOO_LONG = f"A request may hold {MAX_BODY // 10**6} MB."
LARGE = 64_000  # bytes; what is smaller holds nobody up


class TooLargeError(Exception):
    """A request's body went past what it may hold; its text is for whoever sent it."""


class Bodies:
    """The bodies of a server's requests that are no uploads."""

    def __init__(self) -> None:
        self._line = asyncio.Lock()

    async def whole(self, receive: Receive) -> Receive:
        """Read a body to its end; what gives it to gradio, a large one when its turn has come.

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
        if large and await asyncio.to_thread(values_in, message.get("body", b""), MAX_VALUES) > MAX_VALUES:
            raise TooLargeError(f"A request may state {MAX_VALUES:,} values.")
        given = False

        async def give() -> Message:
            nonlocal given
            if given:
                return await receive()
            if large:
                await self._line.acquire()
                self._release_when_read()
            given = True
            return message

        return give

    def _release_when_read(self) -> None:
        """Let the next one in once the loop is free again, and has been left to others for as long as this one takes."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        loop.call_soon(lambda: loop.call_later(loop.time() - began, self._line.release))
