"""The Train a style tab: a network learns one painting from photographs. Laid out and wired here.

The browser remembers the training's unguessable id, so that a page that is opened again finds it. Built by page.py; what
the tab does stands in handlers.py and photographs.py.
"""

from __future__ import annotations

from functools import partial

import gradio as gr

from playground.recipe.training import TrainingRecipe
from playground.service.jobs import Jobs
from playground.web.components import controls, layers, pictures, small_charts
from playground.web.components.layout import LATEST, LIGHT, WATCHING, Parts, heading, html, source, wire_source
from playground.web.components.networks import network_choices
from playground.web.gradio_patches.private_names import page_under_construction
from playground.web.training.handlers import Trainer
from playground.web.training.photographs import Photographs
from playground.web.training.state import FIELDS, Desk, first_recipe, preset_note, training_presets
from playground.web.words import say


def memory() -> gr.BrowserState:
    """Where a browser keeps the id of its training; to be made outside all tabs, since it is only read where it is shown.

    Gradio would make up another key at every start of the server, but a training outlives that.
    """
    return gr.BrowserState("", storage_key="style-playground-training", secret="style-playground")


def build_training(jobs: Jobs, kept: gr.BrowserState, browser: gr.Textbox) -> Parts:
    """Lay out the tab inside the one that is open, and wire it; its components by name.

    Args:
        kept: from `memory`.
        browser: where page.js puts what the browser keeps, as visit.py reads it.
    """
    recipe = first_recipe("fast-default")
    parts: Parts = {}
    photographs = Photographs(jobs, parts)
    parts |= {"memory": kept, "browser": browser, "desk": gr.State(Desk(), delete_callback=photographs.left)}
    with gr.Row(elem_classes=["room"], equal_height=False):
        with gr.Column(elem_classes=["room-sources"], min_width=240, scale=0):
            source(parts, "train-style", say("source.style"), "styles")
            _photographs(parts)
        with gr.Column(elem_classes=["room-stage"], min_width=320, scale=2):
            _stage(parts)
        with gr.Column(elem_classes=["room-settings"], min_width=320, scale=1):
            _settings(parts, recipe, jobs)
    _wire(parts, photographs, Trainer(jobs, parts))
    return parts


# ---------------------------------------------------------------- layout


def _photographs(parts: Parts) -> None:
    with gr.Column(elem_classes=["source"]):
        parts["train-photos"] = gr.File(
            file_count="multiple", label=say("photos.label"), height=132,
            elem_id="train-photos", elem_classes=["drop"],
        )  # fmt: skip
        with gr.Row(elem_classes=["buttons"]):
            parts["train-bundled"] = gr.Button(say("photos.use_samples"), size="sm", elem_id="train-bundled")
        html(parts, "photos-note")


def _stage(parts: Parts) -> None:
    with gr.Column(elem_classes=["easel"]):
        parts["grid"] = gr.Image(
            format="jpeg", show_label=False, interactive=False, buttons=["fullscreen"], elem_id="grid",
            elem_classes=["growing"], container=False, alt_text=say("training.alt"),
        )  # fmt: skip
    with gr.Row(elem_classes=["actions"]):
        parts["train"] = gr.Button(
            say("training.train"), variant="primary", elem_id="train", elem_classes=["go-button"], min_width=90, scale=0
        )
        parts["train-pause"] = gr.Button(
            say("run.pause"), interactive=False, elem_id="train-pause", min_width=84, scale=0
        )
        parts["train-stop"] = gr.Button(say("run.stop"), interactive=False, elem_id="train-stop", min_width=64, scale=0)
        said = say("training.chosen" if pictures.styles() else "training.waiting")
        html(parts, "train-status", said, scale=1, elem_classes=["status-line"])
    html(parts, "train-cost")
    html(parts, "train-message")
    with gr.Row(visible=False, elem_classes=["buttons"], elem_id="train-after") as parts["train-after"]:
        parts["train-save"] = gr.DownloadButton(say("training.download"), size="sm", elem_id="train-save")
        parts["train-try"] = gr.Button(say("training.try"), size="sm", elem_id="train-try")
    html(parts, "train-note")
    with gr.Column(elem_classes=["live-charts"]):
        html(parts, "train-chart", small_charts.term_chart([]))


