"""The Train a style tab: a network learns one painting from photographs, as a job of the server that needs no page.

The browser remembers the training's unguessable id, so that a page that is opened again finds it. Laid out and wired
here; jobs.py trains.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import gradio as gr
import numpy as np

from playground.errors import PlaygroundError
from playground.feedforward.photos import BUNDLED, Crops, Photos
from playground.images.load import load_picture, resize_picture, to_array
from playground.networks import weights
from playground.recipe.model import DEFAULT_NETWORK, field_info, find_preset, presets
from playground.recipe.training import TrainingRecipe, load_training_preset
from playground.service.job import TrainingJob
from playground.service.jobs import Jobs
from playground.service.run_folder import RunFolder
from playground.service.uploads import collect_photos
from playground.system.device import describe_device
from playground.web.components import charts, controls
from playground.web.components.format import status_line
from playground.web.components.layout import LATEST, LIGHT, WATCHING, Parts, heading, html, source, wire_source
from playground.web.components.messages import NOTHING, Updates, fault, message
from playground.web.gradio_patches.private_names import page_under_construction, served_bytes
from playground.web.visit import Visit, told

FIELDS = (
    "steps", "image_size", "batch_size", "width", "blocks", "augment", "content_weight", "style_weight",
    "variation_weight", "learning_rate", "style_size", "seed",
)  # fmt: skip
"""Settings of a training that have a control here; the others are the preset's."""
FIRST_STEPS = 1000  # with a handful of photographs, epochs would end before anything is learnt
SEEN = 8  # crops that are shown before a training
NEWS_EVERY = 0.5  # seconds between two updates of the page
STYLE_SIDE = 1024  # of the style picture that a training keeps
PACE_WORDS = "It goes on without the page: close it, and come back whenever you like, with this browser."
WAITING = "Choose a painting and photographs, then press Train."


@dataclass
class Desk(Visit):
    """The state of the tab on one open page."""

    job: TrainingJob | None = None
    folder: RunFolder | None = None  # of uploaded photographs that no training has taken over yet
    photos: Photos | None = None
    preset: str = "fast-default"

    def running(self) -> TrainingJob | None:
        """The training that is going on, if any."""
        return self.job if self.job is not None and not self.job.ended else None


def training_presets() -> dict[str, Any]:
    """The presets of trainings, `fast-default` first."""
    found = {name: preset for name, preset in presets().items() if preset.kind == "train"}
    return dict(sorted(found.items(), key=lambda item: item[0] != "fast-default"))


def first_recipe(name: str) -> TrainingRecipe:
    """A preset's recipe on a network that is here; other than the source's, its adapted numbers apply."""
    wanted = find_preset(name, "train").network
    network = wanted if weights.is_available(wanted) else DEFAULT_NETWORK
    return load_training_preset(name, network).changed({"steps": FIRST_STEPS})


def memory() -> gr.BrowserState:
    """Where a browser keeps the id of its training; to be made outside all tabs, since it is only read where it is shown.

    Gradio would make up another key at every start of the server, but a training outlives that.
    """
    return gr.BrowserState("", storage_key="style-playground-training", secret="style-playground")


def build_training(jobs: Jobs, kept: gr.BrowserState, browser: gr.Textbox) -> Parts:
    """Lay out the tab inside the one that is open, and wire it; its components by name.

    Args:
        kept: from `memory`.
        browser: where page.js puts what the browser keeps, as arrival.py reads it.
    """
    recipe = first_recipe("fast-default")
    parts: Parts = {"memory": kept, "browser": browser, "desk": gr.State(Desk(), delete_callback=partial(_left, jobs))}
    with gr.Row(elem_classes=["room"], equal_height=False):
        with gr.Column(elem_classes=["room-sources"], min_width=240, scale=0):
            source(parts, "train-style", "Style: the painting", "styles")
            _photographs(parts)
        with gr.Column(elem_classes=["room-stage"], min_width=320, scale=2):
            _stage(parts)
        with gr.Column(elem_classes=["room-settings"], min_width=320, scale=1):
            _settings(parts, recipe)
    _wire(parts, Trainer(jobs, parts))
    return parts


def _left(jobs: Jobs, desk: Desk) -> None:
    """The page is long gone: photographs that no training took over go too."""
    if desk.folder is not None:
        jobs.drop_folder(desk.folder)


