"""The desk on which regions are painted over the photo: by brush, by a few strokes that are completed, along contours.

Opened from the strip of paintings (paintings.py); what is taken over goes into the session's recipe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from playground.errors import PlaygroundError
from playground.images.convert import cut_picture, resize_picture, to_tensor
from playground.images.regions import decode_labels, encode_labels, with_map, without_a_region
from playground.images.scribbles import EDGE_SIDE, UNKNOWN, basins, completed, snapped
from playground.networks.contours import contours
from playground.service.jobs import Jobs
from playground.web.components import brush
from playground.web.components.layout import LATEST, LIGHT, WATCHING, Parts, html, listed
from playground.web.components.messages import NOTHING, Updates, fault, message
from playground.web.components.pictures import given
from playground.web.studio.paintings import NO_REGIONS, STRIP, Paintings
from playground.web.studio.session import Session
from playground.web.words import joined, say

DESK = ("regions-desk", "regions-canvas", "regions-softness", "regions-message")

THERE = "() => { requestAnimationFrame(() => document.querySelector('#regions-desk')?.scrollIntoView({ block: 'start' })); }"
BACK = "() => { document.querySelector('#stage')?.scrollIntoView({ block: 'start' }); }"


def build_regions(parts: Parts) -> None:
    """Lay out the desk, out of sight."""
    with gr.Column(visible=False, elem_id="regions-desk", elem_classes=["sheet"]) as parts["regions-desk"]:
        gr.HTML(f"<h2>{say('regions.title')}</h2><p class='hint'>{say('regions.hint')}</p>", apply_default_css=False)
        parts["regions-canvas"] = brush.canvas()
        with gr.Row(elem_classes=["buttons"]):
            for name in ("complete", "snap", "take"):
                parts[f"regions-{name}"] = gr.Button(
                    say(f"regions.{name}"), size="sm", elem_id=f"regions-{name}", min_width=90
                )
            parts["regions-close"] = gr.Button(say("regions.close"), size="sm", elem_id="regions-close", min_width=60)
        parts["regions-softness"] = gr.Slider(
            0, 0.2, value=0, step=0.01, label=say("field.region_softness.label"), info=say("field.region_softness.help"),
            buttons=[], elem_id="regions-softness",
        )  # fmt: skip
        html(parts, "regions-message")


class RegionDesk:
    """Handlers of the desk."""

    def __init__(self, parts: Mapping[str, Any], paintings: Paintings, jobs: Jobs) -> None:
        self.parts, self.paintings, self.jobs = parts, paintings, jobs

    def open(self, session: Session, content: str | None) -> Updates:
        """Put the photo on the desk, with the map that the recipe has."""

        def opened() -> Updates:
            photo, labels = self._photo(session, content), None
            if session.base.regions:
                size = resize_picture(photo, min(brush.SIDE, max(photo.size))).size
                labels = _at(decode_labels(session.base.regions), session.base.crop, size)
            return {
                self.parts["regions-desk"]: gr.Column(visible=True),
                self.parts["regions-canvas"]: brush.value(photo, labels, self.parts["regions-canvas"]),
                self.parts["regions-softness"]: session.base.region_softness,
                self.parts["regions-message"]: "",
            }

        return self._guarded("paintings-message", opened)

    def close(self) -> Updates:
        return {self.parts["regions-desk"]: gr.Column(visible=False)}

    def take(self, how: str, session: Session, content: str | None, drawn: Any) -> Updates:
        """What is painted becomes the recipe's map.

        Args:
            how: "take" as it is, the rest by the first painting; "complete" along the photo's edges; "snap" to contours.
        """

        def taken() -> Updates:
            photo, strokes = self._photo(session, content), brush.strokes_of(drawn)
            session.strokes = own = own_strokes(session, strokes)
            if how == "take":
                labels = np.where(strokes == UNKNOWN, 1, strokes).astype(np.uint8)
            else:
                labels = completed(photo, strokes)
                if how == "snap":
                    labels = self._snapped(photo, labels, own)
            session.base = session.base.changed({"regions": encode_labels(labels)})
            here = brush.value(photo, labels, self.parts["regions-canvas"])
            shown: Updates = {
                self.parts["regions-canvas"]: here,
                self.parts["regions-message"]: self._said(session, labels),
            }
            return {**self.paintings.shown(session), **shown}

        return self._guarded("regions-message", taken)

    def _snapped(self, photo: Image.Image, labels: np.ndarray, strokes: np.ndarray) -> np.ndarray:
        small = resize_picture(photo, min(EDGE_SIDE, max(photo.size)))
        edges = self.jobs.turn().do(partial(contours, to_tensor(small), self.jobs.here)).numpy()
        return snapped(labels, basins(edges), strokes)

    def _said(self, session: Session, labels: np.ndarray) -> str:
        """What stands in the way of painting with this map, else that it is taken."""
        most = int(labels.max())
        if most == 0:
            return message(say("regions.all_black"))
        if most > 1 + len(session.more):
            return message(say("regions.needs", number=most), "note")
        unused = without_a_region(session.base, 1 + len(session.more))
        if unused:
            return message(say("regions.unused", number=joined([str(number) for number in unused])), "note")
        return message(say("regions.taken"), "note")

    def soften(self, session: Session, value: Any) -> str:
        """Softer borders, from the next run on."""
        try:
            session.base = session.base.changed({"region_softness": value})
        except PlaygroundError as error:
            return message(fault(error))
        return message(say("paintings.next_run"), "note") if session.running() is not None else ""

    def load(self, session: Session, content: str | None, path: str | None) -> Updates:
        """A map was given as a picture."""
        if not path:
            return NOTHING

        def loaded() -> Updates:
            if not content:
                raise PlaygroundError(say("error.choose_photo"))
            session.base = with_map(session.base, path, given(content, say("the.content")).size, say("the.map"))
            return self.paintings.shown(session, self._said(session, decode_labels(session.base.regions)))

        return self._guarded("paintings-message", loaded)

    def remove(self, session: Session) -> Updates:
        """No regions any more."""
        session.base = session.base.changed(NO_REGIONS)
        return {**self.paintings.shown(session), self.parts["regions-desk"]: gr.Column(visible=False)}

    def _photo(self, session: Session, content: str | None) -> Image.Image:
        if not content:
            raise PlaygroundError(say("error.choose_photo"))
        return cut_picture(given(content, say("the.content")), session.base.crop)

    def _guarded(self, place: str, act: Callable[[], Updates]) -> Updates:
        try:
            return act()
        except Exception as error:
            return {self.parts[place]: message(fault(error))}


def own_strokes(session: Session, strokes: np.ndarray) -> np.ndarray:
    """What was drawn by hand of all that is on the canvas, which also shows the map that was last put there.

    Args:
        strokes: H×W of region numbers, `UNKNOWN` where nothing is.

    Returns:
        The same, `UNKNOWN` also where the map shows unchanged, but for strokes from before it was completed.
    """
    if (strokes == UNKNOWN).any() or not session.base.regions:
        return strokes
    before = _at(decode_labels(session.base.regions), session.base.crop, (strokes.shape[1], strokes.shape[0]))
    earlier = session.strokes if session.strokes is not None and session.strokes.shape == strokes.shape else UNKNOWN
    return np.where(strokes == before, earlier, strokes)


def _at(labels: np.ndarray, crop: str, size: tuple[int, int]) -> np.ndarray:
    """A recipe's map as it lies on a canvas of a size."""
    return np.asarray(cut_picture(Image.fromarray(labels), crop).resize(size, Image.Resampling.NEAREST))


def wire_regions(parts: Parts, desk: RegionDesk) -> None:
    """Bind the desk and the buttons of the strip that open it."""
    session, content, canvas = parts["session"], parts["content"], parts["regions-canvas"]
    both = [*listed(parts, STRIP), *listed(parts, DESK)]
    parts["regions-open"].click(desk.open, [session, content], both, **LIGHT).then(None, None, None, js=THERE, **LIGHT)
    parts["regions-close"].click(desk.close, None, both, **LIGHT).then(None, None, None, js=BACK, **LIGHT)
    for how in ("take", "complete", "snap"):
        # what was said of the map before is not said of this one
        parts[f"regions-{how}"].click(None, None, parts["regions-message"], js="() => ''", **LIGHT)
        parts[f"regions-{how}"].click(partial(desk.take, how), [session, content, canvas], both, **WATCHING)
    parts["regions-softness"].input(
        desk.soften, [session, parts["regions-softness"]], parts["regions-message"], **LATEST
    )
    parts["regions-load"].upload(desk.load, [session, content, parts["regions-load"]], both, **LIGHT)
    parts["regions-remove"].click(desk.remove, session, both, **LIGHT)
