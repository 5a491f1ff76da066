"""Presets and networks that are chosen while the last choice is still answered: the last one counts."""

from __future__ import annotations

import copy
import threading

import pytest

from playground.networks.network_facts import known
from playground.recipe.model import Recipe
from playground.recipe.presets import load_preset
from playground.web.studio.session import Session
from playground.web.studio.settings_panel import FILLED, SettingsPanel
from playground.web.studio.steering import Steering
from tests.helpers.page import choose_network, values
from tests.helpers.waiting import until


def test_controls_that_are_about_to_show_another_recipe_say_nothing(
    panel: SettingsPanel, files: dict[str, str]
) -> None:
    """A page may send what it shows while the answer that replaces it is on its way."""
    hed = "vgg16-hed"
    session, steering = Session(load_preset()), Steering(panel)
    grid = panel.show(session, load_preset("vgg16-lbfgs", hed))["layers"]

    def late(network: str) -> tuple[object, ...]:
        return (*values(load_preset("vgg16-lbfgs", hed), network=network)[:-1], grid)

    choose_network(steering, session, *late(files["caffe"]))
    assert session.base == load_preset("vgg16-lbfgs").changed({"network": files["caffe"]})
    for values_of in (late(files["caffe"]), late(hed)):
        assert panel.assembled(session, values_of) == session.base
    choose_network(steering, session, *late(hed))
    assert session.base == load_preset("vgg16-lbfgs", hed)
    panel.choose_preset(session, "gatys-adam")
    choose_network(steering, session, *late(files["torch"]))
    assert session.base == load_preset("gatys-adam", known(files["torch"]))
    picked = steering.quick_pick("deep", session, files["torch"])["layers"]
    assert picked["style"] != session.base.style_layers
    assert panel.assembled(session, (*values(session.base)[:-1], picked)).style_layers == picked["style"]


def test_a_network_chosen_while_a_preset_is_adapted_waits_for_it(
    panel: SettingsPanel, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The preset's answer, which is reckoned first, must not undo the choice that was made after it."""
    session, steering = Session(load_preset()), Steering(panel)
    reckoning, go_on = threading.Event(), threading.Event()
    plain = panel.preset_note

    def slow(recipe: Recipe, note: str = "") -> str:
        if threading.current_thread() is preset:
            reckoning.set()
            assert go_on.wait(30)
        return plain(recipe, note)

    monkeypatch.setattr(panel, "preset_note", slow)
    chosen = values(session.base, network=files["caffe"])
    chosen[-1][FILLED] = session.filled
    preset = threading.Thread(target=panel.choose_preset, args=(session, "vgg16-lbfgs"))
    preset.start()
    assert reckoning.wait(30)
    network = threading.Thread(target=choose_network, args=(steering, session, *chosen))
    network.start()
    until(lambda: session.chosen_network == files["caffe"])
    network.join(0.2)  # long enough for one that does not wait
    go_on.set()
    preset.join(30)
    network.join(30)
    assert session.base == load_preset("vgg16-lbfgs", known(files["caffe"]))


def test_the_choice_counts_and_not_what_the_dropdown_shows_by_then(panel: SettingsPanel, files: dict[str, str]) -> None:
    """The answer to a preset comes between a choice and what all controls show: they say the preset's network."""
    session, steering = Session(load_preset()), Steering(panel)
    panel.choose_preset(session, "vgg16-lbfgs")
    steering.chose_network(session, files["caffe"])
    updates = steering.moved_network(session, *values(session.base))
    assert session.base == load_preset("vgg16-lbfgs", known(files["caffe"]))
    assert updates["set-network"] == files["caffe"]  # which shows the preset's by now
    again = steering.moved_network(session, *values(session.base, network="vgg16-hed"))  # of a choice taken already
    assert session.base.network == files["caffe"]
    assert again == {"message-network": ""}


def test_a_preset_chosen_after_a_network_stays_on_its_own(panel: SettingsPanel, files: dict[str, str]) -> None:
    session, steering = Session(load_preset()), Steering(panel)
    before = values(session.base, network=files["torch"])
    steering.chose_network(session, files["torch"])
    panel.choose_preset(session, "gatys-adam")
    own = session.base
    steering.moved_network(session, *before)
    assert session.base == own == load_preset("gatys-adam", known(own.network))


def test_a_network_chosen_while_another_is_put_on_keeps_the_dropdown(
    panel: SettingsPanel, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    session, steering = Session(load_preset()), Steering(panel)
    plain = panel.preset_note

    def meanwhile(recipe: Recipe, note: str = "") -> str:
        steering.chose_network(session, "vgg16-hed")
        return plain(recipe, note)

    before = values(session.base, network=files["caffe"])
    with monkeypatch.context() as patched:
        patched.setattr(panel, "preset_note", meanwhile)
        assert "set-network" not in choose_network(steering, session, *before)
    assert session.base.network == files["caffe"]
    assert steering.moved_network(session, *before)["set-network"] == "vgg16-hed"
    assert session.base == load_preset("default", known("vgg16-hed"))


def test_a_copy_of_a_session_is_filled_by_itself() -> None:
    session = Session(load_preset())
    with session.filling:
        copied = copy.deepcopy(session)
        other = threading.Thread(target=lambda: copied.filling.__enter__(), daemon=True)
        other.start()
        other.join(5)
        assert not other.is_alive()
