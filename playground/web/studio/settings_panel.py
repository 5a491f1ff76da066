"""The settings on the page: a recipe into every control and back, from presets, files and links.

Every handler here is light and answers outside the queue; tab.py wires them. steering.py acts on a control that was moved,
downloads.py on a network that is missing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from playground.errors import PictureError, PlaygroundError
from playground.images.load import read_recipe_text
from playground.networks import catalogue
from playground.recipe.base import DEFAULT_NETWORK
from playground.recipe.live_settings import live_settings
from playground.recipe.model import Recipe
from playground.recipe.parse import parse_recipe
from playground.recipe.presets import find_preset, load_preset
from playground.service.jobs import Jobs
from playground.web.components import controls, layers
from playground.web.components.format import balance, compared
from playground.web.components.messages import NOTHING, Updates, fault, message
from playground.web.components.numbers import numbers_note
from playground.web.studio.network_offer import OFFERS, offer
from playground.web.studio.paintings import KEPT, STRIP, strip_of
from playground.web.studio.session import (
    Session,
    link_query,
    preset_of,
    put_on,
    recipe_of_link,
    stylize_presets,
    usable,
)
from playground.web.studio.staged import STAGED, stage
from playground.web.words import counted, joined, say, translated

logger = logging.getLogger(__name__)
OTHERS = (
    "layers",
    "layers-words",
    "ratio",
    "mix",
    "preset",
    "preset-note",
    "journal",
    "journal-note",
    *STAGED,
    *OFFERS,
    *STRIP,
)
"""What a recipe changes beside its fields' controls."""
FILLED = "filled"
"""In the grid's value: which filling of the controls it came with. A page may send once more what an answer on its way to it
replaces, and of such values the recipe on show knows nothing."""


