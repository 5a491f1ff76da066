"""The page in a real browser: runs on real weights, steered and stopped as a person would."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from playground.images.load import read_recipe_text
from playground.images.save import save_picture
from playground.networks import catalogue
from playground.recipe.model import Change
from playground.recipe.parse import parse_recipe
from playground.recipe.presets import load_preset
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.system.progress import Report
from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor, box
from tests.helpers.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = NEEDS_CHROMIUM

GRACE = 10.0
QUICK = {"size": 64, "iterations": 6, "scales": 1}
ENDLESS = {"size": 64, "iterations": 100_000, "scales": 1}
LIMITS = Limits(grace_seconds=GRACE, runs_each=1)


def test_first_click_paints_and_leaves_files_that_carry_the_recipe(visitor: Visitor, tmp_path: Path) -> None:
    visitor.open(**QUICK)
    visitor.run()
    visitor.finish()
    visitor.says(r"done · 6 steps")
    recipes = {}
    for suffix in ("png", "jpg", "webp"):
        path = visitor.download(f"#save-{suffix}", tmp_path)
        with Image.open(path) as picture:
            assert max(picture.size) == 64
        recipes[suffix] = parse_recipe(read_recipe_text(path) or "")
    saved = parse_recipe(visitor.download("#save-recipe", tmp_path).read_text())
    assert saved == recipes["png"] == recipes["jpg"] == recipes["webp"]
    assert saved.plan is not None
    assert saved.plan[0].iterations == 6
    playwright.expect(visitor.page.locator("#before-after img").first).to_be_visible()
    visitor.says("Losses: content", "#summary")

    # the photo's colours, after the run and without another one
    visitor.page.click("#set-colours input")
    visitor.page.get_by_role("option", name="the photo's, over light and dark").click()
    until(lambda: parse_recipe(visitor.download("#save-recipe", tmp_path).read_text()).colours == "content")
    grey = Image.open(visitor.download("#save-png", tmp_path)).convert("RGB")
    assert grey.tobytes() != Image.open(tmp_path / "painted-default-0.webp").convert("RGB").tobytes()
    visitor.says("done · 6 steps")

    # the strip brings the recipe back after it was changed
    visitor.fill("seed", 7)
    visitor.page.click("#strip .bring")
    playwright.expect(visitor.page.locator("#set-seed input")).to_have_value("0")
    visitor.page.click("#use-as-content")
    visitor.left_clean()


def test_steering_pausing_resuming_and_stopping(visitor: Visitor, tmp_path: Path) -> None:
    visitor.open(**ENDLESS)
    visitor.run()
    visitor.painted(3)
    playwright.expect(visitor.page.locator("#preview img")).to_be_visible()
    visitor.page.get_by_role("button", name="Weighted", exact=True).click()
    before = visitor.loss("style")
    visitor.fill("style_weight", 1000)
    until(lambda: visitor.loss("style") > 20 * before)
    visitor.says("pulls 1 000× harder".replace(" 000", "\u202f000"), "#words-style_weight")
    visitor.fill("size", 96)
    visitor.says("applies at the next Run", "#message-picture")

    visitor.page.click("#pause")
    visitor.says("paused at step")
    stood_at = visitor.step()
    visitor.page.wait_for_timeout(700)
    assert visitor.step() == stood_at
    playwright.expect(visitor.page.locator("#pause")).to_have_text("Resume")
    playwright.expect(visitor.page.locator("#run")).to_have_text("Paused")
    visitor.page.click("#pause")
    visitor.painted(stood_at + 2)
    playwright.expect(visitor.page.locator("#run")).to_have_text("Running")

    visitor.page.click("#stop")
    visitor.finish()
    visitor.says(r"stopped · \d+ steps")
    recipe = parse_recipe(visitor.download("#save-recipe", tmp_path).read_text())
    assert recipe.size == 64
    assert [(change.key, change.value) for change in recipe.journal] == [("style_weight", 1000)]
    visitor.left_clean()


def test_layers_can_be_moved_while_it_runs(visitor: Visitor) -> None:
    visitor.open(**ENDLESS)
    visitor.page.get_by_role("button", name="Layers and losses").click()
    visitor.run()
    visitor.painted(2)
    visitor.page.get_by_role("button", name="Layers", exact=True).click()
    visitor.page.click("#pick-deep")
    visitor.says("style: conv4_1, conv4_2, conv4_3, conv5_1", "#layers-words")
    visitor.says("conv5_3", "#terms-chart .ends")
    visitor.page.click("#layers [data-list=content]")
    visitor.page.locator("[data-kind=content][data-layer=conv3_3]").fill("10")
    visitor.says("content: conv3_2, conv4_2, conv3_3", "#layers-words")
    visitor.says("content conv3_3", "#terms-chart .ends")
    visitor.page.get_by_role("tab", name="Tug").click()
    visitor.page.check("#wants-shares input")
    visitor.says(r"content \d+ %, style \d+ %.* % left over", "#shares")
    visitor.page.click("#stop")
    visitor.finish()
    visitor.left_clean()


def test_a_picture_made_here_restores_every_control(visitor: Visitor, tmp_path: Path) -> None:
    recipe = load_preset().changed(
        {
            **QUICK,
            "style_weight": 3e17,
            "learning_rate": 0.0123456789,
            "optimizer": "lbfgs",
            "init": "noise",
            "noise_scale": 0.31,
            "seed": 4_000_000_000,
            "style_size": 200,
            "style_layers": {"conv1_2": 1234.5, "conv3_3": 0.007},
            "journal": [Change(evaluation=2, key="content_weight", value=5.0)],
        }
    )
    path = tmp_path / "made.png"
    save_picture(Image.new("RGB", (64, 48), "teal"), path, recipe=recipe.to_json())
    visitor.open()
    _choose(visitor, path)
    visitor.says("replays 1 recorded change", "#journal-note")
    playwright.expect(visitor.page.locator("#set-seed input")).to_have_value("4000000000")
    # nothing is lost to a slider's range or a rounding
    saved = parse_recipe(visitor.download("#save-settings", tmp_path).read_text())
    assert saved == recipe
    visitor.page.click("#drop-journal")
    playwright.expect(visitor.page.locator("#journal")).to_be_hidden()
    assert parse_recipe(visitor.download("#save-settings", tmp_path).read_text()) == recipe.changed({"journal": []})

    plain = tmp_path / "plain.png"
    Image.new("RGB", (64, 48)).save(plain)
    _choose(visitor, plain)
    visitor.says("holds no recipe", "#preset-note")
    playwright.expect(visitor.page.locator("#set-seed input")).to_have_value("4000000000")
    visitor.left_clean()


def _choose(visitor: Visitor, path: Path) -> None:
    with visitor.page.expect_file_chooser() as chooser:
        visitor.page.click("#load-recipe")
    chooser.value.set_files(path)


@pytest.mark.slow
def test_two_people_run_side_by_side(browser: Browser, address: str, tmp_path: Path) -> None:
    people = [Visitor(browser, address), Visitor(browser, address)]
    sizes = (64, 80)
    for person, size in zip(people, sizes, strict=True):
        person.open(**{**ENDLESS, "size": size, "seed": size})
    for person in people:
        person.run()
    for person in people:
        person.painted(2)
    people[0].page.click("#stop")
    people[0].finish()
    went_on = people[1].step()
    people[1].painted(went_on + 1)
    people[1].page.click("#stop")
    people[1].finish()
    for person, size in zip(people, sizes, strict=True):
        folder = tmp_path / str(size)
        folder.mkdir()
        path = person.download("#save-png", folder)
        with Image.open(path) as saved:
            assert max(saved.size) == size
        assert parse_recipe(read_recipe_text(path) or "").seed == size
        person.left_clean()
        person.context.close()


@pytest.mark.slow  # test_access.py presses the keys in every run
def test_keyboard(visitor: Visitor) -> None:
    visitor.open(**ENDLESS)
    visitor.page.focus("#set-seed input")
    visitor.page.keyboard.press("r")
    run = visitor.page.locator("#run")
    playwright.expect(run).to_have_text(
        re.compile(r"^\s*Run \(\d.*\)\s*$")
    )  # no run: it only says that it would take long
    visitor.page.evaluate("document.activeElement.blur()")
    visitor.page.keyboard.press("r")
    visitor.painted(1)
    visitor.page.keyboard.press("p")
    visitor.says("paused at step")
    visitor.page.keyboard.press(" ")
    visitor.says("steps/s")
    visitor.page.keyboard.press("Escape")
    visitor.finish()
    visitor.left_clean()


def test_nothing_overflows_and_run_is_in_reach_in_any_window(browser: Browser, address: str) -> None:
    visitor = Visitor(browser, address, viewport={"width": 390, "height": 844}, color_scheme="dark")
    visitor.open(**QUICK)
    for width in (390, 1024, 1440):
        visitor.page.set_viewport_size({"width": width, "height": 844})
        visitor.page.wait_for_timeout(200)
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width
        button = box(visitor.page.locator("#run"))
        assert 0 <= button["y"] <= 844 - button["height"], width
        if width == 390:  # the picture on top, the sources below it
            tops = [box(visitor.page.locator(f"#{name}"))["y"] for name in ("easel", "content", "under")]
            assert tops == sorted(tops)
    visitor.left_clean()
    visitor.context.close()


def test_mistakes_are_told_where_they_were_made(visitor: Visitor, tmp_path: Path) -> None:
    visitor.open(**QUICK)
    junk = tmp_path / "junk.png"
    junk.write_bytes(b"not a picture at all")
    visitor.page.set_input_files("#style input[type=file]", junk)
    visitor.says("style picture|junk", "#style-message")
    visitor.run()
    visitor.says("style picture|junk", "#style-message")
    playwright.expect(visitor.page.locator("#run")).to_be_enabled()
    visitor.page.click("#style-gallery button.thumbnail-item >> nth=1")
    playwright.expect(visitor.page.locator("#style-message p")).to_have_count(0)
    visitor.fill("iterations", -3)
    visitor.says("Iterations: -3 is too small", "#set-iterations")
    playwright.expect(visitor.page.locator("#set-iterations input")).to_have_value(str(QUICK["iterations"]))
    playwright.expect(visitor.page.locator("#set-size input[type=number]")).to_have_value("64")
    visitor.fill("iterations", 2)
    visitor.run()
    visitor.finish()


def test_a_network_that_is_not_here_is_offered_and_replaced_in_words(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = catalogue.is_available, set[str]()
    monkeypatch.setattr(catalogue, "is_available", lambda name: name in there or (name == "vgg16-hed" and here(name)))
    monkeypatch.setattr("playground.networks.fetch.fetch", lambda name, report: there.add(name))
    monkeypatch.setattr("playground.service.downloads.load_network", lambda *_: None)  # 575 MB that no test downloads
    visitor.open()
    visitor.page.click("text=Gatys with Adam")
    visitor.says("made for vgg19-imagenet, which is not on this machine", "#network-note")
    visitor.says(r"Download vgg19-imagenet \(575 MB\)", "#fetch")
    visitor.page.get_by_role("button", name="Network").click()
    network = visitor.page.locator("#set-network input")
    playwright.expect(network).to_have_value("vgg16-hed")
    visitor.page.click("#fetch")
    visitor.says("vgg19-imagenet is here now", "#preset-note")
    playwright.expect(network).to_have_value("vgg19-imagenet")

    # chosen by hand it is never replaced: Run says what is missing, and a download keeps what was set
    there.clear()
    visitor.open(**QUICK)
    visitor.page.get_by_role("button", name="Network").click()
    network.click()
    visitor.page.get_by_role("option", name="vgg16-imagenet").click()
    visitor.says("vgg16-imagenet is not on this machine: download it", "#network-note")
    visitor.fill("seed", 5)
    visitor.run()
    visitor.says("vgg16-imagenet is not on this machine", "#run-message")
    visitor.page.click("#fetch")
    playwright.expect(visitor.page.locator("#fetch")).to_be_hidden()
    playwright.expect(network).to_have_value("vgg16-imagenet")
    playwright.expect(visitor.page.locator("#set-seed input")).to_have_value("5")


def downloads_wait(monkeypatch: pytest.MonkeyPatch, megabytes: int) -> threading.Event:
    """No network is here, and a download stands at so many of 55 MB until this event is set."""
    there, go_on = set[str](), threading.Event()

    def fetch(name: str, report: Report) -> None:
        report(f"Downloading vgg16-hed: {megabytes} of 55 MB", megabytes / 55)
        assert go_on.wait(30)
        there.add(name)

    monkeypatch.setattr(catalogue, "is_available", lambda name: name in there)
    monkeypatch.setattr("playground.networks.fetch.fetch", fetch)
    return go_on


def test_without_any_network_the_page_opens_and_fetches_it(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = downloads_wait(monkeypatch, 20)
    visitor.open()
    visitor.says("vgg16-hed is not on this machine yet", "#banner")
    visitor.page.click("#banner-button")
    visitor.says("20 of 55 MB", "#banner")
    go_on.set()
    playwright.expect(visitor.page.locator("#banner")).to_be_hidden()
    visitor.left_clean()


def test_a_download_that_is_on_its_way_is_shown(visitor: Visitor, jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = downloads_wait(monkeypatch, 30)
    jobs.downloads.fetch("vgg16-hed")
    visitor.open()
    visitor.says("30 of 55 MB", "#banner")
    go_on.set()
    playwright.expect(visitor.page.locator("#banner")).to_be_hidden()


def test_a_link_opens_the_page_as_it_is(visitor: Visitor) -> None:
    visitor.open(size=80, style_weight=7.5)
    visitor.fill("seed", 11)
    visitor.page.click("#copy-link")
    playwright.expect(visitor.page.locator("#link input, #link textarea")).to_have_value(re.compile("^http.*recipe="))
    link = visitor.page.locator("#link input, #link textarea").input_value()
    visitor.page.goto(link)
    for field, value in {"size": "80", "style_weight": "7.5", "seed": "11"}.items():
        playwright.expect(visitor.page.locator(f"#set-{field} input[type=number]")).to_have_value(value)
    visitor.page.goto(f"{visitor.address}?preset=default&recipe=%%%cut-off")
    visitor.says("could not be followed", "#preset-note")
