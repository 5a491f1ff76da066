"""Nothing is lost, in a real browser: reloads, other tabs, another server, going back in a run and branching off."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import imageio.v3
import numpy as np
import pytest
from PIL import Image

from playground.networks import read
from playground.recipe.presets import load_preset
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.service.store import Store
from playground.web.components.format import number
from playground.web.studio.session import link_query
from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor, box, playwright, served
from tests.helpers.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, StorageState

expect = playwright.expect
pytestmark = [NEEDS_CHROMIUM, pytest.mark.slow]

ENDLESS = {"size": 64, "iterations": 100_000, "scales": 1}
LIMITS = Limits(grace_seconds=10.0, runs_each=2, save_every=0.5)
TEACHERS_KEY = "only-the-teacher-knows"
SETTINGS = {"teacher_key": TEACHERS_KEY}


@pytest.fixture(scope="module")
def jobs(hed: read.Weights, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    made = Jobs("cpu", LIMITS, store=Store(tmp_path_factory.mktemp("runs"), 500))
    yield made
    made.close()


@pytest.fixture
def visitor(visitor: Visitor, jobs: Jobs) -> Iterator[Visitor]:
    """The same, whose runs do not outlive the test."""
    yield visitor
    visitor.context.close()
    for job in jobs.going_on():
        job.control.stop()
    until(lambda: not jobs.going_on())


def newest(jobs: Jobs) -> Job:
    return jobs.going_on()[-1]


def last_evaluation(visitor: Visitor) -> int:
    """Where the live curve ends."""
    return int(visitor.page.get_attribute("#terms-chart figure", "data-last") or -1)


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


def test_a_reload_while_running_goes_on_with_curve_picture_and_controls(visitor: Visitor, jobs: Jobs) -> None:
    visitor.open(**ENDLESS, seed=5)
    visitor.page.click("#content-gallery button.thumbnail-item >> nth=1")
    visitor.page.wait_for_timeout(300)
    visitor.run()
    visitor.painted(5)
    visitor.fill("style_weight", 3)
    visitor.page.click("#pause")
    visitor.says("paused at step")
    job, stood_at = newest(jobs), visitor.step()
    visitor.reload()
    visitor.says("paused at step")
    assert visitor.step() == stood_at
    assert last_evaluation(visitor) >= stood_at
    expect(visitor.page.locator("#preview img")).to_be_visible()
    expect(visitor.page.locator("#pause")).to_have_text("Resume")
    expect(visitor.page.locator("#run")).to_be_disabled()
    for field, value in {"size": "64", "seed": "5", "style_weight": "3"}.items():
        expect(visitor.page.locator(f"#set-{field} input[type=number]")).to_have_value(value)
    visitor.page.click("#pause")
    visitor.painted(stood_at + 3)
    assert last_evaluation(visitor) > stood_at
    assert newest(jobs) is job
    # the boxes hold the run's own photo, which is not the page's first one
    assert job.content is not None
    expect(visitor.page.locator("#content img")).to_be_visible()
    ratio = visitor.page.evaluate(
        "(([img]) => img.naturalWidth / img.naturalHeight)([document.querySelector('#content img')])"
    )
    assert ratio == pytest.approx(job.content.width / job.content.height, rel=0.01)

    visitor.page.click("#stop")
    visitor.finish()
    visitor.reload()
    visitor.finish()
    visitor.says(r"stopped · \d+ steps")
    expect(visitor.page.locator("#strip .card")).to_have_count(1)
    visitor.open(**ENDLESS, seed=6)  # for something else, the ended run is not in the way
    expect(visitor.page.locator("#set-seed input[type=number]")).to_have_value("6")
    expect(visitor.page.locator("#after")).to_be_hidden()
    visitor.left_clean()


def test_two_people_do_not_see_each_other_and_two_tabs_keep_their_own(
    visitor: Visitor, browser: Browser, address: str, jobs: Jobs
) -> None:
    visitor.open(**ENDLESS, seed=1)
    visitor.run()
    visitor.painted(1)
    mine = newest(jobs)

    stranger = Visitor(browser, address)
    stranger.open()
    stranger.says("press Run")
    assert jobs.find(mine.visitor) == [mine]
    stranger.page.evaluate(f"sessionStorage.setItem('style-playground-run', {json.dumps(mine.id[:-1] + 'x')})")
    stranger.page.reload()  # an id that is nearly right is no id
    stranger.says("press Run")
    stranger.context.close()

    tab = visitor.context.new_page()  # of the same browser; its person's other run is watched
    tab.goto(address + link_query(load_preset().changed({"size": 80, "iterations": 90000})))
    expect(tab.locator("#set-size input[type=number]")).to_have_value("80")  # the link's recipe is in the controls
    tab.click("#run")
    expect(tab.locator("#status")).to_contain_text("step")
    other = newest(jobs)
    assert other is not mine
    assert other.visitor == mine.visitor
    for page, size in ((visitor.page, "64"), (tab, "80")):
        page.reload()
        expect(page.locator("#status")).to_contain_text("step")
        expect(page.locator("#set-size input[type=number]")).to_have_value(size)

    # as many runs as one person may have: Run asks. Another window with the same memory, since a browser has six
    # connections to a server, and every tab that follows a run holds two of them.
    window = browser.new_context(storage_state=visitor.context.storage_state())
    third = window.new_page()
    third.goto(address)
    expect(third.locator("#status")).to_contain_text("press Run")
    third.click("#run")
    expect(third.locator("#busy")).to_contain_text("You already have 2 runs going on")
    third.click("#keep")
    expect(third.locator("#busy")).to_be_hidden()
    assert [mine.ended, other.ended] == [False, False]
    third.click("#run")
    third.click("#replace")
    expect(third.locator("#status")).to_contain_text("step")
    until(lambda: mine.ended)
    assert not other.ended
    assert mine.result is not None
    assert third.locator("#busy").is_hidden()

    tab.close()  # nobody watches its run any more: a new tab takes it over
    window.close()
    visitor.page.close()
    heir = visitor.context.new_page()
    until(lambda: jobs.overview().people == 0)
    heir.goto(address)
    expect(heir.locator("#run-message")).to_contain_text("no page showed it any more")
    expect(heir.locator("#status")).to_contain_text("step")


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


def test_the_teachers_page_goes_first_and_hides_its_key(
    visitor: Visitor, browser: Browser, address: str, jobs: Jobs
) -> None:
    visitor.page.goto(f"{address}?preset=default&key={TEACHERS_KEY}")
    visitor.says("its runs go first", "#teacher")
    assert "key" not in visitor.page.url
    visitor.reload()
    visitor.says("its runs go first", "#teacher")
    visitor.run()
    visitor.says("step")
    assert newest(jobs).weight == LIMITS.teacher_weight
    visitor.says("1 person here · 1 run · nobody waits", "#server-line")
    pupil = Visitor(browser, address)
    pupil.page.goto(f"{address}?key=guessed")
    pupil.says("press Run")
    pupil.says("2 people here", "#server-line")
    assert pupil.page.inner_text("#teacher").strip() == ""
    pupil.left_clean()
    pupil.context.close()


def test_a_run_comes_back_after_the_server_was_started_anew(
    hed: read.Weights, browser: Browser, tmp_path: Path
) -> None:
    def server() -> Jobs:
        return Jobs("cpu", Limits(save_every=0.5), store=Store(tmp_path / "runs", 200))

    kept: StorageState = {}
    first = server()
    with served(first, tmp_path) as address:
        visitor = Visitor(browser, address)
        visitor.open(**ENDLESS, seed=9)
        visitor.run()
        visitor.painted(20)
        kept = visitor.context.storage_state()
        run = visitor.page.evaluate("sessionStorage.getItem('style-playground-run')")
        visitor.context.close()
        first.close(save=True)
    second = server()
    assert [job.id for job in second.recover()] == [run]
    with served(second, tmp_path) as other:  # another port is another origin: what the browser keeps is carried over
        for origin in kept["origins"]:
            origin["origin"] = other.rstrip("/")
        visitor = Visitor(browser, other, storage_state=kept)
        visitor.page.goto(other)
        visitor.says("no page showed it any more", "#run-message")
        visitor.painted(21)
        expect(visitor.page.locator("#set-seed input[type=number]")).to_have_value("9")
        assert last_evaluation(visitor) > 20
        visitor.page.click("#stop")
        visitor.finish()
        visitor.context.close()
    second.close()