def _settings(parts: Parts, recipe: TrainingRecipe, jobs: Jobs) -> None:
    with gr.Column(elem_classes=["sheet"]):
        heading(say("recipe.title"))
        listed = [
            (f"{say(f'preset.{name}.title')}\n{say(f'preset.{name}.description')}", name) for name in training_presets()
        ]
        parts["train-preset"] = gr.Radio(
            listed, value="fast-default", show_label=False, label=say("recipe.preset"), container=False, elem_id="train-preset",
            elem_classes=["presets"],
        )  # fmt: skip
        html(parts, "train-preset-note", preset_note(recipe))
    with gr.Column(elem_classes=["sheet"]):
        heading(say("training.title"))
        parts["title"] = gr.Textbox(
            value=say("training.my_style"),
            label=say("training.name"),
            max_length=60,
            elem_id="train-title",
            elem_classes=["setting"],
        )
        for name in FIELDS:
            choices = network_choices(jobs) if name == "network" else ()
            parts[f"train-{name}"] = controls.control(
                name, controls.shown(name, recipe), choices, model=TrainingRecipe, prefix="train"
            )
        with gr.Accordion(say("panel.layers"), open=False, elem_id="train-layers-panel"):
            parts["train-layers"] = layers.grid(recipe, "train-layers")
            html(parts, "train-layers-words", layers.described(layers.grid_value(recipe)))
        html(parts, "train-settings-message")


# ---------------------------------------------------------------- wiring

SHOWN = (
    "grid", "train", "train-pause", "train-stop", "train-status", "train-message", "train-after", "train-note",
    "train-chart", "train-save", "train-cost",
)  # fmt: skip
LIVE = ("grid", "train-status", "train-note", "train-chart")


def _wire(parts: Parts, photographs: Photographs, trainer: Trainer) -> None:
    desk, memory = parts["desk"], parts["memory"]
    fields = [*(parts[f"train-{name}"] for name in FIELDS), parts["train-layers"]]
    chosen = [
        *fields, parts["train-layers-words"], parts["train-settings-message"], parts["train-preset-note"], parts["photos-note"],
    ]  # fmt: skip
    shown, live = [parts[name] for name in SHOWN], [parts[name] for name in LIVE]
    looked = [parts["photos-note"], parts["grid"]]
    wire_source(parts, "train-style", "styles", "style")
    gr.on(
        [parts["train-photos"].upload, parts["train-photos"].clear], photographs.given_photos,
        [desk, parts["train-photos"], *fields], looked, **WATCHING,
    )  # fmt: skip
    parts["train-bundled"].click(photographs.sample_photos, [desk, *fields], [parts["train-photos"], *looked], **LIGHT)
    parts["train-preset"].input(trainer.choose_preset, [desk, parts["train-preset"], *fields], chosen, **LATEST)
    parts["train-network"].input(trainer.choose_network, [desk, parts["train-network"], *fields], chosen, **LATEST)
    parts["train-layers"].input(
        trainer.moved_layers, [desk, parts["train-layers"], *fields],
        [parts["train-layers-words"], parts["train-settings-message"]], **LATEST,
    )  # fmt: skip
    # Not the latest alone, as the Studio's one listener of changes has it: of two such each makes the other wait.
    gr.on(
        [part.change for part in (*fields, parts["photos-note"])],
        trainer.cost,
        [desk, *fields],
        parts["train-cost"],
        **LIGHT,
        trigger_mode="multiple",
    )
    for name in FIELDS:
        if name == "network":
            continue
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
        [*shown, *fields, parts["train-layers-words"], parts["photos-note"], parts["title"], parts["train-style"]],
        js="(desk, memory) => [desk, memory, playground.told()]", **LIGHT,
    )  # fmt: skip
    opened.then(trainer.follow, desk, live, **WATCHING).then(trainer.finish, desk, shown, **WATCHING)
