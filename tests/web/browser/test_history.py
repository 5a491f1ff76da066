"""Nothing is lost, in a real browser: reloads, other tabs, another server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from playground.networks import read
from playground.recipe.presets import load_preset
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.service.store import Store
from playground.web.studio.session import link_query
from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor, playwright, served
from tests.helpers.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, StorageState

expect = playwright.expect
pytestmark = [NEEDS_CHROMIUM, pytest.mark.slow, pytest.mark.usefixtures("runs_end")]

ENDLESS = {"size": 64, "iterations": 100_000, "scales": 1}
LIMITS = Limits(grace_seconds=10.0, runs_each=2, save_every=0.5)
STORED_MB = 500
TEACHERS_KEY = "only-the-teacher-knows"
SETTINGS = {"teacher_key": TEACHERS_KEY}


def newest(jobs: Jobs) -> Job:
    return jobs.going_on()[-1]


def last_evaluation(visitor: Visitor) -> int:
    """Where the live curve ends."""
    return int(visitor.page.get_attribute("#terms-chart figure", "data-last") or -1)


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
