"""The Instant styles tab: a trained network paints a photo in one pass. Laid out and wired here.

Built by page.py; what the tab does stands in handlers.py and many.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import gradio as gr

from playground.feedforward.apply import STROKES
from playground.service.jobs import Jobs
from playground.web.components.layout import (
    LATEST,
    LIGHT,
    SAVE_FILE,
    WATCHING,
    Parts,
    heading,
    html,
    source,
    wire_source,
)
from playground.web.components.messages import Updates
from playground.web.gradio_patches.private_names import page_under_construction
from playground.web.instant.choice import MESSAGES, SLIDERS, Choice, lay_out_blend, lay_out_paintings, lay_out_weights
from playground.web.instant.handlers import Instant
from playground.web.instant.many import ManyPictures
from playground.web.instant.state import Easel
from playground.web.threads import off_loop
from playground.web.words import label, say


def build_instant(jobs: Jobs) -> Parts:
    """Lay out the tab inside the one that is open, and wire it; its components by name."""
    parts: Parts = {"easel": gr.State(Easel())}
    with gr.Row(elem_classes=["room"], equal_height=False):
        with gr.Column(elem_classes=["room-sources"], min_width=240, scale=0):
            source(parts, "instant-photo", say("source.content"), "photos")
            _styles(parts)
        with gr.Column(elem_classes=["room-stage"], min_width=320, scale=2):
            _stage(parts)
        with gr.Column(elem_classes=["room-settings"], min_width=320, scale=1):
            _settings(parts)
    _wire(parts, Instant(jobs, parts), ManyPictures(jobs, parts), Choice(jobs, parts))
    return parts


# ---------------------------------------------------------------- layout


def _stage(parts: Parts) -> None:
    with gr.Column(elem_classes=["easel"]):
        html(parts, "instant-empty", f'<p class="invitation">{say("instant.invitation")}</p>')
        parts["instant-picture"] = gr.ImageSlider(
            format="jpeg", show_label=False, interactive=False, visible=False, buttons=["fullscreen"],
            elem_id="instant-picture", elem_classes=["comparison"], container=False, max_height=640,
        )  # fmt: skip
    with gr.Row(elem_classes=["actions"]):
        parts["instant-strength"] = gr.Slider(
            0, 1, value=1, step=0.01, label=say("instant.strength"), buttons=[], elem_id="instant-strength",
            elem_classes=["setting", "live", "strength"],
        )  # fmt: skip
        html(parts, "instant-status", say("instant.one_pass"), elem_classes=["status-line"])
    html(parts, "instant-message")
    with gr.Row(visible=False, elem_classes=["buttons"], elem_id="instant-after") as parts["instant-after"]:
        parts["instant-save"] = gr.Button(say("results.download", format="PNG"), size="sm", elem_id="instant-save")
        parts["instant-use"] = gr.Button(say("instant.use"), size="sm", elem_id="instant-use")
    parts["instant-file"] = gr.File(visible=False)
    with gr.Accordion(say("many.title"), open=False, elem_classes=["sheet"], elem_id="many"):
        gr.HTML(f'<p class="hint">{say("many.hint")}</p>')
        parts["many-files"] = gr.File(
            file_count="multiple", show_label=False, label=say("many.files"),
            height=140, elem_id="many-files", elem_classes=["drop"],
        )  # fmt: skip
        with gr.Row(elem_classes=["buttons"]):
            parts["many-go"] = gr.Button(say("many.go"), size="sm", elem_id="many-go")
            parts["many-stop"] = gr.Button(say("run.stop"), size="sm", interactive=False, elem_id="many-stop")
        parts["many-steady"] = gr.Checkbox(
            True, label=say("many.steady"), info=say("many.steady_help"), elem_id="many-steady", container=False
        )
        html(parts, "many-status")
        parts["many-gallery"] = gr.Gallery(
            show_label=False, columns=6, height="auto", object_fit="cover", format="jpeg", buttons=[], visible=False,
            interactive=False, container=False, elem_id="many-gallery", elem_classes=["samples"],
        )  # fmt: skip
        parts["many-done"] = gr.File(
            file_count="multiple", show_label=False, label=say("many.painted"), visible=False, interactive=False,
            elem_id="many-done",
            elem_classes=["drop"],
        )  # fmt: skip


def _styles(parts: Parts) -> None:
    with gr.Column(elem_classes=["source"]):
        heading(say("instant.style"))
        lay_out_blend(parts)
        html(parts, "styles-message")
        parts["styles"] = gr.Gallery(
            show_label=False, columns=2, allow_preview=False, object_fit="cover", height="auto", format="jpeg",
            buttons=[], container=False, interactive=False, elem_id="styles", elem_classes=["samples", "captioned"],
        )  # fmt: skip
        with gr.Row(elem_classes=["buttons"]):
            parts["styles-open"] = gr.UploadButton(
                say("instant.open"),
                size="sm",
                elem_id="styles-open",
            )

    with gr.Column(elem_classes=["source"]):
        lay_out_paintings(parts)


def _settings(parts: Parts) -> None:
    with gr.Column(elem_classes=["sheet"]):
        heading(say("instant.picture"))
        parts["instant-size"] = gr.Number(
            value=None, label=f"{label('size')} (px)", placeholder=say("instant.as_photo"),
            info=say("instant.size_help"), buttons=[], elem_id="instant-size",
            elem_classes=["setting"],
        )  # fmt: skip
        parts["instant-strokes"] = gr.Slider(
            *STROKES, value=1, step=0.1, label=say("instant.strokes"), info=say("instant.strokes.info"), buttons=[],
            elem_id="instant-strokes", elem_classes=["setting", "live"],
        )  # fmt: skip
        parts["instant-colours"] = gr.Checkbox(
            label=say("instant.photo_colours"), info=say("instant.photo_colours.info"),
            elem_id="instant-colours", elem_classes=["setting", "live"],
        )  # fmt: skip
        lay_out_weights(parts)
    with gr.Column(elem_classes=["sheet"]):
        heading(say("card.title"))
        html(parts, "model-card", f'<p class="hint">{say("card.empty")}</p>')


# ---------------------------------------------------------------- wiring

PAINTING = (
    "instant-picture", "instant-empty", "instant-status", "instant-message", "instant-after", "model-card",
)  # fmt: skip
REPAINTING: dict[str, Any] = {**WATCHING, "trigger_mode": "always_last"}
"""For sliders, moved by mouse or arrow keys or by a typed number: what moves during a pass is painted once, as it is in the end."""
MANY = ("many-status", "many-gallery", "many-done", "many-go", "many-stop")


def _wire(parts: Parts, instant: Instant, several: ManyPictures, choice: Choice) -> None:
    state, content, size = parts["easel"], parts["instant-photo"], parts["instant-size"]
    look = [parts["instant-strength"], parts["instant-colours"]]
    shown, many = [parts[name] for name in PAINTING], [parts[name] for name in MANY]
    asked = [state, content, size, *look]
    weights, messages = [parts[name] for name in SLIDERS], [parts[name] for name in MESSAGES]
    for event, handler, given in (
        (parts["styles"].select, choice.pick_trained, []),
        (parts["any-paintings"].select, choice.pick_painting, []),
        (parts["any-open"].upload, choice.open_painting, [parts["any-open"]]),
    ):
        event(handler, [state, parts["styles-blend"], *given], [*messages, *weights], **LIGHT).then(
            instant.paint, asked, shown, **WATCHING
        )
    parts["styles-open"].upload(
        choice.open_trained, [state, parts["styles-blend"], parts["styles-open"]], [*messages, *weights], **LIGHT
    ).then(instant.gallery, state, parts["styles"], **LIGHT).then(instant.paint, asked, shown, **WATCHING)
    gr.on(
        [slider.input for slider in weights], partial(_reweighed, instant, choice), [*asked, *weights],
        [*shown, *messages], **REPAINTING,
    )  # fmt: skip
    for event in wire_source(parts, "instant-photo", "photos", "content"):
        event.then(instant.paint, asked, shown, **WATCHING)
    gr.on([size.submit, size.blur], instant.paint, asked, shown, **WATCHING)
    strokes = parts["instant-strokes"]
    strokes.input(partial(_restroked, instant), [*asked, strokes], shown, **REPAINTING)
    gr.on(
        [control.input for control in look], instant.redraw, [state, *look],
        [parts["instant-picture"], parts["instant-message"]], **LATEST,
    )  # fmt: skip
    parts["instant-save"].click(
        instant.file, [state, *look], [parts["instant-file"], parts["instant-message"]], **LIGHT
    ).then(None, parts["instant-file"], None, js=SAVE_FILE, **LIGHT)
    parts["many-go"].click(
        several.paint_many, [state, parts["many-files"], parts["many-steady"], *look], many, **WATCHING
    )
    parts["many-stop"].click(several.stop_many, state, parts["many-stop"], **LIGHT)
    page_under_construction().load(instant.opened, state, [parts["styles"], parts["styles-message"], size], **LIGHT)


async def _restroked(instant: Instant, easel: Easel, *given: Any) -> AsyncIterator[Updates]:
    """How large strokes are was moved; `given` is what `paint` takes, and the slider's value."""
    *asked, strokes = given
    instant.set_strokes(easel, strokes)
    async for updates in instant.paint(easel, *asked):
        yield updates


async def _reweighed(instant: Instant, choice: Choice, easel: Easel, *given: Any) -> AsyncIterator[Updates]:
    """The weights of a blend were moved; `given` is what `paint` takes, and every slider's value."""
    asked, weights = given[: -len(SLIDERS)], given[-len(SLIDERS) :]
    yield await off_loop(choice.weigh, easel, *weights)
    async for updates in instant.paint(easel, *asked):
        yield updates
