"""The Lab in a real browser: an edit is heard, and a lesson that a link opens is predicted, run and taken into the Studio."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = [NEEDS_CHROMIUM, pytest.mark.slow]

PATIENCE = 60


class Newcomer(Visitor):
    new_here = True


def test_edits_of_the_painting_are_heard(visitor: Visitor) -> None:
    visitor.page.goto(visitor.address)
    visitor.page.get_by_role("tab", name="Lab", exact=True).click()
    visitor.says("Content notices, style hardly", "#ears-said")
    visitor.page.locator("#ears-edit").get_by_label("Rescale").check()
    visitor.says("Content cannot be compared", "#ears-said")
    visitor.page.locator("#ears-edit").get_by_label("As it is").check()
    visitor.says("exactly 0", "#ears-said")
    playwright.expect(visitor.page.locator("#ears-amount")).to_be_hidden()
    visitor.left_clean()


def test_a_first_visit_to_a_lesson_is_not_shown_round_the_studio(browser: Browser, address: str) -> None:
    visitor = Newcomer(browser, address)
    page = visitor.page
    page.goto(f"{address}?lesson=3")
    visitor.says("block after block", "#lesson-question")
    page.wait_for_timeout(3000)
    playwright.expect(page.locator("#welcome")).to_have_count(0)
    page.goto(address)
    visitor.says("photo and a painting", "#welcome")
    page.locator("#welcome [data-do=skip]").click()
    page.reload()
    playwright.expect(page.locator("#run")).to_be_visible()
    page.wait_for_timeout(3000)
    playwright.expect(page.locator("#welcome")).to_have_count(0)
    visitor.left = True
    visitor.left_clean()
    visitor.context.close()


def test_the_answer_comes_into_sight_by_itself(browser: Browser, address: str) -> None:
    """On a phone, where all of it is below the edge of the window."""
    visitor = Visitor(browser, address, viewport={"width": 390, "height": 844})
    page = visitor.page
    for lesson, option in (("1", "content only"), ("4", "grey")):
        page.goto(f"{address}?lesson={lesson}")
        playwright.expect(page.locator(".lab-number a")).to_be_hidden()  # this is the lesson alone
        page.locator("#lesson-options").get_by_label(option).check()
        run = page.locator("#lesson-run")
        assert page.evaluate("scrollY") < 100
        run.click()
        if lesson == "4":
            playwright.expect(run).to_be_disabled()
            playwright.expect(run).to_have_text("Running")
            playwright.expect(page.locator("#lesson-sheet .lab-grid figure").first).to_be_in_viewport(ratio=0.9)
        visitor.says("what was seen|so it was seen", "#lesson-said")
        playwright.expect(page.locator("#lesson-said .verdict")).to_be_in_viewport(ratio=1)
        playwright.expect(run).to_have_text("Run and see")
        playwright.expect(run).to_be_enabled()
    visitor.left = True
    visitor.left_clean()
    visitor.context.close()


def test_a_linked_lesson_stands_alone_and_a_picture_of_it_goes_to_the_studio(visitor: Visitor) -> None:
    page = visitor.page
    page.goto(f"{visitor.address}?lesson=4")
    visitor.says("Whose colours will the result have", "#lesson-question")
    playwright.expect(page.locator(".lab-pair img")).to_have_count(2)
    page.locator("#lesson-asked [data-term=layer]").first.press("Enter")
    visitor.says("first layer of block 3", "#glossary")
    page.keyboard.press("Escape")
    playwright.expect(page.get_by_role("tab", name="Studio", exact=True)).to_be_hidden()
    playwright.expect(page.locator("#lesson-run")).to_be_disabled()
    page.locator("#lesson-options").get_by_label("the photo's").check()
    page.locator("#lesson-run").click()
    visitor.says("You predicted .the photo's., and so it was seen", "#lesson-said")
    cells = page.locator("#lesson-sheet .enlarge")
    playwright.expect(cells).to_have_count(2)
    cells.first.press("Enter")
    playwright.expect(page.locator(".lab-large")).to_be_visible()
    page.keyboard.press("Escape")
    page.click("#lesson-promote")
    playwright.expect(page.locator("#run")).to_be_visible()
    playwright.expect(page.locator("#set-size input[type=number]")).to_have_value("128")
    playwright.expect(page.locator("#preset-note")).to_be_in_viewport()
    visitor.left_clean()
