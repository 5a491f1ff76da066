"""The strip of paintings under the painting's box: more of them, how much each counts, whose faces are kept, what goes where.

Laid out by tab.py and wired here. The pictures stand in the session; weights and the map in its recipe, from which a run
starts, and a run that goes on with as many paintings takes a moved weight at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import gradio as gr
from PIL import Image

from playground.errors import PlaygroundError
from playground.images.convert import resize_picture
from playground.images.faces import face_map
from playground.images.load import load_picture
from playground.images.regions import encode_soft, misfit, picture_of
from playground.images.save import encode_picture
from playground.recipe.model import Recipe
from playground.recipe.styles import MAX_STYLES
from playground.web.components import blend, controls, pictures
from playground.web.components.data_urls import url_of_file
from playground.web.components.layout import LATEST, LIGHT, Parts, html, listed
from playground.web.components.messages import NOTHING, Updates, fault, message
from playground.web.components.pictures import given
from playground.web.studio.session import Session
from playground.web.words import say

NUMBERS = range(1, MAX_STYLES + 1)
# Of each painting: the recipe's list, least, most, and the label's key.
SLIDERS: dict[str, tuple[str, float, float, str]] = {
    "weight": ("style_weights", 0, 2, "paintings.weight"),
    "scale": ("style_scales", 0.25, 4, "paintings.scale"),
    "content-weight": ("region_content_weights", 0, 8, "paintings.content_weight"),
}
STRIP = (
    *(f"{what}-{number}" for number in NUMBERS for what in ("painting", "thumbnail", *SLIDERS)),
    "blend", "blend-hint", "add-painting", "paintings-message", "faces", "faces-weight", "regions-remove", "regions-shown",
)  # fmt: skip
"""What the strip shows of a session."""
KEPT = (
    "style_weights", "style_scales", "regions", "region_softness", "region_content_weights", "kept", "kept_weight"
)  # fmt: skip
"""What of a recipe belongs to the pictures, and stays when another preset is chosen."""
NO_REGIONS: dict[str, Any] = {"regions": "", "region_content_weights": ()}
THUMBNAIL = 96
MORE_PIXELS = 6_000_000  # of a further painting: a session may hold three


def build_paintings(parts: Parts) -> None:
    """Lay out the strip, closed."""
    with gr.Accordion(say("paintings.title"), open=False, elem_id="paintings", elem_classes=["paintings"]):
        for number in NUMBERS:
            with gr.Row(visible=False, elem_id=f"painting-{number}", elem_classes=["painting"]) as parts[
                f"painting-{number}"
            ]:
                html(parts, f"thumbnail-{number}")
                with gr.Column(min_width=90):
                    for what, (_, least, most, key) in SLIDERS.items():
                        parts[f"{what}-{number}"] = gr.Slider(
                            least, most, value=1, step=0.05, label=say(key, number=number), buttons=[],
                            visible=what == "weight", elem_id=f"{what}-{number}", elem_classes=["slim"],
                        )  # fmt: skip
                if number > 1:
                    parts[f"remove-{number}"] = gr.Button(
                        "✕", size="sm", scale=0, min_width=34, elem_id=f"remove-{number}"
                    )
        parts["blend"] = blend.field()
        html(parts, "blend-hint", f'<p class="hint">{say("paintings.blend")}</p>', visible=False)
        gr.HTML(f'<p class="hint">{say("paintings.add_sample")}</p>', apply_default_css=False)
        parts["add-sample"] = gr.Gallery(
            pictures.thumbnails("styles"), show_label=False, columns=4, allow_preview=False, object_fit="cover", height="auto",
            format="jpeg", buttons=[], container=False, selected_index=None, interactive=False, elem_id="add-sample",
            elem_classes=["samples", "small"],
        )  # fmt: skip
        parts["add-painting"] = gr.UploadButton(say("paintings.add"), size="sm", elem_id="add-painting", min_width=80)
        with gr.Row(elem_classes=["buttons"]):
            parts["faces"] = gr.Button(say("faces.keep"), size="sm", elem_id="faces", min_width=80)
            parts["regions-open"] = gr.Button(say("regions.paint"), size="sm", elem_id="regions-open", min_width=80)
            parts["regions-load"] = gr.UploadButton(
                say("regions.load"), size="sm", elem_id="regions-load", min_width=80
            )
            parts["regions-remove"] = gr.Button(
                say("regions.remove"), size="sm", visible=False, elem_id="regions-remove", min_width=80
            )
        parts["faces-weight"] = gr.Slider(
            1, 50, value=10, step=1, label=say("faces.weight"), visible=False, buttons=[], elem_id="faces-weight",
            elem_classes=["slim"],
        )  # fmt: skip
        html(parts, "regions-shown")
        html(parts, "paintings-message")


def strip_of(parts: Mapping[str, Any], session: Session, recipe: Recipe, said: str = "") -> Updates:
    """The strip as it stands for a session's pictures and a recipe."""
    count, updates = 1 + len(session.more), dict[Any, Any]()
    for number in NUMBERS:
        there = number <= count
        picture = session.more[number - 2] if 1 < number <= count else None
        updates[parts[f"painting-{number}"]] = gr.Row(visible=there and (count > 1 or bool(recipe.regions)))
        updates[parts[f"thumbnail-{number}"]] = _thumbnail(picture, number, bool(recipe.regions)) if there else ""
        wanted = {"weight": True, "scale": count > 1, "content-weight": bool(recipe.regions)}
        for what, (name, least, most, _) in SLIDERS.items():
            value = _filled(getattr(recipe, name), MAX_STYLES)[number - 1]
            shown = gr.Slider(value=min(most, max(least, value)), visible=there and wanted[what])
            updates[parts[f"{what}-{number}"]] = shown
    more = count < MAX_STYLES
    between = count >= blend.FEWEST and not recipe.regions  # with a map each has its place, and nothing is blended
    return {
        **updates,
        parts["blend"]: gr.HTML(value=_blended(recipe, count), visible=between),
        parts["blend-hint"]: gr.HTML(visible=between),
        parts["add-painting"]: gr.UploadButton(interactive=more),
        parts["paintings-message"]: said,
        parts["faces"]: gr.Button(say("faces.forget" if recipe.kept else "faces.keep")),
        parts["faces-weight"]: gr.Slider(value=min(50.0, max(1.0, recipe.kept_weight)), visible=bool(recipe.kept)),
        parts["regions-remove"]: gr.Button(visible=bool(recipe.regions)),
        parts["regions-shown"]: _map_shown(recipe),
    }


