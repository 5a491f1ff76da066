"""Any painting at once: a sample or a file of one's own is taken as the style, alone or blended with up to three others.

Wired by the Instant styles tab; `Instant` paints with what is taken here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from playground.errors import PlaygroundError
from playground.feedforward.any_stylizer import AnyStylizer
from playground.images.convert import resize_picture
from playground.networks.catalogue import ANY_PAINTING, WeightsMissing
from playground.recipe.styles import MAX_STYLES
from playground.service.jobs import Jobs
from playground.web.components import pictures
from playground.web.components.layout import Parts, heading, html
from playground.web.components.messages import NOTHING, Updates, fault, message
from playground.web.gradio_patches.unreadable_requests import picked
from playground.web.instant.card import named
from playground.web.instant.state import Easel
from playground.web.words import say

PAINTING_SIDE = 1024  # pixels, long side of a painting that is kept: its network looks at 256
PATIENCE = 120.0  # seconds for the network to come
SLIDERS = tuple(f"any-weight-{number}" for number in range(MAX_STYLES))


def lay_out(parts: Parts) -> None:
    """The samples, a button for a file, and a weight for each painting of a blend."""
    heading(say("any.title"))
    html(parts, "any-message")
    parts["any-paintings"] = gr.Gallery(
        pictures.thumbnails("styles"), show_label=False, columns=4, allow_preview=False, object_fit="cover", height="auto",
        format="jpeg", buttons=[], container=False, interactive=False, elem_id="any-paintings", elem_classes=["samples"],
    )  # fmt: skip
    with gr.Row(elem_classes=["buttons"]):
        parts["any-open"] = gr.UploadButton(say("any.open"), file_types=["image"], size="sm", elem_id="any-open")
    parts["any-blend"] = gr.Checkbox(
        label=say("any.blend"), info=say("any.blend.info", most=MAX_STYLES), elem_id="any-blend", elem_classes=["setting"]
    )  # fmt: skip
    for name in SLIDERS:
        parts[name] = gr.Slider(
            0, 1, value=1, step=0.05, label=name, visible=False, buttons=[], elem_id=name, elem_classes=["setting", "live"]
        )  # fmt: skip


class AnyPainting:
    """Handlers of the paintings.

    Args:
        jobs: for the network, where it is still to come.
        parts: the tab's components by name.
    """

    def __init__(self, jobs: Jobs, parts: Parts) -> None:
        self.jobs, self.parts = jobs, parts

    def pick(self, easel: Easel, blend: bool, event: gr.SelectData) -> Updates:
        """A sample was picked; `paint` follows."""
        sample = pictures.styles()[picked(event, len(pictures.styles()))]
        return self._join(easel, blend, sample.title, sample.picture())

    def opened(self, easel: Easel, blend: bool, path: str | None) -> Updates:
        """A painting's file was given."""
        if not path:
            return NOTHING
        try:
            picture = pictures.given(path, say("any.painting"))
        except Exception as error:
            return {self.parts["any-message"]: message(fault(error))}
        return self._join(easel, blend, Path(path).stem[:40], picture)

    def weigh(self, easel: Easel, *weights: float) -> Updates:
        """The weights of a blend were moved."""
        easel.paintings = [
            (title, picture, weight)
            for (title, picture, _), weight in zip(easel.paintings, weights, strict=False)
        ]  # fmt: skip
        return self._take(easel)

    def _join(self, easel: Easel, blend: bool, title: str, picture: Image.Image) -> Updates:
        """Take a painting alone, or beside those that are there; the oldest gives way to a fifth."""
        picture = resize_picture(picture, min(PAINTING_SIDE, max(picture.size)))
        others = easel.paintings if blend else []
        easel.paintings = [*others, (title, picture, 1.0)][-MAX_STYLES:]
        return {**self._sliders(easel.paintings), **self._take(easel)}

    def _sliders(self, paintings: Sequence[tuple[str, Image.Image, float]]) -> dict[Any, Any]:
        shown = len(paintings) > 1
        found = {}
        for number, name in enumerate(SLIDERS):
            if shown and number < len(paintings):
                title, _, weight = paintings[number]
                found[self.parts[name]] = gr.Slider(value=weight, label=named(title), visible=True)
            else:
                found[self.parts[name]] = gr.Slider(visible=False)
        return found

    def _take(self, easel: Easel) -> Updates:
        """Make the paintings on the easel ready to paint with."""
        place, paintings = self.parts["any-message"], easel.paintings
        if not paintings:
            return NOTHING
        title = " + ".join(title if weight == 1 else f"{title} × {weight:g}" for title, _, weight in paintings)
        try:
            easel.stylizer = self._stylizer([(picture, weight) for _, picture, weight in paintings], title)
        except Exception as error:
            easel.stylizer, easel.style = None, ""
            return {place: message(fault(error))}
        easel.style, easel.takes = title, easel.takes + 1
        return {place: ""}

    def _stylizer(self, paintings: list[tuple[Image.Image, float]], title: str) -> AnyStylizer:
        """What paints like them; its network is fetched the first time."""
        try:
            return AnyStylizer(paintings, title, self.jobs.here)
        except WeightsMissing:
            download = self.jobs.downloads.fetch(ANY_PAINTING)
            if not download.over.wait(PATIENCE):
                raise PlaygroundError(say("any.on_its_way")) from None
            if download.error is not None:
                raise download.error from None
            return AnyStylizer(paintings, title, self.jobs.here)
