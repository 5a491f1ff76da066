"""The Instant styles tab: a trained network paints a photo in one pass, and its strength changes without another one.

Laid out and wired here; what takes time is a task of jobs.py or one turn on the device. Also takes trained networks
that people bring, and whole folders, animated GIFs and films.
"""

from __future__ import annotations

import asyncio
import math
import re
import tempfile
import time
import zipfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from playground.errors import PlaygroundError
from playground.feedforward.apply import FILMS, Painted, Painter, check_film, is_film, paint, paint_film
from playground.images.load import encode_picture, load_picture, resize_picture
from playground.networks.transformer import Model, load_model, shipped_styles
from playground.service.jobs import Jobs
from playground.service.tasks import Task
from playground.system.device import describe_device
from playground.web.components import charts, pictures
from playground.web.components.format import duration
from playground.web.components.layout import (
    LATEST,
    LIGHT,
    SAVE_FILE,
    WATCHING,
    Parts,
    heading,
    html,
    news,
    source,
    wire_source,
)
from playground.web.components.messages import NOTHING, Updates, fault, message
from playground.web.gradio_patches.private_names import page_under_construction, served_bytes, served_file
from playground.web.visit import Visit

SHOWN = 1024  # long side of what the page shows of a large picture; the download is whole
LARGEST = 4096  # long side that may be asked for
MAX_FILES = 60
MAX_OWN = 4  # models a page keeps besides the shipped ones
NO_STYLE = "No style is here yet: train one under Train a style, or open a network's file"


@dataclass
class Easel(Visit):
    """The state of the tab on one open page."""

    own: dict[str, Model] = field(default_factory=dict)
    style: str = ""
    painter: Painter | None = None
    painted: Painted | None = None  # at its own size
    shown: Painted | None = None  # as the page shows it
    made_of: tuple[str, str | None, float | None] | None = None
    stem: str = "painted"
    task: Task | None = None

    def names(self) -> list[str]:
        """Every style that can be picked, in the gallery's order."""
        return [*shipped_styles(), *self.own]

    def model(self, name: str) -> Model:
        return self.own[name] if name in self.own else load_model(name)

    def add(self, model: Model) -> str:
        """Take a model over under a name of its own, dropping the oldest when there are too many."""
        name, number = model.card.title[:60], 1
        while name in self.names():
            number += 1
            name = f"{model.card.title[:60]} {number}"
        self.own = dict([*self.own.items(), (name, model)][-MAX_OWN:])
        return name


def build_instant(jobs: Jobs) -> Parts:
    """Lay out the tab inside the one that is open, and wire it; its components by name."""
    parts: Parts = {"easel": gr.State(Easel())}
    with gr.Row(elem_classes=["room"], equal_height=False):
        with gr.Column(elem_classes=["room-sources"], min_width=240, scale=0):
            source(parts, "instant-photo", "Content: the photo", "photos")
            _styles(parts)
        with gr.Column(elem_classes=["room-stage"], min_width=320, scale=2):
            _stage(parts)
        with gr.Column(elem_classes=["room-settings"], min_width=320, scale=1):
            _settings(parts)
    _wire(parts, Instant(jobs, parts))
    return parts


# ---------------------------------------------------------------- layout