def _blended(recipe: Recipe, count: int) -> dict[str, Any]:
    return blend.value(_filled(recipe.style_weights, count))


def _filled(values: tuple[float, ...], count: int) -> tuple[float, ...]:
    """A value for each of so many paintings: 1 where none is stated."""
    return (*values, *(1.0,) * MAX_STYLES)[:count]


def _thumbnail(picture: Image.Image | None, number: int, with_map: bool) -> str:
    dot = f'<i class="pot r{number}" aria-hidden="true"></i>' if with_map else ""
    if picture is None:
        return f'<span class="first">{dot}{say("paintings.first")}</span>'
    jpeg = encode_picture(resize_picture(picture, min(THUMBNAIL, max(picture.size))), "jpg")
    address = url_of_file(jpeg)
    return f'<span class="thumb">{dot}<img src="{address}" alt="{say("paintings.number", number=number)}"></span>'


def _map_shown(recipe: Recipe) -> str:
    if not recipe.regions:
        return ""
    picture = picture_of(recipe.regions)
    picture.thumbnail((240, 240), Image.Resampling.NEAREST)
    address = url_of_file(encode_picture(picture, "png"), "png")
    return f'<img class="map" src="{address}" alt="{say("regions.alt")}">'


class Paintings:
    """Handlers of the strip."""

    def __init__(self, parts: Mapping[str, Any]) -> None:
        self.parts = parts

    def shown(self, session: Session, said: str = "") -> Updates:
        """The strip as it stands."""
        return strip_of(self.parts, session, session.base, said)

    def add(self, session: Session, path: str | None) -> Updates:
        """A painting was given."""
        if not path:
            return NOTHING
        return self._said(session, lambda: self._added(session, _smaller(path)))

    def add_sample(self, session: Session, event: gr.SelectData) -> Updates:
        """One of the playground's own was picked."""
        if not isinstance(event.index, int) or not 0 <= event.index < len(pictures.styles()):
            return NOTHING
        return self._said(session, lambda: self._added(session, pictures.styles()[event.index].picture()))

    def _added(self, session: Session, picture: Image.Image) -> str:
        if len(session.more) + 1 >= MAX_STYLES:
            raise PlaygroundError(say("paintings.full", count=MAX_STYLES))
        places = range(1 + len(session.more))
        session.more = [*session.more, picture]
        self._count(session, [*places, None])
        return _added_wait(session)

    def remove(self, number: int, session: Session) -> Updates:
        """A painting was taken out."""
        if number - 2 >= len(session.more):
            return NOTHING
        places = range(1 + len(session.more))
        session.more = [picture for place, picture in enumerate(session.more) if place != number - 2]
        self._count(session, [place for place in places if place != number - 1])
        weights = list(_filled(session.base.style_weights, len(places) - 1))
        said = self._steer(session, {"style_weights": weights}, len(weights)) if len(weights) > 1 else _waits(session)
        return self.shown(session, said)

    def _count(self, session: Session, places: list[int | None]) -> None:
        """Another number of paintings, each what stood at a place before or new: their weights are stated where several."""
        recipe = session.base

        def moved(values: tuple[float, ...]) -> tuple[float, ...]:
            before = _filled(values, MAX_STYLES)
            found = tuple(1.0 if place is None else before[place] for place in places)
            return found if len(found) > 1 and any(found) else ()

        scales = moved(recipe.style_scales) if recipe.style_scales else ()
        changes = {"style_weights": moved(recipe.style_weights), "style_scales": scales, "region_content_weights": ()}
        session.base = recipe.changed(changes)

    def weigh(self, name: str, session: Session, *values: Any) -> str:
        """A slider was moved: of the paintings' weights or scales, or of the content in their regions."""
        return self._steer(session, {name: _sent(name, session, values)}, 1 + len(session.more))

    def weigh_paintings(self, session: Session, *values: Any) -> Updates:
        """A painting's slider was moved: the dot between them moves too, or the sliders go back where none would count."""
        said, count = self.weigh("style_weights", session, *values), 1 + len(session.more)
        kept, back = _filled(session.base.style_weights, count), dict[Any, Any]()
        if list(kept) != _sent("style_weights", session, values):
            most = SLIDERS["weight"][2]
            back = {self.parts[f"weight-{number}"]: min(most, weight) for number, weight in enumerate(kept, 1)}
        return {self.parts["paintings-message"]: said, self.parts["blend"]: _blended(session.base, count), **back}

    def mix(self, session: Session, given: Any) -> Updates:
        """The dot between the paintings was moved: their sliders move too."""
        count = 1 + len(session.more)
        weights = blend.weights_of(given, count)
        if weights is None:
            return NOTHING
        said = self._steer(session, {"style_weights": weights}, count)
        sliders = {self.parts[f"weight-{number}"]: weight for number, weight in enumerate(weights, 1)}
        return {self.parts["paintings-message"]: said, **sliders}

    def weigh_faces(self, session: Session, value: Any) -> str:
        """How much more faces are kept was moved."""
        return self._steer(session, {"kept_weight": controls.finite(value) or 1.0}, None)

    def _steer(self, session: Session, changes: dict[str, Any], count: int | None) -> str:
        try:
            session.base = session.base.changed(changes)
        except PlaygroundError as error:
            return message(fault(error))
        job = session.running()
        if job is None:
            return ""
        if count is None:
            job.control.change(changes)
            return ""
        own = session.painting_now()
        if own == 0 or (own == 1 < count):  # one painting is not weighed against others
            return _waits(session)
        wanted = {name: values[:own] for name, values in changes.items()}
        if not any(wanted.get("style_weights", [1.0])):
            return message(say("paintings.none_counts"))
        job.control.change(wanted)
        return _added_wait(session) if own < count else ""

    def faces(self, session: Session, content: str | None) -> Updates:
        """Keep faces, or no longer."""

        def found() -> str:
            if session.base.kept:
                session.base = session.base.changed({"kept": ""})
                return _waits(session)
            if not content:
                raise PlaygroundError(say("error.choose_photo"))
            weights = face_map(given(content, say("the.content")))
            if weights is None:
                raise PlaygroundError(say("faces.none"))
            session.base = session.base.changed({"kept": encode_soft(weights)})
            return message(say("faces.found"), "note")

        return self._said(session, found)

    def another_photo(self, session: Session, content: str | None) -> Updates:
        """Another photo was given: kept faces were the former's, and so was a map of another shape."""
        recipe = session.base
        if not content or not (recipe.kept or recipe.regions):
            return NOTHING
        try:
            size = given(content, say("the.content")).size
        except PlaygroundError:  # said under its box
            return NOTHING
        faces, regions = bool(recipe.kept), bool(misfit(recipe.changed({"kept": ""}), size))
        if not (faces or regions):
            return NOTHING
        session.base = recipe.changed({**({"kept": ""} if faces else {}), **(NO_REGIONS if regions else {})})
        what = "both" if faces and regions else "faces" if faces else "map"
        key = f"paintings.{what}_gone"
        return {
            **self.shown(session, message(say(key), "note")),
            self.parts["content-message"]: message(say(key), "note"),
        }

    def _said(self, session: Session, act: Any) -> Updates:
        try:
            return self.shown(session, act())
        except Exception as error:
            return self.shown(session, message(fault(error)))


