"""The Side by side tab: one photo and one painting through pixels, a network and an instant style, measured alike.

compare.py paints and measures; here it is a task whose sheet grows method by method and can be saved.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
from PIL import Image

from playground.errors import PlaygroundError
from playground.images.load import encode_picture, load_picture
from playground.measure.compare import Entry, compare, sheet
from playground.networks.transformer import shipped_styles
from playground.recipe.model import DEFAULT_NETWORK
from playground.service.jobs import Jobs
from playground.service.tasks import Task
from playground.web.components.layout import LIGHT, WATCHING, Parts, heading, html, news, source, wire_source
from playground.web.components.messages import Updates, fault, message
from playground.web.gradio_patches.private_names import served_bytes
from playground.web.visit import Visit

TITLES = {"instant": "Instant style", "pixels": "Pixels", "network": "Network"}
OWN_MODEL = ""  # the dropdown's value for the style that was trained on this very painting
MEANING = (
    "content, style: distance from the photo and the painting as the network sees them, 0 for none. structure, edges: "
    "how much of the photo's drawing is left, 1 for all of it. memory: how far the method raised what is in use."
)
LARGEST, LONGEST = 768, 600  # px and seconds a method, since several people may ask at once


@dataclass
class Bench(Visit):
    """The state of the tab on one open page."""

    task: Task | None = None


def build_bench(jobs: Jobs) -> Parts:
    """Lay out the tab inside the one that is open, and wire it; its components by name."""
    parts: Parts = {"bench": gr.State(Bench())}
    with gr.Row(elem_classes=["room", "wide"], equal_height=False):
        with gr.Column(elem_classes=["room-sources"], min_width=240, scale=0):
            source(parts, "bench-photo", "Content: the photo", "photos")
            source(parts, "bench-style", "Style: the painting", "styles")
            with gr.Column(elem_classes=["sheet"]):
                _settings(parts)
        with gr.Column(elem_classes=["room-stage"], min_width=320, scale=2):
            _stage(parts)
    _wire(parts, Comparer(jobs, parts))
    return parts


def _stage(parts: Parts) -> None:
    with gr.Column(elem_classes=["easel"]):
        html(parts, "bench-empty", '<p class="invitation">Three methods, one sheet to show around</p>')
        parts["board"] = gr.Image(
            format="png", show_label=False, interactive=False, buttons=["fullscreen"], elem_id="board", visible=False,
            elem_classes=["growing"], container=False, alt_text="Photo, painting and every method's result",
        )  # fmt: skip
    with gr.Row(elem_classes=["actions"]):
        parts["compare"] = gr.Button(
            "Compare", variant="primary", elem_id="compare", elem_classes=["go-button"], min_width=90, scale=0
        )
        parts["compare-stop"] = gr.Button("Stop", interactive=False, elem_id="compare-stop", min_width=64, scale=0)
        parts["board-save"] = gr.DownloadButton(
            "Download", interactive=False, elem_id="board-save", min_width=84, scale=0
        )
        html(parts, "bench-status", "", scale=1, elem_classes=["status-line"])
    html(parts, "bench-message")
    html(parts, "figures")


def _settings(parts: Parts) -> None:
    heading("Comparison")
    parts["bench-size"] = gr.Slider(
        64, LARGEST, value=192, step=16, label="Size (px)", buttons=[], elem_id="bench-size", elem_classes=["setting"],
        info="Long side of every result. Twice the size costs four times the time.",
    )  # fmt: skip
    parts["bench-seconds"] = gr.Slider(
        1, LONGEST, value=30, step=1, label="Time a method (s)", buttons=[], elem_id="bench-seconds",
        info="How long pixels and network may each take; the instant style takes one pass.", elem_classes=["setting"],
    )  # fmt: skip
    parts["bench-model"] = gr.Dropdown(
        models(), value=OWN_MODEL, label="Instant style", filterable=False, elem_id="bench-model",
        info="A style knows only the painting it was trained on.", elem_classes=["setting"],
    )  # fmt: skip
    gr.HTML(f'<p class="hint">{MEANING}</p>', apply_default_css=False)


def models() -> list[tuple[str, str]]:
    """The instant styles to compare with: that of the painting itself, or any by name."""
    return [("the painting's own", OWN_MODEL), *((name.replace("_", " "), name) for name in shipped_styles())]


PARTS = (
    "board", "bench-empty", "bench-status", "bench-message", "figures", "compare", "compare-stop", "board-save",
)  # fmt: skip


def _wire(parts: Parts, comparer: Comparer) -> None:
    wire_source(parts, "bench-photo", "photos", "content")
    wire_source(parts, "bench-style", "styles", "style")
    asked = [parts[f"bench-{name}"] for name in ("photo", "style", "size", "seconds", "model")]
    parts["compare"].click(
        comparer.compare, [parts["bench"], *asked], [parts[name] for name in PARTS], trigger_mode="once", **WATCHING
    )
    parts["compare-stop"].click(comparer.stop, parts["bench"], parts["compare-stop"], **LIGHT)


class Comparer:
    """Handlers of the tab.

    Args:
        jobs: for the device and for tasks.
        parts: the tab's components by name.
    """

    def __init__(self, jobs: Jobs, parts: Parts) -> None:
        self.jobs, self.parts = jobs, parts

    async def compare(
        self, bench: Bench, photo: str | None, style: str | None, size: float, seconds: float, model: str | None
    ) -> AsyncIterator[Updates]:
        """Paint and measure the pair with every method, showing each as soon as it is done."""
        parts = self.parts
        yield {parts["bench-message"]: "", parts["bench-status"]: "reading the network and the pictures …"}
        try:
            pictures, task = await asyncio.to_thread(self._start, bench, photo, style, int(size), seconds, model)
        except Exception as error:
            yield {parts["bench-message"]: message(fault(error)), parts["bench-status"]: ""}
            return
        yield {
            parts["compare"]: gr.Button("Comparing", interactive=False),
            parts["compare-stop"]: gr.Button(interactive=True),
            parts["board-save"]: gr.DownloadButton(interactive=False),
        }
        async for updates in news(task, parts["bench-status"], lambda found: self._shown(pictures, found)):
            yield updates
        yield await asyncio.to_thread(self._finished, pictures, task)

    def _start(
        self, bench: Bench, photo: str | None, style: str | None, size: int, seconds: float, model: str | None
    ) -> tuple[tuple[Image.Image, Image.Image], Task]:
        if not photo or not style:
            raise PlaygroundError("choose a photo and a painting first")
        pictures = load_picture(photo, name="the content picture"), load_picture(style, name="the style picture")
        if model and model not in shipped_styles():  # a visitor's own path never is one
            raise PlaygroundError("that instant style is not here any more: choose another")
        size, seconds = max(64, min(LARGEST, size)), max(1.0, min(float(LONGEST), seconds))
        self.jobs.network(DEFAULT_NETWORK)

        def work(task: Task) -> None:
            for entry in compare(
                *pictures, size, seconds, model or None, self.jobs.here, task.control, task.report
            ):  # fmt: skip
                task.found.append(entry)
                if task.stopped:
                    return

        bench.task = self.jobs.task(bench.who(), work)
        return pictures, bench.task

    def _shown(self, pictures: tuple[Image.Image, Image.Image], entries: list[Entry]) -> Updates:
        return {
            self.parts["board"]: gr.Image(sheet(*pictures, entries), visible=True),
            self.parts["bench-empty"]: "",
            self.parts["figures"]: table(entries),
        }

    def _finished(self, pictures: tuple[Image.Image, Image.Image], task: Task) -> Updates:
        parts, entries = self.parts, list(task.found)
        updates: Updates = {
            parts["compare"]: gr.Button("Compare", interactive=True),
            parts["compare-stop"]: gr.Button(interactive=False),
            parts["bench-status"]: "stopped" if task.stopped else "" if task.error else "done",
        }
        if task.error:
            updates[parts["bench-message"]] = message(task.error)
        elif not task.stopped and all(entry.method != "instant" for entry in entries):
            updates[parts["bench-message"]] = message(
                "No instant style was trained on this painting: choose one by name, or train one under Train a style",
                "note",
            )
        if entries:
            data = encode_picture(sheet(*pictures, entries), "png")
            path = served_bytes(data, "side-by-side.png", parts["board-save"])
            updates |= self._shown(pictures, entries)
            updates[parts["board-save"]] = gr.DownloadButton(value=path, interactive=True)
        return updates

    def stop(self, bench: Bench) -> Any:
        """End with the best picture of the method that is painting."""
        if bench.task is not None:
            bench.task.control.stop()
        return gr.Button(interactive=False)


def table(entries: list[Entry]) -> str:
    """What was measured, as an HTML table."""
    rows = "".join(
        f'<tr><th scope="row">{TITLES[entry.method]}</th><td>{escape(entry.label)}</td>'
        f"<td>{entry.seconds:.2g} s</td><td>{'–' if entry.memory_mb is None else f'{entry.memory_mb:.0f} MB'}</td>"
        f"<td>{entry.content:.3f}</td><td>{entry.style:.3f}</td><td>{entry.structure:.2f}</td><td>{entry.edges:.2f}</td></tr>"
        for entry in entries
    )
    heads = "".join(
        f'<th scope="col">{head}</th>'
        for head in ("method", "of", "time", "memory", "content", "style", "structure", "edges")
    )
    return f'<table class="figures"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