def _stage(parts: Parts) -> None:
    with gr.Column(elem_classes=["easel"]):
        html(parts, "instant-empty", '<p class="invitation">Pick a style: the photo is painted at once</p>')
        parts["instant-picture"] = gr.ImageSlider(
            format="jpeg", show_label=False, interactive=False, visible=False, buttons=["fullscreen"],
            elem_id="instant-picture", elem_classes=["comparison"], container=False, max_height=640,
        )  # fmt: skip
    with gr.Row(elem_classes=["actions"]):
        parts["instant-strength"] = gr.Slider(
            0, 1, value=1, step=0.01, label="Strength: 0 the photo, 1 the style", buttons=[], elem_id="instant-strength",
            elem_classes=["setting", "live", "strength"],
        )  # fmt: skip
        html(parts, "instant-status", "One pass, no waiting.", elem_classes=["status-line"])
    html(parts, "instant-message")
    with gr.Row(visible=False, elem_classes=["buttons"], elem_id="instant-after") as parts["instant-after"]:
        parts["instant-save"] = gr.Button("Download PNG", size="sm", elem_id="instant-save")
        parts["instant-use"] = gr.Button("Use in the Studio as content", size="sm", elem_id="instant-use")
    parts["instant-file"] = gr.File(visible=False)
    with gr.Accordion("Many pictures, a GIF or a film", open=False, elem_classes=["sheet"], elem_id="many"):
        gr.HTML(
            '<p class="hint">All in the style and the strength above, each at its own size; films frame by frame.</p>'
        )
        parts["many-files"] = gr.File(
            file_count="multiple", file_types=["image", ".gif", *sorted(FILMS)], show_label=False, label="Pictures, GIFs, films",
            height=140, elem_id="many-files", elem_classes=["drop"],
        )  # fmt: skip
        with gr.Row(elem_classes=["buttons"]):
            parts["many-go"] = gr.Button("Paint them all", size="sm", elem_id="many-go")
            parts["many-stop"] = gr.Button("Stop", size="sm", interactive=False, elem_id="many-stop")
        html(parts, "many-status")
        parts["many-gallery"] = gr.Gallery(
            show_label=False, columns=6, height="auto", object_fit="cover", format="jpeg", buttons=[], visible=False,
            interactive=False, container=False, elem_id="many-gallery", elem_classes=["samples"],
        )  # fmt: skip
        parts["many-done"] = gr.File(
            file_count="multiple", show_label=False, label="Painted", visible=False, interactive=False, elem_id="many-done",
            elem_classes=["drop"],
        )  # fmt: skip


def _styles(parts: Parts) -> None:
    with gr.Column(elem_classes=["source"]):
        heading("Style")
        html(parts, "styles-message")
        parts["styles"] = gr.Gallery(
            show_label=False, columns=2, allow_preview=False, object_fit="cover", height="auto", format="jpeg",
            buttons=[], container=False, interactive=False, elem_id="styles", elem_classes=["samples", "captioned"],
        )  # fmt: skip
        with gr.Row(elem_classes=["buttons"]):
            parts["styles-open"] = gr.UploadButton(
                "Open a network", file_types=[".safetensors", ".pth", ".pt", ".model"], size="sm", elem_id="styles-open"
            )


def _settings(parts: Parts) -> None:
    with gr.Column(elem_classes=["sheet"]):
        heading("Picture")
        parts["instant-size"] = gr.Number(
            value=None, label="Size (px)", placeholder="as the photo",
            info="Long side of the result. Empty: to the pixel as the photo.", buttons=[], elem_id="instant-size",
            elem_classes=["setting"],
        )  # fmt: skip
        parts["instant-colours"] = gr.Checkbox(
            label="Original colours", info="Keep the photo's colours and take only light and dark from the painted result.",
            elem_id="instant-colours", elem_classes=["setting", "live"],
        )  # fmt: skip
    with gr.Column(elem_classes=["sheet"]):
        heading("Passport")
        html(parts, "passport", '<p class="hint">How the style on show was trained stands here.</p>')


# ---------------------------------------------------------------- wiring

PAINTING = (
    "instant-picture", "instant-empty", "instant-status", "instant-message", "instant-after", "passport",
)  # fmt: skip
MANY = ("many-status", "many-gallery", "many-done", "many-go", "many-stop")