# ---------------------------------------------------------------- layout


def _photographs(parts: Parts) -> None:
    with gr.Column(elem_classes=["source"]):
        parts["train-photos"] = gr.File(
            file_count="multiple", file_types=["image", ".zip"], label="Photographs, or a zip of them", height=132,
            elem_id="train-photos", elem_classes=["drop"],
        )  # fmt: skip
        with gr.Row(elem_classes=["buttons"]):
            parts["train-bundled"] = gr.Button("Use the sample photographs", size="sm", elem_id="train-bundled")
        html(parts, "photos-note")


def _stage(parts: Parts) -> None:
    with gr.Column(elem_classes=["easel"]):
        parts["grid"] = gr.Image(
            format="jpeg", show_label=False, interactive=False, buttons=["fullscreen"], elem_id="grid",
            elem_classes=["growing"], container=False, alt_text="Crops of the photographs, before and after",
        )  # fmt: skip
    with gr.Row(elem_classes=["actions"]):
        parts["train"] = gr.Button(
            "Train", variant="primary", elem_id="train", elem_classes=["go-button"], min_width=90, scale=0
        )
        parts["train-pause"] = gr.Button("Pause", interactive=False, elem_id="train-pause", min_width=84, scale=0)
        parts["train-stop"] = gr.Button("Stop", interactive=False, elem_id="train-stop", min_width=64, scale=0)
        html(parts, "train-status", WAITING, scale=1, elem_classes=["status-line"])
    html(parts, "train-message")
    with gr.Row(visible=False, elem_classes=["buttons"], elem_id="train-after") as parts["train-after"]:
        parts["train-save"] = gr.DownloadButton("Download the network", size="sm", elem_id="train-save")
        parts["train-try"] = gr.Button("Try it now", size="sm", elem_id="train-try")
    html(parts, "train-note")
    with gr.Column(elem_classes=["live-charts"]):
        html(parts, "train-chart", charts.term_chart([]))


def _settings(parts: Parts, recipe: TrainingRecipe) -> None:
    with gr.Column(elem_classes=["sheet"]):
        heading("Recipe")
        listed = [(f"{preset.title}\n{preset.description}", name) for name, preset in training_presets().items()]
        parts["train-preset"] = gr.Radio(
            listed, value="fast-default", show_label=False, label="Preset", container=False, elem_id="train-preset",
            elem_classes=["presets"],
        )  # fmt: skip
        html(parts, "train-preset-note", _numbers_note(recipe))
    with gr.Column(elem_classes=["sheet"]):
        heading("Training")
        parts["title"] = gr.Textbox(
            value="My style", label="Name", max_length=60, elem_id="train-title", elem_classes=["setting"]
        )
        for name in FIELDS:
            parts[f"train-{name}"] = controls.control(
                name, controls.shown(name, recipe), model=TrainingRecipe, prefix="train"
            )
        html(parts, "train-settings-message")


def _numbers_note(recipe: TrainingRecipe) -> str:
    """Whose numbers a preset's recipe holds, and what else is to be known of it."""
    preset = training_presets()[recipe.preset or "fast-default"]
    lines = [preset.note] if preset.note else []
    if recipe.numbers == "adapted":
        lines.append(
            f"The source's numbers are for {preset.network}; these weights are adapted to {recipe.network}, so that the "
            "terms pull in the same proportion"
        )
    return "".join(message(line, "note") for line in lines)


# ---------------------------------------------------------------- wiring

SHOWN = (
    "grid", "train", "train-pause", "train-stop", "train-status", "train-message", "train-after", "train-note",
    "train-chart", "train-save",
)  # fmt: skip
LIVE = ("grid", "train-status", "train-note", "train-chart")


