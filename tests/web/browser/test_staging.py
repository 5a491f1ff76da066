"""What is chosen while a run paints, in a real browser: it waits in sight; undo, redo, and what differs from the preset."""

from __future__ import annotations

from pathlib import Path

import pytest

from playground.recipe.parse import parse_recipe
from playground.recipe.presets import load_preset
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor
from tests.helpers.waiting import until

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = [NEEDS_CHROMIUM, pytest.mark.slow]
PATIENCE = 90

ENDLESS = {"size": 64, "iterations": 100_000, "scales": 1}
LIMITS = Limits(grace_seconds=15.0, runs_each=1)


def test_a_preset_chosen_on_the_way_leaves_the_run_alone_and_waits(visitor: Visitor, jobs: Jobs) -> None:
    visitor.open(**ENDLESS)
    visitor.run()
    visitor.painted(3)
    (job,) = jobs.going_on()
    visitor.page.click("text=Adam with total variation")
    visitor.says("For the next Run: Adam with total variation", "#staged-note")
    expect(visitor.page.locator("#preset input:checked")).to_have_value("default")
    style = visitor.page.locator("#set-style_weight input")
    expect(style).to_have_value("1")  # the run's own
    handle = visitor.page.locator("#slide-style_weight input[type=range]")
    handle.focus()
    visitor.page.keyboard.press("ArrowRight")
    until(lambda: "style_weight" in job.control.read().settings)
    assert job.control.read().settings["style_weight"] == pytest.approx(10**0.05, rel=0.01)
    assert job.recipe.preset == "default"

    # another painting waits, too
    visitor.page.click("#style-gallery button.thumbnail-item >> nth=2")
    visitor.says("and the new painting", "#staged-note")
    visitor.page.click("#forget")
    expect(visitor.page.locator("#staged")).to_be_hidden()

    # "Run with these" stops the run and starts another
    visitor.page.click("text=Adam with total variation")
    visitor.says("For the next Run", "#staged-note")
    visitor.page.click("#run-these")
    until(lambda: job.ended)
    until(lambda: [other.recipe.preset for other in jobs.going_on()] == ["tf-adam-tv"])
    expect(visitor.page.locator("#staged")).to_be_hidden()
    expect(visitor.page.locator("#preset input:checked")).to_have_value("tf-adam-tv")
    visitor.says("step|reading|waiting")
    visitor.page.click("#stop")
    visitor.finish()


def test_what_waits_is_in_the_controls_when_the_run_has_ended(visitor: Visitor) -> None:
    visitor.open(**ENDLESS)
    visitor.run()
    visitor.painted(2)
    visitor.page.click("text=Gatys with Adam")
    visitor.says("For the next Run: Gatys with Adam", "#staged-note")
    visitor.page.click("#stop")
    visitor.finish()
    expect(visitor.page.locator("#preset input:checked")).to_have_value("gatys-adam")
    expect(visitor.page.locator("#staged")).to_be_hidden()


def test_undo_redo_and_the_mark_of_what_differs(visitor: Visitor, tmp_path: Path) -> None:
    visitor.open()
    visitor.says("press Run")
    expect(visitor.page.locator("#undo")).to_be_disabled()
    own = load_preset().seed
    visitor.fill("seed", 11)
    expect(visitor.page.locator("#set-seed.differs")).to_have_count(1)
    expect(visitor.page.locator("#set-size.differs")).to_have_count(0)
    expect(visitor.page.locator("#undo")).to_be_enabled()
    visitor.fill("style_weight", 5)
    expect(visitor.page.locator("#set-style_weight.differs")).to_have_count(1)
    visitor.page.evaluate("document.activeElement.blur()")
    visitor.page.keyboard.press("Control+z")
    expect(visitor.page.locator("#set-style_weight input")).to_have_value("1")
    visitor.page.keyboard.press("Control+z")
    expect(visitor.page.locator("#set-seed input")).to_have_value(str(own))
    expect(visitor.page.locator("#set-seed.differs")).to_have_count(0)
    visitor.page.keyboard.press("Control+Shift+z")
    expect(visitor.page.locator("#set-seed input")).to_have_value("11")
    visitor.page.click("#redo")
    expect(visitor.page.locator("#set-style_weight input")).to_have_value("5")
    saved = parse_recipe(visitor.download("#save-settings", tmp_path).read_text())
    assert (saved.seed, saved.style_weight) == (11, 5)
    visitor.left_clean()


def test_undo_steers_a_run_back(visitor: Visitor, jobs: Jobs) -> None:
    visitor.open(**ENDLESS)
    visitor.run()
    visitor.painted(2)
    (job,) = jobs.going_on()
    visitor.fill("style_weight", 7)
    until(lambda: job.control.read().settings.get("style_weight") == 7)
    expect(visitor.page.locator("#undo")).to_be_enabled()
    visitor.page.evaluate("document.activeElement.blur()")
    visitor.page.keyboard.press("Control+z")
    until(lambda: job.control.read().settings["style_weight"] == 1)
    visitor.page.click("#stop")
    visitor.finish()
