"""Events of the queue begin in turns, one person's after another's, and nobody takes all the seats.

Gradio 6.31 has so many seats for events that go on, gives them to whoever came first, and chooses at random between
functions: one who sends many slow events has all seats, and then every place in the line. What it does with an event is in
no request's time any more. Called once for the page of a server, which says who sent a request, and on whose account it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any

import fastapi
from gradio.data_classes import PredictBodyInternal
from gradio.queueing import Event, EventQueue, Queue

from playground.web.gradio_patches.left_sessions import events_of

TOO_MUCH = "You have too much under way already: wait until some of it has ended."


PersonOf = Callable[[fastapi.Request], str]
Charged = Callable[[fastapi.Request, Coroutine[Any, Any, None]], Coroutine[Any, Any, None]]


@cache
def take_turns_in_the_queue(person_of: PersonOf, most: int, charged: Charged) -> None:
    """Let gradio start whose events are fewest, and refuse more of one person's than are any use.

    Args:
        person_of: who sent a request; "" for nobody that is known.
        most: events of one person that may wait or go on.
        charged: awaits what is done with an event of a request, on its sender's account.
    """
    push, process = Queue.push, Queue.process_events

    async def bounded(self: Queue, body: PredictBodyInternal, request: fastapi.Request, username: str | None) -> Any:
        person = person_of(request)
        if person and sum(person_of(event.request) == person for event in events_of(self)) >= most:
            return False, TOO_MUCH, "queue_full"
        return await push(self, body, request, username)

    def fewest_first(self: Queue) -> tuple[list[Event], bool, str] | None:
        return _next(self, person_of)

    async def processed(self: Queue, events: list[Event], *arguments: Any) -> None:
        await charged(events[0].request, process(self, events, *arguments))

    Queue.push = bounded  # type: ignore[method-assign]
    Queue.process_events = processed  # type: ignore[method-assign, assignment]
    Queue.get_events = fewest_first  # type: ignore[method-assign]


def _next(queue: Queue, person_of: PersonOf) -> tuple[list[Event], bool, str] | None:
    """Of those that wait, the first event of the person with the fewest that go on.

    Nobody has more seats than stay free: however many take as much as they can, whoever has none finds one.
    """
    seated = Counter(person_of(event.request) for events in queue.active_jobs for event in events or ())
    free = queue.active_jobs.count(None)
    first: tuple[int, float, Event, EventQueue] | None = None
    for line in queue.event_queue_per_concurrency_id.values():
        if line.concurrency_limit is not None and line.current_concurrency >= line.concurrency_limit:
            continue
        for event in line.queue:
            seats = seated[person_of(event.request)]
            if seats < free and (first is None or (seats, event.enqueue_time) < first[:2]):
                first = seats, event.enqueue_time, event, line
    if first is None:
        return None
    _, _, event, line = first
    line.queue.remove(event)
    return [event], event.fn.batch, event.concurrency_id
