"""The event that ends a server is set from any thread: whoever waits for it is woken in the loop that they wait in."""

from __future__ import annotations

import asyncio
import threading

from gradio import utils

from playground.web.gradio_patches.woken_listeners import StopEvent, wake_listeners_in_their_loop
from tests.web.gradio_patches.plain import refused_from_another_thread


def test_every_listener_is_woken_from_another_thread() -> None:
    async def three_listen() -> list[bool]:
        event = StopEvent()
        waiting = [asyncio.create_task(event.wait()) for _ in range(3)]
        await asyncio.sleep(0)
        threading.Thread(target=event.set).start()
        return await asyncio.wait_for(asyncio.gather(*waiting), 30)

    assert asyncio.run(three_listen(), debug=True) == [True] * 3
    assert not refused_from_another_thread(StopEvent)


def test_where_nobody_has_listened_or_the_loop_has_gone_it_is_set_at_once() -> None:
    event = StopEvent()
    event.set()
    assert event.is_set()
    late = StopEvent()

    async def listened() -> None:
        task = asyncio.create_task(late.wait())
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(listened())
    late.set()
    assert late.is_set()


def test_servers_have_it() -> None:
    wake_listeners_in_their_loop()
    assert isinstance(utils.safe_get_stop_event(), StopEvent)
