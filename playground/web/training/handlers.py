"""A training on the page: found again, started, steered, followed, and what it leaves.

Wired by the Train a style tab. The training itself is the server's, and needs no page.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

import gradio as gr

from playground.errors import PlaygroundError
from playground.images.convert import resize_picture
from playground.measure.estimate import seconds_of_training, steps_of
from playground.networks import catalogue
from playground.recipe.model import field_info
from playground.recipe.presets import find_preset
from playground.recipe.training import TrainingRecipe
from playground.service.jobs import Jobs
from playground.service.training_job import TrainingJob, training_of
from playground.system.device import describe_device
from playground.web.components import controls, layers, small_charts, steering
from playground.web.components.forecast import seconds_left
from playground.web.components.format import duration, status_line
from playground.web.components.layout import Parts
from playground.web.components.messages import NOTHING, Updates, fault, message
from playground.web.components.pictures import given
from playground.web.gradio_patches.private_names import served_bytes
from playground.web.people import caller
from playground.web.threads import off_loop
from playground.web.training.photographs import photos_note, sample_crops
from playground.web.training.state import FIELDS, Desk, first_recipe, on_preset, preset_note, wanted_recipe
from playground.web.visit import told
from playground.web.words import counted, label, say, translated

STYLE_SIDE = 1024  # of the style picture that a training keeps
NEWS_EVERY = 0.5  # seconds between two updates of the page


class Trainer:
    """Handlers of the tab.

    Args:
        jobs: the server's runs.
        parts: the tab's components by name.
    """

    def __init__(self, jobs: Jobs, parts: Parts) -> None:
        self.jobs, self.parts = jobs, parts
        self.device = describe_device(jobs.here)

    # ---------------------------------------------------------------- coming back

    def opened(self, desk: Desk, memory: str | None, text: str | None) -> Updates:
        """The page was opened: the training that this browser began, if it is still known, else crops to look at."""
        desk.visitor = told(text).person or desk.who()
        job, parts = training_of(self.jobs.get(str(memory or ""))), self.parts
        if job is None or not isinstance(job.recipe, TrainingRecipe):
            recipe = first_recipe(desk.preset)
            return {parts["photos-note"]: photos_note(desk, recipe), parts["grid"]: sample_crops()}
        desk.job, desk.preset = job, job.recipe.preset or "fast-default"
        job.touch()
        return {
            **self.begun(job),
            **self.shown(desk, job.recipe),
            parts["title"]: job.title,
            parts["train-style"]: job.style,
        }

    # ---------------------------------------------------------------- settings

    def shown(self, desk: Desk, recipe: TrainingRecipe) -> Updates:
        """A recipe in every control."""
        parts = self.parts
        grid = layers.grid_value(recipe, first_recipe(desk.preset, recipe.network))
        return {
            **{parts[f"train-{field}"]: controls.shown(field, recipe) for field in FIELDS},
            parts["train-layers"]: grid,
            parts["train-layers-words"]: layers.described(grid),
        }

    def choose_preset(self, desk: Desk, name: str | None, *values: Any) -> Updates:
        """A preset was picked: its numbers stand in the controls; a seed that a person has set stays."""
        return self._choose(desk, name, desk.network, values) if name else NOTHING

    def choose_network(self, desk: Desk, network: str | None, *values: Any) -> Updates:
        """Another network was chosen: the preset's numbers for it stand in the controls."""
        if desk.running() is not None:
            return self.moved("network", desk, network, *values)
        return self._choose(desk, desk.preset, network, values)

    def _choose(self, desk: Desk, name: str, network: str | None, values: Sequence[Any]) -> Updates:
        parts, place = self.parts, self.parts["train-settings-message"]
        try:
            if network is not None and not (network in self.jobs.networks and catalogue.is_available(network)):
                raise PlaygroundError(say("error.network_missing", network=network))
            recipe = on_preset(desk, find_preset(name, "train").name, network, values)
        except Exception as error:
            base = first_recipe(desk.preset, desk.network)
            return {place: message(fault(error)), parts["train-network"]: base.network}
        desk.preset, desk.network = name, network
        return {
            **self.shown(desk, recipe),
            place: "",
            parts["train-preset-note"]: preset_note(recipe),
            parts["photos-note"]: photos_note(desk, recipe),
        }

    def cost(self, desk: Desk, *values: Any) -> str:
        """How long the training that the controls show would be and take; nothing while one goes on."""
        if desk.running() is not None:
            return ""
        try:
            recipe, count = wanted_recipe(desk, values), len(desk.photos)
            seconds = seconds_of_training(recipe, count, device=self.jobs.device)
        except PlaygroundError:
            return ""  # the control's own line says what is wrong
        steps, of_epochs = steps_of(recipe, count), steps_of(recipe.changed({"steps": None}), count)
        said = counted("training.cost", steps, time=duration(seconds))
        if recipe.steps is not None and steps != of_epochs:
            said += " " + say("training.steps_set", epochs=recipe.epochs, count=of_epochs)
        return message(said, "note")

    def moved_layers(self, desk: Desk, grid: Any, *values: Any) -> Updates:
        """The grid of layers was changed."""
        grid = layers.judged(grid)
        said = {self.parts["train-layers-words"]: layers.described(grid)}
        place, job = self.parts["train-settings-message"], desk.running()
        try:
            recipe = wanted_recipe(desk, values)
            if job is not None:
                changes = {f"{kind}_layers": getattr(recipe, f"{kind}_layers") for kind in ("content", "style")}
                job.recipe.changed({**job.control.read().settings, **changes})
                job.control.change(changes)
        except Exception as error:
            return {**said, place: message(fault(error))}
        return {**said, place: ""}

    def moved(self, name: str, desk: Desk, value: Any, *values: Any) -> Updates:
        """A control was moved: steer the training, or say when the change will apply."""
        place, job = self.parts["train-settings-message"], desk.running()
        try:
            recipe = wanted_recipe(desk, values)
            said = ""
            if job is not None and not field_info(name, TrainingRecipe)["live"]:
                said = message(say("training.next", what=label(name)), "note")
            elif job is not None:
                change = {name: controls.given(name, value, TrainingRecipe)}
                job.recipe.changed({**job.control.read().settings, **change})
                job.control.change(change)
        except Exception as error:
            return {place: message(fault(error))}
        return {place: said, self.parts["photos-note"]: photos_note(desk, recipe)}

    # ---------------------------------------------------------------- a training

    async def start(
        self, desk: Desk, memory: str | None, style: str | None, title: str | None, *values: Any
    ) -> Updates:
        """Start a training with what the page shows, or say what is wrong."""
        try:
            job = await off_loop(self._start, desk, memory, style, title, values)
        except Exception as error:
            return {self.parts["train-message"]: message(fault(error))}
        return {self.parts["memory"]: job.id, **self.begun(job)}

    def _start(
        self, desk: Desk, memory: str | None, style: str | None, title: str | None, values: Sequence[Any]
    ) -> TrainingJob:
        before = training_of(self.jobs.get(str(memory or "")))
        if desk.running() or (before is not None and not before.ended):
            raise PlaygroundError(say("training.one_already"))
        if not style:
            raise PlaygroundError(say("error.choose_style"))
        image = given(style, say("the.style"))
        image = resize_picture(image, min(STYLE_SIDE, max(image.size)))
        recipe = wanted_recipe(desk, values)
        name = (title or "").strip() or say("training.my_style")
        desk.job = self.jobs.train(image, desk.given, recipe, desk.who(), name, person=caller().person)
        desk.given = None
        return desk.job

    def begun(self, job: TrainingJob) -> Updates:
        """Buttons and places for a training that is going on or was found again."""
        parts = self.parts
        return {
            **self._buttons(job),
            parts["train-status"]: status_line(job, self.device, seconds_left(job)),
            parts["train-message"]: "",
            parts["train-after"]: gr.Row(visible=False),
            parts["train-note"]: message(say("training.goes_on"), "note"),
            parts["train-chart"]: small_charts.term_chart(job.curve),
            parts["train-cost"]: "",
            **({parts["grid"]: job.picture} if job.picture is not None else {}),
        }

    def _buttons(self, job: TrainingJob) -> Updates:
        going_on, paused = not job.ended, job.control.read().paused
        return {
            self.parts["train"]: gr.Button(
                say("training.training" if going_on else "training.train"), interactive=not going_on
            ),
            self.parts["train-pause"]: gr.Button(
                say("run.resume" if paused and going_on else "run.pause"), interactive=going_on
            ),
            self.parts["train-stop"]: gr.Button(interactive=going_on),
        }

    async def follow(self, desk: Desk) -> AsyncIterator[Updates]:
        """Show what a training has to tell until it ends, or until the page goes away."""
        job, parts, seen, seen_picture, said_notes = desk.job, self.parts, -1, 0, 0
        yield NOTHING
        while job is not None and not job.ended:
            if caller().listens:
                job.touch()
            updates: Updates = {}
            if job.version != seen:
                seen = job.version
                updates[parts["train-status"]] = status_line(job, self.device, seconds_left(job))
                if job.picture_version != seen_picture:
                    seen_picture = job.picture_version
                    updates[parts["grid"]] = job.picture
                if curve := job.curve:
                    updates[parts["train-chart"]] = small_charts.term_chart(curve, job.frame.steps if job.frame else 0)
                if len(job.notes) != said_notes:
                    said_notes = len(job.notes)
                    updates[parts["train-note"]] = message(translated(job.notes[-1]), "note") + message(
                        say("training.goes_on"), "note"
                    )
            yield updates or NOTHING  # nothing too, since only a yield notices that the page has gone
            await asyncio.sleep(NEWS_EVERY)

    def finish(self, desk: Desk) -> Updates:
        """Show what a training has left, once it has ended."""
        job, parts = desk.job, self.parts
        if job is None or not job.ended:
            return NOTHING
        updates = {
            **self.begun(job),
            parts["train-note"]: message(translated(job.notes[-1]), "note") if job.notes else "",
            parts["train-message"]: message(translated(job.error)) if job.error else "",
        }
        if job.model is not None:
            place = parts["train-save"]
            name = re.sub(r"[^\w-]+", "_", job.title) + ".safetensors"
            path = served_bytes(job.model.read_bytes(), name, place)
            updates |= {place: gr.DownloadButton(value=path), parts["train-after"]: gr.Row(visible=True)}
        return updates

    def pause(self, desk: Desk) -> Updates:
        """Pause the training, or let a paused one go on."""
        held = self.jobs.classroom.holds(caller().person)
        return steering.pause_or_resume(desk.running(), self.parts, "train-", held=held)

    def stop(self, desk: Desk) -> Updates:
        """Stop the training."""
        return steering.stop(desk.running(), self.parts, "train-")
