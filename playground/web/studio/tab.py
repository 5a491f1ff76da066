"""The Studio tab: two pictures, a run, its controls, laid out.

page.py builds it; wiring.py binds what is laid out here to its handlers. Knows no run.
"""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from playground.recipe.chance import seed_counts
from playground.recipe.model import Recipe
from playground.recipe.presets import load_preset
from playground.service.jobs import Jobs
from playground.service.one_process import MAX_RUNS_AT_FULL_SPEED
from playground.web.components import controls, cut, layers, pictures, rounds, run_chart, viewer
from playground.web.components.format import balance, compared
from playground.web.components.layout import (
    Parts,
    heading,
    html,
    source,
)
from playground.web.components.lenses import ASSETS
from playground.web.components.networks import network_choices
from playground.web.studio.coach import build_coach
from playground.web.studio.history import build_history
from playground.web.studio.kept_pictures import build_kept
from playground.web.studio.lenses import build_echo, build_pairs, build_tug
from playground.web.studio.paintings import build_paintings
from playground.web.studio.regions import build_regions
from playground.web.studio.results import FORMATS
from playground.web.studio.session import Session, preset_of, stylize_presets
from playground.web.studio.shelf import build_shelf
from playground.web.studio.undo import build_marks
from playground.web.studio.wiring import wire_studio
from playground.web.words import say


def build_studio(jobs: Jobs, browser: gr.Textbox, is_teacher: Callable[[object], bool]) -> Parts:
    """Lay out the Studio inside the `gr.Blocks` that is open, and wire it; its components by name.

    Args:
        browser: where page.js puts what the browser keeps, as visit.py reads it.
        is_teacher: whether a key is the teacher's.
    """
    recipe, _ = jobs.limits.fitted(load_preset())
    parts: Parts = {"browser": browser, "run-id": gr.Textbox(visible=False), "session": gr.State(Session(recipe))}
    parts["came-back"] = gr.Textbox(visible="hidden")  # whose change brings the pictures
    with gr.Row(visible=False, elem_id="banner") as parts["banner"]:
        html(parts, "banner-note")
        parts["banner-button"] = gr.Button(
            say("network.download"), size="sm", elem_id="banner-button", scale=0, min_width=220
        )
    with gr.Row(elem_id="studio", elem_classes=["room"], equal_height=False):
        with gr.Column(elem_classes=["room-sources"], min_width=240, scale=0):
            source(parts, "content", say("source.content"), "photos")
            parts["cut"] = cut.cut()
            source(parts, "style", say("source.style"), "styles")
            build_paintings(parts)
        with gr.Column(elem_id="stage", elem_classes=["room-stage"], min_width=320, scale=2):
            _stage(parts, jobs)
        with gr.Column(elem_classes=["room-settings"], min_width=280, scale=1):
            _balance_panel(parts, recipe)
            with gr.Column(elem_id="deeper", elem_classes=["deeper"]):  # scrolls by itself: the balance stays
                _recipe_panel(parts, recipe)
                _panels(parts, recipe, jobs)
    wire_studio(parts, jobs, is_teacher)
    return parts


# ---------------------------------------------------------------- layout


def _stage(parts: Parts, jobs: Jobs) -> None:
    with gr.Column(elem_id="instrument", elem_classes=["instrument"]):
        _easel(parts)
        _actions(parts)
        _charts(parts, jobs)
    build_regions(parts)
    html(parts, "notes")
    html(parts, "summary")
    build_history(parts)
    build_kept(parts, jobs)
    _repaint_panel(parts)
    build_shelf(parts)


def _easel(parts: Parts) -> None:
    with gr.Column(elem_id="easel", elem_classes=["easel"]):
        parts["preview"] = gr.Image(
            format="jpeg", show_label=False, interactive=False, buttons=["fullscreen"], elem_id="preview", elem_classes=["growing"],
            alt_text=say("js.preview"), container=False,
        )  # fmt: skip
        parts["before-after"] = viewer.viewer()


