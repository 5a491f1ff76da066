"""Going back in a run and branching off, in a real browser: what was is looked at, and goes on another way."""

from __future__ import annotations

import re
from pathlib import Path

import imageio.v3
import numpy as np
import pytest
from PIL import Image

from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.web.components.format import number
from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor, box, playwright
from tests.helpers.waiting import until

expect = playwright.expect
pytestmark = [NEEDS_CHROMIUM, pytest.mark.slow, pytest.mark.usefixtures("runs_end")]

ENDLESS = {"size": 64, "iterations": 100_000, "scales": 1}
LIMITS = Limits(grace_seconds=10.0, runs_each=2, save_every=0.5)
STORED_MB = 500


def newest(jobs: Jobs) -> Job:
    return jobs.going_on()[-1]


def open_time_machine(visitor: Visitor) -> None:
    visitor.page.click("#time > button")
    expect(visitor.page.locator("#time-chart")).to_be_visible()


def drag_to(visitor: Visitor, share: float) -> None:
    """Press on the beginning of the time machine's curve and drag to a share of what the axis covers."""
    area = visitor.page.locator("#time-chart .area")
    area.scroll_into_view_if_needed()
    place = box(area)
    visitor.page.mouse.move(place["x"] + 1, place["y"] + 20)
    visitor.page.mouse.down()
    visitor.page.mouse.move(place["x"] + share * place["width"] / 2, place["y"] + 20)
    visitor.page.mouse.move(place["x"] + share * place["width"], place["y"] + 20)
    visitor.page.mouse.up()


def shown_evaluation(visitor: Visitor) -> int:
    found = re.search(r"evaluation (\d+)", visitor.page.inner_text("#moment"))
    return int(found[1]) if found else -1


def cards(visitor: Visitor) -> list[str]:
    return [card.inner_text() for card in visitor.page.locator("#branches button").all()]


def test_a_new_branch_is_what_the_lenses_look_at(visitor: Visitor, jobs: Jobs) -> None:
    visitor.page.set_viewport_size(
        {"width": 1440, "height": 1700}
    )  # so that the lens stays in sight, else it asks for nothing
    visitor.open(**ENDLESS)
    visitor.page.locator("#under").get_by_role("tab", name="Echo", exact=True).click()
    visitor.run()
    visitor.painted(12)
    open_time_machine(visitor)
    drag_to(visitor, 0.0)
    visitor.says("evaluation 0|First light", "#echo .lens-what")
    visitor.page.click("#branch")
    until(lambda: len(jobs.going_on()) == 2)
    visitor.says("The run as it is", "#echo .lens-what")
    visitor.says("The run as it is, step [1-9]", "#echo .lens-what")
    visitor.page.locator("#under").get_by_role("tab", name="Tug", exact=True).click()
    visitor.says("left over", "#shares")
    assert "First light" not in visitor.page.inner_text("#shares")
    visitor.left_clean()


