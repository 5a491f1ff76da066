"""Work of handlers off the event loop, in threads of which nobody takes all.

`asyncio.to_thread` has six threads for everybody on a machine of two cores, and keeps each for as long as its work waits for
anything. Handlers call `off_loop` instead. Knows no page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

from playground.system.device import return_freed_memory
from playground.web.people import caller

Given = ParamSpec("Given")
Made = TypeVar("Made")

EACH = 4  # threads of one person at a time

IDLE_EVERY = 15.0  # seconds between two looks for threads that have nothing to do

_looked: dict[int, tuple[float, asyncio.Task[None] | None]] = {}  # when threads were last looked for, by event loop
_lines: dict[tuple[int, str], CapacityLimiter] = {}  # by event loop and person, while any of theirs is under way


async def off_loop(work: Callable[Given, Made], *arguments: Given.args, **options: Given.kwargs) -> Made:
    """Let a thread do a work of the caller's when their turn has come, in the caller's context; what it gives."""
    return await in_line(caller().person, work, *arguments, **options)


async def in_line(person: str, work: Callable[Given, Made], *arguments: Given.args, **options: Given.kwargs) -> Made:
    """The same for a person who is no handler's caller. It is done to its end, even where nobody waits for it any more."""

    async def done() -> Made:
        key = id(asyncio.get_running_loop()), person
        line = _lines.setdefault(key, CapacityLimiter(EACH))
        try:
            return await anyio.to_thread.run_sync(lambda: work(*arguments, **options), limiter=line)
        finally:
            if _lines.get(key) is line and not line.borrowed_tokens and not line.statistics().tasks_waiting:
                del _lines[key]

    return await asyncio.shield(asyncio.ensure_future(done()))


def end_idle_soon(first: Callable[[], object] = lambda: None) -> None:
    """End the threads that have had nothing to do for ten seconds, and return what was freed to the system; on the event
    loop, as often as one likes.

    anyio keeps its threads until somebody needs one again: after a crowd has left, all of them for ever.

    Args:
        first: done in a thread before, such as what frees memory.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # where there is none, as in a script, there are no such threads
        return
    looked, _ = _looked.get(id(loop), (-IDLE_EVERY, None))
    if loop.time() - looked >= IDLE_EVERY:
        _looked.clear()
        _looked[id(loop)] = loop.time(), loop.create_task(anyio.to_thread.run_sync(_tidy, first))


def _tidy(first: Callable[[], object]) -> None:
    first()
    return_freed_memory()
