"""Which event of the Studio is answered by which handler.

Called by tab.py when everything is laid out. What the handlers do stands in settings_panel.py, steering.py and downloads.py
(controls), running.py and following.py (runs), result_actions.py (what a run leaves), restore.py (a page is opened).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr

from playground.errors import PlaygroundError
from playground.recipe.chance import seed_counts
from playground.service.jobs import Jobs
from playground.web.components import controls, cut, layers
from playground.web.components.layout import FOLLOWING, LATEST, LIGHT, WATCHING, Parts, listed, wire_source
from playground.web.components.messages import NOTHING, Updates
from playground.web.gradio_patches.private_names import page_under_construction
from playground.web.studio.cost import cost
from playground.web.studio.downloads import NetworkDownloads
from playground.web.studio.following import Following
from playground.web.studio.history import FOLLOWED, TimeMachine, wire_history
from playground.web.studio.kept_pictures import wire_kept
from playground.web.studio.lenses import wire_lenses
from playground.web.studio.open_pages import OpenPages
from playground.web.studio.paintings import Paintings, wire_paintings
from playground.web.studio.regions import RegionDesk, wire_regions
from playground.web.studio.restore import ARRIVED, Restore
from playground.web.studio.result_actions import COLOURS_SAID, ResultActions
from playground.web.studio.running import ASKED, END_PARTS, LIVE_PARTS, START_PARTS, Running
from playground.web.studio.session import Session
from playground.web.studio.settings_panel import SettingsPanel
from playground.web.studio.shelf import Shelf, wire_shelf
from playground.web.studio.staging import Staging, wire_staging
from playground.web.studio.steering import Steering
from playground.web.studio.undo import MARKS, Undo, wire_undo
from playground.web.words import say

SAVE_TEXT = """(text) => {
  if (!text) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = "recipe.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}"""
COPY_LINK = """(query) => {
  const link = query.startsWith("?") ? location.origin + location.pathname + query : query;
  if (navigator.clipboard) navigator.clipboard.writeText(link).catch(() => {});
  return link;
}"""


def wire_studio(parts: Parts, jobs: Jobs, is_teacher: Callable[[object], bool]) -> None:
    """Make the handlers and bind them to the components of the tab."""
    panel, pages = SettingsPanel(jobs, parts), OpenPages(jobs)
    running, results, downloads = Running(parts, panel, pages), ResultActions(parts, panel), NetworkDownloads(panel)
    steering = Steering(panel)
    _wire_controls(parts, panel, steering)
    _wire_recipe(parts, panel, downloads, steering)
    machine = wire_history(parts, panel, running)
    wire_kept(parts, jobs)
    wire_lenses(parts, jobs)
    opened = _wire_opening(parts, panel, Restore(parts, panel, running, results, is_teacher), downloads)
    _wire_runs(parts, panel, running, machine, Following(parts, pages, results), Staging(parts, panel, running), opened)
    _wire_buttons(parts, running)
    _wire_results(parts, panel, results)
    paintings = Paintings(parts)
    wire_paintings(parts, paintings)
    wire_regions(parts, RegionDesk(parts, paintings, jobs))
    page_under_construction().unload(pages.gone)
    undo = Undo(parts, panel)
    wire_undo(parts, panel, undo)
    _wire_changes(parts, jobs, panel, undo)


def _wire_changes(parts: Parts, jobs: Jobs, panel: SettingsPanel, undo: Undo) -> None:
    """Follow every control and the two pictures, also where a preset or a file moves them.

    It is one listener on purpose: of two that keep the latest change waiting, gradio starts both anew whenever one of them
    ends, so that each makes the other wait again, without end, and the page has no time left for anybody.
    """

    def changed(session: Session, content: str | None, style: str | None, *values: Any) -> Updates:
        line, run = cost(jobs, panel, session, content, style, *values)
        marks = undo.record(session, *values)
        updates: Updates = {parts["cost"]: line, parts["run"]: run}
        if session.running() is None and (both := bool(content and style)) != session.both:
            session.both = both
            updates[parts["status"]] = say("status.chosen" if both else "status.choose")
        try:
            counts = seed_counts(panel.assembled(session, values))
        except PlaygroundError:  # the control's own line says what is wrong
            counts = bool(session.seed_counts)
        if counts != session.seed_counts:
            session.seed_counts = counts
            updates |= {parts["dice"]: gr.Button(interactive=counts), parts["dice-why"]: controls.why_no_seed(counts)}
        if (shown := cut.value(dict(zip(panel.fields, values, strict=False)))) != session.cut:
            session.cut = updates[parts["cut"]] = shown
        return updates if marks is NOTHING else {**updates, **marks}

    # the summary of a finished run changes when the machine's speed has been learnt
    names = (*(f"set-{field}" for field in panel.fields), "layers", "content", "style", "summary")
    gr.on(
        [parts[name].change for name in names],
        changed, [parts["session"], parts["content"], parts["style"], *panel.inputs],
        listed(parts, ("cost", "run", "status", "cut", "dice", "dice-why", *MARKS)),
        **LATEST,
    )  # fmt: skip


def _wire_controls(parts: Parts, panel: SettingsPanel, steering: Steering) -> None:
    session = parts["session"]
    for name, home in controls.FIELDS.items():
        box, place = parts[f"set-{name}"], parts[f"message-{home}"]
        if name in controls.ON_SLIDER:
            both = [parts["set-content_weight"], parts["set-style_weight"]] if home == "balance" else []
            out = [parts[f"words-{name}"], place, *([parts["ratio"], parts["mix"]] if both else [])]
            slide = parts[f"slide-{name}"]
            box.input(partial(steering.moved_number, name), [session, box, *both], [slide, *out], **LATEST)
            slide.input(partial(steering.moved_slider, name), [session, slide, *both], [box, *out], **LATEST)
        elif name == "network":
            told = [parts["message-network"]]
            said = box.input(steering.chose_network, [session, box], told, trigger_mode="multiple", **LIGHT)
            said.then(steering.moved_network, [session, *panel.inputs], panel.outputs, **LATEST)
        elif name != "colours":  # result_actions.py's: it also acts on a finished picture
            box.input(partial(steering.moved, name), [session, box], place, **LATEST)
    both = [f"{kind}-{name}" for name in ("content_weight", "style_weight") for kind in ("set", "slide", "words")]
    parts["mix"].input(
        steering.moved_mix, [session, parts["mix"]], listed(parts, (*both, "ratio", "message-balance")), **LATEST
    )
    said = [parts["layers-words"], parts["message-layers"]]
    parts["layers"].input(steering.moved_layers, [session, parts["layers"]], said, **LATEST)
    for pick in layers.PICKS:
        parts[f"pick-{pick}"].click(
            partial(steering.quick_pick, pick), [session, parts["set-network"]], [parts["layers"], *said], **LIGHT
        )
    parts["dice"].click(steering.dice, session, parts["set-seed"], **LIGHT)


def _wire_recipe(parts: Parts, panel: SettingsPanel, downloads: NetworkDownloads, steering: Steering) -> None:
    session, shown, inputs = parts["session"], panel.outputs, panel.inputs
    parts["preset"].input(panel.choose_preset, [session, parts["preset"]], shown, **LATEST)
    parts["reset"].click(panel.reset, session, shown, **LIGHT)
    parts["load"].upload(panel.load, [session, parts["load"]], shown, **LIGHT)
    parts["drop"].click(panel.drop_journal, [session, *inputs], shown, **LIGHT)
    note = parts["preset-note"]
    parts["copy"].click(
        panel.link, [session, parts["content"], parts["style"], *inputs], [parts["link"], note], **LIGHT
    ).then(None, parts["link"], parts["link"], js=COPY_LINK, **LIGHT)
    parts["save"].click(panel.as_json, [session, *inputs], [parts["json"], note], **LIGHT).then(
        None, parts["json"], None, js=SAVE_TEXT, **LIGHT
    )
    clicks = [parts["network-button"].click, parts["banner-button"].click]
    fetched = gr.on(clicks, downloads.fetch, session, shown, **WATCHING)
    fetched.then(steering.network_arrived, [session, *inputs], shown, **LIGHT)


def _wire_opening(
    parts: Parts, panel: SettingsPanel, restore: Restore, downloads: NetworkDownloads
) -> gr.events.Dependency:
    """What happens when the page is opened; the event after which the run that came back is on the easel."""
    session = parts["session"]
    opened = page_under_construction().load(
        restore.opened, [session, parts["browser"]], _once(panel.outputs, listed(parts, (*START_PARTS, *ARRIVED))),
        js="(session) => [session, playground.told()]", **LIGHT,
    )  # fmt: skip
    opened.then(None, None, None, js="() => playground.arrived()", **LIGHT)
    opened.then(downloads.arriving, session, panel.outputs, **WATCHING)
    parts["came-back"].change(restore.pictures, session, listed(parts, ("content", "style")), **LIGHT)
    return opened


def _wire_runs(
    parts: Parts, panel: SettingsPanel, running: Running, machine: TimeMachine, following: Following,
    staging: Staging, opened: gr.events.Dependency,
) -> None:  # fmt: skip
    """Whatever puts a run on the easel, and how it is followed from there."""
    session, acted = parts["session"], listed(parts, START_PARTS)
    both = _once(panel.outputs, acted)
    started = [session, *listed(parts, ASKED), *panel.inputs]
    begun = parts["run"].click(running.start, started, acted, trigger_mode="once", **WATCHING)
    replaced = parts["replace"].click(machine.replace, started, acted, **WATCHING)
    branched = parts["branch"].click(machine.branch, [session, *panel.inputs], acted, **WATCHING)
    brought = parts["branches"].click(machine.bring, session, both, **WATCHING)
    staged = parts["run-these"].click(staging.run, started, both, trigger_mode="once", **WATCHING)
    for put_up in (opened, begun, replaced, branched, brought, staged):
        put_up.then(None, parts["run-id"], None, js="(run) => playground.keep(run)", **LIGHT)
        followed = put_up.then(following.follow, session, listed(parts, LIVE_PARTS), **FOLLOWING)
        ended = followed.then(following.finish, session, listed(parts, END_PARTS), **FOLLOWING)
        ended.then(staging.over, session, panel.outputs, **LIGHT)
        put_up.then(machine.follow, session, listed(parts, FOLLOWED), **FOLLOWING)
    wire_staging(parts, staging, partial(listed, parts), LIGHT)
    parts["keep"].click(running.answered, session, parts["busy"], **LIGHT)


def _wire_buttons(parts: Parts, running: Running) -> None:
    session, buttons = parts["session"], [parts["pause"], parts["stop"], parts["status"]]
    parts["pause"].click(running.pause, session, buttons, **LIGHT)
    parts["stop"].click(running.stop, session, buttons, **LIGHT)
    parts["wants-shares"].input(running.want_shares, [session, parts["wants-shares"]], parts["shares"], **LIGHT)


def _wire_results(parts: Parts, panel: SettingsPanel, results: ResultActions) -> None:
    session, colours, ended = parts["session"], parts["set-colours"], listed(parts, END_PARTS)
    colours.input(results.colours, [session, colours], [*ended, parts[COLOURS_SAID]], **LATEST)
    parts["use"].click(results.use_as_content, session, [parts["content"], parts["content-message"]], **LIGHT)
    wire_shelf(parts, Shelf(parts, results), _once(panel.outputs, ended, [parts["came-back"]]))
    wire_source(parts, "content", "photos", "content")
    repainted = [parts["repainted"], parts["repaint-message"]]
    picked, given = wire_source(parts, "other", "photos", "other")
    for when in (picked.then, given.then, parts["repaint-go"].click):
        when(results.repaint, [session, parts["other"]], repainted, **LIGHT)
    wire_source(parts, "style", "styles", "style")


def _once(*outputs: list[Any]) -> list[Any]:
    """The outputs of one event, each named once."""
    return list(dict.fromkeys(component for some in outputs for component in some))
