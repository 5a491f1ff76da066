"""Settings on the page: showing a recipe in every control, taking over what a person moved, steering a running run.

Every handler here is light and answers outside the queue. Called by the Studio tab, which wires them to its controls.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import gradio as gr

from playground.errors import PlaygroundError
from playground.images import load as images
from playground.networks import weights
from playground.recipe.model import DEFAULT_NETWORK, Recipe, field_info, find_preset, load_preset, parse_recipe
from playground.service.jobs import Jobs
from playground.web.components import controls, layers
from playground.web.components import format as words
from playground.web.components.messages import NOTHING, Updates, fault, message, progress
from playground.web.studio.session import Session, link_query, preset_of, recipe_of_link, stylize_presets, usable

logger = logging.getLogger(__name__)
OFFERS = ("network-note", "network-button", "banner", "banner-note", "banner-button")
"""Where a network that is not on this machine is offered."""
OTHERS = ("layers", "layers-words", "ratio", "preset", "preset-note", "journal", "journal-note", *OFFERS)
"""What a recipe changes beside its fields' controls."""


class Settings:
    """The controls of one page layout and the handlers behind them.

    Args:
        jobs: the server's runs.
        parts: the page's components by name, as studio.py laid them out: "set-<field>", "slide-<field>",
            "words-<field>", "message-<panel>", "layers", "layers-words", "ratio", "preset", "preset-note", "journal",
            "journal-note", "network-note", "network-button", "banner", "banner-note", "banner-button", "link", "json".
    """

    def __init__(self, jobs: Jobs, parts: Mapping[str, gr.components.Component]) -> None:
        self.jobs, self.parts = jobs, parts

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
        """The recipe that the controls show.

        Raises:
            PlaygroundError: a control's value cannot be used.
        """
        *plain, grid = values
        given = dict(zip(controls.FIELDS, plain, strict=True))
        grid = grid or {}
        given |= {"content_layers": grid.get("content"), "style_layers": grid.get("style")}
        return controls.assembled(session.base, given)

    # ---------------------------------------------------------------- a recipe into the controls

    def show(self, session: Session, recipe: Recipe, note: str = "", *, of_run: bool = False) -> Updates:
        """Put a recipe into every control and make it the one that later changes start from.

        Args:
            of_run: whether these are the settings of the run on the easel itself.

        Raises:
            PlaygroundError: this machine has no network that could paint it.
        """
        intended = recipe
        recipe, wanted = usable(recipe, self.jobs)
        session.base, session.wanted_network = recipe, wanted
        session.intended = intended if wanted and recipe is not intended else None
        parts, preset = self.parts, preset_of(recipe)
        updates: Updates = {parts[f"set-{name}"]: controls.shown(name, recipe) for name in controls.FIELDS}
        for name in controls.ON_SLIDER:
            value = getattr(recipe, name)
            updates[parts[f"slide-{name}"]] = controls.decades(name, value, preset)
            updates[parts[f"words-{name}"]] = words.compared(name, value, getattr(preset, name))
        grid = layers.grid_value(recipe)
        replays = len(recipe.journal)
        what = [f"{replays} recorded change{'s' if replays > 1 else ''}"] if replays else []
        what += ["the recorded sizes and iterations"] if recipe.plan else []
        return updates | {
            parts["layers"]: grid,
            parts["layers-words"]: layers.described(grid),
            parts["ratio"]: words.balance(recipe.content_weight, recipe.style_weight),
            parts["preset"]: recipe.preset if recipe.preset in stylize_presets() else None,
            parts["preset-note"]: self.preset_note(session, recipe, note, of_run),
            parts["journal"]: gr.Row(visible=bool(what)),
            parts["journal-note"]: message(f"This recipe replays {' and '.join(what)}.", "note") if what else "",
            **{parts[f"message-{panel}"]: "" for panel in ("balance", *controls.PANELS)},
            **self.offer(session),
        }

    def preset_note(self, session: Session, recipe: Recipe, note: str = "", of_run: bool = False) -> str:
        """What a person should know about the recipe on show: where it came from and when it will apply."""
        lines = [note] if note else []
        preset = stylize_presets().get(recipe.preset or "")
        if preset is not None and preset.note:
            lines.append(preset.note)
        if session.running() and not of_run:
            lines.append("A run is going on: these settings apply at the next Run")
        return "".join(message(line, "note") for line in lines)

    def offer(self, session: Session) -> Updates:
        """The line and the button that offer a network which is not on this machine."""
        wanted, parts = session.wanted_network, self.parts
        label = f"Download {wanted} ({weights.NETWORKS[wanted].megabytes:.0f} MB)" if wanted else "Download"
        first, other = wanted == DEFAULT_NETWORK, wanted not in ("", DEFAULT_NETWORK)
        missing = f"The network {wanted} is not on this machine yet: download it here, or it comes with the first Run"
        instead = f"The network {wanted} is not on this machine: download it, or choose another"
        if session.intended is not None:
            instead = (
                f"This recipe was made for {wanted}, which is not on this machine: until it is downloaded, the "
                f"playground paints with {DEFAULT_NETWORK} and numbers adapted to it"
            )
        return {
            parts["banner"]: gr.Row(visible=first),
            parts["banner-note"]: message(missing, "note") if first else "",
            parts["banner-button"]: gr.Button(label, interactive=True),
            parts["network-note"]: message(instead, "note") if other else "",
            parts["network-button"]: gr.Button(label, visible=other, interactive=True),
        }

    # ---------------------------------------------------------------- handlers

    def opened(self, session: Session, request: gr.Request) -> Updates:
        """The page was opened: the recipe of its link, else the default."""
        query = request.query_params
        note = ""
        try:
            recipe = recipe_of_link(query.get("preset"), query.get("recipe")) or load_preset()
            return self.show(session, recipe, note)
        except PlaygroundError as error:
            note = f"This link could not be followed: {error}"
        return self.show(session, load_preset(), note)

    def choose_preset(self, session: Session, name: str | None) -> Updates:
        """A preset was picked, or Reset pressed."""
        if not name:
            return NOTHING
        return self.guarded("preset-note", self.show, session, load_preset(find_preset(name).name))

    def reset(self, session: Session) -> Updates:
        """Back to the preset that the recipe on show started from."""
        name = session.base.preset if session.base.preset in stylize_presets() else "default"
        return self.choose_preset(session, name)

    async def fetch(self, session: Session) -> AsyncIterator[Updates]:
        """Download the network that is offered, saying how far it is; then show the recipe it was wanted for."""
        wanted, parts = session.wanted_network, self.parts
        yield NOTHING
        if not wanted:
            return
        place = "banner-note" if wanted == DEFAULT_NETWORK else "network-note"
        waiting = gr.Button("Downloading …", interactive=False)
        download = self.jobs.fetch(wanted)
        yield {parts["network-button"]: waiting, parts["banner-button"]: waiting}
        said = ""
        while not download.over.is_set():
            if download.sentence != said:
                said = download.sentence
                yield {parts[place]: progress(said, download.fraction)}
            await asyncio.sleep(0.3)
        if download.error:
            yield {**self.offer(session), parts[place]: message(fault(download.error))}
            return
        intended, session.wanted_network, session.intended = session.intended, "", None
        shown = self.offer(session)
        if intended is not None:
            shown = self.guarded("preset-note", self.show, session, intended, f"The network {wanted} is here now")
            yield {**shown, parts["set-network"]: gr.Dropdown(network_choices(self.jobs), value=session.base.network)}
        else:
            yield {**shown, parts["set-network"]: gr.Dropdown(choices=network_choices(self.jobs))}

    async def arriving(self, session: Session) -> AsyncIterator[Updates]:
        """Follow the default network's download, where it is on its way while the page opens."""
        yield NOTHING
        download = self.jobs.downloads.get(DEFAULT_NETWORK)
        if session.wanted_network == DEFAULT_NETWORK and download is not None and not download.over.is_set():
            async for updates in self.fetch(session):
                yield updates

    def load(self, session: Session, path: str | None) -> Updates:
        """A recipe file or a picture made here was given: every control shows its recipe."""
        if not path:
            return NOTHING
        return self.guarded("preset-note", lambda: self.show(session, read_recipe(path), "Recipe loaded"))

    def drop_journal(self, session: Session, *values: Any) -> Updates:
        """Forget what the recipe would replay; the settings stay."""

        def forget() -> Updates:
            recipe = self.assembled(session, values).changed({"plan": None, "journal": ()})
            return self.show(session, recipe, "The recorded changes are dropped; the settings stay")

        return self.guarded("preset-note", forget)

    def link(self, session: Session, *values: Any) -> Updates:
        """The part of a link that carries the settings on show."""

        def made() -> Updates:
            return {self.parts["link"]: gr.Textbox(link_query(self.assembled(session, values)), visible=True)}

        return self.guarded("preset-note", made)

    def as_json(self, session: Session, *values: Any) -> Updates:
        """The settings on show as recipe JSON, for the browser to save."""
        return self.guarded("preset-note", lambda: {self.parts["json"]: self.assembled(session, values).to_json()})

    def moved(self, name: str, session: Session, value: Any) -> str:
        """A control was moved: steer the running run, or say when the change will apply; the panel's message."""
        return self.guarded_text(self._take, session, name, value)

    def moved_number(self, name: str, session: Session, value: Any, *both: Any) -> Updates:
        """The exact number of a setting on a slider was changed."""
        value, *others = map(controls.finite, (value, *both))
        preset, parts = preset_of(session.base), self.parts
        return {
            parts[f"slide-{name}"]: controls.decades(name, value, preset),
            **self._said(name, session, value, preset, tuple(others)),
        }

    def moved_slider(self, name: str, session: Session, position: float, *both: Any) -> Updates:
        """A slider over decades was moved."""
        preset = preset_of(session.base)
        value = controls.from_decades(name, controls.finite(position) or 0.0, preset)
        both = tuple(map(controls.finite, both))
        if name in ("content_weight", "style_weight"):
            both = (value, both[1]) if name == "content_weight" else (both[0], value)
        return {self.parts[f"set-{name}"]: value, **self._said(name, session, value, preset, both)}

    def _said(self, name: str, session: Session, value: Any, preset: Recipe, both: tuple[Any, ...]) -> Updates:
        parts, panel = self.parts, controls.FIELDS[name]
        said = {
            parts[f"words-{name}"]: words.compared(name, value, getattr(preset, name)),
            parts[f"message-{panel}"]: self.guarded_text(self._take, session, name, value),
        }
        return said | ({parts["ratio"]: words.balance(*both)} if both else {})

    def moved_layers(self, session: Session, grid: dict[str, Any]) -> Updates:
        """The grid of layers was changed."""
        grid = layers.judged(grid)
        text = self.guarded_text(self._take_layers, session, grid)
        return {self.parts["layers-words"]: layers.described(grid), self.parts["message-layers"]: text}

    def quick_pick(self, pick: str, session: Session, network: str) -> Updates:
        """A quick pick of layers."""
        network = network or DEFAULT_NETWORK
        content, style = layers.pick(pick, network, preset_of(session.base))
        grid = {"content": content, "style": style, "layers": list(layers.layer_names(network))}
        return {self.parts["layers"]: grid, **self.moved_layers(session, grid)}

    def moved_network(self, session: Session, network: str, grid: dict[str, Any]) -> Updates:
        """Another network was chosen: the grid shows its layers; one that is not here is offered."""
        network, grid = network or DEFAULT_NETWORK, layers.judged(grid)
        session.wanted_network, session.intended = "" if weights.is_available(network) else network, None
        grid = {**grid, "layers": list(layers.layer_names(network))}
        for kind in ("content", "style"):
            grid[kind] = {name: weight for name, weight in grid[kind].items() if name in grid["layers"]}
        return {
            self.parts["layers"]: grid,
            self.parts["message-network"]: self.guarded_text(self._take, session, "network", network),
            **self.offer(session),
        }

    def dice(self) -> int:
        """A seed by chance."""
        return random.randrange(100_000)

    # ---------------------------------------------------------------- what they share

    def _take(self, session: Session, name: str, value: Any) -> str:
        job, value = session.running(), controls.given(name, value)
        if job is None:
            _check(session.base, name, value)
            return ""
        changes = {**job.control.read().settings, name: value}
        self.jobs.limits.check(job.recipe.changed(changes))
        if not field_info(name)["live"]:
            return message(
                f"{field_info(name)['label']} cannot change while a run is going on; it applies at the next Run", "note"
            )
        job.control.change({name: value})
        return ""

    def _take_layers(self, session: Session, grid: dict[str, Any]) -> str:
        job = session.running()
        changes = {
            f"{kind}_layers": {k: float(w) for k, w in grid[kind].items() if float(w) > 0}
            for kind in ("content", "style")
        }
        if job is None:
            session.base.changed({**changes, "network": _network_for(session.base, grid)})
            return ""
        wanted = {**job.control.read().settings, **changes}
        self.jobs.limits.check(job.recipe.changed(wanted))
        job.control.change(changes)
        return ""

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


def _check(base: Recipe, name: str, value: Any) -> None:
    """Refuse a value by itself; how it fits to the other controls is seen at Run, when all are known."""
    if name != "network":
        base.changed({name: value})


def _network_for(base: Recipe, grid: Mapping[str, Any]) -> str:
    return base.network if set(layers.layer_names(base.network)) >= set(grid["layers"]) else "vgg19-imagenet"


def network_choices(jobs: Jobs) -> list[tuple[str, str]]:
    """The networks this server paints with, each saying whether it is here."""
    here = weights.is_available
    return [(name if here(name) else f"{name} (not on this machine)", name) for name in jobs.networks]


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
    text = images.read_recipe_text(path)
    if text is None:
        raise PlaygroundError("that picture holds no recipe: only pictures saved by the playground do")
    return parse_recipe(text)
