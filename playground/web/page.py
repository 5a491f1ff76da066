"""The whole page: its heading and its tabs, and what `launch` needs to dress it.

app.py calls `build_page` and launches what it returns with `LAUNCH`. It alone knows several tabs; it must not know how any of
them works.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from playground.recipe.training import TrainingRecipe
from playground.service.jobs import Jobs
from playground.web.api import add_api
from playground.web.classroom.tab import build_class
from playground.web.classroom.wall import Wall
from playground.web.compare.tab import build_compare
from playground.web.components.controls import rules
from playground.web.components.hidden_buttons import hidden_buttons
from playground.web.components.layout import LIGHT, WATCHING, Parts, listed
from playground.web.components.messages import NOTHING, Updates
from playground.web.gradio_patches.half_written_pictures import write_pictures_whole
from playground.web.gradio_patches.light_sessions import keep_sessions_light
from playground.web.gradio_patches.plain_values import make_plain_values_ready_at_once
from playground.web.gradio_patches.queue_polling import CalmQueueBlocks
from playground.web.gradio_patches.spoken_config import SpokenBlocks
from playground.web.gradio_patches.unchanged_outputs import ChangedOutputsBlocks
from playground.web.instant.api import add_instant_api
from playground.web.instant.choice import MESSAGES, SLIDERS, Choice
from playground.web.instant.handlers import Instant
from playground.web.instant.state import Easel
from playground.web.instant.tab import PAINTING, build_instant
from playground.web.lab.bridge import Bridge
from playground.web.lab.tab import build_lab
from playground.web.shared_pictures import Box, keep_same
from playground.web.studio.paintings import STRIP, Paintings
from playground.web.studio.session import Session
from playground.web.studio.settings_panel import SettingsPanel
from playground.web.studio.tab import build_studio
from playground.web.theme import theme
from playground.web.training.state import Desk
from playground.web.training.tab import build_training, memory
from playground.web.words import LANGUAGES, language, laying_out, localised, say, scripts_words

ASSETS = Path(__file__).parent / "assets"
TITLE = "Style Playground"
SCRIPTS = (
    "unanswered.js",
    "page.js",
    "fields.js",
    "help.js",
    "files.js",
    "access.js",
    "tabs.js",
    "glossary.js",
    "lab.js",
    "class.js",
    "teacher.js",
    "lens.js",
)
ROOMS = ("studio", "instant", "training", "compare", "lab", "class")


def heading() -> str:
    """The head of the page: its name, what each tab is for, keys, languages, and a line on the server."""
    said = "".join(f'<p class="of-{room}">{say(f"page.{room}.about")}</p>' for room in ROOMS)
    keys = " ".join(
        f"<kbd>{key}</kbd> {say(f'page.key.{name}')}"
        for key, name in zip("RPSB", ("run", "pause", "stop", "before"), strict=True)
    )
    languages = "".join(f'<option value="{code}">{name}</option>' for code, name in LANGUAGES.items())
    return (
        f'<header class="masthead"><a class="skip" href="#run">{say("page.skip")}</a><h1>{TITLE}</h1>{said}'
        f'<div id="class-strip" aria-live="polite" hidden></div><p class="keys of-studio">{keys}</p><p id="server-line"></p>'
        f'<select id="language" aria-label="{say("page.language")}">{languages}</select></header>'
    )


def head(most: Mapping[str, float] | None = None) -> str:
    """The page's own scripts, and what they know of the settings.

    Args:
        most: what a server allows for a setting.
    """
    with laying_out():
        fields = json.dumps(rules(most=most) | rules(TrainingRecipe, "train"), ensure_ascii=False)
    return "".join(
        f"<script>{script}</script>"
        for script in (
            f"window.playgroundFields = {fields}; window.playgroundWords = {scripts_words()};",
            *((ASSETS / name).read_text("utf-8") for name in SCRIPTS),
        )
    )


LAUNCH: dict[str, Any] = {
    "theme": theme(),
    "css_paths": [
        ASSETS / f"{name}.css" for name in ("style", "results", "paintings", "words", "lab", "class", "lens", "narrow")
    ],
    "head": head(),
    "footer_links": ["api", "settings"],
    "run_history": False,
    "max_file_size": "64mb",
}
"""How the page is launched: `demo.launch(**LAUNCH, ...)`."""
KEEP_FILES = (600, 4 * 3600)  # gradio prunes its files every ten minutes, four hours after they were made


class PageBlocks(ChangedOutputsBlocks, CalmQueueBlocks, SpokenBlocks):
    """`gr.Blocks` that takes little from the painting, in the language of whoever looks."""

    def language(self) -> str:
        return language()

    def localised(self, described: Any, spoken: str) -> Any:
        return localised(described, spoken)


def build_page(
    jobs: Jobs, is_teacher: Callable[[object], bool] = lambda key: False, wall: Wall | None = None
) -> gr.Blocks:
    """The page for a server's runs.

    Args:
        is_teacher: whether the `key` in the page's address is the teacher's.
        wall: where a class sees its sheets; None where there is no class.
    """
    keep_sessions_light()
    write_pictures_whole()
    make_plain_values_ready_at_once()
    with (
        laying_out(),
        PageBlocks(title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=KEEP_FILES) as page,
    ):
        gr.HTML(heading(), apply_default_css=False)
        kept, browser, rung = memory(), gr.Textbox(visible=False), hidden_buttons()
        with gr.Tabs(elem_id="rooms") as rooms:
            with gr.Tab(say("page.studio"), id="studio"):
                studio = build_studio(jobs, browser, is_teacher)
            with gr.Tab(say("page.instant"), id="instant"):
                instant = build_instant(jobs)
            with gr.Tab(say("page.training"), id="training"):
                training = build_training(jobs, kept, browser)
            with gr.Tab(say("page.compare"), id="compare"):
                compare = build_compare(jobs)
            with gr.Tab(say("page.lab"), id="lab") as tab:
                bridge = Bridge(rooms, studio, SettingsPanel(jobs, studio))
                lab = build_lab(jobs, tab, bridge, rung, wall.show_sheet if wall else None)
            with gr.Tab(say("page.class"), id="class"):
                build_class()
        keep_same(
            "photos", [(studio, "content"), (instant, "instant-photo"), (compare, "compare-photo"), (lab, "lab-photo")]
        )
        keep_same(
            "styles", [(studio, "style"), (training, "train-style"), (compare, "compare-style"), (lab, "lab-style")]
        )
        _join(jobs, rooms, studio, instant, training)
        _new_photos(studio, [(instant, "instant-photo"), (compare, "compare-photo"), (lab, "lab-photo")])
        add_api(jobs)
        add_instant_api(jobs)
    return page


def _join(jobs: Jobs, rooms: gr.Tabs, studio: Parts, instant: Parts, training: Parts) -> None:
    """What leads from one tab to another."""
    painter, choice = Instant(jobs, instant), Choice(jobs, instant)
    easel = instant["easel"]
    look = [instant["instant-strength"], instant["instant-colours"]]

    def as_content(easel: Easel, strength: float, colours: bool) -> tuple[Any, Any, str]:
        picture = easel.stylized.at(strength, colours) if easel.stylized else gr.skip()
        return gr.Tabs(selected="studio"), picture, ""

    def try_it(desk: Desk, easel: Easel) -> Updates:
        model = desk.job.model if desk.job else None
        if model is None:
            return NOTHING
        return {rooms: gr.Tabs(selected="instant"), **choice.open_trained(easel, False, str(model))}

    instant["instant-use"].click(
        as_content, [easel, *look], [rooms, studio["content"], studio["content-message"]], **LIGHT
    )
    training["train-try"].click(
        try_it, [training["desk"], easel], [rooms, *(instant[name] for name in (*MESSAGES, *SLIDERS))], **LIGHT
    ).then(painter.gallery, easel, instant["styles"], **LIGHT).then(
        painter.paint, [easel, instant["instant-photo"], instant["instant-size"], *look],
        [instant[name] for name in PAINTING], **WATCHING,
    )  # fmt: skip


def _new_photos(studio: Parts, boxes: Sequence[Box]) -> None:
    """A photo given on another tab is the Studio's too: what belonged to the former one goes with it, and both tabs say so."""
    paintings, shown = Paintings(studio), [*listed(studio, STRIP), studio["content-message"]]

    def another(place: Any, session: Session, content: str | None) -> Updates:
        updates = paintings.another_photo(session, content)
        return (
            {**updates, place: updates[studio["content-message"]]} if studio["content-message"] in updates else updates
        )

    for parts, name in boxes:
        place = parts[f"{name}-message"]
        for given in parts[f"{name}-given"]:
            given.then(partial(another, place), [studio["session"], parts[name]], [*shown, place], **LIGHT)
