"""The tabs under the easel, the Lab and the Class tab for everybody, in a real browser: axe at both ends of the screens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.helpers.axe import serious
from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = [NEEDS_CHROMIUM, pytest.mark.slow]
PATIENCE = 60
KEY = "open-sesame"
SETTINGS = {"teacher_key": KEY}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
DESK = {"viewport": {"width": 1440, "height": 900}}


@pytest.fixture(params=[(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")], ids=lambda one: one[1])
def someone(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Visitor]:
    look, scheme = request.param
    came = Visitor(browser, address, bypass_csp=True, color_scheme=scheme, **look)
    yield came
    assert came.page.evaluate("document.documentElement.scrollWidth") <= look["viewport"]["width"]
    came.context.close()


def test_tug_pairs_and_echo(someone: Visitor) -> None:
    page = someone.page
    someone.open(size=64, iterations=6, scales=1)
    someone.says("press Run")
    someone.run()
    someone.finish()
    for tab, there in (("Tug", "#shares .tug"), ("Pairs", "#pairs .glows canvas"), ("Echo", "#echo .glows canvas")):
        page.locator("#under").get_by_role("tab", name=tab, exact=True).click()
        expect(page.locator(there).first).to_be_visible()
        assert serious(someone) == [], tab


def test_the_lab(someone: Visitor) -> None:
    page = someone.page
    page.goto(someone.address)
    page.get_by_role("tab", name="Lab", exact=True).click()
    someone.says("Content notices", "#ears-said")
    assert serious(someone) == [], "ears"
    page.get_by_role("tab", name="Lessons", exact=True).click()
    page.locator("#lesson-options label").first.click()
    page.click("#lesson-run")
    someone.says("You predicted", "#lesson-said")
    assert serious(someone) == [], "lessons"
    page.get_by_role("tab", name="Free grid", exact=True).click()
    expect(page.locator("#grid-run")).to_be_visible()
    assert serious(someone) == [], "grid"


def test_the_teachers_tab(someone: Visitor) -> None:
    page = someone.page
    page.goto(f"{someone.address}?key={KEY}")
    page.get_by_role("tab", name="Class", exact=True).click()
    expect(page.locator("#class-qr svg")).to_be_visible()
    page.click("[data-do=open]")
    expect(page.locator("[data-phase=reveal]")).to_be_enabled()
    page.click("[data-phase=reveal]")
    expect(page.locator("#teaching .class-votes table")).to_be_visible()
    assert serious(someone) == []
