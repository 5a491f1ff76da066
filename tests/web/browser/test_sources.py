"""The two pictures in a real browser: a file that is none, a box that is emptied, results from different paintings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.web.components.pictures import samples_like
from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor
from tests.helpers.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = NEEDS_CHROMIUM
PATIENCE = 90

LIMITS = Limits(grace_seconds=15.0, runs_each=1)
CHOSEN = "#{}-gallery button.thumbnail-item.selected"


@pytest.fixture(scope="module")
def opened(browser: Browser, address: str) -> Iterator[Visitor]:
    """A page with two pictures, one for all tests that leave it with two."""
    visitor = Visitor(browser, address)
    visitor.open(size=64)
    yield visitor
    visitor.left_clean()
    visitor.context.close()


def picture(visitor: Visitor, box: str) -> str:
    return visitor.page.locator(f"#{box} img").first.get_attribute("src") or ""


def test_a_file_that_is_no_picture_leaves_the_one_before(opened: Visitor, tmp_path: Path) -> None:
    before = picture(opened, "content")
    bad = tmp_path / "bad.jpg"
    bad.write_text("this is no picture")
    opened.page.locator("#content input[type=file]").first.set_input_files(bad)
    opened.says("no picture|cannot be read|not a picture", "#content-message")
    until(lambda: picture(opened, "content") == before)
    opened.page.wait_for_timeout(1500)
    assert picture(opened, "content") == before
    assert opened.page.locator("#content img").first.evaluate("(image) => image.naturalWidth") > 0


DROP = """(place, [name, type, text]) => {
  const given = new DataTransfer();
  given.items.add(new File([text], name, { type }));
  place.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: given }));
}"""


def test_a_text_is_answered_beside_its_box_in_the_pages_language(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    visitor = Visitor(browser, address, locale="de-DE")
    visitor.open(size=64)
    for box in ("style", "content"):
        before = picture(visitor, box)
        if box == "style":  # chosen
            text = tmp_path / "notes.txt"
            text.write_text("no picture")
            visitor.page.locator("#style input[type=file]").first.set_input_files(text)
        else:  # dropped
            upload = visitor.page.locator("#content .upload-container").first
            upload.evaluate(DROP, ["notes.txt", "text/plain", "no picture"])
        visitor.says("kein Bild", f"#{box}-message")
        expect(visitor.page.locator(f"#{box}-message p")).to_have_count(1)
        until(lambda: picture(visitor, box) == before)  # noqa: B023
    expect(visitor.page.locator(".toast-body")).to_have_count(0)
    visitor.context.close()


def test_a_file_too_large_to_be_sent_is_answered_beside_its_box(opened: Visitor) -> None:
    page = opened.page
    before, said = picture(opened, "content"), page.locator(".source:has(#content) > .beside")
    page.evaluate("gradio_config.max_file_size = 2 ** 20")
    large = "x" * (2**20 + 1)
    page.locator("#content .upload-container").first.evaluate(DROP, ["large.png", "image/png", large])
    expect(said).to_have_text("large.png has 2 MB, more than the 1 MB that can be sent: make it smaller first.")
    expect(page.locator(".toast-body")).to_have_count(0)
    assert picture(opened, "content") == before
    page.click("#content-gallery button.thumbnail-item >> nth=2")
    expect(said).to_be_hidden()
    opened.left_clean()


OVER = """(query) => {
  const given = new DataTransfer();
  given.items.add(new File(["x"], "x.png", { type: "image/png" }));
  const event = new DragEvent("dragover", { bubbles: true, cancelable: true, dataTransfer: given });
  document.querySelector(query).dispatchEvent(event);
  return event.defaultPrevented;
}"""


def test_a_file_that_misses_every_box_does_not_replace_the_page(opened: Visitor) -> None:
    assert opened.page.evaluate(OVER, "#terms-chart")
    assert opened.page.evaluate(OVER, ".masthead")


HIDDEN = """(query) => [...document.querySelectorAll(query)].filter((button) => {
  const at = button.getBoundingClientRect(), around = button.closest(".source").getBoundingClientRect();
  const seen = document.elementFromPoint(at.left + at.width / 2, at.top + at.height / 2);
  return at.left < around.left - 1 || at.right > around.right + 1 || Math.min(at.width, at.height) < 24 || !button.contains(seen);
}).length"""


def test_every_sample_is_in_sight_without_scrolling_sideways_in_any_window(opened: Visitor) -> None:
    page = opened.page
    for width, height in ((768, 800), (999, 700), (820, 1180), (900, 560), (1024, 768), (390, 844), (1440, 900)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(200)
        for name, count in (("content", 4), ("style", 8)):
            samples, strip = f"#{name}-gallery button.thumbnail-item", page.locator(f"#{name}-gallery .grid-wrap")
            expect(page.locator(samples)).to_have_count(count)
            page.locator(samples).last.scroll_into_view_if_needed()
            assert page.evaluate(HIDDEN, samples) == 0, (name, width)
            assert strip.evaluate("(strip) => strip.scrollWidth <= strip.clientWidth"), (name, width)
    page.set_viewport_size({"width": 1280, "height": 720})


def test_a_box_that_is_emptied_is_asked_for(opened: Visitor) -> None:
    opened.says("Two pictures are chosen")
    opened.page.locator("#style button[aria-label*=lear], #style button[aria-label*=emove]").first.click()
    opened.says("Choose two pictures")
    opened.page.click("#style-gallery button.thumbnail-item >> nth=2")
    opened.says("Two pictures are chosen")


def test_results_are_called_by_their_paintings_which_come_back_with_them(visitor: Visitor) -> None:
    visitor.open(size=64, iterations=2, scales=1)
    cards = visitor.page.locator("#strip .card .bring")
    for painting in (1, 3):
        visitor.page.click(f"#style-gallery button.thumbnail-item >> nth={painting}")
        visitor.run()
        until(lambda: cards.count() == (painting + 1) // 2)  # noqa: B023
        visitor.finish()
    expect(cards.nth(0)).to_contain_text("Iris window")
    expect(cards.nth(1)).to_contain_text("Red sun breaker")
    window = picture(visitor, "style")
    cards.nth(1).click()
    until(lambda: picture(visitor, "style") != window)
    assert "woodcut_wave" in picture(visitor, "style")


@pytest.mark.slow
def test_a_size_set_while_a_preset_waits_is_the_next_runs(visitor: Visitor, jobs: Jobs) -> None:
    visitor.open(size=64, iterations=100_000, scales=1)
    visitor.run()
    visitor.painted(2)
    (job,) = jobs.going_on()
    visitor.page.click("text=Gatys with Adam")
    visitor.says("For the next Run", "#staged-note")
    visitor.fill("size", 80)
    visitor.says("applies at the next Run", "#message-picture")
    visitor.page.click("#run-these")
    until(lambda: job.ended)
    until(lambda: [(other.recipe.preset, other.recipe.size) for other in jobs.going_on()] == [("gatys-adam", 80)])
    visitor.page.click("#stop")
    visitor.finish()


def test_run_waits_for_the_answer_to_what_was_just_chosen(visitor: Visitor, jobs: Jobs) -> None:
    visitor.open(size=64, iterations=2, scales=1)
    visitor.says("Two pictures are chosen")
    known = len(jobs.known())
    late: list[Any] = []
    # a busy server, which answers when the test lets it
    visitor.page.route("**/run/predict*", lambda route: late.append(route))
    visitor.page.click("#style-gallery button.thumbnail-item >> nth=3")
    until(lambda: visitor.page.evaluate("1") and late)
    visitor.run()
    visitor.page.locator("#run").dispatch_event("click")  # a second press starts no second run
    expect(visitor.page.locator("#run")).to_have_attribute("aria-busy", "true")
    visitor.page.wait_for_timeout(500)
    assert len(jobs.known()) == known
    visitor.page.unroute("**/run/predict*")  # which lets them go on
    visitor.finish()
    (job,) = jobs.known()[known:]
    assert job.pictures.content is not None
    _, painting = samples_like(job.pictures.content, job.pictures.styles[0])
    assert painting is not None
    assert painting.name == "stained_glass"
    visitor.left_clean()


ELSEWHERE = {
    "load-recipe": ("studio", "#preset-note", "'notes.txt' is no recipe: give a JSON file"),
    "add-painting": ("studio", "#paintings-message", "The style picture 'notes.txt' is no picture"),
    "regions-load": ("studio", "#paintings-message", "map.* 'notes.txt' is no picture"),
    "any-open": ("instant", "#any-message", "'notes.txt' is no picture"),
    "styles-open": ("instant", "#styles-message", "'notes.txt' is no style's file"),
    "many-files": ("instant", "#many-status", ""),
    "train-photos": ("training", "#photos-note", "There is no photograph among these files"),
}
"""By what takes a file: its tab, and where and how one that it cannot use is answered."""


def test_every_other_box_answers_a_wrong_file_beside_it_too(browser: Browser, address: str, tmp_path: Path) -> None:
    text, large = tmp_path / "notes.txt", tmp_path / "large.png"
    text.write_text("nothing that one could paint")
    large.write_bytes(b"x" * (2**20 + 1))
    visitor = Visitor(browser, address, viewport={"width": 1366, "height": 768})
    page = visitor.page
    visitor.open(size=64)
    page.evaluate("gradio_config.max_file_size = 2 ** 20")
    page.click("#paintings > button")
    for name, (tab, answer, said) in ELSEWHERE.items():
        page.click(f"[data-tab-id={tab}]:visible")
        if name == "many-files":
            page.click("#many > button")
        box = page.locator(f"#{name}")
        expect(box).to_be_visible()
        chooser = box if name in ("many-files", "train-photos") else box.locator("xpath=..")
        given = chooser.locator("input[type=file]")
        given = given.first if given.count() == 1 else page.locator(f"input[type=file]:has(+ #{name})")
        given.set_input_files(large)
        expect(page.locator(".beside:visible")).to_contain_text("large.png has 2 MB, more than the 1 MB")
        given.set_input_files(text)
        expect(page.locator(".beside:visible")).to_have_count(0)
        if said:
            visitor.says(said, f"{answer} .error")
            expect(page.locator(f"{answer} .error")).to_have_count(1)
        else:  # judged when they are painted
            visitor.says(r"notes\s*\.txt", f"#{name}")
        expect(page.locator(".toast-body")).to_have_count(0)
    visitor.left_clean()
    visitor.context.close()
