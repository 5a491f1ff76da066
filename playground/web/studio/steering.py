"""A control was moved: the run that goes on is steered, or the page says when the change will apply.

Every handler here is light and answers outside the queue; the Studio tab wires one to every control of the panel.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from playground.networks import catalogue
from playground.recipe.base import DEFAULT_NETWORK
from playground.recipe.model import Recipe, field_info
from playground.web.components import controls, layers
from playground.web.components.format import balance, compared
from playground.web.components.messages import NOTHING, Updates, fault, message
from playground.web.studio.network_offer import offer
from playground.web.studio.session import OWN, Session, preset_of
from playground.web.studio.settings_panel import FILLED, SettingsPanel
from playground.web.words import label, say

NETWORK = list(controls.FIELDS).index("network")  # among the values of all controls


class Steering:
    """Handlers of the panel's controls."""

    def __init__(self, panel: SettingsPanel) -> None:
        self.panel = panel

    def moved(self, name: str, session: Session, value: Any) -> str:
        """A control was moved: steer the running run, or say when the change will apply; the panel's message."""
        return self.panel.guarded_text(self._take, session, name, value)

    def moved_number(self, name: str, session: Session, value: Any, *both: Any) -> Updates:
        """The exact number of a setting on a slider was changed."""
        value, *others = map(controls.finite, (value, *both))
        preset, parts = preset_of(session.base), self.panel.parts
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
        return {self.panel.parts[f"set-{name}"]: value, **self._said(name, session, value, preset, both)}

    def _said(self, name: str, session: Session, value: Any, preset: Recipe, both: tuple[Any, ...]) -> Updates:
        parts, panel = self.panel.parts, controls.FIELDS[name]
        said = {
            parts[f"words-{name}"]: compared(name, value, getattr(preset, name)),
            parts[f"message-{panel}"]: self.panel.guarded_text(self._take, session, name, value),
        }
        if not both:
            return said
        return said | {
            parts["ratio"]: balance(both[0], both[1], preset),
            parts["mix"]: controls.mixed(both[0], both[1], preset),
        }

    def moved_mix(self, session: Session, position: float) -> Updates:
        """The slider from photo to painting was moved: both weights follow, and a run takes them at once."""
        preset, parts = preset_of(session.base), self.panel.parts
        both = controls.from_mix(controls.finite(position) or 0.0, preset)
        updates: Updates = {parts["ratio"]: balance(both[0], both[1], preset)}
        said = ""
        for name, value in zip(("content_weight", "style_weight"), both, strict=True):
            said = self.panel.guarded_text(self._take, session, name, value) or said
            updates |= {
                parts[f"set-{name}"]: value,
                parts[f"slide-{name}"]: controls.decades(name, value, preset),
                parts[f"words-{name}"]: compared(name, value, getattr(preset, name)),
            }
        return {**updates, parts["message-balance"]: said}

    def moved_layers(self, session: Session, grid: dict[str, Any]) -> Updates:
        """The grid of layers was changed."""
        grid = layers.judged(grid)
        text = self.panel.guarded_text(self._take_layers, session, grid)
        return {self.panel.parts["layers-words"]: layers.described(grid), self.panel.parts["message-layers"]: text}

    def quick_pick(self, pick: str, session: Session, network: str) -> Updates:
        """A quick pick of layers."""
        network = network or DEFAULT_NETWORK
        preset = preset_of(session.base)
        content, style = layers.pick(pick, network, preset)
        known = list(layers.layer_names(network))
        own = layers.weights(preset)
        grid = {**own, "content": content, "style": style, "layers": known, "preset": own, FILLED: session.filled}
        return {self.panel.parts["layers"]: grid, **self.moved_layers(session, grid)}

    def chose_network(self, session: Session, network: str | None) -> str:
        """Another network was chosen: remember which, and say that a file that was never here before is measured first.

        `moved_network` follows with what all controls show, and by then the dropdown may show what an earlier answer put
        there.
        """
        network = session.chosen_network = network or DEFAULT_NETWORK
        if network == session.base.network or not catalogue.is_available(network):
            return ""
        return message(say("network.reading", network=Path(network).name), "note")

    def moved_network(self, session: Session, *values: Any) -> Updates:
        """The controls show the chosen network's numbers, or it waits for the next Run; one that is not here is offered."""
        with session.filling:
            network, session.chosen_network = session.chosen_network, None
            if network is None:  # taken by the one before, or a preset was chosen since
                return {self.panel.parts["message-network"]: ""}
            updates = self._on_network(session, network, values)
            if session.chosen_network is not None:  # what is shown in the dropdown is a choice made since
                updates.pop(self.panel.parts["set-network"], None)
            return updates

    def network_arrived(self, session: Session, *values: Any) -> Updates:
        """A download has ended: the network that was chosen for it, if it is here now, brings its numbers."""
        network = values[NETWORK] or DEFAULT_NETWORK
        if network == session.base.network or not catalogue.is_available(network):
            return NOTHING
        with session.filling:
            return self._on_network(session, network, values)

    def _on_network(self, session: Session, network: str, values: tuple[Any, ...]) -> Updates:
        parts, of_old = self.panel.parts, self.panel.is_late(session, values)
        shown = [controls.shown(name, session.base) for name in self.panel.fields] if of_old else list(values[:-1])
        shown[NETWORK] = network
        grid = layers.grid_value(session.base) if of_old else values[-1]
        on_show = network == session.base.network and session.wanted_network in (None, "", network)
        if on_show and session.staged is None:
            return {parts["message-network"]: "", parts["set-network"]: network}
        if not catalogue.is_available(network):
            session.wanted_network, session.intended = network, None
            said = self.panel.guarded_text(self._take, session, "network", network)
            return {parts["message-network"]: said, **offer(parts, session)}
        try:
            updates = self.panel.offered(session, self.panel.assembled(session, (*shown, grid)))
        except Exception as error:
            return {parts["message-network"]: message(fault(error)), parts["set-network"]: session.base.network}
        updates.setdefault(parts["message-network"], "")
        updates[parts["set-network"]] = session.base.network  # while a run goes on, it stays the run's
        return updates

    def dice(self, session: Session) -> int:
        """A seed by chance, which stays like one that was typed."""
        session.own["seed"] = random.randrange(1, 100_000)
        return session.own["seed"]

    # ---------------------------------------------------------------- what they share

    def _take(self, session: Session, name: str, value: Any) -> str:
        job, value = session.running(), controls.given(name, value)
        if name in OWN:
            own(session, name, value)
        if job is None:
            _check(session.base, name, value)
            return ""
        changes = {**job.control.read().settings, name: value}
        self.panel.jobs.limits.check(job.recipe.changed(changes))
        if not field_info(name)["live"]:
            if session.staged is not None:  # Run takes that one, not what the controls show
                session.staged = session.staged.changed({name: value})
            return message(say("settings.next_run", what=label(name)), "note")
        job.control.change({name: value})
        return ""

    def _take_layers(self, session: Session, grid: dict[str, Any]) -> str:
        job = session.running()
        changes = {
            f"{kind}_layers": {k: float(w) for k, w in grid[kind].items() if float(w) > 0}
            for kind in layers.KINDS
            if kind in grid
        }
        if job is None:
            session.base.changed(changes)
            return ""
        wanted = {**job.control.read().settings, **changes}
        self.panel.jobs.limits.check(job.recipe.changed(wanted))
        job.control.change(changes)
        return ""


def own(session: Session, name: str, value: Any) -> None:
    """Remember what a person has set themselves; what is as in the preset again, they have not.

    Raises:
        RecipeError: it cannot be used.
    """
    value = getattr(session.base.changed({name: value}), name)
    session.own.pop(name, None)
    if value != getattr(preset_of(session.base), name):
        session.own[name] = value


def _check(base: Recipe, name: str, value: Any) -> None:
    """Refuse a value by itself; how it fits to the other controls is seen at Run, when all are known."""
    if name != "network":
        base.changed({name: value})
