"""What is chosen while a run paints waits for the next Run, in sight: a preset, a recipe, another picture.

The controls show the run's own settings until it ends, so that a slider never steers a run with another recipe's numbers.
Wired by the Studio tab; staged.py keeps what settings_panel.py is offered meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from playground.web.components.format import caption
from playground.web.components.messages import NOTHING, Updates, fault, message
from playground.web.studio.running import ASKED, Running
from playground.web.studio.session import Session
from playground.web.studio.settings_panel import SettingsPanel
from playground.web.studio.staged import STAGED, shown, taken_over
from playground.web.words import say

PATIENCE = 60.0  # seconds that a run has for its last step before the next begins


class Staging:
    """Handlers of the line that says what the next Run will take."""

    def __init__(self, parts: Mapping[str, Any], panel: SettingsPanel, running: Running) -> None:
        self.parts, self.panel, self.running = parts, panel, running

    def picture(self, kind: str, session: Session) -> Updates:
        """Another picture was given: while a run goes on it keeps its own."""
        if session.running() is None:
            return NOTHING
        session.staged_pictures.add(kind)
        return shown(self.parts, session)

    async def run(self, session: Session, request: gr.Request, *given: Any) -> Updates:
        """Stop the run, which leaves its best picture, and start one with what was staged."""
        job, recipe = session.running(), session.staged
        if job is not None:
            job.control.stop()
            for _ in range(int(PATIENCE / 0.1)):
                if job.ended:
                    break
                await asyncio.sleep(0.1)
        session.staged, session.staged_pictures = None, set()
        updates: Updates = shown(self.parts, session)
        if recipe is not None:
            try:
                updates |= self.panel.show(session, recipe)
            except Exception as error:
                return {**updates, self.parts["run-message"]: message(fault(error))}
            values = *(updates[self.parts[f"set-{name}"]] for name in self.panel.fields), updates[self.parts["layers"]]
            given = *given[: len(ASKED)], *values
        return updates | await self.running.start(session, request, *given)

    def forget(self, session: Session) -> Updates:
        """The next Run takes what the controls show."""
        session.staged, session.staged_pictures = None, set()
        return shown(self.parts, session)

    def over(self, session: Session) -> Updates:
        """The run has ended: what was staged takes the controls over, and Run starts it; its picture was another's."""
        if session.running() is not None or (session.staged is None and not session.staged_pictures):
            return NOTHING
        recipe, pictures = session.staged, session.staged_pictures
        session.staged, session.staged_pictures = None, set()
        updates = shown(self.parts, session)
        if recipe is not None:
            filled, chosen = session.filled, say("staged.chosen", what=caption(recipe))
            updates |= self.panel.fill(session, self.panel.show, session, recipe, chosen)
            recipe = session.base if session.filled != filled else None  # else it says why not
            if recipe is not None:  # also beside the knobs, which are far from the list on a phone and in a low window
                updates[self.parts["message-balance"]] = message(chosen, "note")
        return updates | {self.parts["staged-now"]: taken_over(session.job, recipe, pictures)}


def wire_staging(
    parts: Mapping[str, Any], staging: Staging, listed: Callable[[tuple[str, ...]], list[Any]], light: dict[str, Any]
) -> None:
    """Bind the line's second button and the two pictures; its first starts a run (wiring.py)."""
    session, line = parts["session"], listed(STAGED)
    parts["forget"].click(staging.forget, session, line, **light)
    for kind in ("content", "style"):
        for when in (parts[kind].input, parts[f"{kind}-gallery"].select):
            when(lambda session, kind=kind: staging.picture(kind, session), session, line, **light)
