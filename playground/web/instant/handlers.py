"""One photo in one pass: a style is picked or opened, the photo is painted, and its strength changes without another pass.

Wired by the Instant styles tab; what takes time has its turn on the device.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from functools import partial
from html import escape
from pathlib import Path

import gradio as gr
from PIL import Image

from playground.errors import PlaygroundError
from playground.feedforward.apply import STROKES, OnePass, Stylized, stylize_picture
from playground.images.convert import resize_picture
from playground.images.save import encode_picture
from playground.recipe.picture_limits import DPI
from playground.service.jobs import Jobs
from playground.system.device import describe_device
from playground.web.components import controls
from playground.web.components.format import duration, on_paper
from playground.web.components.layout import Parts
from playground.web.components.messages import NOTHING, Updates, fault, message
from playground.web.components.pictures import given
from playground.web.gradio_patches.private_names import served_bytes
from playground.web.instant.card import cards_html, named, thumbnail
from playground.web.instant.state import MAX_SIDE, Easel, check_sides, plain
from playground.web.threads import off_loop
from playground.web.words import decimal, say, translated

SHOWN = 1024  # long side of what the page shows of a large picture; the download is whole


class Instant:
    """Handlers of the tab.

    Args:
        jobs: for turns on the device and for tasks.
        parts: the tab's components by name.
    """

    def __init__(self, jobs: Jobs, parts: Parts) -> None:
        self.jobs, self.parts = jobs, parts
        self.device = describe_device(jobs.here)

    # ---------------------------------------------------------------- styles

    def opened(self, easel: Easel) -> Updates:
        """The page was opened: the styles that are here, and no size asked for (a number box by itself begins with 0)."""
        said = "" if easel.names() else message(say("instant.no_style"), "note")
        return {
            self.parts["styles"]: self.gallery(easel),
            self.parts["styles-message"]: said,
            self.parts["instant-size"]: None,
        }

    def gallery(self, easel: Easel) -> gr.Gallery:
        """The trained styles, with the one that was taken last marked."""
        names = easel.names()
        listed = [(thumbnail(easel.model(name)), named(name)) for name in names]
        last = easel.chosen[-1].title if easel.chosen else ""
        index = names.index(last) if last in names else None
        return gr.Gallery(listed, selected_index=index, visible=bool(names))

    # ---------------------------------------------------------------- one picture

    async def paint(
        self, easel: Easel, content: str | None, size: float | None, strength: float, colours: bool
    ) -> AsyncIterator[Updates]:
        """Paint the content image in the style that is taken, unless that is what is on show already."""
        parts, wanted = self.parts, (easel.style, easel.takes, content, size, easel.strokes)
        yield NOTHING
        if easel.stylizer is None or wanted == easel.made_of:
            return
        yield {
            parts["instant-status"]: f"{escape(named(easel.style))} · {say('instant.painting')}",
            parts["instant-message"]: "",
        }
        try:
            seconds = await off_loop(self._paint, easel, content, size)
        except Exception as error:
            yield {parts["instant-message"]: message(fault(error)), parts["instant-status"]: ""}
            return
        easel.made_of = wanted
        assert easel.stylized is not None
        width, height = easel.stylized.content.size
        took = f"{decimal(f'{seconds:.2g}')} s" if seconds < 10 else duration(seconds)
        said = say("instant.took", width=width, height=height, time=took)
        paper = say("instant.paper", cm=on_paper(max(width, height)), dpi=DPI)
        yield {
            parts["instant-picture"]: gr.ImageSlider(self._pair(easel, strength, colours), visible=True),
            parts["instant-empty"]: "",
            parts["instant-after"]: gr.Row(visible=True),
            parts["instant-status"]: f"{escape(named(easel.style))} · {said} · {translated(self.device)} · {paper}",
            parts["model-card"]: cards_html([one.source for one in easel.chosen if one.weight > 0]),
        }

    def _paint(self, easel: Easel, path: str | None, size: float | None) -> float:
        """Paint into the easel; the seconds that the pass took, without waiting for a turn."""
        if not path:
            raise PlaygroundError(say("error.choose_content"))
        if size and not 64 <= size <= MAX_SIDE:
            raise PlaygroundError(say("instant.size_bounds", most=MAX_SIDE))
        content = given(path, say("the.content"))
        if size or max(content.size) > MAX_SIDE:
            content = resize_picture(content, int(size or MAX_SIDE))
        check_sides(content)
        assert easel.stylizer is not None
        easel.stylized, seconds = self.jobs.turn().do(partial(_timed, easel.stylizer, content, easel.strokes))
        easel.stem = plain(Path(path).stem)
        small = min(SHOWN, max(content.size))
        easel.shown = Stylized(*(resize_picture(picture, small) for picture in (content, easel.stylized.result)))
        return seconds

    def set_strokes(self, easel: Easel, strokes: float) -> None:
        """How large strokes are was moved; `paint` follows."""
        easel.strokes = min(STROKES[1], max(STROKES[0], controls.finite(strokes) or 1.0))

    def _pair(self, easel: Easel, strength: float, colours: bool) -> tuple[Image.Image, Image.Image] | None:
        return (easel.shown.content, easel.shown.at(strength, colours)) if easel.shown else None

    def redraw(self, easel: Easel, strength: float, colours: bool) -> Updates:
        """Another strength or other colours of what is painted: a blend, no pass."""
        if easel.shown is None:
            return NOTHING
        return {self.parts["instant-picture"]: gr.ImageSlider(self._pair(easel, strength, colours))}

    def file(self, easel: Easel, strength: float, colours: bool) -> Updates:
        """The picture on show as a PNG at its full size, for the browser to save."""
        place = self.parts["instant-file"]
        if easel.stylized is None:
            return NOTHING
        try:
            data = encode_picture(easel.stylized.at(strength, colours), "png", dpi=DPI)
            return {place: served_bytes(data, f"{easel.stem}-{plain(easel.style)}.png", place)}
        except Exception as error:
            return {self.parts["instant-message"]: message(fault(error))}


def _timed(stylizer: OnePass, content: Image.Image, strokes: float) -> tuple[Stylized, float]:
    started = time.perf_counter()
    stylized = stylize_picture(stylizer, content, strokes=strokes)
    return stylized, time.perf_counter() - started
