"""The Lab tab: what each loss hears.

Laid out and wired here and built by page.py; what it does stands in ears.py.
"""

from __future__ import annotations

import gradio as gr

from playground.service.jobs import Jobs
from playground.web.components.layout import LATEST, Parts, html, source, wire_source
from playground.web.lab.ears import Ears, choices
from playground.web.words import say


def build_lab(jobs: Jobs, tab: gr.Tab) -> Parts:
    """Lay out the Lab inside `tab`, which is open, and wire it; its components by name."""
    parts: Parts = {}
    with gr.Row(elem_id="lab", elem_classes=["room", "wide"], equal_height=False):
        with gr.Column(elem_classes=["room-sources"], min_width=240, scale=0):
            source(parts, "lab-style", say("source.style"), "styles")
        with gr.Column(elem_classes=["room-stage"], min_width=320, scale=2):
            _ears(parts)
    _wire_ears(parts, Ears(jobs, parts), tab)
    return parts


def _ears(parts: Parts) -> None:
    gr.HTML(f'<p class="lab-lead">{say("lab.ears.lead")}</p>', apply_default_css=False)
    parts["ears-edit"] = gr.Radio(
        choices(),
        value="cut",
        label=say("lab.ears.edits"),
        elem_id="ears-edit",
        elem_classes=["chips"],
        container=False,
    )
    parts["ears-amount"] = gr.Slider(
        2, 16, value=4, step=1, label=say("lab.amount.cut"), buttons=[], elem_id="ears-amount", elem_classes=["setting"]
    )
    html(parts, "ears-message")
    html(parts, "ears-said", elem_classes=["lab-said"])
    html(parts, "ears", f'<p class="invitation">{say("lab.ears.waiting")}</p>')
    gr.HTML(f'<p class="hint">{say("lab.ears.meaning")}</p>', apply_default_css=False)


def _wire_ears(parts: Parts, ears: Ears, tab: gr.Tab) -> None:
    wired = wire_source(parts, "lab-style", "styles", "style")
    painting, edit, amount = parts["lab-style"], parts["ears-edit"], parts["ears-amount"]
    shown = [parts[name] for name in ("ears-message", "ears", "ears-said")]
    edit.input(ears.choose, [painting, edit], [amount, *shown], **LATEST)
    for when in (amount.input, tab.select, *(given.then for given in wired)):
        when(ears.hear, [painting, edit, amount], shown, **LATEST)
