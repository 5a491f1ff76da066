"""The whole page: its heading and its tabs, and what `launch` needs to dress it.

app.py calls `build_page` and launches what it returns with `LAUNCH`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from playground.recipe.training import TrainingRecipe
from playground.service.jobs import Jobs
from playground.web.api import add_api
from playground.web.compare.tab import build_compare
from playground.web.components.controls import rules
from playground.web.components.layout import LIGHT, WATCHING, Parts
from playground.web.components.messages import NOTHING, Updates
from playground.web.gradio_patches.half_written_pictures import write_pictures_whole
from playground.web.gradio_patches.light_sessions import keep_sessions_light
from playground.web.gradio_patches.queue_polling import CalmQueueBlocks
from playground.web.gradio_patches.unchanged_outputs import ChangedOutputsBlocks
from playground.web.instant.easel import Easel
from playground.web.instant.handlers import Instant
from playground.web.instant.tab import PAINTING, build_instant
from playground.web.studio.tab import build_studio
from playground.web.theme import theme
from playground.web.training.desk import Desk
from playground.web.training.tab import build_training, memory

ASSETS = Path(__file__).parent / "assets"
TITLE = "Style Playground"
HEADING = """<header class="masthead"><a class="skip" href="#run">Skip to Run</a><h1>Style Playground</h1>
<p class="of-studio">Choose a photo and a painting, press Run, and turn what is marked <i>live</i> while it paints.</p>
<p class="of-instant">A network that has learned one painting repaints any photo in a single pass. Pick a style, then turn its strength.</p>
<p class="of-training">Let a network learn one painting from many photographs. It goes on when you close the page, and is here when you come back.</p>
<p class="of-compare">The same photo and painting through three methods, measured alike.</p>
<p class="keys of-studio"><kbd>R</kbd> run <kbd>P</kbd> pause <kbd>S</kbd> stop <kbd>B</kbd> before</p>
<p id="server-line"></p></header>"""
SCRIPTS = ("page.js", "fields.js", "access.js")


def head(most: Mapping[str, float] | None = None) -> str:
    """The page's own scripts, and what they know of the settings.

    Args:
        most: what a server allows for a setting.
    """
    fields = json.dumps(rules(most=most) | rules(TrainingRecipe, "train"))
    return "".join(
        f"<script>{script}</script>"
        for script in (
            f"window.playgroundFields = {fields};",
            *((ASSETS / name).read_text("utf-8") for name in SCRIPTS),
        )
    )


LAUNCH: dict[str, Any] = {
    "theme": theme(),
    "css_paths": [ASSETS / "style.css"],
    "head": head(),
    "footer_links": ["api", "settings"],
    "run_history": False,
    "max_file_size": "64mb",
}
"""How the page is launched: `demo.launch(**LAUNCH, ...)`."""
KEEP_FILES = (600, 4 * 3600)  # gradio prunes its files every ten minutes, four hours after they were made


class PageBlocks(ChangedOutputsBlocks, CalmQueueBlocks):
    """`gr.Blocks` that takes little from the painting."""


def build_page(jobs: Jobs, is_teacher: Callable[[object], bool] = lambda key: False) -> gr.Blocks:
    """The page for a server's runs; `is_teacher` tells whether the `key` in the page's address is the teacher's."""
    keep_sessions_light()
    write_pictures_whole()
    with PageBlocks(title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=KEEP_FILES) as page:
        gr.HTML(HEADING, apply_default_css=False)
        kept, browser = memory(), gr.Textbox(visible=False)
        with gr.Tabs(elem_id="rooms") as rooms:
            with gr.Tab("Studio", id="studio"):
                studio = build_studio(jobs, browser, is_teacher)
            with gr.Tab("Instant styles", id="instant"):
                instant = build_instant(jobs)
            with gr.Tab("Train a style", id="training"):
                training = build_training(jobs, kept, browser)
            with gr.Tab("Side by side", id="compare"):
                build_compare(jobs)
        _join(jobs, rooms, studio, instant, training)
        add_api(jobs)
    return page


def _join(jobs: Jobs, rooms: gr.Tabs, studio: Parts, instant: Parts, training: Parts) -> None:
    """What leads from one tab to another."""
    painter = Instant(jobs, instant)
    easel = instant["easel"]
    look = [instant["instant-strength"], instant["instant-colours"]]

    def as_content(easel: Easel, strength: float, colours: bool) -> tuple[Any, Any, str]:
        picture = easel.stylized.at(strength, colours) if easel.stylized else gr.skip()
        return gr.Tabs(selected="studio"), picture, ""

    def try_it(desk: Desk, easel: Easel) -> Updates:
        model = desk.job.model if desk.job else None
        if model is None:
            return NOTHING
        return {rooms: gr.Tabs(selected="instant"), **painter.open_file(easel, str(model))}

    instant["instant-use"].click(
        as_content, [easel, *look], [rooms, studio["content"], studio["content-message"]], **LIGHT
    )
    training["train-try"].click(
        try_it, [training["desk"], easel], [rooms, instant["styles"], instant["styles-message"]], **LIGHT
    ).then(
        painter.paint, [easel, instant["instant-photo"], instant["instant-size"], *look],
        [instant[name] for name in PAINTING], **WATCHING,
    )  # fmt: skip
