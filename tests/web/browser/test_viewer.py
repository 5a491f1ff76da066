"""Before and after in one frame: viewer.js alone on a page of its own, with pictures of any size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from playground.web.components import viewer
from playground.web.words import words
from tests.helpers.visitor import NEEDS_CHROMIUM, box

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = NEEDS_CHROMIUM
STYLES = (Path(viewer.__file__).parent.parent / "assets" / "results.css").read_text("utf-8")
PAGE = f"""<style>body {{ margin: 0 }} {STYLES} #before-after {{ position: absolute; left: 40px; top: 40px; width: 720px; height: 320px }}</style>
<div id="before-after"><div class="viewer"></div></div>"""
MADE = """([words, script, width, height]) => {
  window.playgroundSay = (key, values = {}) => words[`js.${key}`].replace(/\\{(\\w+)\\}/g, (_, name) => values[name]);
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const picture = canvas.toDataURL();
  const value = { before: picture, after: picture, size: [width, height] }, element = document.getElementById("before-after");
  new Function("element", "props", "trigger", "watch", script)(element, { value }, () => {}, () => {});
}"""
CUT = "parseFloat(getComputedStyle(document.querySelector('.before')).clipPath.split(' ')[1])"  # from the frame's right edge

Opened = Callable[[int, int], "Page"]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    """Opens a picture of this size in a frame of 720 by 320 pixels."""
    page = browser.new_page(viewport={"width": 800, "height": 400})

    def of_size(width: int, height: int) -> Page:
        page.set_content(PAGE)
        page.evaluate(MADE, [words("en"), viewer.SCRIPT, width, height])
        return page

    yield of_size
    page.close()


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=4)
    page.mouse.up()


@pytest.mark.parametrize(("width", "height"), [(200, 200), (640, 280)], ids=["beside the tools", "under them"])
def test_a_drag_from_anywhere_on_the_picture_takes_the_line_along(opened: Opened, width: int, height: int) -> None:
    page = opened(width, height)
    frame, scale = box(page.locator(".frame")), min(720 / width, 320 / height)
    left, top = frame["x"] + (720 - width * scale) / 2, frame["y"] + (320 - height * scale) / 2
    divider = page.get_by_label("How much of the photo")
    assert box(divider)["x"] == pytest.approx(left, abs=1)  # as wide as the picture
    assert box(divider)["width"] == pytest.approx(width * scale, abs=1)
    hold = box(page.locator("[data-do=hold]"))
    places = [(left + width * scale * across, top + height * scale * down) for across in (0.02, 0.3, 0.7, 0.97)
              for down in (0.02, 0.1, 0.5, 0.95)]  # fmt: skip
    for x, y in places:
        if hold["x"] <= x <= hold["x"] + hold["width"] and hold["y"] <= y <= hold["y"] + hold["height"]:
            continue
        end = left + width * scale * (0.6 if x < left + width * scale / 2 else 0.4)
        drag(page, (x, y), (end, y))
        line = box(page.locator(".line"))
        assert line["x"] == pytest.approx(end, abs=3), (x, y)
        assert page.evaluate(CUT) == pytest.approx(frame["x"] + 720 - end, abs=3)
        assert line["height"] == pytest.approx(height * scale, abs=1)
        expect(page.locator("[data-do=zoom]")).to_have_attribute("aria-pressed", "false")  # no press on a button
        assert page.evaluate("document.fullscreenElement") is None
    drag(page, (left + 20, 200), (5, 200))
    expect(divider).to_have_value("0")


def test_the_photo_alone_while_the_button_or_its_key_is_held(opened: Opened) -> None:
    page, seen = opened(200, 200), "getComputedStyle(document.querySelector('.before')).clipPath"
    page.hover("[data-do=hold]")
    page.mouse.down()
    assert page.evaluate(seen) == "none"
    page.mouse.up()
    assert page.evaluate(seen) != "none"
    page.keyboard.down("b")
    assert page.evaluate(seen) == "none"
    page.keyboard.up("b")
    assert page.evaluate(seen) != "none"


@pytest.mark.parametrize(("side", "percent"), [(1280, 100), (310, 200), (200, 400), (64, 800)])
def test_zoom_shows_more_of_the_picture_however_small_it_is(opened: Opened, side: int, percent: int) -> None:
    page = opened(side, side)
    button, picture, line = page.locator("[data-do=zoom]"), page.locator("img.after"), page.locator(".line")
    expect(button).to_have_text(f"{percent} %")
    button.click()
    assert box(picture)["height"] == pytest.approx(side * percent / 100, abs=1)  # the frame's height is the picture's
    expect(picture).to_have_css("image-rendering", "pixelated" if percent > 100 else "auto")
    frame = box(page.locator(".frame"))
    assert box(line)["x"] == pytest.approx(frame["x"] + frame["width"] / 2, abs=2)
    drag(page, (200, 200), (9000, 9000))  # moved about in, as far as its edge
    assert box(picture)["y"] == pytest.approx(frame["y"], abs=1)
    drag(page, (frame["x"] + frame["width"] / 2, 200), (frame["x"] + frame["width"] * 0.6, 200))
    assert frame["x"] + frame["width"] / 2 < box(line)["x"] < frame["x"] + frame["width"] * 0.65
    button.click()
    assert box(picture)["height"] == pytest.approx(320, abs=1)


def test_full_screen_says_how_to_leave_it(opened: Opened) -> None:
    page = opened(200, 200)
    button: Any = page.locator("[data-do=full]")
    expect(button).to_have_text("Full screen")
    button.click()
    expect(button).to_have_text("Leave full screen (Esc)")
    button.click()
    expect(button).to_have_text("Full screen")