class SettingsPanel:
    """The controls of one page layout and the handlers behind them.

    Args:
        jobs: the server's runs.
        parts: the page's components by name, as tab.py laid them out: "set-<field>", "slide-<field>",
            "words-<field>", "message-<panel>", "layers", "layers-words", "ratio", "preset", "preset-note", "journal",
            "journal-note", "network-note", "network-button", "banner", "banner-note", "banner-button", "link", "json".
    """

    def __init__(self, jobs: Jobs, parts: Mapping[str, gr.components.Component]) -> None:
        self.jobs, self.parts = jobs, parts

    @property
    def fields(self) -> tuple[str, ...]:
        """The settings with a control of their own, in the page's order."""
        return tuple(controls.FIELDS)

    @property
    def inputs(self) -> list[gr.components.Component]:
        """Every control whose value makes up the recipe, in the order `assembled` expects."""
        return [*(self.parts[f"set-{name}"] for name in controls.FIELDS), self.parts["layers"]]

    @property
    def outputs(self) -> list[gr.components.Component]:
        """Everything that showing a recipe changes; gradio makes every output anew, so not the picture boxes."""
        fields = [f"set-{name}" for name in controls.FIELDS]
        sliders = [f"{kind}-{name}" for kind in ("slide", "words") for name in controls.ON_SLIDER]
        lines = [f"message-{panel}" for panel in ("balance", *controls.PANELS)]
        return [self.parts[name] for name in (*fields, *sliders, *lines, *OTHERS)]

    def assembled(self, session: Session, values: tuple[Any, ...]) -> Recipe:
        """The recipe that the controls show; on another network than they were filled for, with the numbers for that.

        Of controls that are about to show another recipe, it is that one.

        Raises:
            PlaygroundError: a control's value cannot be used.
        """
        if self.is_late(session, values):
            return session.base
        *plain, grid = values
        given = dict(zip(controls.FIELDS, plain, strict=True))
        grid = grid or {}
        given |= {f"{kind}_layers": grid.get(kind) for kind in layers.KINDS if kind != "neighbours" or kind in grid}
        network, base = given["network"], session.base
        if network != base.network and network in self.jobs.networks and catalogue.is_available(network):
            recipe = controls.assembled(base, {**given, "network": base.network})
            return put_on(recipe, network, self.jobs)
        return controls.assembled(base, given)

    def to_paint(self, session: Session, values: tuple[Any, ...]) -> Recipe:
        """What Run paints of the controls: what they show; with the network that is here where theirs cannot be fetched,
        as the page says beside it.

        Raises:
            PlaygroundError: a control's value cannot be used, or its network has to be downloaded first.
        """
        recipe = self.assembled(session, values)
        if recipe.network == DEFAULT_NETWORK or catalogue.is_available(recipe.network):
            return recipe
        named = catalogue.NETWORKS.get(recipe.network)
        if named is None or named.fetched:
            raise PlaygroundError(say("error.network_missing", network=recipe.network))
        return usable(recipe.changed({"network": session.base.network}), self.jobs)[0]

    def is_late(self, session: Session, values: tuple[Any, ...]) -> bool:
        """Whether the controls' values were sent before they showed the recipe that they have been given since."""
        return (values[-1] or {}).get(FILLED, session.filled) != session.filled

    # ---------------------------------------------------------------- a recipe into the controls

    def show(self, session: Session, recipe: Recipe, note: str = "") -> Updates:
        """Put a recipe into every control and make it the one that later changes start from; of a run, that run's own.

        Raises:
            PlaygroundError: this machine has no network that could paint it.
        """
        intended = recipe
        recipe, wanted = usable(recipe, self.jobs)
        recipe, limited = (recipe, "") if session.running() is not None else self.jobs.limits.fitted(recipe)
        note = ". ".join(filter(None, (note, translated(limited))))
        # This may look at the network for a second; until then the session is as it was.
        noted = self.preset_note(recipe, note)
        parts, preset = self.parts, preset_of(recipe)
        session.base, session.wanted_network = recipe, wanted
        session.filled += 1  # with the recipe: until the controls show it, what they send is of the one before
        session.intended = intended if wanted and wanted != recipe.network else None
        session.past = session.past or [recipe]
        updates: Updates = {parts[f"set-{name}"]: controls.shown(name, recipe) for name in controls.FIELDS}
        for name in controls.ON_SLIDER:
            value = getattr(recipe, name)
            updates[parts[f"slide-{name}"]] = controls.decades(name, value, preset)
            updates[parts[f"words-{name}"]] = compared(name, value, getattr(preset, name))
        grid = layers.grid_value(recipe, preset)
        replays = len(recipe.journal)
        what = [counted("journal.changes", replays)] if replays else []
        what += [say("journal.plan")] if recipe.plan else []
        updates |= {
            parts["layers"]: grid,
            parts["layers-words"]: layers.described(grid),
            parts["ratio"]: balance(recipe.content_weight, recipe.style_weight, preset),
            parts["mix"]: controls.mixed(recipe.content_weight, recipe.style_weight, preset),
            parts["preset"]: recipe.preset if recipe.preset in stylize_presets() else None,
            parts["preset-note"]: noted,
            parts["staged-now"]: "",
            parts["journal"]: gr.Row(visible=bool(what)),
            parts["journal-note"]: message(say("journal.replays", what=joined(what)), "note") if what else "",
            **{parts[f"message-{panel}"]: "" for panel in ("balance", *controls.PANELS)},
            **offer(parts, session),
            **strip_of(parts, session, recipe),
        }
        grid[FILLED] = session.filled
        return updates

    def offered(self, session: Session, recipe: Recipe, note: str = "") -> Updates:
        """Show a recipe that somebody chose; while a run goes on it waits for the next Run, and the controls stay the run's."""
        if session.running() is None:
            return self.show(session, recipe, note)
        usable(recipe, self.jobs)  # says now what could not be painted
        return stage(self.parts, session, recipe)

    def preset_note(self, recipe: Recipe, note: str = "") -> str:
        """What a person should know about the recipe on show."""
        lines = [note] if note else []
        preset = stylize_presets().get(recipe.preset or "")
        if preset is not None and preset.note:
            lines.append(say(f"preset.{preset.name}.note"))
        return "".join(message(line, "note") for line in lines) + numbers_note(recipe)

    # ---------------------------------------------------------------- handlers

    def opened(self, session: Session, request: gr.Request) -> Updates:
        """The page was opened: the recipe of its link, else the default."""
        query = request.query_params
        note = ""
        try:
            recipe = recipe_of_link(query.get("preset"), query.get("recipe")) or load_preset()
            return self.offered(session, recipe, note)
        except PlaygroundError as error:
            note = say("link.failed", error=translated(str(error)))
        if session.running() is not None:
            return {self.parts["preset-note"]: message(note, "note")}
        return self.show(session, load_preset(), note)

    def choose_preset(self, session: Session, name: str | None) -> Updates:
        """A preset was picked, or Reset pressed."""
        if not name:
            return NOTHING

        def chosen() -> Updates:
            recipe, note = load_preset(find_preset(name).name), ""
            if session.own.get("size", recipe.size) != recipe.size:
                note = say("settings.size_stays", size=session.own["size"], preset=recipe.size)
            mine = {name: getattr(session.base, name) for name in KEPT}
            return self.offered(session, recipe.changed({**mine, **session.own}), note)

        session.chosen_network = None  # the preset was chosen after it
        updates = self.fill(session, chosen)
        # Shown there already; said again it would undo a choice made since.
        if updates.get(self.parts["preset"]) == name:
            del updates[self.parts["preset"]]
        return updates

    def reset(self, session: Session) -> Updates:
        """Back to the preset that the recipe on show started from."""
        session.own.clear()
        job, recipe = session.running(), preset_of(session.base)
        if job is None:
            return self.fill(session, self.show, session, recipe)

        def steered() -> Updates:  # the run keeps what cannot change on the way
            live = {name: getattr(recipe, name) for name in live_settings(Recipe) - {"colours"}}
            job.control.change(
                {
                    name: value
                    for name, value in live.items()
                    if value != getattr(job.recipe.changed(job.control.read().settings), name)
                }
            )
            return self.show(session, job.recipe.changed(live))

        return self.fill(session, steered)

    def load(self, session: Session, path: str | None) -> Updates:
        """A recipe file or a picture made here was given: every control shows its recipe."""
        if not path:
            return NOTHING
        session.own.clear()
        return self.fill(session, lambda: self.offered(session, read_recipe(path), say("settings.loaded")))

    def drop_journal(self, session: Session, *values: Any) -> Updates:
        """Forget what the recipe would replay; the settings stay."""

        def forget() -> Updates:
            recipe = self.assembled(session, values).changed({"plan": None, "journal": ()})
            return self.show(session, recipe, say("journal.dropped"))

        return self.fill(session, forget)

    def link(self, session: Session, content: str | None, style: str | None, *values: Any) -> Updates:
        """The part of a link that carries the settings on show, and the pictures where they are samples."""

        def made() -> Updates:
            query = link_query(self.assembled(session, values), {"content": content, "style": style})
            return {self.parts["link"]: gr.Textbox(query, visible=True)}

        return self.guarded("preset-note", made)

    def as_json(self, session: Session, *values: Any) -> Updates:
        """The settings on show as recipe JSON, for the browser to save."""
        return self.guarded("preset-note", lambda: {self.parts["json"]: self.assembled(session, values).to_json()})

    # ---------------------------------------------------------------- what they share

    def fill(self, session: Session, act: Callable[..., Updates], *arguments: Any) -> Updates:
        """What `act` returns that gives the controls a recipe, or its error in words; never two at once.

        A preset may take a second to adapt: a network that is chosen meanwhile is put on that preset, and not lost under it.
        """
        with session.filling:
            return self.guarded("preset-note", act, *arguments)

    def guarded(self, place: str, act: Callable[..., Updates], *arguments: Any) -> Updates:
        """What `act` returns, or its error in words at `place`."""
        try:
            return act(*arguments)
        except Exception as error:
            return {self.parts[place]: message(fault(error))}

    def guarded_text(self, act: Callable[..., str], *arguments: Any) -> str:
        """What `act` returns, or its error in words."""
        try:
            return act(*arguments)
        except Exception as error:
            return message(fault(error))


def read_recipe(path: str) -> Recipe:
    """The recipe in a JSON file or inside a picture saved by the playground.

    Raises:
        PlaygroundError: there is none, or it cannot be used.
    """
    with open(path, "rb") as file:
        head = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
        if head.startswith(b"{"):
            file.seek(0)
            return parse_recipe(file.read(2_000_000).lstrip(b"\xef\xbb\xbf"))
    try:
        text = read_recipe_text(path)
    except PictureError as error:
        raise PlaygroundError(say("error.no_recipe_file", name=Path(path).name)) from error
    if text is None:
        raise PlaygroundError(say("error.no_recipe"))
    return parse_recipe(text)
