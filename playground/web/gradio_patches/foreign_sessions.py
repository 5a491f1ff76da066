"""A session is its owner's.

Gradio 6.31 hands a page's state to whoever names its session. Called once for the page of a server, whose guard has said in the scope who asks.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from gradio import routes
from gradio.data_classes import CancelBody, PredictBody, SimplePredictBody
from pydantic import BaseModel, model_validator

from playground.web.people import CALLER


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
    """Let gradio refuse bodies that name another person's session."""
    routes.CancelBody = _Cancel  # type: ignore[misc]
    routes.PredictBody = _Predict  # type: ignore[misc]
    routes.SimplePredictBody = _SimplePredict  # type: ignore[misc]
