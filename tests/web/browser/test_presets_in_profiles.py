"""Every preset runs in every profile: chosen on the page, started, painting, ended, with what the server's limits change said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from playground.networks import read
from playground.recipe.presets import load_preset, presets
from playground.service.jobs import Jobs
from playground.service.limits import PROFILES
from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor, playwright, served
from tests.helpers.waiting import until

pytestmark = NEEDS_CHROMIUM
NAMES = [name for name, preset in presets().items() if preset.kind == "stylize"]
SIZE = 64


@pytest.fixture(scope="module", params=PROFILES)
def place(request: pytest.FixtureRequest, hed: read.Weights, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    jobs = Jobs("cpu", PROFILES[request.param])
    with served(jobs, tmp_path_factory.mktemp("files"), profile=request.param, host="127.0.0.1") as address:
        yield address, jobs, PROFILES[request.param]
    jobs.close()


@pytest.fixture
def visitor(browser: Any, place: Any) -> Iterator[Visitor]:
    came = Visitor(browser, place[0])
    yield came
    came.context.close()


def choose(visitor: Visitor, name: str) -> None:
    visitor.page.locator(f"#preset input[value='{name}']").check(force=True)


def size_of(visitor: Visitor) -> str:
    return visitor.page.locator("#set-size input[type=number]").input_value()


# One preset in every profile while people work; the others, some fifteen seconds each, in the slow part.
@pytest.mark.parametrize("name", [NAMES[0], *(pytest.param(name, marks=pytest.mark.slow) for name in NAMES[1:])])
def test_every_preset_is_started_paints_and_ends(visitor: Visitor, place: Any, name: str) -> None:
    _, jobs, limits = place
    visitor.open()
    # The page has been answered: until then its controls are set by the server.
    visitor.says("About|Perhaps|take", "#cost")
    visitor.fill("size", SIZE)
    visitor.page.wait_for_timeout(500)  # what is typed is sent when it is finished
    if name != NAMES[0]:  # which is chosen when the page opens
        choose(visitor, name)
        playwright.expect(visitor.page.locator("#preset-note")).to_contain_text(f"Size stays {SIZE} px")
    visitor.run()
    until(lambda: bool(jobs.known()) and jobs.known()[-1].recipe.preset == name)
    job = jobs.known()[-1]
    visitor.painted()
    assert job.recipe.size == SIZE
    limits.check(job.recipe)
    if visitor.page.locator("#stop").is_enabled():
        visitor.page.evaluate("document.querySelector('#stop').click()")
    visitor.finish()
    assert job.ended
    assert job.error is None
    assert job.result is not None
    visitor.left_clean()


@pytest.mark.slow
def test_what_the_limits_change_stands_where_the_preset_stands(visitor: Visitor, place: Any) -> None:
    _, _, limits = place
    visitor.open()
    visitor.says("About|Perhaps|take", "#cost")
    for name in [*NAMES[1:], NAMES[0]]:  # the first is chosen when the page opens
        wished, note = limits.fitted(load_preset(name, network="vgg16-hed"))
        choose(visitor, name)
        playwright.expect(visitor.page.locator(f"#preset input[value='{name}']")).to_be_checked()
        until(lambda: size_of(visitor) == str(wished.size))  # noqa: B023
        iterations = visitor.page.locator("#set-iterations input").first
        playwright.expect(iterations).to_have_value(str(wished.iterations))
        said = visitor.page.inner_text("#preset-note")
        assert ("This server's limits apply" in said) == bool(note), name
        assert note in said, said
    slider = visitor.page.locator("#set-size input[type=range]")
    assert slider.get_attribute("max") == str(limits.max_size)
    assert int(visitor.page.locator("#set-size input[type=number]").get_attribute("max") or 0) in (0, limits.max_size)
