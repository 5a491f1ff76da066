"""Ears, the first screen of the Lab: a painting, an edited copy, and what each of the two losses notices.

Laid out and wired by tab.py. One look of the network an edit, in a turn like all other work; what is measured is known to
lens/.
"""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr
from PIL import Image

from playground.errors import PlaygroundError
from playground.experiments.listening import LISTENED, Listened, listen
from playground.images.convert import resize_picture
from playground.lens.ears import Heard
from playground.lens.edits import EDITS
from playground.recipe.base import DEFAULT_NETWORK
from playground.service.jobs import Jobs
from playground.web.components.data_urls import url_of_picture
from playground.web.components.layout import Parts
from playground.web.components.messages import NOTHING, Updates, fault, message
from playground.web.components.pictures import given
from playground.web.words import decimal, say

FULL = 1.5  # at the right end of a meter; a value beyond it is written, and the bar ends there
QUIET = 0.15  # below this a loss hardly notices


class Ears:
    """Handlers of the screen.

    Args:
        parts: the tab's components by name.
    """

    def __init__(self, jobs: Jobs, parts: Parts) -> None:
        self.jobs, self.parts = jobs, parts

    def choose(self, painting: str | None, edit: str) -> Updates:
        """Another edit: its slider, and what is noticed at the amount it starts with."""
        if edit not in ("", *EDITS):
            return NOTHING
        slider = amount_slider(edit)
        return {self.parts["ears-amount"]: slider, **self.hear(painting, edit, None)}

    def hear(self, painting: str | None, edit: str, amount: float | None) -> Updates:
        """Listen to an edit at an amount."""
        parts = self.parts
        try:
            found, before = heard(self.jobs, painting, edit, amount)
        except Exception as error:
            return {parts["ears-message"]: message(fault(error))}
        return {parts["ears-message"]: "", parts["ears"]: screen(before, found), parts["ears-said"]: spoken(found)}


def heard(jobs: Jobs, painting: str | None, edit: str, amount: float | None) -> tuple[Listened, Image.Image]:
    """What is noticed of an edit of a visitor's painting, and the painting as it was looked at.

    Raises:
        PlaygroundError: there is no painting, it cannot be used, or the network is not here.
    """
    if not painting:
        raise PlaygroundError(say("lab.choose_painting"))
    picture = given(painting, say("the.style"))
    return listened(jobs, picture, edit, amount)


def listened(jobs: Jobs, picture: Image.Image, edit: str, amount: float | None) -> tuple[Listened, Image.Image]:
    """The same of a clean picture, in a turn of its own."""
    network = jobs.downloads.here(DEFAULT_NETWORK)
    found = jobs.turn().do(lambda: listen(picture, edit, amount, network))
    return found, resize_picture(picture, LISTENED)


def amount_slider(edit: str) -> Any:
    """The slider of an edit; without one, it is not there."""
    about = EDITS.get(edit)
    if about is None or about.least == about.most:
        return gr.Slider(visible=False)
    return gr.Slider(
        minimum=about.least, maximum=about.most, value=about.start, step=1, visible=True,
        label=say(f"lab.amount.{edit}"),
    )  # fmt: skip


def choices() -> list[tuple[str, str]]:
    """Every edit as a button, after "as it is"."""
    return [(say("lab.edit.none"), ""), *((say(f"lab.edit.{name}"), name) for name in EDITS)]


def spoken(found: Listened) -> str:
    """What was noticed, in a sentence or two, for eyes and screen readers."""
    return f"<p>{escape(sentence(found.found, found.another))}</p>"


def sentence(found: Heard, another: float) -> str:
    """The same in the language of whoever asks."""
    if found.content == 0 and found.style == 0:
        return say("lab.heard.nothing")
    figures = {"style": decimal(f"{found.style:.2f}"), "another": decimal(f"{another:.2f}")}
    if found.content is None:
        return say("lab.heard.resized", **figures)
    who = {(True, True): "both", (True, False): "content", (False, True): "style", (False, False): "neither"}
    return say(
        f"lab.heard.{who[found.content >= QUIET, found.style >= QUIET]}",
        content=decimal(f"{found.content:.2f}"),
        **figures,
    )


def screen(before: Image.Image, found: Listened) -> str:
    """The painting, its copy and the meters."""
    both = ((before, say("lab.the_painting")), (found.picture, say("lab.the_copy")))
    figures = "".join(
        f'<figure><img src="{url_of_picture(picture)}" alt="{escape(name)}"><figcaption>{escape(name)}</figcaption></figure>'
        for picture, name in both
    )
    return f'<div class="ears-pair">{figures}</div>{meters(found.found, found.another)}'


def meters(found: Heard, another: float, layers: bool = True) -> str:
    """Two meters, and the five layers of the second."""
    content = (
        _meter("content", say("term.content"), found.content, None)
        if found.content is not None
        else f'<div class="meter k-content"><span class="name">{escape(say("term.content"))}</span>'
        f'<span class="none">{escape(say("lab.no_content"))}</span><b>–</b></div>'
    )
    deeper = "".join(_meter("style", name, value, None, "layer") for name, value in found.layers.items())
    ticks = (
        f'<div class="meter ticks" aria-hidden="true"><span class="name"></span><span class="scale">'
        f'<i style="left:0">{escape(say("lab.same"))}</i>'
        f'<i class="another" style="left:{_share(another):.1f}%">{escape(say("lab.another"))} {decimal(f"{another:.2f}")}</i></span><b></b></div>'
    )
    return (
        f'<div class="meters">{content}{_meter("style", say("term.style"), found.style, another)}{ticks}'
        + (f'<p class="hint">{escape(say("lab.layers"))}</p>{deeper}' if layers else "")
        + "</div>"
    )


def _meter(kind: str, name: str, value: float, another: float | None, size: str = "") -> str:
    mark = "" if another is None else f'<i class="mark" style="left:{_share(another):.1f}%"></i>'
    beyond = " beyond" if value > FULL else ""
    return (
        f'<div class="meter k-{kind} {size}"><span class="name">{escape(name)}</span>'
        f'<span class="track{beyond}" aria-hidden="true">'
        f'<i class="bar" style="width:{_share(value):.1f}%"></i><i class="mark" style="left:0"></i>{mark}</span>'
        f"<b>{decimal(f'{value:.2f}')}</b></div>"
    )


def _share(value: float) -> float:
    return 100 * min(1.0, value / FULL)