def _wire(parts: Parts, instant: Instant) -> None:
    state, photo, size = parts["easel"], parts["instant-photo"], parts["instant-size"]
    look = [parts["instant-strength"], parts["instant-colours"]]
    shown, many = [parts[name] for name in PAINTING], [parts[name] for name in MANY]
    asked = [state, photo, size, *look]
    parts["styles"].select(instant.pick, state, None, **LIGHT).then(instant.paint, asked, shown, **WATCHING)
    parts["styles-open"].upload(
        instant.open_file, [state, parts["styles-open"]], [parts["styles"], parts["styles-message"]], **LIGHT
    ).success(instant.paint, asked, shown, **WATCHING)
    for event in wire_source(parts, "instant-photo", "photos", "content"):
        event.then(instant.paint, asked, shown, **WATCHING)
    gr.on([size.submit, size.blur], instant.paint, asked, shown, **WATCHING)
    gr.on(
        [control.input for control in look], instant.redraw, [state, *look],
        [parts["instant-picture"], parts["instant-message"]], **LATEST,
    )  # fmt: skip
    parts["instant-save"].click(
        instant.file, [state, *look], [parts["instant-file"], parts["instant-message"]], **LIGHT
    ).then(None, parts["instant-file"], None, js=SAVE_FILE, **LIGHT)
    parts["many-go"].click(instant.paint_many, [state, parts["many-files"], *look], many, **WATCHING)
    parts["many-stop"].click(instant.stop_many, state, parts["many-stop"], **LIGHT)
    page_under_construction().load(instant.opened, state, [parts["styles"], parts["styles-message"], size], **LIGHT)


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
        return {**self.styles(easel), self.parts["instant-size"]: None}

    def styles(self, easel: Easel, selected: str = "") -> Updates:
        """The gallery of styles, with `selected` marked."""
        names = easel.names()
        listed = [(_face(easel.model(name)), _named(name)) for name in names]
        index = names.index(selected) if selected in names else None
        return {
            self.parts["styles"]: gr.Gallery(listed, selected_index=index, visible=bool(names)),
            self.parts["styles-message"]: "" if names else message(NO_STYLE, "note"),
        }

    def pick(self, easel: Easel, event: gr.SelectData) -> None:
        """A style was picked; `paint` follows."""
        names = easel.names()
        if isinstance(event.index, int) and event.index < len(names):
            self.take(easel, names[event.index])

    def take(self, easel: Easel, name: str) -> None:
        """Make a style ready to paint."""
        if name != easel.style or easel.painter is None:
            easel.painter = Painter(easel.model(name), self.jobs.here)
            easel.style = name

    def open_file(self, easel: Easel, path: str | None) -> Updates:
        """A network's file was given: it joins the styles and is taken."""
        if not path:
            return NOTHING
        try:
            name = easel.add(load_model(Path(path)))
            self.take(easel, name)
        except Exception as error:
            easel.painter, easel.style = None, ""
            return {self.parts["styles-message"]: message(fault(error))}
        return self.styles(easel, name)

    # ---------------------------------------------------------------- one picture

    async def paint(
        self, easel: Easel, photo: str | None, size: float | None, strength: float, colours: bool
    ) -> AsyncIterator[Updates]:
        """Paint the photo in the style that is taken, unless that is what is on show already."""
        parts, wanted = self.parts, (easel.style, photo, size)
        yield NOTHING
        if easel.painter is None or wanted == easel.made_of:
            return
        yield {parts["instant-status"]: f"{escape(_named(easel.style))} · painting …", parts["instant-message"]: ""}
        try:
            seconds = await asyncio.to_thread(self._paint, easel, photo, size)
        except Exception as error:
            yield {parts["instant-message"]: message(fault(error)), parts["instant-status"]: ""}
            return
        easel.made_of = wanted
        assert easel.painted is not None
        width, height = easel.painted.photo.size
        said = (
            f"{width} × {height} px in {seconds:.2g} s"
            if seconds < 10
            else f"{width} × {height} px in {duration(seconds)}"
        )
        yield {
            parts["instant-picture"]: gr.ImageSlider(self._pair(easel, strength, colours), visible=True),
            parts["instant-empty"]: "",
            parts["instant-after"]: gr.Row(visible=True),
            parts["instant-status"]: f"{escape(_named(easel.style))} · {said} · {self.device}",
            parts["passport"]: passport(easel.model(easel.style)),
        }

    def _paint(self, easel: Easel, path: str | None, size: float | None) -> float:
        """Paint into the easel; the seconds that the pass took, without waiting for a turn."""
        if not path:
            raise PlaygroundError("choose a content picture first")
        if size and not 64 <= size <= LARGEST:
            raise PlaygroundError(f"Size: give 64 to {LARGEST} px, or nothing for the photo's own")
        photo = load_picture(path, name="the content picture")
        if size or max(photo.size) > LARGEST:
            photo = resize_picture(photo, int(size or LARGEST))
        _check_sides(photo)
        assert easel.painter is not None
        easel.painted, seconds = self.jobs.turn().do(partial(_timed, easel.painter, photo))
        easel.stem = _plain(Path(path).stem)
        small = min(SHOWN, max(photo.size))
        easel.shown = Painted(*(resize_picture(picture, small) for picture in (photo, easel.painted.painted)))
        return seconds

    def _pair(self, easel: Easel, strength: float, colours: bool) -> tuple[Image.Image, Image.Image] | None:
        return (easel.shown.photo, easel.shown.at(strength, colours)) if easel.shown else None

    def redraw(self, easel: Easel, strength: float, colours: bool) -> Updates:
        """Another strength or other colours of what is painted: a blend, no pass."""
        if easel.shown is None:
            return NOTHING
        return {self.parts["instant-picture"]: gr.ImageSlider(self._pair(easel, strength, colours))}

    def file(self, easel: Easel, strength: float, colours: bool) -> Updates:
        """The picture on show as a PNG at its full size, for the browser to save."""
        place = self.parts["instant-file"]
        if easel.painted is None:
            return NOTHING
        try:
            data = encode_picture(easel.painted.at(strength, colours), "png")
            return {place: served_bytes(data, f"{easel.stem}-{_plain(easel.style)}.png", place)}
        except Exception as error:
            return {self.parts["instant-message"]: message(fault(error))}

    # ---------------------------------------------------------------- many

    async def paint_many(
        self, easel: Easel, files: Sequence[str] | None, strength: float, colours: bool
    ) -> AsyncIterator[Updates]:
        """Paint every file, saying how far it is; results as they come, files and a zip of all at the end."""
        parts = self.parts
        yield NOTHING
        try:
            task = easel.task = self._start_many(easel, list(files or ()), strength, colours)
        except Exception as error:
            yield {parts["many-status"]: message(fault(error))}
            return
        yield {
            parts["many-go"]: gr.Button(interactive=False), parts["many-stop"]: gr.Button(interactive=True),
            parts["many-done"]: gr.File(visible=False), parts["many-gallery"]: gr.Gallery([], visible=False),
        }  # fmt: skip
        async for updates in news(task, parts["many-status"], self._faces):
            yield updates
        paths = [path for path, _ in task.found]
        if len(paths) > 1:
            paths.insert(0, await asyncio.to_thread(_zipped, paths, parts["many-done"]))
        how = "Stopped" if task.stopped else "Done"
        yield {
            parts["many-status"]: message(task.error) if task.error else message(f"{how}: {len(task.found)} painted", "note"),
            **self._faces(task.found),
            parts["many-done"]: gr.File(paths, visible=bool(paths)),
            parts["many-go"]: gr.Button(interactive=True),
            parts["many-stop"]: gr.Button(interactive=False),
        }  # fmt: skip

    def _faces(self, found: Sequence[tuple[str, Image.Image | None]]) -> Updates:
        """The gallery of what is painted so far; films have no face."""
        faces = [face for _, face in found if face is not None]
        return {self.parts["many-gallery"]: gr.Gallery(faces, visible=bool(faces))}

    def _start_many(self, easel: Easel, files: list[str], strength: float, colours: bool) -> Task:
        painter = easel.painter
        if painter is None:
            raise PlaygroundError("pick a style first")
        if not files:
            raise PlaygroundError("choose some pictures, a GIF or a film first")
        if len(files) > MAX_FILES:
            raise PlaygroundError(f"these are more than {MAX_FILES} files: give fewer at once")
        place, style = self.parts["many-done"], _plain(easel.style)

        def work(task: Task) -> None:
            with tempfile.TemporaryDirectory() as folder:
                for number, source in enumerate(map(Path, files)):
                    if task.stopped:
                        return
                    words_so_far = f"{number + 1} of {len(files)}: {source.name}"
                    task.report(words_so_far, number / len(files))
                    film = is_film(source)
                    suffix = ".png" if not film else ".mp4" if source.suffix.lower() in FILMS else ".gif"
                    output = Path(folder) / f"{_plain(source.stem)}-{style}{suffix}"
                    if not film:
                        photo = load_picture(source, name=source.name)
                        photo = resize_picture(photo, min(max(photo.size), LARGEST))
                        _check_sides(photo)
                        painted = task.control.turn().do(partial(paint, painter, photo)).at(strength, colours)
                        output.write_bytes(encode_picture(painted, "png"))
                        face = resize_picture(painted, min(pictures.THUMBNAIL, max(painted.size)))
                    else:
                        check_film(source)
                        frames, face = paint_film(painter, source, output, strength, colours), None
                        done: float | None = 0.0
                        while done is not None and not task.stopped:
                            done = task.control.turn().do(partial(next, frames, None))
                            share = done if done is not None else 1.0
                            task.report(f"{words_so_far}, {share:.0%} of its frames", (number + share) / len(files))
                        frames.close()
                        if not output.exists():
                            return
                    task.found.append((served_file(output, place), face))

        return self.jobs.task(easel.who(), work)

    def stop_many(self, easel: Easel) -> Any:
        """End after the picture or the frame that is being painted."""
        if easel.task is not None:
            easel.task.control.stop()
        return gr.Button(interactive=False)


