"""The Side by side tab: one photo and one painting through pixels, a network and an instant style, measured alike.

Laid out and wired here and built by page.py; what the tab does stands in handlers.py.
"""

from __future__ import annotations

import gradio as gr

from playground.feedforward.model import shipped_styles
from playground.service.jobs import Jobs
from playground.web.compare.handlers import MAX_SECONDS, MAX_SIDE, PARTS, Comparer, Comparison
from playground.web.components.layout import LIGHT, WATCHING, Parts, heading, html, source, wire_source
from playground.web.words import label, say

OWN_MODEL = ""  # the dropdown's value for the style that was trained on this very painting


def build_compare(jobs: Jobs) -> Parts:
    """Lay out the tab inside the one that is open, and wire it; its components by name."""
    parts: Parts = {"comparison": gr.State(Comparison())}
    with gr.Row(elem_classes=["room", "wide"], equal_height=False):
        with gr.Column(elem_classes=["room-sources"], min_width=240, scale=0):
            source(parts, "compare-photo", say("source.content"), "photos")
            source(parts, "compare-style", say("source.style"), "styles")
            with gr.Column(elem_classes=["sheet"]):
                _settings(parts)
        with gr.Column(elem_classes=["room-stage"], min_width=320, scale=2):
            _stage(parts)
    _wire(parts, Comparer(jobs, parts))
    return parts


def _stage(parts: Parts) -> None:
    with gr.Column(elem_classes=["easel"]):
        html(parts, "compare-empty", f'<p class="invitation">{say("compare.invitation")}</p>')
        parts["board"] = gr.Image(
            format="png", show_label=False, interactive=False, buttons=["fullscreen"], elem_id="board", visible=False,
            elem_classes=["growing"], container=False, alt_text=say("compare.alt"),
        )  # fmt: skip
    with gr.Row(elem_classes=["actions"]):
        parts["compare"] = gr.Button(
            say("compare.compare"),
            variant="primary",
            elem_id="compare",
            elem_classes=["go-button"],
            min_width=90,
            scale=0,
        )
        parts["compare-stop"] = gr.Button(
            say("run.stop"), interactive=False, elem_id="compare-stop", min_width=64, scale=0
        )
        parts["board-save"] = gr.DownloadButton(
            say("network.download"), interactive=False, elem_id="board-save", min_width=84, scale=0
        )
        html(parts, "compare-status", "", scale=1, elem_classes=["status-line"])
    html(parts, "compare-message")
    html(parts, "figures")


def _settings(parts: Parts) -> None:
    heading(say("compare.title"))
    parts["compare-size"] = gr.Slider(
        64, MAX_SIDE, value=192, step=16, label=f"{label('size')} (px)", buttons=[], elem_id="compare-size",
        elem_classes=["setting"], info=say("compare.size_help"),
    )  # fmt: skip
    parts["compare-seconds"] = gr.Slider(
        1, MAX_SECONDS, value=30, step=1, label=say("compare.seconds"), buttons=[], elem_id="compare-seconds",
        info=say("compare.seconds_help"), elem_classes=["setting"],
    )  # fmt: skip
    parts["compare-model"] = gr.Dropdown(
        models(), value=OWN_MODEL, label=say("method.instant"), filterable=False, elem_id="compare-model",
        info=say("compare.model_help"), elem_classes=["setting"],
    )  # fmt: skip
    gr.HTML(f'<p class="hint">{say("compare.meaning")}</p>', apply_default_css=False)


def models() -> list[tuple[str, str]]:
    """The instant styles to compare with: that of the painting itself, or any by name."""
    return [(say("compare.own_model"), OWN_MODEL), *((name.replace("_", " "), name) for name in shipped_styles())]


def _wire(parts: Parts, comparer: Comparer) -> None:
    wire_source(parts, "compare-photo", "photos", "content")
    wire_source(parts, "compare-style", "styles", "style")
    asked = [parts[f"compare-{name}"] for name in ("photo", "style", "size", "seconds", "model")]
    parts["compare"].click(
        comparer.compare,
        [parts["comparison"], *asked],
        [parts[name] for name in PARTS],
        trigger_mode="once",
        **WATCHING,
    )
    parts["compare-stop"].click(comparer.stop, parts["comparison"], parts["compare-stop"], **LIGHT)
