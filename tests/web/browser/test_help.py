"""What a setting is for: the note beside the settings, and the room that they have, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from playground.service.limits import Limits
from playground.web.words import words
from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor, box

if TYPE_CHECKING:
    from playwright.sync_api import Browser

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = NEEDS_CHROMIUM
PATIENCE = 30
LIMITS = Limits(grace_seconds=5.0)

COVERED = """(among) => {
  const note = document.querySelector("#help.open, #glossary:popover-open")?.getBoundingClientRect();
  const controls = document.querySelectorAll(`${among} :is(.setting, .decades, button, input, select)`);
  return [...controls].filter((node) => node.checkVisibility({ visibilityProperty: true })).filter((node) => {
    const box = node.getBoundingClientRect();
    return box.left < note.right && note.left < box.right && box.top < note.bottom && note.top < box.bottom;
  }).map((node) => node.id || node.textContent);
}"""
"""What a note covers that can be pressed or set."""


@pytest.mark.parametrize(("width", "height", "among"), [(1366, 657, "#studio"), (820, 650, ".room-settings")])
def test_what_a_setting_is_for_covers_no_setting_and_moves_nothing(
    browser: Browser, address: str, width: int, height: int, among: str
) -> None:
    visitor = Visitor(browser, address, viewport={"width": width, "height": height})
    page, note = visitor.page, visitor.page.locator("#help")
    visitor.open(size=64)
    page.mouse.move(2, 2)
    for field in ("content_weight", "variation_weight", "size", "colours", "seed"):
        name = page.locator(f"#set-{field} [data-testid=block-info]")
        name.scroll_into_view_if_needed()
        before = box(page.locator(f"#set-{field}")), box(page.locator("#easel"))
        name.hover(position={"x": 8, "y": 5})
        expect(note).to_have_text(words("en")[f"field.{field}.help"])
        expect(note).to_be_visible()
        assert page.evaluate(COVERED, among) == [], field
        assert (box(page.locator(f"#set-{field}")), box(page.locator("#easel"))) == before
        page.locator(f"#set-{field} input").first.hover()  # to be used: the note is away
        expect(note).to_be_hidden()
    word = page.locator("#set-content_weight [data-term]")
    word.click()  # the card of a word covers none either
    expect(page.locator("#glossary")).to_be_visible()
    assert page.evaluate(COVERED, among) == []
    page.keyboard.press("Escape")
    visitor.context.close()


def test_by_keys_the_note_comes_with_the_focus_and_goes_with_what_is_done(visitor: Visitor) -> None:
    page, note = visitor.page, visitor.page.locator("#help")
    visitor.open(size=64)
    number = page.locator("#set-style_weight input")
    number.click()  # with the pointer nothing comes over the page
    page.wait_for_timeout(500)
    expect(note).to_have_count(0)
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(number).to_be_focused()
    expect(note).to_be_visible()
    described = number.get_attribute("aria-describedby")
    assert page.locator(f"#{described}").text_content() == note.text_content() == words("en")["field.style_weight.help"]
    page.keyboard.press("5")
    expect(note).to_be_hidden()


def test_a_low_window_leaves_the_deeper_settings_room(browser: Browser, address: str) -> None:
    visitor = Visitor(browser, address, viewport={"width": 1366, "height": 657})
    visitor.open(size=64)
    place = box(visitor.page.locator("#deeper"))
    assert place["height"] >= 300
    assert place["y"] + place["height"] <= 657
    assert box(visitor.page.locator("#slide-style_weight input[type=range]"))["width"] >= 90
    visitor.context.close()
