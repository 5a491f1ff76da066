"""A session is its owner's, and nobody fills the queue.

Gradio 6.31 hands a page's state to whoever names its session, and takes in events until the queue is full for everybody.
Called once for the page of a server, whose guard has said in the scope who asks.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import fastapi
from gradio import routes
from gradio.data_classes import CancelBody, PredictBody, PredictBodyInternal, SimplePredictBody
from gradio.queueing import Queue
from pydantic import BaseModel, model_validator

from playground.web.gradio_patches.left_sessions import events_of
from playground.web.people import CALLER, IN_SCOPE, MAX_EVENTS, Caller


class _Owned(BaseModel):
    """A request's body that names a session; refused where it is not the caller's."""

    session_hash: Any = None

    @model_validator(mode="after")
    def _is_the_callers(self) -> _Owned:
        caller = CALLER.get()
        if caller is not None and caller.people is not None and isinstance(self.session_hash, str):
            caller.people.claim(self.session_hash, caller.person)
        return self


class _Cancel(CancelBody, _Owned):
    session_hash: str


class _Predict(PredictBody, _Owned):
    session_hash: str | None = None


class _SimplePredict(SimplePredictBody, _Owned):
    session_hash: str | None = None


@cache
def keep_sessions_apart() -> None:
    """Let gradio refuse bodies that name another person's session, and more events of one person than are any use."""
    routes.CancelBody = _Cancel  # type: ignore[misc]
    routes.PredictBody = _Predict  # type: ignore[misc]
    routes.SimplePredictBody = _SimplePredict  # type: ignore[misc]
    push = Queue.push

    async def bounded(self: Queue, body: PredictBodyInternal, request: fastapi.Request, username: str | None) -> Any:
        person = _person(request)
        if person and sum(_person(event.request) == person for event in events_of(self)) >= MAX_EVENTS:
            return False, "You have too much under way already: wait until some of it has ended.", "queue_full"
        return await push(self, body, request, username)

    Queue.push = bounded  # type: ignore[method-assign]


def _person(request: fastapi.Request) -> str:
    caller: Caller | None = request.scope.get(IN_SCOPE)
    return caller.person if caller is not None else ""
