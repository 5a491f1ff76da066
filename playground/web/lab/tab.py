"""The Lab tab: what each loss hears, lessons with a prediction, a grid of one's own.

Laid out and wired here and built by page.py; what it does stands in ears.py, lessons.py, grid.py and bench.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import gradio as gr

from playground.experiments.lessons import lessons
from playground.experiments.results import CellCache
from playground.recipe.model import Recipe
from playground.service.jobs import Jobs
from playground.web.components.hidden_buttons import HiddenButtons
from playground.web.components.layout import LATEST, LIGHT, WATCHING, Parts, html, listed, source, wire_source
from playground.web.components.messages import NOTHING, Updates, fault, message
from playground.web.gradio_patches.private_names import event_value, page_under_construction
from playground.web.lab import ears as hearing
from playground.web.lab.bench import Bench, Sheet, ShowSheet, bench_outputs
from playground.web.lab.bridge import Bridge
from playground.web.lab.grid import FIRST as FIRST_AXIS
from playground.web.lab.grid import NONE, Grid, five, settings
from playground.web.lab.grid import SECOND as SECOND_AXIS
from playground.web.lab.lessons import ASKED, FIRST, FOLLOWED, Lessons, choices, options, own_files, question
from playground.web.words import say


def build_lab(
    jobs: Jobs, tab: gr.Tab, bridge: Bridge, hidden: HiddenButtons, show_sheet: ShowSheet | None = None
) -> Parts:
    """Lay out the Lab inside `tab`, which is open, and wire it; its components by name.

    Args:
        bridge: where the recipe of a cell is taken up.
        hidden: what is pressed when a class goes on.
        show_sheet: tells a class of a finished sheet; None where there is no class.
    """
    parts: Parts = {"lesson-state": gr.State(Sheet()), "grid-state": gr.State(Sheet())}
    cache = CellCache()
    with gr.Row(elem_id="lab", elem_classes=["room", "wide"], equal_height=False):
        with gr.Column(elem_classes=["room-sources"], min_width=240, scale=0):
            source(parts, "lab-style", say("source.style"), "styles")
            source(parts, "lab-photo", say("source.content"), "photos")
        with gr.Column(elem_classes=["room-stage"], min_width=320, scale=2), gr.Tabs(elem_id="lab-parts") as inner:
            with gr.Tab(say("lab.ears"), id="ears"):
                lay_out_ears(parts)
            with gr.Tab(say("lab.lessons"), id="lessons"):
                lay_out_lessons(parts)
            with gr.Tab(say("lab.grid"), id="grid") as grid_tab:
                lay_out_grid(parts)
    wire_source(parts, "lab-photo", "photos", "content")
    _wire_ears(parts, hearing.Ears(jobs, parts), tab)
    _wire_lessons(parts, Lessons(jobs, parts, "lesson", cache, show_sheet), bridge, inner, hidden)
    _wire_grid(parts, Grid(jobs, parts, "grid", cache, show_sheet), bridge, inner, grid_tab)
    return parts


# ---------------------------------------------------------------- layout


def lay_out_ears(parts: Parts) -> None:
    gr.HTML(f'<p class="lab-lead">{say("lab.ears.lead")}</p>', apply_default_css=False)
    parts["ears-edit"] = gr.Radio(
        hearing.choices(), value="cut", label=say("lab.ears.edits"), elem_id="ears-edit", elem_classes=["chips"], container=False
    )  # fmt: skip
    parts["ears-amount"] = gr.Slider(
        2, 16, value=4, step=1, label=say("lab.amount.cut"), buttons=[], elem_id="ears-amount", elem_classes=["setting"]
    )
    html(parts, "ears-message")
    html(parts, "ears-said", elem_classes=["lab-said"])
    html(parts, "ears", f'<p class="invitation">{say("lab.ears.waiting")}</p>')
    gr.HTML(f'<p class="hint">{say("lab.ears.meaning")}</p>', apply_default_css=False)


def lay_out_lessons(parts: Parts) -> None:
    first = lessons()[FIRST]
    with gr.Row(elem_classes=["lab-list"]):
        parts["lesson-choice"] = gr.Radio(
            choices(), value=FIRST, label=say("lab.lessons"), elem_id="lesson-choice", elem_classes=["chips"], container=False
        )  # fmt: skip
    gr.HTML(f'<button type="button" class="lab-all">{say("lab.all")}</button>', apply_default_css=False)
    html(parts, "lesson-question", question(first))
    gr.HTML('<div class="class-votes"></div>', elem_id="lesson-votes", apply_default_css=False)  # class.js fills it
    parts["lesson-options"] = gr.Radio(
        options(first), label=say("lab.predict"), elem_id="lesson-options", elem_classes=["chips", "predict"]
    )
    with gr.Row(elem_classes=["lab-actions"]):
        parts["lesson-run"] = gr.Button(
            say("lab.run"), variant="primary", interactive=False, elem_id="lesson-run", elem_classes=["go-button"],
            min_width=90, scale=0,
        )  # fmt: skip
        parts["lesson-skip"] = gr.Button(say("lab.skip"), elem_id="lesson-skip", min_width=90, scale=0)
        parts["lesson-stop"] = gr.Button(
            say("run.stop"), interactive=False, elem_id="lesson-stop", min_width=64, scale=0
        )
        parts["lesson-own"] = gr.Checkbox(
            False, label=say("lab.own"), elem_id="lesson-own", elem_classes=["lab-own"], container=False, min_width=200, scale=0
        )  # fmt: skip
    html(parts, "lesson-cost", f'<p class="hint">{say("lab.cost.ears")}</p>')
    _bench(parts, "lesson")


def lay_out_grid(parts: Parts) -> None:
    gr.HTML(f'<p class="lab-lead">{say("lab.grid.lead")}</p>', apply_default_css=False)
    for place, (key, values) in enumerate((FIRST_AXIS, SECOND_AXIS), 1):
        with gr.Row(elem_classes=["lab-axis"]):
            parts[f"grid-key{place}"] = gr.Dropdown(
                settings(), value=key, label=say(f"lab.grid.setting.{place}"), elem_id=f"grid-key{place}", min_width=180
            )
            parts[f"grid-values{place}"] = gr.Textbox(
                values, label=say("lab.grid.values"), max_lines=1, elem_id=f"grid-values{place}", min_width=180
            )
    with gr.Row(elem_classes=["lab-axis"]):
        parts["grid-size"] = gr.Slider(
            64, 512, value=128, step=16, label=say("lab.grid.size"), buttons=[], elem_id="grid-size"
        )
        parts["grid-iterations"] = gr.Slider(
            5, 300, value=60, step=5, label=say("lab.grid.iterations"), buttons=[], elem_id="grid-iterations"
        )
    with gr.Row(elem_classes=["lab-actions"]):
        parts["grid-run"] = gr.Button(
            say("run.run"), variant="primary", elem_id="grid-run", elem_classes=["go-button"], min_width=90, scale=0
        )
        parts["grid-stop"] = gr.Button(say("run.stop"), interactive=False, elem_id="grid-stop", min_width=64, scale=0)
    html(parts, "grid-cost")
    _bench(parts, "grid")


def _bench(parts: Parts, prefix: str) -> None:
    """The place of a sheet: what is said of it, the cells, and what can be done with them."""
    html(parts, f"{prefix}-status", elem_classes=["lab-status"])
    html(parts, f"{prefix}-message")
    html(parts, f"{prefix}-said", elem_classes=["lab-verdict"])
    html(parts, f"{prefix}-sheet")
    with gr.Row(visible=False, elem_classes=["lab-after"]) as parts[f"{prefix}-after"]:
        parts[f"{prefix}-cell"] = gr.Dropdown(
            [], label=say("lab.cell"), filterable=False, elem_id=f"{prefix}-cell", elem_classes=["setting"], min_width=240, scale=0
        )  # fmt: skip
        parts[f"{prefix}-promote"] = gr.Button(
            say("lab.promote"), size="sm", elem_id=f"{prefix}-promote", elem_classes=["lab-promote"], min_width=140, scale=0
        )  # fmt: skip
        parts[f"{prefix}-save"] = gr.DownloadButton(
            say("lab.save"), size="sm", elem_id=f"{prefix}-save", min_width=140, scale=0
        )
    html(parts, f"{prefix}-chart", elem_classes=["lab-chart"])
    html(parts, f"{prefix}-table")


# ---------------------------------------------------------------- wiring


def _wire_ears(parts: Parts, ears: hearing.Ears, tab: gr.Tab) -> None:
    wired = wire_source(parts, "lab-style", "styles", "style")
    painting, edit, amount = parts["lab-style"], parts["ears-edit"], parts["ears-amount"]
    shown = [parts[name] for name in ("ears-message", "ears", "ears-said")]
    edit.input(ears.choose, [painting, edit], [amount, *shown], **LATEST)
    for when in (amount.input, tab.select):
        when(ears.hear, [painting, edit, amount], shown, **LATEST)
    for given in wired:
        given.then(ears.hear, [painting, edit, amount], shown, **LIGHT)


def _wire_lessons(parts: Parts, desk: Lessons, bridge: Bridge, inner: gr.Tabs, hidden: HiddenButtons) -> None:
    state, own, photo, painting = (parts[name] for name in ("lesson-state", "lesson-own", "lab-photo", "lab-style"))
    choice = parts["lesson-choice"]
    asked = bench_outputs(parts, "lesson", ASKED)

    def opened(name: str, sheet: Sheet, photo: str | None, painting: str | None) -> Updates:
        lesson = desk.linked(name)
        if lesson is None:
            return NOTHING
        places = {bridge.rooms: gr.Tabs(selected="lab"), inner: gr.Tabs(selected="lessons"), choice: lesson.name}
        return {**places, **desk.choose(sheet, lesson.name, photo, painting)}

    def linked(sheet: Sheet, photo: str | None, painting: str | None, request: gr.Request) -> Updates:
        return opened(request.query_params.get("lesson", ""), sheet, photo, painting)

    def offered(sheet: Sheet, photo: str | None, painting: str | None) -> Updates:
        return opened(desk.jobs.classroom.lesson, sheet, photo, painting)

    places = [bridge.rooms, inner, choice]
    hidden.opened.click(offered, [state, photo, painting], [*places, *asked], **LIGHT)
    hidden.went_on.click(desk.follow, state, listed(parts, [f"lesson-{name}" for name in FOLLOWED]), **LIGHT)
    choice.input(desk.choose, [state, choice, photo, painting], asked, **LIGHT)
    page_under_construction().load(linked, [state, photo, painting], [*places, *asked], **LIGHT)
    parts["lesson-options"].input(desk.predict, [state, parts["lesson-options"]], parts["lesson-run"], **LIGHT)
    parts["lesson-skip"].click(desk.skip, state, [parts["lesson-run"], parts["lesson-options"]], **LIGHT)
    own.input(desk.price, [state, own, photo, painting], parts["lesson-cost"], **LIGHT)
    parts["lesson-run"].click(desk.answer, [state, own, photo, painting], asked, trigger_mode="once", **WATCHING)

    def files(sheet: Sheet) -> tuple[str, str] | None:
        return None if sheet.own else own_files(lessons()[sheet.lesson or FIRST])

    _wire_bench(parts, "lesson", desk, bridge, files)


def _wire_bench(
    parts: Parts, prefix: str, desk: Bench, bridge: Bridge, files: Callable[[Sheet], tuple[str, str] | None]
) -> None:
    """Stop, and the way into the Studio.

    Args:
        files: the pair of a sheet as files for the Studio's boxes; None where it is there already.
    """
    state, said = parts[f"{prefix}-state"], parts[f"{prefix}-message"]
    parts[f"{prefix}-stop"].click(desk.stop, state, parts[f"{prefix}-stop"], **LIGHT)

    def promote(session: Any, sheet: Sheet, cell: Any) -> Updates:
        try:
            recipe = desk.chosen(sheet, cell).recipe
        except Exception as error:
            return {said: message(fault(error))}
        shown = bridge.panel.guarded("preset-note", bridge.panel.offered, session, recipe, say("lab.promoted"))
        return {said: "", bridge.rooms: gr.Tabs(selected="studio"), **shown}

    def pictures(sheet: Sheet) -> list[Any]:
        return list(files(sheet) or (gr.skip(), gr.skip()))

    boxes = [bridge.studio["content"], bridge.studio["style"]]
    parts[f"{prefix}-promote"].click(
        promote, [bridge.studio["session"], state, parts[f"{prefix}-cell"]], [said, bridge.rooms, *bridge.panel.outputs], **LIGHT
    ).then(pictures, state, boxes, **LIGHT)  # fmt: skip


def _wire_grid(parts: Parts, desk: Grid, bridge: Bridge, inner: gr.Tabs, tab: gr.Tab) -> None:
    state, session = parts["grid-state"], bridge.studio["session"]
    asked = [parts[f"grid-{name}"] for name in ("size", "iterations", "key1", "values1", "key2", "values2")]
    pair, controls = [parts["lab-photo"], parts["lab-style"]], bridge.panel.inputs

    def base(session: Any, values: tuple[Any, ...]) -> Recipe:
        return bridge.panel.assembled(session, values)

    def priced(session: Any, sheet: Sheet, *values: Any) -> Updates:
        if sheet.busy:
            return NOTHING
        try:
            return desk.price(base(session, values[8:]), *values[:8])
        except Exception as error:  # a control of the Studio has a value that cannot be used
            return {parts["grid-cost"]: message(fault(error))}

    async def painted(session: Any, sheet: Sheet, *values: Any) -> AsyncIterator[Updates]:
        try:
            recipe = base(session, values[8:])
        except Exception as error:
            yield {parts["grid-message"]: message(fault(error))}
            return
        async for updates in desk.paint(sheet, recipe, *values[:8]):
            yield updates

    def five_of(session: Any, sheet: Sheet, event: gr.EventData, *values: Any) -> Updates:
        """A setting of the Studio becomes the grid's only axis, with five values around its own."""
        try:
            recipe = base(session, values[8:])
            found = five(recipe, event_value(event, "name"))
        except Exception as error:
            return {bridge.studio["preset-note"]: message(fault(error))}
        if found is None or sheet.busy:
            return NOTHING
        axes = dict(zip(("key1", "values1", "key2", "values2"), (*found, NONE, ""), strict=True))
        shown = {parts[f"grid-{name}"]: value for name, value in axes.items()}
        places = {bridge.rooms: gr.Tabs(selected="lab"), inner: gr.Tabs(selected="grid")}
        sheet.plan, sheet.works = None, {}  # pictures of other axes
        return {**places, **shown, **desk.cleared(), **desk.price(recipe, *values[:4], *axes.values())}

    inputs = [session, state, *pair, *asked, *controls]
    for when in (tab.select, *(one.input for one in asked)):
        when(priced, inputs, [parts["grid-cost"], parts["grid-run"]], **LATEST)
    parts["grid-run"].click(painted, inputs, bench_outputs(parts, "grid"), trigger_mode="once", **WATCHING)
    _wire_bench(parts, "grid", desk, bridge, lambda sheet: None)
    bridge.studio["five"].select(
        five_of, inputs,
        [bridge.rooms, inner, *asked[2:], *bench_outputs(parts, "grid"), parts["grid-cost"], bridge.studio["preset-note"]],
        **LIGHT,
    )  # fmt: skip