def test_branching_from_the_middle_and_comparing(visitor: Visitor, jobs: Jobs, tmp_path: Path) -> None:
    visitor.open(**ENDLESS)
    visitor.run()
    visitor.painted(30)
    visitor.page.click("#pause")
    visitor.says("paused at step")
    run = newest(jobs)
    until(lambda: run.checkpoints is not None and len(run.checkpoints.evaluations) > 2)
    open_time_machine(visitor)
    middle = look_at_the_middle(visitor, run)

    # the branch: from there, with other settings, which the run that it leaves never gets
    visitor.fill("content_weight", 4)
    visitor.fill("size", 96)
    visitor.page.click("#branch")
    visitor.says(r"Branched from evaluation \d+\. Size (\(px\)|cannot)", "#time-message")
    until(lambda: len(jobs.going_on()) == 2)
    branch, before = newest(jobs), run.recipe.content_weight
    assert branch.parent is not None
    assert branch.parent[0] == run.id
    assert run.checkpoints is not None
    assert branch.parent[1] == max(at for at in run.checkpoints.evaluations if at <= middle)
    assert branch.changes == {"content_weight": 4.0}
    visitor.painted(branch.parent[1] + 3)
    until(lambda: len(cards(visitor)) == 2)
    until(
        lambda: (
            # the cards are drawn anew as the run goes on, so that for a moment there may be none
            len(shown := cards(visitor)) == 2
            and f"Content weight {number(run.recipe.content_weight)} → 4" in shown[1]
            and "total" in shown[1]
        )
    )
    assert "paused" in cards(visitor)[0]
    assert "Content weight" not in cards(visitor)[0]
    assert run.control.read().settings.get("content_weight", before) == before
    expect(visitor.page.locator("#branches button >> nth=1")).to_have_attribute("aria-pressed", "true")

    # one click brings the first back, with its settings, paused as it was; then it goes on as if nothing had been
    visitor.page.click("#branches button >> nth=0")
    visitor.says(f"paused at step {run.frame.step if run.frame else 0} ")
    expect(visitor.page.locator("#set-content_weight input[type=number]")).to_have_value(f"{before:g}")
    visitor.page.click("#pause")
    visitor.painted(visitor.step() + 2)
    visitor.page.click("#stop")
    visitor.finish()
    branch.control.stop()
    until(lambda: branch.ended)

    # both together as a picture, and each as a film
    visitor.says("stopped", "#branches button >> nth=1")
    assert_saved_together_and_as_films(visitor, run, tmp_path)
    visitor.left_clean()


def look_at_the_middle(visitor: Visitor, run: Job) -> int:
    """Drag to the middle of the chart, then go to the middle picture by the keys; its evaluation."""
    visitor.says(f"evaluation {run.previews.frames[-1].evaluation}", "#moment")
    drag_to(visitor, 0.5)
    halfway = run.previews.at(int(run.curve[-1]["evaluations"]) // 2)
    assert halfway is not None
    until(lambda: shown_evaluation(visitor) == halfway.evaluation)
    expect(visitor.page.locator("#scrubber input")).to_have_value(str(halfway.evaluation))  # where the chart's line is
    visitor.page.focus("#scrubber input")
    visitor.page.keyboard.press("Home")
    visitor.says(f"evaluation {run.previews.frames[0].evaluation}", "#moment")
    for _ in range(len(run.previews.frames) // 2):
        visitor.page.keyboard.press("ArrowRight")
    middle = run.previews.frames[len(run.previews.frames) // 2].evaluation
    visitor.says(f"evaluation {middle}", "#moment")
    return middle


def assert_saved_together_and_as_films(visitor: Visitor, run: Job, folder: Path) -> None:
    with Image.open(visitor.download("#branches-save", folder)) as board:
        assert board.width > 2 * 64
    for suffix in ("gif", "mp4"):
        film = imageio.v3.imread(visitor.download(f"#lapse-{suffix}", folder))
        assert len(film) >= len(run.previews.frames)
        assert max(film.shape[1:3]) == 64
        assert np.abs(film[0].astype(float) - film[-1].astype(float)).mean() > 2


def test_dragging_along_the_live_curve_opens_the_time_machine(visitor: Visitor, jobs: Jobs) -> None:
    visitor.open(size=64, iterations=100_000, scales=1)
    visitor.fill("seconds", 5000)
    visitor.run()
    visitor.painted(10)
    expect(visitor.page.locator("#time-chart")).to_be_hidden()
    area = visitor.page.locator("#terms-chart .area")
    place = box(area)
    visitor.page.mouse.move(place["x"], place["y"] + 20)
    visitor.page.mouse.down()
    expect(visitor.page.locator("#moment img")).to_be_visible()
    visitor.page.mouse.move(place["x"] + 1, place["y"] + 20)
    visitor.page.mouse.move(place["x"], place["y"] + 20)
    first = newest(jobs).previews.frames[0].evaluation
    until(lambda: shown_evaluation(visitor) == first)
    visitor.page.mouse.up()
    went_on = visitor.step()
    visitor.painted(went_on + 5)
    assert shown_evaluation(visitor) == first  # it stays while the run goes on
