"""A comparison on the page: every method paints the same pair as one task, and the sheet grows method by method.

Wired by the Side by side tab; measure/ paints and measures.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
from PIL import Image

from playground.errors import PlaygroundError
from playground.feedforward.model import shipped_styles
from playground.images.save import encode_picture
from playground.measure.compare import compare
from playground.measure.sheet import Entry, sheet
from playground.recipe.base import DEFAULT_NETWORK
from playground.service.jobs import Jobs
from playground.service.tasks import Task
from playground.web.components.layout import Parts, news
from playground.web.components.messages import Updates, fault, message
from playground.web.components.pictures import given_pair
from playground.web.gradio_patches.private_names import served_bytes
from playground.web.people import caller
from playground.web.threads import off_loop
from playground.web.visit import Visit
from playground.web.words import decimal, say, translated

MAX_SIDE, MAX_SECONDS = 768, 600  # px and seconds a method, since several people may ask at once
PARTS = (
    "board", "compare-empty", "compare-status", "compare-message", "figures", "compare", "compare-stop", "board-save",
)  # fmt: skip


@dataclass
class Comparison(Visit):
    """The state of the tab on one open page."""

    task: Task | None = None


class Comparer:
    """Handlers of the tab.

    Args:
        jobs: for the device and for tasks.
        parts: the tab's components by name.
    """

    def __init__(self, jobs: Jobs, parts: Parts) -> None:
        self.jobs, self.parts = jobs, parts

    async def compare(
        self,
        comparison: Comparison,
        content: str | None,
        style: str | None,
        size: float,
        seconds: float,
        model: str | None,
    ) -> AsyncIterator[Updates]:
        """Paint and measure the pair with every method, showing each as soon as it is done."""
        parts = self.parts
        yield {parts["compare-message"]: "", parts["compare-status"]: say("status.reading")}
        try:
            pictures, task = await off_loop(self._start, comparison, content, style, int(size), seconds, model)
        except Exception as error:
            yield {parts["compare-message"]: message(fault(error)), parts["compare-status"]: ""}
            return
        yield {
            parts["compare"]: gr.Button(say("compare.comparing"), interactive=False),
            parts["compare-stop"]: gr.Button(interactive=True),
            parts["board-save"]: gr.DownloadButton(interactive=False),
        }
        async for updates in news(task, parts["compare-status"], lambda found: self._shown(pictures, found)):
            yield updates
        yield await off_loop(self._finished, pictures, task)

    def _start(
        self,
        comparison: Comparison,
        content: str | None,
        style: str | None,
        size: int,
        seconds: float,
        model: str | None,
    ) -> tuple[tuple[Image.Image, Image.Image], Task]:
        if not content or not style:
            raise PlaygroundError(say("error.choose_both"))
        pictures = given_pair(content, style)
        if model and model not in shipped_styles():  # a visitor's own path never is one
            raise PlaygroundError(say("compare.style_gone"))
        size, seconds = max(64, min(MAX_SIDE, size)), max(1.0, min(float(MAX_SECONDS), seconds))
        self.jobs.downloads.here(DEFAULT_NETWORK)

        def work(task: Task) -> None:
            for entry in compare(
                *pictures, size, seconds, model or None, self.jobs.here, task.control, task.report
            ):  # fmt: skip
                task.found.append(entry)
                if task.stopped:
                    return

        comparison.task = self.jobs.task(caller().person, work)
        return pictures, comparison.task

    def _shown(self, pictures: tuple[Image.Image, Image.Image], entries: list[Entry]) -> Updates:
        return {
            self.parts["board"]: gr.Image(sheet(*pictures, entries), visible=True),
            self.parts["compare-empty"]: "",
            self.parts["figures"]: table(entries),
        }

    def _finished(self, pictures: tuple[Image.Image, Image.Image], task: Task) -> Updates:
        parts, entries = self.parts, list(task.found)
        updates: Updates = {
            parts["compare"]: gr.Button(say("compare.compare"), interactive=True),
            parts["compare-stop"]: gr.Button(interactive=False),
            parts["compare-status"]: say("ending.stopped.state")
            if task.stopped
            else ""
            if task.error
            else say("ending.done.state"),
        }
        if task.error:
            updates[parts["compare-message"]] = message(translated(task.error))
        elif not task.stopped and all(entry.method != "instant" for entry in entries):
            updates[parts["compare-message"]] = message(
                say("compare.no_instant"),
                "note",
            )
        if entries:
            data = encode_picture(sheet(*pictures, entries), "png")
            path = served_bytes(data, "side-by-side.png", parts["board-save"])
            updates |= self._shown(pictures, entries)
            updates[parts["board-save"]] = gr.DownloadButton(value=path, interactive=True)
        return updates

    def stop(self, comparison: Comparison) -> Any:
        """End with the best picture of the method that is painting."""
        if comparison.task is not None:
            comparison.task.control.stop()
        return gr.Button(interactive=False)


def _or_none(value: float | None) -> str:
    return "–" if value is None else decimal(f"{value:.2f}")


def table(entries: list[Entry]) -> str:
    """What was measured, as an HTML table."""
    titles = {method: say(f"method.{method}") for method in ("instant", "pixels", "network")}
    rows = "".join(
        f'<tr><th scope="row">{escape(titles[entry.method])}</th><td>{escape(entry.label)}</td>'
        f"<td>{decimal(f'{entry.seconds:.2g}')} s</td><td>{'–' if entry.memory_mb is None else f'{entry.memory_mb:.0f} MB'}</td>"
        f"<td>{decimal(f'{entry.content:.3f}')}</td><td>{decimal(f'{entry.style:.3f}')}</td>"
        f"<td>{decimal(f'{entry.structure:.2f}')}</td><td>{decimal(f'{entry.edges:.2f}')}</td>"
        f"<td>{_or_none(entry.gain)}</td><td>{_or_none(entry.kept)}</td></tr>"
        for entry in entries
    )
    heads = "".join(
        f'<th scope="col">{escape(say(f"figures.{head}"))}</th>'
        for head in ("method", "of", "time", "memory", "content", "style", "structure", "edges", "gain", "kept")
    )
    return f'<table class="figures"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
