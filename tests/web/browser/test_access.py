"""The page for everybody, in a real browser: axe, names and values that are spoken, the keyboard alone, room for fingers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from playground.service.limits import Limits
from tests.helpers.axe import serious
from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor, box

if TYPE_CHECKING:
    from playwright.sync_api import Browser

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = NEEDS_CHROMIUM
PATIENCE = 90

LOOKS = [
    {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
    {"viewport": {"width": 1366, "height": 657}, "color_scheme": "dark"},
    {"viewport": {"width": 1024, "height": 768}, "forced_colors": "active"},
    {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "has_touch": True, "is_mobile": True},
]
LIMITS = Limits(grace_seconds=15.0)


@pytest.mark.parametrize("look", [
    pytest.param(LOOKS[0], id="light", marks=pytest.mark.slow),
    pytest.param(LOOKS[1], id="dark"),
    pytest.param(LOOKS[2], id="forced colours", marks=pytest.mark.slow),
    pytest.param(LOOKS[3], id="phone"),
])  # fmt: skip
def test_axe_finds_nothing_serious(browser: Browser, address: str, look: dict[str, object]) -> None:
    visitor = Visitor(browser, address, bypass_csp=True, **look)
    visitor.open(size=64, iterations=6, scales=1)
    visitor.says("press Run")
    visitor.page.get_by_role("button", name="Layers and losses").click()
    assert serious(visitor) == []
    visitor.run()
    visitor.finish()
    visitor.says("Losses: content", "#summary")
    visitor.page.get_by_role("button", name="Layers", exact=True).click()
    assert serious(visitor) == []
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= look["viewport"]["width"]  # type: ignore[index]
    visitor.context.close()


def test_samples_have_names_and_sliders_speak_their_value(visitor: Visitor) -> None:
    visitor.open(size=64)
    expect(visitor.page.get_by_role("button", name="Chelsea, a cat")).to_be_visible()
    handle = visitor.page.locator("#slide-style_weight input[type=range]")
    expect(handle).to_have_attribute("aria-valuetext", "1, as in this preset")
    visitor.fill("style_weight", 10)
    expect(handle).to_have_attribute("aria-valuetext", "style pulls 10× harder than in this preset")
    expect(visitor.page.locator("#mix input[type=range]")).to_have_attribute(
        "aria-valuetext", "10× nearer to the painting than this preset"
    )


def test_the_keyboard_alone_paints_and_downloads(visitor: Visitor) -> None:
    visitor.open(size=64, iterations=6, scales=1)
    visitor.says("press Run")
    keys = 0
    for key in ("Tab", "Enter", "Enter"):  # the link that skips to Run, and Run
        visitor.page.keyboard.press(key)
        keys += 1
    visitor.says("step|reading|done")
    assert keys < 12
    visitor.finish()
    with visitor.page.expect_download() as waiting:
        for _ in range(12):
            visitor.page.keyboard.press("Tab")
            if visitor.page.evaluate("document.activeElement.closest('#save-png') !== null"):
                break
        visitor.page.keyboard.press("Enter")
    assert waiting.value.suggested_filename.endswith(".png")


def test_arrows_open_the_tabs_of_a_row_which_is_one_stop(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open(size=64)
    for row, names in (
        ("#under", ("curves", "pulls", "pairs-tab", "echo-tab", "rounds-tab")),
        ("#rooms", ("studio", "instant")),
    ):
        tab = {name: page.locator(f"{row} > .tab-wrapper [data-tab-id={name}]") for name in names}
        first, second, last = (
            tab[names[0]],
            tab[names[1]],
            page.locator(f"{row} > .tab-wrapper [role=tab]:visible").last,
        )
        first.focus()
        for key, opened in (("ArrowRight", second), ("ArrowLeft", first), ("ArrowLeft", last), ("ArrowRight", first), ("End", last),
                            ("Home", first)):  # fmt: skip
            page.keyboard.press(key)
            expect(opened).to_be_focused()
            expect(opened).to_have_attribute("aria-selected", "true")
            expect(page.locator(f"{row} > .tab-wrapper [role=tab][tabindex='0']")).to_have_count(1)
            expect(opened).to_have_attribute("tabindex", "0")
        page.keyboard.press("Tab")
        assert page.evaluate(f"!document.activeElement.closest('{row} > .tab-wrapper')")
    visitor.left_clean()


CONTRAST = """(selector) => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const node = document.querySelector(selector), edge = light(parse(getComputedStyle(node).borderTopColor));
  const paper = light(parse(getComputedStyle(document.body).backgroundColor));
  return (Math.max(edge, paper) + 0.05) / (Math.min(edge, paper) + 0.05);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_controls_stand_out_and_fingers_have_room(browser: Browser, address: str, scheme: str) -> None:
    visitor = Visitor(
        browser, address, viewport={"width": 390, "height": 844}, color_scheme=scheme, has_touch=True, is_mobile=True
    )
    visitor.open(size=64)
    visitor.says("press Run")
    for selector in ("#set-size input[type=number]", "#reset", "#pause", "#content", ".chart-bar button"):
        assert visitor.page.evaluate(CONTRAST, selector) >= 3, selector
    for selector in ("#run", "#stop", "#weights-toggle", "#reset", ".chart-bar button", "#rooms > .tab-wrapper button"):
        assert box(visitor.page.locator(selector).first)["height"] >= 44, selector
    for target in visitor.page.locator(".chart-bar button, .under > .tab-wrapper button").all():
        if target.is_visible():
            assert min(box(target)["width"], box(target)["height"]) >= 44, target.inner_text()
    said = """(text) => {
      const line = document.querySelector("#status .html-container > div"), words = document.createRange();
      line.textContent = text;
      words.selectNodeContents(line);
      const box = words.getBoundingClientRect(), around = document.getElementById("status").getBoundingClientRect();
      return [box.right <= innerWidth, box.bottom <= around.bottom + 1, line.scrollWidth <= line.clientWidth];
    }"""
    longest = "Schritt 120 von 100000 · 1 min 05 s · noch 13 h 35 min · 7,9 Schritte/s · CPU (16 Threads)"
    visitor.page.evaluate("document.getElementById('studio').classList.add('is-running')")  # the cost gives way
    assert visitor.page.evaluate(said, longest) == [True, True, True]
    # the weights are a sheet under the thumb, and the picture stays in sight above it
    expect(visitor.page.locator("#mix")).to_be_hidden()
    visitor.page.tap("#weights-toggle")
    expect(visitor.page.locator("#weights-toggle")).to_have_attribute("aria-expanded", "true")
    expect(visitor.page.locator("#mix")).to_be_visible()
    assert "✕" in visitor.page.evaluate(
        "getComputedStyle(document.querySelector('#weights-toggle'), '::before').content"
    )
    sheet, easel = box(visitor.page.locator("#balance")), box(visitor.page.locator("#easel"))
    assert sheet["y"] >= easel["y"] + easel["height"]
    visitor.page.evaluate("scrollTo(0, 1200)")
    assert box(visitor.page.locator("#easel"))["y"] == pytest.approx(0, abs=2)
    visitor.context.close()