def _actions(parts: Parts) -> None:
    """The buttons of a run, what it says of itself, and one line that is the cost before and the files after it."""
    with gr.Row(elem_classes=["actions"]):
        parts["run"] = gr.Button(
            say("run.run"), variant="primary", elem_id="run", elem_classes=["go-button"], min_width=90, scale=0
        )
        parts["pause"] = gr.Button(say("run.pause"), interactive=False, elem_id="pause", min_width=84, scale=0)
        parts["stop"] = gr.Button(say("run.stop"), interactive=False, elem_id="stop", min_width=64, scale=0)
        gr.Button(
            say("run.weights"), elem_id="weights-toggle", min_width=84, scale=0
        )  # page.js opens the sheet on a phone
        chosen = bool(pictures.photos() and pictures.styles())
        said = say("status.chosen" if chosen else "status.choose")
        with gr.Column(elem_classes=["telling"], min_width=120):
            html(parts, "status", said, elem_classes=["status-line"])
            html(parts, "cost")
    with gr.Column(elem_id="beneath", elem_classes=["beneath"]):
        html(parts, "teacher")
        html(parts, "announce", elem_classes=["for-ears"])
        html(parts, "run-message")
        build_coach(parts)
        with gr.Row(visible=False, elem_id="busy") as parts["busy"]:
            html(parts, "busy-note")
            parts["replace"] = gr.Button(say("busy.replace"), size="sm", elem_id="replace", scale=0, min_width=100)
            parts["keep"] = gr.Button(say("busy.keep"), size="sm", elem_id="keep", scale=0, min_width=90)
        with gr.Row(visible=False, elem_id="staged", elem_classes=["asking"]) as parts["staged"]:
            html(parts, "staged-note")
            parts["run-these"] = gr.Button(say("staged.run"), size="sm", elem_id="run-these", scale=0, min_width=110)
            parts["forget"] = gr.Button(say("staged.forget"), size="sm", elem_id="forget", scale=0, min_width=70)
        html(parts, "staged-now")
        with gr.Row(visible=False, elem_id="after", elem_classes=["buttons"]) as parts["after"]:
            for suffix, name in FORMATS.items():
                parts[f"save-{suffix}"] = gr.DownloadButton(
                    say("results.download", format=name) if suffix == "png" else name,
                    size="sm",
                    elem_id=f"save-{suffix}",
                )
            parts["save-json"] = gr.DownloadButton(say("results.recipe"), size="sm", elem_id="save-recipe")
            parts["use"] = gr.Button(say("results.use"), size="sm", elem_id="use-as-content")


def _charts(parts: Parts, jobs: Jobs) -> None:
    """What stands under the easel, a tab each; the curves first."""
    with gr.Tabs(elem_id="under", elem_classes=["under"]):
        with gr.Tab(say("under.curves"), id="curves"):
            parts["terms-chart"] = run_chart.chart()
        with gr.Tab(say("under.pulls"), id="pulls"):
            measured = jobs.limits.max_runs <= MAX_RUNS_AT_FULL_SPEED
            parts["wants-shares"] = gr.Checkbox(
                value=measured, label=say("tug.measure"), elem_id="wants-shares",
                container=False, info=say("tug.help"),
            )  # fmt: skip
            build_tug(parts, measured)
        with gr.Tab(say("under.pairs"), id="pairs-tab"):
            build_pairs(parts)
        with gr.Tab(say("under.echo"), id="echo-tab"):
            build_echo(parts)
        with gr.Tab(say("under.rounds"), id="rounds-tab"):
            html(parts, "rounds", rounds.table(None))
    html(parts, "hover-picture")


def _repaint_panel(parts: Parts) -> None:
    """What can be done with a run that has left a trained network."""
    with gr.Accordion(
        say("repaint.title"), open=False, visible=False, elem_id="repaint", elem_classes=["sheet"]
    ) as parts["repaint"]:
        gr.HTML(
            f'<p class="hint">{say("repaint.hint")}</p>',
            apply_default_css=False,
        )
        with gr.Row(elem_classes=["pair"], equal_height=False):
            source(parts, "other", say("repaint.photo"), "photos")
            with gr.Column():
                parts["repainted"] = gr.Image(
                    format="jpeg", show_label=False, interactive=False, buttons=["download", "fullscreen"],
                    elem_id="repainted", container=False, alt_text=say("repaint.alt"),
                )  # fmt: skip
        parts["repaint-go"] = gr.Button(say("repaint.go"), size="sm", elem_id="repaint-go", scale=0, min_width=120)
        html(parts, "repaint-message")


