"""The shelf of results under the easel: cards that bring one back, pin it, lay two beside each other, or become a source.

Laid out and wired by the Studio tab; results.py shows what is picked here. Pins stay over a reload and a restart.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from playground.images.convert import resize_picture
from playground.web.components import viewer
from playground.web.components.layout import LIGHT, Parts, html, listed
from playground.web.components.messages import NOTHING, Updates, message
from playground.web.gradio_patches.private_names import event_value
from playground.web.studio import results
from playground.web.studio.result_actions import ResultActions
from playground.web.studio.result_names import apart, called, cards
from playground.web.studio.session import Finished, Session
from playground.web.words import say

SCRIPT = (Path(__file__).parent.parent / "assets" / "shelf.js").read_text("utf-8")
TAKEN = ("content", "style", "content-message", "style-message")
SHOWN = ("before-after", "preview", "terms-chart", "summary", "strip", "after")


def build_shelf(parts: Parts) -> None:
    """Lay it out where the page stands just now, out of sight until there is a result."""
    with gr.Column(visible=False, elem_id="earlier") as parts["earlier"]:
        html(parts, "earlier-title", f"<h2>{say('results.title')}</h2><p class='hint'>{say('results.hint')}</p>")
        parts["strip"] = gr.HTML(
            [], html_template='<div class="shelf" role="list"></div>', js_on_load=SCRIPT, elem_id="strip", apply_default_css=False
        )  # fmt: skip


class Shelf:
    """Handlers of the cards.

    Args:
        results: brings one back to the easel.
    """

    def __init__(self, parts: Parts, results: ResultActions) -> None:
        self.parts, self.results = parts, results

    def bring(self, session: Session, event: gr.EventData) -> Updates:
        """A card was pressed: its picture, its curves and its recipe come back."""
        done = _found(session, event)
        session.compared = []
        return self.results.bring_back(session, done) if done is not None else NOTHING

    def take(self, session: Session, event: gr.EventData) -> Updates:
        """A result becomes the next run's photo or painting, by its button or dragged onto the box."""
        done, box = _found(session, event), event_value(event, "to")
        if done is None or box not in ("content", "style"):
            return NOTHING
        return {self.parts[box]: done.shown, self.parts[f"{box}-message"]: ""}

    def mark(self, session: Session, event: gr.EventData) -> Updates:
        """A result was pinned or let go, or chosen to be compared; two that are chosen share the easel."""
        done = _found(session, event)
        if done is None:
            return NOTHING
        if event_value(event, "act") == "pin":
            self.results.jobs.choices.pin(done.job, not done.job.pinned)
            return {self.parts["strip"]: cards(session)}
        chosen = [name for name in session.compared if name != done.job.name]
        session.compared = chosen if len(chosen) < len(session.compared) else [*chosen[-1:], done.job.name]
        return {self.parts["strip"]: cards(session), **self._compared(session)}

    def _compared(self, session: Session) -> Updates:
        """The two results that are chosen, one to either side of the line, and their curves over each other."""
        both = [done for name in session.compared for done in session.finished if done.job.name == name]
        if len(both) < 2 or session.running() is not None:
            return {}
        left, right = both
        parts, (first, second) = self.parts, called(both)
        chart = results.chart(session, right)
        chart["lay"] = [left.job.name]
        before = (
            left.shown if left.shown.size == right.shown.size else resize_picture(left.shown, max(right.shown.size))
        )
        said = say("results.compared", left=first, right=second)
        differ = apart(left, right)
        return {
            parts["before-after"]: gr.HTML(
                viewer.value(before, right.shown, parts["save-png"], say("results.left"), said), visible=True
            ),
            parts["preview"]: gr.Image(visible=False),
            parts["terms-chart"]: chart,
            parts["after"]: gr.Row(visible=False),
            parts["summary"]: message(said, "note")
            + (message(say("results.differ", what=differ), "note") if differ else ""),
        }


def _found(session: Session, event: gr.EventData) -> Finished | None:
    name = event_value(event, "name")
    return next((done for done in session.finished if done.job.name == name), None)


def wire_shelf(parts: Parts, shelf: Shelf, brought: list[Any]) -> Any:
    """Bind the cards; the event by which a result becomes a source.

    Args:
        brought: everything that bringing a result back changes.
    """
    session = parts["session"]
    parts["strip"].click(shelf.bring, session, brought, **LIGHT)
    parts["strip"].input(shelf.mark, session, listed(parts, SHOWN), **LIGHT)
    return parts["strip"].select(shelf.take, session, listed(parts, TAKEN), **LIGHT)