# ---------------------------------------------------------------- helpers


def passport(model: Model) -> str:
    """How a style was trained, as HTML; everything in it may come from a stranger's file."""
    about = model.card
    facts = [f"{model.network.width} channels, {model.network.blocks} residual blocks"]
    if about.layout != "playground":
        facts.append(f"read from the layout of {about.layout}")
    if about.steps:
        facts.append(f"{about.steps:,} steps on {about.photos:,} photographs".replace(",", "\u202f"))
    curve = [point for point in about.curve if _is_point(point)]
    if curve:
        facts.append(duration(curve[-1]["seconds"]))
    recipe = about.recipe
    if {"image_size", "batch_size", "network"} <= recipe.keys():
        facts.append(f"crops of {recipe['image_size']} px, {recipe['batch_size']} a step, seen by {recipe['network']}")
    listed = "".join(f"<li>{escape(str(fact))}</li>" for fact in facts)
    command = f"<pre><code>{escape(about.command)}</code></pre>" if about.command else ""
    chart = charts.term_chart(curve) if len(curve) > 1 else ""
    return f'<div class="passport"><h3>{escape(_named(about.title))}</h3><ul>{listed}</ul>{chart}{command}</div>'


def _is_point(point: Any) -> bool:
    """Whether a point of a file's curve is one: names to finite numbers."""
    return (
        isinstance(point, dict)
        and {"evaluations", "seconds", "total"} <= point.keys()
        and all(isinstance(value, (int, float)) and math.isfinite(value) for value in point.values())
    )


