"""A session is its owner's.

Gradio 6.31 hands a page's state to whoever names its session. Called once for the page of a server, which says whether whoever
asks may name it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from gradio import routes
from gradio.data_classes import CancelBody, PredictBody, SimplePredictBody
from pydantic import BaseModel, model_validator


@cache
def keep_sessions_apart(claim: Callable[[str], None]) -> None:
    """Let gradio refuse bodies that name another person's session.

    Args:
        claim: told every session that a body names, while it is read; raises where it is not the caller's.
    """

    class Owned(BaseModel):
        """A request's body that names a session; refused where it is not the caller's."""

        session_hash: Any = None

        @model_validator(mode="after")
        def _is_the_callers(self) -> Owned:
            if isinstance(self.session_hash, str):
                claim(self.session_hash)
            return self

    class Cancel(CancelBody, Owned):
        session_hash: str

    class Predict(PredictBody, Owned):
        session_hash: str | None = None

    class SimplePredict(SimplePredictBody, Owned):
        session_hash: str | None = None

    routes.CancelBody = Cancel  # type: ignore[misc]
    routes.PredictBody = Predict  # type: ignore[misc]
    routes.SimplePredictBody = SimplePredict  # type: ignore[misc]