def _smaller(path: str) -> Image.Image:
    """A further painting, which the page holds until Run."""
    return load_picture(path, name=say("the.style"), most=MORE_PIXELS)


def _sent(name: str, session: Session, values: tuple[Any, ...]) -> list[float]:
    """What the sliders of a session's paintings say; an emptied field counts as the least."""
    least = SLIDERS["scale"][1] if name == "style_scales" else 0.0
    return [controls.finite(value) or least for value in values[: 1 + len(session.more)]]


def _waits(session: Session) -> str:
    """That what was changed waits, where a run goes on."""
    return message(say("paintings.next_run"), "note") if session.running() is not None else ""


def _added_wait(session: Session) -> str:
    """That paintings which were added wait, and that those of the run that goes on still steer it."""
    own = session.painting_now()
    return message(say("paintings.added_wait", number=own + 1), "note") if own > 1 else _waits(session)


def wire_paintings(parts: Parts, paintings: Paintings) -> None:
    """Bind the strip."""
    session, shown = parts["session"], listed(parts, STRIP)
    parts["add-painting"].upload(paintings.add, [session, parts["add-painting"]], shown, **LIGHT)
    parts["add-sample"].select(paintings.add_sample, session, shown, **LIGHT)
    sliders = [parts[f"weight-{number}"] for number in NUMBERS]
    weighed = [parts["paintings-message"], parts["blend"], *sliders]
    for number in NUMBERS:
        if number > 1:
            parts[f"remove-{number}"].click(partial(paintings.remove, number), session, shown, **LIGHT)
        parts[f"weight-{number}"].input(paintings.weigh_paintings, [session, *sliders], weighed, **LATEST)
        for what in ("scale", "content-weight"):
            every = [parts[f"{what}-{other}"] for other in NUMBERS]
            parts[f"{what}-{number}"].input(
                partial(paintings.weigh, SLIDERS[what][0]), [session, *every], parts["paintings-message"], **LATEST
            )
    parts["blend"].input(paintings.mix, [session, parts["blend"]], [parts["paintings-message"], *sliders], **LATEST)
    for given_anew in parts["content-given"]:
        given_anew.then(
            paintings.another_photo, [session, parts["content"]], [*shown, parts["content-message"]], **LIGHT
        )
    parts["faces"].click(paintings.faces, [session, parts["content"]], shown, **LIGHT)
    parts["faces-weight"].input(
        paintings.weigh_faces, [session, parts["faces-weight"]], parts["paintings-message"], **LATEST
    )
