"""Streams that wait for the server's end are woken in the loop that they wait in.

Gradio 6.31 ends a server from another thread by `asyncio.Event.set`, which is no thread's but the loop's: a stream that leaves at
that moment changes the list which `set` walks through, the rest sleep on, and the server is never closed. Called by app_server.py
before a page is launched; must not know what waits.
"""

from __future__ import annotations

import asyncio

from gradio import utils


class StopEvent(asyncio.Event):
    """An event that may be set from any thread."""

    home: asyncio.AbstractEventLoop | None = None

    async def wait(self) -> bool:  # type: ignore[override]
        self.home = asyncio.get_running_loop()
        return bool(await super().wait())

    def set(self) -> None:
        """Wake whoever waits, at the loop's next turn where it is another thread's."""
        if self.home is None or self.home.is_closed():
            super().set()
            return
        self.home.call_soon_threadsafe(super().set)


def wake_listeners_in_their_loop() -> None:
    """Let the servers made from now on have such an event."""
    utils.safe_get_stop_event = StopEvent
