"""Undo and redo of the settings, by their handlers: what is one step, what stays of it, and what a run takes over."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest
from PIL import Image

from playground.engine.control import MemoryControl
from playground.images.pictures import Pictures
from playground.recipe.model import Recipe
from playground.recipe.presets import load_preset
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.web.components.messages import NOTHING
from playground.web.studio import undo as undo_module
from playground.web.studio.session import Session
from playground.web.studio.settings_panel import SettingsPanel
from playground.web.studio.undo import MAX_STEPS, Undo, differing
from tests.helpers.page import Names, values

pytestmark = pytest.mark.usefixtures("hed")
BASE = load_preset()


class Page:
    """One page whose controls are moved by a person."""

    def __init__(self, jobs: Jobs) -> None:
        parts = Names()
        self.undo, self.session = Undo(parts, SettingsPanel(jobs, parts)), Session(BASE)
        self.record(BASE)

    def record(self, recipe: Recipe, **changed: Any) -> Any:
        return self.undo.record(self.session, *values(recipe, **changed))

    def buttons(self, updates: Any) -> tuple[bool, bool]:
        """Whether there is something to undo, and to redo."""
        for name in ("undo", "redo"):
            assert isinstance(updates[name], gr.Button)
        return updates["undo"].interactive, updates["redo"].interactive


@pytest.fixture
def page(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> Page:
    monkeypatch.setattr(undo_module, "ONE_MOVE", -1.0)  # every change is a step, however fast a test is
    return Page(jobs)


def test_steps_go_back_and_forth(page: Page) -> None:
    assert page.buttons(page.record(BASE, size=320)) == (True, False)
    page.record(BASE.changed({"size": 320}), seed=7)
    updates = page.undo.undo(page.session)
    assert (updates["set-size"], updates["set-seed"]) == (320, BASE.seed)
    assert page.buttons(updates) == (True, True)
    updates = page.undo.undo(page.session)
    assert updates["set-size"] == BASE.size
    assert updates["differs"] == []
    assert page.buttons(updates) == (False, True)
    assert page.undo.undo(page.session) == NOTHING
    page.undo.redo(page.session)
    updates = page.undo.redo(page.session)
    assert (updates["set-size"], updates["set-seed"]) == (320, 7)
    assert updates["differs"] == ["seed", "size"]
    assert page.buttons(updates) == (True, False)


def test_a_change_after_an_undo_ends_what_could_be_redone(page: Page) -> None:
    page.record(BASE, size=320)
    page.undo.undo(page.session)
    assert page.buttons(page.record(BASE, seed=7)) == (True, False)


def test_news_of_what_an_undo_has_left_may_come_late(page: Page) -> None:
    page.record(BASE, size=320)
    page.undo.undo(page.session)
    assert page.buttons(page.record(BASE, size=320)) == (False, True)
    assert page.undo.redo(page.session)["set-size"] == 320


def test_a_slider_on_its_way_is_one_step(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undo_module, "ONE_MOVE", 1000.0)
    for size in (288, 320, 352):
        page.record(BASE, size=size)
    page.record(BASE.changed({"size": 352}), seed=7)  # another setting is another step
    assert page.undo.undo(page.session)["set-size"] == 352
    assert page.undo.undo(page.session)["set-size"] == BASE.size


def test_what_cannot_be_used_is_no_step(page: Page) -> None:
    assert page.record(BASE, size=3) == NOTHING
    assert page.buttons(page.record(BASE)) == (False, False)


def test_so_many_steps_are_remembered(page: Page) -> None:
    for seed in range(1, MAX_STEPS + 20):
        page.record(BASE, seed=seed)
    assert len(page.session.past) == MAX_STEPS + 1
    assert page.session.past[-1].seed == MAX_STEPS + 19


def test_a_run_takes_over_what_is_live_and_another_preset_s_numbers_never(page: Page) -> None:
    picture = Image.new("RGB", (64, 64), "teal")
    page.record(BASE, style_weight=BASE.style_weight * 2, size=320)
    page.session.job = job = Job(
        Pictures(picture, (picture,)), page.session.past[-1], "me", MemoryControl(), 5.0
    )  # which was started with these
    page.undo.undo(page.session)
    assert job.control.read().settings == {"style_weight": BASE.style_weight}
    page.session.past.append(load_preset("gatys-adam"))
    page.session.past.append(BASE)
    assert page.undo.undo(page.session) == NOTHING
    assert job.control.read().settings == {"style_weight": BASE.style_weight}


def test_what_differs_from_the_preset_is_named() -> None:
    assert differing(BASE) == []
    assert differing(BASE.changed({"style_layers": {"conv1_1": 2.0}, "init": "noise", "scales": 1})) == sorted(
        ["style_layers", "init", "scales"]
    )
