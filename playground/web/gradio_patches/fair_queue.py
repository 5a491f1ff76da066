"""Events of the queue begin in turns, one person's after another's, and nobody takes all the seats.

Gradio 6.31 has so many seats for events that go on, gives them to whoever came first, and chooses at random between
functions: one who sends many slow events has all seats, and then every place in the line. Called once for the page of a
server, whose guard has said in the scope who asks.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import fastapi
from gradio.data_classes import PredictBodyInternal
from gradio.queueing import Event, EventQueue, Queue

from playground.web.gradio_patches.left_sessions import events_of
from playground.web.people import IN_SCOPE, MAX_EVENTS, Caller

TOO_MUCH = "You have too much under way already: wait until some of it has ended."


@cache
def take_turns_in_the_queue() -> None:
    """Let gradio start whose events are fewest, and refuse more of one person's than are any use."""
    push = Queue.push

    async def bounded(self: Queue, body: PredictBodyInternal, request: fastapi.Request, username: str | None) -> Any:
        person = _person(request)
        if person and sum(_person(event.request) == person for event in events_of(self)) >= MAX_EVENTS:
            return False, TOO_MUCH, "queue_full"
        return await push(self, body, request, username)

    Queue.push = bounded  # type: ignore[method-assign]
    Queue.get_events = _next  # type: ignore[method-assign, assignment]


def _next(queue: Queue) -> tuple[list[Event], bool, str] | None:
    """Of those that wait, the first event of the person with the fewest that go on.

    Nobody has more seats than stay free: however many take as much as they can, whoever has none finds one.
    """
    seated = Counter(_person(event.request) for events in queue.active_jobs for event in events or ())
    free = queue.active_jobs.count(None)
    first: tuple[int, float, Event, EventQueue] | None = None
    for line in queue.event_queue_per_concurrency_id.values():
        if line.concurrency_limit is not None and line.current_concurrency >= line.concurrency_limit:
            continue
        for event in line.queue:
            seats = seated[_person(event.request)]
            if seats < free and (first is None or (seats, event.enqueue_time) < first[:2]):
                first = seats, event.enqueue_time, event, line
    if first is None:
        return None
    _, _, event, line = first
    line.queue.remove(event)
    return [event], event.fn.batch, event.concurrency_id


def _person(request: fastapi.Request) -> str:
    caller: Caller | None = request.scope.get(IN_SCOPE)
    return caller.person if caller is not None else ""
