"""Events begin in turns, a person after the other, and nobody has all the seats."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from gradio.data_classes import PredictBodyInternal
from gradio.queueing import Event, Queue

from playground.web.gradio_patches.fair_queue import TOO_MUCH, take_turns_in_the_queue
from playground.web.loop_time import IN_SCOPE as LOOP_TIME
from playground.web.loop_time import LoopTime, charged_event
from playground.web.people import IN_SCOPE, MAX_EVENTS, Caller, person_of
from tests.helpers.clock import Clock


@pytest.fixture
def page() -> gr.Blocks:
    take_turns_in_the_queue(person_of, MAX_EVENTS, charged_event)
    with gr.Blocks(analytics_enabled=False) as page:
        for _ in range(2):
            gr.Button().click(lambda: None, None, None)
    page.queue(max_size=1000, default_concurrency_limit=100)
    return page


def asking(person: str) -> Any:
    return SimpleNamespace(scope={IN_SCOPE: Caller(person)})


class Line:
    """A queue with so many seats, nobody in it."""

    def __init__(self, page: gr.Blocks, seats: int) -> None:
        self.queue: Queue = page._queue
        self.queue.active_jobs = [None] * seats
        self.fns = list(page.fns.values())
        for fn in self.fns:
            self.queue.create_event_queue_for_fn(fn)

    def wait(self, person: str, fn: int = 0) -> None:
        event = Event(None, self.fns[fn], asking(person), None)
        self.queue.event_queue_per_concurrency_id[event.concurrency_id].queue.append(event)

    def begin(self) -> str | None:
        """Seat the next; whose it is."""
        found = self.queue.get_events()
        if found is None:
            return None
        (event,), batch, line = found
        assert not batch
        assert line == event.concurrency_id
        self.queue.active_jobs[self.queue.active_jobs.index(None)] = [event]
        return event.request.scope[IN_SCOPE].person


def test_who_has_least_under_way_begins_first(page: gr.Blocks) -> None:
    line = Line(page, 20)
    for fn in (0, 1):
        for _ in range(4):
            line.wait("flood", fn)
    line.wait("one", 1)
    line.wait("two")
    assert [line.begin() for _ in range(5)] == ["flood", "one", "two", "flood", "flood"]


def test_however_many_take_all_they_can_who_comes_then_finds_a_seat(page: gr.Blocks) -> None:
    line = Line(page, 20)
    for attacker in "abc":
        for _ in range(20):
            line.wait(attacker)
    while line.begin():
        pass
    assert line.queue.active_jobs.count(None) == 5
    line.wait("honest")
    assert line.begin() == "honest"


def test_a_function_that_goes_on_as_often_as_it_may_holds_up_no_other(page: gr.Blocks) -> None:
    line = Line(page, 20)
    busy = line.queue.event_queue_per_concurrency_id[line.fns[0].concurrency_id]
    busy.current_concurrency = 100
    assert busy.concurrency_limit == 100
    line.wait("one", 0)
    line.wait("two", 1)
    assert [line.begin(), line.begin()] == ["two", None]


def test_one_person_has_so_many_events_and_no_more(page: gr.Blocks) -> None:
    line = Line(page, 20)

    async def push(person: str) -> Any:
        body = PredictBodyInternal(data=[], fn_index=0, session_hash=person)
        return await line.queue.push(body, asking(person), None)

    async def scenario() -> None:
        for _ in range(MAX_EVENTS):
            line.wait("flood")
        assert await push("flood") == (False, TOO_MUCH, "queue_full")
        assert (await push("other"))[0] is True

    asyncio.run(scenario())


def test_what_is_done_with_an_event_is_on_the_account_of_whoever_sent_it(page: gr.Blocks) -> None:
    line, loop_time = Line(page, 20), LoopTime(clock=Clock())
    request = asking("flood")
    request.scope[LOOP_TIME] = loop_time
    event = Event(None, line.fns[0], request, None)
    event.alive = False  # whose page has gone: that much at least is done with it
    line.queue.event_ids_to_events[event._id] = event

    async def scenario() -> None:
        line.queue.server_app = SimpleNamespace(iterators={}, get_blocks=lambda: page)  # type: ignore[assignment]
        await line.queue.process_events([event], False, 0.0, line.fns[0])

    asyncio.run(scenario())
    assert event._id not in line.queue.event_ids_to_events
    assert loop_time.debt("flood") > 0
    assert loop_time.debt("other") == 0
