"""One view in a real browser: sources, easel, chart and balance together on the screen before, during and after a run."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from playground.service.limits import Limits
from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor, box

if TYPE_CHECKING:
    from playwright.sync_api import Browser

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = NEEDS_CHROMIUM
PATIENCE = 90

TOGETHER = (
    "#content", "#style", "#easel", "#run", "#terms-chart .area", "#mix", "#set-content_weight", "#set-style_weight",
    "#slide-variation_weight",
)  # fmt: skip
SCREENS = [
    (1366, 657),
    pytest.param(1280, 650, marks=pytest.mark.slow),
    pytest.param(1440, 900, marks=pytest.mark.slow),
    (820, 650),
    pytest.param(900, 700, marks=pytest.mark.slow),
    (1024, 768),
    pytest.param(820, 1180, marks=pytest.mark.slow),
]
LIMITS = Limits(grace_seconds=15.0, max_seconds=600.0)


def outside(visitor: Visitor) -> dict[str, object]:
    """Which of the parts that belong together are not wholly on the screen, and where they are."""
    size = visitor.page.viewport_size
    assert size is not None
    places = {name: visitor.page.locator(name).first.bounding_box() for name in TOGETHER}
    return {
        name: place
        for name, place in places.items()
        if place is None
        or not 0 <= place["y"] <= size["height"] - place["height"]
        or not 0 <= place["x"] <= size["width"] - place["width"]
    }


@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_everything_is_in_one_view_before_during_and_after(
    browser: Browser, address: str, width: int, height: int
) -> None:
    visitor = Visitor(browser, address, viewport={"width": width, "height": height})
    visitor.open(size=64, iterations=100_000, scales=1)
    visitor.says("press Run")
    visitor.says("About|Perhaps|take", "#cost")  # the page has been answered, and nothing moves any more
    assert outside(visitor) == {}
    easel = box(visitor.page.locator("#easel"))
    visitor.run()
    visitor.painted(3)
    assert outside(visitor) == {}
    assert box(visitor.page.locator("#easel")) == easel
    chart = box(visitor.page.locator("#terms-chart .area"))
    visitor.page.get_by_role("button", name="Layers and losses").click()  # opens in place
    expect(visitor.page.locator("#layers .row").first).to_be_visible()
    assert outside(visitor) == {}
    visitor.page.click("#stop")
    visitor.finish()
    visitor.says("Losses: content", "#summary")
    assert outside(visitor) == {}
    assert box(visitor.page.locator("#terms-chart .area")) == chart  # the same chart in the same place
    assert box(visitor.page.locator("#easel")) == easel
    assert visitor.page.evaluate("scrollY") == 0
    visitor.left_clean()
    visitor.context.close()


HIDDEN = """(query) => [...document.querySelectorAll(query)].filter((node) => {
  const words = document.createRange();
  words.selectNodeContents(node);
  const boxes = [...words.getClientRects()].filter((box) => box.width > 1 && box.height > 1);
  return !boxes.length || boxes.some((box) => [box.left + 1, box.right - 1].some((x) => {
    const there = document.elementFromPoint(x, box.top + box.height / 2);
    return !there || !(node.contains(there) || there.contains(node))
      || box.bottom > node.closest(".telling, .source").getBoundingClientRect().bottom + 1;
  }));
}).map((node) => node.textContent)"""
"""Those of some elements that are not seen from their first word to their last."""


# Every sentence is longer in German than in English.
@pytest.mark.parametrize(
    "language", ["de", *(pytest.param(other, marks=pytest.mark.slow) for other in ("en", "fr", "es"))]
)
def test_what_would_shorten_a_long_run_is_in_sight_in_every_window(
    browser: Browser, address: str, language: str
) -> None:
    visitor = Visitor(browser, address, viewport={"width": 1366, "height": 657}, locale=language)
    page = visitor.page
    for settings, said in ({"size": 64, "iterations": 100_000}, "#cost .long"), ({"size": 64}, "#cost .hint"):
        visitor.open(**settings)
        expect(page.locator(said)).to_be_visible()
        for width, height in ((1440, 900), (1366, 657), (1280, 650), (1024, 768), (820, 1180)):
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(150)
            assert page.evaluate(HIDDEN, f"{said}, #style-gallery .thumbnail-item") == [], (width, said)
    visitor.context.close()


REACHED = """(node) => {
  node.scrollIntoView({ block: "center" });
  const box = node.getBoundingClientRect(), x = box.x + box.width / 2, y = box.y + box.height / 2;
  const there = document.elementFromPoint(x, y);
  return box.x >= 0 && box.right <= innerWidth + 1 && Boolean(there) && (node.contains(there) || there.contains(node));
}"""
"""Whether the middle of an element can be pressed once it is scrolled to, and nothing of it stands out at a side."""


@pytest.mark.parametrize(("width", "height"), [(683, 328), pytest.param(844, 390, marks=pytest.mark.slow)])
def test_at_twice_the_size_picture_and_balance_stay_together_and_all_is_in_reach(
    browser: Browser, address: str, width: int, height: int
) -> None:
    """683 by 328 is what a window of 1366 by 657 has for a page at 200 % zoom; the other, a phone on its side."""
    visitor = Visitor(browser, address, viewport={"width": width, "height": height}, device_scale_factor=2)
    page = visitor.page
    visitor.open(size=64, iterations=100_000, scales=1)
    visitor.says("press Run")
    reached = [
        "#content",
        "#style",
        "#mix",
        "#run",
        "#set-style_weight input",
        "#preset input",
        "#set-size input",
        "#terms-chart .area",
    ]

    def lost(names: list[str]) -> list[str]:
        """Those that cannot be brought onto the screen and pressed there."""
        return [name for name in names if not page.locator(name).first.evaluate(REACHED)]

    def together() -> bool:
        page.evaluate("scrollTo(0, 0)")
        easel, mix, run = (box(page.locator(name)) for name in ("#easel", "#mix", "#run"))
        beside = easel["x"] + easel["width"] <= mix["x"] and easel["y"] < mix["y"] + mix["height"]
        low = max(easel["y"] + easel["height"], mix["y"] + mix["height"])
        return beside and low <= run["y"] and run["y"] + run["height"] <= height and easel["height"] > 0.4 * height

    assert together()
    assert lost(reached) == []
    visitor.run()
    visitor.painted(3)
    assert together()
    assert lost(["#pause", "#stop", "#set-variation_weight input", "#terms-chart .area"]) == []
    assert box(page.locator("#easel"))["y"] >= 0  # scrolled down, the picture is still there
    page.click("#stop")
    visitor.finish()
    visitor.says("Losses: content", "#summary")
    assert together()
    assert lost([*reached, "#save-png", "#use-as-content", "#before-after [data-do=hold]", "#earlier h2"]) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    visitor.left_clean()
    visitor.context.close()


@pytest.fixture(scope="module")
def finished(browser: Browser, address: str) -> Iterator[Visitor]:
    """A visitor with a finished run of two sizes."""
    visitor = Visitor(browser, address, viewport={"width": 1366, "height": 657})
    visitor.open(size=96, smallest=48, iterations=16, scales=2)
    visitor.run()
    visitor.finish()
    visitor.says("Losses: content", "#summary")
    yield visitor
    visitor.context.close()


@pytest.fixture
def painted(finished: Visitor) -> Iterator[Visitor]:
    """The same for every test, who finds the chart as it is at first."""
    for name in ("Unweighted", "Terms", "Log"):
        finished.page.get_by_role("button", name=name, exact=True).click()
    yield finished
    finished.left_clean()


def test_before_and_after_line_up_at_any_window(painted: Visitor) -> None:
    boxes = """[...document.querySelectorAll('#before-after img')].map((node) => {
      const box = node.getBoundingClientRect();
      return [box.x, box.y, box.width, box.height, node.naturalWidth / node.naturalHeight, getComputedStyle(node).objectFit];
    })"""
    for width, height in ((1366, 657), (1440, 720), (1440, 800), (1024, 768), (390, 844)):
        painted.page.set_viewport_size({"width": width, "height": height})
        painted.page.wait_for_timeout(200)
        before, after = painted.page.evaluate(boxes)
        assert before == after
        assert before[5] == "contain"
        assert before[2] > 50
        # nothing of the pictures is cut off by what stands around them
        frame = box(painted.page.locator("#easel"))
        assert frame["x"] <= before[0] + 1
        assert before[0] + before[2] <= frame["x"] + frame["width"] + 1
        assert before[1] + before[3] <= frame["y"] + frame["height"] + 1
    painted.page.set_viewport_size({"width": 1366, "height": 657})
    viewer = painted.page.locator("#before-after .viewer")
    painted.page.evaluate("document.activeElement.blur()")
    painted.page.keyboard.down("b")  # held, the photo alone
    expect(viewer).to_have_class("viewer holding")
    painted.page.keyboard.up("b")
    expect(viewer).to_have_class("viewer")
    divider = painted.page.get_by_label("How much of the photo")
    divider.focus()
    painted.page.keyboard.press("ArrowRight")
    expect(divider).to_have_value("51")


def test_the_chart_shows_layers_sizes_and_moments_and_gives_its_numbers(painted: Visitor, tmp_path: Path) -> None:
    page, ends = painted.page, painted.page.locator("#terms-chart .ends")
    expect(ends.locator("li")).to_have_count(3)  # unweighted first: no total
    page.get_by_role("button", name="Weighted", exact=True).click()
    expect(ends).to_contain_text("total")
    page.get_by_role("button", name="Layers", exact=True).click()
    expect(ends).to_contain_text("conv1_1")
    page.get_by_role("button", name="Linear").click()
    expect(page.get_by_role("button", name="Linear")).to_have_attribute("aria-pressed", "true")
    # pointing at a moment: its step, its size, its figures, its picture
    area = page.locator("#terms-chart .area")
    place = box(area)
    before = ends.inner_text()
    page.mouse.move(place["x"] + 60, place["y"] + 40)
    painted.says(r"step [1-4] · 48 px", "#terms-chart .tip")
    assert ends.inner_text() != before
    expect(page.locator("#hover-picture img")).to_be_visible()
    expect(page.locator("#terms-chart .steered")).to_be_hidden()
    column, preview = box(page.locator("#easel")), box(page.locator("#hover-picture"))
    page.mouse.move(place["x"] + place["width"] - 4, place["y"] + 40)
    assert box(page.locator("#hover-picture")) == preview
    assert preview["x"] >= column["x"]
    assert preview["x"] + preview["width"] <= column["x"] + column["width"]
    assert preview["y"] + preview["height"] <= column["y"] + column["height"]  # above all buttons
    page.mouse.move(5, 5)
    expect(page.locator("#hover-picture img")).to_be_hidden()
    area.focus()
    page.keyboard.press("ArrowLeft")
    painted.says(r"step 1\d", "#terms-chart .tip")

    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV").click()
    waiting.value.save_as(tmp_path / "curves.csv")
    with (tmp_path / "curves.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [float(row["step"]) for row in table] == sorted(float(row["step"]) for row in table)
    assert {row["size"] for row in table} == {"48", "96"}
    assert all(float(row["weighted total"]) > 0 and float(row["unweighted style:conv1_1"]) > 0 for row in table)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="PNG", exact=True).last.click()
    waiting.value.save_as(tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.width > 600


def test_the_chart_says_what_it_shows(painted: Visitor) -> None:
    page, area = painted.page, painted.page.locator("#terms-chart .area")

    def ends() -> dict[str, str]:
        """The figure that stands at the end of each line, by its name."""
        found = page.locator("#terms-chart .ends li").evaluate_all(
            "items => items.map((item) => [item.dataset.key, item.querySelector('b').textContent])"
        )
        return dict(found)

    def said(begin: str) -> dict[str, str]:
        expect(area).to_have_attribute("aria-label", re.compile(f"^{begin}, step 16: "))
        lines = (area.get_attribute("aria-label") or "").split(": ", 1)[1].rstrip(".").split("; ")
        return {line.split(" ")[0]: line for line in lines}

    terms = said("Loss curves of the terms, without weights, on a logarithmic axis")
    assert list(terms) == ["content", "style", "variation"]
    shown = ends()
    assert all(line.startswith(f"{name} {shown[name]}, from ") for name, line in terms.items())
    painted.says(rf"Losses: content {shown['content']}, style {shown['style']}, .* \(unweighted", "#summary")
    assert terms["content"].endswith(", from 0")  # not the rounding that the photo differs from itself by
    page.get_by_role("button", name="Weighted", exact=True).click()
    terms = said("Loss curves of the terms, with weights, on a logarithmic axis")
    assert shown["variation"] != ends()["variation"]
    shown = ends()
    assert all(line.startswith(f"{name} {shown[name]}, from ") for name, line in terms.items())
    page.get_by_role("button", name="Layers", exact=True).click()
    page.get_by_role("button", name="Linear").click()
    said("Loss curves of the layers, with weights, on a linear axis")
    label = area.get_attribute("aria-label") or ""
    for key, figure in ends().items():
        assert f"{key.replace(':', ' ')} {figure}, from " in label
    # the names have room within the chart's column
    room = box(page.locator("#easel"))
    widths = page.locator("#terms-chart .ends li").evaluate_all(
        "all => all.map((n) => n.getBoundingClientRect().right)"
    )
    assert max(widths) <= room["x"] + room["width"]


def test_a_second_result_can_be_laid_over_the_first(painted: Visitor) -> None:
    painted.fill("seed", 5)
    painted.run()
    painted.says("done", "#status")
    painted.says("seed 5", "#summary")
    painted.page.locator("#terms-chart .over summary").click()
    tick = painted.page.locator("#terms-chart .over-list input")
    expect(tick).to_have_count(1)

    def drawn() -> str:
        return painted.page.evaluate("document.querySelector('#terms-chart canvas').toDataURL()")

    alone = drawn()
    tick.check()
    painted.page.wait_for_timeout(200)
    assert drawn() != alone
    label = painted.page.locator("#terms-chart .area").get_attribute("aria-label") or ""
    assert re.search(r"Laid over in broken lines: .*seed 0\.$", label), label
    tick.uncheck()


def test_one_slider_shifts_photo_against_painting(visitor: Visitor) -> None:
    visitor.open(size=64)
    handle = visitor.page.locator("#mix input[type=range]")
    handle.focus()
    for _ in range(10):
        visitor.page.keyboard.press("ArrowRight")
    expect(visitor.page.locator("#set-style_weight input")).to_have_value("1.78")
    expect(visitor.page.locator("#set-content_weight input")).to_have_value("0.562")
    visitor.says("3.1\\d× nearer to the painting than this preset", "#ratio")
    visitor.fill("style_weight", 0.562)
    expect(handle).to_have_value("0")
    visitor.left_clean()
