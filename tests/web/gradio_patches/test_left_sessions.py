"""What nobody listens to is ended and forgotten; a page with a stream open never is, nor its person's other pages."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from gradio.queueing import Event, EventQueue
from gradio.state_holder import StateHolder

from playground.web.gradio_patches import left_sessions
from playground.web.gradio_patches.left_sessions import CLOSED_SECONDS, forget_who_left
from playground.web.people import Cookies, People


@pytest.fixture
def people() -> People:
    return People(Cookies(b"k" * 32), 30.0)


@pytest.fixture
def page(people: People) -> gr.Blocks:
    with gr.Blocks(analytics_enabled=False) as page:
        gr.Button().click(lambda: None)
    page.queue()
    forget_who_left(page, people)
    return page


@pytest.fixture
def holder(page: gr.Blocks) -> StateHolder:
    holder = StateHolder()
    holder.set_blocks(page)
    return holder


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch, holder: StateHolder) -> Any:
    """Lets some seconds pass and looks at the beginning and at the end."""
    clock = [time.monotonic()]
    monkeypatch.setattr(left_sessions.time, "monotonic", lambda: clock[0])

    def pass_by(seconds: float) -> None:
        holder.delete_all_expired_state()
        clock[0] += seconds
        holder.delete_all_expired_state()

    return pass_by


def test_a_page_is_forgotten_a_minute_after_nobody_listens(holder: StateHolder, people: People, later: Any) -> None:
    for name, person in (("closed", "me"), ("never came back", "phantom"), ("open", "me"), ("another tab", "me")):
        people.claim(name, person)
        holder[name]
    holder["closed"].is_closed = True
    with people.stream("open", "me"):
        later(CLOSED_SECONDS - 1)
        assert set(holder.session_data) == {"closed", "never came back", "open", "another tab"}
        later(2)
        assert set(holder.session_data) == {"open", "another tab"}
        later(3600)
        assert set(holder.session_data) == {"open", "another tab"}
    later(CLOSED_SECONDS + 1)
    assert not holder.session_data
    assert not holder.time_last_used
    assert people.sessions == []


def test_a_page_whose_connection_was_lost_for_a_moment_stays(holder: StateHolder, people: People, later: Any) -> None:
    people.claim("page", "me")
    holder["page"].is_closed = True  # gradio never takes that back
    for _ in range(5):
        later(CLOSED_SECONDS - 1)
        with people.stream("page", "me"):
            later(1)
    assert "page" in holder


def event(page: gr.Blocks, session: str) -> Event:
    made = Event(session, page.default_config.fns[0], SimpleNamespace(scope={}), None)  # type: ignore[arg-type]
    queue = page._queue
    queue.event_ids_to_events[made._id] = made
    queue.pending_event_ids_session.setdefault(session, set()).add(made._id)
    if session not in queue.pending_messages_per_session:
        queue.pending_messages_per_session[session] = asyncio.Queue()
    return made


def test_what_a_page_still_does_ends_and_what_was_said_to_it_goes(
    page: gr.Blocks, holder: StateHolder, people: People, later: Any
) -> None:
    queue = page._queue
    going_on, waiting, done, heard = (event(page, name) for name in ("left", "left", "left", "open"))
    queue.active_jobs = [None, [going_on], [heard]]
    queue.event_queue_per_concurrency_id["line"] = line = EventQueue("line", 1)
    line.queue = [waiting]
    with people.stream("open", "me"):
        later(29)
        assert going_on.alive
        assert line.queue == [waiting]
        later(2)
        assert not going_on.alive, "its generator is closed at its next word"
        assert line.queue == []
        assert done._id in queue.event_ids_to_events, "somebody may come for it still"
        queue.active_jobs = [None, None, [heard]]
        later(CLOSED_SECONDS)
        assert set(queue.event_ids_to_events) == {heard._id}
        assert set(queue.pending_event_ids_session) == {"open"}
        assert "left" not in queue.pending_messages_per_session
        assert heard.alive
