"""Undo and redo of the settings, and the mark on each that differs from its preset.

The Studio tab lets `record` follow every control: it keeps what the page showed, and says which settings are not the
preset's.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import gradio as gr

from playground.errors import PlaygroundError
from playground.recipe.live_settings import live_settings
from playground.recipe.model import Recipe
from playground.web.components import controls, layers
from playground.web.components.layout import LIGHT, Parts
from playground.web.components.messages import NOTHING, Updates
from playground.web.studio.session import Session, preset_of
from playground.web.studio.settings_panel import SettingsPanel
from playground.web.words import say

SCRIPT = (Path(__file__).parent.parent / "assets" / "differs.js").read_text("utf-8")
MAX_STEPS = 100
MARKS = ("undo", "redo", "differs")
ONE_MOVE = 1.0  # seconds: changes of the same settings that follow so close are one, such as a slider's on its way


def build_marks(parts: Parts) -> None:
    """The two buttons, where the page stands just now, and what marks the settings."""
    parts["undo"] = gr.Button(say("settings.undo"), size="sm", elem_id="undo", interactive=False, min_width=60)
    parts["redo"] = gr.Button(say("settings.redo"), size="sm", elem_id="redo", interactive=False, min_width=60)
    parts["differs"] = gr.HTML(
        [], html_template="<span></span>", js_on_load=SCRIPT, elem_id="differs", apply_default_css=False
    )


class Undo:
    """Handlers of the two buttons, and of every control that was changed."""

    def __init__(self, parts: Parts, panel: SettingsPanel) -> None:
        self.parts, self.panel = parts, panel

    def record(self, session: Session, *values: Any) -> Updates:
        """A control shows something else: remember it as one step, and mark what differs from the preset."""
        try:
            recipe = self.panel.assembled(session, values)
        except PlaygroundError:
            return NOTHING  # the control's own line says what is wrong
        now = time.monotonic()
        if not session.past:
            session.past = [recipe]
        elif recipe == session.past[-1]:
            session.left = None
        elif recipe != session.left:  # news of what an undo has just left may come late
            moved = changed(recipe, session.past[-1])
            if session.moved == moved and now - session.moved_at < ONE_MOVE and len(session.past) > 1:
                session.past[-1] = recipe
            else:
                session.past = [*session.past[-MAX_STEPS:], recipe]
            session.future, session.moved, session.moved_at = [], moved, now
        return {**self._buttons(session), self.parts["differs"]: differing(recipe)}

    def undo(self, session: Session) -> Updates:
        """Back to what the controls showed before the last change."""
        return self._go(session, session.past[:-1], [*session.future, *session.past[-1:]])

    def redo(self, session: Session) -> Updates:
        """Forward again."""
        return self._go(session, [*session.past, *session.future[-1:]], session.future[:-1])

    def _go(self, session: Session, past: list[Recipe], future: list[Recipe]) -> Updates:
        job = session.running()
        if not past or (job is not None and past[-1].preset != job.recipe.preset):
            return NOTHING
        recipe = past[-1]

        def gone() -> Updates:
            if job is not None:
                now = job.recipe.changed(job.control.read().settings)
                names = changed(recipe, now) & (live_settings(Recipe) - {"colours"})
                if names:
                    job.control.change({name: getattr(recipe, name) for name in names})
            updates = self.panel.show(session, recipe)
            session.left = session.past[-1]
            session.past, session.future, session.moved = past, future, frozenset()
            return {**updates, **self._buttons(session), self.parts["differs"]: differing(recipe)}

        return self.panel.fill(session, gone)

    def _buttons(self, session: Session) -> Updates:
        return {
            self.parts["undo"]: gr.Button(interactive=len(session.past) > 1),
            self.parts["redo"]: gr.Button(interactive=bool(session.future)),
        }


def changed(recipe: Recipe, other: Recipe) -> frozenset[str]:
    """Names of the settings in which two recipes differ."""
    return frozenset(name for name in Recipe.model_fields if getattr(recipe, name) != getattr(other, name))


def differing(recipe: Recipe) -> list[str]:
    """Names of the settings that are not their preset's, for differs.js."""
    return sorted(
        changed(recipe, preset_of(recipe)) & (controls.FIELDS.keys() | {f"{kind}_layers" for kind in layers.KINDS})
    )


def wire_undo(parts: Parts, panel: SettingsPanel, undo: Undo) -> None:
    """Bind the two buttons."""
    outputs = [*panel.outputs, *(parts[name] for name in MARKS)]
    for name, handler in (("undo", undo.undo), ("redo", undo.redo)):
        parts[name].click(handler, parts["session"], outputs, trigger_mode="multiple", **LIGHT)
