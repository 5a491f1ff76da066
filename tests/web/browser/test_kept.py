"""In a real browser: what a shape cuts off is seen, every picture comes as a zip, the last one too, and rounds are told."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from playground.recipe.parse import parse_recipe
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor, box
from tests.helpers.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Locator

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = [NEEDS_CHROMIUM, pytest.mark.slow]
PATIENCE = 90
LIMITS = Limits(grace_seconds=15.0)
STORED_MB = 200
ROUNDS = {
    "size": 64, "iterations": 4, "scales": 1, "canvas": "pixels", "optimizer": "lbfgs", "learning_rate": 1,
    "lbfgs_evaluations": 3, "lbfgs_search": "wolfe", "content_layers": {"conv2_1": 1}, "style_layers": {"conv1_1": 1},
}  # fmt: skip


def pick(visitor: Visitor, place: str, name: str) -> None:
    visitor.page.locator(f"{place} input").click()
    visitor.page.get_by_role("option", name=name, exact=True).click()


def veiled(veil: Locator) -> list[float]:
    """Width of what is dimmed at the top and at the left, in CSS pixels."""
    return veil.evaluate(
        "v => [getComputedStyle(v).borderTopWidth, getComputedStyle(v).borderLeftWidth].map(parseFloat)"
    )


def test_what_a_shape_cuts_off_is_dimmed_on_the_photo_and_painted_is_the_rest(visitor: Visitor, jobs: Jobs) -> None:
    visitor.open(**ROUNDS)
    veil, page = visitor.page.locator("#content .cut-veil"), visitor.page
    expect(veil).to_have_count(0)
    pick(visitor, "#set-crop", "1:1")
    visitor.says("the middle of the photo, 1:1", "#cut")
    expect(veil).to_be_visible()
    until(lambda: veiled(veil)[1] > 5)
    whole, (top, left) = box(veil), veiled(veil)
    assert top == pytest.approx(0, abs=1)
    assert whole["width"] / whole["height"] == pytest.approx(451 / 300, rel=0.03)  # all of Chelsea is seen
    assert whole["width"] - 2 * left == pytest.approx(whole["height"], abs=3)
    page.locator("#content-gallery button").nth(1).click()  # another photo, which is square
    until(lambda: veiled(veil)[1] < 3)
    page.locator("#content-gallery button").nth(0).click()
    until(lambda: veiled(veil)[1] > 5)
    visitor.run()
    visitor.finish()
    job = jobs.known()[-1]
    assert job.result is not None
    assert job.result.picture.size == (64, 64)
    pick(visitor, "#set-crop", "the photo's own")
    expect(veil).to_have_count(0)
    visitor.left_clean()


def test_every_picture_the_last_one_and_the_rounds(visitor: Visitor, tmp_path: Path) -> None:
    visitor.open(**ROUNDS)
    visitor.page.locator("#kept > button").click()
    visitor.page.click("#kept-zip")
    visitor.says("There is no run yet", "#kept-message")
    pick(visitor, "#keep-every", "after every iteration")
    visitor.page.wait_for_timeout(500)
    visitor.run()
    visitor.finish()
    expect(visitor.page.locator("#kept-pair img")).to_have_count(2)
    with zipfile.ZipFile(visitor.download("#kept-zip", tmp_path)) as archive:
        assert archive.namelist() == [f"step-{step:06d}.png" for step in (1, 2, 3, 4)]
    with Image.open(visitor.download("#kept-last", tmp_path)) as last:
        assert last.size == (64, 43)
        assert parse_recipe(last.info["playground-recipe"]).lbfgs_search == "wolfe"
    visitor.page.get_by_role("tab", name="Rounds").click()
    expect(visitor.page.locator("#rounds tr")).to_have_count(5)
    visitor.says("enough evaluations", "#rounds")
    visitor.left_clean()


def test_a_typed_seed_is_sent_when_it_is_finished_and_no_preset_takes_it_away(visitor: Visitor, tmp_path: Path) -> None:
    visitor.open(size=64)
    seed = visitor.page.locator("#set-seed input")
    for wrong, word in (("-3", "at least 0"), ("4294967296", "at most 4294967295"), ("1.5", "no whole number")):
        seed.fill(wrong)
        seed.press("Enter")
        visitor.says(word, "#set-seed .beside")
        expect(seed).to_have_value("0")
    asked: list[str] = []
    visitor.page.on("request", lambda asks: asked.append(asks.post_data or "") if asks.method == "POST" else None)
    seed.click()
    seed.press("Control+a")
    seed.press_sequentially("4711", delay=60)
    visitor.page.wait_for_timeout(300)
    assert not [text for text in asked if '"data":[null,4]' in text or '"data":[null,47]' in text]
    seed.press("Enter")
    expect(visitor.page.locator("#set-seed .beside")).to_be_hidden()
    visitor.page.wait_for_timeout(500)
    visitor.page.locator("#preset input[value='gatys-adam']").check(force=True)
    until(lambda: visitor.page.locator("#set-size input[type=number]").input_value() == "224")
    expect(seed).to_have_value("4711")
    assert parse_recipe(visitor.download("#save-settings", tmp_path).read_text()).seed == 4711
    visitor.left_clean()
