"""Which styles the photo is painted in: a trained network or any painting, alone or blended with up to three others.

Wired by the Instant styles tab; `Instant` paints with what is taken here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from playground.errors import PlaygroundError
from playground.feedforward.apply import OnePass
from playground.feedforward.blended import blended_stylizer
from playground.feedforward.model import MODEL_SUFFIXES, Model, load_model
from playground.images.convert import resize_picture
from playground.networks.catalogue import ANY_PAINTING, WeightsMissing
from playground.recipe.styles import MAX_STYLES
from playground.service.jobs import Jobs
from playground.web.components import controls, pictures
from playground.web.components.layout import Parts, heading, html
from playground.web.components.messages import NOTHING, Updates, fault, message
from playground.web.gradio_patches.unreadable_requests import picked
from playground.web.instant.card import named
from playground.web.instant.state import OPENED_MB, Chosen, Easel, OpenedModels
from playground.web.words import decimal, joined, say

PAINTING_SIDE = 1024  # pixels, long side of a painting that is kept: its network looks at 256
PATIENCE = 120.0  # seconds for the network to come
MESSAGES = ("styles-message", "any-message", "weights-message")
SLIDERS = tuple(f"styles-weight-{number}" for number in range(MAX_STYLES))


def lay_out_paintings(parts: Parts) -> None:
    """The samples and a button for a file."""
    heading(say("any.title"))
    html(parts, "any-message")
    parts["any-paintings"] = gr.Gallery(
        pictures.thumbnails("styles"), show_label=False, columns=4, allow_preview=False, object_fit="cover", height="auto",
        format="jpeg", buttons=[], container=False, interactive=False, elem_id="any-paintings", elem_classes=["samples"],
    )  # fmt: skip
    with gr.Row(elem_classes=["buttons"]):
        parts["any-open"] = gr.UploadButton(say("any.open"), size="sm", elem_id="any-open")


def lay_out_blend(parts: Parts) -> None:
    """Whether the next style joins those chosen before."""
    parts["styles-blend"] = gr.Checkbox(
        label=say("blend"), info=say("blend.info", most=MAX_STYLES), elem_id="styles-blend", container=False,
        elem_classes=["setting"],
    )  # fmt: skip


def lay_out_weights(parts: Parts) -> None:
    """A weight for each style of a blend."""
    html(parts, "weights-message")
    for name in SLIDERS:
        parts[name] = gr.Slider(
            0, 1, value=1, step=0.05, label=name, visible=False, buttons=[], elem_id=name, elem_classes=["setting", "live"]
        )  # fmt: skip


class Choice:
    """Handlers of what is picked, opened and weighed.

    Args:
        jobs: for the network for any painting, where it is still to come.
        parts: the tab's components by name.
    """

    def __init__(self, jobs: Jobs, parts: Parts) -> None:
        self.jobs, self.parts = jobs, parts
        self.opened_models = OpenedModels(OPENED_MB)

    def pick_trained(self, easel: Easel, blend: bool, event: gr.SelectData) -> Updates:
        """A trained style was picked; `paint` follows."""
        names = easel.names()
        name = names[picked(event, len(names))]
        return self._join(easel, blend, Chosen(name, easel.model(name)), "styles-message")

    def open_trained(self, easel: Easel, blend: bool, path: str | None) -> Updates:
        """A network's file was given: it joins the styles and is taken."""
        if not path:
            return NOTHING
        try:
            if Path(path).suffix.lower() not in MODEL_SUFFIXES:
                raise PlaygroundError(
                    say("error.no_model_file", name=Path(path).name, suffixes=joined(sorted(MODEL_SUFFIXES)))
                )
            model = load_model(Path(path))
            self.opened_models.admit(model)
        except Exception as error:
            return {self.parts["styles-message"]: message(fault(error))}
        return self._join(easel, blend, Chosen(easel.add(model), model), "styles-message")

    def pick_painting(self, easel: Easel, blend: bool, event: gr.SelectData) -> Updates:
        """A sample was picked; `paint` follows."""
        sample = pictures.styles()[picked(event, len(pictures.styles()))]
        return self._join(easel, blend, Chosen(sample.title, small(sample.picture())), "any-message")

    def open_painting(self, easel: Easel, blend: bool, path: str | None) -> Updates:
        """A painting's file was given."""
        if not path:
            return NOTHING
        try:
            picture = pictures.given(path, say("any.painting"))
        except Exception as error:
            return {self.parts["any-message"]: message(fault(error))}
        return self._join(easel, blend, Chosen(Path(path).stem[:40], small(picture)), "any-message")

    def weigh(self, easel: Easel, *weights: float) -> Updates:
        """The weights of a blend were moved."""
        given = [min(1.0, max(0.0, controls.finite(weight) or 0.0)) for weight in weights]
        easel.chosen = [replace(one, weight=weight) for one, weight in zip(easel.chosen, given, strict=False)]
        return self._take(easel, "weights-message")

    def _join(self, easel: Easel, blend: bool, style: Chosen, place: str) -> Updates:
        """Take a style alone, or beside those that are there; the oldest gives way to a fifth."""
        trained = isinstance(style.source, Model)
        same = [one for one in easel.chosen if trained and isinstance(one.source, Model) and one.title == style.title]
        others = [one for one in easel.chosen if blend and one not in same]
        if same and easel.stylizer is not None and (blend or len(easel.chosen) == 1):
            return NOTHING  # it is taken already
        easel.chosen = [*others, style][-MAX_STYLES:]
        return {**self._sliders(easel.chosen), **self._take(easel, place)}

    def _sliders(self, styles: Sequence[Chosen]) -> dict[Any, Any]:
        shown = len(styles) > 1
        found = {}
        for number, name in enumerate(SLIDERS):
            if shown and number < len(styles):
                found[self.parts[name]] = gr.Slider(
                    value=styles[number].weight, label=named(styles[number].title), visible=True
                )
            else:
                found[self.parts[name]] = gr.Slider(visible=False)
        return found

    def _take(self, easel: Easel, place: str) -> Updates:
        """Make the styles on the easel ready to paint with; what hinders it is said at `place`."""
        styles = easel.chosen
        if not styles:
            return NOTHING
        counted = [one for one in styles if one.weight > 0]
        title = " + ".join(
            one.title if one.weight == 1 else f"{one.title} × {decimal(f'{one.weight:g}')}" for one in counted
        )
        try:
            easel.stylizer = made_ready(self.jobs, [(one.source, one.weight) for one in styles], title)
        except Exception as error:
            easel.stylizer, easel.style = None, ""
            return {self.parts[place]: message(fault(error))}
        easel.style, easel.takes = title, easel.takes + 1
        return {self.parts[name]: "" for name in MESSAGES}


def made_ready(jobs: Jobs, styles: Sequence[tuple[Model | Image.Image, float]], title: str) -> OnePass:
    """What paints in these styles by their weights; the network for any painting is fetched the first time.

    Raises:
        PlaygroundError: as `blended_stylizer`, or the network cannot be had, or not yet.
    """
    try:
        return blended_stylizer(styles, title, jobs.here)
    except WeightsMissing:
        download = jobs.downloads.fetch(ANY_PAINTING)
        if not download.over.wait(PATIENCE):
            raise PlaygroundError(say("any.on_its_way")) from None
        if download.error is not None:
            raise download.error from None
        return blended_stylizer(styles, title, jobs.here)


def small(picture: Image.Image) -> Image.Image:
    """A painting as large as it is kept."""
    return resize_picture(picture, min(PAINTING_SIDE, max(picture.size)))
