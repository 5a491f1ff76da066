"""What nobody listens to any more is ended and forgotten: pages that were closed or never came back, calls never fetched.

Gradio 6.31 holds the last ten thousand pages, a closed one for an hour, and one whose connection it never saw for ever; a
handler of such a page goes on, and what it says is gathered for a reader who never comes. Called once for the page of a
server; runs and results are the server's own, so nothing of theirs is lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from functools import cache
from typing import Protocol

import gradio as gr
from gradio.queueing import Event, Queue
from gradio.state_holder import StateHolder

CLOSED_SECONDS = 60.0  # for a connection that was lost for a moment; after longer a page is loaded anew


class Listeners(Protocol):
    """Who is there, and whose sessions they are."""

    quiet_seconds: float
    """After so long without an open stream what a session still does is ended."""

    @property
    def sessions(self) -> Collection[str]:
        """Every session that belongs to somebody."""

    def listens(self, session: str) -> bool:
        """Whether a stream to a session's page is open."""

    def alive(self, session: str) -> bool:
        """The same, or to another page of the same person's."""

    def forget(self, session: str) -> None:
        """A session has been forgotten."""


class Forgetting:
    """Looks once a second who is there still.

    Args:
        page: whose sessions these are.
        people: knows who listens.
        then: called after each look, on the event loop.
    """

    def __init__(self, page: gr.Blocks, people: Listeners, then: Callable[[], None]) -> None:
        self.page, self.people, self.then = page, people, then
        self._since: dict[str, float] = {}  # since when nobody has listened to a session

    def look(self, holder: StateHolder) -> None:
        """Forget who has been away for long enough; on the event loop."""
        queue, now = self.page._queue, time.monotonic()
        named = {*holder.session_data, *queue.pending_event_ids_session, *self.people.sessions}
        self._since = {name: self._since.get(name, now) for name in named if not self._is_there(holder, name)}
        for name, since in self._since.items():
            if now - since > self.people.quiet_seconds:
                _end_events(queue, name)
            if now - since > max(CLOSED_SECONDS, self.people.quiet_seconds):
                _drop_events(queue, name)
            if now - since > CLOSED_SECONDS:
                holder.session_data.pop(name, None)
                holder.time_last_used.pop(name, None)
                self.people.forget(name)

    def _is_there(self, holder: StateHolder, name: str) -> bool:
        state = holder.session_data.get(name)
        closed = state is not None and state.is_closed
        return self.people.listens(name) if closed else self.people.alive(name)


def events_of(queue: Queue) -> list[Event]:
    """Every event that waits or goes on."""
    waiting = [event for line in queue.event_queue_per_concurrency_id.values() for event in line.queue]
    return [*waiting, *(event for events in queue.active_jobs if events for event in events)]


def _end_events(queue: Queue, session: str) -> None:
    """Close what a session's handlers still do at their next word, and let none of them begin."""
    for line in queue.event_queue_per_concurrency_id.values():
        line.queue[:] = [event for event in line.queue if event.session_hash != session]
    for event in events_of(queue):
        if event.session_hash == session:
            event.alive = False


def _drop_events(queue: Queue, session: str) -> None:
    """Forget what was said to a session."""
    queue.pending_messages_per_session.pop(session, None)
    going_on: Collection[str] = {event._id for event in events_of(queue)}
    for id in queue.pending_event_ids_session.pop(session, ()):
        if id not in going_on:
            queue.event_ids_to_events.pop(id, None)


@cache
def _listen_in() -> dict[int, Forgetting]:
    """Let every server's once-a-second sweep look; who looks, by its page."""
    looking: dict[int, Forgetting] = {}
    sweep = StateHolder.delete_all_expired_state

    def swept(self: StateHolder) -> None:
        sweep(self)
        if (forgetting := looking.get(id(self.blocks))) is not None:
            forgetting.look(self)
            forgetting.then()

    StateHolder.delete_all_expired_state = swept  # type: ignore[method-assign]
    return looking


def forget_who_left(page: gr.Blocks, people: Listeners, then: Callable[[], None] = lambda: None) -> None:
    """From now on forget a page soon after nobody listens to it: whoever comes back opens a new one.

    Args:
        then: what else is to be done about once a second, on the event loop.
    """
    _listen_in()[id(page)] = Forgetting(page, people, then)
