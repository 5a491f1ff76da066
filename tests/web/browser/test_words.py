"""In a real browser: the page in another language, words that explain themselves, the first visit, the shelf of results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from playground.service.limits import Limits
from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = [NEEDS_CHROMIUM, pytest.mark.slow]
PATIENCE = 90
LIMITS = Limits(grace_seconds=15.0)


def test_a_german_page_speaks_german_before_and_after_a_run(browser: Browser, address: str) -> None:
    visitor = Visitor(browser, address, locale="de-DE")
    visitor.open(size=64, iterations=6, scales=1)
    expect(visitor.page.locator("#run")).to_have_text("Malen")
    expect(visitor.page.locator("#set-style_weight [data-testid=block-info]")).to_have_text("Gewicht des Stils")
    assert visitor.page.evaluate("document.documentElement.lang") == "de"
    visitor.run()
    visitor.says("fertig · 6 Schritte in")
    visitor.says("Verluste: Inhalt", "#summary")
    visitor.left = True  # a chosen language opens the page anew
    visitor.page.select_option("#language", "fr")
    expect(visitor.page.locator("#run")).to_have_text("Peindre")
    assert "lang=fr" in visitor.page.url
    visitor.left_clean()
    visitor.context.close()


def test_a_word_opens_by_tap_and_by_enter_and_gives_the_focus_back(visitor: Visitor) -> None:
    visitor.open(size=64)
    word, card = visitor.page.locator("#set-style_loss span[data-term]"), visitor.page.locator("#glossary")
    visitor.page.get_by_role("button", name="Layers and losses").click()
    word.click()
    expect(card).to_be_visible()
    expect(card.locator("h2")).to_have_text("Gram matrix")
    visitor.page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    expect(word).to_be_focused()
    visitor.page.keyboard.press("Enter")
    expect(card).to_be_visible()
    visitor.page.keyboard.press("Escape")
    assert visitor.page.evaluate("document.querySelectorAll('#glossary .words button').length") == 21
    visitor.page.locator("#set-neighbours_weight span[data-term]").click()
    expect(card.locator("h2")).to_have_text("Neighbours")


WHOLE = """(nodes) => nodes.every((node) => {
  const { left, top, right, bottom } = node.getBoundingClientRect();
  return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight && right > left && bottom > top;
})"""


@pytest.mark.parametrize(
    ("width", "height", "knob"), [(1440, 900, "mix"), (1366, 657, "mix"), (390, 844, "weights-toggle")]
)
def test_a_first_visit_is_shown_round_once(browser: Browser, address: str, width: int, height: int, knob: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.goto(address)
    shown, framed = page.locator("#welcome"), page.locator(".shown")
    for step, names in enumerate((["content", "style"], ["run"], [knob]), 1):
        expect(shown).to_contain_text(f"{step} of 3")
        assert framed.evaluate_all("(nodes) => nodes.map((node) => node.id)") == names
        assert page.locator("#welcome, .shown").evaluate_all(WHOLE), step
        expect(shown.locator("[data-do=skip]")).to_be_visible(visible=step < 3)
        shown.locator("[data-do=on]").click()
    expect(shown).to_have_count(0)
    expect(framed).to_have_count(0)
    if width == 1440:
        page.reload()
        expect(page.locator("#set-style_weight span[data-term]")).to_be_visible()
        page.wait_for_timeout(3000)
        expect(shown).to_have_count(0)
    context.close()


def test_two_results_are_named_pinned_compared_and_become_sources(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open(size=64, iterations=4, scales=1)
    for number, weight in enumerate((1, 20), 1):
        visitor.fill("style_weight", weight)
        visitor.run()
        expect(page.locator("#strip .card")).to_have_count(number)
    assert page.locator("#strip .bring").all_inner_texts() == ["style weight 20", "style weight 1"]
    page.locator("#strip [data-act=pin]").nth(1).click()
    expect(page.locator("#strip [data-act=pin]").nth(1)).to_have_attribute("aria-pressed", "true")
    for number in (0, 1):
        page.locator("#strip [data-act=compare]").nth(number).click()
        expect(page.locator("#strip [data-act=compare]").nth(number)).to_have_attribute("aria-pressed", "true")
    visitor.says("style weight 1 ↔ style weight 20|style weight 20 ↔ style weight 1", "#summary")
    before = page.get_attribute("#content img", "src")
    page.locator("#strip [data-act=content]").first.click()
    expect(page.locator("#content img")).not_to_have_attribute("src", before or "")
    page.click("[data-tab-id=compare]")
    expect(page.locator("#compare-photo img")).to_be_visible()
    page.reload()
    expect(page.locator("#strip .card")).to_have_count(2)
    expect(page.locator("#strip [data-act=pin][aria-pressed=true]")).to_have_count(1)