def _named(style: str) -> str:
    """A style's name for people."""
    text = style.replace("_", " ")[:60]
    return text[:1].upper() + text[1:]


def _face(model: Model) -> Image.Image:
    """The style picture of a model, cut square; a blank where it is unknown."""
    try:
        picture = model.card.thumbnail
    except Image.DecompressionBombError:
        picture = None
    if picture is None:
        return Image.new("RGB", (96, 96), "#8a8276")
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.crop((left, top, left + side, top + side))


def _timed(painter: Painter, photo: Image.Image) -> tuple[Painted, float]:
    started = time.perf_counter()
    painted = paint(painter, photo)
    return painted, time.perf_counter() - started


def _check_sides(photo: Image.Image) -> None:
    if min(photo.size) < 8:
        raise PlaygroundError("that picture is too narrow to be painted: it needs at least 8 px a side")


def _plain(text: str) -> str:
    """A part of a file's name from any text."""
    return re.sub(r"[^\w-]+", "_", text)[:60] or "painted"


def _zipped(paths: Sequence[str], place: gr.components.Component) -> str:
    """All files in one zip, served at `place`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "painted.zip"
        with zipfile.ZipFile(file, "w") as archive:  # stored: pictures and films do not get any smaller
            for number, path in enumerate(map(Path, paths)):
                archive.write(path, f"{number + 1:02d}-{path.name}")
        return served_file(file, place)