def _recipe_panel(parts: Parts, recipe: Recipe) -> None:
    with gr.Column(elem_classes=["sheet"]):
        heading(say("recipe.title"))
        listed = [
            (f"{say(f'preset.{name}.title')}\n{say(f'preset.{name}.description')}", name) for name in stylize_presets()
        ]
        parts["preset"] = gr.Radio(
            listed,
            value="default",
            show_label=False,
            label=say("recipe.preset"),
            container=False,
            elem_id="preset",
            elem_classes=["presets"],
        )
        html(parts, "preset-note")
        html(parts, "network-note")
        parts["network-button"] = gr.Button(say("network.download"), visible=False, size="sm", elem_id="fetch")
        with gr.Row(visible=False, elem_id="journal") as parts["journal"]:
            html(parts, "journal-note")
            parts["drop"] = gr.Button(say("journal.drop"), size="sm", elem_id="drop-journal", scale=0, min_width=100)
        with gr.Row(elem_classes=["buttons"]):
            build_marks(parts)
            parts["reset"] = gr.Button(say("settings.reset"), size="sm", elem_id="reset", min_width=60)
            parts["load"] = gr.UploadButton(
                say("settings.load"),
                size="sm",
                elem_id="load-recipe",
                min_width=80,
            )
            parts["save"] = gr.Button(say("settings.save"), size="sm", elem_id="save-settings", min_width=80)
            parts["copy"] = gr.Button(say("link.copy"), size="sm", elem_id="copy-link", min_width=80)
        parts["link"] = gr.Textbox(
            label=say("link.label"),
            visible=False,
            interactive=False,
            elem_id="link",
            buttons=["copy"],
        )
        parts["json"] = gr.Textbox(visible=False)


def _balance_panel(parts: Parts, recipe: Recipe) -> None:
    with gr.Column(elem_id="balance", elem_classes=["sheet", "balance"]):
        heading(say("balance.title"), "weight")
        parts["mix"] = gr.Slider(
            -controls.MIX, controls.MIX, value=0, step=0.05, label=say("js.mix"), show_label=False, container=False, buttons=[],
            elem_id="mix", elem_classes=["decades", "mix"],
        )  # fmt: skip
        gr.HTML(
            f'<p class="mix-ends" aria-hidden="true"><span>{say("mix.photo")}</span><span>{say("mix.painting")}</span></p>',
            apply_default_css=False,
        )
        html(parts, "ratio", balance(recipe.content_weight, recipe.style_weight, preset_of(recipe)))
        with gr.Accordion(say("run.weights"), open=True, elem_id="weights", elem_classes=["weights"]):
            for name in ("content_weight", "style_weight", "neighbours_weight", "variation_weight"):
                _setting(parts, name, recipe)
        html(parts, "message-balance")


def _setting(
    parts: Parts,
    name: str,
    recipe: Recipe,
    choices: list[tuple[str, str]] | None = None,
    most: float | None = None,
) -> None:
    """One field's control; with a slider over decades and its value in words where it has them."""
    if name not in controls.ON_SLIDER:
        parts[f"set-{name}"] = controls.control(name, controls.shown(name, recipe), choices or (), most=most)
        return
    preset = preset_of(recipe)
    with gr.Column(elem_classes=["weight"]):
        parts[f"set-{name}"] = controls.control(name, getattr(recipe, name))
        parts[f"slide-{name}"] = controls.decade_slider(name, getattr(recipe, name), preset)
        html(parts, f"words-{name}", compared(name, getattr(recipe, name), getattr(preset, name)))


def _panels(parts: Parts, recipe: Recipe, jobs: Jobs) -> None:
    for panel in controls.PANELS:
        with gr.Accordion(say(f"panel.{panel}"), open=panel == "picture", elem_classes=["sheet"]):
            if panel == "layers":
                with gr.Row(elem_classes=["picks"]):
                    for pick in layers.PICKS:
                        parts[f"pick-{pick}"] = gr.Button(
                            say(f"pick.{pick}"), size="sm", min_width=60, elem_id=f"pick-{pick}"
                        )
                parts["layers"] = layers.grid(recipe)
                html(parts, "layers-words", layers.described(layers.grid_value(recipe)))
            for name, home in controls.FIELDS.items():
                if home == panel:
                    choices = network_choices(jobs) if name == "network" else None
                    _setting(parts, name, recipe, choices, jobs.limits.most().get(name))
                if name == "seed" and home == panel:
                    counts = seed_counts(recipe)
                    parts["dice"] = gr.Button(say("settings.dice"), size="sm", elem_id="dice", interactive=counts)
                    html(parts, "dice-why", controls.why_no_seed(counts))
            html(parts, f"message-{panel}")
    script = (ASSETS / "five.js").read_text("utf-8")
    parts["five"] = gr.HTML(
        list(controls.VARIED), js_on_load=script, elem_id="five", html_template="<i></i>", apply_default_css=False
    )
