"""What every tab is laid out with and wired by: HTML places, a picture with its samples, how events answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any

import gradio as gr

from playground.service.tasks import Task
from playground.web.components import pictures
from playground.web.components.messages import NOTHING, Updates, progress
from playground.web.people import caller

LIGHT: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""For events that answer at once, outside the queue."""
WATCHING: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
"""For events that follow something for a while; the jobs limit what is painted, not gradio's queue."""
FOLLOWING: dict[str, Any] = {**WATCHING, "trigger_mode": "multiple"}
"""The same where another may begin before the page has seen the end of the last."""
LATEST: dict[str, Any] = {**LIGHT, "trigger_mode": "always_last"}
SAVE_FILE = """(file) => {
  if (!file || !file.url) return;
  const link = document.createElement("a");
  link.href = file.url;
  link.download = file.orig_name || "painted";
  link.click();
}"""
"""Lets the browser save what an event before it has put into a file component out of sight."""
Parts = dict[str, Any]
"""A tab's components by name; the name is the element's id too."""


def html(parts: Parts, name: str, value: str = "", **more: Any) -> None:
    """A place for HTML."""
    parts[name] = gr.HTML(value, elem_id=name, js_on_load=None, apply_default_css=False, **more)


def listed(parts: Parts, names: Sequence[str]) -> list[Any]:
    """Components by name, for the outputs of an event."""
    return [parts[name] for name in names]


def heading(text: str, word: str = "") -> None:
    """The heading of a sheet of settings; one that is a `word` of the glossary opens it (glossary.js)."""
    said = f'<button type="button" class="term" data-term="{word}">{text}</button>' if word else text
    gr.HTML(f"<h2>{said}</h2>", apply_default_css=False)


def source(parts: Parts, name: str, label: str, kind: str) -> None:
    """A box for a picture, a place for what is wrong with it, and the samples of `kind` ("photos" or "styles")."""
    samples = pictures.samples(kind)
    with gr.Column(elem_classes=["source"]):
        parts[name] = pictures.picture_box(label, name, samples[0] if samples else None)
        html(parts, f"{name}-message")
        parts[f"{name}-gallery"] = gr.Gallery(
            pictures.thumbnails(kind), show_label=False, columns=4, allow_preview=False, object_fit="cover",
            height="auto", format="jpeg", buttons=[], container=False, selected_index=0 if samples else None,
            interactive=False, elem_id=f"{name}-gallery", elem_classes=["samples"], visible=bool(samples),
        )  # fmt: skip


def wire_source(parts: Parts, name: str, kind: str, what: str) -> tuple[Any, Any]:
    """Let samples fill the box and judge what is given; the two events, for whoever acts on a new picture (shared_pictures.py).

    Args:
        what: the picture's name in messages, such as "content".
    """
    box, place = parts[name], parts[f"{name}-message"]
    pick = pictures.picked_photo if kind == "photos" else pictures.picked_style
    picked = parts[f"{name}-gallery"].select(pick, None, [box, place], **LIGHT)
    given = box.input(partial(pictures.judged, what), box, place, **LIGHT)
    parts[f"{name}-given"] = picked, given
    return picked, given


async def news(task: Task, place: Any, shown: Callable[[list[Any]], Updates]) -> AsyncIterator[Updates]:
    """What a task has to tell until it is over: how far it is, and what it has made.

    Args:
        place: the component for its sentence and its bar.
        shown: updates that show what it has found so far.
    """
    said, count = "", 0
    while not task.over.is_set():
        if caller().listens:
            task.touch()
        updates: Updates = {}
        if task.sentence != said:
            said = task.sentence
            updates[place] = progress(said, task.fraction)
        if len(task.found) != count:
            count = len(task.found)
            updates |= shown(list(task.found))
        yield updates or NOTHING  # also what notices that the page has gone
        await asyncio.sleep(0.3)