def _wire(parts: Parts, trainer: Trainer) -> None:
    desk, memory = parts["desk"], parts["memory"]
    fields = [parts[f"train-{name}"] for name in FIELDS]
    shown, live = [parts[name] for name in SHOWN], [parts[name] for name in LIVE]
    looked = [parts["photos-note"], parts["grid"]]
    wire_source(parts, "train-style", "styles", "style")
    gr.on(
        [parts["train-photos"].upload, parts["train-photos"].clear], trainer.given_photos,
        [desk, parts["train-photos"], *fields], looked, **WATCHING,
    )  # fmt: skip
    parts["train-bundled"].click(trainer.sample_photos, [desk, *fields], [parts["train-photos"], *looked], **LIGHT)
    parts["train-preset"].input(
        trainer.choose_preset, [desk, parts["train-preset"]], [*fields, parts["train-preset-note"], parts["photos-note"]],
        **LIGHT,
    )  # fmt: skip
    for name in FIELDS:
        parts[f"train-{name}"].input(
            partial(trainer.moved, name), [desk, parts[f"train-{name}"], *fields],
            [parts["train-settings-message"], parts["photos-note"]], **LATEST,
        )  # fmt: skip
    begun = parts["train"].click(
        trainer.start, [desk, memory, parts["train-style"], parts["title"], *fields], [memory, *shown],
        trigger_mode="once", **WATCHING,
    )  # fmt: skip
    followed = begun.then(trainer.follow, desk, live, **WATCHING)
    followed.then(trainer.finish, desk, shown, **WATCHING)
    buttons = [parts["train-pause"], parts["train-stop"], parts["train-status"]]
    parts["train-pause"].click(trainer.pause, desk, buttons, **LIGHT)
    parts["train-stop"].click(trainer.stop, desk, buttons, **LIGHT)
    opened = page_under_construction().load(
        trainer.opened, [desk, memory, parts["browser"]],
        [*shown, *fields, parts["photos-note"], parts["title"], parts["train-style"]],
        js="(desk, memory) => [desk, memory, playground.told()]", **LIGHT,
    )  # fmt: skip
    opened.then(trainer.follow, desk, live, **WATCHING).then(trainer.finish, desk, shown, **WATCHING)


class Trainer:
    """Handlers of the tab.

    Args:
        jobs: the server's runs.
        parts: the tab's components by name.
    """

    def __init__(self, jobs: Jobs, parts: Parts) -> None:
        self.jobs, self.parts = jobs, parts
        self.device = describe_device(jobs.here)

    def recipe(self, desk: Desk, values: Sequence[Any]) -> TrainingRecipe:
        """The recipe that the controls show.

        Raises:
            PlaygroundError: a value cannot be used.
        """
        base = first_recipe(desk.preset)
        changes = {
            name: controls.given(name, value, TrainingRecipe)
            for name, value in zip(FIELDS, values, strict=True)
            if value != controls.shown(name, base)
        }
        return base.changed(changes)

    # ---------------------------------------------------------------- coming back

    def opened(self, desk: Desk, memory: str | None, text: str | None) -> Updates:
        """The page was opened: the training that this browser began, if it is still known, else crops to look at."""
        desk.visitor = told(text).person or desk.who()
        job, parts = self.jobs.get(str(memory or "")), self.parts
        if not isinstance(job, TrainingJob) or not isinstance(job.recipe, TrainingRecipe):
            recipe = first_recipe(desk.preset)
            return {parts["photos-note"]: self.photos_note(desk, recipe), parts["grid"]: sample_crops()}
        desk.job, desk.preset = job, job.recipe.preset or "fast-default"
        job.touch()
        return {
            **self.begun(job),
            **{parts[f"train-{name}"]: controls.shown(name, job.recipe) for name in FIELDS},
            parts["title"]: job.title,
            parts["train-style"]: job.style,
        }

    # ---------------------------------------------------------------- photographs

    def sample_photos(self, desk: Desk, *values: Any) -> Updates:
        """Back to the photographs that come with scikit-image."""
        self._forget(desk)
        return {self.parts["train-photos"]: None, **self._looked_at(desk, values, sample_crops())}

    async def given_photos(self, desk: Desk, files: Sequence[str] | None, *values: Any) -> AsyncIterator[Updates]:
        """Photographs or zips were given or taken away: read them all, and show crops of what there is."""
        yield {self.parts["photos-note"]: message("Reading the photographs …", "note")}
        try:
            await asyncio.to_thread(self._take_photos, desk, list(files or ()))
            recipe = self.recipe(desk, values)
            seen = await asyncio.to_thread(crops_picture, desk.photos, recipe) if desk.photos else sample_crops()
        except Exception as error:
            self._forget(desk)
            text = message(fault(error)) + self.photos_note(desk, first_recipe(desk.preset))
            yield {self.parts["photos-note"]: text}
            return
        yield self._looked_at(desk, values, seen)

    def _take_photos(self, desk: Desk, files: list[str]) -> None:
        self._forget(desk)
        if files:
            desk.folder = self.jobs.new_folder()
            collect_photos(files, desk.folder.photos)
            desk.photos = Photos(desk.folder.photos)

    def _forget(self, desk: Desk) -> None:
        """Drop what was uploaded, unless a training has taken it over."""
        if desk.folder is not None:
            self.jobs.drop_folder(desk.folder)
        desk.folder = desk.photos = None

    def _looked_at(self, desk: Desk, values: Sequence[Any], seen: np.ndarray) -> Updates:
        try:
            said = self.photos_note(desk, self.recipe(desk, values))
        except PlaygroundError as error:
            said = message(fault(error))
        return {self.parts["photos-note"]: said, **({} if desk.running() else {self.parts["grid"]: seen})}

    def photos_note(self, desk: Desk, recipe: TrainingRecipe) -> str:
        """Which photographs there are, which of them are broken, and whether they are too few."""
        photos = desk.photos or bundled()
        broken = f", {len(photos.broken)} more cannot be read" if photos.broken else ""
        what = "sample photographs, scikit-image's" if desk.photos is None else "photographs"
        steps = recipe.steps or max(1, round(recipe.epochs * len(photos) / recipe.batch_size))
        lines = [f"{len(photos)} {what}{broken}", photos.warning(steps * recipe.batch_size)]
        return "".join(message(line, "note") for line in lines if line)

    # ---------------------------------------------------------------- settings

    def choose_preset(self, desk: Desk, name: str | None) -> Updates:
        """A preset was picked: its numbers stand in the controls."""
        if not name:
            return NOTHING
        recipe = first_recipe(find_preset(name, "train").name)
        desk.preset = recipe.preset or name
        return {
            **{self.parts[f"train-{field}"]: controls.shown(field, recipe) for field in FIELDS},
            self.parts["train-preset-note"]: _numbers_note(recipe),
            self.parts["photos-note"]: self.photos_note(desk, recipe),
        }

    def moved(self, name: str, desk: Desk, value: Any, *values: Any) -> Updates:
        """A control was moved: steer the training, or say when the change will apply."""
        place, job = self.parts["train-settings-message"], desk.running()
        try:
            recipe = self.recipe(desk, values)
            said = ""
            if job is not None and not field_info(name, TrainingRecipe)["live"]:
                label = field_info(name, TrainingRecipe)["label"]
                said = message(
                    f"{label} cannot change while a training is going on; it applies to the next one", "note"
                )
            elif job is not None:
                change = {name: controls.given(name, value, TrainingRecipe)}
                job.recipe.changed({**job.control.read().settings, **change})
                job.control.change(change)
        except Exception as error:
            return {place: message(fault(error))}
        return {place: said, self.parts["photos-note"]: self.photos_note(desk, recipe)}

    # ---------------------------------------------------------------- a training

    async def start(
        self, desk: Desk, memory: str | None, style: str | None, title: str | None, *values: Any
    ) -> Updates:
        """Start a training with what the page shows, or say what is wrong."""
        try:
            job = await asyncio.to_thread(self._start, desk, memory, style, title, values)
        except Exception as error:
            return {self.parts["train-message"]: message(fault(error))}
        return {self.parts["memory"]: job.id, **self.begun(job)}

    def _start(
        self, desk: Desk, memory: str | None, style: str | None, title: str | None, values: Sequence[Any]
    ) -> TrainingJob:
        before = self.jobs.get(str(memory or ""))
        if desk.running() or (isinstance(before, TrainingJob) and not before.ended):
            raise PlaygroundError("this browser already has a training going on: stop it first")
        if not style:
            raise PlaygroundError("choose a style picture first")
        painting = load_picture(style, name="the style picture")
        painting = resize_picture(painting, min(STYLE_SIDE, max(painting.size)))
        recipe = self.recipe(desk, values)
        photos, folder = desk.photos or bundled(), desk.folder or self.jobs.new_folder()
        try:
            desk.job = self.jobs.train(
                painting, photos, recipe, desk.who(), folder, (title or "").strip() or "My style"
            )
        except PlaygroundError:
            if folder != desk.folder:
                self.jobs.drop_folder(folder)
            raise
        desk.folder = desk.photos = None
        return desk.job

    def begun(self, job: TrainingJob) -> Updates:
        """Buttons and places for a training that is going on or was found again."""
        parts = self.parts
        return {
            **self._buttons(job),
            parts["train-status"]: status_line(job, self.device),
            parts["train-message"]: "",
            parts["train-after"]: gr.Row(visible=False),
            parts["train-note"]: message(PACE_WORDS, "note"),
            parts["train-chart"]: charts.term_chart(job.curve),
            **({parts["grid"]: job.picture} if job.picture is not None else {}),
        }

    def _buttons(self, job: TrainingJob) -> Updates:
        going_on, paused = not job.ended, job.control.read().paused
        return {
            self.parts["train"]: gr.Button("Training" if going_on else "Train", interactive=not going_on),
            self.parts["train-pause"]: gr.Button("Resume" if paused and going_on else "Pause", interactive=going_on),
            self.parts["train-stop"]: gr.Button(interactive=going_on),
        }

    async def follow(self, desk: Desk) -> AsyncIterator[Updates]:
        """Show what a training has to tell until it ends, or until the page goes away."""
        job, parts, seen, seen_picture, said_notes = desk.job, self.parts, -1, 0, 0
        yield NOTHING
        while job is not None and not job.ended:
            job.touch()
            updates: Updates = {}
            if job.version != seen:
                seen = job.version
                updates[parts["train-status"]] = status_line(job, self.device)
                if job.picture_version != seen_picture:
                    seen_picture = job.picture_version
                    updates[parts["grid"]] = job.picture
                if curve := job.curve:
                    updates[parts["train-chart"]] = charts.term_chart(curve, job.frame.steps if job.frame else 0)
                if len(job.notes) != said_notes:
                    said_notes = len(job.notes)
                    updates[parts["train-note"]] = message(job.notes[-1], "note") + message(PACE_WORDS, "note")
            yield updates or NOTHING  # nothing too, since only a yield notices that the page has gone
            await asyncio.sleep(NEWS_EVERY)

    def finish(self, desk: Desk) -> Updates:
        """Show what a training has left, once it has ended."""
        job, parts = desk.job, self.parts
        if job is None or not job.ended:
            return NOTHING
        updates = {
            **self.begun(job),
            parts["train-note"]: message(job.notes[-1], "note") if job.notes else "",
            parts["train-message"]: message(job.error) if job.error else "",
        }
        if job.model is not None:
            place = parts["train-save"]
            name = re.sub(r"[^\w-]+", "_", job.title) + ".safetensors"
            path = served_bytes(job.model.read_bytes(), name, place)
            updates |= {place: gr.DownloadButton(value=path), parts["train-after"]: gr.Row(visible=True)}
        return updates

    def pause(self, desk: Desk) -> Updates:
        """Pause the training, or let a paused one go on."""
        job, parts = desk.running(), self.parts
        if job is None:
            return NOTHING
        if job.control.read().paused:
            job.control.resume()
            return {parts["train-pause"]: gr.Button("Pause"), parts["train-status"]: "going on …"}
        job.control.pause()
        return {parts["train-pause"]: gr.Button("Resume"), parts["train-status"]: "pausing after this step …"}

    def stop(self, desk: Desk) -> Updates:
        """Stop the training; it leaves the network as it stands."""
        job, parts = desk.running(), self.parts
        if job is None:
            return NOTHING
        job.control.stop()
        off = gr.Button(interactive=False)
        return {
            parts["train-stop"]: off, parts["train-pause"]: off, parts["train-status"]: "stopping after this step …"
        }  # fmt: skip


# ---------------------------------------------------------------- crops


@cache
def bundled() -> Photos:
    """The sample photographs."""
    return Photos(BUNDLED)


@cache
def sample_crops() -> np.ndarray:
    """Crops of the sample photographs, as the first preset sees them."""
    return crops_picture(bundled(), first_recipe("fast-default"))


def crops_picture(photos: Photos, recipe: TrainingRecipe) -> np.ndarray:
    """The first crops a training would learn from, in two rows, H×W×3 uint8."""
    crops = Crops(photos, recipe.image_size, recipe.seed, recipe.augment).samples(SEEN)
    rows = [np.concatenate([to_array(crop) for crop in row.split(1)], axis=1) for row in crops.chunk(2)]
    return np.concatenate(rows, axis=0)
